"""What every source is, and the doorkeeper all packets pass.

A source turns something outside into `Packet` messages (and `DataError` where it met something
it could not use). The doorkeeper checks each packet against the station table before anything
else sees it. Both know no clock: "now" is the packet's own `t_seen_ns`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, ClassVar, Protocol

import msgspec
import numpy as np

from seiswarn.messages import DataError, Packet, SampleType, Status
from seiswarn.reasons import Reason
from seiswarn.stations import (
    UNIT_ACCELERATION,
    UNIT_DISPLACEMENT,
    UNIT_VELOCITY,
    Refusal,
    StationTable,
)
from seiswarn.timebase import NS, from_seconds, iso, sample_offset_ns

MAX_SUBJECTS = 10_000  # further subjects are counted together: garbage must not fill the memory
OTHERS = "(others)"
MIN_RATE_HZ = 0.001  # a sample every 17 minutes is no telemetry of ground motion either
MAX_RATE_HZ = 1000.0  # above any seismic telemetry; a bit error in the rate fields lands here
_NUMPY: dict[SampleType, str] = {"i4": "<i4", "f4": "<f4", "f8": "<f8"}


class Source(Protocol):
    """Anything packets come from."""

    NAME: ClassVar[str]
    NEEDS: ClassVar[str]
    VALID: ClassVar[str]
    REFERENCE: ClassVar[str]
    VERIFIED: ClassVar[bool]

    def packets(self) -> Iterator[Packet | DataError]:
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
        self.counts: Counter[tuple[str, Reason]] = Counter()  # since the start
        self._future_ns = from_seconds(self.params.future_tolerance_s)
        age = self.params.max_age_s
        self._max_age_ns = None if age is None else from_seconds(age)
        self._interval_ns = from_seconds(self.params.report_interval_s)
        self._unsaid: Counter[tuple[str, Reason]] = Counter()
        self._said_ns: dict[tuple[str, Reason], int] = {}
        limits = {
            UNIT_ACCELERATION: self.params.max_acceleration_mps2,
            UNIT_VELOCITY: self.params.max_velocity_mps,
            UNIT_DISPLACEMENT: self.params.max_displacement_m,
        }
        self._limit_counts = {
            name: limits[int(table.ch_unit[i])] * abs(float(table.ch_gain[i]))
            for i, name in enumerate(table.channels)
        }

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

    def admit(self, packets: Sequence[Packet]) -> tuple[list[Packet], list[DataError]]:
        """The packets let in, in their order, and what is to be said about the others."""
        admitted: list[Packet] = []
        errors: list[DataError] = []
        for packet in packets:
            reason = self.check(packet)
            if reason is None:
                admitted.append(packet)
                continue
            error = self.refuse(packet.t_seen_ns, packet.channel, reason, _detail(packet, reason))
            if error is not None:
                errors.append(error)
        return admitted, errors

    def refuse(self, t_seen_ns: int, subject: str, reason: Reason, detail: str = "") -> DataError | None:
        """Count a refusal; a message when one is due: the first at once, then one per interval."""
        key = (subject, reason)
        if key not in self.counts and len(self.counts) >= MAX_SUBJECTS:
            key = (OTHERS, reason)
        self.counts[key] += 1
        self._unsaid[key] += 1
        said = self._said_ns.get(key)
        if said is not None and t_seen_ns - said < self._interval_ns:
            return None
        self._said_ns[key] = t_seen_ns
        return self._message(t_seen_ns, key, detail)

    def flush(self, t_seen_ns: int) -> list[DataError]:
        """What was counted and not said yet, so that the messages add up at the end."""
        return [self._message(t_seen_ns, key, "until the end") for key in sorted(self._unsaid)]

    def _message(self, t_seen_ns: int, key: tuple[str, Reason], detail: str) -> DataError:
        return DataError(
            t_seen_ns=t_seen_ns,
            subject=key[0],
            reason=key[1],
            detail=detail,
            count=self._unsaid.pop(key),
            status=self.status,
        )


def _sample_bytes(packet: Packet) -> int:
    return np.dtype(_NUMPY[packet.dtype]).itemsize


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
