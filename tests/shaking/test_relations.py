import csv
import math
from pathlib import Path
from typing import get_args, get_type_hints

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from motions import motions
from seiswarn.errors import UsageError
from seiswarn.geo import distances_km, line_distances_km
from seiswarn.rupture_distance import mean_rupture_distance_km
from seiswarn.shaking import components, distance
from seiswarn.shaking.conversion import CONVERSIONS, fujimoto2005, pieces
from seiswarn.shaking.distance import Paths, rupture_top_km
from seiswarn.shaking.gmpe import GMPES, bssa14, parker2020, yu2013
from seiswarn.shaking.gmpe.yu2013 import REGIONS
from seiswarn.shaking.ipe import IPES, allen2012
from seiswarn.shaking.ipe.allen2012 import Allen2012
from seiswarn.shaking.params import Params
from seiswarn.shaking.relations import Relations, Source

LINE = (29.5, 103.2, 30.6, 104.4)
CASES = [
    *({"gmpe": g} for g in sorted(GMPES)),
    *({"conversion": c} for c in sorted(CONVERSIONS)),
    {"ipe": "allen2012", "conversion": "worden2012"},
    {"gmpe": "yu2013", "strike_deg": 40.0},
    {"component": False},
]


def source(**changes):
    given = {
        "magnitude": 6.8,
        "magnitude_sigma": 0.3,
        "latitude": 30.0,
        "longitude": 104.0,
        "depth_km": 12.0,
    } | changes
    return Source(**given)


def places(relations, n=200, seed=3):
    rng = np.random.default_rng(seed)
    return relations.sites(
        rng.uniform(27, 33, n), rng.uniform(101, 107, n), rng.choice([np.nan, 0.0, 200.0, 500.0, 900.0], n)
    )


@pytest.mark.parametrize("given", CASES)
@pytest.mark.parametrize("line", [None, LINE])
def test_every_choice_gives_finite_shaking_with_scatter(given, line):
    relations = Relations(Params(**given))
    sites = places(relations)
    made = relations.at(source(line=line), sites)
    for name in ("repi_km", "ln_pga", "ln_pgv", "intensity", "sigma", "tau", "phi", "per_ln"):
        column = getattr(made, name)
        assert column.shape == (200,), name
        assert np.isfinite(column).all(), name
    np.testing.assert_allclose(
        made.repi_km, distances_km(30.0, 104.0, sites.latitude, sites.longitude), rtol=1e-9
    )
    assert (made.sigma > np.hypot(made.tau, made.phi)).all()
    assert ((made.sigma > 0.3) & (made.sigma < 1.6)).all()
    certain = relations.at(source(line=line, magnitude_sigma=0.0), sites)
    np.testing.assert_allclose(certain.sigma, np.hypot(certain.tau, certain.phi), rtol=1e-12)
    np.testing.assert_array_equal(certain.intensity, made.intensity)


@pytest.mark.parametrize("given", CASES)
def test_stronger_with_magnitude_and_weaker_with_distance(given):
    relations = Relations(Params(**given))
    sites = relations.sites(np.full(30, 30.0), np.linspace(104.1, 109.0, 30), np.full(30, 400.0))
    near = relations.at(source(), sites)
    assert (np.diff(near.ln_pga) < 0).all()
    # the seams of the relations aside
    assert (np.diff(near.intensity) < 0.1).all()
    assert (relations.at(source(magnitude=7.4), sites).ln_pgv > near.ln_pgv).all()


def test_equals_the_parts_put_together():
    params = Params(component=False, magnitude_sigma=False)
    relations = Relations(params)
    sites = places(relations)
    made = relations.at(source(), sites)
    model = GMPES["bssa14"](params)
    rjb = mean_rupture_distance_km(made.repi_km, 6.8)
    motion = motions("bssa14", 6.8, rjb, sites.vs30_mps)
    np.testing.assert_allclose(made.ln_pga, motion.ln_pga, atol=1e-9)
    converted = CONVERSIONS["gbt17742"]().convert(motion.ln_pga, motion.ln_pgv)
    np.testing.assert_allclose(made.intensity, converted.intensity, atol=1e-9)
    assert relations.method == "BSSA14+GB/T 17742-2020"
    assert relations.scale == "GB/T 17742-2020"
    assert model.NAME == "BSSA14"


