"""The benchmark of the ground-motion models in its short form."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from seiswarn.shaking.gmpe import GMPES


def test_every_model_and_the_whole_are_measured(project_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(project_root / "benchmarks"))
    import bench_gmpe

    rows = bench_gmpe.measure(2)
    for name in GMPES:
        assert any(key.startswith(f"{name}, 10,000 sites") for key in rows)
    for name in bench_gmpe.WHOLE:
        assert rows[f"{name}, 13,000 sites, p50"].value > 0.0
    assert all(math.isfinite(row.value) for row in rows.values())
