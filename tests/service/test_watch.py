"""Checks that go on: what is said once when it begins and once when it ends, and the stations' file."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import pytest

from seiswarn.config_parts import Log
from seiswarn.messages import Heartbeat, LinkState, StationHealth, encode
from seiswarn.runtime import clock, watch
from seiswarn.runtime.clock_state import ClockState
from seiswarn.runtime.stations_file import StationsFile, read_stations
from service.test_logs import spec

NS = 1_000_000_000


def child(kind: str, **more: object) -> object:
    given = {"name": kind, "spec": SimpleNamespace(kind=kind), "running": True}
    deaths = more.pop("deaths", 0)
    beat = Heartbeat(process=kind, t_seen_ns=0, state="ready", **more)  # type: ignore[arg-type]
    return SimpleNamespace(**given, beat=beat, recent_deaths=lambda within_s: deaths)


def link(state: str, away_s: float = 100.0, **more: object) -> LinkState:
    since = clock.now_ns() - round(away_s * NS)
    return LinkState(name="seedlink x:1", state=state, since_ns=since, **more)  # type: ignore[arg-type]


def test_troubles_of_processes() -> None:
    found = watch.process_troubles(
        [
            child("core", counters={"unjournaled": 1.0}),
            child("publish", counters={"pending": 3.0, "zmq_failed": 2.0}),
            child("store", counters={"behind": 5.0, "failed": 1.0}, deaths=4),
            child("ingest", complaints=("the clock has jumped by 3600 s",)),
        ]
    )
    assert [t.subject for t in found] == ["journal", "sink", "process", "database", "ingest"]
    assert "3 alerts wait" in found[1].sentence
    assert watch.process_troubles([child("publish", counters={"pending": 3.0, "zmq_failed": 0.0})]) == []


def test_troubles_of_sources() -> None:
    now = clock.now_ns()
    assert watch.link_troubles([link("connected"), link("connecting", away_s=2.0)], now) == []
    (away,) = watch.link_troubles([link("connecting", detail="nobody listens")], now)
    assert away.sentence == "seedlink x:1 is away (nobody listens)"
    (silent,) = watch.link_troubles([link("silent")], now)
    assert silent.key == away.key
    names = tuple(f"XX_S{k:03d}" for k in range(8))
    (quiet,) = watch.link_troubles([link("connected", quiet=names)], now)
    assert quiet.warning
    assert quiet.sentence.endswith("XX_S004 and 3 more")


def test_disk_and_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, 1000))
    (one,) = watch.disk_troubles([tmp_path / "run", tmp_path / "archive"])  # one file system
    assert "0.00 GB free" in one.sentence
    for state, words in (
        (ClockState(False, 16.0), "nobody keeps"),
        (ClockState(True, 2.0), "wrong by 2.0 s"),
        (ClockState(True, 0.01), ""),
        (None, ""),
    ):
        monkeypatch.setattr(watch, "clock_state", lambda state=state: state)
        assert [words in t.sentence for t in watch.clock_troubles()] == ([True] if words else [])


def test_said_once_when_it_begins_and_once_when_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(clock, "monotonic_s", lambda: now[0])
    monkeypatch.setattr(watch.Watch, "_look_aside", lambda self, now: None)
    said: list[str] = []
    looking = watch.Watch(spec(tmp_path, Log()), said.append)
    for waiting in (3.0, 4.0, 5.0, 0.0, 0.0):
        now[0] += 6.0
        looking.turn([child("publish", counters={"pending": waiting, "zmq_failed": 2.0})])  # type: ignore[list-item]
        if waiting == 5.0:
            (finding,) = looking.findings
            assert finding.sentence.startswith("5 alerts wait")
    assert len(said) == 2
    assert said[0].startswith("sink: 3 alerts wait")
    assert said[1].startswith("sink: no longer so: 5 alerts wait")
    assert looking.findings == ()


def health(t: int, names: tuple[str, ...], *, full: bool, state: str = "ok", blind: str = "") -> bytes:
    n = len(names)
    return encode(
        StationHealth(
            t_seen_ns=t,
            full=full,
            stations=names,
            state=(state,) * n,  # type: ignore[arg-type]
            trust=(0.0 if state == "untrusted" else 1.0,) * n,
            latency_s=(1.5,) * n,
            reasons=(("DEAD",) if state != "ok" else (),) * n,
            n_sites=3,
            n_blind=int(bool(blind)),
            blind=blind,
        )
    )


def test_file_of_stations(tmp_path: Path) -> None:
    file = StationsFile(tmp_path, "r1")
    file.take([(1, health(10, ("A", "B", "C"), full=True)), (2, b"\x81\xa4type\xa4Pick")])
    file.write(100.0)
    file.take([(3, health(11, ("B",), full=False, state="untrusted", blind="no event is possible here"))])
    file.write(102.0)  # not due yet
    first = read_stations(tmp_path)
    assert first is not None
    assert first.by_state() == {"ok": 3}
    file.write(106.0)
    now = read_stations(tmp_path)
    assert now is not None
    assert now.by_state() == {"ok": 2, "untrusted": 1}
    assert [(s.station, s.reasons) for s in now.worst(5)] == [("B", ("DEAD",))]
    assert [t.sentence for t in watch.station_troubles(tmp_path, True)] == ["no event is possible here"]
    assert watch.station_troubles(tmp_path, False) == []
    # A new life goes on with what is known of the same run; another run begins with nothing.
    again = StationsFile(tmp_path, "r1")
    again.take([(4, health(12, ("A",), full=False))])
    again.write(0.0, at_once=True)
    told = read_stations(tmp_path)
    assert told is not None
    assert len(told.stations) == 3
    other = StationsFile(tmp_path, "r2")
    other.take([(1, health(1, ("Z",), full=False))])
    other.write(0.0, at_once=True)
    told = read_stations(tmp_path)
    assert told is not None
    assert [s.station for s in told.stations] == ["Z"]


def test_folder_that_cannot_be_written_is_said_not_died_of(tmp_path: Path) -> None:
    file = StationsFile(tmp_path / "gone", "r")
    file.take([(1, health(10, ("A",), full=True))])
    file.write(0.0, at_once=True)
    assert "stations.json" in file.problem


def test_another_versions_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "stations.json").write_text('{"version": 99}')
    assert read_stations(tmp_path) is None
