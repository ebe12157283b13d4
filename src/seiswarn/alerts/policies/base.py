"""What an alert policy is: a pure function of a view, with reasons."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from seiswarn.alerts.params import Params, Rule
from seiswarn.geo import DEG_KM, inside
from seiswarn.messages import Grounds
from seiswarn.reasons import Reason

VerdictAction = Literal["warn", "hold", "withdraw"]


@dataclass(frozen=True, slots=True)
class View:
    """All a policy may look at.

    `intensity` is the largest forecast, in the measure of the audience (intensity or gal), at any of its
    targets, or at the epicentre where that counts (always when there are no targets);
    `false_per_year` how often noise would do the same; `magnitude` is None while unknown; `warned` says
    whether a warning stands; `nearest_km` how far the epicentre is from the nearest target;
    `solution` counts the estimates of the event, `n_warnings` how often it was warned of and cancelled,
    `n_strong` the sites that are in strong motion which lasts.
    """

    params: Params
    warned: bool
    age_s: float
    latitude: float
    longitude: float
    epicentre_sigma_km: float
    n_stations: int
    false_per_year: float
    magnitude: float | None
    magnitude_sigma: float
    intensity: float
    intensity_place: str
    nearest_km: float = math.inf
    grounds: Grounds = "source"
    solution: int = 1
    n_warnings: int = 0
    n_strong: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do and why.

    ``warn``: the event deserves a warning, or the standing one is deserved. ``hold``: it does not
    get one, or not now. ``withdraw``: a standing warning is clearly not deserved any more; the
    life cycle takes it back if this lasts. `detail` is a sentence with the numbers.
    """

    action: VerdictAction
    reasons: tuple[Reason, ...]
    detail: str


class Policy(Protocol):
    """Decides by a view alone: same view, same verdict."""

    NAME: ClassVar[str]
    NEEDS: ClassVar[tuple[str, ...]]
    VALID: ClassVar[Mapping[str, tuple[float, float]]]
    REFERENCE: ClassVar[str]
    VERIFIED: ClassVar[str]

    def decide(self, view: View) -> Verdict: ...


def place_fits(rule: Rule, latitude: float, longitude: float) -> bool:
    """Whether an epicentre is in the region of a rule, or within its margin."""
    if not rule.region or inside(rule.region, latitude, longitude):
        return True
    return rule.margin_km > 0.0 and edge_km(rule.region, latitude, longitude) <= rule.margin_km


def edge_km(region: Sequence[tuple[float, float]], latitude: float, longitude: float) -> float:
    """Distance in km from a point to the edge of a polygon of (latitude, longitude) corners, on the plane."""
    shrink = math.cos(math.radians(latitude))
    points = [(DEG_KM * (a - latitude), DEG_KM * shrink * (b - longitude)) for a, b in region]
    nearest = math.inf
    (y1, x1) = points[-1]
    for y2, x2 in points:
        dx, dy = x2 - x1, y2 - y1
        squared = dx * dx + dy * dy
        along = 0.0 if squared == 0.0 else min(1.0, max(0.0, -(x1 * dx + y1 * dy) / squared))
        nearest = min(nearest, math.hypot(x1 + along * dx, y1 + along * dy))
        y1, x1 = y2, x2
    return nearest
