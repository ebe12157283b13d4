"""Where compiled kernels are kept: below NUMBA_CACHE_DIR, never in the installation."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import seiswarn

PACKAGE = Path(seiswarn.__file__).parent
RUN = (
    "from seiswarn.geo import distance_km; from seiswarn.jit import CACHE_FOLDER; "
    "print(round(distance_km(0.0, 0.0, 0.0, 1.0)), CACHE_FOLDER)"
)


def run(**environment: str) -> Path:
    """Compile one kernel in a process of its own; the folder it says it uses."""
    kept = {k: v for k, v in os.environ.items() if k not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "HOME")}
    done = subprocess.run(
        [sys.executable, "-c", RUN], env=kept | environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    distance, folder = done.stdout.split(maxsplit=1)
    assert distance == "111"
    return Path(folder.strip())


def compiled_in_package() -> set[Path]:
    return set(PACKAGE.rglob("*.nb[ic]"))


def test_an_installation_is_not_written_to(tmp_path: Path) -> None:
    before = compiled_in_package()
    folder = run(NUMBA_CACHE_DIR=str(tmp_path), HOME="/nonexistent")
    assert folder.parent == tmp_path
    assert list(folder.rglob("*.nbi"))
    assert compiled_in_package() == before


def test_the_second_start_finds_what_the_first_compiled(tmp_path: Path) -> None:
    folder = run(NUMBA_CACHE_DIR=str(tmp_path), HOME="/nonexistent")
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*.nb[ic]")}
    assert run(NUMBA_CACHE_DIR=str(tmp_path), HOME="/nonexistent") == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.nb[ic]")} == times


@pytest.mark.parametrize("variable", ["NUMBA_CACHE_DIR", "XDG_CACHE_HOME"])
def test_without_any_place_it_still_runs(tmp_path: Path, variable: str) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("")
    folder = run(**{variable: str(blocked / "below"), "HOME": str(blocked), "TMPDIR": str(tmp_path)})
    assert folder.parent == tmp_path
    assert list(folder.rglob("*.nbi"))
