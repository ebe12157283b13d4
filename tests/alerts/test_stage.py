import itertools
import random
import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seiswarn.alerts.params import Params
from seiswarn.alerts.stage import AlertsStage
from seiswarn.messages import (
    Alert,
    Arrival,
    Decision,
    EventEstimate,
    Forecast,
    Magnitude,
    Origin,
    TargetForecast,
    decode,
    encode,
)
from seiswarn.timebase import NS

T0 = 1_700_000_000 * NS
PLACES = {"Baise": 40.0, "Nanning": 210.0, "Liuzhou": 330.0}


def estimate(
    t, magnitude=6.0, state="update", revision=1, latitude=24.0, n=5, sigma=0.3, event="e1", **changes
):
    """An estimate seen `t` seconds after the origin."""
    origin = Origin(
        time_ns=T0, latitude=latitude, longitude=106.0, depth_km=10.0, time_sigma_s=0.3, depth_sigma_km=5.0,
        ellipse_major_km=5.0, ellipse_minor_km=3.0, ellipse_azimuth_deg=0.0, n_stations=n, gap_deg=90.0,
        rms_s=0.2,
    )  # fmt: skip
    size = None if magnitude is None else Magnitude(value=magnitude, sigma=sigma, kind="Mpd", n_stations=n)
    made = EventEstimate(
        event_id=event, revision=revision, state=state, t_seen_ns=at(t), origin=origin, magnitude=size
    )
    return msgspec.structs.replace(made, **changes)


def forecast(e, offset=0.0, late_s=0.0):
    """A forecast that follows the magnitude, strongest at the epicentre; `offset` in intensity."""
    targets = tuple(
        TargetForecast(
            name=name, latitude=24.0, longitude=100.0 + d / 100, distance_km=d,
            intensity=max(1.0, 1.5 * e.magnitude.value - 1.0 - d / 60 + offset), intensity_sigma=0.7,
            pga_mps2=0.1, pgv_mps=0.01, p_arrival_ns=T0 + int(d / 6 * NS),
            s_arrival_ns=T0 + int((d / 3.5 + late_s) * NS),
            seconds_left=(T0 + int((d / 3.5 + late_s) * NS) - e.t_seen_ns) / NS, method="test",
        )
        for name, d in PLACES.items()
    )  # fmt: skip
    return Forecast(
        event_id=e.event_id, estimate_revision=e.revision, t_seen_ns=e.t_seen_ns, targets=targets,
        intensity_scale="GB/T 17742-2020", max_intensity=max(t.intensity for t in targets),
        epicentral_intensity=max(1.0, 1.5 * e.magnitude.value - 1.0 + offset), status=e.status,
    )  # fmt: skip


def at(t):
    return T0 + round(t * NS)


def feed(stage, e, **kwargs):
    messages = [e] if e.magnitude is None or e.state in ("ended", "cancelled") else [e, forecast(e, **kwargs)]
    return stage.handle(e.t_seen_ns, messages)


def alerts(messages):
    return [m for m in messages if isinstance(m, Alert)]


def decisions(messages):
    return [m for m in messages if isinstance(m, Decision)]


@pytest.fixture
def stage():
    return AlertsStage(Params())


def test_new_update_final(stage):
    (new,) = alerts(feed(stage, estimate(8.0)))
    assert (new.kind, new.revision, new.policy, new.first_t_seen_ns) == ("new", 1, "public", at(8.0))
    assert new.expires_ns == at(608.0)
    assert new.reasons == ("ABOVE_THRESHOLD",)
    assert [t.name for t in new.targets] == list(PLACES)
    (update,) = alerts(feed(stage, estimate(10.0, 6.4, revision=2)))
    assert (update.kind, update.revision, update.first_t_seen_ns) == ("update", 2, at(8.0))
    assert update.reasons[0] == "CHANGED"
    (final,) = alerts(feed(stage, estimate(100.0, 6.5, "ended", 3)))
    assert (final.kind, final.revision, final.magnitude.value) == ("final", 3, 6.5)
    assert final.reasons == ("EVENT_ENDED",)
    assert final.targets  # the last forecast still stands
    assert alerts(feed(stage, estimate(101.0, 7.5, revision=4))) == []


