"""Stations whose clock, coordinates or gain must be wrong: an event told by the others says so.

A station is doubted when an event that at least six others agree on leaves its onset or its peaks off by
more than paths and ground explain. It is said once per event and station, for the log: nothing is left out
of an estimate here, where locations and magnitudes bear with outliers of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seiswarn.geo import unit_points
from seiswarn.messages import DataError, Status
from seiswarn.reasons import Reason
from seiswarn.rupture_distance import rupture_length_km
from seiswarn.source.association import S_TO_P, SURE_KM, SURE_SITES, Associator, s_tolerance_s
from seiswarn.source.fitting import AMPLITUDE_WINDOW_S, DECAY, EMERGENT_S
from seiswarn.source.fusion import StationValue
from seiswarn.source.magnitude import REGISTRY
from seiswarn.source.params import Params
from seiswarn.source.records import EventRecord, Memory, PickRecord
from seiswarn.stations import StationTable
from seiswarn.timebase import NS

F64 = npt.NDArray[np.float64]

JUDGED_AT_S = (15.0, 30.0, 60.0)  # after the origin: P has been to 80, 170 and 400 km
# Onsets. An onset farther off than MAX_OFF_S is of something else as likely as not.
MIN_OFF_S, MAX_OFF_S = 1.5, 15.0
OFF_SIGMAS = 4.0
CLEAR_SNR = 8.0  # a weak onset may be noise before P, or what followed a P that was not heard
# An S that stands out of the noise more than this had a P before it that did so twelve times: it was picked.
P_HEARD_SNR = 12.0 * S_TO_P
NEIGHBOURS = 5  # whose residuals tell what the path does there
FOLLOWS_NS, FOLLOWS_SNR = 20 * NS, 2.0  # as the stage tells a second pick from a first
SETTLED_NS = 10 * NS  # a station must have been alive this long before P to have heard it
WEAKER_LOG = 1.3  # three sigmas of one station, and a place that is wrong by half the distance
MAX_DISTANCE_KM = 200.0  # farther, P emerges and its strength is not calibrated (Wu and Zhao 2006)
MAX_SHARE = 0.2  # with more stations than this off alike, it is the event that is wrong
# Peaks. One station of one earthquake scatters by 0.3 in log10 (Wu and Zhao 2006; Hutton and Boore 1987).
MIN_OFF_LOG = 0.85
OFF_SCATTERS = 3.5
MIN_OTHERS = 5
MIN_KINDS = 2
MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True)
class _Onsets:
    """Of n stations the onset nearest to P of an event; `residual_s` counts from P as predicted."""

    stations: list[int]
    records: list[PickRecord]
    distance_km: F64
    p_s: F64
    s_s: F64
    residual_s: F64


@dataclass(frozen=True, slots=True)
class _Peak:
    """How far a station's peak is from what others show, by one relation, in log10."""

    kind: str
    off: float
    is_far: bool
    n_others: int


def due(event: EventRecord, now_ns: int) -> bool:
    """Whether the stations of an event are to be judged now; says so once for each time."""
    age_s = (now_ns - event.t0_ns) / NS
    n = sum(age_s >= at for at in JUDGED_AT_S)
    if n <= event.n_judged:
        return False
    event.n_judged = n
    return True


def doubts(
    event: EventRecord,
    memory: Memory,
    associator: Associator,
    table: StationTable,
    params: Params,
    values: Sequence[StationValue],
    now_ns: int,
    status: Status,
) -> list[DataError]:
    """What is to be said of stations that an event does not explain, once each; ordered by station.

    Parameters
    ----------
    values
        station magnitudes of the event as it is believed now.
    """
    found: list[tuple[str, Reason, str]] = []
    if len(event.inliers) > SURE_SITES and event.major_km <= SURE_KM:
        found += _off_in_time(event, memory, associator, table, params)
    found += _off_in_size(event, associator, table, values)
    out = []
    for code, reason, detail in sorted(found):
        if f"{code} {reason}" not in event.doubted:
            event.doubted.append(f"{code} {reason}")
            told = f"{event.event_id}: {detail}"
            out.append(DataError(t_seen_ns=now_ns, subject=code, reason=reason, detail=told, status=status))
    return out


# --- onsets --------------------------------------------------------------------------------------


