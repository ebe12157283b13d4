"""The public JSON: what integrators and files get. One line of JSON per message.

These structs are an interface promised to others: fields are only ever added, and the JSON
Schema made from them is pinned by a test. Times are ISO 8601 UTC with nanoseconds, numbers
are rounded to what they can mean, so that equal messages give equal bytes.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import msgspec

from seiswarn.messages import (
    Action,
    Alert,
    AlertKind,
    DataError,
    Decision,
    Grounds,
    Magnitude,
    Message,
    Origin,
    Phase,
    Pick,
    Rupture,
    Status,
    TargetForecast,
    Transition,
)
from seiswarn.timebase import iso


class PublicOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when, with one-sigma uncertainties; null where nothing can be said."""

    time: str
    latitude: float
    longitude: float
    depth_km: float
    time_sigma_s: float | None
    depth_sigma_km: float | None
    ellipse_major_km: float | None
    ellipse_minor_km: float | None
    ellipse_azimuth_deg: float | None
    n_stations: int
    gap_deg: float | None
    rms_s: float | None
    method: str
    n_s: int = 0  # stations whose S agrees too


class PublicMagnitude(msgspec.Struct, frozen=True, kw_only=True):
    """How big; `saturated`: the true magnitude may be larger."""

    value: float
    sigma: float | None
    kind: str
    n_stations: int
    saturated: bool


class PublicTarget(msgspec.Struct, frozen=True, kw_only=True):
    """What one place must expect; `seconds_left` from `t_seen` to the S wave, negative once it is there."""

    name: str
    name_zh: str
    latitude: float
    longitude: float
    distance_km: float
    intensity: float
    intensity_sigma: float | None
    pga_mps2: float | None
    pgv_mps: float | None
    p_arrival: str
    s_arrival: str
    seconds_left: float
    method: str
    kind: str = ""  # place, railway, school ...
    line: str = ""  # railway line or pipeline it is a section of
    population: int = 0
    level: str = ""
    level_rank: int = 0  # 0: below the lowest level
    p_exceed: tuple[float, ...] = ()  # probability of reaching each of the warning's `thresholds`
    intensity_source: float | None = None  # by magnitude and distance alone
    intensity_wavefield: float | None = None  # the largest observed around
    outside_validity: bool = False  # a relation is used beyond the range its authors give


class PublicWarning(msgspec.Struct, frozen=True, kw_only=True):
    """A warning. The latest `revision` within (`event_id`, `policy`) is the one that holds."""

    event_id: str
    revision: int
    kind: AlertKind
    status: Status
    policy: str
    t_seen: str
    first_t_seen: str
    expires: str
    origin: PublicOrigin
    magnitude: PublicMagnitude
    targets: tuple[PublicTarget, ...]
    intensity_scale: str
    max_intensity: float
    epicentral_intensity: float
    reasons: tuple[str, ...]
    transitions: tuple[Transition, ...] = ()
    level: str = ""
    level_zh: str = ""
    level_rank: int = 0
    colour: str = ""
    n_area: int = 0  # targets at the threshold of the audience or above
    measure: str = "intensity"  # what levels are of: intensity, or pga in cm/s2
    thresholds: tuple[float, ...] = ()
    blind_zone_km: float | None = None  # epicentral distance that S has reached
    grounds: Grounds = "source"  # wavefield: no located earthquake, and then no magnitude either
    rupture: PublicRupture | None = None
    false_per_year: float | None = None
    continues: str = ""  # another event that this warning goes on from, or goes on as


class PublicRupture(msgspec.Struct, frozen=True, kw_only=True):
    """A straight rupture that is believed over a point: its ends, in degrees."""

    latitude_1: float
    longitude_1: float
    latitude_2: float
    longitude_2: float
    length_km: float | None
    strike_deg: float | None


class PublicDecision(msgspec.Struct, frozen=True, kw_only=True):
    """Why a policy did or did not speak."""

    event_id: str
    policy: str
    t_seen: str
    action: Action
    reasons: tuple[str, ...]
    detail: str
    estimate_revision: int
    magnitude: float | None
    max_intensity: float | None
    n_stations: int
    status: Status
    level: str = ""  # reached by the forecast, whether or not it was told
    transitions: tuple[Transition, ...] = ()


