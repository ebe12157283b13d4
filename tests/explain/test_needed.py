"""What would have had to be different, reason by reason."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from seiswarn.explain.facts import AudienceSeen, RuleSeen
from seiswarn.explain.needed import Reached, needed
from seiswarn.explain.seen import DecisionSeen

AUDIENCE = AudienceSeen(min_magnitude=4.0, min_intensity=3.0, min_stations=4, release_solution=3)
REACHED = Reached(
    magnitude=3.6,
    intensity=2.4,
    n_stations=2,
    false_per_year=73.8,
    magnitude_sigma=0.4,
    epicentre_sigma_km=200.0,
    age_s=130.0,
    n_solutions=1,
)


def decision(*reasons: str) -> DecisionSeen:
    return DecisionSeen(t_seen_ns=1, event_id="e", policy="public", action="hold", reasons=reasons)


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("BELOW_MAGNITUDE", ["M 4.0 or more (the largest was 3.6)"]),
        ("BELOW_THRESHOLD", ["a forecast intensity of 3.0 or more (the largest was 2.4)"]),
        ("TOO_FEW_STATIONS", ["4 stations (at most 2 saw it)"]),
        (
            "LOW_CONFIDENCE",
            [
                "stations that noise brings together no more than 1 times a year (at best 73.8)",
                "an epicentre known to 150 km (at best 200 km)",
            ],
        ),
        (
            "LATE",
            ["a first warning within 120 s of the origin (the event was first known after 130.0 s)"],
        ),
        ("EARLY_SOLUTION", ["3 solutions of the event (there were 1)"]),
        ("NO_CHANGE", []),
    ],
)
def test_each_reason_says_what_was_wanted_and_what_was_reached(reason: str, says: list[str]) -> None:
    assert needed(decision(reason), AUDIENCE, REACHED) == says


@pytest.mark.parametrize(
    "reason",
    ["COVERED", "OUTSIDE_REGION", "REPEATED", "EVENT_CANCELLED", "EVENT_ENDED", "SUPERSEDED", "NO_MAGNITUDE"],
)
def test_what_no_number_tells_is_said_without_a_configuration_too(reason: str) -> None:
    assert len(needed(decision(reason), None, REACHED)) == 1


def test_what_was_reached_by_itself_is_not_called_too_small() -> None:
    large = replace(REACHED, magnitude=4.2)
    assert "reached at some time or place, 4.2" in needed(decision("BELOW_MAGNITUDE"), AUDIENCE, large)[0]
    sure = replace(REACHED, false_per_year=0.1, epicentre_sigma_km=3.0)
    assert "each was certain enough once" in needed(decision("LOW_CONFIDENCE"), AUDIENCE, sure)[0]


def test_rules_are_named_one_by_one() -> None:
    rules = (RuleSeen(name="near", min_magnitude=4.0), RuleSeen(name="far", min_magnitude=5.0))
    ruled = AudienceSeen(rules=rules)
    told = needed(decision("BELOW_MAGNITUDE"), ruled, REACHED)
    assert [text.split(" (")[0] for text in told] == [
        "rule near: M 4.0 or more",
        "rule far: M 5.0 or more",
    ]


def test_an_audience_of_accelerations_hears_of_gal() -> None:
    railway = AudienceSeen(measure="pga", min_pga_gal=40.0)
    assert needed(decision("BELOW_THRESHOLD"), railway, REACHED) == [
        "a forecast of 40 gal or more at one of its targets"
    ]


def test_without_a_decision_or_a_configuration_nothing_is_made_up() -> None:
    assert needed(None, AUDIENCE, REACHED) == []
    assert needed(decision("BELOW_MAGNITUDE"), None, REACHED) == []
    unknown = replace(REACHED, magnitude=math.nan)
    assert needed(decision("BELOW_MAGNITUDE"), AUDIENCE, unknown) == ["M 4.0 or more (never known)"]
