"""Kernels over all places against plain numpy, scipy and linear algebra."""

import numpy as np
import pytest
from scipy.stats import norm
from tests.reference import shaking_kernels as twin

from seiswarn.geo import EARTH_RADIUS_KM
from seiswarn.shaking import kernels
from seiswarn.shaking.near import near

RNG = np.random.default_rng(7)
N, M = 60, 40
PLACES = 24.0 + RNG.uniform(-1, 1, N), 107.0 + RNG.uniform(-1, 1, N)
STATIONS = 24.0 + RNG.uniform(-1, 1, M), 107.0 + RNG.uniform(-1, 1, M)
AROUND = near(*PLACES, *STATIONS, 50.0)
LISTS = AROUND.first, AROUND.station, AROUND.distance_km
APART = twin.dense(*LISTS, M)
LEVEL = np.where(RNG.uniform(0, 1, M) < 0.7, RNG.integers(1, 5, M).astype(float), 0.0)  # with many ties
GROUND = RNG.normal(0, 0.5, N)


def unit(latitude, longitude):
    p, q = np.radians(latitude), np.radians(longitude)
    return np.column_stack((np.cos(p) * np.cos(q), np.cos(p) * np.sin(q), np.sin(p)))


def test_some_places_have_many_stations_around_and_some_have_none():
    """Else the twins below would be compared on nothing."""
    counts = np.diff(AROUND.first)
    assert counts.min() <= 2 < 5 < counts.max()
    assert 5 < (LEVEL == 0.0).sum() < M - 5


@pytest.mark.parametrize("range_km", [5.0, 40.7, 200.0])
def test_correlation_is_the_overlap_of_two_spheres(range_km):
    km = np.linspace(0.0, 1.5 * range_km, 50)
    got = np.array([kernels.correlation(x, range_km) for x in km])
    np.testing.assert_allclose(got, twin.correlation(km, range_km), atol=1e-14)
    assert got[0] == 1.0
    assert (np.diff(got) <= 0.0).all()
    assert (got[km >= range_km] == 0.0).all()


@pytest.mark.parametrize("radius_km", [10.0, 30.0, 50.0])
def test_wavefield(radius_km):
    intensity, away = np.empty(N), np.empty(N)
    kernels.wavefield(*LISTS, LEVEL, GROUND, radius_km, intensity, away)
    expected = twin.wavefield(APART, LEVEL, GROUND, radius_km)
    np.testing.assert_array_equal(intensity, expected[0])
    np.testing.assert_array_equal(away, expected[1])
    assert (away <= radius_km).all()
    assert (intensity == 0.0).any()
    assert (intensity > 0.0).any()


@pytest.mark.parametrize("range_km", [8.0, 40.7])
def test_residuals(range_km):
    known = (LEVEL > 0.0).astype(float)
    weight = known * np.random.default_rng(3).normal(0, 1, M)
    out, most = np.empty(N), np.empty(N)
    kernels.residuals(*LISTS, weight, known, range_km, out, most)
    expected = twin.residuals(APART, weight, known, range_km)
    np.testing.assert_allclose(out, expected[0], atol=1e-13)
    np.testing.assert_allclose(most, expected[1], atol=1e-14)


@pytest.mark.parametrize("m", [1, 2, 40, 150])
@pytest.mark.parametrize("nugget", [0.1, 1.0])
def test_kriging_weights_solve_the_equations(m, nugget):
    rng = np.random.default_rng(m)
    points = unit(24.0 + rng.uniform(-0.8, 0.8, m), 107.0 + rng.uniform(-0.8, 0.8, m))
    if m > 2:
        points[1] = points[0]  # two sensors at one place: solvable for the nugget alone
    value = rng.normal(0, 1, m)
    got = kernels.kriging_weights(points, value, 40.7, nugget, EARTH_RADIUS_KM)
    expected = twin.kriging_weights(points, value, 40.7, nugget, EARTH_RADIUS_KM)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)


def test_neighbours():
    around = near(*STATIONS, *STATIONS, 50.0)
    site = np.arange(M) // 2 * 2  # pairs at one site
    out = np.empty(M)
    kernels.neighbours(around.first, around.station, site, LEVEL, out)
    apart = twin.dense(around.first, around.station, around.distance_km, M)
    np.testing.assert_array_equal(out, twin.neighbours(apart, site, LEVEL))
    alone = np.empty(M)
    kernels.neighbours(around.first, around.station, np.zeros(M, np.int64), LEVEL, alone)
    assert (alone == 0.0).all()  # all sensors of one site vouch for nothing


def test_exceedance_is_that_of_the_normal_distribution():
    rng = np.random.default_rng(5)
    intensity, sigma = rng.uniform(1, 10, 30), rng.uniform(0.2, 1.5, 30)
    thresholds = np.array([3.0, 5.0, 6.0, 7.0])
    out = np.empty((30, 4))
    kernels.exceedance(intensity, sigma, thresholds, out)
    np.testing.assert_allclose(out, twin.exceedance(intensity, sigma, thresholds), atol=1e-14)
    exact = norm.sf(thresholds[None, :], loc=intensity[:, None], scale=sigma[:, None])
    np.testing.assert_allclose(out, exact, atol=1e-14)
    kernels.exceedance(np.array([5.0, 4.9]), np.zeros(2), np.array([5.0]), out := np.empty((2, 1)))
    assert out.tolist() == [[0.5], [0.0]]  # without scatter it is reached or not; at the threshold, half