def test_of_a_line_the_distance_is_that_to_the_line():
    params = Params(component=False)
    relations = Relations(params)
    sites = places(relations)
    made = relations.at(source(line=LINE), sites)
    near = line_distances_km(*LINE, sites.latitude, sites.longitude)
    motion = motions("bssa14", 6.8, near, sites.vs30_mps)
    np.testing.assert_allclose(made.ln_pga, motion.ln_pga, atol=1e-12)


def test_the_magnitude_widens_by_half_the_difference_of_a_sigma_up_and_down():
    relations = Relations(Params(component=False))
    sites = places(relations)
    wide, narrow = relations.at(source(), sites), relations.at(source(magnitude_sigma=0.0), sites)
    up, down = (relations.at(source(magnitude=6.8 + x, magnitude_sigma=0.0), sites) for x in (0.3, -0.3))
    moved = np.sqrt(wide.sigma**2 - narrow.sigma**2)
    both = 0.5 * (up.intensity - down.intensity)
    # where the conversion does not change over between them it is the same
    plain = np.isclose(up.per_ln, down.per_ln) & (down.intensity > 1.5)
    assert plain.sum() > 50
    np.testing.assert_allclose(moved[plain], both[plain], rtol=1e-6)


def test_components_raise_gbt_by_about_a_fifth_of_a_degree():
    with_it, without = (Relations(Params(component=c)) for c in (True, False))
    sites = places(with_it)
    gain = with_it.at(source(), sites).intensity - without.at(source(), sites).intensity
    middle = without.at(source(), sites)
    smooth = (middle.intensity < 5.5) | (middle.intensity > 6.5)
    assert ((gain[smooth] > 0.2) & (gain[smooth] < 0.35)).all()
    np.testing.assert_array_equal(with_it.at(source(), sites).ln_pga, middle.ln_pga)


@given(st.floats(0.0, 360.0))
def test_strike_turned_by_half_a_turn_is_the_same(strike):
    relations = Relations(Params(gmpe="yu2013"))
    sites = places(relations)
    one, other = (relations.at(source(strike_deg=s), sites) for s in (strike, strike + 180.0))
    np.testing.assert_allclose(one.intensity, other.intensity, atol=1e-9)


def test_the_strike_of_a_line_is_that_between_its_ends():
    relations = Relations(Params(gmpe="yu2013"))
    north = source(line=(29.0, 104.0, 31.0, 104.0), latitude=29.0)
    sites = relations.sites(
        np.array([31.5, 30.0]), np.array([104.0, 104.0 + 1.5 / math.cos(math.radians(30))]), np.full(2, 500.0)
    )
    along, across = relations.at(north, sites).ln_pga
    assert along > across + 0.2
    centred = relations.at(source(latitude=30.0, strike_deg=0.0), sites).ln_pga
    np.testing.assert_allclose([along, across], centred, atol=1e-9)


def test_valid_is_inside_every_range():
    relations = Relations(Params())
    sites = relations.sites(
        np.array([30.1, 30.1, 36.0]), np.array([104.1] * 3), np.array([400.0, 2000.0, 400.0])
    )
    np.testing.assert_array_equal(relations.at(source(), sites).valid, [True, False, False])
    assert not relations.at(source(magnitude=9.0), sites).valid.any()


def test_scale_of_the_equation_for_intensity_must_be_that_of_the_conversion():
    with pytest.raises(UsageError, match="choose a conversion to MMI"):
        Relations(Params(ipe="allen2012"))
    relations = Relations(Params(ipe="allen2012", conversion="worden2012"))
    assert relations.method == "BSSA14, AWW12"
    assert relations.scale == "MMI"


