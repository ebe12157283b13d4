"""Peak motion against distance to the rupture, and rupture lengths."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from seiswarn.rupture_distance import rupture_length_km
from seiswarn.source import attenuation as att

GOLDEN = Path(__file__).parent.parent / "golden" / "si_midorikawa1999.csv"

# Numbers of OpenQuake's test tables: SM99ASC_MEAN and SM99SInter_MEAN (cm/s at Vs30 400 m/s, 1.41 times those
# at 600 m/s), SM99SSLAB_MEAN_PGA (g at Vs30 600 m/s). Kind, magnitude, depth, distance, value.
PUBLISHED_PGV = [
    ("crustal", 5.0, 0.0, 10.0, 5.03933481868),
    ("crustal", 7.0, 10.0, 25.0, 23.8563655444),
    ("crustal", 8.0, 50.0, 0.0, 174.606771121),
    ("interplate", 6.0, 10.0, 100.0, 1.39709519179),
    ("interplate", 8.0, 0.0, 50.0, 30.6990198714),
]
PUBLISHED_PGA = [
    ("intraplate", 5.0, 20.0, 1.0, 0.96348980),
    ("intraplate", 6.0, 50.0, 45.85, 0.16046816),
    ("intraplate", 7.0, 70.0, 300.0, 0.01729350),
]


def rows() -> list[dict[str, str]]:
    lines = GOLDEN.read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def test_golden_table() -> None:
    table = rows()
    assert len(table) == 150
    for row in table:
        m, x, depth = float(row["magnitude"]), float(row["x_km"]), float(row["depth_km"])
        pga = att.pga_mps2(m, x, depth, row["kind"])
        pgv = att.pgv_mps(m, x, depth, row["kind"])
        assert float(pga) == pytest.approx(0.01 * float(row["pga_cmps2"]), rel=1e-8)
        assert float(pgv) == pytest.approx(0.01 * float(row["pgv_cmps"]), rel=1e-8)


@pytest.mark.parametrize(("kind", "m", "depth", "x", "cmps"), PUBLISHED_PGV)
def test_published_pgv(kind: att.Kind, m: float, depth: float, x: float, cmps: float) -> None:
    assert 141.0 * float(att.pgv_mps(m, x, depth, kind)) == pytest.approx(cmps, rel=1e-9)


@pytest.mark.parametrize(("kind", "m", "depth", "x", "g"), PUBLISHED_PGA)
def test_published_pga(kind: att.Kind, m: float, depth: float, x: float, g: float) -> None:
    assert float(att.pga_mps2(m, x, depth, kind)) / 9.80665 == pytest.approx(g, rel=1e-5)


def test_shapes_broadcast_and_inputs_stay() -> None:
    m, x = np.array([[5.0], [7.0]]), np.array([1.0, 10.0, 100.0])
    pga = att.pga_mps2(m, x, 10.0)
    assert pga.shape == (2, 3)
    assert pga[1, 2] == att.pga_mps2(7.0, 100.0, 10.0)
    assert m.shape == (2, 1)


def test_peaks_fall_with_distance_and_saturate_at_the_rupture() -> None:
    x = np.linspace(0.0, 300.0, 301)
    assert np.all(np.diff(att.pga_mps2(7.0, x, 10.0)) < 0)
    assert np.all(np.diff(att.pgv_mps(7.0, x, 10.0)) < 0)
    assert att.pga_mps2(8.0, 0.0, 10.0) == pytest.approx(att.pga_mps2(6.0, 0.0, 10.0))
    assert att.pgv_mps(8.0, 0.0, 10.0) == pytest.approx(10**0.16 * att.pgv_mps(6.0, 0.0, 10.0))
    assert att.pgv_mps(9.5, 50.0, 10.0) == att.pgv_mps(8.3, 50.0, 10.0)


def test_rupture_lengths() -> None:
    # By hand: 0.59 * 7 - 2.44 = 1.69; 4.38 + 1.49 * 2 = 7.36.
    assert rupture_length_km(7.0) == pytest.approx(48.978, abs=1e-3)
    assert att.magnitude_of_length(100.0) == pytest.approx(7.36)
    assert math.isclose(att.magnitude_of_length(rupture_length_km(7.0)), 6.898, abs_tol=1e-3)
