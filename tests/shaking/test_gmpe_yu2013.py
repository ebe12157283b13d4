import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reference.shaking_twin import yu2013_ln

from motions import motions
from seiswarn.shaking.gmpe.yu2013 import REGIONS, surface_magnitude

GOLDEN = Path(__file__).parent.parent / "golden" / "yu2013.csv"
G = 9.80665
ROCK = 500.0


def yu(magnitude, repi_km, off_strike_rad=0.0, region="active", vs30=ROCK):
    """At places on rock, with the strike known."""
    r = np.atleast_1d(np.asarray(repi_km, dtype=float))
    angle = None if off_strike_rad is None else np.broadcast_to(off_strike_rad, r.shape).astype(float)
    return motions("yu2013", magnitude, r, np.full(r.shape, vs30), angle, yu_region=region)


def golden():
    with GOLDEN.open() as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def test_agrees_with_openquake():
    table = golden()
    assert len(table) > 80
    assert sum(bool(row["ln_pgv"]) for row in table) > 60
    for row in table:
        angle = math.radians(float(row["off_strike_deg"]))
        have = yu(float(row["magnitude"]), float(row["repi_km"]), angle, row["region"])
        # 0.2 %: the table between its nodes, and the other way to go between the axes
        assert have.ln_pga[0] - math.log(G) == pytest.approx(float(row["ln_pga"]), abs=2e-3), row
        if row["ln_pgv"]:
            assert have.ln_pgv[0] + math.log(100) == pytest.approx(float(row["ln_pgv"]), abs=2e-3), row
        assert have.sigma_pga[()].max() == pytest.approx(float(row["sigma_pga"]), abs=1e-9)
        assert have.sigma_pgv[()].max() == pytest.approx(float(row["sigma_pgv"]), abs=1e-9)


@given(
    st.sampled_from(sorted(REGIONS)),
    st.floats(4.9, 8.2),
    st.floats(0.5, 1000.0),
    st.floats(0.0, 0.5 * math.pi),
)
def test_the_table_stands_for_the_ellipse_of_every_place(region, magnitude, repi_km, angle):
    have = yu(magnitude, repi_km, angle, region)
    ln_gal, ln_cmps = yu2013_ln(region, surface_magnitude(magnitude), repi_km, angle)
    assert have.ln_pga[0] + math.log(100) == pytest.approx(ln_gal, abs=0.006)
    assert have.ln_pgv[0] + math.log(100) == pytest.approx(ln_cmps, abs=0.006)


@given(st.floats(5.0, 8.0), st.floats(0, 2 * math.pi), st.sampled_from(sorted(REGIONS)))
def test_falls_with_distance_and_is_the_same_along_the_strike_turned_round(magnitude, angle, region):
    r = np.geomspace(0.1, 900.0, 60)
    there = yu(magnitude, r, angle, region)
    assert (np.diff(there.ln_pga) <= 1e-12).all()
    assert (np.diff(there.ln_pgv) <= 1e-12).all()
    back = yu(magnitude, r, angle - math.pi, region)
    np.testing.assert_allclose(back.ln_pga, there.ln_pga, atol=1e-9)
    np.testing.assert_allclose(yu(magnitude, r, -angle, region).ln_pgv, there.ln_pgv, atol=1e-9)


def test_along_the_strike_it_reaches_farther():
    along, across = yu(7.5, 80.0, 0.0), yu(7.5, 80.0, 0.5 * math.pi)
    assert along.ln_pga[0] > across.ln_pga[0] + 0.2


def test_without_a_strike_it_is_the_mean_over_directions_with_its_spread():
    angles = np.radians(np.arange(0.5, 180.0, 1.0))
    all_round = yu(7.5, np.full(180, 60.0), angles)
    unknown = yu(7.5, 60.0, None)
    assert unknown.ln_pga[0] == pytest.approx(all_round.ln_pga.mean(), abs=1e-3)
    within = math.hypot(all_round.phi_pga[0], all_round.ln_pga.std())
    assert unknown.phi_pga[0] == pytest.approx(within, abs=2e-3)
    assert unknown.phi_pga[0] > all_round.phi_pga[0] + 0.005


def test_soft_ground_shakes_more_and_rock_is_as_in_the_paper():
    assert yu(6.5, 100.0, vs30=250.0).ln_pgv[0] > yu(6.5, 100.0).ln_pgv[0] + 0.3
    # along the strike, far from the break of the magnitudes: the formula itself
    ms = surface_magnitude(6.0)
    plain = 4.1193 + 1.656 * ms - 2.389 * math.log(math.hypot(50.0, 15.0) + 1.772 * math.exp(0.424 * ms))
    assert yu(6.0, 50.0).ln_pga[0] == pytest.approx(plain - math.log(100), abs=1e-3)


def test_surface_magnitude_of_moment_magnitude():
    assert surface_magnitude(6.0) == pytest.approx(6.290698)
    assert surface_magnitude(7.0) == pytest.approx(7.359375)
