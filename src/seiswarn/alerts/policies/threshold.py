"""Warn when magnitude and forecast intensity reach their thresholds and the solution can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from seiswarn.alerts.policies.base import Verdict, View, place_fits
from seiswarn.geo import inside
from seiswarn.intensity import A_SLOPE
from seiswarn.reasons import Reason

FEWEST_STRONG = 2  # one station in motion may be what a doubted location was made from
_Finding = tuple[Reason, str]


class Threshold:
    """Thresholds on magnitude, intensity, trust, region and age; a margin before taking back."""

    NAME: ClassVar[str] = "threshold"
    NEEDS: ClassVar[tuple[str, ...]] = ("magnitude", "intensity", "n_stations")
    VALID: ClassVar[Mapping[str, tuple[float, float]]] = {}
    REFERENCE: ClassVar[str] = "thresholds as in use at warning centres, all configurable"
    VERIFIED: ClassVar[str] = "tests/alerts/test_threshold.py"

    def decide(self, view: View) -> Verdict:
        """See `decide`."""
        return decide(view)


def decide(view: View) -> Verdict:
    """Judge one view. Pure: the same view always gives the same verdict.

    A standing warning is not withdrawn for lack of trust, age or place, only when magnitude or
    intensity fall below their thresholds by the margins while the solution can be trusted:
    taking back a true warning harms more than letting a weak one stand.
    """
    if view.magnitude is None and view.grounds == "source":
        return Verdict("hold", (Reason.NO_MAGNITUDE,), "no magnitude yet")
    p = view.params
    weak = _weakness(view, 0.0, 0.0)
    doubts = _doubts(view)
    if not view.warned:
        findings = weak + doubts + _misplaced(view) + _too_soon(view)
        if findings:
            return _verdict("hold", findings)
        return Verdict("warn", (Reason.ABOVE_THRESHOLD,), _strength(view))
    gone = _weakness(view, p.cancel_margin_magnitude, p.cancel_margin_intensity)
    if gone and not doubts:
        return _verdict("withdraw", [(Reason.NO_LONGER_MET, "no longer met"), *gone])
    if weak:
        return _verdict("hold", weak + doubts)
    return Verdict("warn", (Reason.ABOVE_THRESHOLD,), _strength(view))


def _weakness(view: View, m_margin: float, i_margin: float) -> list[_Finding]:
    """What is too small for a warning: by the thresholds, or by every one of the rules."""
    p = view.params
    if not p.rules:
        least = p.min_pga_gal if p.measure == "pga" else p.min_intensity
        return _too_small(view, p.min_magnitude, least, m_margin, i_margin)
    found: list[_Finding] = []
    for rule in p.rules:
        short = _too_small(view, rule.min_magnitude, rule.min_intensity, m_margin, i_margin)
        if not place_fits(rule, view.latitude, view.longitude):
            short.append((Reason.OUTSIDE_REGION, "epicentre is outside its region"))
        if rule.within_km and view.nearest_km > rule.within_km:
            text = f"{view.nearest_km:.0f} km from the nearest target (at most {rule.within_km:.0f} km)"
            short.append((Reason.OUTSIDE_REGION, text))
        if not short:
            return []
        name = f"rule {rule.name}: " if rule.name else ""
        found += [(reason, name + text) for reason, text in short]
    return found


def _too_small(
    view: View, magnitude: float, least: float, m_margin: float, i_margin: float
) -> list[_Finding]:
    found: list[_Finding] = []
    # Motion without a located source has no magnitude: what shakes decides alone.
    if view.magnitude is not None and view.magnitude < magnitude - m_margin:
        text = f"M {view.magnitude:.1f} is below {magnitude - m_margin:.1f}"
        found.append((Reason.BELOW_MAGNITUDE, text))
    if view.params.measure == "pga":
        least = least / 10.0 ** (i_margin / A_SLOPE)
        what, digits = "PGA", 0
    else:
        least -= i_margin
        what, digits = "intensity", 1
    if view.intensity < least:
        text = f"{what} {view.intensity:.{digits}f} {view.intensity_place} is below {least:.{digits}f}"
        found.append((Reason.BELOW_THRESHOLD, text))
    return found


def _too_soon(view: View) -> list[_Finding]:
    """Why it is not yet, or no more, the time to speak."""
    p, found = view.params, []
    if view.solution < p.release_solution:
        text = f"solution {view.solution} of the event, and number {p.release_solution} is awaited"
        found.append((Reason.EARLY_SOLUTION, text))
    if view.n_warnings >= p.max_warnings:
        found.append((Reason.REPEATED, f"warned of and cancelled {view.n_warnings} times already"))
    return found


def _doubts(view: View) -> list[_Finding]:
    """Why the solution cannot be trusted yet."""
    p, found = view.params, []
    if view.grounds == "wavefield":
        return _wavefield_doubts(view)
    if p.wavefield_stations and view.n_strong >= max(p.wavefield_stations, FEWEST_STRONG):
        return []  # the motion itself is there: nothing about its source can be doubted away
    if view.n_stations < p.min_stations:
        found.append((Reason.TOO_FEW_STATIONS, f"{view.n_stations} of {p.min_stations} stations"))
    if view.false_per_year > p.max_false_per_year:
        text = (
            f"noise makes such a coincidence {view.false_per_year:.3g} times a year"
            f" (at most {p.max_false_per_year:g})"
        )
        found.append((Reason.LOW_CONFIDENCE, text))
    if view.magnitude_sigma > p.max_magnitude_sigma:
        text = f"magnitude uncertain by {view.magnitude_sigma:.2f} (at most {p.max_magnitude_sigma:.2f})"
        found.append((Reason.LOW_CONFIDENCE, text))
    if view.epicentre_sigma_km > p.max_epicentre_sigma_km:
        text = (
            f"epicentre uncertain by {view.epicentre_sigma_km:.0f} km"
            f" (at most {p.max_epicentre_sigma_km:.0f} km)"
        )
        found.append((Reason.LOW_CONFIDENCE, text))
    return found


def _wavefield_doubts(view: View) -> list[_Finding]:
    """Why motion alone, that no located earthquake explains, is not believed."""
    least = view.params.wavefield_stations
    if least == 0:
        return [(Reason.NO_MAGNITUDE, "not warned of without a located earthquake")]
    if view.n_stations < least:
        return [(Reason.TOO_FEW_STATIONS, f"{view.n_stations} of {least} stations in strong motion")]
    return []


def _misplaced(view: View) -> list[_Finding]:
    """Why this event is not ours to warn of, or no more."""
    p, found = view.params, []
    if p.region and not inside(p.region, view.latitude, view.longitude):
        text = f"epicentre {view.latitude:.2f}, {view.longitude:.2f} is outside the region"
        found.append((Reason.OUTSIDE_REGION, text))
    if view.age_s > p.max_age_s:
        text = f"{view.age_s:.0f} s old (at most {p.max_age_s:.0f} s)"
        found.append((Reason.LATE, text))
    return found


def _strength(view: View) -> str:
    size = "strong motion without a located source" if view.magnitude is None else f"M {view.magnitude:.1f}"
    pga = view.params.measure == "pga"
    what = f"PGA {view.intensity:.0f} gal" if pga else f"intensity {view.intensity:.1f}"
    return (
        f"{size}, {what} {view.intensity_place}, {view.n_stations} stations,"
        f" {view.age_s:.1f} s after the origin"
    )


def _verdict(action: str, findings: Sequence[_Finding]) -> Verdict:
    reasons = tuple(dict.fromkeys(reason for reason, _ in findings))
    detail = "; ".join(text for _, text in findings)
    return Verdict("withdraw" if action == "withdraw" else "hold", reasons, detail)
