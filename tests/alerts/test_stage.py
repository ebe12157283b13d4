import msgspec
import pytest

from seiswarn.alerts.params import Params
from seiswarn.messages import Arrival, decode, encode
from seiswarn.targets import TargetTable
from seiswarn.timebase import NS
from tests.alerts.scripted import (
    PLACES,
    T0,
    alerts,
    at,
    decisions,
    feed,
    stage_of,
    table,
    told,
)


@pytest.fixture
def stage():
    return stage_of()


def test_new_update_final(stage):
    (new,) = alerts(feed(stage, told(8.0)))
    assert (new.kind, new.revision, new.policy, new.first_t_seen_ns) == ("new", 1, "public", at(8.0))
    assert new.expires_ns == at(608.0)
    assert new.reasons == ("ABOVE_THRESHOLD",)
    assert [t.name for t in new.targets] == list(PLACES)
    (update,) = alerts(feed(stage, told(10.0, 6.4, revision=2)))
    assert (update.kind, update.revision, update.first_t_seen_ns) == ("update", 2, at(8.0))
    assert update.reasons[0] == "CHANGED"
    (final,) = alerts(feed(stage, told(100.0, 6.5, "ended", 3)))
    assert (final.kind, final.revision, final.magnitude.value) == ("final", 3, 6.5)
    assert final.reasons == ("EVENT_ENDED",)
    assert final.targets  # the last forecast still stands
    assert alerts(feed(stage, told(101.0, 7.5, revision=4))) == []


def test_a_decision_accompanies_every_alert_and_says_why(stage):
    made = feed(stage, told(8.0))
    (decision,) = decisions(made)
    assert decision.action == "new"
    assert decision.detail.startswith("M 6.0, intensity 8.0 at the epicentre, 5 stations, 8.0 s")
    (decision,) = decisions(feed(stage, told(10.0, 6.6, revision=2)))
    assert decision.action == "update"
    assert "magnitude +0.6" in decision.detail
    assert "intensity +0.9 at Baise" in decision.detail


def test_unwarned_events_leave_decisions_but_not_one_per_told(stage):
    made = []
    for k in range(500):  # 10 s of slices
        made += feed(stage, told(5.0 + 0.02 * k, 3.5, revision=k + 1))
    assert alerts(made) == []
    assert [d.action for d in made] == ["hold"]
    assert made[0].reasons == ("BELOW_MAGNITUDE",)
    (again,) = feed(stage, told(15.0, 3.5, revision=501))
    assert again.reasons == ("BELOW_MAGNITUDE",)
    (other,) = feed(stage, told(15.02, 3.5, revision=502, n=1))
    assert other.reasons == ("BELOW_MAGNITUDE", "TOO_FEW_STATIONS")


@pytest.mark.parametrize(
    ("second", "kwargs", "text"),
    [
        (told(10.0, 6.25, revision=2), {}, "magnitude"),
        (told(10.0, revision=2), {"offset": -0.6}, "intensity -0.6"),
        (told(10.0, revision=2), {"late_s": 2.5}, "S +2.5 s"),
        (told(10.0, revision=2, where=(22.24, 0.0)), {}, "epicentre moved 22 km"),
    ],
)
def test_each_kind_of_change_makes_an_update(stage, second, kwargs, text):
    feed(stage, told(8.0))
    made = feed(stage, second, **kwargs)
    assert [a.kind for a in alerts(made)] == ["update"]
    assert text in decisions(made)[0].detail


def test_small_changes_make_none(stage):
    feed(stage, told(8.0))
    made = feed(stage, told(10.0, 6.1, revision=2, where=(5.56, 0.0)), offset=0.2, late_s=1.0)
    assert alerts(made) == []
    assert decisions(made)[0].reasons == ("NO_CHANGE", "ABOVE_THRESHOLD")