def test_a_decision_accompanies_every_alert_and_says_why(stage):
    made = feed(stage, estimate(8.0))
    (decision,) = decisions(made)
    assert decision.action == "new"
    assert decision.detail.startswith("M 6.0, intensity 8.0 at the epicentre, 5 stations, 8.0 s")
    (decision,) = decisions(feed(stage, estimate(10.0, 6.6, revision=2)))
    assert decision.action == "update"
    assert "magnitude +0.6" in decision.detail
    assert "intensity +0.9 at Baise" in decision.detail


def test_unwarned_events_leave_decisions_but_not_one_per_estimate(stage):
    made = []
    for k in range(500):  # 10 s of slices
        made += feed(stage, estimate(5.0 + 0.02 * k, 3.5, revision=k + 1))
    assert alerts(made) == []
    assert [d.action for d in made] == ["hold"]
    assert made[0].reasons == ("BELOW_MAGNITUDE",)
    (again,) = feed(stage, estimate(15.0, 3.5, revision=501))
    assert again.reasons == ("BELOW_MAGNITUDE",)
    (other,) = feed(stage, estimate(15.02, 3.5, revision=502, n=1))
    assert other.reasons == ("BELOW_MAGNITUDE", "TOO_FEW_STATIONS")


@pytest.mark.parametrize(
    ("second", "kwargs", "text"),
    [
        (estimate(10.0, 6.25, revision=2), {}, "magnitude"),
        (estimate(10.0, revision=2), {"offset": -0.6}, "intensity -0.6"),
        (estimate(10.0, revision=2), {"late_s": 2.5}, "S +2.5 s"),
        (estimate(10.0, revision=2, latitude=24.2), {}, "epicentre moved 22 km"),
    ],
)
def test_each_kind_of_change_makes_an_update(stage, second, kwargs, text):
    feed(stage, estimate(8.0))
    made = feed(stage, second, **kwargs)
    assert [a.kind for a in alerts(made)] == ["update"]
    assert text in decisions(made)[0].detail


def test_small_changes_make_none(stage):
    feed(stage, estimate(8.0))
    made = feed(stage, estimate(10.0, 6.1, revision=2, latitude=24.05), offset=0.2, late_s=1.0)
    assert alerts(made) == []
    assert decisions(made)[0].reasons == ("NO_CHANGE", "ABOVE_THRESHOLD")


def test_moderate_changes_wait_and_are_not_lost_large_ones_do_not_wait(stage):
    feed(stage, estimate(8.0))
    (held,) = feed(stage, estimate(8.3, 6.3, revision=2))
    assert held.reasons == ("CHANGED", "UPDATE_LIMIT")
    assert alerts(stage.handle(at(8.9), [])) == []
    (update,) = alerts(stage.handle(at(9.0), []))
    assert (update.magnitude.value, update.revision, update.t_seen_ns) == (6.3, 2, at(9.0))
    # the seconds left count from the alert, not from the estimate that was held back
    for t in update.targets:
        assert t.seconds_left == pytest.approx((t.s_arrival_ns - at(9.0)) / NS)
    assert alerts(stage.handle(at(12.0), [])) == []
    (large,) = alerts(feed(stage, estimate(9.1, 7.2, revision=3)))
    assert large.magnitude.value == 7.2


def test_a_held_back_change_that_went_away_is_not_sent(stage):
    feed(stage, estimate(8.0))
    feed(stage, estimate(8.3, 6.3, revision=2))
    feed(stage, estimate(8.5, 6.0, revision=3))
    assert alerts(stage.handle(at(9.5), [])) == []


def test_cancel_by_the_source(stage):
    feed(stage, estimate(8.0))
    (cancel,) = alerts(feed(stage, estimate(12.0, state="cancelled", revision=2, reasons=("TELESEISM",))))
    assert (cancel.kind, cancel.revision, cancel.reasons) == ("cancel", 2, ("EVENT_CANCELLED",))
    made = feed(stage, estimate(13.0, revision=3))
    assert alerts(made) == []
    assert made[0].reasons == ("EVENT_CANCELLED",)


def test_an_event_that_was_never_warned_of_is_not_cancelled(stage):
    feed(stage, estimate(8.0, 3.0))
    made = feed(stage, estimate(12.0, 3.0, state="cancelled", revision=2))
    assert alerts(made) == []
    assert made[0].action == "hold"


