"""What the present forecast would tell each target: level, area, whether it is listed, and what is new in
it.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from seiswarn.alerts.audience import Audience, Reading
from seiswarn.alerts.params import Rule
from seiswarn.alerts.policies.base import place_fits
from seiswarn.alerts.record import Told
from seiswarn.messages import EventEstimate

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
B1 = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """Levels (n,) of the targets, who is in the area, who is listed, and the level at the epicentre."""

    rank: I64
    area: B1
    listed: B1
    epicentre_rank: int

    @property
    def top(self) -> int:
        return max(int(self.rank.max(initial=0)), self.epicentre_rank)


def standing(
    audience: Audience, reading: Reading, estimate: EventEstimate, told: Told, margin: float
) -> Standing:
    """The levels of a forecast; those of `told` are left only `margin` degrees below where they begin."""
    p, n = audience.params, reading.n
    before = told.ranks(n)
    rank = audience.holding(reading.value, margin, before)
    ruled = _ruled(audience, reading, estimate)
    rank = np.maximum(rank, ruled)
    by_rules = any(rule.level for rule in p.rules)
    area = ruled > 0 if by_rules else reading.value >= audience.threshold
    if margin > 0.0 and not by_rules:  # distances have no margin, nor has a magnitude here
        area = area | (told.areas(n) & (audience.raised(reading.value, margin) >= audience.threshold))
    listed = (np.asarray(reading.arrays.intensity) >= p.list_from) | area | told.lists(n)
    here = 0
    if p.at_epicentre or n == 0:
        value = np.array([reading.epicentre])
        here = int(audience.holding(value, margin, np.array([told.epicentre_rank]))[0])
    return Standing(rank, area, listed, here)


def never_lower(now: Standing, told: Told) -> Standing:
    """The same, but nothing below what was told: for as long as a lower level has not lasted."""
    n = len(now.rank)
    return Standing(
        np.maximum(now.rank, told.ranks(n)),
        now.area | told.areas(n),
        now.listed,
        max(now.epicentre_rank, told.epicentre_rank),
    )


def is_lower(now: Standing, told: Told) -> bool:
    """Whether any target, or the epicentre, would be told of a lower level, or leave the area."""
    n = len(now.rank)
    return bool(
        (now.rank < told.ranks(n)).any()
        or (told.areas(n) & ~now.area).any()
        or now.epicentre_rank < told.epicentre_rank
    )


def lowered(now: Standing, told: Told) -> Told:
    """What was told, with the levels and the area of `now`: as if that had been told too."""
    return msgspec.structs.replace(
        told, rank=now.rank.tobytes(), area=now.area.tobytes(), epicentre_rank=now.epicentre_rank
    )


def told_of(now: Standing, reading: Reading) -> Told:
    """What is told with this standing."""
    return Told(
        intensity=np.asarray(reading.arrays.intensity, dtype=np.float64).tobytes(),
        s_ns=reading.s_ns.tobytes(),
        rank=now.rank.tobytes(),
        area=now.area.tobytes(),
        listed=now.listed.tobytes(),
        epicentre_rank=now.epicentre_rank,
    )


def _ruled(audience: Audience, reading: Reading, estimate: EventEstimate) -> I64:
    """(n,) levels that rules by magnitude and distance raise."""
    rank = np.zeros(reading.n, np.int64)
    for rule in audience.params.rules:
        if rule.level and _fires(rule, estimate):
            reach = rule.within_km or np.inf
            near = reading.arrays.distance_km <= reach
            rank = np.where(near, np.maximum(rank, audience.rank_of(rule.level)), rank)
    return rank


def _fires(rule: Rule, estimate: EventEstimate) -> bool:
    """Whether the event is of the size and place a rule names; its distances are for each target."""
    size = estimate.magnitude
    here = estimate.origin.latitude, estimate.origin.longitude
    return size is not None and size.value >= rule.min_magnitude and place_fits(rule, *here)
