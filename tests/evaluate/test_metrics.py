"""Figures from messages written by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from factories import ORIGIN_NS, make_decision, make_pick
from seiswarn.evaluate.heard import Shaking
from seiswarn.evaluate.lead import lead_times
from seiswarn.evaluate.matching import Rules, floor_s, must_warn, nearest, per_site
from seiswarn.evaluate.metrics import NAMED, STATES, failed, figures
from seiswarn.timebase import from_seconds
from tests.evaluate.conftest import alert, estimate, make_heard, make_quake, make_reached

RULES = Rules()
STORY = [
    alert(9.0, 5.4, 12.0, depth_km=4.0, revision=1),
    alert(13.9, 5.6, 8.0, revision=2),
    alert(14.0, 5.7, 6.0, revision=3),
    alert(18.0, 5.9, 5.0, revision=4, gap_deg=200.0),
    alert(40.0, 6.3, 1.0, revision=5),
]


def test_states_are_the_last_alert_by_then() -> None:
    found = figures("x", make_heard(STORY), RULES)
    assert found["first_alert_s"] == 9.0
    assert [found[name]["m"] for name in STATES] == [5.4, 5.7, 5.9, 5.9, 6.3]
    assert [found[name]["dm"] for name in STATES] == pytest.approx([-0.6, -0.3, -0.1, -0.1, 0.3])
    assert [found[name]["epi_err_km"] for name in STATES] == pytest.approx([12, 6, 5, 5, 1], abs=0.01)
    assert found["first"]["depth_err_km"] == pytest.approx(-6.0)
    assert found["first"]["n_stations"] == 6
    assert found["at_origin_20s"]["m"] == 5.9
    assert (found["gap_deg"], found["inside"]) == (200.0, False)
    assert (found["n_events"], found["missed"], found["false_alerts"], found["split"]) == (1, False, 0, False)


def test_a_cancellation_is_no_state_and_is_told() -> None:
    found = figures("x", make_heard([*STORY, alert(50.0, 1.0, 90.0, kind="cancel", revision=6)]), RULES)
    assert found["final"]["m"] == 6.3
    assert found["cancelled"]


def test_the_json_has_every_name_whatever_happened() -> None:
    silent, noise = figures("x", make_heard([]), RULES), figures("x", make_heard([], ()), RULES)
    for found in (figures("x", make_heard(STORY), RULES), silent, noise, failed("x", "broken")):
        assert set(NAMED) <= set(json.loads(json.dumps(found)))
    assert silent["missed"]
    assert not noise["missed"]
    for name in (*STATES, "first_alert_s"):
        assert silent[name] is None
        assert noise[name] is None


@pytest.mark.parametrize(
    ("north_km", "late_s", "false"),
    [(99.0, 0.0, 0), (101.0, 0.0, 1), (0.0, 29.9, 0), (0.0, -29.9, 0), (0.0, 30.1, 1), (99.0, -29.0, 0)],
)
def test_an_alert_matches_within_100_km_and_30_s(north_km: float, late_s: float, false: int) -> None:
    found = figures("x", make_heard([alert(9.0, 6.0, north_km, late_s)]), RULES)
    assert found["false_alerts"] == false
    assert found["missed"] == bool(false)


def test_an_event_that_moves_to_its_place_is_of_that_earthquake() -> None:
    far_first = [alert(9.0, 6.0, 150.0, revision=1), alert(12.0, 6.0, 10.0, revision=2)]
    found = figures("x", make_heard(far_first), RULES)
    assert found["false_alerts"] == 0
    assert found["first_alert_s"] == 9.0
    cancelled_there = [alert(9.0, 6.0, 150.0), alert(12.0, 6.0, 10.0, kind="cancel", revision=2)]
    assert figures("x", make_heard(cancelled_there), RULES)["false_alerts"] == 1


def test_without_a_catalogue_every_alert_is_false() -> None:
    found = figures("x", make_heard([alert(9.0, 6.0), alert(9.0, 6.0, event_id="b")], ()), RULES)
    assert (found["n_events"], found["false_alerts"], found["missed"]) == (2, 2, False)
    assert [r["of_catalogue"] for r in found["revisions"]] == [False, False]


def test_two_events_of_one_earthquake_are_a_split_and_the_earlier_is_followed() -> None:
    both = [alert(9.0, 5.5), alert(10.0, 7.5, 40.0, event_id="b"), alert(12.0, 5.8, revision=2)]
    found = figures("x", make_heard(both), RULES)
    assert found["split"]
    assert (found["n_events"], found["false_alerts"]) == (2, 0)
    assert found["final"]["m"] == 5.8


def test_figures_are_of_the_largest_and_alerts_of_the_nearest() -> None:
    later = make_quake(quake_id="q2", time_ns=ORIGIN_NS + from_seconds(25.0), magnitude=3.9)
    alerts = [*STORY, alert(36.0, 4.0, 2.0, late_s=25.0, event_id="b")]
    found = figures("x", make_heard(alerts, (make_quake(), later)), RULES)
    assert (found["magnitude"], found["first_alert_s"]) == (6.0, 9.0)
    assert (found["false_alerts"], found["unwanted"], found["split"]) == (0, 1, False)
    assert nearest(alerts[-1:], (make_quake(), later), RULES) == 1
    large = make_quake(quake_id="q2", time_ns=later.time_ns, magnitude=5.0)
    missed = figures("x", make_heard(STORY, (make_quake(), large)), RULES)
    assert (missed["missed"], missed["n_missed"], missed["n_must_warn"]) == (False, 1, 2)


@pytest.mark.parametrize(
    ("magnitude", "change", "due"),
    [
        (6.0, {}, True),
        (4.47, {}, True),  # catalogues are good for a tenth
        (4.4, {}, False),
        (None, {}, False),
        (6.0, {"recording": False, "saw_p": False}, False),
        (6.0, {"saw_p": False}, False),
        (6.0, {"distance_km": 201.0}, False),
        (6.0, {"site": 0}, False),  # beside another: the same P twice
    ],
)
def test_who_must_be_warned_of(magnitude: float | None, change: dict[str, Any], due: bool) -> None:
    rows = [make_reached(0), make_reached(1), make_reached(2), make_reached(3, **change)]
    quake = make_quake(magnitude=magnitude)
    assert must_warn(quake, rows, RULES) is due
    heard = make_heard([], (quake,), reached=(tuple(rows),))
    assert figures("x", heard, RULES)["missed"] is due


def test_the_floor_is_p_at_the_fourth_site_that_was_recording() -> None:
    rows = [make_reached(k) for k in range(6)]
    assert floor_s(rows, 4) == 8.0
    rows[1] = make_reached(1, at_p=False, recording=False, saw_p=False)
    rows[2] = make_reached(2, site=0)
    assert floor_s(rows, 4) == 12.0
    assert floor_s(rows[:4], 4) is None
    assert per_site(rows)[0].station == "XX.S00..HN"


def test_estimates_are_beside_alerts_and_told_apart() -> None:
    estimates = [estimate(8.0, 5.0, 20.0, revision=1), estimate(9.0, 5.4, revision=2)]
    found = figures("x", make_heard(STORY[:1], estimates=estimates), RULES)
    assert found["first_estimate_s"] == 8.0
    assert [(r["kind"], r["t_s"]) for r in found["revisions"]] == [
        ("estimate", 8.0),
        ("estimate", 9.0),
        ("alert", 9.0),
    ]
    assert found["estimates"]["first"]["m"] == 5.0
    assert found["first"]["m"] == 5.4
    silent = figures("x", make_heard([], estimates=estimates), RULES)
    assert (silent["first_estimate_s"], silent["missed"]) == (8.0, True)
    decisions = [
        make_decision(event_id=event, action="hold", reasons=(reason,), detail=f"about {event}")
        for event, reason in (("a", "LOW_CONFIDENCE"), ("elsewhere", "COVERED"), ("a", "EVENT_ENDED"))
    ]
    held = figures("x", make_heard([], estimates=estimates, decisions=decisions), RULES)["held"]
    assert held == {"reasons": ["LOW_CONFIDENCE"], "detail": "about a"}
    assert figures("x", make_heard(STORY, estimates=estimates, decisions=decisions), RULES)["held"] is None


def test_lead_times_count_from_the_first_alert() -> None:
    near, far, late = make_reached(0), make_reached(9), make_reached(5, at_p=False)
    picks = [
        make_pick(0, station=far.station, phase="S", t_ns=ORIGIN_NS + from_seconds(33.0)),
        make_pick(1, station=near.station, phase="S", t_ns=ORIGIN_NS + from_seconds(20.0)),  # not of this S
        make_pick(2, station=near.station, t_ns=ORIGIN_NS + from_seconds(3.6)),  # a P
    ]
    times = [ORIGIN_NS + from_seconds(t) for t in (-5.0, 34.0, 36.0, 37.0, 900.0)]
    shaking = {far.station: Shaking(t_ns=times, intensity_gbt=[9.0, 5.9, 6.0, 8.0, 9.0])}
    found = lead_times(
        ORIGIN_NS + from_seconds(9.0), make_quake(), [near, far, late], picks, shaking, threshold=6.0
    )
    assert set(found) == {near.station, far.station}
    assert (found[near.station]["s_from"], found[near.station]["lead_s_s"]) == ("iasp91", -5.5)
    assert found[near.station]["strong_s"] is None
    assert (found[far.station]["s_from"], found[far.station]["lead_s_s"]) == ("pick", 24.0)
    assert (found[far.station]["strong_s"], found[far.station]["lead_strong_s"]) == (36.0, 27.0)
    silent = lead_times(None, make_quake(), [far], picks, shaking, threshold=8.5)
    assert (silent[far.station]["lead_s_s"], silent[far.station]["strong_s"]) == (None, None)