def test_no_longer_met_must_last_before_it_cancels(stage):
    feed(stage, estimate(8.0))
    (down,) = alerts(feed(stage, estimate(10.0, 3.2, revision=2)))
    assert down.kind == "update"  # receivers learn the lower forecast at once
    assert alerts(stage.handle(at(19.9), [])) == []
    feed(stage, estimate(19.9, 3.6, revision=3))  # within the margin: starts anew
    feed(stage, estimate(20.5, 3.2, revision=4))
    assert "cancel" not in [a.kind for a in alerts(stage.handle(at(30.0), []))]
    (cancel,) = alerts(stage.handle(at(30.5), []))
    assert (cancel.kind, cancel.reasons) == ("cancel", ("NO_LONGER_MET",))
    # Silence for ever would be the worse mistake: what grows again is warned of again, revisions going on.
    (again,) = alerts(feed(stage, estimate(31.0, 6.0, revision=5)))
    assert (again.kind, again.revision) == ("new", cancel.revision + 1)
    assert alerts(feed(stage, estimate(40.0, 6.0, revision=6, state="ended")))[0].kind == "final"
    assert alerts(feed(stage, estimate(41.0, 7.0, revision=7))) == []


def test_a_doubtful_low_solution_never_cancels(stage):
    feed(stage, estimate(8.0))
    for k in range(40):
        made = feed(stage, estimate(9.0 + k, 3.0, revision=2 + k, sigma=0.9))
        assert "cancel" not in [a.kind for a in alerts(made)]


def test_too_old_for_a_first_warning_but_not_for_an_update(stage):
    (late,) = feed(stage, estimate(130.0, event="late"))
    assert late.reasons == ("LATE",)
    feed(stage, estimate(100.0))
    assert [a.kind for a in alerts(feed(stage, estimate(140.0, 6.9, revision=2)))] == ["update"]


def test_without_targets_the_epicentral_intensity_decides(stage):
    e = estimate(8.0)
    bare = msgspec.structs.replace(forecast(e), targets=(), max_intensity=0.0, epicentral_intensity=9.0)
    (new,) = alerts(stage.handle(e.t_seen_ns, [e, bare]))
    assert new.epicentral_intensity == 9.0
    e2 = estimate(10.0, revision=2)
    weaker = msgspec.structs.replace(bare, estimate_revision=2, epicentral_intensity=8.3)
    (update,) = alerts(stage.handle(e2.t_seen_ns, [e2, weaker]))
    assert update.kind == "update"


@pytest.mark.parametrize(
    ("at_epicentre", "with_targets", "spoken"),
    [(True, True, True), (False, True, False), (False, False, True)],
)
def test_the_epicentre_counts_beside_the_targets_unless_they_alone_are_asked_for(
    at_epicentre, with_targets, spoken
):
    """Strong at the epicentre, weak at every target: the public lives anywhere, a plant does not."""
    stage = AlertsStage(Params(at_epicentre=at_epicentre))
    e = estimate(8.0, 4.5)
    there = forecast(e, offset=-4.0)
    assert max(t.intensity for t in there.targets) < 3.0
    strong = msgspec.structs.replace(there, epicentral_intensity=5.5)
    if not with_targets:
        strong = msgspec.structs.replace(strong, targets=(), max_intensity=0.0)
    made = stage.handle(e.t_seen_ns, [e, strong])
    assert bool(alerts(made)) is spoken
    assert ("5.5 at the epicentre" in decisions(made)[0].detail) is spoken
    if not spoken:
        assert decisions(made)[0].reasons == ("BELOW_THRESHOLD",)


def test_what_noise_does_too_often_waits_for_more(stage):
    """Two sites that hardly move are held back; the same two with strong motion are warned of."""
    (held,) = feed(stage, estimate(6.0, n=2, false_per_year=300.0))
    assert (held.action, held.reasons) == ("hold", ("LOW_CONFIDENCE",))
    assert "300 times a year" in held.detail
    (new,) = alerts(feed(stage, estimate(7.0, n=2, revision=2, false_per_year=0.2)))
    assert new.kind == "new"
    # What was once believed is not taken back because it is less sure now.
    assert "cancel" not in [
        a.kind
        for k in range(30)
        for a in alerts(feed(stage, estimate(8.0 + k, 3.0, revision=3 + k, false_per_year=300.0)))
    ]


def test_no_magnitude_is_a_reason(stage):
    (held,) = feed(stage, estimate(6.0, None))
    assert held.reasons == ("NO_MAGNITUDE",)
    assert decode(encode(held)) == held


