"""The systemd unit: accepted by systemd itself, hardened, and nothing in it that stops the daemon."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = "configs/systemd/seiswarn@.service"
analyze = shutil.which("systemd-analyze")
needed = pytest.mark.skipif(
    analyze is None and not os.environ.get("CI"), reason="systemd is not installed here"
)


@pytest.fixture
def unit(project_root: Path, tmp_path: Path) -> Path:
    """The unit with a program that exists, which `systemd-analyze verify` insists on."""
    text = (project_root / UNIT).read_text()
    assert "/opt/seiswarn/bin/seiswarn run" in text
    path = tmp_path / "seiswarn@.service"
    path.write_text(text.replace("/opt/seiswarn/bin/seiswarn", sys.executable))
    return path


def ask(*words: str) -> subprocess.CompletedProcess[str]:
    assert analyze is not None, "CI installs systemd"
    return subprocess.run([analyze, *words], capture_output=True, text=True, timeout=60)


@needed
def test_systemd_accepts_it(unit: Path) -> None:
    done = ask("verify", str(unit))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@needed
def test_verify_would_find_a_mistake(unit: Path) -> None:
    unit.write_text(unit.read_text().replace("WatchdogSec=30", "WatchdogSec=soon"))
    assert "Failed to parse sec value" in ask("verify", str(unit)).stderr


@needed
def test_it_is_hardened(unit: Path) -> None:
    """systemd's own measure, 0 (safe) to 10; an unhardened service has 9.6."""
    done = ask("security", "--offline=true", "--threshold=25", str(unit))
    assert done.returncode == 0, done.stdout[-2000:]


@needed
def test_the_clock_may_be_asked(unit: Path) -> None:
    """adjtimex is in no group of @system-service: forbidden, it would be the end of the daemon's checks."""
    text = unit.read_text()
    assert "clock_adjtime" in text
    assert "ProtectClock" not in text.replace("no ProtectClock=", "")
    allowed = ask("syscall-filter", "@system-service").stdout
    assert "adjtime" not in allowed


def test_what_the_daemon_counts_on(project_root: Path) -> None:
    lines = (project_root / UNIT).read_text().splitlines()
    settings = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    assert settings["Type"] == "notify"
    assert settings["NotifyAccess"] == "main"
    assert settings["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert settings["KillMode"] == "mixed"
    assert any(line.startswith("Environment=NUMBA_CACHE_DIR=") for line in lines)
    # Kernels are compiled at run time: memory that is written and then run.
    assert "MemoryDenyWriteExecute" not in settings
