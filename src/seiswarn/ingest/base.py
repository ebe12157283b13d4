"""What every source is, and the doorkeeper all packets pass.

A source turns something outside into `Packet` messages (and `DataError` where it met something
it could not use). The doorkeeper checks each packet against the station table before anything
else sees it. Both know no clock: "now" is the packet's own `t_seen_ns`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, ClassVar, NamedTuple, Protocol

import msgspec
import numpy as np
import numpy.typing as npt
from numba import njit

import seiswarn.jit  # noqa: F401 - says where compiled kernels are kept
from seiswarn.blocks import blocks_of, packets_of, take
from seiswarn.ingest.tally import Tally
from seiswarn.messages import DataError, Packet, PacketBlock, SampleType, Status
from seiswarn.reasons import Reason
from seiswarn.stations import (
    UNIT_ACCELERATION,
    UNIT_DISPLACEMENT,
    UNIT_VELOCITY,
    Refusal,
    StationTable,
)
from seiswarn.timebase import NS, from_seconds, iso, sample_offset_ns

MIN_RATE_HZ = 0.001  # a sample every 17 minutes is no telemetry of ground motion either
MAX_RATE_HZ = 1000.0  # above any seismic telemetry; a bit error in the rate fields lands here
_NUMPY: dict[SampleType, np.dtype[np.generic]] = {
    "i4": np.dtype("<i4"),
    "f4": np.dtype("<f4"),
    "f8": np.dtype("<f8"),
}
I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
F64 = npt.NDArray[np.float64]
B1 = npt.NDArray[np.bool_]
_I8, _F8, _I4 = np.dtype("<i8"), np.dtype("<f8"), np.dtype("<i4")
_SLOP_NS = 4096.0  # of times as float64, 256 ns near the present: who is that close is looked at exactly

Item = PacketBlock | DataError


class Sealed(NamedTuple):
    """What was seen within one slice, not looked at before its time has come.

    `t_seen_ns` is the end of the slice; `open` gives the blocks and errors.
    """

    t_seen_ns: int
    open: Callable[[], list[Item]]


class Source(Protocol):
    """Anything packets come from."""

    NAME: ClassVar[str]
    NEEDS: ClassVar[str]
    VALID: ClassVar[str]
    REFERENCE: ClassVar[str]
    VERIFIED: ClassVar[bool]

    def blocks(self) -> Iterator[Item | Sealed]:
        """In order of `t_seen_ns`."""
        ...


def as_errors(refusals: Iterable[Refusal], t_seen_ns: int, status: Status) -> tuple[DataError, ...]:
    """Refusals of files and metadata as messages, counted per subject and reason."""
    counted = Counter((r.subject, r.reason) for r in refusals)
    details = {(r.subject, r.reason): r.detail for r in reversed(list(refusals))}
    return tuple(
        DataError(
            t_seen_ns=t_seen_ns,
            subject=subject,
            reason=reason,
            detail=details[subject, reason],
            count=count,
            status=status,
        )
        for (subject, reason), count in counted.items()
    )


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the doorkeeper lets in."""

    future_tolerance_s: Annotated[
        float,
        msgspec.Meta(ge=0.0, description="how far the last sample may lie after the time it was seen"),
    ] = 10.0
    max_age_s: Annotated[
        float | None,
        msgspec.Meta(description="oldest first sample let in, before the time it was seen; null: any"),
    ] = None
    report_interval_s: Annotated[
        float,
        msgspec.Meta(gt=0.0, description="least time between two messages on one subject and reason"),
    ] = 10.0
    max_acceleration_mps2: Annotated[
        float,
        # Largest recorded peaks are near 40 m/s^2 (Iwate-Miyagi 2008, IWTH25); ten times that
        # cannot be ground motion.
        msgspec.Meta(gt=0.0, description="larger accelerations are no ground motion"),
    ] = 500.0
    max_velocity_mps: Annotated[
        float, msgspec.Meta(gt=0.0, description="larger velocities are no ground motion")
    ] = 50.0
    max_displacement_m: Annotated[
        float, msgspec.Meta(gt=0.0, description="larger displacements are no ground motion")
    ] = 100.0