def test_sensors_of_one_station_count_once(stage):
    def arrival(station):
        return Arrival(
            pick_id=station, station=station, phase="P", t_ns=T0, residual_s=0.0, distance_km=10.0,
            azimuth_deg=0.0, weight=1.0,
        )  # fmt: skip

    codes = ["GX.A..HN", "GX.A..HH", "GX.B..HN", "GX.C..HN"]
    strict = AlertsStage(Params(min_stations=4))
    (held,) = feed(strict, estimate(8.0, arrivals=tuple(map(arrival, codes))))
    assert held.reasons == ("TOO_FEW_STATIONS",)
    assert held.n_stations == 3
    (alone,) = feed(stage, estimate(8.0, arrivals=tuple(map(arrival, codes[:2]))))
    assert (alone.reasons, alone.n_stations) == (("TOO_FEW_STATIONS",), 1)


def test_events_are_independent():
    stage = AlertsStage(Params(cover_s=0.0))
    assert alerts(feed(stage, estimate(8.0, event="a")))[0].revision == 1
    assert alerts(feed(stage, estimate(8.1, event="b")))[0].revision == 1
    feed(stage, estimate(9.0, state="cancelled", revision=2, event="a"))
    assert alerts(feed(stage, estimate(10.0, 6.7, revision=2, event="b")))[0].revision == 2


def test_status_travels(stage):
    made = feed(stage, estimate(8.0, status="exercise"))
    assert {m.status for m in made} == {"exercise"}


def test_closed_events_are_forgotten_after_a_while_standing_warnings_are_not(stage):
    feed(stage, estimate(8.0, 3.0, event="weak"))
    feed(stage, estimate(8.0, event="strong"))
    stage.handle(at(8.0 + 3601), [])
    kept = msgspec.msgpack.decode(stage.snapshot())[0]
    assert list(kept) == ["strong"]


def test_an_aftershock_that_is_nowhere_stronger_is_covered(stage):
    feed(stage, estimate(8.0, 7.0, event="main"))
    made = feed(stage, estimate(100.0, 5.0, event="after"))
    assert alerts(made) == []
    assert decisions(made)[0].reasons == ("COVERED",)
    assert "main" in decisions(made)[0].detail


def test_what_is_stronger_anywhere_is_warned_of_on_its_own(stage):
    feed(stage, estimate(8.0, 6.0, event="fore"))
    assert [a.event_id for a in alerts(feed(stage, estimate(60.0, 6.5, event="main")))] == ["main"]


def test_cover_ends_with_time_and_with_a_cancel():
    stage = AlertsStage(Params(cover_s=50.0))
    feed(stage, estimate(8.0, 7.0, event="main"))
    for seconds, spoken in ((49.0, False), (51.0, True)):
        e = estimate(seconds + 8.0, 5.0, event=f"after {seconds}")
        e = msgspec.structs.replace(e, origin=msgspec.structs.replace(e.origin, time_ns=at(seconds)))
        assert bool(alerts(feed(stage, e))) is spoken
    stage = AlertsStage(Params())
    feed(stage, estimate(8.0, 7.0, event="false"))
    feed(stage, estimate(9.0, 7.0, revision=2, state="cancelled", event="false"))
    assert alerts(feed(stage, estimate(10.0, 5.0, event="true")))


def test_cover_is_what_stands_not_what_was_said_once(stage):
    feed(stage, estimate(8.0, 7.0, event="main"))
    feed(stage, estimate(12.0, 5.0, revision=2, event="main"))
    assert alerts(feed(stage, estimate(100.0, 6.0, event="after")))


def test_a_warning_of_few_stations_covers_nothing(stage):
    """Two stations may be wrong about how strong it is elsewhere."""
    assert alerts(feed(stage, estimate(8.0, 7.0, event="few", n=3)))
    assert alerts(feed(stage, estimate(20.0, 5.0, event="other")))
    feed(stage, estimate(21.0, 7.0, revision=2, event="few", n=4, latitude=24.5))
    assert alerts(feed(stage, estimate(100.0, 4.8, event="after", latitude=24.5))) == []


def test_cover_of_an_epicentre_holds_only_near_it(stage):
    feed(stage, estimate(8.0, 7.0, event="main"))
    far = estimate(100.0, 5.0, event="far", latitude=24.6)
    assert alerts(feed(stage, far))
    plants = AlertsStage(Params(at_epicentre=False))
    feed(plants, estimate(8.0, 7.0, event="main"))
    assert alerts(feed(plants, far)) == []


