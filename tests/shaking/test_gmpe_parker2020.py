import csv
import math
from pathlib import Path

import numpy as np
import pytest
from tests.reference.shaking_twin import bssa14_ln, parker2020_ln

from motions import motions
from seiswarn.shaking.gmpe.parker2020 import Parker2020
from seiswarn.shaking.params import Params

GOLDEN = Path(__file__).parent.parent / "golden" / "parker2020.csv"
G = 9.80665


def parker(magnitude, rrup, vs30, **params):
    return motions("parker2020", magnitude, rrup, vs30, **params)


def test_agrees_with_openquake():
    with GOLDEN.open() as file:
        table = list(csv.DictReader(line for line in file if not line.startswith("#")))
    assert len(table) >= 80
    for row in table:
        value = {k: float(v) for k, v in row.items() if k != "kind"}
        have = parker(
            value["magnitude"],
            [value["rrup_km"]],
            [value["vs30_mps"]],
            depth_km=value["depth_km"],
            subduction=row["kind"],
        )
        assert have.ln_pga[0] - math.log(G) == pytest.approx(value["ln_pga"], abs=2e-6), row
        assert have.ln_pgv[0] + math.log(100) == pytest.approx(value["ln_pgv"], abs=2e-6), row
        for name in ("sigma_pga", "tau_pga", "phi_pga", "sigma_pgv", "tau_pgv", "phi_pgv"):
            assert getattr(have, name).max() == pytest.approx(value[name], abs=2e-6), (row, name)


def test_depth_decides_the_kind_where_the_configuration_does_not():
    place = [120.0], [400.0]
    for depth, kind in ((20.0, "interface"), (80.0, "slab")):
        by_depth = parker(7.0, *place, depth_km=depth, slab_from_km=50.0)
        told = parker(7.0, *place, depth_km=depth, subduction=kind)
        assert by_depth.ln_pga == told.ln_pga
    assert parker(7.0, *place, depth_km=80.0).ln_pga > parker(7.0, *place, depth_km=20.0).ln_pga


def test_falls_with_distance():
    r = np.geomspace(5.0, 1200.0, 50)
    for kind in ("interface", "slab"):
        have = parker(7.5, r, np.full(50, 300.0), subduction=kind, depth_km=60.0)
        assert (np.diff(have.ln_pga) < 0).all()
        assert (np.diff(have.ln_pgv) < 0).all()


@pytest.mark.parametrize("kind", ["interface", "slab"])
@pytest.mark.parametrize("magnitude", [4.5, 7.5, 8.3])
def test_kernel_equals_its_twin(kind, magnitude):
    rng = np.random.default_rng(5)
    r, vs30 = rng.uniform(5, 900, 60), rng.uniform(150, 1900, 60)
    have = parker(magnitude, r, vs30, depth_km=55.0, subduction=kind)
    ln_g, ln_cmps = parker2020_ln(kind, magnitude, 55.0, r, vs30)
    np.testing.assert_allclose(have.ln_pga, ln_g + math.log(G), atol=1e-11)
    np.testing.assert_allclose(have.ln_pgv, ln_cmps - math.log(100), atol=1e-11)


@pytest.mark.parametrize("magnitude", [3.2, 5.0, 6.4, 8.1])
def test_kernel_of_bssa14_equals_its_twin(magnitude):
    rng = np.random.default_rng(6)
    r, vs30 = rng.uniform(0, 600, 80), rng.uniform(100, 1900, 80)
    r[0] = 0.0
    have = motions("bssa14", magnitude, r, vs30, region="china_turkey", mechanism="reverse")
    ln_g, ln_cmps, phi_a, phi_v = bssa14_ln(magnitude, r, vs30, "china_turkey", 3)
    np.testing.assert_allclose(have.ln_pga, ln_g + math.log(G), atol=1e-11)
    np.testing.assert_allclose(have.ln_pgv, ln_cmps - math.log(100), atol=1e-11)
    np.testing.assert_allclose(have.phi_pga, phi_a, atol=1e-11)
    np.testing.assert_allclose(have.phi_pgv, phi_v, atol=1e-11)


def test_units_are_si():
    # M 8 interface at 100 km on rock: about a tenth of g and ten centimetres per second
    have = parker(8.0, [100.0], [760.0], subduction="interface")
    assert 0.5 < math.exp(have.ln_pga[0]) < 2.5
    assert 0.04 < math.exp(have.ln_pgv[0]) < 0.25
    assert Parker2020(Params()).NAME == "Parker2020"