def test_moderate_changes_wait_and_are_not_lost_large_ones_do_not_wait(stage):
    feed(stage, told(8.0))
    (held,) = feed(stage, told(8.3, 6.3, revision=2))
    assert held.reasons == ("CHANGED", "UPDATE_LIMIT")
    assert alerts(stage.handle(at(8.9), [])) == []
    (update,) = alerts(stage.handle(at(9.0), []))
    assert (update.magnitude.value, update.revision, update.t_seen_ns) == (6.3, 2, at(9.0))
    # the seconds left count from the alert, not from the estimate that was held back
    for t in update.targets:
        assert t.seconds_left == pytest.approx((t.s_arrival_ns - at(9.0)) / NS)
    assert alerts(stage.handle(at(12.0), [])) == []
    (large,) = alerts(feed(stage, told(9.1, 7.2, revision=3)))
    assert large.magnitude.value == 7.2


def test_a_held_back_change_that_went_away_is_not_sent(stage):
    feed(stage, told(8.0))
    feed(stage, told(8.3, 6.3, revision=2))
    feed(stage, told(8.5, 6.0, revision=3))
    assert alerts(stage.handle(at(9.5), [])) == []


def test_cancel_by_the_source(stage):
    feed(stage, told(8.0))
    (cancel,) = alerts(feed(stage, told(12.0, state="cancelled", revision=2, reasons=("TELESEISM",))))
    assert (cancel.kind, cancel.revision, cancel.reasons) == ("cancel", 2, ("EVENT_CANCELLED",))
    made = feed(stage, told(13.0, revision=3))
    assert alerts(made) == []
    assert made[0].reasons == ("EVENT_CANCELLED",)


def test_an_event_that_was_never_warned_of_is_not_cancelled(stage):
    feed(stage, told(8.0, 3.0))
    made = feed(stage, told(12.0, 3.0, state="cancelled", revision=2))
    assert alerts(made) == []
    assert made[0].action == "hold"


def test_no_longer_met_must_last_before_it_cancels(stage):
    feed(stage, told(8.0))
    (down,) = alerts(feed(stage, told(10.0, 3.2, revision=2)))
    assert (down.kind, down.level) == ("update", "red")  # what is believed at once, the level when it lasts
    assert down.magnitude.value == 3.2
    (lower,) = alerts(stage.handle(at(15.0), []))
    assert (lower.transitions, lower.level) == (("deescalate",), "yellow")  # 3.8 at the epicentre
    assert alerts(stage.handle(at(19.9), [])) == []
    feed(stage, told(19.9, 3.6, revision=3))  # within the margin: starts anew
    feed(stage, told(20.5, 3.2, revision=4))
    assert "cancel" not in [a.kind for a in alerts(stage.handle(at(30.0), []))]
    (cancel,) = alerts(stage.handle(at(30.5), []))
    assert (cancel.kind, cancel.reasons) == ("cancel", ("NO_LONGER_MET",))
    # Silence for ever would be the worse mistake: what grows again is warned of again, revisions going on.
    (again,) = alerts(feed(stage, told(31.0, 6.0, revision=5)))
    assert (again.kind, again.revision) == ("new", cancel.revision + 1)
    assert alerts(feed(stage, told(40.0, 6.0, revision=6, state="ended")))[0].kind == "final"
    assert alerts(feed(stage, told(41.0, 7.0, revision=7))) == []


def test_an_update_in_between_does_not_put_off_a_lower_level(stage):
    """Else a warning that is updated often, or never again, would keep a level that nobody believes."""
    feed(stage, told(8.0))
    feed(stage, told(10.0, 4.5, revision=2))  # told at once; the level waits from here
    feed(stage, told(13.0, 4.2, revision=3))  # another update
    (lower,) = alerts(stage.handle(at(15.0), []))
    assert (lower.transitions, lower.level) == (("deescalate",), "orange")


def test_a_doubtful_low_solution_never_cancels(stage):
    feed(stage, told(8.0))
    for k in range(40):
        made = feed(stage, told(9.0 + k, 3.0, revision=2 + k, sigma=0.9))
        assert "cancel" not in [a.kind for a in alerts(made)]


def test_too_old_for_a_first_warning_but_not_for_an_update(stage):
    (late,) = feed(stage, told(130.0, event="late"))
    assert late.reasons == ("LATE",)
    feed(stage, told(100.0))
    assert [a.kind for a in alerts(feed(stage, told(140.0, 6.9, revision=2)))] == ["update"]


NOBODY = TargetTable.of(())


