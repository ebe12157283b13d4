"""The command line: exit codes, clear sentences, and nothing heavy before it is needed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PROGRAM = [sys.executable, "-c", "from seiswarn.cli import main; main()"]
# A shell starts background jobs with SIGINT ignored, and that is inherited: undo it, as at a terminal.
AT_A_TERMINAL = [
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from seiswarn.cli import main; main()",
]


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
    for command in (
        "run",
        "replay",
        "evaluate",
        "explain",
        "plan",
        "listen",
        "drill",
        "check",
        "stations",
        "schema",
    ):
        done = _run(command, "--help", cwd=tmp_path)
        assert done.returncode == 0
        assert command in done.stdout


PRODUCTS = (
    "warnings.jsonl",
    "decisions.jsonl",
    "picks.csv",
    "errors.jsonl",
    "events.xml",
    "report.html",
    "run.json",
)
SHORT = """
[[ingest]]
kind = "synthetic"
origin_time = "2026-03-01T02:00:00Z"
latitude = 23.9
longitude = 106.6
depth_km = 12.0
mw = 6.0
lead_s = 15.0
duration_s = 40.0
[stations]
paths = ["{stations}"]
"""


@pytest.fixture
def drill(tmp_path: Path, project_root: Path) -> Callable[..., subprocess.Popen[str]]:
    """A short exercise, started in `tmp_path`."""
    stations = project_root / "stations" / "guangxi_fictional" / "stations.xml"
    (tmp_path / "short.toml").write_text(SHORT.format(stations=stations))

    def start(*words: str, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*AT_A_TERMINAL, "drill", "short.toml", *words],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )

    return start


@pytest.mark.parametrize("stderr", [subprocess.PIPE, subprocess.STDOUT])
def test_a_reader_that_goes_away_ends_no_run(
    drill: Callable[..., subprocess.Popen[str]], tmp_path: Path, stderr: int
) -> None:
    with drill("--out", "out", stderr=stderr) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("EXERCISE")
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr is None or process.stderr.read() == ""
    assert all((tmp_path / "out" / name).exists() for name in PRODUCTS)
    assert (tmp_path / "out" / "warnings.jsonl").read_bytes()


def test_ctrl_c_leaves_what_there_is_whole(
    drill: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    with drill("--out", "out", "--speed", "15") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        assert "#1 new" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 1
        assert process.stderr.read() == "seiswarn: stopped\n"
    events = (tmp_path / "out" / "events.xml").read_text()
    assert "<event " in events
    assert "</q:quakeml>" in events
    assert not (tmp_path / "out" / "run.json").exists()
    again = _run("drill", "short.toml", "--out", "out", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "out" / "run.json").exists()


@pytest.mark.parametrize("words", [("replay", "archive"), ("replay", "archive", "--live"), ("drill",)])
def test_files_of_others_are_left_alone(words: tuple[str, ...], tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "report.html").write_text("my own")
    (tmp_path / "archive").mkdir()
    (tmp_path / "a file").write_text("")
    for out, says in (("mine", "holds files"), ("a file", "no folder")):
        done = _run(*words, "--out", out, cwd=tmp_path)
        assert done.returncode == 2
        assert says in done.stderr
        assert "Traceback" not in done.stderr
    assert [path.name for path in mine.iterdir()] == ["report.html"]
    assert (mine / "report.html").read_text() == "my own"


@pytest.mark.parametrize("out", ["archive", "archive/out", "link"])
@pytest.mark.parametrize("words", [(), ("--live",)])
def test_products_do_not_go_into_the_archive(words: tuple[str, ...], out: str, tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    (tmp_path / "link").symlink_to("archive")
    done = _run("replay", "archive", *words, "--out", out, cwd=tmp_path)
    assert done.returncode == 2
    assert "lies in the archive" in done.stderr
    assert not list((tmp_path / "archive").iterdir())
