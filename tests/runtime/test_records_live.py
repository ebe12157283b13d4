"""Files of records played by the daemon, one ingest process each."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tests.doors.conftest import pack
from tests.runtime.conftest import QUAKE

from runtime_daemon import Daemon, messages, records
from seiswarn.config import Config
from seiswarn.config_doors import IngestRecords
from seiswarn.ingest.miniseed import Record, parse_records
from seiswarn.ingest.synthetic import Scenario, synthesize
from seiswarn.messages import Alert, DataError, Pick, Slice, decode
from seiswarn.runtime.replay import replay
from seiswarn.runtime.session import INPUT, OUTPUT
from seiswarn.runtime.setup import records_run
from seiswarn.source.traveltime import TravelTimes, lookup
from seiswarn.stationxml import read_station_tables
from seiswarn.timebase import sample_offset_ns

pytestmark = pytest.mark.processes


def _end_ns(raw: bytes) -> int:
    (record,) = (r for r in parse_records(raw) if isinstance(r, Record))
    return record.t0_ns + sample_offset_ns(record.n_samples - 1, record.rate_hz)


@pytest.fixture(scope="module")
def files(quake_config: Config, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The earthquake in records of a second: all of them, and the stations in two halves."""
    scenario = Scenario(**QUAKE.scenario())
    table = read_station_tables([Path(p) for p in quake_config.stations.paths], scenario.origin_ns)
    tt = TravelTimes("iasp91", 120.0)
    traces = synthesize(
        table,
        scenario,
        p_time=lambda d, z: float(lookup(tt.p, d, z)),
        s_time=lambda d, z: float(lookup(tt.s, d, z)),
    )
    parts: list[list[bytes]] = [[], []]
    for channel, trace in traces.items():
        station = channel.rsplit("_", 3)[0]
        for k in range(0, len(trace.counts), 100):
            t0 = trace.t0_ns + sample_offset_ns(k, trace.rate_hz)
            counts = trace.counts[k : k + 100]
            parts[zlib.crc32(station.encode()) % 2] += pack(counts, channel=channel, t0_ns=t0, reclen=1024)
    folder = tmp_path_factory.mktemp("records")
    paths = []
    for name, stored in (("all", parts[0] + parts[1]), ("one", parts[0]), ("two", parts[1])):
        ends = np.array([_end_ns(raw) for raw in stored])
        path = folder / f"{name}.mseed"
        path.write_bytes(b"".join(stored[k] for k in np.argsort(ends, kind="stable")))
        paths.append(path)
    return paths


@pytest.fixture(scope="module")
def whole(quake_config: Config, files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    setup, feed = records_run(files[0], quake_config, latency_s=0.0, status="exercise")
    assert replay(setup, feed, folder).alerts
    return folder


def played(config: Config, *paths: Path, speed: float) -> Config:
    doors = tuple(IngestRecords(path=str(path), speed=speed) for path in paths)
    return msgspec.structs.replace(config, ingest=doors)


def test_live_says_what_a_replay_of_the_file_says(
    daemon: Callable[..., Daemon], quake_config: Config, files: list[Path], whole: Path
) -> None:
    live = daemon(played(quake_config, files[0], speed=20.0))
    live.until(live.warned)
    live.child("ingest").kill()
    assert live.finish() == 0
    assert records(live.folder / OUTPUT) == records(whole / OUTPUT)


def test_two_files_play_side_by_side(
    daemon: Callable[..., Daemon], quake_config: Config, files: list[Path], whole: Path
) -> None:
    live = daemon(played(quake_config, *files[1:], speed=20.0))
    assert live.finish() == 0
    found, expected = messages(live.folder), messages(whole)
    assert not [m for m in found if isinstance(m, DataError)]

    def picks(given: list) -> list[tuple]:
        return sorted((m.station, m.t_ns, m.t_seen_ns) for m in given if isinstance(m, Pick))

    assert picks(found) == picks(expected)
    assert next(m.kind for m in found if isinstance(m, Alert)) == "new"
    pieces = [decode(payload) for _, payload in records(live.folder / INPUT)]
    n = sum(len(b.channels) for p in pieces if isinstance(p, Slice) for b in p.blocks)
    assert n == sum(path.stat().st_size // 1024 for path in files[1:])