class Doorkeeper:
    """Lets packets in or declines them with a named reason, counting and saying so.

    Deterministic: depends on the packets and their `t_seen_ns` alone.
    """

    def __init__(self, table: StationTable, status: Status, params: Params | None = None) -> None:
        self.params = params or Params()
        self.status = status
        self._tally = Tally(status, from_seconds(self.params.report_interval_s))
        self._future_ns = from_seconds(self.params.future_tolerance_s)
        age = self.params.max_age_s
        self._max_age_ns = None if age is None else from_seconds(age)
        limits = {
            UNIT_ACCELERATION: self.params.max_acceleration_mps2,
            UNIT_VELOCITY: self.params.max_velocity_mps,
            UNIT_DISPLACEMENT: self.params.max_displacement_m,
        }
        self._limit_counts = {
            name: limits[int(table.ch_unit[i])] * abs(float(table.ch_gain[i]))
            for i, name in enumerate(table.channels)
        }
        self._knows = self._limit_counts.__contains__
        self._lowest = min(self._limit_counts.values(), default=0.0)
        self.warm()

    def warm(self) -> None:
        """Compile or load the kernel, so that the first packet does not have to wait for it."""
        self._suspects(blocks_of([Packet(channel="", t0_ns=0, rate_hz=0.0, samples=b"", t_seen_ns=0)])[0])

    def check(self, packet: Packet) -> Reason | None:
        """Why this packet may not come in; None when it may. Changes nothing."""
        if packet.status != self.status:
            return Reason.STATUS_MISMATCH
        limit = self._limit_counts.get(packet.channel)
        if limit is None:
            return Reason.UNKNOWN_CHANNEL
        if not MIN_RATE_HZ <= packet.rate_hz <= MAX_RATE_HZ:
            return Reason.BAD_RATE
        if len(packet.samples) % _sample_bytes(packet):
            return Reason.CORRUPT_RECORD
        n = packet.n_samples
        if n == 0:
            return Reason.EMPTY
        last_ns = packet.t0_ns + sample_offset_ns(n - 1, packet.rate_hz)
        if last_ns > packet.t_seen_ns + self._future_ns:
            return Reason.CLOCK_FUTURE
        if packet.t0_ns < 0 or (
            self._max_age_ns is not None and packet.t0_ns < packet.t_seen_ns - self._max_age_ns
        ):
            return Reason.CLOCK_ANCIENT
        return None if _plausible(packet, limit) else Reason.IMPLAUSIBLE

    def admit_block(
        self, block: PacketBlock, now_ns: int | None = None
    ) -> tuple[PacketBlock | None, list[DataError]]:
        """What is let in of a block (itself when that is all), and what is to be said about the rest.

        The same as `check` for each packet. `now_ns` is the time to give when a block cannot be
        read at all, and with it the time it was seen.
        """
        try:
            suspects = self._suspects(block)
        except ValueError as problem:
            if now_ns is None:
                now_ns = int.from_bytes(block.t_seen_ns[:8], "little", signed=True)
            subject = block.channels[0] if block.channels else ""
            said = self.refuse(now_ns, subject, Reason.CORRUPT_RECORD, str(problem))
            return None, [] if said is None else [said]
        if suspects is None:
            return block, []
        errors: list[DataError] = []
        keep = np.ones(len(block.channels), dtype=np.bool_)
        for k, packet in zip(suspects.tolist(), packets_of(take(block, suspects)), strict=True):
            reason = self.check(packet)
            if reason is None:
                continue
            keep[k] = False
            error = self.refuse(packet.t_seen_ns, packet.channel, reason, _detail(packet, reason))
            if error is not None:
                errors.append(error)
        kept = np.flatnonzero(keep)
        return (take(block, kept) if len(kept) else None), errors

    def _suspects(self, block: PacketBlock) -> I64 | None:
        """Rows that may have to be refused; None when there are none. Raises ValueError."""
        n = len(block.channels)
        if n == 0:
            return None
        t0, seen = np.frombuffer(block.t0_ns, _I8), np.frombuffer(block.t_seen_ns, _I8)
        rate, count = np.frombuffer(block.rate_hz, _F8), np.frombuffer(block.n_samples, _I4)
        samples = np.frombuffer(block.samples, _NUMPY[block.dtype]) if block.samples else np.empty(0)
        if not len(t0) == len(seen) == len(rate) == len(count) == n:
            raise ValueError(f"columns of a block of {n} packets differ in length")
        suspect = np.empty(n, dtype=np.bool_)
        age = math.inf if self._max_age_ns is None else float(self._max_age_ns)
        total, some = _look(t0, seen, rate, count, float(self._future_ns), age, suspect)
        if total != len(samples):
            raise ValueError(f"a block of {len(samples)} samples says it holds {total}")
        if block.status != self.status:
            return np.arange(n)
        # In bulk first: hardly ever does a sample reach the lowest limit of all channels.
        if not (all(map(self._knows, block.channels)) and self._all_below(block.dtype, samples)):
            limits = np.array([self._limit_counts.get(name, math.nan) for name in block.channels])
            some |= _beyond(samples, count, limits, suspect)
        return np.flatnonzero(suspect) if some else None

    def _all_below(self, dtype: SampleType, samples: npt.NDArray[np.generic]) -> bool:
        if not len(samples) or (dtype == "i4" and self._lowest >= 2.0**31):
            return True
        high, low = float(np.maximum.reduce(samples)), float(np.minimum.reduce(samples))
        return high <= self._lowest and low >= -self._lowest

    @property
    def counts(self) -> Counter[tuple[str, Reason]]:
        """Refusals since the start, by subject and reason."""
        return self._tally.counts

    def refuse(self, t_seen_ns: int, subject: str, reason: Reason, detail: str = "") -> DataError | None:
        """Count a refusal; a message when one is due: the first at once, then one per interval."""
        return self._tally.refuse(t_seen_ns, subject, reason, detail)

    def flush(self, t_seen_ns: int) -> list[DataError]:
        """What was counted and not said yet, so that the messages add up at the end."""
        return self._tally.flush(t_seen_ns)


