import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seiswarn.alerts.params import Params, Rule
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


# --- what is of PGA, of motion alone, and by rules ------------------------------------------------


def by_pga(**changes):
    return Params(measure="pga", min_pga_gal=40.0, min_magnitude=-2.0, **changes)


@pytest.mark.parametrize(("gal", "action"), [(39.9, "hold"), (40.0, "warn"), (200.0, "warn")])
def test_by_pga_the_threshold_is_in_gal(gal, action):
    verdict = decide(view(params=by_pga(), intensity=gal))
    assert verdict.action == action
    assert f"PGA {gal:.0f}" in verdict.detail


def test_the_margin_of_pga_is_a_degree_of_intensity():
    """GB/T 17742-2020 (A.5): a degree is a factor of 10^(1/3.17) = 2.07 in PGA."""
    assert decide(view(params=by_pga(), warned=True, intensity=19.4)).action == "hold"
    assert decide(view(params=by_pga(), warned=True, intensity=19.3)).action == "withdraw"


WAVE = view(grounds="wavefield", magnitude=None, magnitude_sigma=0.0, epicentre_sigma_km=50.0, n_stations=3)


@pytest.mark.parametrize(
    ("params", "n", "action", "reasons"),
    [
        (Params(), 3, "warn", ("ABOVE_THRESHOLD",)),
        (Params(), 2, "hold", ("TOO_FEW_STATIONS",)),
        (Params(min_stations=9), 3, "warn", ("ABOVE_THRESHOLD",)),  # of picks, not of strong motion
        (Params(wavefield_stations=1), 1, "warn", ("ABOVE_THRESHOLD",)),
        (Params(wavefield_stations=0), 30, "hold", ("NO_MAGNITUDE",)),
        (Params(min_intensity=6.5), 3, "hold", ("BELOW_THRESHOLD",)),
    ],
)
def test_motion_alone_is_judged_by_how_many_stations_show_it_and_how_strong_it_is(params, n, action, reasons):
    verdict = decide(dataclasses.replace(WAVE, params=params, n_stations=n))
    assert (verdict.action, verdict.reasons) == (action, reasons)


def test_a_source_without_a_magnitude_waits_motion_alone_never_has_one():
    assert decide(view(magnitude=None)).reasons == ("NO_MAGNITUDE",)
    assert "without a located source" in decide(WAVE).detail


@pytest.mark.parametrize(("solution", "action"), [(1, "hold"), (2, "hold"), (3, "warn"), (9, "warn")])
def test_which_solution_is_awaited(solution, action):
    verdict = decide(view(params=Params(release_solution=3), solution=solution))
    assert verdict.action == action
    assert (verdict.reasons == ("EARLY_SOLUTION",)) == (action == "hold")


@pytest.mark.parametrize(("times", "action"), [(0, "warn"), (2, "warn"), (3, "hold")])
def test_how_often_an_event_is_warned_of_anew(times, action):
    assert decide(view(n_warnings=times)).action == action
    standing = decide(view(n_warnings=times, warned=True))
    assert standing.action == "warn"  # what stands is not taken back for that


BOX = ((23.0, 105.0), (25.0, 105.0), (25.0, 107.0), (23.0, 107.0))
RULES = Params(
    rules=(
        Rule(name="here", min_magnitude=4.0, region=BOX, margin_km=50.0),
        Rule(name="near", min_magnitude=5.0, min_intensity=3.0, within_km=100.0),
    ),
)


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        ({"magnitude": 4.1, "intensity": 1.0}, "warn"),  # inside, and no intensity is asked for
        ({"magnitude": 3.9}, "hold"),
        ({"magnitude": 4.1, "latitude": 25.44}, "warn"),  # 49 km outside
        ({"magnitude": 4.1, "latitude": 25.46}, "hold"),  # 51 km
        ({"magnitude": 5.1, "latitude": 26.0, "nearest_km": 99.0}, "warn"),
        ({"magnitude": 5.1, "latitude": 26.0, "nearest_km": 101.0}, "hold"),
        ({"magnitude": 5.1, "latitude": 26.0, "nearest_km": 99.0, "intensity": 2.9}, "hold"),
    ],
)
def test_any_rule_is_enough_and_all_of_its_conditions_are_needed(changes, action):
    assert decide(view(params=RULES, **changes)).action == action


def test_every_rule_says_why_it_does_not_hold():
    verdict = decide(view(params=RULES, magnitude=3.0, latitude=27.0, nearest_km=200.0))
    assert verdict.reasons == ("BELOW_MAGNITUDE", "OUTSIDE_REGION")
    for text in ("rule here: M 3.0 is below 4.0", "rule here: epicentre is outside", "rule near: 200 km"):
        assert text in verdict.detail


def test_a_standing_warning_by_rules_has_its_margins_too():
    assert decide(view(params=RULES, warned=True, magnitude=3.6, intensity=1.0)).action == "hold"
    assert decide(view(params=RULES, warned=True, magnitude=3.4, intensity=1.0)).action == "withdraw"
