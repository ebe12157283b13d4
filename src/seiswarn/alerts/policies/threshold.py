"""Warn when magnitude and forecast intensity reach their thresholds and the solution can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from seiswarn.alerts.policies.base import Verdict, View
from seiswarn.geo import inside
from seiswarn.reasons import Reason

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
    if view.magnitude is None:
        return Verdict("hold", (Reason.NO_MAGNITUDE,), "no magnitude yet")
    weak = _weakness(view, view.magnitude, 0.0, 0.0)
    doubts = _doubts(view)
    if not view.warned:
        findings = weak + doubts + _misplaced(view)
        if findings:
            return _verdict("hold", findings)
        return Verdict("warn", (Reason.ABOVE_THRESHOLD,), _strength(view, view.magnitude))
    p = view.params
    gone = _weakness(view, view.magnitude, p.cancel_margin_magnitude, p.cancel_margin_intensity)
    if gone and not doubts:
        return _verdict("withdraw", [(Reason.NO_LONGER_MET, "no longer met"), *gone])
    if weak:
        return _verdict("hold", weak + doubts)
    return Verdict("warn", (Reason.ABOVE_THRESHOLD,), _strength(view, view.magnitude))


def _weakness(view: View, magnitude: float, m_margin: float, i_margin: float) -> list[_Finding]:
    """What is too small for a warning."""
    found: list[_Finding] = []
    least_m = view.params.min_magnitude - m_margin
    least_i = view.params.min_intensity - i_margin
    if magnitude < least_m:
        found.append((Reason.BELOW_MAGNITUDE, f"M {magnitude:.1f} is below {least_m:.1f}"))
    if view.intensity < least_i:
        text = f"intensity {view.intensity:.1f} {view.intensity_place} is below {least_i:.1f}"
        found.append((Reason.BELOW_THRESHOLD, text))
    return found


def _doubts(view: View) -> list[_Finding]:
    """Why the solution cannot be trusted yet."""
    p, found = view.params, []
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


def _strength(view: View, magnitude: float) -> str:
    return (
        f"M {magnitude:.1f}, intensity {view.intensity:.1f} {view.intensity_place},"
        f" {view.n_stations} stations, {view.age_s:.1f} s after the origin"
    )


def _verdict(action: str, findings: Sequence[_Finding]) -> Verdict:
    reasons = tuple(dict.fromkeys(reason for reason, _ in findings))
    detail = "; ".join(text for _, text in findings)
    return Verdict("withdraw" if action == "withdraw" else "hold", reasons, detail)
