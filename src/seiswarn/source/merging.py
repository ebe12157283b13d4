"""Events that turn out to be one earthquake, or none."""

from __future__ import annotations

import math

from seiswarn import geo
from seiswarn.reasons import Reason
from seiswarn.source.association import SURE_SITES, Associator
from seiswarn.source.records import EventRecord, Memory
from seiswarn.source.tracking import Tracker
from seiswarn.timebase import NS

EXPLAINED = 0.8  # of the picks of an event that another makes: it is a part of that one
ASKED = 25  # picks of an event looked at, the first of its sites
SIGMAS = 2.0  # two hypocentres no farther apart than this may be one
FEWEST = 2  # arrivals that an event must have left


def merged(
    memory: Memory, associator: Associator, tracker: Tracker, now_ns: int
) -> tuple[EventRecord, Reason] | None:
    """An event to be closed and why; its picks that another explains have gone to that one.

    Asked of events that have moved. An event goes into another that makes nearly all its picks, P or S, or
    with which it has one hypocentre by what is known of both, if one location explains as many picks.
    """
    if len(memory.events) < 2:
        return None
    ranked = sorted(memory.events, key=lambda e: (-len(e.inliers), e.created_ns, e.event_id))
    for k, small in enumerate(ranked):
        if len(small.inliers) < FEWEST:
            taken = {p for e in memory.events if e is not small for p in e.picks.values()}
            lost = bool(taken & set(small.picks.values()))
            return small, Reason.MERGED_EVENT if lost else Reason.POOR_FIT
        for large in ranked[:k]:
            if (small.moved or large.moved) and _is_part(small, large, memory, associator, tracker, now_ns):
                _hand_over(small, large, memory, associator)
                return small, Reason.MERGED_EVENT
    return None


def _is_part(
    small: EventRecord,
    large: EventRecord,
    memory: Memory,
    associator: Associator,
    tracker: Tracker,
    now_ns: int,
) -> bool:
    asked = [memory.picks[small.picks[site]] for site in small.inliers[:ASKED]]
    if small.second_of == large.event_id or large.second_of == small.event_id:
        return False  # alike in delay as S would not be
    if len(large.inliers) >= SURE_SITES and associator.explained(large, asked) >= EXPLAINED * len(asked):
        return True
    if not _one_hypocentre(small, large):
        return False
    # Of two sensors at one site only one pick can be in a location.
    joint = tracker.joint(large, [r for r in asked if r.site not in large.picks], memory, now_ns)
    if joint is None:
        return False
    sites = set(small.inliers) | set(large.inliers)
    if len(sites) - len(joint.inliers) > 1:
        return False
    tracker.unite(large, asked, joint, memory, now_ns)
    return True


def _one_hypocentre(a: EventRecord, b: EventRecord) -> bool:
    d = geo.distance_km(a.latitude, a.longitude, b.latitude, b.longitude)
    apart_s = abs(a.t0_ns - b.t0_ns) / NS
    return d <= SIGMAS * math.hypot(a.major_km, b.major_km) and apart_s <= SIGMAS * math.hypot(
        a.time_sigma_s, b.time_sigma_s
    )


def _hand_over(small: EventRecord, large: EventRecord, memory: Memory, associator: Associator) -> None:
    for site, pick_id in small.picks.items():
        if site not in large.picks and associator.verdict(large, memory.picks[pick_id])[0] == "fits":
            large.picks[site] = pick_id
            large.due = True
            large.last_pick_ns = max(large.last_pick_ns, small.last_pick_ns)