def _off_in_time(
    event: EventRecord, memory: Memory, associator: Associator, table: StationTable, params: Params
) -> list[tuple[str, Reason, str]]:
    """Stations with a clear onset near P and none at it."""
    onsets = _onsets(event, memory, associator)
    fits = set(event.inliers)
    agree = np.array([r.site in fits and event.picks.get(r.site) == r.pick_id for r in onsets.records])
    off: list[tuple[str, Reason, str]] = []
    judged = len(onsets.records)
    if not judged or int(agree.sum()) - int(agree.all()) < SURE_SITES:
        return []
    paths = _paths(table, onsets, agree)
    # Thousands of stations of a nation, of which few are far off: only these are looked at one by one.
    for k in np.flatnonzero(np.abs(onsets.residual_s - paths) > MIN_OFF_S).tolist():
        record = onsets.records[k]
        others = np.flatnonzero(agree & (np.arange(len(agree)) != k))
        if len(others) < SURE_SITES:
            return []
        path = float(paths[k])
        scatter = MAD_TO_SIGMA * float(np.median(np.abs(onsets.residual_s[others] - path)))
        excess = float(onsets.residual_s[k]) - path
        error = math.hypot(
            params.reading_error_s,
            record.sigma_s,
            EMERGENT_S / max(record.snr, 1.0),
            params.model_error_share * float(onsets.p_s[k]),
            scatter,
        )
        if abs(excess) <= max(MIN_OFF_S, OFF_SIGMAS * error):
            continue
        if not (_tells(event, memory, onsets, k, excess) and _is_strong(event, onsets, k, others, excess)):
            continue
        detail = (
            f"onset {excess:+.1f} s off at {onsets.distance_km[k]:.0f} km, against {scatter:.1f} s"
            f" of {len(others)} others; wrong clock, coordinates or metadata"
        )
        off.append((table.stations[record.station], Reason.SUSPECT_CLOCK, detail))
    return off if len(off) <= max(1.0, MAX_SHARE * judged) else []


def _onsets(event: EventRecord, memory: Memory, associator: Associator) -> _Onsets:
    """Of each station with an onset near its P the nearest one."""
    stations = sorted(memory.by_station)
    distance, _, p_s, s_s = associator.many_arrivals(event, stations)
    kept: list[int] = []
    records: list[PickRecord] = []
    residuals: list[float] = []
    for k, station in enumerate(stations):
        picks = [memory.picks[i] for i in memory.by_station[station]]
        picks = [r for r in picks if not any(_hides(earlier, r) for earlier in picks)]
        offs = [(r.t_ns - event.t0_ns) / NS - float(p_s[k]) for r in picks]
        best = min(range(len(picks)), key=lambda j: (abs(offs[j]), j))
        if abs(offs[best]) <= MAX_OFF_S and distance[k] <= MAX_DISTANCE_KM:
            kept.append(k)
            records.append(picks[best])
            residuals.append(offs[best])
    return _Onsets(
        stations=[stations[k] for k in kept],
        records=records,
        distance_km=distance[kept],
        p_s=p_s[kept],
        s_s=s_s[kept],
        residual_s=np.array(residuals),
    )


def _hides(earlier: PickRecord, record: PickRecord) -> bool:
    """Whether an onset is what follows a clearer one at its station: S or coda."""
    return 0 < record.t_ns - earlier.t_ns <= FOLLOWS_NS and earlier.snr > FOLLOWS_SNR * record.snr


def _tells(event: EventRecord, memory: Memory, onsets: _Onsets, k: int, excess: float) -> bool:
    """Whether an onset `excess` seconds off P is clear, no S, and followed by an S as far off, if any."""
    record = onsets.records[k]
    p_ns = event.t0_ns + int(onsets.p_s[k] * NS)
    if record.snr < CLEAR_SNR or memory.live_from_ns[record.station] + SETTLED_NS > p_ns:
        return False
    of_s = s_tolerance_s(float(onsets.s_s[k]))
    s_ns = event.t0_ns + int(onsets.s_s[k] * NS)
    if record.s_trusted:  # what S follows is no S
        return abs((record.s_t_ns - s_ns) / NS - excess) <= of_s
    return abs(record.t_ns - s_ns) / NS > of_s or record.snr >= P_HEARD_SNR


