"""The life of a warning from first word to last, on synthetic truth: every way it can go."""

from __future__ import annotations

import itertools
from functools import cache
from typing import get_args

import pytest

from seiswarn.messages import Alert, Transition
from tests.scenario.life_cycle import (
    STORIES,
    Play,
    audience,
)
from tests.shaking_work import T0, at, target


@cache
def told(story: str) -> Play:
    """A story is told once; nobody changes it."""
    return STORIES[story]()


every_story = pytest.mark.parametrize("story", STORIES)


def test_every_transition_there_is_happens_in_some_story():
    seen = {t for story in STORIES for a in told(story).alerts for t in a.transitions}
    assert seen == set(get_args(Transition))


@every_story
def test_revisions_have_no_gaps_and_nothing_follows_the_last_word(story):
    play = told(story)
    lives: dict[tuple[str, str], list[Alert]] = {}
    for alert in play.alerts:
        lives.setdefault((alert.policy, alert.event_id), []).append(alert)
    assert lives
    for alerts in lives.values():
        assert [a.revision for a in alerts] == list(range(1, len(alerts) + 1))
        assert alerts[0].kind == "new"
        for a, b in itertools.pairwise(alerts):
            assert a.t_seen_ns < b.t_seen_ns
            assert a.kind != "final"
            assert (b.kind == "new") == (a.kind == "cancel")  # only what is warned of anew follows a cancel
        assert len({a.first_t_seen_ns for a in alerts}) == 1


@every_story
def test_every_alert_has_its_decision_at_the_same_moment(story):
    play = told(story)
    spoken = [d for d in play.decisions if d.action != "hold"]
    assert [(d.policy, d.event_id, d.t_seen_ns, d.action, d.reasons, d.transitions) for d in spoken] == [
        (a.policy, a.event_id, a.t_seen_ns, a.kind, a.reasons, a.transitions) for a in play.alerts
    ]
    assert all(d.reasons and d.detail for d in play.decisions)
    assert {m.policy for m in play.alerts} <= set(play.names)


@every_story
def test_transitions_say_what_the_kind_says(story):
    for a in told(story).alerts:
        assert a.transitions
        assert (a.kind == "new") == (a.transitions == ("new",))
        assert (a.kind == "cancel") == (a.transitions == ("cancel",))
        assert (a.kind == "final") == ("final" in a.transitions)
        over = a.kind == "cancel" or "all_clear" in a.transitions
        if over:
            assert (a.level_rank, a.level, a.n_area) == (0, "", 0)
            assert all(t.level_rank == 0 for t in a.targets)


@every_story
def test_stages_restored_before_every_step_tell_the_same_story(story):
    again = STORIES[story](restart=lambda step: True)
    assert again.said == told(story).said


@pytest.mark.parametrize("k", [1, 7, 12, 16, 30])
@pytest.mark.parametrize("story", ["wave_then_source", "slow_growth"])
def test_stages_restored_once_tell_the_same_further_messages(story, k):
    assert STORIES[story](restart=lambda step: step == k).said == told(story).said


def test_too_large_at_first_is_lowered_cancelled_and_warned_of_anew_but_not_for_ever():
    play = told("too_large")
    once = [("new",), ("update",), ("deescalate",), ("cancel",)]
    assert play.transitions() == 3 * once
    first = play.alerts[:4]
    assert [a.level for a in first] == ["red", "red", "blue", ""]  # lower only when that has lasted
    assert first[1].magnitude.value == 3.0  # but what is believed is told at once
    assert first[2].t_seen_ns - first[1].t_seen_ns >= 5_000_000_000
    assert first[3].reasons == ("NO_LONGER_MET",)
    assert first[3].t_seen_ns - first[1].t_seen_ns >= 10_000_000_000
    refused = [d for d in play.decisions if "REPEATED" in d.reasons]
    assert refused
    assert "cancelled 3 times already" in refused[0].detail


def test_a_cancel_says_why_and_ends_it():
    play = told("false_alarm")
    assert play.transitions() == [("new",), ("cancel",)]
    assert play.alerts[-1].reasons == ("EVENT_CANCELLED",)
    spoken = next(d for d in play.decisions if d.action == "cancel")
    assert "TELESEISM" in spoken.detail
    assert play.decisions[-1].reasons == ("EVENT_CANCELLED",)  # M 6.5 of a cancelled event is not heard


def test_slow_growth_raises_levels_and_the_area_and_the_line_reaches_farther():
    play = told("slow_growth")
    areas = [a.n_area for a in play.alerts[:-1]]
    ranks = [a.level_rank for a in play.alerts[:-1]]
    assert areas == sorted(areas)
    assert ranks == sorted(ranks)
    assert (areas[0], areas[-1]) == (2, 4)
    assert (play.alerts[0].level, play.alerts[-2].level) == ("orange", "red")
    for a, b in itertools.pairwise(play.alerts[:-1]):
        assert ("area_growth" in b.transitions) == (b.n_area > a.n_area)
        if b.level_rank > a.level_rank:
            assert "escalate" in b.transitions
    late = next(a for a in play.alerts if a.rupture is not None)
    before = play.alerts[late.revision - 2]
    assert late.t_seen_ns == at(34.0)
    gain = {t.name: t.intensity for t in late.targets}
    was = {t.name: t.intensity for t in before.targets}
    assert gain["Nanning"] > was["Nanning"] + 3.0  # 140 km from the epicentre, on the line
    assert all(t.method.endswith("+line") for t in late.targets)
    assert late.rupture is not None
    assert late.rupture.length_km == 150.0
    assert play.alerts[-1].transitions == ("all_clear", "final")
    assert play.alerts[-1].magnitude.value == 7.5


