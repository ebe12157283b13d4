"""The messages of a run as far as an explanation needs them.

Decoding only these fields passes over the columns of a forecast and the targets of an alert, and reads
what another version of seiswarn wrote: fields it had not yet get defaults, fields unknown here are left out.
"""

from __future__ import annotations

import msgspec

from seiswarn.messages import Arrival, Magnitude, Origin, Rupture

_FIXMAP_END = 0xA0  # first bytes below are maps of up to 15 entries (msgpack specification)
_TYPE = b"\xa4type"


class _Seen(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    t_seen_ns: int
    status: str = "actual"


class Estimate(_Seen, frozen=True, kw_only=True, tag="EventEstimate"):
    """An `EventEstimate` without its arrivals."""

    event_id: str
    revision: int
    state: str
    origin: Origin
    magnitude: Magnitude | None = None
    reasons: tuple[str, ...] = ()
    rupture: Rupture | None = None
    false_per_year: float = 0.0
    grounds: str = "source"
    continues: str = ""

    @property
    def value(self) -> float | None:
        return None if self.magnitude is None else self.magnitude.value


class EstimateWithArrivals(Estimate, frozen=True, kw_only=True, tag="EventEstimate"):
    """An `EventEstimate` with them."""

    arrivals: tuple[Arrival, ...] = ()


class DecisionSeen(_Seen, frozen=True, kw_only=True, tag="Decision"):
    """A `Decision`."""

    event_id: str
    policy: str
    action: str
    reasons: tuple[str, ...] = ()
    detail: str = ""
    estimate_revision: int = 0
    magnitude: float = 0.0
    max_intensity: float = 0.0
    n_stations: int = 0
    level: str = ""
    transitions: tuple[str, ...] = ()


class AlertHead(_Seen, frozen=True, kw_only=True, tag="Alert"):
    """An `Alert` without its targets."""

    event_id: str
    revision: int
    kind: str
    policy: str
    origin: Origin
    magnitude: Magnitude
    max_intensity: float = 0.0
    intensity_scale: str = ""
    transitions: tuple[str, ...] = ()
    level: str = ""
    level_zh: str = ""
    colour: str = ""
    n_area: int = 0
    measure: str = "intensity"
    blind_zone_km: float = 0.0
    continues: str = ""


class TargetSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A target of an alert."""

    name: str
    name_zh: str = ""
    distance_km: float = 0.0
    intensity: float = 0.0
    pga_mps2: float = 0.0
    s_arrival_ns: int = 0
    seconds_left: float = 0.0


class AlertSeen(AlertHead, frozen=True, kw_only=True, tag="Alert"):
    """An `Alert` with its targets."""

    targets: tuple[TargetSeen, ...] = ()


class FieldSeen(msgspec.Struct, frozen=True, kw_only=True):
    """Columns of a `ForecastField`."""

    n: int = 0
    places: str = ""
    distance_km: bytes = b""
    intensity: bytes = b""
    basis: bytes = b""


class ForecastHead(_Seen, frozen=True, kw_only=True, tag="Forecast"):
    """A `Forecast` without its columns."""

    event_id: str
    estimate_revision: int = 0
    intensity_scale: str = ""
    max_intensity: float = 0.0
    epicentral_intensity: float = 0.0
    method: str = ""
    blind_zone_km: float = 0.0
    n_observed: int = 0


class ForecastSeen(ForecastHead, frozen=True, kw_only=True, tag="Forecast"):
    """A `Forecast` with some of them."""

    field: FieldSeen | None = None


class PickSeen(_Seen, frozen=True, kw_only=True, tag="Pick"):
    """A `Pick`."""

    pick_id: str
    station: str
    t_ns: int
    snr: float = 0.0
    phase: str = "P"
    quality: str = ""


class ErrorSeen(_Seen, frozen=True, kw_only=True, tag="DataError"):
    """A `DataError`."""

    subject: str
    reason: str
    detail: str = ""
    count: int = 1


class MotionsSeen(_Seen, frozen=True, kw_only=True, tag="Motions"):
    """Which stations sent data, and their largest real-time intensities."""

    stations: tuple[str, ...] = ()
    intensity_gbt: tuple[float, ...] = ()


class Stamp(msgspec.Struct, frozen=True):
    """When any message was seen."""

    t_seen_ns: int = 0


class _Tag(msgspec.Struct, frozen=True):
    type: str = ""


_tag = msgspec.msgpack.Decoder(_Tag)


def name_of(payload: bytes) -> bytes:
    """The type of an encoded message, looked up where encoders put it: first. Empty when there is none."""
    at = 6 if payload[:1] < bytes((_FIXMAP_END,)) else 8
    if payload[at - 5 : at] == _TYPE and 0xA0 <= payload[at] < 0xC0:
        return payload[at + 1 : at + 1 + (payload[at] & 0x1F)]
    try:
        return _tag.decode(payload).type.encode()
    except msgspec.MsgspecError:
        return b""