def test_without_targets_the_epicentral_intensity_decides():
    stage = stage_of(targets=NOBODY)
    (new,) = alerts(feed(stage, told(8.0), targets=NOBODY, epicentral_intensity=9.0))
    assert (new.epicentral_intensity, new.level, new.targets) == (9.0, "red", ())
    (update,) = alerts(feed(stage, told(10.0, revision=2), targets=NOBODY, epicentral_intensity=8.3))
    assert update.transitions == ("update",)
    assert alerts(feed(stage, told(12.0, revision=3), targets=NOBODY, epicentral_intensity=8.1)) == []


@pytest.mark.parametrize(
    ("at_epicentre", "with_targets", "spoken"),
    [(True, True, True), (False, True, False), (False, False, True)],
)
def test_the_epicentre_counts_beside_the_targets_unless_they_alone_are_asked_for(
    at_epicentre, with_targets, spoken
):
    """Strong at the epicentre, weak at every target: the public lives anywhere, a plant does not."""
    there = table() if with_targets else NOBODY
    stage = stage_of(Params(at_epicentre=at_epicentre), targets=there)
    made = feed(stage, told(8.0, 4.5), offset=-4.0, targets=there, epicentral_intensity=5.5)
    assert bool(alerts(made)) is spoken
    assert ("5.5 at the epicentre" in decisions(made)[0].detail) is spoken
    if not spoken:
        assert decisions(made)[0].reasons == ("BELOW_THRESHOLD",)


def test_what_noise_does_too_often_waits_for_more(stage):
    """Two sites that hardly move are held back; the same two with strong motion are warned of."""
    (held,) = feed(stage, told(6.0, n=2, false_per_year=300.0))
    assert (held.action, held.reasons) == ("hold", ("LOW_CONFIDENCE",))
    assert "300 times a year" in held.detail
    (new,) = alerts(feed(stage, told(7.0, n=2, revision=2, false_per_year=0.2)))
    assert new.kind == "new"
    # What was once believed is not taken back because it is less sure now.
    assert "cancel" not in [
        a.kind
        for k in range(30)
        for a in alerts(feed(stage, told(8.0 + k, 3.0, revision=3 + k, false_per_year=300.0)))
    ]


def test_no_magnitude_is_a_reason(stage):
    (held,) = feed(stage, told(6.0, None))
    assert held.reasons == ("NO_MAGNITUDE",)
    assert decode(encode(held)) == held


def test_sensors_of_one_station_count_once(stage):
    def arrival(station):
        return Arrival(
            pick_id=station, station=station, phase="P", t_ns=T0, residual_s=0.0, distance_km=10.0,
            azimuth_deg=0.0, weight=1.0,
        )  # fmt: skip

    codes = ["GX.A..HN", "GX.A..HH", "GX.B..HN", "GX.C..HN"]
    strict = stage_of(Params(min_stations=4))
    (held,) = feed(strict, told(8.0, arrivals=tuple(map(arrival, codes))))
    assert held.reasons == ("TOO_FEW_STATIONS",)
    assert held.n_stations == 3
    (alone,) = feed(stage, told(8.0, arrivals=tuple(map(arrival, codes[:2]))))
    assert (alone.reasons, alone.n_stations) == (("TOO_FEW_STATIONS",), 1)


def test_events_are_independent():
    stage = stage_of(Params(cover_s=0.0))
    assert alerts(feed(stage, told(8.0, event="a")))[0].revision == 1
    assert alerts(feed(stage, told(8.1, event="b")))[0].revision == 1
    feed(stage, told(9.0, state="cancelled", revision=2, event="a"))
    assert alerts(feed(stage, told(10.0, 6.7, revision=2, event="b")))[0].revision == 2


def test_status_travels(stage):
    made = feed(stage, told(8.0, status="exercise"))
    assert {m.status for m in made} == {"exercise"}


def test_what_nobody_speaks_of_is_forgotten_a_standing_warning_is_not():
    stage = stage_of(Params(expires_s=1e5))
    feed(stage, told(8.0, 3.0, event="weak"))
    feed(stage, told(8.0, event="strong"))
    feed(stage, told(3000.0, 3.0, event="fresh"))
    stage.handle(at(8.0 + 3601), [])
    assert list(msgspec.msgpack.decode(stage.snapshot())[0]["records"]) == ["strong", "fresh"]
