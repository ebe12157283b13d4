"""What was said against what was true."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
from catalogue_networks import Network
from catalogue_scenarios import Case, Earth, floor_s
from catalogue_tracks import Revision, Track

from seiswarn.geo import DEG_KM, distance_km
from seiswarn.ingest.synthetic import Scenario
from seiswarn.timebase import NS

MOMENTS = (("first", 0), ("at_5s", 5), ("at_10s", 10), ("at_20s", 20))
NINETY_1D = 1.645  # standard deviations that hold 90 % of a normal distribution
NINETY_2D = math.sqrt(-2.0 * math.log(0.1))  # = 2.146: radius that holds 90 % in two dimensions
# A warned event is of an earthquake when it is not farther from it than this in time and place; of two, of
# the nearer one, a second of origin time counting as ten kilometres.
NEAR_S, NEAR_KM, KM_PER_S = 15.0, 150.0, 10.0
APART_S, APART_KM = 3.5, 50.0  # how well both events of a pair must be found


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate at one time after the first alert. `in_...`: 90 % intervals hold the truth."""

    m: float
    dm: float
    m_sigma: float
    epi_err_km: float
    depth_km: float
    depth_err_km: float
    depth_sigma_km: float
    major_km: float
    minor_km: float
    time_err_s: float
    n_stations: int
    gap_deg: float
    line_km: float
    in_ellipse: bool | None
    in_magnitude: bool | None
    in_depth: bool | None


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What one system made of one earthquake."""

    event_id: str = ""
    first_alert_s: float | None = None  # after the origin
    delay_s: float | None = None  # after P at the fourth station
    moments: dict[str, Moment] = {}
    n_splits: int = 0


class Quake(msgspec.Struct, frozen=True, kw_only=True):
    """One earthquake of the catalogue and what was made of it."""

    case: int
    event: int
    network: str
    place: str
    pair: str
    mw: float
    depth_km: float
    latitude: float
    longitude: float
    floor_p4_s: float
    seiswarn: Found
    baseline: Found


class FalseAlert(msgspec.Struct, frozen=True, kw_only=True):
    """A warned event that is no earthquake of the case, as said ten seconds after its first alert."""

    system: str
    event_id: str
    alert_s: float  # after the origin of the first earthquake
    origin_s: float
    m: float
    latitude: float
    longitude: float
    off_km: float  # from the first earthquake
    n_stations: int
    major_km: float


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One case."""

    case: int
    network: str
    place: str
    pair: str
    faults: dict[int, str]
    quakes: list[Quake]
    false_alerts: list[FalseAlert]
    apart: dict[str, bool]  # of a pair
    cpu_s: dict[str, float] = {}


def score(case: Case, net: Network, earth: Earth, systems: dict[str, Sequence[Track]]) -> Outcome:
    """Match the warned events of each system to the earthquakes of a case."""
    floors = [floor_s(q, case, net, earth, k) for k, q in enumerate(case.events)]
    found, apart = {}, {}
    false: list[FalseAlert] = []
    for name, tracks in systems.items():
        mine: list[list[Track]] = [[] for _ in case.events]
        for track in sorted((t for t in tracks if t.alert_ns is not None), key=lambda t: t.alert_ns or 0):
            k = _nearest(track, case.events)
            if k is None:
                false.append(_false(name, track, case.events[0]))
            else:
                mine[k].append(track)
        found[name] = [_found(q, m, f) for q, m, f in zip(case.events, mine, floors, strict=True)]
        if case.pair:
            apart[name] = all(_well(f) for f in found[name])
    quakes = [
        Quake(
            case=case.index, event=k, network=case.network, place=case.place, pair=case.pair, mw=q.mw,
            depth_km=q.depth_km, latitude=q.latitude, longitude=q.longitude, floor_p4_s=floors[k],
            **{name: found[name][k] for name in systems},
        )
        for k, q in enumerate(case.events)
    ]  # fmt: skip
    return Outcome(
        case=case.index, network=case.network, place=case.place, pair=case.pair,
        faults={k: f"{f.kind} {f.value:g}" for k, f in case.faults.items()},
        quakes=quakes, false_alerts=false, apart=apart,
    )  # fmt: skip


