import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seiswarn.shaking.components import OVER_ROTD50
from seiswarn.shaking.conversion import CONVERSIONS
from seiswarn.shaking.conversion.faenza2010 import Faenza2010
from seiswarn.shaking.conversion.fujimoto2005 import Fujimoto2005
from seiswarn.shaking.conversion.gbt17742 import Gbt17742
from seiswarn.shaking.conversion.tian2021 import Tian2021
from seiswarn.shaking.conversion.worden2012 import Worden2012

GOLDEN = Path(__file__).parent.parent / "golden" / "intensity.csv"


def intensity(model, pga_mps2, pgv_mps):
    with np.errstate(divide="ignore"):
        return model.convert(np.log(pga_mps2), np.log(pgv_mps)).intensity


def golden(name="intensity.csv"):
    with GOLDEN.with_name(name).open() as file:
        table = list(csv.DictReader(line for line in file if not line.startswith("#")))
    return {key: np.array([float(row[key]) for row in table]) for key in table[0]}


def test_every_conversion_declares_itself():
    for model in CONVERSIONS.values():
        assert all((model.NAME, model.NEEDS, model.REFERENCE))
        assert model.COMPONENT in OVER_ROTD50
        assert model.SCATTER >= 0.0
        if model is not Tian2021:  # its numbers are from one place alone
            assert (GOLDEN.parent.parent.parent / model.VERIFIED).is_file()
    assert Tian2021.VERIFIED == ""


def test_gbt_against_golden_values():
    table = golden()
    np.testing.assert_allclose(
        intensity(Gbt17742(), table["pga_mps2"], table["pgv_mps"]), table["gbt"], rtol=1e-7
    )


def test_worden_against_golden_values():
    table = golden()
    have = intensity(Worden2012(), table["pga_mps2"], table["pgv_mps"])
    np.testing.assert_allclose(have, 0.5 * (table["mmi_pga"] + table["mmi_pgv"]), rtol=1e-6)


def test_faenza_against_golden_values():
    table = golden("mcs.csv")
    have = intensity(Faenza2010(), table["pga_mps2"], table["pgv_mps"])
    np.testing.assert_allclose(have, 0.5 * (table["mcs_pga"] + table["mcs_pgv"]), atol=2e-6)


def test_jma_against_golden_values():
    table = golden("jma_pgv.csv")
    for pga in (1e-3, 10.0):
        have = intensity(Fujimoto2005(), np.full(len(table["jma"]), pga), table["pgv_cmps"] / 100)
        np.testing.assert_allclose(have, np.clip(table["jma"], 0, 7), atol=1e-6)


def test_tian_in_gal_and_centimetres():
    have = intensity(Tian2021(), np.array([1.0]), np.array([0.1]))[0]
    assert have == pytest.approx(0.5 * (0.554 + 2.906 * 2 + 3.233 + 3.310))


@pytest.mark.parametrize("name", sorted(CONVERSIONS))
def test_stronger_motion_never_means_less(name):
    ln = np.linspace(-9, 3, 500)
    have = CONVERSIONS[name]().convert(ln, ln - 2.3).intensity
    # the relations' own seams: 0.02 of JMA at 4, 0.09 of GB/T where velocity alone takes over
    assert np.diff(have).min() > -0.1
    assert have[0] < have[-1] - 5


def test_gbt_takes_velocity_alone_only_when_both_reach_six():
    gbt = Gbt17742()
    # I_A = 6.59, I_V = 6.77: velocity alone; I_A = 6.59, I_V = 5.867: the mean
    assert intensity(gbt, np.array([1.0]), np.array([0.1]))[0] == pytest.approx(6.77)
    assert intensity(gbt, np.array([1.0]), np.array([0.05]))[0] == pytest.approx(
        (6.59 + 5.86691) / 2, abs=1e-4
    )


def test_gbt_is_clamped_and_survives_no_motion_at_all():
    gbt = Gbt17742()
    np.testing.assert_array_equal(intensity(gbt, np.array([0.0, 1e4]), np.array([0.0, 1e4])), [1.0, 12.0])


@pytest.mark.parametrize("name", sorted(CONVERSIONS))
@given(st.floats(-5, 1.5), st.floats(-6, 0.5))
def test_growth_is_the_slope_of_the_intensity_inside_the_scale(name, log_pga, log_pgv):
    relation = CONVERSIONS[name]()
    a, v = np.array([log_pga, log_pga + 1e-6]) * math.log(10), np.array([log_pgv, log_pgv]) * math.log(10)
    (low, high), per_a, per_v = relation.convert(a, v)
    assert (per_a >= 0).all()
    assert (per_v >= 0).all()
    # steepest and flattest slope of the relations, per factor e
    assert 0.6 < per_a[0] + per_v[0] < 1.61
    if 1.0 < low < 10.0 and per_a[0] == per_a[1]:
        assert -1e-9 < high - low < per_a[0] * (a[1] - a[0]) + 1e-9


def test_gbt_growth_equals_half_the_intensity_between_plus_and_minus_a_step():
    gbt = Gbt17742()
    for pga, pgv in [(0.1, 0.005), (3.0, 0.4)]:
        a, v = np.log([pga]), np.log([pgv])
        up, down = gbt.convert(a + 0.3, v + 0.3).intensity, gbt.convert(a - 0.3, v - 0.3).intensity
        have = gbt.convert(a, v)
        assert 0.3 * (have.per_ln_pga + have.per_ln_pgv)[0] == pytest.approx((up - down)[0] / 2, rel=1e-9)
