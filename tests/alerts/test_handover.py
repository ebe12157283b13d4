"""A warning of motion alone stands until the earthquake it is of is warned of, or is no more."""

from __future__ import annotations

import msgspec
import pytest

from seiswarn.alerts.params import Params
from seiswarn.alerts.stage import AlertsStage
from seiswarn.messages import Alert
from tests.alerts.scripted import alerts, at, feed, forecast, stage_of, table, told

STRONG = dict.fromkeys(("Baise", "Nanning", "Liuzhou"), 6.0)


def a_wave(t_s: float, state: str = "new", **changes):
    return told(t_s, None, state, event="wf", grounds="wavefield", **changes)


@pytest.fixture
def warned() -> AlertsStage:
    """A stage whose audience has been warned of motion alone."""
    stage = stage_of()
    wave = a_wave(5.0)
    first = stage.handle(wave.t_seen_ns, [wave, forecast(wave, values=STRONG, grounds="wavefield")])
    (alert,) = alerts(first)
    assert (alert.kind, alert.grounds, alert.magnitude.kind) == ("new", "wavefield", "unknown")
    return stage


def ended(stage: AlertsStage, t_s: float = 7.0) -> list[Alert]:
    return alerts(feed(stage, a_wave(t_s, "ended", revision=2, continues="e1")))


def test_it_goes_on_as_the_located_event_once_that_is_warned_of(warned):
    (new,) = alerts(feed(warned, told(6.5, 6.5)))
    assert (new.event_id, new.continues) == ("e1", "wf")
    (last,) = ended(warned)
    assert (last.kind, last.continues, last.reasons) == ("final", "e1", ("SUPERSEDED",))


def test_it_stands_while_the_located_event_is_held(warned):
    doubted = told(6.5, 6.5, false_per_year=50.0)
    assert alerts(feed(warned, doubted)) == []
    assert ended(warned) == []
    assert alerts(warned.handle(at(8.0), [])) == []
    said = alerts(feed(warned, told(9.0, 6.5, revision=2)))
    said += alerts(warned.handle(at(9.1), []))
    assert [(a.event_id, a.kind) for a in said] == [("e1", "new"), ("wf", "final")]
    assert said[1].reasons == ("SUPERSEDED",)


def test_it_ends_with_the_located_event_when_that_is_never_warned_of(warned):
    feed(warned, told(6.5, 6.5, false_per_year=50.0))
    assert ended(warned) == []
    (last,) = alerts(feed(warned, told(60.0, 6.5, "ended", revision=2)))
    assert (last.event_id, last.kind, last.reasons) == ("wf", "final", ("EVENT_ENDED",))


def test_waiting_survives_a_restart(warned):
    feed(warned, told(6.5, 6.5, false_per_year=50.0))
    ended(warned)
    again = AlertsStage([Params()], table())
    again.restore(warned.snapshot())
    now = told(9.0, 6.5, revision=2)
    both = [alerts(feed(stage, now)) + alerts(stage.handle(at(9.1), [])) for stage in (warned, again)]
    assert both[0] == both[1]
    assert [msgspec.structs.asdict(a)["event_id"] for a in both[0]] == ["e1", "wf"]
