import csv
from pathlib import Path

import numpy as np
import pytest

from seiswarn.shaking.components import OVER_ROTD50, between, converted

GOLDEN = Path(__file__).parent.parent / "golden" / "components.csv"


def test_agrees_with_the_published_tables():
    with GOLDEN.open() as file:
        table = list(csv.DictReader(line for line in file if not line.startswith("#")))
    assert len(table) > 40
    for row in table:
        ratios = between(row["from"], row["to"])
        zero, r = np.zeros(1), np.array([float(row["rrup_km"])])
        pga, pgv = converted(ratios, float(row["magnitude"]), r, zero, zero)
        assert pga[0] == pytest.approx(float(row["ln_pga"]), abs=2e-6), row
        assert pgv[0] == pytest.approx(float(row["ln_pgv"]), abs=2e-6), row
        assert ratios[0].sigma == pytest.approx(float(row["sigma_pga"]), abs=2e-6)
        assert ratios[1].sigma == pytest.approx(float(row["sigma_pgv"]), abs=2e-6)


@pytest.mark.parametrize("name", sorted(OVER_ROTD50))
def test_there_and_back_is_nothing(name):
    r, ln = np.array([1.0, 80.0]), np.array([-2.0, 0.5])
    there = converted(between("RotD50", name), 6.3, r, ln, ln)
    back = converted(between(name, "RotD50"), 6.3, r, *there)
    np.testing.assert_allclose(back, [ln, ln], atol=1e-14)
    assert all(ratio.sigma == 0.0 for ratio in between(name, name))


def test_the_largest_direction_is_the_largest():
    r, zero = np.geomspace(0.1, 1000, 20), np.zeros(20)
    for magnitude in (1.0, 4.0, 6.0, 9.5):
        largest, one, mean = (
            converted(between("RotD50", to), magnitude, r, zero, zero)
            for to in ("RotD100", "larger", "geometric_mean")
        )
        for a, b, c in zip(largest, one, mean, strict=True):
            assert (a > b).all()
            assert (b > c).all()
            # RotD100 is at least RotD50 and at most sqrt(2) of it
            assert (a > 0).all()
            assert (a < 0.5 * np.log(2.0)).all()
