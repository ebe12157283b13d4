import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seiswarn.shaking.conversion import CONVERSIONS
from seiswarn.shaking.conversion.gbt17742 import Gbt17742
from seiswarn.shaking.conversion.worden2012 import Worden2012

GOLDEN = Path(__file__).parent.parent / "golden" / "intensity.csv"


def golden():
    with GOLDEN.open() as file:
        table = list(csv.DictReader(line for line in file if not line.startswith("#")))
    return {key: np.array([float(row[key]) for row in table]) for key in table[0]}


def test_every_conversion_declares_itself():
    for model in CONVERSIONS.values():
        assert model.NAME
        assert model.NEEDS
        assert model.REFERENCE
        assert (GOLDEN.parent.parent.parent / model.VERIFIED).is_file()


def test_gbt_against_golden_values():
    table = golden()
    np.testing.assert_allclose(
        Gbt17742().intensity(table["pga_mps2"], table["pgv_mps"]), table["gbt"], rtol=1e-7
    )


def test_worden_against_golden_values():
    table = golden()
    have = Worden2012().intensity(table["pga_mps2"], table["pgv_mps"])
    np.testing.assert_allclose(have, 0.5 * (table["mmi_pga"] + table["mmi_pgv"]), rtol=1e-6)


def test_gbt_takes_velocity_alone_only_when_both_reach_six():
    gbt = Gbt17742()
    # I_A = 6.59, I_V = 6.77: velocity alone; I_A = 6.59, I_V = 5.867: the mean
    assert gbt.intensity(np.array([1.0]), np.array([0.1]))[0] == pytest.approx(6.77)
    assert gbt.intensity(np.array([1.0]), np.array([0.05]))[0] == pytest.approx(
        (6.59 + 5.86691) / 2, abs=1e-4
    )


def test_gbt_is_clamped_and_survives_no_motion_at_all():
    gbt = Gbt17742()
    np.testing.assert_array_equal(gbt.intensity(np.array([0.0, 1e4]), np.array([0.0, 1e4])), [1.0, 12.0])


@pytest.mark.parametrize("name", sorted(CONVERSIONS))
@given(st.floats(-5, 1.5), st.floats(-6, 0.5), st.floats(0.1, 1.0))
def test_sigma_is_the_spread_of_the_intensity(name, log_pga, log_pgv, sigma):
    relation = CONVERSIONS[name]()
    pga, pgv = np.array([10.0**log_pga]), np.array([10.0**log_pgv])
    one = np.array([sigma])
    # steepest and flattest slope of the relations, per factor e, plus their own scatter
    have = relation.sigma(pga, pgv, one, one)[0]
    assert 0.6 * sigma < have < 1.61 * sigma + 0.75


def test_gbt_sigma_equals_half_the_intensity_between_plus_and_minus_one_sigma():
    gbt, s = Gbt17742(), np.array([0.3])
    for pga, pgv in [(0.1, 0.005), (3.0, 0.4)]:
        up = gbt.intensity(pga * np.exp(s), pgv * np.exp(s))
        down = gbt.intensity(pga * np.exp(-s), pgv * np.exp(-s))
        have = gbt.sigma(np.array([pga]), np.array([pgv]), s, s)
        assert have[0] == pytest.approx((up - down)[0] / 2, rel=1e-9)