def test_cover_survives_a_restart(stage):
    feed(stage, estimate(8.0, 7.0, event="main"))
    again = AlertsStage(Params())
    again.restore(stage.snapshot())
    assert alerts(feed(again, estimate(100.0, 5.0, event="after"))) == []


# --- whole lives, drawn at random ---------------------------------------------------------

steps = st.lists(
    st.tuples(
        st.floats(0.02, 8.0),  # time to the next step
        st.sampled_from(["update"] * 12 + ["ended", "cancelled", "tick", "tick"]),
        st.floats(2.5, 7.5),
        st.floats(-2.0, 2.0),  # intensity offset
        st.floats(-3.0, 3.0),  # S delay
        st.integers(2, 8),
        st.sampled_from(["a", "b"]),
    ),
    max_size=40,
)


def life(plan, shift_ns=0, shuffle=None, restart_at=None):
    """Run a plan; returns all messages per step."""
    stage, t, made = AlertsStage(Params()), 5.0, []
    for k, (dt, state, magnitude, offset, delay, n, event) in enumerate(plan):
        t += dt
        if k == restart_at:
            data = stage.snapshot()
            stage = AlertsStage(Params())
            stage.restore(data)
            assert stage.snapshot() == data
        messages = []
        if state != "tick":
            e = estimate(t, magnitude, state, k + 1, n=n, event=event)
            e = msgspec.structs.replace(
                e,
                t_seen_ns=e.t_seen_ns + shift_ns,
                origin=msgspec.structs.replace(e.origin, time_ns=T0 + shift_ns),
            )
            messages = [e]
            if state == "update":
                f = forecast(e, offset, delay)
                targets = [
                    msgspec.structs.replace(
                        x, p_arrival_ns=x.p_arrival_ns + shift_ns, s_arrival_ns=x.s_arrival_ns + shift_ns
                    )
                    for x in f.targets
                ]
                if shuffle:
                    shuffle.shuffle(targets)
                messages.append(msgspec.structs.replace(f, targets=tuple(targets)))
        made.append(stage.handle(at(t) + shift_ns, messages))
    return made


@given(steps)
@settings(max_examples=200, deadline=None)
def test_revisions_are_gapless_and_nothing_follows_the_end(plan):
    told: dict[str, list[Alert]] = {}
    for alert in alerts([m for step in life(plan) for m in step]):
        told.setdefault(alert.event_id, []).append(alert)
    for sequence in told.values():
        assert [a.revision for a in sequence] == list(range(1, len(sequence) + 1))
        # What the policy took back and what grew again is warned of again (see above).
        kinds = "".join({"new": "n", "update": "u", "cancel": "c", "final": "f"}[a.kind] for a in sequence)
        assert re.fullmatch(r"(nu*c)*(nu*[cf]?)?", kinds), kinds
        assert len({a.first_t_seen_ns for a in sequence}) == 1
        assert all(a.t_seen_ns < b.t_seen_ns for a, b in itertools.pairwise(sequence))


@given(steps)
@settings(max_examples=60, deadline=None)
def test_each_alert_has_its_decision(plan):
    for step in life(plan):
        spoken = [(d.event_id, d.action) for d in decisions(step) if d.action != "hold"]
        assert spoken == [(a.event_id, a.kind) for a in alerts(step)]


@given(steps, st.integers(0, 40))
@settings(max_examples=100, deadline=None)
def test_a_restored_stage_goes_on_as_if_nothing_had_been(plan, k):
    assert life(plan, restart_at=k) == life(plan)


@given(steps, st.integers(-(10**17), 10**17))
@settings(max_examples=60, deadline=None)
def test_shifting_all_times_changes_only_times(plan, shift):
    def strip(messages):
        return [
            (m.event_id, type(m).__name__, m.t_seen_ns - s, getattr(m, "revision", 0), m.reasons, *extra(m))
            for s, step in messages
            for m in step
        ]

    def extra(m):
        return (m.detail,) if isinstance(m, Decision) else (m.kind,)

    assert strip([(shift, x) for x in life(plan, shift)]) == strip([(0, x) for x in life(plan)])


@given(steps, st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_the_order_of_targets_is_irrelevant(plan, seed):
    def essence(made):
        return [
            (m.event_id, m.t_seen_ns, m.reasons, sorted(t.name for t in getattr(m, "targets", ())))
            for step in made
            for m in step
        ]

    assert essence(life(plan, shuffle=random.Random(seed))) == essence(life(plan))
