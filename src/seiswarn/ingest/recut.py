"""Cutting stored samples into packets of telemetry length, and the order in which they come.

Shared by archive replay and synthetic earthquakes. Event times are never edited: a packet
carries the time of the stored record that holds its first sample.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seiswarn.blocks import DTYPES
from seiswarn.errors import UsageError
from seiswarn.ingest.miniseed import Record
from seiswarn.messages import PacketBlock, SampleType, Status
from seiswarn.stations import station_of
from seiswarn.timebase import MS, NS, from_seconds

I64 = npt.NDArray[np.int64]
_Plan = tuple[I64, I64, I64, I64]
STEP_NS = 20 * MS  # length of a slice when nobody says
_AT_ONCE = 1 << 16  # packets whose samples are gathered at a time: bounds the memory


@dataclass(frozen=True, slots=True)
class UniformLatency:
    """A latency drawn for each packet between `low_s` and `high_s`, the same again for the same `seed`.

    A packet that would overtake the one before it on its channel waits for it, as in a TCP stream.
    """

    low_s: float
    high_s: float
    seed: int = 1

    def draw(self, channel: str, n: int, t0_ns: int) -> I64:
        """(n,) latencies in ns of the packets of a stretch of `channel` that begins at `t0_ns`."""
        rng = np.random.default_rng((self.seed, zlib.crc32(channel.encode()), t0_ns))
        drawn: I64 = rng.integers(from_seconds(self.low_s), from_seconds(self.high_s), n, endpoint=True)
        return drawn


# Seconds, or a function of the station code, or drawn for each packet.
Latency = float | Callable[[str], float] | UniformLatency


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
    stretches: Sequence[Stretch],
    packet_s: float | None,
    latency: Latency,
    status: Status,
    step_ns: int = STEP_NS,
) -> Iterator[PacketBlock]:
    """Packets of all stretches in order of (`t_seen_ns`, channel, `t0_ns`), in blocks.

    A packet is seen at its last sample plus its latency, usually that of its station. Cuts are
    counted from the first sample of each stretch, not on a common grid: stations whose recordings
    began at different moments then also send at different moments, as real ones do. The last packet
    of a stretch may be shorter. `packet_s` None gives the records as stored.

    All packets of a block are seen within one slice of `step_ns`, and are of one sample type.

    Raises
    ------
    UsageError
        When `packet_s` is not positive or a latency is negative or not finite.
    """
    if packet_s is not None and not 0.0 < packet_s < float("inf"):
        raise UsageError(f"packet length must be a positive number of seconds, not {packet_s}")
    names = sorted({s.channel for s in stretches})
    rank = {name: i for i, name in enumerate(names)}
    if isinstance(latency, UniformLatency):
        if not 0.0 <= latency.low_s <= latency.high_s < float("inf"):
            raise UsageError(f"latency cannot lie between {latency.low_s} and {latency.high_s} s")
        plans = [_jittered(s, _plan(s, packet_s, 0), latency) for s in stretches]
    else:
        delay_ns = {name: _latency_ns(latency, name) for name in names}
        plans = [_plan(s, packet_s, delay_ns[s.channel]) for s in stretches]
    if not plans:
        return iter(())
    t_seen, t0, begin, end = (np.concatenate(column) for column in zip(*plans, strict=True))
    counts = [len(p[0]) for p in plans]
    owner = np.repeat(np.arange(len(stretches)), counts)
    channel = np.repeat(np.array([rank[s.channel] for s in stretches]), counts)
    order = np.lexsort((t0, channel, t_seen))
    rows = _Rows(*(column[order] for column in (owner, t_seen, t0, begin, end)))
    return _blocks(stretches, rows, status, step_ns)


def _latency_ns(latency: float | Callable[[str], float], channel: str) -> int:
    value = latency(station_of(channel)) if callable(latency) else latency
    if not 0.0 <= value < float("inf"):
        raise UsageError(f"latency of {station_of(channel)} must be zero or more seconds, not {value}")
    return from_seconds(value)


def _jittered(s: Stretch, plan: _Plan, latency: UniformLatency) -> _Plan:
    """The plan of a stretch with a latency for each packet, in order."""
    seen, t0, begin, end = plan
    late = seen + latency.draw(s.channel, len(seen), int(s.times_ns[0]))
    return np.maximum.accumulate(late), t0, begin, end


def _plan(s: Stretch, packet_s: float | None, delay_ns: int) -> _Plan:
    """When seen, first sample time, first and past-the-end sample of each packet of a stretch."""
    n = s.n_samples
    if packet_s is None:
        begin = s.starts
    else:
        begin = np.arange(0, n, max(1, round(packet_s * s.rate_hz)), dtype=np.int64)
    end = np.append(begin[1:], n)
    t0 = s.time_of(begin)
    t_last = t0 + np.rint((end - 1 - begin) * (NS / s.rate_hz)).astype(np.int64)
    return t_last + delay_ns, t0, begin, end


class _Rows(NamedTuple):
    """Packets in the order in which they are seen: columns (n,), `owner` the index of the stretch."""

    owner: I64
    t_seen_ns: I64
    t0_ns: I64
    begin: I64
    end: I64


def _blocks(stretches: Sequence[Stretch], rows: _Rows, status: Status, step_ns: int) -> Iterator[PacketBlock]:
    """One block per slice and sample type."""
    kinds = sorted({s.dtype for s in stretches})
    kind = np.array([kinds.index(s.dtype) for s in stretches])[rows.owner]
    ends = -(-rows.t_seen_ns // step_ns)
    breaks = np.flatnonzero((ends[1:] != ends[:-1]) | (kind[1:] != kind[:-1])) + 1
    edges = np.concatenate(([0], breaks, [len(ends)]))
    first = 0
    while first < len(edges) - 1:
        # As many whole blocks as come to `_AT_ONCE` packets, at least one.
        last = int(np.searchsorted(edges, edges[first] + _AT_ONCE, side="right")) - 1
        last = max(last, first + 1)
        yield from _gathered(
            stretches, _Rows(*(c[edges[first] : edges[last]] for c in rows)), edges[first : last + 1], status
        )
        first = last


def _gathered(stretches: Sequence[Stretch], rows: _Rows, edges: I64, status: Status) -> Iterator[PacketBlock]:
    """The blocks between `edges` (n + 1,), which begin at the first of `rows`."""
    count = rows.end - rows.begin
    samples, offsets = _samples(stretches, rows, count)
    channels = np.array([s.channel for s in stretches], dtype=object)[rows.owner].tolist()
    rate = np.array([s.rate_hz for s in stretches])[rows.owner].astype("<f8").tobytes()
    t0, seen = rows.t0_ns.astype("<i8").tobytes(), rows.t_seen_ns.astype("<i8").tobytes()
    n_samples = count.astype("<i4").tobytes()
    cuts = (edges - edges[0]).tolist()
    places = offsets[edges - edges[0]].tolist()
    dtypes = [stretches[k].dtype for k in rows.owner[edges[:-1] - edges[0]].tolist()]
    for k, dtype in enumerate(dtypes):
        a, b = cuts[k], cuts[k + 1]
        yield PacketBlock(
            channels=tuple(channels[a:b]),
            t0_ns=t0[8 * a : 8 * b],
            t_seen_ns=seen[8 * a : 8 * b],
            rate_hz=rate[8 * a : 8 * b],
            n_samples=n_samples[4 * a : 4 * b],
            samples=samples[places[k] : places[k + 1]],
            dtype=dtype,
            status=status,
        )


def _samples(stretches: Sequence[Stretch], rows: _Rows, count: I64) -> tuple[bytes, I64]:
    """The samples of `rows` (n,) end to end, and the byte offsets (n + 1,) of the rows."""
    width = np.array([_width(s.dtype) for s in stretches])[rows.owner]
    offsets = np.zeros(len(count) + 1, dtype=np.int64)
    np.cumsum(count * width, out=offsets[1:])
    out = np.empty(int(offsets[-1]), dtype=np.uint8)
    for dtype in sorted({s.dtype for s in stretches}):
        whole = np.flatnonzero([s.dtype == dtype for s in stretches])
        mine = np.flatnonzero(np.isin(rows.owner, whole))
        if not len(mine):
            continue
        # The part of each stretch that is needed here, end to end, and where each packet is in it.
        owner, begin, end = rows.owner[mine], rows.begin[mine], rows.end[mine]
        low = np.full(len(stretches), np.iinfo(np.int64).max)
        high = np.zeros(len(stretches), dtype=np.int64)
        np.minimum.at(low, owner, begin)
        np.maximum.at(high, owner, end)
        used = np.unique(owner)
        parts = [np.frombuffer(stretches[k].samples, DTYPES[dtype])[low[k] : high[k]] for k in used.tolist()]
        shift = np.zeros(len(stretches), dtype=np.int64)
        shift[used] = np.cumsum([0] + [len(p) for p in parts[:-1]]) - low[used]
        n = count[mine]
        within = np.arange(int(n.sum())) - np.repeat(np.cumsum(n) - n, n)
        picked = np.concatenate(parts)[np.repeat(begin + shift[owner], n) + within]
        if len(mine) == len(count):
            return picked.tobytes(), offsets
        place = np.repeat(offsets[mine], n * picked.itemsize)
        step = np.arange(picked.nbytes) - np.repeat((np.cumsum(n) - n) * picked.itemsize, n * picked.itemsize)
        out[place + step] = picked.view(np.uint8)
    return out.tobytes(), offsets
