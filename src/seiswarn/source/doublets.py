"""A second shock where an event is already known: picks behind its P that all come equally late.

P of a second shock follows that of the first by the same time everywhere; S and what it brings along follow
the longer the farther away. So where later picks at the sites of an event are alike in delay, and more alike
than S of the event would make them, another earthquake began there. It takes a good share of the
sites at which it could have been seen, and a delay longer than a rupture of that size lasts: what comes
before that is the event itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from seiswarn.source.association import SURE_KM, SURE_SITES, Associator, s_tolerance_s
from seiswarn.source.fitting import Fit
from seiswarn.source.params import Params
from seiswarn.source.records import EventRecord, Memory, PickRecord
from seiswarn.timebase import NS

F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SHORTEST_S = 3.0
# Half duration of a rupture, in s, of its moment in N m: 1.05e-8 (10^7 M0)^(1/3) (Ekstrom, Nettles and
# Dziewonski 2012, PEPI 200-201, 1-9; moment there in dyne cm).
HALF_DURATION = 1.05e-8 * 1e7 ** (1.0 / 3.0)
DURATIONS = 2.0  # one rupture in some takes twice as long as the mean
ALIKE_S = 1.0  # from the middle of the delays: 5 km apart, paths of their own
SITES = 6
SHARE = 0.4  # of the sites where P of the second comes before S of the first
SITES_IN_S, SHARE_IN_S = 8, 0.6  # of all sites, where it does not: S triggers more often than coda of P
LIKE_S = 0.25  # variance of the delays against that about S of the first


def rupture_s(magnitude: float) -> float:
    """Usual duration of a rupture in s."""
    moment = 10.0 ** (1.5 * magnitude + 9.1)
    return float(2.0 * HALF_DURATION * moment ** (1.0 / 3.0))


def second_shock(
    event: EventRecord, memory: Memory, associator: Associator, params: Params
) -> tuple[Fit, float] | None:
    """The location of a second shock behind an event, and its delay in s; None where there is none."""
    if len(event.inliers) < SURE_SITES or event.major_km > SURE_KM:
        return None
    found = _alike(event, memory, associator)
    if found is None:
        return None
    records, delay_s = found
    fit = associator.fitter.fit(records, (event.latitude, event.longitude), memory)
    if len(fit.inliers) < SITES or fit.rms_s > params.max_rms_s or fit.location.major_km > SURE_KM:
        return None
    return fit, delay_s


def _alike(
    event: EventRecord, memory: Memory, associator: Associator
) -> tuple[list[PickRecord], float] | None:
    """Picks at the sites of an event that are alike in delay after its P, one each, and that delay (s)."""
    sites = event.inliers
    first = [memory.picks[event.picks[site]] for site in sites]
    _, _, _, ts = associator.many_arrivals(event, [r.station for r in first])
    later = _later(event, first, sites, memory, associator)
    if len(later) < SITES:
        return None
    at = np.array([k for k, _ in later])
    delay = np.array([(r.t_ns - first[k].t_ns) / NS for k, r in later])
    s_delay = ts - np.array([(r.t_ns - event.t0_ns) / NS for r in first])
    s_off = np.array([s_tolerance_s(t) for t in s_delay.tolist()])
    no_s = np.abs(delay - s_delay[at]) > s_off[at]
    at, delay, later = at[no_s], delay[no_s], [x for x, ok in zip(later, no_s, strict=True) if ok]
    if at.size < SITES:
        return None
    near = np.abs(delay[:, None] - delay[None, :]) <= ALIKE_S
    k = int(np.argmax([len(set(at[row].tolist())) for row in near]))
    middle = float(np.median(delay[near[k]]))
    chosen = _nearest_per_site(at, delay, middle)
    live_s = np.array([(memory.live_to_ns[r.station] - r.t_ns) / NS for r in first])
    if not _is_enough(at[chosen], middle, s_delay, s_off, live_s):
        return None
    spread, spread_s = np.var(delay[chosen]), np.var(delay[chosen] - s_delay[at[chosen]])
    if spread >= LIKE_S * spread_s:
        return None
    return [later[j][1] for j in chosen], middle


def _later(
    event: EventRecord,
    first: Sequence[PickRecord],
    sites: Sequence[int],
    memory: Memory,
    associator: Associator,
) -> list[tuple[int, PickRecord]]:
    """Picks behind those of an event at its sites that no other event has, with the number of the site."""
    taken = {p for other in memory.events for p in other.picks.values()}
    least_ns = int(NS * max(SHORTEST_S, DURATIONS * rupture_s(event.magnitude)))
    return [
        (k, memory.picks[p])
        for k, (record, site) in enumerate(zip(first, sites, strict=True))
        for station in associator.fitter.site_stations[site]
        for p in memory.by_station.get(station, ())
        if memory.picks[p].t_ns - record.t_ns > least_ns and p not in taken
    ]


def _nearest_per_site(at: npt.NDArray[np.int64], delay: F64, middle: float) -> list[int]:
    """Of the picks alike a delay, for each site the nearest to it."""
    best: dict[int, int] = {}
    for j in np.flatnonzero(np.abs(delay - middle) <= ALIKE_S).tolist():
        k = int(at[j])
        if k not in best or abs(delay[j] - middle) < abs(delay[best[k]] - middle):
            best[k] = j
    return sorted(best.values())


def _is_enough(sites: npt.NDArray[np.int64], delay: float, s_delay: F64, s_off: F64, live_s: F64) -> bool:
    """Whether picks at these sites are too many, of those that could have them by now, for coda."""
    heard = (live_s > delay + ALIKE_S) & (np.abs(delay - s_delay) > s_off)
    before_s: Bools = heard & (delay < s_delay)
    mine = np.zeros(len(s_delay), dtype=np.bool_)
    mine[sites] = True
    n, n_before = int(mine.sum()), int((mine & before_s).sum())
    if n_before >= SITES and n_before >= SHARE * int((before_s | (mine & (delay < s_delay))).sum()):
        return True
    return n >= SITES_IN_S and n >= SHARE_IN_S * int((heard | mine).sum())