class PublicDataError(msgspec.Struct, frozen=True, kw_only=True):
    """Data refused or flagged, or a station doubted; `count` how often since the last such line."""

    subject: str
    reason: str
    detail: str
    t_seen: str
    count: int
    status: Status


class PublicPick(msgspec.Struct, frozen=True, kw_only=True):
    """An onset; the columns of ``picks.csv``. `polarity` 1 (up), -1 (down) or 0; `quality` A (best) to D."""

    station: str
    channel: str
    time: str
    snr: float | None
    uncertainty_s: float | None
    polarity: int
    t_seen: str
    pick_id: str
    status: Status
    phase: Phase = "P"
    quality: str = "D"


def public_warning(alert: Alert) -> PublicWarning:
    """The public form of an alert. Raises ValueError when a place, time or size in it is not finite."""
    return PublicWarning(
        event_id=alert.event_id,
        revision=alert.revision,
        kind=alert.kind,
        status=alert.status,
        policy=alert.policy,
        t_seen=iso(alert.t_seen_ns),
        first_t_seen=iso(alert.first_t_seen_ns),
        expires=iso(alert.expires_ns),
        origin=public_origin(alert.origin),
        magnitude=public_magnitude(alert.magnitude),
        targets=tuple(public_target(target) for target in alert.targets),
        intensity_scale=alert.intensity_scale,
        max_intensity=_number(alert.max_intensity, 2),
        epicentral_intensity=_number(alert.epicentral_intensity, 2),
        reasons=alert.reasons,
        transitions=alert.transitions,
        level=alert.level,
        level_zh=alert.level_zh,
        level_rank=alert.level_rank,
        colour=alert.colour,
        n_area=alert.n_area,
        measure=alert.measure,
        thresholds=alert.thresholds,
        blind_zone_km=_maybe(alert.blind_zone_km, 1),
        grounds=alert.grounds,
        rupture=None if alert.rupture is None else public_rupture(alert.rupture),
        false_per_year=_significant(alert.false_per_year),
        continues=alert.continues,
    )


def public_rupture(rupture: Rupture) -> PublicRupture:
    """The public form of a line source."""
    return PublicRupture(
        latitude_1=_number(rupture.latitude_1, 4),
        longitude_1=_number(rupture.longitude_1, 4),
        latitude_2=_number(rupture.latitude_2, 4),
        longitude_2=_number(rupture.longitude_2, 4),
        length_km=_maybe(rupture.length_km, 0),
        strike_deg=_maybe(rupture.strike_deg, 0),
    )


def public_origin(origin: Origin) -> PublicOrigin:
    """The public form of an origin."""
    return PublicOrigin(
        time=iso(origin.time_ns),
        latitude=_number(origin.latitude, 4),
        longitude=_number(origin.longitude, 4),
        depth_km=_number(origin.depth_km, 1),
        time_sigma_s=_maybe(origin.time_sigma_s, 2),
        depth_sigma_km=_maybe(origin.depth_sigma_km, 1),
        ellipse_major_km=_maybe(origin.ellipse_major_km, 1),
        ellipse_minor_km=_maybe(origin.ellipse_minor_km, 1),
        ellipse_azimuth_deg=_maybe(origin.ellipse_azimuth_deg, 0),
        n_stations=origin.n_stations,
        gap_deg=_maybe(origin.gap_deg, 0),
        rms_s=_maybe(origin.rms_s, 3),
        method=origin.method,
        n_s=origin.n_s,
    )


def public_magnitude(magnitude: Magnitude) -> PublicMagnitude:
    """The public form of a magnitude."""
    return PublicMagnitude(
        value=_number(magnitude.value, 2),
        sigma=_maybe(magnitude.sigma, 2),
        kind=magnitude.kind,
        n_stations=magnitude.n_stations,
        saturated=magnitude.saturated,
    )


