"""What an alert policy is: a pure function of a view, with reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from seiswarn.alerts.params import Params
from seiswarn.reasons import Reason

VerdictAction = Literal["warn", "hold", "withdraw"]


@dataclass(frozen=True, slots=True)
class View:
    """All a policy may look at.

    `intensity` is the largest forecast at any target, or at the epicentre where that counts (always when
    there are no targets); `false_per_year` how often noise would do the same; `magnitude` is None while
    unknown; `warned` says whether a warning stands.
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
