"""The benchmark of one update of the forecast in its short form."""

from __future__ import annotations

import math
from pathlib import Path

import pytest


def test_forecast_and_audiences_are_measured(project_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(project_root / "benchmarks"))
    import bench_shaking

    rows = bench_shaking.run(n_stations=60, n_targets=90, n_nodes=100, repeats=6)
    assert all(math.isfinite(row.value) for row in rows.values())
    name = next(key for key in rows if key.startswith("forecast, 90 targets, ") and key.endswith(", p99"))
    assert rows[name].unit == "ms"
    assert rows[name].value > 0.0
    assert rows["three audiences" + name.removeprefix("forecast")].value > 0.0
    assert rows["stations that correct, most, 60"].value > 0.0  # else the kriging would not be measured
    (size,) = [row.value for key, row in rows.items() if key.startswith("columns of a forecast")]
    n = 90 + int(name.split(" targets, ")[1].split(" nodes")[0])
    assert size == pytest.approx(1e-3 * n * (9 * 4 + 1 + 4 * 4))  # nine floats, a byte, four probabilities


def test_its_audiences_are_three_that_are_configured_like_any(
    project_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(project_root / "benchmarks"))
    import bench_shaking

    made = bench_shaking.audiences()
    assert [p.name for p in made] == ["public", "railway", "centre"]
    assert [p.measure for p in made] == ["intensity", "pga", "intensity"]
