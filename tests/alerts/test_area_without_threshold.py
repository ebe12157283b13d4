"""Audiences that no shaking is too weak for: their area begins where targets are listed, not everywhere."""

import msgspec
import pytest

from seiswarn.alerts.params import Params
from seiswarn.alerts.presets import PRESETS
from tests.alerts.scripted import alerts, feed, forecast, stage_of, table
from tests.shaking_work import estimate, target

NEAR_AND_FAR = table(target("Near", 0.0, 20.0), target("Far", 0.0, 900.0))
VALUES = {"Near": 5.0, "Far": 1.2}


def preset(name: str) -> Params:
    return msgspec.convert({"name": name, **PRESETS[name]}, Params)


@pytest.mark.parametrize("name", ["centre", "yunnan", "fujian", "jma_forecast"])
def test_a_target_that_nobody_will_feel_is_neither_in_the_area_nor_listed(name):
    p = msgspec.structs.replace(preset(name), rules=_anywhere(preset(name)))
    e = estimate(6.0, 6.0)
    stage = stage_of(p, targets=NEAR_AND_FAR)
    told = stage.handle(e.t_seen_ns, [e, forecast(e, targets=NEAR_AND_FAR, values=VALUES)])
    (first,) = alerts(told)
    assert [t.name for t in first.targets] == ["Near"]
    assert first.n_area == 1


def _anywhere(p: Params):
    return tuple(msgspec.structs.replace(rule, region=(), margin_km=0.0) for rule in p.rules)


def test_an_event_that_nobody_will_feel_is_told_all_the_same():
    e = estimate(6.0, 2.0)
    (first,) = alerts(feed(stage_of(preset("centre")), e, offset=-3.0))
    assert first.kind == "new"
    assert (first.n_area, first.targets) == (0, ())


def test_a_threshold_that_is_set_stays_where_it_is():
    p = Params(name="all", min_intensity=1.1, min_magnitude=0.0)
    e = estimate(6.0, 6.0)
    said = stage_of(p, targets=NEAR_AND_FAR).handle(
        e.t_seen_ns, [e, forecast(e, targets=NEAR_AND_FAR, values=VALUES)]
    )
    assert alerts(said)[0].n_area == 2


def test_in_pga_the_area_begins_at_the_lowest_level():
    p = msgspec.structs.replace(preset("railway"), kinds=(), min_pga_gal=0.0)
    e = estimate(6.0, 6.0)
    values = {"Near": 8.0, "Far": 4.0}  # some 200 and 10 gal
    said = stage_of(p, targets=NEAR_AND_FAR).handle(
        e.t_seen_ns, [e, forecast(e, targets=NEAR_AND_FAR, values=values)]
    )
    assert alerts(said)[0].n_area == 1