@njit(cache=True, nogil=True)
def _look(
    t0_ns: I64,
    t_seen_ns: I64,
    rate_hz: F64,
    count: I32,
    future_ns: float,
    max_age_ns: float,
    suspect: B1,
) -> tuple[int, bool]:
    """Mark packets (n,) that `Doorkeeper.check` may refuse for their times, rates and lengths.

    Returns the number of samples of all packets (-1 when a count is negative), and whether any
    packet is marked.
    """
    total, some = 0, False
    for k in range(len(t0_ns)):
        n = count[k]
        if n < 0:
            return -1, True
        total += n
        t0, seen, rate = float(t0_ns[k]), float(t_seen_ns[k]), rate_hz[k]
        bad = not MIN_RATE_HZ <= rate <= MAX_RATE_HZ or n == 0 or t0_ns[k] < 0
        if not bad:
            last = t0 + (n - 1) * 1e9 / rate
            bad = last > seen + future_ns - _SLOP_NS or t0 < seen - max_age_ns + _SLOP_NS
        suspect[k] = bad
        some |= bad
    return total, some


def _beyond(samples: npt.NDArray[np.generic], count: I32, limits: F64, suspect: B1) -> bool:
    """Mark packets with samples beyond their limits or that are no numbers; whether there are any.

    The limit of an unknown channel is no number: every packet of it is marked.
    """
    unknown = np.isnan(limits)
    suspect[unknown] = True
    if not len(samples):
        return bool(unknown.any())
    rows = np.flatnonzero(count)
    begin = np.concatenate(([0], np.cumsum(count, dtype=np.int64)[:-1]))[rows]
    high, low = np.maximum.reduceat(samples, begin), np.minimum.reduceat(samples, begin)
    limit = limits[rows]
    beyond = ~((high <= limit) & (low >= -limit))
    suspect[rows[beyond]] = True
    return bool(beyond.any() or unknown.any())


def _sample_bytes(packet: Packet) -> int:
    return _NUMPY[packet.dtype].itemsize


def _plausible(packet: Packet, limit: float) -> bool:
    """No sample beyond `limit` counts, none that is not a number (those fail every comparison)."""
    if packet.dtype == "i4" and limit >= 2.0**31:
        return True
    samples = np.frombuffer(packet.samples, dtype=_NUMPY[packet.dtype])
    high, low = float(np.maximum.reduce(samples)), float(np.minimum.reduce(samples))
    return high <= limit and low >= -limit


def _detail(packet: Packet, reason: Reason) -> str:
    if reason in (Reason.CLOCK_FUTURE, Reason.CLOCK_ANCIENT):
        off = (packet.t0_ns - packet.t_seen_ns) / NS
        return f"first sample at {iso(packet.t0_ns)}, {off:+.1f} s from when it was seen"
    if reason is Reason.BAD_RATE:
        return f"sampling rate {packet.rate_hz} Hz"
    if reason is Reason.CORRUPT_RECORD:
        return f"{len(packet.samples)} bytes are no whole number of {packet.dtype} samples"
    if reason is Reason.STATUS_MISMATCH:
        return f"packet says {packet.status}"
    if reason is Reason.IMPLAUSIBLE:
        samples = np.frombuffer(packet.samples, dtype=_NUMPY[packet.dtype]).astype(np.float64)
        largest = float(np.max(np.abs(samples)))
        return "samples that are no numbers" if math.isnan(largest) else f"{largest:g} counts"
    return ""