def test_only_what_nothing_stands_for_is_unverified():
    assert Relations(Params()).unverified() == ()
    (name,) = Relations(Params(conversion="tian2021")).unverified()
    assert name.startswith("MMI: New ground motion")


def test_unknown_ground_is_the_default():
    relations = Relations(Params(default_vs30_mps=333.0))
    sites = relations.sites(np.zeros(3), np.zeros(3), np.array([0.0, np.nan, 700.0]))
    np.testing.assert_array_equal(sites.vs30_mps, [333.0, 333.0, 700.0])
    assert len(sites) == 3


def test_without_sites_nothing_fails():
    relations = Relations(Params())
    none = np.zeros(0)
    assert relations.at(source(), relations.sites(none, none, none)).intensity.shape == (0,)


def test_epicentral_intensity_is_that_of_the_point():
    relations = Relations(Params())
    here = relations.sites(np.array([30.0]), np.array([104.0]), np.array([760.0]))
    assert relations.epicentre(source(line=LINE)).intensity[0] == relations.at(source(), here).intensity[0]


def test_observed_peaks_need_no_component():
    table = np.array([0.05, 0.6]), np.array([0.004, 0.06])
    relations = Relations(Params())
    plain = CONVERSIONS["gbt17742"]().convert(*(np.log(x) for x in table)).intensity
    np.testing.assert_allclose(relations.observed(*table), plain)
    other = Relations(Params(conversion="worden2012")).observed(*table)
    assert (other < CONVERSIONS["worden2012"]().convert(*(np.log(x) for x in table)).intensity).all()


def test_top_of_the_rupture():
    assert rupture_top_km(4.0, 10.0) == pytest.approx(9.5, abs=0.2)
    assert rupture_top_km(8.0, 60.0) == 50.0
    assert rupture_top_km(7.5, 6.0) == 0.0


def test_allen_agrees_with_openquake():
    with (Path(__file__).parent.parent / "golden" / "allen2012.csv").open() as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            r = np.array([float(row["rrup_km"])])
            have = Allen2012().predict(float(row["magnitude"]), Paths(r, r, r, r, None, 10.0))
            assert have.intensity[0] == pytest.approx(min(10.0, max(1.0, float(row["mmi"]))), abs=2e-6)
            assert math.hypot(have.tau[0], have.phi[0]) == pytest.approx(float(row["sigma"]), abs=2e-6)


def test_params_are_not_changed():
    params = Params(gmpe="parker2020")
    before = msgspec.json.encode(params)
    relations = Relations(params)
    relations.warm()
    relations.at(source(), places(relations))
    assert msgspec.json.encode(params) == before


def test_names_in_params_are_those_of_the_registries():
    hints = get_type_hints(Params)
    assert set(get_args(hints["ipe"])) == {"", *IPES}
    assert set(get_args(hints["yu_region"])) == set(REGIONS)
    assert set(get_args(hints["gmpe"])) == set(GMPES)
    assert set(get_args(hints["conversion"])) == set(CONVERSIONS)


def test_equations_for_intensity_declare_themselves():
    for model in IPES.values():
        assert model.SCALE in {c.NAME for c in CONVERSIONS.values()}
        assert all((model.NAME, model.NEEDS, model.REFERENCE))
        assert (Path(__file__).parent.parent.parent / model.VERIFIED).is_file()


def test_no_forecast_compiles_what_warm_did_not():
    for choice in CASES:
        relations = Relations(Params(**choice))
        relations.warm()
        for line, strike, sigma in ((None, None, 0.3), (LINE, None, 0.0), (None, 20, 0.3)):
            relations.at(source(line=line, strike_deg=strike, magnitude_sigma=sigma), places(relations))
    kernels = (
        *(distance.fill_repi, distance.fill_mean_rupture, distance.fill_off_strike),
        *(bssa14.fill_bssa14, parker2020.fill_parker, yu2013.fill_table, yu2013.fill_yu),
        *(pieces.fill_intensity, fujimoto2005.fill_jma, components.fill_converted, allen2012.fill_allen),
    )
    for kernel in kernels:
        assert len(kernel.signatures) == 1, kernel.__name__
