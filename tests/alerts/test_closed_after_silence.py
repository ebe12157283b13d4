"""An event that closes after a long silence is not spoken of again from the beginning."""

from seiswarn.alerts.params import Params
from tests.alerts.scripted import alerts, feed, stage_of
from tests.shaking_work import at, estimate


def test_what_runs_out_after_hours_without_data_stays_closed():
    stage = stage_of(Params(forget_s=3600.0, expires_s=600.0, max_age_s=1e6))
    (first,) = alerts(feed(stage, estimate(6.0, 6.5)))
    later_s = 3 * 3600.0
    (last,) = alerts(stage.handle(at(later_s), []))
    assert (first.revision, last.revision, last.kind) == (1, 2, "final")
    assert alerts(feed(stage, estimate(later_s + 10.0, 6.6, revision=2))) == []
