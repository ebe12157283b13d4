"""Intensity kernels against the golden table, and against the same relations as forecasts use them."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from seiswarn.shaking.conversion.gbt17742 import Gbt17742
from seiswarn.shaking.conversion.worden2012 import Worden2012
from seiswarn.waveform.intensity import intensity_gbt, intensity_jma, intensity_mmi


def test_golden_values(project_root: Path) -> None:
    lines = (project_root / "tests/golden/intensity.csv").read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert len(rows) == 14
    for row in rows:
        pga, pgv = float(row["pga_mps2"]), float(row["pgv_mps"])
        assert intensity_gbt(pga, pgv) == pytest.approx(float(row["gbt"]), abs=1e-6)
        mmi = 0.5 * (float(row["mmi_pga"]) + float(row["mmi_pgv"]))
        assert intensity_mmi(pga, pgv) == pytest.approx(mmi, abs=1e-6)


@given(some.floats(-5, 2), some.floats(-6, 1))
def test_motion_and_forecast_have_one_intensity(log_pga: float, log_pgv: float) -> None:
    pga, pgv = 10.0**log_pga, 10.0**log_pgv
    for kernel, relation in ((intensity_gbt, Gbt17742()), (intensity_mmi, Worden2012())):
        expected = float(relation.convert(np.log([pga]), np.log([pgv]))[0][0])
        assert kernel(pga, pgv) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("kernel", [intensity_gbt, intensity_mmi])
def test_no_motion_is_the_lowest_degree(kernel) -> None:
    assert kernel(0.0, 0.0) == 1.0


def test_jma_of_a_level() -> None:
    assert intensity_jma(1.0) == pytest.approx(4.94)
    assert intensity_jma(0.1 / math.sqrt(10.0)) == pytest.approx(1.94)
    assert intensity_jma(0.0) == -3.0