def _false(system: str, track: Track, quake: Scenario) -> FalseAlert:
    r = _said(track)
    return FalseAlert(
        system=system,
        event_id=track.event_id,
        alert_s=((track.alert_ns or 0) - quake.origin_ns) / NS,
        origin_s=(r.t0_ns - quake.origin_ns) / NS,
        m=r.m,
        latitude=r.latitude,
        longitude=r.longitude,
        off_km=distance_km(r.latitude, r.longitude, quake.latitude, quake.longitude),
        n_stations=r.n_stations,
        major_km=r.major_km,
    )


def _said(track: Track) -> Revision:
    """What counts in matching: the estimate ten seconds after the first alert."""
    assert track.alert_ns is not None
    return track.at(track.alert_ns + 10 * NS) or track.revisions[0]


def _nearest(track: Track, events: Sequence[Scenario]) -> int | None:
    r = _said(track)
    best, least = None, math.inf
    for k, q in enumerate(events):
        off_s = abs(r.t0_ns - q.origin_ns) / NS
        off_km = distance_km(r.latitude, r.longitude, q.latitude, q.longitude)
        if off_s <= NEAR_S and off_km <= NEAR_KM and math.hypot(off_km, KM_PER_S * off_s) < least:
            best, least = k, math.hypot(off_km, KM_PER_S * off_s)
    return best


def _found(quake: Scenario, tracks: Sequence[Track], floor: float) -> Found:
    if not tracks:
        return Found()
    track = tracks[0]
    assert track.alert_ns is not None
    first_s = (track.alert_ns - quake.origin_ns) / NS
    moments = {}
    for name, after in MOMENTS:
        revision = track.at(track.alert_ns + after * NS) or track.revisions[0]
        moments[name] = moment(quake, revision)
    return Found(
        event_id=track.event_id, first_alert_s=first_s, delay_s=first_s - floor, moments=moments,
        n_splits=len(tracks) - 1,
    )  # fmt: skip


def _well(found: Found) -> bool:
    at = found.moments.get("at_10s")
    return at is not None and at.epi_err_km <= APART_KM and abs(at.time_err_s) <= APART_S


def moment(quake: Scenario, r: Revision) -> Moment:
    """An estimate against the truth."""
    return Moment(
        m=r.m,
        dm=r.m - quake.mw,
        m_sigma=r.m_sigma,
        epi_err_km=distance_km(r.latitude, r.longitude, quake.latitude, quake.longitude),
        depth_km=r.depth_km,
        depth_err_km=r.depth_km - quake.depth_km,
        depth_sigma_km=r.depth_sigma_km,
        major_km=r.major_km,
        minor_km=r.minor_km,
        time_err_s=(r.t0_ns - quake.origin_ns) / NS,
        n_stations=r.n_stations,
        gap_deg=r.gap_deg,
        line_km=r.line_km,
        in_ellipse=_in_ellipse(quake, r),
        in_magnitude=_within(r.m - quake.mw, r.m_sigma),
        in_depth=_within(r.depth_km - quake.depth_km, r.depth_sigma_km),
    )


def _within(error: float, sigma: float) -> bool | None:
    return None if math.isnan(sigma) else abs(error) <= NINETY_1D * sigma


def _in_ellipse(quake: Scenario, r: Revision) -> bool | None:
    """Whether the 90 % ellipse holds the true epicentre."""
    if math.isnan(r.major_km):
        return None
    north = (quake.latitude - r.latitude) * DEG_KM
    east = (quake.longitude - r.longitude) * DEG_KM * math.cos(math.radians(quake.latitude))
    a = math.radians(r.azimuth_deg)
    along, across = north * math.cos(a) + east * math.sin(a), -north * math.sin(a) + east * math.cos(a)
    scaled = math.hypot(along / max(r.major_km, 1e-6), across / max(r.minor_km, 1e-6))
    return scaled <= NINETY_2D
