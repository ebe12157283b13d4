import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seiswarn.rupture_distance import mean_rupture_distance_km
from seiswarn.shaking.distance import DISTANCES

GOLDEN = Path(__file__).parent.parent / "golden" / "rjb_repi_wc94.csv"


def test_agrees_with_the_published_table_between_the_nodes():
    with GOLDEN.open() as file:
        table = list(csv.DictReader(line for line in file if not line.startswith("#")))
    for row in table:
        repi = float(row.pop("repi_km"))
        for magnitude, ratio in row.items():
            have = mean_rupture_distance_km(np.array([repi]), float(magnitude))[0] / repi
            assert have == pytest.approx(float(ratio), abs=0.02), (repi, magnitude)


def simulated_ratio(magnitude, repi_km, n=20_000):
    """Mean Rjb/Repi by drawing ruptures: Wells and Coppersmith (1994) area, all mechanisms."""
    rng = np.random.default_rng(7)
    eps = rng.standard_normal(n)
    eps = eps[np.abs(eps) < 3]
    n = len(eps)
    dip = rng.uniform(np.radians(10), np.pi / 2, n)
    area = 10 ** (-3.49 + 0.91 * magnitude + 0.24 * eps)
    width = np.minimum(np.sqrt(area / 1.7), 20 / np.sin(dip))
    length, across = area / width, width * np.cos(dip)
    theta = rng.uniform(0, 2 * np.pi, n)
    x = rng.uniform(0, 1, n) * length + repi_km * np.cos(theta)
    y = rng.uniform(0, 1, n) * across + repi_km * np.sin(theta)
    dx = np.maximum(0, np.maximum(-x, x - length))
    dy = np.maximum(0, np.maximum(-y, y - across))
    return np.hypot(dx, dy).mean() / repi_km


@pytest.mark.parametrize("magnitude", [5.0, 6.0, 7.0, 8.0])
@pytest.mark.parametrize("repi_km", [10.0, 39.8, 100.0, 251.0])
def test_a_simulation_of_ruptures_gives_the_same(magnitude, repi_km):
    have = mean_rupture_distance_km(np.array([repi_km]), magnitude)[0] / repi_km
    assert have == pytest.approx(simulated_ratio(magnitude, repi_km), abs=0.02)


@given(st.floats(0, 2000), st.floats(0, 2000), st.floats(-2, 11))
def test_never_farther_than_the_epicentre_and_grows_with_it(a, b, magnitude):
    near, far = mean_rupture_distance_km(np.array(sorted([a, b])), magnitude)
    assert 0 <= near <= far <= max(a, b)


def test_the_plain_choice_is_the_epicentral_distance():
    repi = np.array([0.0, 33.0])
    np.testing.assert_array_equal(DISTANCES["epicentral"](repi, 7.5), repi)
