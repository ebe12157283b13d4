"""What would have had to be different for a warning, with what was wanted and what was reached."""

from __future__ import annotations

import math
from dataclasses import dataclass

from seiswarn.explain.facts import AudienceSeen, RuleSeen
from seiswarn.explain.gather import Gathered
from seiswarn.explain.seen import DecisionSeen
from seiswarn.reasons import Reason
from seiswarn.timebase import NS


@dataclass(frozen=True, slots=True)
class Reached:
    """The best of an event over all its estimates and forecasts, each by itself. NaN: never known."""

    magnitude: float
    intensity: float  # over targets and the epicentre
    n_stations: int
    false_per_year: float
    magnitude_sigma: float
    epicentre_sigma_km: float
    age_s: float  # when it was first known
    n_solutions: int


def reached(found: Gathered) -> Reached:
    """What an event came to."""
    live = [e for e in found.estimates if e.state in ("new", "update")] or found.estimates
    sized = [e.magnitude for e in live if e.magnitude is not None]
    peaks = [max(f.max_intensity, f.epicentral_intensity) for f in found.forecasts]
    return Reached(
        magnitude=max((m.value for m in sized), default=math.nan),
        intensity=max(peaks, default=math.nan),
        n_stations=max((e.origin.n_stations for e in live), default=0),
        false_per_year=min((e.false_per_year for e in live), default=math.nan),
        magnitude_sigma=min((m.sigma for m in sized), default=math.nan),
        epicentre_sigma_km=min((e.origin.ellipse_major_km for e in live), default=math.nan),
        age_s=min(((e.t_seen_ns - e.origin.time_ns) / NS for e in live), default=math.nan),
        n_solutions=len(live),
    )


def needed(decision: DecisionSeen | None, audience: AudienceSeen | None, limits: Reached) -> list[str]:
    """A sentence for each thing that kept an audience from being warned, in the order of its reasons."""
    if decision is None:
        return []
    out: list[str] = []
    for reason in decision.reasons:
        out += _for(reason, decision, audience, limits)
    return list(dict.fromkeys(out))


def _for(reason: str, decision: DecisionSeen, audience: AudienceSeen | None, limits: Reached) -> list[str]:
    fixed = _FIXED.get(reason)
    if fixed is not None:
        return [fixed]
    if audience is None:
        return []
    if reason in (Reason.BELOW_MAGNITUDE, Reason.BELOW_THRESHOLD):
        return _strength(reason, audience, limits)
    if reason == Reason.TOO_FEW_STATIONS:
        wanted = audience.wavefield_stations if math.isnan(limits.magnitude) else audience.min_stations
        return [f"{wanted} stations (at most {limits.n_stations} saw it)"]
    if reason == Reason.LOW_CONFIDENCE:
        return _trust(audience, limits)
    if reason == Reason.LATE:
        return [
            f"a first warning within {audience.max_age_s:.0f} s of the origin"
            f" (the event was first known after {limits.age_s:.1f} s)"
        ]
    if reason == Reason.EARLY_SOLUTION:
        return [f"{audience.release_solution} solutions of the event (there were {limits.n_solutions})"]
    return []


_FIXED: dict[str, str] = {
    Reason.COVERED: "more, somewhere, than the warning of the other event said already",
    Reason.OUTSIDE_REGION: "an epicentre in the region of this audience, or near its targets",
    Reason.REPEATED: "fewer warnings of this event that were cancelled again",
    Reason.EVENT_CANCELLED: "an event that stands: this one was taken back by the source stage",
    Reason.EVENT_ENDED: "a decision before the event ended",
    Reason.SUPERSEDED: "nothing: the event that it goes on as was judged instead",
    Reason.NO_MAGNITUDE: "a located earthquake with a magnitude",
}


def _strength(reason: str, audience: AudienceSeen, limits: Reached) -> list[str]:
    rules = audience.rules or (
        RuleSeen(min_magnitude=audience.min_magnitude, min_intensity=audience.min_intensity),
    )
    out = []
    for rule in rules:
        name = f"rule {rule.name}: " if rule.name else ""
        if reason == Reason.BELOW_MAGNITUDE:
            out.append(
                f"{name}M {rule.min_magnitude:.1f} or more ({_largest(limits.magnitude, rule.min_magnitude)})"
            )
        elif audience.measure == "pga" and not audience.rules:
            out.append(f"{name}a forecast of {audience.min_pga_gal:.0f} gal or more at one of its targets")
        elif rule.min_intensity > 0.0:
            reach = _largest(limits.intensity, rule.min_intensity)
            out.append(f"{name}a forecast intensity of {rule.min_intensity:.1f} or more ({reach})")
    return out


def _largest(value: float, wanted: float) -> str:
    if math.isnan(value):
        return "never known"
    if value >= wanted:
        return f"reached at some time or place, {value:.1f}, but not where and when the rest held too"
    return f"the largest was {value:.1f}"


def _trust(audience: AudienceSeen, limits: Reached) -> list[str]:
    checks = (
        (
            limits.false_per_year, audience.max_false_per_year,
            "stations that noise brings together no more than {:g} times a year (at best {:.3g})",
        ),
        (
            limits.magnitude_sigma, audience.max_magnitude_sigma,
            "a magnitude known to {:.2f} (at best {:.2f})",
        ),
        (
            limits.epicentre_sigma_km, audience.max_epicentre_sigma_km,
            "an epicentre known to {:.0f} km (at best {:.0f} km)",
        ),
    )  # fmt: skip
    short = [text.format(most, best) for best, most, text in checks if best > most]
    return short or ["a solution so certain while the rest held too: by itself each was certain enough once"]
