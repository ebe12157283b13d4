"""Blind zones, warnings and gains from alert times."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seiswarn.geo import DEG_KM
from seiswarn.grid import GridNodes, grid_nodes
from seiswarn.plan.figures import blind_zones_km, gain, interpolate, spread, warnings_s
from seiswarn.source.traveltime import TravelTimes, lookup
from seiswarn.targets import Target


@pytest.fixture
def grid() -> GridNodes:
    return grid_nodes(np.array([-2.0, 2.0]), np.array([-2.0, 2.0]), 0.5 * DEG_KM, 0.0, 200)


def test_the_blind_zone_is_where_s_is(times: TravelTimes) -> None:
    seconds = np.array([4.0, 9.3, 31.0, 60.0])
    for depth in (0.0, 10.0, 33.0):
        for t, away in zip(seconds, blind_zones_km(times, depth, seconds), strict=True):
            if away > 0.0:
                assert lookup(times.s, away, depth) == pytest.approx(t, abs=1e-6)
            else:
                assert lookup(times.s, 0.0, depth) >= t


def test_no_blind_zone_while_s_is_below_and_none_known_without_an_alert(times: TravelTimes) -> None:
    away = blind_zones_km(times, 30.0, np.array([5.0, math.nan]))
    assert away[0] == 0.0
    assert math.isnan(away[1])


def test_spread_leaves_out_what_is_missing() -> None:
    told = spread(np.array([4.0, math.nan, 2.0, 6.0]))
    assert (told.best, told.median, told.worst) == (2.0, 4.0, 6.0)
    assert spread(np.array([math.nan])).median is None


def test_interpolation_is_exact_on_a_plane_and_missing_off_it(grid: GridNodes) -> None:
    values = 3.0 + 2.0 * grid.latitude - grid.longitude
    lat, lon = np.array([0.13, 1.9, 2.6]), np.array([-1.2, 0.77, 0.0])
    got = interpolate(grid, values, lat, lon)
    assert got[:2] == pytest.approx(3.0 + 2.0 * lat[:2] - lon[:2])
    assert math.isnan(got[2])
    values[0] = math.nan
    assert math.isnan(interpolate(grid, values, np.array([1.9]), np.array([-1.9]))[0])


def test_warning_is_what_s_leaves_after_alert_and_delivery(grid: GridNodes) -> None:
    target = Target(name="T", latitude=0.0, longitude=0.0)
    even = warnings_s(grid, np.full(len(grid), 8.0), target, (15.0, 30.0, 45.0), 2.0)
    assert even[0] == pytest.approx((5.0, 5.0))
    assert even[2] == pytest.approx((35.0, 35.0))
    slow_north = np.where(grid.latitude > 0.0, 12.0, 8.0)
    median, least = warnings_s(grid, slow_north, target, (15.0, 30.0, 45.0), 0.0)[1]
    assert least == pytest.approx(18.0)
    assert median is not None
    assert 18.0 <= median <= 22.0


def test_gain_counts_nodes_area_targets_and_people(grid: GridNodes) -> None:
    n = len(grid)
    before, after = np.full(n, 10.0), np.full(n, 10.0)
    before[0], after[0] = math.nan, 9.0
    after[1], after[2] = 7.0, 12.0
    blind_before, blind_after = np.full(n, 30.0), np.full(n, 30.0)
    at = int(np.argmin(np.hypot(grid.latitude, grid.longitude)))
    blind_after[at] = 1.0
    targets = (Target(name="T", latitude=0.1, longitude=0.0, population=1000),)
    told = gain(grid, (before, after), (blind_before, blind_after), targets)
    assert (told.n_earlier, told.n_later, told.n_gained, told.n_lost) == (1, 1, 1, 0)
    assert told.area_km2 == pytest.approx(2.0 * (0.5 * DEG_KM) ** 2, rel=0.01)
    assert told.most_s == 3.0
    assert told.mean_s == pytest.approx(1.0 / (n - 1))
    assert told.targets == pytest.approx((1.0 / (n - 1), 0.0))
    assert told.people == pytest.approx((1000.0 / (n - 1), 0.0))
