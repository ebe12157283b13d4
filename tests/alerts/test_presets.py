"""What each preset does, against the rules it is named after."""

import numpy as np
import pytest

from seiswarn.alerts.audience import Audience
from seiswarn.alerts.presets import PRESETS
from seiswarn.config_audiences import check_audiences
from seiswarn.config_check import Findings
from seiswarn.config_lines import KeyLines
from seiswarn.targets import Target, TargetTable
from tests.alerts.scripted import alerts, decisions, forecast, stage_of, told
from tests.scenario.life_cycle import audience
from tests.shaking_work import LAT0, LON0, estimate, place, target
from tests.shaking_work import stage_of as shaking_of

KINDS = ("place", "railway", "nuclear", "plant", "pipeline", "gas", "mine", "reservoir", "school", "relic")


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_builds_and_nothing_in_it_contradicts_itself(name):
    findings = Findings("c.toml", KeyLines())
    check_audiences([(("audience", 0), audience(name))], KINDS, (), findings)
    assert findings.problems == []


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_fire(name):
    """A large earthquake 10 km away, located by eight stations, in the middle of Yunnan or near Taiwan."""
    where = {"fujian": (24.0, 121.0)}.get(name, (25.0, 102.0))
    moved = TargetTable.of(
        Target(name=k, latitude=where[0] + 0.09, longitude=where[1], kind=k) for k in KINDS
    )
    e = estimate(6.0, 7.2, n=8, where=_offset(*where))
    stage = stage_of(audience(name), targets=moved)
    (f,) = shaking_of(moved.targets).handle(e.t_seen_ns, [e])
    (new,) = alerts(stage.handle(e.t_seen_ns, [e, f]))
    assert new.level_rank == len(audience(name).levels)
    assert new.n_area >= 1


def _offset(latitude, longitude):
    """(north, east) km of a place, as the factories of these tests want it."""
    km = 6371.0 * np.pi / 180.0
    return (latitude - LAT0) * km, (longitude - LON0) * km * np.cos(np.radians(LAT0))


def ranks(name, values):
    mine = Audience(audience(name), TargetTable.of([]))
    return [(level.name if level else "") for level in map(mine.level, mine.rank(np.array(values)).tolist())]


def test_railways_have_levels_of_40_80_and_120_gal():
    """FIELD: level I at 40 gal (Song and others 2018), II and III at 80 and 120."""
    assert audience("railway").measure == "pga"
    assert ranks("railway", [39.9, 40.0, 79.9, 80.0, 119.9, 120.0, 900.0]) == [
        "", "I", "I", "II", "II", "III", "III",
    ]  # fmt: skip
    assert audience("railway").wavefield_stations == 1  # on-site


def test_colours_of_the_yunnan_earthquake_agency():
    """Red from VII on, orange V and VI, yellow III and IV, blue below III."""
    for name in ("public", "yunnan"):
        assert ranks(name, [2.9, 3.0, 4.9, 5.0, 6.9, 7.0]) == [
            "blue", "yellow", "yellow", "orange", "orange", "red",
        ]  # fmt: skip


def test_the_other_table_of_colours_has_steps_of_two():
    got = ranks("public_coarse", [1.9, 2.0, 4.0, 6.0, 7.9, 8.0])
    assert got == ["", "blue", "yellow", "orange", "orange", "red"]


LINE = TargetTable.of([target("K0", 0.0, 0.0, kind="railway")])


def level_on_the_line(magnitude, km):
    """What a section of a conventional line is told of an earthquake so far away; empty: nothing."""
    e = told(8.0, magnitude, where=(km, 0.0), n=8)
    (f,) = shaking_of(LINE.targets).handle(e.t_seen_ns, [e])
    made = alerts(stage_of(audience("railway_conventional"), targets=LINE).handle(e.t_seen_ns, [e, f]))
    return made[0].level if made else ""


@pytest.mark.parametrize(
    ("magnitude", "km", "level"),
    [
        (2.9, 5.0, ""),
        (3.0, 49.0, "slow"),
        (3.9, 51.0, ""),
        (4.0, 49.0, "stop"),
        (5.9, 51.0, ""),
        (6.0, 249.0, "stop"),
        (6.9, 251.0, ""),
        (7.0, 599.0, "stop"),
        (7.9, 601.0, ""),
    ],
)
def test_conventional_lines_go_by_magnitude_and_distance(magnitude, km, level):
    """FIELD: below 3 none; 3 to 4 within 50 km limit; 4 to 6 50 km block; 6 to 7 250 km; from 7 on 600 km."""
    assert level_on_the_line(magnitude, km) == level


def test_a_smaller_magnitude_leaves_sections_that_are_out_of_its_reach():
    """They leave the area too, once that has lasted: nothing else than the rules puts them there."""
    rail = TargetTable.of([target(f"K{k}", 0.0, float(k), kind="railway") for k in (10, 200, 500)])
    stage, made = stage_of(audience("railway_conventional"), targets=rail), []
    for k, (t, magnitude) in enumerate(((8.0, 7.1), (10.0, 6.5), (16.0, 6.5)), 1):
        e = estimate(t, magnitude, revision=k, n=8)
        (f,) = shaking_of(rail.targets).handle(e.t_seen_ns, [e])
        made += alerts(stage.handle(e.t_seen_ns, [e, f]))
    assert [a.transitions for a in made] == [("new",), ("update",), ("deescalate",)]
    assert [a.n_area for a in made] == [3, 3, 2]
    assert {t.name: t.level for t in made[-1].targets} == {"K10": "stop", "K200": "stop", "K500": ""}


@pytest.mark.parametrize(
    ("magnitude", "place_", "warned"),
    [
        (4.0, (25.0, 102.0), True),  # Kunming
        (3.9, (25.0, 102.0), False),
        (4.0, (29.7, 100.0), True),  # 44 km north of the province
        (4.9, (30.0, 100.0), False),  # 78 km
        (5.0, (30.0, 100.0), True),
        (5.0, (34.9, 109.9), True),
        (7.0, (35.1, 100.0), False),
        (7.0, (25.0, 110.1), False),
    ],
)
def test_yunnan_warns_from_m4_near_the_province_and_from_m5_farther_away(magnitude, place_, warned):
    e = told(8.0, magnitude, where=_offset(*place_), n=8)
    stage = stage_of(audience("yunnan"))
    made = stage.handle(e.t_seen_ns, [e, forecast(e)])
    assert bool(alerts(made)) is warned
    if not warned:
        assert decisions(made)[0].reasons[0] in ("BELOW_MAGNITUDE", "OUTSIDE_REGION")


def test_centre_hears_of_everything():
    for e in (told(8.0, 0.5, n=1, false_per_year=1e6), told(3000.0, 2.0, sigma=2.0, n=2)):
        assert alerts(stage_of(audience("centre")).handle(e.t_seen_ns, [e, forecast(e)]))


def test_what_an_audience_says_itself_goes_before_its_preset():
    assert audience("railway", min_pga_gal=30.0).min_pga_gal == 30.0
    assert audience("railway", min_pga_gal=30.0).levels == audience("railway").levels
    assert place(0.0, 0.0) == pytest.approx((LAT0, LON0))
