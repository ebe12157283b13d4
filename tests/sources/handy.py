"""A clock the test turns by hand, records of known contents, and waiting with a limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from seiswarn.ingest.live import LiveSource, Received, Refused
from seiswarn.ingest.miniseed import Record, parse_records
from seiswarn.ingest.pack import SourcePacker

NS = 1_000_000_000
T0 = 1_700_000_000 * NS


class HandClock:
    """Times as the test sets them."""

    def __init__(self, now_ns: int = T0, mono_s: float = 100.0) -> None:
        self.ns, self.s = now_ns, mono_s

    def now_ns(self) -> int:
        return self.ns

    def monotonic_s(self) -> float:
        return self.s

    def sleep(self, seconds: float) -> None:
        self.s += seconds


def record(k: int, channel: str = "FDSN:XX_AAA_00_H_N_Z", n: int = 50) -> bytes:
    """Record `k` of a channel: half a second at 100 Hz, its samples made of `k`."""
    samples = np.random.default_rng(k).integers(-5000, 5000, n).astype(np.int32)
    (packed,) = SourcePacker().pack(channel, T0 + k * NS // 2, 100.0, samples, "i4")
    return packed


def decoded(received: Sequence[Received]) -> list[Record]:
    items = [item for r in received for item in parse_records(r.payload)]
    assert all(isinstance(item, Record) for item in items)
    return items


class Taking:
    """Everything a source hands over, taken again and again."""

    def __init__(self, source: LiveSource, *, safe: bool = True) -> None:
        self.source, self._safe = source, safe
        self.records: list[Received] = []
        self.refused: list[Refused] = []

    def take(self) -> None:
        records, refused = self.source.take()
        self.records += records
        self.refused += refused
        if self._safe:
            self.source.safe({r.stream: r.seq for r in records if r.seq})

    def until(self, condition: Callable[[], bool], within_s: float = 10.0) -> None:
        end = time.monotonic() + within_s
        while True:
            self.take()
            if condition():
                return
            said = [(link.state, link.detail) for link in self.source.links()]
            assert time.monotonic() < end, f"waited {within_s} s in vain: {said}"
            time.sleep(0.01)

    @property
    def payloads(self) -> list[bytes]:
        return [r.payload for r in self.records]
