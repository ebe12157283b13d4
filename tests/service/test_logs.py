"""Lines of logs: what they say, how many of one sort there are, and how large files get."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from seiswarn.config import Config
from seiswarn.config_parts import Log
from seiswarn.runtime.child import Child
from seiswarn.runtime.logs import BURST, Lines, Sparing, SupervisorLog, handler_of
from seiswarn.runtime.spec import Endpoints, ProcessSpec


def record(message: str, *values: object, level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord("seiswarn.x", level, "", 1, message, values, None)


def test_text_is_one_line_in_utc() -> None:
    made = record("a %s", "b\nforged line")
    made.created = 1_700_000_000.125
    line = Lines("core", as_json=False).format(made)
    assert line == "2023-11-14T22:13:20.125Z warning core seiswarn.x: a b forged line"


def test_json_has_all_fields_and_the_exception() -> None:
    try:
        raise ValueError("bad")
    except ValueError:
        made = logging.LogRecord("seiswarn.x", logging.ERROR, "", 1, "it %d", (3,), sys.exc_info())
    told = json.loads(Lines("store", as_json=True).format(made))
    assert told["t"].endswith("Z")
    assert (told["level"], told["process"], told["logger"]) == ("error", "store", "seiswarn.x")
    assert told["message"] == "it 3"
    assert "ValueError: bad" in told["exception"]


def test_repeated_lines_are_left_out_and_counted() -> None:
    now = [0.0]
    spare = Sparing(lambda: now[0])
    passed = sum(spare.filter(record("packet %d is bad", k)) for k in range(500))
    assert passed == BURST
    assert spare.filter(record("something else"))
    now[0] = 61.0
    late = record("packet %d is bad", 7)
    assert spare.filter(late)
    assert Lines("core", as_json=False).format(late).endswith(f"({500 - BURST} more like this were left out)")


def test_sorts_of_lines_are_bounded() -> None:
    spare = Sparing(lambda: 0.0)
    for k in range(5000):
        spare.filter(record(f"made of values {k}"))
    assert len(spare._sorts) <= 1000


def test_files_turn_over_and_old_ones_go(tmp_path: Path) -> None:
    handler = handler_of(Log(max_mb=0.01, keep=2), tmp_path, "core")
    handler.removeFilter(handler.filters[0])
    for k in range(1000):
        handler.handle(record("a line of some length, number %d", k))
    handler.close()
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert sorted(sizes) == ["core.log", "core.log.1", "core.log.2"]
    assert max(sizes.values()) <= 10_000
    assert "number 999" in (tmp_path / "core.log").read_text()


def test_sentences_of_the_supervisor(tmp_path: Path) -> None:
    said: list[str] = []
    log = SupervisorLog(Log(format="json", level="error"), tmp_path, said.append)
    log("core is ready")
    log.close()
    assert json.loads(said[0])["message"] == "core is ready"
    assert json.loads((tmp_path / "supervisor.log").read_text())["process"] == "supervisor"
    said.clear()
    log = SupervisorLog(Log(), tmp_path / "b", said.append)
    log("core is ready")
    log.close()
    assert said == ["core is ready"]


def spec(folder: Path, log: Log) -> ProcessSpec:
    return ProcessSpec(
        name="core",
        kind="core",
        run_id="r",
        folder=str(folder),
        config=Config(log=log),
        status="test",
        endpoints=Endpoints(input="ipc://x", output="ipc://y", control="ipc://z"),
        parent_pid=os.getpid(),
    )


@pytest.mark.parametrize("form", ["text", "json"])
def test_last_words_are_those_of_this_life(tmp_path: Path, form: str) -> None:
    """A core without sources cannot run: its words go past the logger and are found."""
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / "core.stderr").write_text("Traceback of an earlier life\n")
    child = Child(spec(tmp_path, Log(format=form)), silence_s=10, start_s=60)  # type: ignore[arg-type]
    child.start()
    assert child._process is not None
    assert child.last_words() != "Traceback of an earlier life"
    assert child._process.wait(60) == 2
    assert "a run needs a source" in child.last_words()
    handler = handler_of(child.spec.config.log, folder, "core")
    (folder / "core.stderr").write_text("")
    handler.handle(record("the last that was logged"))
    handler.close()
    assert child.last_words().endswith("the last that was logged")


def test_what_is_written_past_the_logger_is_bounded(tmp_path: Path) -> None:
    child = Child(spec(tmp_path, Log()), silence_s=10, start_s=60)
    path = tmp_path / "log" / "core.stderr"
    with path.open("ab") as file:
        file.write(b"x" * 5_000_000 + b"\nthe end\n")
        file.flush()
        child.bound_stderr()
        file.write(b"more\n")  # by the process, which knows of nothing
    assert path.read_bytes() == b"more\n"
    assert path.with_name("core.stderr.1").read_bytes().endswith(b"the end\n")


@pytest.mark.processes
def test_lines_of_children_reach_the_stderr_of_the_daemon(tmp_path: Path) -> None:
    """As journald gets them: [log] to = "stderr"."""
    written = msgspec.json.encode(spec(tmp_path, Log(to="stderr", format="json")))
    program = f"""
import os, sys
sys.path[:0] = {sys.path!r}
import msgspec
from pathlib import Path
from seiswarn.runtime.child import Child
from seiswarn.runtime.spec import ProcessSpec
spec = msgspec.json.decode({written!r}, type=ProcessSpec)
spec = msgspec.structs.replace(spec, parent_pid=os.getpid(), name="publish-x", kind="publish")
child = Child(spec, silence_s=10, start_s=60)
child.start()
import time; time.sleep(3)
child.ask_to_stop()
sys.exit(child._process.wait())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "log" / "publish-x.log").exists()
