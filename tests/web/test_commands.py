"""The commands about stored waveforms, and the door of the web process."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seiswarn.cli import app
from seiswarn.config_parts import Web
from seiswarn.errors import UsageError
from seiswarn.runtime.processes import web
from seiswarn.timebase import iso
from web.centre import HOLE, NS, T0, Running

pytestmark = pytest.mark.xdist_group("web")


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(word) for word in words])
    if isinstance(result.exception, UsageError):
        return 2, str(result.exception)
    return result.exit_code, result.output


def test_archive_tells_what_it_has(centre: Running, tmp_path: Path) -> None:
    code, said = run("archive", centre.sources.archive, "--gaps", "--csv", tmp_path / "gaps.csv")
    assert code == 0
    lines = said.splitlines()
    assert [line.split()[0] for line in lines] == [
        "BW.RJOB.00.EHZ", "XG.G001..HNN", "XG.G001..HNZ", "gap", "XG.G002..HNZ", "4"
    ]  # fmt: skip
    assert lines[-1].endswith("1 gaps.")
    rows = (tmp_path / "gaps.csv").read_text().splitlines()
    assert rows[0] == "channel,kind,start,end,seconds"
    assert len(rows) == 2
    code, said = run("archive", centre.sources.archive, "--from", "2010-01-01", "--to", "2010-01-02")
    assert code == 2
    assert "no day file" in said
    assert run("archive", centre.sources.archive, "--from", "then")[0] == 2


def test_fetch_from_the_command_line(centre: Running, tmp_path: Path) -> None:
    start, end = iso(HOLE[0] + 60 * NS, 0), iso(HOLE[0] + 70 * NS, 0)
    words = ("fetch", "--server", centre.base, "--out", tmp_path / "out", "--network", "XG")
    code, said = run(*words, "--station", "G001", "--start", start, "--end", end)
    assert code == 0
    assert "nothing for 2 of 3 channels: XG.G001..HNE, XG.G001..HNZ." in said
    assert run(*words)[0] == 2
    assert run(*words, "--start", start, "--end", end, "--event", "x")[0] == 2
    assert run(*words, "--start", end, "--end", start)[0] == 2
    assert run(*words, "--start", start, "--end", end, "--maxradius-km", 10)[0] == 2


def test_replay_of_a_window(centre: Running, tmp_path: Path) -> None:
    from seiswarn.ingest.archive import open_archive

    window = (T0 + 1000 * NS, T0 + 1100 * NS)
    part = open_archive(centre.sources.archive, window)
    assert window[0] - 60 * NS < part.start_ns <= window[0] < window[1] <= part.end_ns < window[1] + 60 * NS
    assert not part.refusals
    code, said = run("replay", centre.sources.archive, "--start", "2010-01-01", "--end", "2010-01-02")
    assert code == 2
    assert "between 2010-01-01" in said


class Life:
    def __init__(self, enough: int) -> None:
        self.complaints: list[str] = []
        self._enough = enough

    def give(self, state: str, t_seen_ns: int, counters: object, *, complaints: tuple[str, ...] = ()) -> bool:
        assert state == "ready"  # the run begins without its web services
        self.complaints += complaints
        return True

    def __bool__(self) -> bool:  # stands in for the request to stop
        return len(self.complaints) >= self._enough


def test_port_that_is_taken_is_complained_about_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "BIND_EVERY_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        life = Life(3)
        assert web._door(Web(port=port), life, life) is None
        assert f"127.0.0.1:{port}" in life.complaints[0]
        assert "in use" in life.complaints[0]
    door = web._door(Web(port=port), Life(1000), Life(1000))
    assert door is not None
    door.close()
