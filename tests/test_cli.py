"""The command line: exit codes, clear sentences, and nothing heavy before it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = [sys.executable, "-c", "from seiswarn.cli import main; main()"]


def _run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *words], cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("replay", "missing"), "no such folder"),
        (("replay", "."), "no usable miniSEED"),
        (("replay", ".", "--speed", "fast"), "--speed"),
        (("replay", ".", "--packet", "0"), "--packet"),
        (("replay", ".", "--config", "bad.toml"), "2 problems"),
        (("stations", "."), "no StationXML"),
        (("listen", "--format", "xml"), "--format"),
        (("check", "bad.toml"), "checks failed"),
        (("nonsense",), "No such command"),
    ],
)
def test_what_cannot_be_done_ends_with_2_and_a_sentence(
    words: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    (tmp_path / "bad.toml").write_text("[alerts]\nmin_magnitud = 4\n[source]\nmin_stations = 1\n")
    done = _run(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom seiswarn.cli import app\n"
        "heavy = {'numpy', 'numba', 'obspy', 'scipy', 'matplotlib', 'zmq', 'lxml'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=60)


def test_every_command_has_help(tmp_path: Path) -> None:
    for command in ("run", "replay", "listen", "drill", "check", "stations", "schema"):
        done = _run(command, "--help", cwd=tmp_path)
        assert done.returncode == 0
        assert command in done.stdout