def test_the_all_clear_waits_for_s_at_the_last_target_and_two_minutes_more():
    play = told("slow_growth")
    standing = play.alerts[-2]
    last_ns = max(t.s_arrival_ns for t in standing.targets if t.level_rank)
    clear = play.alerts[-1].t_seen_ns - last_ns
    assert 120.0 <= clear / 1e9 < 121.0
    held = next(d for d in play.decisions if d.reasons == ("EVENT_ENDED",))
    assert held.action == "hold"
    assert "waits for the all clear" in held.detail


def test_an_all_clear_before_the_source_stage_ends_the_event():
    play = Play([audience("public", all_clear_s=20.0)])
    play.tell(4.0, 5.0)
    play.wait(5.0, 60.0)
    assert play.transitions() == [("new",), ("all_clear",)]
    assert play.alerts[-1].kind == "update"
    play.tell(61.0, 5.25)  # no use to anybody any more
    assert play.transitions()[-1] == ("all_clear",)
    play.tell(62.0, 5.25, state="ended")
    assert play.transitions()[-1] == ("final",)


def test_a_short_dip_lowers_no_level_a_lasting_one_does():
    play = told("dips")
    assert play.transitions() == [
        ("new",), ("update",), ("update",), ("update",), ("deescalate",), ("all_clear", "final"),
    ]  # fmt: skip
    levels = [a.level for a in play.alerts]
    assert levels == ["red", "red", "red", "red", "orange", ""]
    down = play.alerts[4]
    assert (down.t_seen_ns - play.alerts[3].t_seen_ns) / 1e9 == 5.0
    assert down.n_area < play.alerts[3].n_area


def test_a_level_is_left_half_a_degree_below_where_it_begins():
    def levels(lower: float) -> list[str]:
        play = Play([audience(deescalate_after_s=1.0)])
        play.tell(4.0, 5.5)  # 7.2 at the epicentre
        play.tell(8.0, lower)
        play.wait(9.0, 14.0)
        return [a.level for a in play.alerts]

    assert levels(5.3)[-1] == "red"  # 6.7
    assert levels(5.05)[-1] == "orange"  # 6.2


def test_a_warning_that_nobody_renews_runs_out():
    play = told("nobody_speaks")
    assert play.transitions() == [("new",), ("expired", "final")]
    new, last = play.alerts
    assert last.reasons == ("EXPIRED",)
    assert last.t_seen_ns == new.expires_ns == at(64.0)


def test_two_events_at_once_and_each_audience_hears_exactly_its_own():
    play = told("two_at_once")
    assert {(a.policy, a.event_id) for a in play.alerts} == {
        ("public", "large"), ("railway", "large"), ("mine", "small"),
    }  # fmt: skip
    sections = play.of("railway")[0].targets
    assert {t.kind for t in sections} == {"railway"}
    for t in sections:
        gal = 100.0 * t.pga_mps2
        assert t.level == ("III" if gal >= 120 else "II" if gal >= 80 else "I" if gal >= 40 else "")
    assert {t.name for t in play.of("mine")[0].targets} == {"Pit"}
    why = {(d.policy, d.event_id): d.reasons for d in play.decisions if d.t_seen_ns < at(5.0)}
    assert why["mine", "large"] == ("OUTSIDE_REGION",)
    assert why["railway", "small"] == ("BELOW_THRESHOLD",)
    assert why["public", "small"] == ("BELOW_MAGNITUDE",)


def test_sections_nearer_to_the_epicentre_have_higher_levels():
    rail = tuple(target(f"K{k}", float(k), 0.0, kind="railway") for k in (5, 30, 45, 60, 200))
    play = Play([audience("railway", name="railway", list_from=0.0)], rail)
    play.tell(4.0, 6.0)
    (new,) = play.alerts
    levels = {t.name: t.level for t in new.targets}
    assert levels == {"K5": "III", "K30": "II", "K45": "I", "K60": "I", "K200": ""}
    assert (new.measure, new.n_area) == ("pga", 4)


def test_the_third_solution_is_awaited_where_that_is_asked_for():
    play = told("third_solution")
    first, third = play.of("first"), play.of("third")
    assert [(a.t_seen_ns, a.revision) for a in (first[0], third[0])] == [(at(4.0), 1), (at(8.0), 1)]
    held = [d for d in play.decisions if d.policy == "third" and d.t_seen_ns < at(8.0)]
    assert {d.reasons for d in held} == {("EARLY_SOLUTION",)}
    assert third[-1].magnitude == first[-1].magnitude


def test_updates_are_limited_in_time_and_number_but_not_what_raises_a_level():
    play = told("limits")
    assert play.transitions() == [("new",), ("update",), ("update",), ("escalate", "area_growth")]
    times = [(a.t_seen_ns - T0) / 1e9 for a in play.alerts]
    assert times == [4.0, 8.0, 26.0, 32.0]  # the second waited for four seconds to be over
    held = [d.detail for d in play.decisions if d.reasons == ("CHANGED", "UPDATE_LIMIT")]
    assert any("held back 3.60 s" in text for text in held)
    assert any("2 updates already" in text for text in held)
