"""What `benchmarks/compare.py` says of two runs."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def compare(project_root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("compare", project_root / "benchmarks" / "compare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(path: Path, speed: float, cost: float, name: str = "decode", **more: float) -> str:
    results = {
        "speed": {"value": speed, "unit": "records/s", "better": "higher"},
        "cost": {"value": cost, "unit": "us", "better": "lower"},
        **{k: {"value": v, "unit": "s", "better": "lower"} for k, v in more.items()},
    }
    path.write_text(json.dumps({"benchmark": name, "machine": {}, "versions": {}, "results": results}))
    return str(path)


@pytest.mark.parametrize(
    ("speed", "cost", "code", "marks"),
    [
        (100.0, 10.0, 0, ["same", "same"]),
        (96.0, 10.4, 0, ["same", "same"]),
        (94.0, 10.0, 1, ["worse", "same"]),
        (110.0, 11.0, 1, ["better", "worse"]),
        (110.0, 9.0, 0, ["better", "better"]),
    ],
)
def test_marks_go_with_what_is_better(compare, tmp_path, capsys, speed, cost, code, marks) -> None:
    files = [write(tmp_path / "a", 100.0, 10.0), write(tmp_path / "b", speed, cost)]
    assert compare.main(files) == code
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[4] for line in lines] == marks


def test_tolerance_and_missing_figures(compare, tmp_path) -> None:
    old = write(tmp_path / "a", 100.0, 10.0)
    assert compare.main([old, write(tmp_path / "b", 80.0, 10.0), "--tolerance", "0.3"]) == 0
    assert compare.main([old, write(tmp_path / "c", 100.0, 10.0, extra=1.0)]) == 0
    assert compare.main([str(tmp_path / "c"), old]) == 1


def test_what_cannot_be_compared(compare, tmp_path) -> None:
    old = write(tmp_path / "a", 100.0, 10.0)
    assert compare.main([old, write(tmp_path / "b", 100.0, 10.0, "other")]) == 2
    (tmp_path / "c").write_text("[]")
    with pytest.raises(SystemExit) as caught:
        compare.main([old, str(tmp_path / "c")])
    assert caught.value.code == 2
