"""What is not a local earthquake: picks made by faults, by waves from afar, by one station alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from seiswarn import geo
from seiswarn.reasons import Reason
from seiswarn.source.records import RATE_KEPT_NS, Memory, PickRecord
from seiswarn.stations import StationTable
from seiswarn.timebase import NS

F64 = npt.NDArray[np.float64]

# Picks of one artificial onset lie within a few samples. Three arrivals of a wave that spread over seconds
# do so by chance once in thousands; where a network is tight, more do, so half of them must.
INSTANT_NS = 20_000_000
BURST_SITES = 3
BURST_SHARE = 0.5
BURST_APERTURE_KM = 10.0
# P leaves a 1-D Earth steeper the farther it comes from: no faster than 8.3 km/s out to 1,000 km, where Pn
# has been overtaken by what dives; beyond 15 degrees above 10 (slopes of the tables of Kennett and Engdahl
# 1991).
TELESEISMIC_KMPS = 10.0
REGIONAL_KMPS = 6.0
PLANE_SITES = 5
PLANE_APERTURE_KM = 40.0
PLANE_RMS_S = 0.5
# To take an event back more is wanted: the curved front of a deep local one is no plane over such a network.
FAR_SITES = 8
FAR_APERTURE_KM = 100.0
FAR_RMS_S = 0.25  # where no point has been tried
SURE_BURST = 0.8  # of the picks of an event
# Quarry and mine blasts stay below M 3.5 and go off by day, by the sun.
BLAST_MAGNITUDE, BLAST_DEPTH_KM, BLAST_SITES, BLAST_HOURS = 3.5, 5.0, 6, (7.0, 19.0)
NOISY_PER_HOUR = 40.0


def simultaneous(records: Sequence[PickRecord], table: StationTable) -> list[PickRecord]:
    """Those of `records` (one per site) that began at one instant over a distance no wave covers so fast; or
    none.

    Of two or three sites two may be enough: a source as far from one as from the other, to within a sample,
    is rare, and a third site ends the doubt a second later.
    """
    if len(records) <= BURST_SITES:
        for a, b in itertools.combinations(records, 2):
            if abs(a.t_ns - b.t_ns) <= INSTANT_NS and _aperture_km([a, b], table) >= BURST_APERTURE_KM:
                return [a, b]
    if len(records) < BURST_SITES:
        return []
    order = sorted(records, key=lambda r: (r.t_ns, r.station))
    best: list[PickRecord] = []
    last = 0
    for first in range(len(order)):
        while last < len(order) and order[last].t_ns - order[first].t_ns <= INSTANT_NS:
            last += 1
        if last - first > len(best):
            best = order[first:last]
    if len(best) < max(BURST_SITES, BURST_SHARE * len(order)):
        return []
    return best if _aperture_km(best, table) >= BURST_APERTURE_KM else []


def _aperture_km(records: Sequence[PickRecord], table: StationTable) -> float:
    """The largest distance from the middle one of stations to another, doubled."""
    at = [r.station for r in records]
    lat, lon = table.st_latitude[at], table.st_longitude[at]
    middle = float(lon[0] + _east_deg(lon).mean())
    return 2.0 * float(geo.distances_km(float(lat.mean()), middle, lat, lon).max())


def _east_deg(lon: F64) -> F64:
    """Degrees east of the first of some longitudes, across the date line too."""
    east: F64 = (lon - lon[0] + 180.0) % 360.0 - 180.0
    return east


def apparent_velocity_kmps(records: Sequence[PickRecord], table: StationTable) -> tuple[float, float]:
    """How fast a plane wave crosses the stations, and the RMS (s) it leaves; (0, inf) when that says
    nothing.
    """
    if len(records) < PLANE_SITES or _aperture_km(records, table) < PLANE_APERTURE_KM:
        return 0.0, math.inf
    at = [r.station for r in records]
    lat, lon = table.st_latitude[at], table.st_longitude[at]
    north = geo.DEG_KM * (lat - lat.mean())
    east = geo.DEG_KM * np.cos(np.radians(lat.mean())) * _east_deg(lon)
    t = np.array([(r.t_ns - records[0].t_ns) / NS for r in records])
    design = np.column_stack([np.ones(len(t)), north, east])
    slowness: F64 = np.linalg.lstsq(design, t, rcond=None)[0]
    rms = float(np.sqrt(np.mean((t - design @ slowness) ** 2)))
    return 1.0 / max(float(np.hypot(slowness[1], slowness[2])), 1e-6), rms


def from_afar(
    records: Sequence[PickRecord], table: StationTable, point_rms_s: float
) -> tuple[Reason, str] | None:
    """Whether picks are those of a plane wave from far outside; the reason and a sentence.

    `point_rms_s` is what the best source inside leaves: a ring of stations around a source, or a deep one
    under a small network, is nearly plane too, but the point explains it better.
    """
    velocity, rms = apparent_velocity_kmps(records, table)
    if rms > min(PLANE_RMS_S, point_rms_s) or velocity < REGIONAL_KMPS:
        return None
    detail = f"a plane wave crosses {len(records)} sites at {velocity:.0f} km/s, rms {rms:.2f} s"
    return (Reason.TELESEISM if velocity >= TELESEISMIC_KMPS else Reason.REGIONAL), detail


def disproved(records: Sequence[PickRecord], table: StationTable, point_rms_s: float) -> Reason | None:
    """Why the picks of an event, which its location leaves with that RMS, are no local earthquake, if so."""
    if 2 * sum(r.is_pulse for r in records) >= max(2, len(records)):
        return Reason.CALIBRATION_PULSE
    if len(simultaneous(records, table)) >= max(BURST_SITES + 1, SURE_BURST * len(records)):
        return Reason.TELEMETRY_BURST
    return Reason.TELESEISM if is_teleseism(records, table, point_rms_s) else None


def is_teleseism(records: Sequence[PickRecord], table: StationTable, point_rms_s: float) -> bool:
    """Whether many picks over a wide network are surely a plane wave from the other side of the Earth."""
    if len(records) < FAR_SITES or _aperture_km(records, table) < FAR_APERTURE_KM:
        return False
    found = from_afar(records, table, point_rms_s)
    return found is not None and found[0] is Reason.TELESEISM


def like_a_blast(
    records: Sequence[PickRecord], magnitude: float, depth_km: float, t0_ns: int, longitude: float
) -> bool:
    """Whether a small shallow event by day pushes every station away, as explosions do and slip hardly ever.

    A suspicion for analysts, not a reason to be silent: of n first motions of slip all are up in one case of
    some 2^n, and the day says nothing by itself.
    """
    if magnitude >= BLAST_MAGNITUDE or depth_km > BLAST_DEPTH_KM:
        return False
    hour = (t0_ns / NS / 3600.0 + longitude / 15.0) % 24.0
    decided = [r.polarity for r in records if r.polarity]
    by_day = BLAST_HOURS[0] <= hour < BLAST_HOURS[1]
    return by_day and len(decided) >= BLAST_SITES and min(decided) > 0


def lone(record: PickRecord, memory: Memory, table: StationTable, now_ns: int) -> tuple[Reason, str]:
    """Why a pick that nothing joined was made, as far as it can be told."""
    code = table.stations[record.station]
    per_hour = memory.recent_picks(record.station, now_ns) * 3600 * NS / RATE_KEPT_NS
    if per_hour >= NOISY_PER_HOUR:
        return Reason.NOISY_STATION, f"{code}: picks {per_hour:.0f} times an hour"
    if record.is_pulse:
        return (
            Reason.CALIBRATION_PULSE,
            f"{code}: {record.snr:.0f} times the noise with {record.crossings} zero crossings",
        )
    return Reason.LONE_STATION, f"{code}: no other station in time"
