"""Cutting stored samples into packets of telemetry length, and the order in which they come.

Shared by archive replay and synthetic earthquakes. Event times are never edited: a packet
carries the time of the stored record that holds its first sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seiswarn.errors import UsageError
from seiswarn.ingest.miniseed import Record
from seiswarn.messages import Packet, SampleType, Status
from seiswarn.stations import station_of
from seiswarn.timebase import NS, from_seconds

I64 = npt.NDArray[np.int64]
Latency = float | Callable[[str], float]  # seconds, or a function of the station code


@dataclass(frozen=True, slots=True)
class Stretch:
    """Gapless samples of one channel, with the place and time of each record they were stored in.

    `starts` (n_rec,) are sample indices of the records' first samples, `times_ns` (n_rec,) their times.
    """

    channel: str
    rate_hz: float
    dtype: SampleType
    samples: bytes
    starts: I64
    times_ns: I64

    @property
    def n_samples(self) -> int:
        return len(self.samples) // _width(self.dtype)

    def time_of(self, index: I64) -> I64:
        """(n,) times in ns of the samples `index` (n,), counted from the record each is stored in."""
        record = np.searchsorted(self.starts, index, side="right") - 1
        since = np.rint((index - self.starts[record]) * (NS / self.rate_hz)).astype(np.int64)
        times: I64 = self.times_ns[record] + since
        return times


def _width(dtype: SampleType) -> int:
    return 8 if dtype == "f8" else 4


def merge_records(records: Iterable[Record]) -> list[Stretch]:
    """Join records that continue each other to within half a sample.

    Records are taken channel by channel in order of time. Gaps, overlaps, duplicates, a change of
    rate or of sample type begin a new stretch: nothing is dropped or filled, the waveform stage
    judges continuity.
    """
    ordered = sorted(records, key=lambda r: (r.channel, r.t0_ns))
    stretches: list[Stretch] = []
    run: list[Record] = []
    for record in ordered:
        if run and not _continues(run[-1], record):
            stretches.append(_join(run))
            run = []
        run.append(record)
    if run:
        stretches.append(_join(run))
    return stretches


def _continues(a: Record, b: Record) -> bool:
    if a.channel != b.channel or a.rate_hz != b.rate_hz or a.dtype != b.dtype:
        return False
    period_ns = NS / a.rate_hz
    return abs(b.t0_ns - a.t0_ns - a.n_samples * period_ns) <= 0.5 * period_ns


def _join(run: Sequence[Record]) -> Stretch:
    counts = np.array([0] + [r.n_samples for r in run[:-1]], dtype=np.int64)
    return Stretch(
        channel=run[0].channel,
        rate_hz=run[0].rate_hz,
        dtype=run[0].dtype,
        samples=b"".join([r.samples for r in run]),
        starts=np.cumsum(counts),
        times_ns=np.array([r.t0_ns for r in run], dtype=np.int64),
    )


def cut(
    stretches: Sequence[Stretch], packet_s: float | None, latency: Latency, status: Status
) -> Iterator[Packet]:
    """Packets of all stretches in order of (`t_seen_ns`, channel, `t0_ns`).

    A packet is seen at its last sample plus the latency of its station. Cuts are counted from the
    first sample of each stretch, not on a common grid: stations whose recordings began at
    different moments then also send at different moments, as real ones do. The last packet of a
    stretch may be shorter. `packet_s` None gives the records as stored.

    Raises
    ------
    UsageError
        When `packet_s` is not positive or a latency is negative or not finite.
    """
    if packet_s is not None and not 0.0 < packet_s < float("inf"):
        raise UsageError(f"packet length must be a positive number of seconds, not {packet_s}")
    names = sorted({s.channel for s in stretches})
    rank = {name: i for i, name in enumerate(names)}
    delay_ns = {name: _latency_ns(latency, name) for name in names}
    blocks = [_plan(s, packet_s, delay_ns[s.channel]) for s in stretches]
    if not blocks:
        return iter(())
    t_seen, t0, begin, end = (np.concatenate(column) for column in zip(*blocks, strict=True))
    counts = [len(b[0]) for b in blocks]
    owner = np.repeat(np.arange(len(stretches)), counts)
    channel = np.repeat(np.array([rank[s.channel] for s in stretches]), counts)
    order = np.lexsort((t0, channel, t_seen))
    rows = [column[order].tolist() for column in (owner, t_seen, t0, begin, end)]
    return _packets(stretches, rows, status)


def _latency_ns(latency: Latency, channel: str) -> int:
    value = latency(station_of(channel)) if callable(latency) else latency
    if not 0.0 <= value < float("inf"):
        raise UsageError(f"latency of {station_of(channel)} must be zero or more seconds, not {value}")
    return from_seconds(value)


def _plan(s: Stretch, packet_s: float | None, delay_ns: int) -> tuple[I64, I64, I64, I64]:
    """When seen, first sample time, first and past-the-end byte of each packet of a stretch."""
    n = s.n_samples
    if packet_s is None:
        begin = s.starts
    else:
        begin = np.arange(0, n, max(1, round(packet_s * s.rate_hz)), dtype=np.int64)
    end = np.append(begin[1:], n)
    t0 = s.time_of(begin)
    t_last = t0 + np.rint((end - 1 - begin) * (NS / s.rate_hz)).astype(np.int64)
    width = _width(s.dtype)
    return t_last + delay_ns, t0, begin * width, end * width


def _packets(stretches: Sequence[Stretch], rows: list[list[int]], status: Status) -> Iterator[Packet]:
    columns = [(s.channel, s.rate_hz, s.dtype, s.samples) for s in stretches]
    for owner, t_seen, t0, begin, end in zip(*rows, strict=True):
        channel, rate, dtype, samples = columns[owner]
        yield Packet(
            channel=channel,
            t0_ns=t0,
            rate_hz=rate,
            samples=samples[begin:end],
            dtype=dtype,
            t_seen_ns=t_seen,
            status=status,
        )
