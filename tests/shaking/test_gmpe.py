import csv
import math
from pathlib import Path

import numpy as np
import pytest

from motions import motions
from seiswarn.shaking.components import OVER_ROTD50
from seiswarn.shaking.gmpe import GMPES

GOLDEN = Path(__file__).parent.parent / "golden"
G = 9.80665


def bssa14(magnitude, rjb, vs30, region="global", mechanism="unspecified"):
    return motions("bssa14", magnitude, rjb, vs30, region=region, mechanism=mechanism)


def rows(name):
    with (GOLDEN / name).open() as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def test_every_model_declares_itself_and_names_an_existing_golden_table():
    for name, model in GMPES.items():
        assert all((model.NAME, model.NEEDS, model.REFERENCE, model.COMPONENT)), name
        assert model.COMPONENT in OVER_ROTD50
        assert all(low < high for low, high in model.VALID.values())
        assert (GOLDEN.parent.parent / model.VERIFIED).is_file()


@pytest.mark.parametrize("oracle", ["a", "b"])
def test_bssa14_agrees_with_two_independent_implementations(oracle):
    table = rows("bssa14.csv")
    assert len(table) > 600
    for row in table:
        motion = bssa14(
            float(row["magnitude"]),
            np.array([float(row["rjb_km"])]),
            np.array([float(row["vs30_mps"])]),
            row["region"],
            row["mechanism"],
        )
        # 0.02 % of the motion itself: 2e-4 in ln (oracle a rounds dc3 of China otherwise)
        assert motion.ln_pga[0] - math.log(G) == pytest.approx(float(row[f"ln_pga_{oracle}"]), abs=2e-4)
        assert motion.ln_pgv[0] + math.log(100) == pytest.approx(float(row[f"ln_pgv_{oracle}"]), abs=2e-5)
        for have, key in [
            (motion.sigma_pga, "sigma_pga"),
            (motion.tau_pga, "tau_pga"),
            (motion.phi_pga, "phi_pga"),
            (motion.sigma_pgv, "sigma_pgv"),
            (motion.tau_pgv, "tau_pgv"),
            (motion.phi_pgv, "phi_pgv"),
        ]:
            assert have.max() == pytest.approx(float(row[key]), abs=1e-6), (row, key)


def test_units_are_si():
    # M 7 at Rjb 0 on rock: about half a g and half a metre per second, by any NGA-West2 model
    motion = bssa14(7.0, np.zeros(1), np.array([760.0]))
    assert 3.0 < math.exp(motion.ln_pga[0]) < 7.0
    assert 0.3 < math.exp(motion.ln_pgv[0]) < 0.8


def test_inputs_stay_untouched_and_vector_equals_single_calls():
    rjb, vs30 = np.array([0.0, 12.0, 180.0]), np.array([200.0, 500.0, 1500.0])
    kept = rjb.copy(), vs30.copy()
    how = "italy_japan", "reverse"
    whole = bssa14(6.3, rjb, vs30, *how)
    np.testing.assert_array_equal((rjb, vs30), kept)
    for i in range(3):
        single = bssa14(6.3, rjb[i : i + 1], vs30[i : i + 1], *how)
        assert single.ln_pga[0] == whole.ln_pga[i]
        assert single.phi_pgv[0] == whole.phi_pgv[i]


def test_magnitude_and_vs30_are_held_at_the_ends_of_their_validity():
    one = np.array([50.0])
    assert bssa14(9.3, one, one * 10).ln_pga == bssa14(8.5, one, one * 10).ln_pga
    assert bssa14(6.0, one, np.array([90.0])).ln_pgv == bssa14(6.0, one, np.array([150.0])).ln_pgv
    assert bssa14(6.0, one, np.array([2800.0])).ln_pga == bssa14(6.0, one, one * 30).ln_pga