def _is_strong(
    event: EventRecord, onsets: _Onsets, k: int, others: npt.NDArray[np.int64], excess: float
) -> bool:
    """Whether an onset is about as strong as P of others is, distance allowed for: a pulse may precede P."""
    window_s = min(AMPLITUDE_WINDOW_S, abs(excess))
    levels = []
    for j in (k, *others.tolist()):
        window = onsets.records[j].longest_window(window_s)
        if window is not None and window[1] > 0.0:
            r = math.hypot(float(onsets.distance_km[j]), event.depth_km)
            levels.append(math.log10(window[1]) + DECAY * math.log10(max(r, 1.0)))
        elif j == k:
            return False
    return len(levels) > MIN_OTHERS and levels[0] > float(np.median(levels[1:])) - WEAKER_LOG


def _paths(table: StationTable, onsets: _Onsets, agree: npt.NDArray[np.bool_]) -> F64:
    """(n,) what the way to each station costs: median residual of the nearest others that agree."""
    from scipy.spatial import cKDTree  # loaded already where forecasts are made

    here = np.array(onsets.stations)
    points = unit_points(table.st_latitude[here], table.st_longitude[here])
    among = np.flatnonzero(agree)
    tree = cKDTree(points[among])
    _, found = tree.query(points, k=min(NEIGHBOURS + 1, len(among)))
    paths = np.empty(len(here))
    for k, row in enumerate(among[np.atleast_2d(found)]):
        paths[k] = np.median(onsets.residual_s[row[row != k][:NEIGHBOURS]])
    return paths


# --- peaks ---------------------------------------------------------------------------------------


def _off_in_size(
    event: EventRecord, associator: Associator, table: StationTable, values: Sequence[StationValue]
) -> list[tuple[str, Reason, str]]:
    """Stations whose magnitudes by at least two relations are all off to one side."""
    said: dict[str, list[_Peak]] = {}
    for kind in dict.fromkeys(v.kind for v in values):
        group = [v for v in values if v.kind == kind]
        if len(group) <= MIN_OTHERS:
            continue
        for v, off, scatter in zip(group, *_log_off(group), strict=True):
            far = abs(off) > max(MIN_OFF_LOG, OFF_SCATTERS * scatter)
            said.setdefault(v.station, []).append(_Peak(kind, off, far, len(group) - 1))
    codes = [code for code, peaks in said.items() if _agree(peaks)]
    if not codes:
        return []
    away, *_ = associator.many_arrivals(event, [table.station_index[code] for code in codes])
    # Within a rupture's length of its beginning, nobody knows yet how far it is from a station.
    size = float(np.median([v.value for v in values]))
    reach = 0.0 if event.rupture is not None else rupture_length_km(size)
    return [
        (code, Reason.SUSPECT_GAIN, _of_peaks(said[code], distance))
        for code, distance in zip(codes, away.tolist(), strict=True)
        if math.hypot(distance, event.depth_km) > reach
    ]


def _agree(peaks: Sequence[_Peak]) -> bool:
    """Whether enough relations find a station off, and none to the other side."""
    return sum(p.is_far for p in peaks) >= MIN_KINDS and len({p.off > 0.0 for p in peaks}) == 1


def _of_peaks(peaks: Sequence[_Peak], distance_km: float) -> str:
    times = 10.0 ** float(np.median([p.off for p in peaks]))
    kinds = ", ".join(f"{p.kind} {p.off:+.1f}" for p in peaks)
    return (
        f"peaks {times:.2g} times what {max(p.n_others for p in peaks)} others make expect"
        f" at {distance_km:.0f} km (log10: {kinds}); wrong gain, unit or coordinates"
    )


def _log_off(group: Sequence[StationValue]) -> tuple[list[float], list[float]]:
    """How far each is from the median of the others in log10 of amplitude, and how far those scatter."""
    relation = REGISTRY[group[0].kind]
    per_decade = np.array([v.sigma / relation.sigma(v.window_s) for v in group])
    if relation.NAME == "Mpd":  # alike for all, but what its period belies has a wider sigma
        per_decade[:] = per_decade.min()
    m = np.array([v.value for v in group])
    off, spreads = [], []
    for k in range(len(m)):
        rest = np.delete(m, k)
        middle = float(np.median(rest))
        off.append(float((m[k] - middle) / per_decade[k]))
        spreads.append(MAD_TO_SIGMA * float(np.median(np.abs(rest - middle) / np.delete(per_decade, k))))
    return off, spreads
