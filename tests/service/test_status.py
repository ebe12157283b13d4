"""`seiswarn status`: of a daemon that works, that starts, that was killed, and of a folder without one."""

from __future__ import annotations

import io
import os
import re
import signal
import time
from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from typer.testing import CliRunner

from seiswarn.cli import app
from seiswarn.messages import LinkState
from seiswarn.runtime import console
from seiswarn.runtime.stations_file import Standing, StationsNow
from seiswarn.runtime.status import DaemonStatus, ProcessStatus, Said, StatusFinding
from service.daemons import Running

NS = 1_000_000_000
NOW = 1_790_000_000 * NS


def process(name: str, kind: str, state: str = "ready", **counters: float) -> ProcessStatus:
    return ProcessStatus(
        name=name,
        kind=kind,  # type: ignore[arg-type]
        pid=os.getpid(),
        running=True,
        state=state,
        restarts=2,
        up_s=100.0,
        beat_age_s=0.2,
        t_seen_ns=NOW,
        counters=counters,
    )


def status(
    core_state: str = "ready", *, t_ns: int = NOW, pid: int = 0, stopping: bool = False
) -> DaemonStatus:
    return DaemonStatus(
        t_ns=t_ns,
        run="centre",
        run_id="r",
        status="actual",
        pid=pid or os.getpid(),
        started_ns=NOW - 3600 * NS * 5,
        stopping=stopping,
        processes=(
            process("core", "core", core_state, packets=5000.0, refused=3.0, stage_source_ms_p99=1.25),
            process("publish-zmq", "publish", pending=2.0),
            process("ingest-seedlink-1", "ingest"),
        ),
        sources=(
            LinkState(
                name="seedlink a:1", state="connected", since_ns=NOW, quiet=("X_A", "X_B", "X_C", "X_D")
            ),
            LinkState(name="seedlink b:1", state="connecting", since_ns=NOW, detail="nobody listens"),
        ),
        said=(Said(t_ns=NOW, sentence="core is ready after 3.0 s"),),
        findings=(StatusFinding(key="k", subject="disk", sentence="0.2 GB free", since_ns=NOW),),
    )


STATIONS = StationsNow(
    t_seen_ns=NOW,
    run_id="r",
    stations=(
        Standing(station="X.A..HN", state="ok", trust=1.0, latency_s=0.5),
        Standing(station="X.B..HN", state="untrusted", trust=0.0, latency_s=-1.0, reasons=("DEAD", "GAPPY")),
    ),
    blind="no event is possible around 1 of 2 sites",
)


def folder_with(path: Path, told: DaemonStatus | None, stations: StationsNow | None = None) -> Path:
    path.mkdir(exist_ok=True)
    if told is not None:
        (path / "status.json").write_bytes(msgspec.json.encode(told))
    if stations is not None:
        (path / "stations.json").write_bytes(msgspec.json.encode(stations))
    return path


def test_everything_is_shown(tmp_path: Path) -> None:
    seen = console.look(folder_with(tmp_path, status(), STATIONS), NOW + NS)
    text = "\n".join(console.as_text(seen))
    assert text.startswith("centre (actual) runs for 5.0 h")
    for line in (
        "FAIL disk: 0.2 GB free",
        "50 packets/s on average, 5000 in all, 3 refused",
        "source 1.25 ms",
        "2: 1 ok, 1 untrusted",
        "no event is possible around 1 of 2 sites",
        "publish-zmq: 2 alerts wait",
        "core is ready after 3.0 s",
    ):
        assert line in text
    assert re.search(r"X\.B\.\.HN +untrusted +0\.00 +- +DEAD GAPPY", text)
    assert re.search(r"seedlink b:1 +connecting .*nobody listens", text)
    assert "X_A, X_B, X_C and 1 more" in text
    assert text.index("seedlink b:1") < text.index("seedlink a:1")  # what is wrong comes first


def test_the_same_on_a_terminal(tmp_path: Path) -> None:
    seen = console.look(folder_with(tmp_path, status(), STATIONS), NOW + NS)
    screen = Console(file=io.StringIO(), width=140, force_terminal=True)
    screen.print(console.as_rich(seen))
    assert isinstance(screen.file, io.StringIO)
    assert "X.B..HN" in screen.file.getvalue()


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (None, "no daemon has run here"),
        (status("warm"), "is starting, for 5.0 h: the core is warm"),
        (status(stopping=True), "is stopping"),
        (status(t_ns=NOW - 3 * 3600 * NS), "hangs or has ended"),
        (
            status(t_ns=NOW - 3 * 3600 * NS, pid=2**22 + 1),
            "has ended without saying so: its last sign of life",
        ),
        (status(t_ns=NOW - 60 * NS, pid=2**22 + 1, stopping=True), "was stopped"),
    ],
)
def test_headlines(tmp_path: Path, told: DaemonStatus | None, words: str) -> None:
    seen = console.look(folder_with(tmp_path, told), NOW + NS)
    assert words in console.headline(seen)
    assert console.as_text(seen)


@pytest.mark.processes
@pytest.mark.xdist_group("service")
def test_of_a_real_daemon(tmp_path: Path) -> None:
    def shown(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["status", *words])
        return done.exit_code, done.output

    with Running(tmp_path / "run") as daemon:
        assert shown(str(daemon.folder))[0] == 1  # nothing yet
        daemon.wait_for(lambda: daemon.status() is not None, 60)
        code, text = shown(str(daemon.folder))
        assert "is starting" in text
        daemon.wait_until_it_works()
        code, text = shown(str(daemon.config))  # by its configuration
        assert code == 0
        assert f"seedlink 127.0.0.1:{daemon.serving.port}" in text
        daemon.wait_for(lambda: (daemon.folder / "stations.json").exists(), 90)
        code, text = shown(str(daemon.folder), "--json")
        told = msgspec.json.decode(text)
        assert told["alive"]
        assert {s["station"] for s in told["stations"]["stations"]} == {
            f"XX.S{k:03d}.00.HN" for k in range(4)
        }
        # The server goes away: named within seconds, and told to be over when it is back.
        daemon.serving.kill()
        daemon.wait_for(lambda: _found(daemon, "source"), 40)
        daemon.serving.start()
        daemon.wait_for(lambda: not _found(daemon, "source"), 40)
        said = [s.sentence for s in daemon.status().said]  # type: ignore[union-attr]
        assert sum("is away" in x or "sends nothing" in x for x in said) >= 2
        assert any("no longer so" in x for x in said)
        log = (daemon.folder / "log" / "supervisor.log").read_text()
        assert "core is ready" in log
        os.kill(daemon.process.pid, signal.SIGKILL)
        daemon.process.wait()
        time.sleep(5.5)
        code, text = shown(str(daemon.folder))
        assert code == 1
        assert "its last sign of life was at" in text


def _found(daemon: Running, subject: str) -> bool:
    told = daemon.status()
    return told is not None and any(f.subject == subject for f in told.findings)
