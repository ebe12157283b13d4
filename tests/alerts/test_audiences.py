"""Forecasts that motion renews, several audiences beside each other, and other targets."""

import msgspec
import pytest

from seiswarn.alerts.params import Params
from seiswarn.errors import InvariantError
from seiswarn.targets import TargetTable
from tests.alerts.scripted import alerts, at, decisions, feed, forecast, stage_of, told
from tests.shaking_work import target


@pytest.fixture
def stage():
    return stage_of()


def test_observed_motion_alone_can_raise_a_level(stage):
    """A forecast without a new estimate: stations felt more than was forecast."""
    e = told(8.0, 5.0)
    feed(stage, e)
    stronger = msgspec.structs.replace(forecast(e, offset=1.5), t_seen_ns=at(12.0))
    made = stage.handle(at(12.0), [stronger])
    (update,) = alerts(made)
    assert "escalate" in update.transitions
    assert "intensity +1.5" in decisions(made)[0].detail
    assert update.t_seen_ns == at(12.0)


def test_a_renewed_forecast_of_an_event_that_is_closed_or_unknown_says_nothing(stage):
    e = told(8.0)
    assert stage.handle(at(8.0), [forecast(e)]) == []
    feed(stage, e)
    feed(stage, told(20.0, state="cancelled", revision=2))
    assert stage.handle(at(21.0), [forecast(e, offset=2.0)]) == []


def test_an_audience_hears_of_its_own_kinds_and_lines_alone():
    everybody = TargetTable.of(
        [
            target("Town", 0.0, 40.0),
            target("K1", 0.0, 40.0, kind="railway", line="East"),
            target("K2", 0.0, 50.0, kind="railway", line="West"),
        ]
    )
    audiences = [
        Params(name="all"),
        Params(name="rail", kinds=("railway",), at_epicentre=False),
        Params(name="east", kinds=("railway",), lines=("East",), at_epicentre=False),
        Params(name="schools", kinds=("school",), at_epicentre=False),
    ]
    stage = stage_of(*audiences, targets=everybody)
    values = {"Town": 6.0, "K1": 2.0, "K2": 7.5}
    made = feed(stage, told(8.0), targets=everybody, values=values)
    spoken = {a.policy: {t.name: t.level for t in a.targets} for a in alerts(made)}
    assert spoken["rail"] == {"K1": "blue", "K2": "red"}
    assert spoken["all"] == {"Town": "orange", "K1": "blue", "K2": "red"}
    assert "east" not in spoken
    held = next(d for d in decisions(made) if d.policy == "east")
    assert (held.reasons, held.level) == (("BELOW_THRESHOLD",), "blue")
    # With no target of its kind left an audience hears of what is at the epicentre; `check` refuses that.
    assert "schools" in spoken


def test_listed_targets_stay_listed_and_come_by_their_arrival(stage):
    """Who was told something hears of it when it is less."""
    feed(stage, told(8.0), values={"Baise": 5.0, "Nanning": 3.0, "Liuzhou": 2.1})
    values = {"Baise": 5.0, "Nanning": 1.5, "Liuzhou": 1.0}
    (update,) = alerts(feed(stage, told(10.0, revision=2), values=values))
    assert [(t.name, round(t.intensity, 3)) for t in update.targets] == [
        ("Baise", 5.0), ("Nanning", 1.5), ("Liuzhou", 1.0),
    ]  # fmt: skip
    other = stage_of()
    (new,) = alerts(feed(other, told(8.0), values=values))
    assert [t.name for t in new.targets] == ["Baise"]


def test_changes_where_the_shaking_is_over_wait_for_the_next_message():
    """S was in Baise 11 s after the origin: 45 s after it nobody there can act on a higher level."""
    stage = stage_of(Params(at_epicentre=False))
    feed(stage, told(8.0), values={"Baise": 5.0, "Nanning": 4.0, "Liuzhou": 3.0})
    more = {"Baise": 7.5, "Nanning": 4.0, "Liuzhou": 3.0}
    early = stage_of(Params(at_epicentre=False))
    early.restore(stage.snapshot())
    (now,) = alerts(feed(early, told(12.0, revision=2), values=more))
    assert now.transitions == ("escalate",)
    made = feed(stage, told(45.0, revision=2), values={**more, "Baise": 5.9})
    assert alerts(made) == []
    assert decisions(made)[0].reasons[0] == "NO_CHANGE"


def test_forecasts_and_snapshots_of_others_stop_the_program(stage):
    elsewhere = TargetTable.of([target("Oslo", 0.0, 0.0)])
    e = told(8.0)
    with pytest.raises(InvariantError, match="other targets"):
        stage.handle(at(8.0), [e, forecast(e, targets=elsewhere)])
    with pytest.raises(InvariantError, match="other audiences"):
        stage_of(Params(name="rail")).restore(stage.snapshot())
    with pytest.raises(msgspec.DecodeError):
        stage.restore(b"x")


def test_an_audience_without_levels_still_has_an_area():
    stage = stage_of(Params(levels=()))
    (new,) = alerts(feed(stage, told(8.0), values={"Baise": 5.0, "Nanning": 3.0, "Liuzhou": 2.1}))
    assert (new.level, new.level_rank, new.n_area) == ("", 0, 2)
    more = {"Baise": 6.0, "Nanning": 3.0, "Liuzhou": 3.1}
    (update,) = alerts(feed(stage, told(10.0, revision=2), values=more))
    assert update.transitions == ("area_growth",)


def test_a_lower_level_where_nobody_can_act_any_more_is_told_with_the_next_message():
    """And looked at once, not in every slice."""
    stage = stage_of(Params(at_epicentre=False, deescalate_after_s=2.0))
    feed(stage, told(8.0), values={"Baise": 7.0, "Nanning": 7.0, "Liuzhou": 3.0})
    less = {"Baise": 4.0, "Nanning": 7.0, "Liuzhou": 3.0}  # S was in Baise after 11 s, in Nanning after 60
    assert alerts(feed(stage, told(50.0, revision=2), values=less)) == []
    assert [m for k in range(20) for m in alerts(stage.handle(at(50.5 + k / 2), []))] == []
    (update,) = alerts(feed(stage, told(61.0, 6.5, revision=3), values=less))
    assert {t.name: t.level for t in update.targets} == {
        "Baise": "yellow",
        "Nanning": "red",
        "Liuzhou": "yellow",
    }


def test_what_closes_after_a_long_silence_is_not_told_anew():
    stage = stage_of(Params(expires_s=5000.0, forget_s=3600.0))
    feed(stage, told(8.0))
    (last,) = alerts(stage.handle(at(5008.0), []))
    assert last.transitions == ("expired", "final")
    assert alerts(feed(stage, told(5010.0, 7.0, t0_s=5000.0, revision=2))) == []
