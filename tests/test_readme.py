"""The README is true: its code runs, its links lead somewhere, its commands exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

TEXT = (Path(__file__).resolve().parent.parent / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.S)
COMMANDS = [
    line[2:].split("#")[0].strip()
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.S)
    for line in block.splitlines()
    if line.startswith("$ seiswarn")
]
SCRIPTS = [
    line[2:].split("#")[0].strip()
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.S)
    for line in block.splitlines()
    if line.startswith("$ scripts/")
]


def test_there_is_something_to_run() -> None:
    assert PYTHON
    assert len(COMMANDS) >= 4
    assert {"scripts/demo", "scripts/test"} <= set(SCRIPTS)


@pytest.mark.parametrize("code", PYTHON)
def test_python_blocks_run(code: str) -> None:
    exec(compile(code, "README.md", "exec"), {})


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run(command: str, tmp_path: Path, project_root: Path) -> None:
    for name in ("configs", "stations"):
        (tmp_path / name).symlink_to(project_root / name)
    words = shlex.split(command)[1:]
    program = [sys.executable, "-c", "from seiswarn.cli import main; main()"]
    done = subprocess.run(
        [*program, *words], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_links_lead_somewhere(project_root: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        if not target.startswith("http"):
            assert (project_root / target).exists(), target


def test_scripts_exist_and_can_be_run(project_root: Path) -> None:
    for name in ("demo", "test", "lint", "bench", "install"):
        assert (project_root / "scripts" / name).stat().st_mode & 0o111
    assert "scripts/test" in (project_root / ".ci" / "run").read_text()