def public_target(target: TargetForecast) -> PublicTarget:
    """The public form of one target's forecast."""
    return PublicTarget(
        name=target.name,
        name_zh=target.name_zh,
        latitude=_number(target.latitude, 4),
        longitude=_number(target.longitude, 4),
        distance_km=_number(target.distance_km, 1),
        intensity=_number(target.intensity, 2),
        intensity_sigma=_maybe(target.intensity_sigma, 2),
        pga_mps2=_significant(target.pga_mps2),
        pgv_mps=_significant(target.pgv_mps),
        p_arrival=iso(target.p_arrival_ns),
        s_arrival=iso(target.s_arrival_ns),
        seconds_left=_number(target.seconds_left, 2),
        method=target.method,
        kind=target.kind,
        line=target.line,
        population=target.population,
        level=target.level,
        level_rank=target.level_rank,
        p_exceed=tuple(_number(p, 3) for p in target.p_exceed),
        intensity_source=None if target.intensity_source is None else _maybe(target.intensity_source, 2),
        intensity_wavefield=None
        if target.intensity_wavefield is None
        else _maybe(target.intensity_wavefield, 2),
        outside_validity=target.outside_validity,
    )


def public_decision(decision: Decision) -> PublicDecision:
    """The public form of a decision."""
    return PublicDecision(
        event_id=decision.event_id,
        policy=decision.policy,
        t_seen=iso(decision.t_seen_ns),
        action=decision.action,
        reasons=decision.reasons,
        detail=decision.detail,
        estimate_revision=decision.estimate_revision,
        magnitude=_maybe(decision.magnitude, 2),
        max_intensity=_maybe(decision.max_intensity, 2),
        n_stations=decision.n_stations,
        status=decision.status,
        level=decision.level,
        transitions=decision.transitions,
    )


def public_data_error(error: DataError) -> PublicDataError:
    """The public form of what was refused, flagged or doubted."""
    return PublicDataError(
        subject=error.subject,
        reason=error.reason,
        detail=error.detail,
        t_seen=iso(error.t_seen_ns),
        count=error.count,
        status=error.status,
    )


def public_pick(pick: Pick) -> PublicPick:
    """The public form of a pick."""
    return PublicPick(
        station=pick.station,
        channel=pick.channel,
        time=iso(pick.t_ns),
        snr=_maybe(pick.snr, 2),
        uncertainty_s=_maybe(pick.uncertainty_s, 3),
        polarity=pick.polarity,
        t_seen=iso(pick.t_seen_ns),
        pick_id=pick.pick_id,
        status=pick.status,
        phase=pick.phase,
        quality=pick.quality,
    )


def public_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of everything public."""
    types = (PublicWarning, PublicDecision, PublicPick, PublicDataError)
    _, components = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "seiswarn public messages",
        # through JSON once, so that the default () is the [] it is outside
        "$defs": msgspec.json.decode(msgspec.json.encode(dict(sorted(components.items())))),
    }


class PublicJson:
    """Public JSON of alerts, decisions and picks; other messages as they are inside."""

    NAME: ClassVar[str] = "public"
    MEDIA_TYPE: ClassVar[str] = "application/json"
    SUFFIX: ClassVar[str] = ".json"
    NEEDS: ClassVar[tuple[type[Message], ...]] = (Message,)
    VALID: ClassVar[str] = "any message"
    REFERENCE: ClassVar[str] = "JSON Schema by `seiswarn schema`"
    VERIFIED: ClassVar[bool] = True

    def render(self, message: Message) -> bytes:
        if isinstance(message, Alert):
            return msgspec.json.encode(public_warning(message))
        if isinstance(message, Decision):
            return msgspec.json.encode(public_decision(message))
        if isinstance(message, Pick):
            return msgspec.json.encode(public_pick(message))
        return msgspec.json.encode(message)


def _number(value: float, digits: int) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value} has no place in a public message")
    return round(value, digits) + 0.0  # no "-0.0"


def _maybe(value: float, digits: int) -> float | None:
    return round(value, digits) + 0.0 if math.isfinite(value) else None


def _significant(value: float) -> float | None:
    return float(f"{value:.4g}") if math.isfinite(value) else None
