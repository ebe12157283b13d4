import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seiswarn.alerts.params import Params
from seiswarn.alerts.policies import POLICIES
from seiswarn.alerts.policies.base import View
from seiswarn.alerts.policies.threshold import decide
from seiswarn.geo import inside

STRONG = View(
    params=Params(region=((20.0, 100.0), (20.0, 110.0), (28.0, 110.0), (28.0, 100.0))),
    warned=False,
    age_s=9.0,
    latitude=24.0,
    longitude=106.0,
    epicentre_sigma_km=5.0,
    n_stations=5,
    false_per_year=1e-3,
    magnitude=6.1,
    magnitude_sigma=0.3,
    intensity=6.4,
    intensity_place="at Baise",
)


def view(**changes):
    return dataclasses.replace(STRONG, **changes)


def test_a_strong_well_known_event_is_warned_of_with_its_numbers():
    verdict = decide(STRONG)
    assert verdict.action == "warn"
    assert verdict.reasons == ("ABOVE_THRESHOLD",)
    assert "M 6.1" in verdict.detail
    assert "6.4 at Baise" in verdict.detail


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"magnitude": None}, "NO_MAGNITUDE"),
        ({"magnitude": 3.9}, "BELOW_MAGNITUDE"),
        ({"intensity": 2.9}, "BELOW_THRESHOLD"),
        ({"n_stations": 1}, "TOO_FEW_STATIONS"),
        ({"false_per_year": 1.1}, "LOW_CONFIDENCE"),
        ({"magnitude_sigma": 0.71}, "LOW_CONFIDENCE"),
        ({"epicentre_sigma_km": 151.0}, "LOW_CONFIDENCE"),
        ({"longitude": 111.0}, "OUTSIDE_REGION"),
        ({"age_s": 121.0}, "LATE"),
    ],
)
def test_each_single_shortfall_holds_with_its_reason(changes, reason):
    verdict = decide(view(**changes))
    assert verdict.action == "hold"
    assert verdict.reasons == (reason,)
    assert verdict.detail


def test_all_shortfalls_are_named_at_once():
    verdict = decide(view(magnitude=3.0, intensity=1.0, n_stations=1, age_s=900.0, latitude=0.0))
    assert verdict.reasons == (
        "BELOW_MAGNITUDE", "BELOW_THRESHOLD", "TOO_FEW_STATIONS", "OUTSIDE_REGION", "LATE",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        ({}, "warn"),
        ({"magnitude": 3.6}, "hold"),  # below, but within the margin
        ({"intensity": 2.1}, "hold"),
        ({"magnitude": 3.4}, "withdraw"),
        ({"intensity": 1.9}, "withdraw"),
        ({"magnitude": 3.4, "n_stations": 1}, "hold"),  # no evidence good enough to take it back
        ({"magnitude": 3.4, "false_per_year": 20.0}, "hold"),
        ({"intensity": 1.0, "magnitude_sigma": 0.9}, "hold"),
        ({"age_s": 500.0, "longitude": 150.0}, "warn"),  # age and place never take back
    ],
)
def test_a_standing_warning_is_withdrawn_only_on_good_evidence(changes, action):
    verdict = decide(view(warned=True, **changes))
    assert verdict.action == action
    assert ("NO_LONGER_MET" in verdict.reasons) == (action == "withdraw")


@pytest.mark.parametrize(
    "at_the_limit",
    [
        {"magnitude": 4.0},
        {"intensity": 3.0},
        {"n_stations": 2},
        {"false_per_year": 1.0},
        {"magnitude_sigma": 0.7},
        {"epicentre_sigma_km": 150.0},
        {"age_s": 120.0},
    ],
)
def test_what_just_reaches_its_limit_is_warned_of(at_the_limit):
    assert decide(view(**at_the_limit)).action == "warn"


@pytest.mark.parametrize(
    ("least_rare", "false", "action"), [(1.0, 0.9, "warn"), (0.01, 0.9, "hold"), (50.0, 40.0, "warn")]
)
def test_how_rarely_noise_may_do_the_same_is_the_operators_choice(least_rare, false, action):
    verdict = decide(view(params=Params(max_false_per_year=least_rare), false_per_year=false))
    assert verdict.action == action
    if action == "hold":
        assert verdict.detail == "noise makes such a coincidence 0.9 times a year (at most 0.01)"


@given(st.floats(0, 9), st.floats(1, 12), st.integers(0, 20), st.floats(0, 2), st.floats(0, 3), st.booleans())
def test_more_never_weakens_the_verdict(magnitude, intensity, n_stations, sigma, false, warned):
    rank = {"withdraw": 0, "hold": 1, "warn": 2}
    base = view(
        magnitude=magnitude,
        intensity=intensity,
        n_stations=n_stations,
        magnitude_sigma=sigma,
        false_per_year=false,
        warned=warned,
    )
    stronger = dataclasses.replace(base, magnitude=magnitude + 0.5, intensity=min(12.0, intensity + 0.5))
    assert rank[decide(stronger).action] >= rank[decide(base).action]
    if not warned:
        rarer = dataclasses.replace(base, false_per_year=0.5 * false)
        assert rank[decide(rarer).action] >= rank[decide(base).action]
    assert decide(base) == decide(base)


def test_points_in_a_concave_polygon():
    shape = ((0.0, 0.0), (0.0, 4.0), (4.0, 4.0), (1.0, 2.0), (4.0, 0.0))
    assert inside(shape, 0.5, 2.0)
    assert inside(shape, 3.0, 3.7)
    assert not inside(shape, 3.0, 2.0)
    assert not inside(shape, -1.0, 2.0)
    assert inside(tuple(reversed(shape)), 0.5, 2.0)


def test_every_policy_declares_itself():
    for name, policy in POLICIES.items():
        assert name == policy.NAME
        assert policy.REFERENCE
        assert policy().decide(STRONG) == decide(STRONG)
