"""The series process over a journal that grows, a database that goes away, and kills in between."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from influx_server import Influxd, Shim
from seiswarn.runtime.series_outlets import PROGRESS_FILE, SPOOL_FOLDER
from seiswarn.store.series_params import Params
from seiswarn.store.series_read import SeriesReader
from seiswarn.timebase import NS
from series_feed import START_S, Feed, SeriesProcess, quick

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("influx")]
Start = Callable[[Params], SeriesProcess]


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEISWARN_TEST_TOKEN", "secret-1")


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Start]:
    made: list[SeriesProcess] = []

    def start(params: Params) -> SeriesProcess:
        one = SeriesProcess(tmp_path, params)
        made.append(one)
        one.start()
        return one

    yield start
    for one in made:
        one.close()


def complete(influxd: Influxd, folder: Path, feed: Feed) -> None:
    """Every second of every station is at the server once, and in the embedded database."""
    n = len(feed.names)
    assert influxd.count("station_second", "pga") == n * feed.seconds
    per_station = influxd.query("SELECT count(pga) FROM station_second GROUP BY station")
    assert {row["station"]: row["count"] for row in per_station} == dict.fromkeys(feed.names, feed.seconds)
    assert influxd.count("pick", "snr") == feed.seconds // 20
    with SeriesReader(folder / "series.sqlite") as reader:
        for name in feed.names[:: max(1, n // 50)]:
            got = reader.series(name, START_S * NS, (START_S + feed.seconds + 1) * NS, status="test")
            assert len(got.t_ns) == feed.seconds
        assert len(reader.points("pick", 0, 2**62)) == feed.seconds // 20


def test_two_minutes_without_the_database_lose_nothing(
    influxd: Influxd, shim: Shim, process: Start, tmp_path: Path
) -> None:
    """1,200 stations for 10 min of data at 20 times real time, the server stopped for two of them."""
    feed = Feed(tmp_path, 1200)
    series = process(quick(shim.url))
    series.until(lambda beat: beat.state == "ready")
    meanwhile: list[float] = []

    def come_back() -> None:
        influxd.start()
        shim.start()

    def each(k: int) -> None:
        beat = series.hear()
        if k == 240:
            shim.stop()
            influxd.stop()
        elif k == 355 and beat is not None:
            meanwhile.append(beat.counters["influx_spool_points"])
            assert beat.counters["influx_up"] == 0.0
            assert beat.complaints
        elif k == 360:
            threading.Thread(target=come_back, daemon=True).start()

    feed.paced(600, 20.0, each)
    feed.close()
    last = series.until(
        lambda b: (
            b.counters["station_seconds"] == 720_000
            and b.counters["influx_spool_points"] == b.counters["influx_queue"] == 0
        )
    )
    assert meanwhile[0] > 60_000  # the outage was real
    assert last.counters["influx_dropped"] == last.counters["influx_rejected"] == 0
    assert series.stop() == 0
    complete(influxd, tmp_path, feed)


def test_killed_again_and_again_nothing_is_lost_or_doubled(
    influxd: Influxd, shim: Shim, process: Start, tmp_path: Path
) -> None:
    feed = Feed(tmp_path, 240)
    params = quick(shim.url)
    params = msgspec.structs.replace(params, influx=msgspec.structs.replace(params.influx, batch_lines=700))
    series = process(params)
    for k in range(5):
        if k == 1:
            shim.stop()  # killed while points are in the spool, and while they are sent from there
        if k == 3:
            shim.start()
        series.until(lambda beat: beat.state == "ready")
        feed.paced(40, 40.0)
        series.kill()
        series.start()
    feed.paced(20, 40.0)
    feed.close()
    series.until(
        lambda b: (
            b.counters.get("influx_spool_points", 1) == b.counters.get("influx_queue", 1) == 0
            and b.state == "ready"
        )
    )
    assert series.stop() == 0
    complete(influxd, tmp_path, feed)
    progress = json.loads((tmp_path / PROGRESS_FILE).read_text())
    assert progress["run_id"] == "fed"


def test_stopped_without_a_server_the_spool_has_it_all(
    influxd: Influxd, shim: Shim, process: Start, tmp_path: Path
) -> None:
    shim.stop()
    feed = Feed(tmp_path, 120)
    for _ in range(60):
        feed.second()
    series = process(quick(shim.url))
    series.until(lambda beat: beat.state == "ready")
    assert series.stop() == 0  # at once: it still reads the journal to its end
    assert list((tmp_path / SPOOL_FOLDER).glob("*.spool"))
    shim.start()
    series.start()
    series.until(lambda b: b.state == "ready" and b.counters["influx_spool_points"] == 0)
    assert series.stop() == 0
    feed.close()
    complete(influxd, tmp_path, feed)


def test_the_token_stands_in_no_file_but_its_own(shim: Shim, process: Start, tmp_path: Path) -> None:
    feed = Feed(tmp_path, 12)
    shim.token = "other"
    series = process(quick(shim.url))
    feed.second()
    beat = series.until(lambda b: b.complaints)
    assert "the token is not accepted" in beat.complaints[0]
    series.stop()
    feed.close()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"secret-1" not in path.read_bytes(), path


def test_processes_are_measured_too(influxd: Influxd, shim: Shim, process: Start, tmp_path: Path) -> None:
    feed = Feed(tmp_path, 12)
    counters = {
        "packets": 7.0,
        "stage_source_ms_p50": 0.5,
        "stage_source_ms_p99": 2.0,
        "stage_source_ms_max": 3.0,
    }
    core = {"name": "core", "kind": "core", "state": "ready", "restarts": 1, "beat_age_s": 0.2}
    series = process(quick(shim.url))
    series.until(lambda beat: beat.state == "ready")
    for k in range(3):
        status = {"t_ns": (START_S + k) * NS, "run": "r", "processes": [{**core, "counters": counters}, {}]}
        (tmp_path / "status.json").write_text(json.dumps(status))
        time.sleep(1.2)
    (tmp_path / "status.json").write_text("{torn")
    feed.second()
    time.sleep(1.2)
    series.stop()
    feed.close()
    assert influxd.count("process", "restarts") >= 3
    (timing,) = influxd.query("SELECT last(p99_ms) FROM stage_timing WHERE stage = 'source'")
    assert timing["last"] == 2.0
    (value,) = influxd.query("SELECT last(value) FROM process_counter WHERE counter = 'packets'")
    assert value["last"] == 7.0
    with SeriesReader(tmp_path / "series.sqlite") as reader:
        assert len(reader.points("stage_timing", 0, 2**62)) >= 2
