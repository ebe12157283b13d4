"""What a standing warning makes superfluous."""

import msgspec
import pytest

from seiswarn.alerts.params import Params
from tests.alerts.scripted import alerts, at, decisions, feed, stage_of, told


@pytest.fixture
def stage():
    return stage_of()


def test_an_aftershock_that_is_nowhere_stronger_is_covered(stage):
    feed(stage, told(8.0, 7.0, event="main"))
    made = feed(stage, told(100.0, 5.0, event="after"))
    assert alerts(made) == []
    assert decisions(made)[0].reasons == ("COVERED",)
    assert "main" in decisions(made)[0].detail


def test_what_is_stronger_anywhere_is_warned_of_on_its_own(stage):
    feed(stage, told(8.0, 6.0, event="fore"))
    assert [a.event_id for a in alerts(feed(stage, told(60.0, 6.5, event="main")))] == ["main"]


def test_cover_ends_with_time_and_with_a_cancel():
    stage = stage_of(Params(cover_s=50.0))
    feed(stage, told(8.0, 7.0, event="main"))
    for seconds, spoken in ((49.0, False), (51.0, True)):
        e = told(seconds + 8.0, 5.0, event=f"after {seconds}")
        e = msgspec.structs.replace(e, origin=msgspec.structs.replace(e.origin, time_ns=at(seconds)))
        assert bool(alerts(feed(stage, e))) is spoken
    stage = stage_of()
    feed(stage, told(8.0, 7.0, event="false"))
    feed(stage, told(9.0, 7.0, revision=2, state="cancelled", event="false"))
    assert alerts(feed(stage, told(10.0, 5.0, event="true")))


def test_cover_is_what_stands_not_what_was_said_once(stage):
    feed(stage, told(8.0, 7.0, event="main"))
    feed(stage, told(12.0, 5.0, revision=2, event="main"))
    assert alerts(feed(stage, told(100.0, 6.0, event="after")))


def test_a_warning_of_few_stations_covers_nothing(stage):
    """Two stations may be wrong about how strong it is elsewhere."""
    assert alerts(feed(stage, told(8.0, 7.0, event="few", n=3)))
    assert alerts(feed(stage, told(20.0, 5.0, event="other")))
    feed(stage, told(21.0, 7.0, revision=2, event="few", n=4, where=(55.6, 0.0)))
    assert alerts(feed(stage, told(100.0, 4.8, event="after", where=(55.6, 0.0)))) == []


def test_cover_of_an_epicentre_holds_only_near_it(stage):
    feed(stage, told(8.0, 7.0, event="main"))
    far = told(100.0, 5.0, event="far", where=(66.7, 0.0))
    assert alerts(feed(stage, far))
    plants = stage_of(Params(at_epicentre=False))
    feed(plants, told(8.0, 7.0, event="main"))
    assert alerts(feed(plants, far)) == []


def test_cover_survives_a_restart(stage):
    feed(stage, told(8.0, 7.0, event="main"))
    again = stage_of()
    again.restore(stage.snapshot())
    assert alerts(feed(again, told(100.0, 5.0, event="after"))) == []
