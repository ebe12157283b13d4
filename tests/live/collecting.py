"""What tests do with a live source: start a server of known contents, collect what arrives, count."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from live import serving
from seiswarn.ingest.live import Received
from seiswarn.ingest.miniseed import Record, parse_records
from seiswarn.ingest.seedlink import SeedLinkSource, Server
from seiswarn.runtime.live_clock import WallClock

SERVING = Path(serving.__file__)


class Serving:
    """The server process; `first_seq` and `from_k` say what its ring holds when it starts again."""

    def __init__(self, epoch_ns: int, *, before: tuple[str, ...] = (), **options: object) -> None:
        self.epoch_ns, self.options, self.before = epoch_ns, options, before
        self.port = int(str(options.pop("port", 0)))
        self.host = str(options.get("host", "127.0.0.1"))
        self.process: subprocess.Popen[str] | None = None

    def start(self, **changes: object) -> Serving:
        given = {**self.options, **changes, "port": self.port, "epoch": self.epoch_ns}
        words = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
        self.process = subprocess.Popen(
            [*self.before, sys.executable, str(SERVING), *words], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline().split()
        assert said[:1] == ["open"], "the server did not start"
        self.port = int(said[1])
        return self

    def signal(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None


class Collecting:
    """A source whose records are taken at once and called safe at once, as by a core that keeps up."""

    def __init__(self, servers: list[Server], states: Path | None = None) -> None:
        self.source = SeedLinkSource(servers, WallClock(), states)
        self.received: list[tuple[float, Received]] = []
        self.seen_states: list[tuple[float, str, str]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._collect, daemon=True)

    def __enter__(self) -> Collecting:
        self.source.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.source.close()

    def _collect(self) -> None:
        while not self._stop.wait(0.01):
            records, _ = self.source.take()
            now = time.time()
            self.received += [(now, r) for r in records]
            self.source.safe({r.stream: r.seq for r in records})
            for link in self.source.links():
                if not self.seen_states or self.seen_states[-1][1:] != (link.state, link.detail):
                    self.seen_states.append((now, link.state, link.detail))

    def wait_for(self, condition: Callable[[], bool], timeout_s: float) -> None:
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, f"waited {timeout_s} s in vain; states: {self.seen_states[-5:]}"
            time.sleep(0.02)

    def packets(self, epoch_ns: int) -> dict[str, Counter[int]]:
        """How often each packet of each station has come whole and with the right samples."""
        found: dict[str, Counter[int]] = {}
        for _, r in list(self.received):
            for item in parse_records(r.payload):
                if not isinstance(item, Record):
                    continue
                name = item.channel.split("_")[1]
                k = round((item.t0_ns - epoch_ns) / (serving.PACKET_S * serving.NS))
                assert np.array_equal(np.frombuffer(item.samples, "<i4"), serving.samples(name, k))
                found.setdefault(name, Counter())[k] += 1
        return found

    def last_k(self, epoch_ns: int) -> int:
        """The last packet that has come of every station."""
        return min((max(counts) for counts in self.packets(epoch_ns).values()), default=-1)

    def first_k(self, epoch_ns: int) -> int:
        """The first packet that should have come of every station.

        A station begins with what is new when it is asked for: within a connection one a packet later than
        another.
        """
        self.wait_for(lambda: self.last_k(epoch_ns) > 0, 20.0)
        time.sleep(2.0 * serving.PACKET_S)
        return max(min(counts) for counts in self.packets(epoch_ns).values())


def whole(counts: Counter[int], from_k: int, to_k: int, but: tuple[int, ...] = ()) -> None:
    """Assert that packets `from_k` to `to_k` came exactly once each, except those left out on purpose."""
    expected = {k: 1 for k in range(from_k, to_k + 1) if k not in but}
    got = {k: n for k, n in counts.items() if from_k <= k <= to_k}
    assert got == expected


STOP, GO = signal.SIGSTOP, signal.SIGCONT
