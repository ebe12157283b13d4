"""From a server through the daemon into the archive, out of its web services, and back through a replay."""

from __future__ import annotations

import socket
import warnings
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import msgspec
import numpy as np
import pytest
from obspy import UTCDateTime
from obspy.clients.fdsn import Client
from tests.doors.conftest import pack
from tests.runtime.conftest import QUAKE

from runtime_daemon import Daemon, messages
from seiswarn.config import Config, default_config
from seiswarn.config_doors import IngestSeedlink
from seiswarn.config_parts import Run, Web
from seiswarn.ingest.archive import open_archive
from seiswarn.ingest.synthetic import Scenario, synthesize
from seiswarn.messages import DataError, EventEstimate, Pick
from seiswarn.runtime.replay import replay
from seiswarn.runtime.setup import archive_run
from seiswarn.serve.background import Background
from seiswarn.serve.feed import packets, streams_of
from seiswarn.serve.ring import Ring
from seiswarn.serve.seedlink_server import Server
from seiswarn.source.traveltime import TravelTimes, lookup
from seiswarn.stationxml import read_station_tables
from seiswarn.store.sds_params import Params as ArchiveParams
from seiswarn.store.sds_prune import day_files
from seiswarn.store.sds_record import chain
from seiswarn.timebase import sample_offset_ns
from seiswarn.web.fetch import Request, fetch

pytestmark = pytest.mark.processes
SPEED = 20.0
NS = 1_000_000_000


@pytest.fixture(scope="module")
def source(quake_config: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The earthquake as a folder of miniSEED."""
    scenario = Scenario(**QUAKE.scenario())
    table = read_station_tables([Path(p) for p in quake_config.stations.paths], scenario.origin_ns)
    tt = TravelTimes("iasp91", 120.0)
    traces = synthesize(
        table,
        scenario,
        p_time=lambda d, z: float(lookup(tt.p, d, z)),
        s_time=lambda d, z: float(lookup(tt.s, d, z)),
    )
    folder = tmp_path_factory.mktemp("source")
    stored: list[bytes] = []
    for channel, trace in traces.items():
        for k in range(0, len(trace.counts), 100):
            t0 = trace.t0_ns + sample_offset_ns(k, trace.rate_hz)
            stored += pack(trace.counts[k : k + 100], channel=channel, t0_ns=t0, reclen=1024)
    (folder / "quake.mseed").write_bytes(b"".join(stored))
    (folder / "stations.xml").write_bytes(Path(quake_config.stations.paths[0]).read_bytes())
    return folder


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


def live_config(quake_config: Config, port: int, web_port: int) -> Config:
    return msgspec.structs.replace(
        quake_config,
        run=Run(name="archived", status="exercise", clock="data", clock_speed=SPEED),
        ingest=(IngestSeedlink(servers=(f"127.0.0.1:{port}",)),),
        archive=ArchiveParams(enabled=True, min_free_gb=0.0, keep_days=0.0),
        web=Web(enabled=True, port=web_port, shows_tests=True),
    )


def kept(folder: Path) -> list[bytes]:
    out: list[bytes] = []
    for path, _ in day_files(folder):
        data = path.read_bytes()
        out += [data[at : at + head.n_bytes] for at, head in chain(data)]
    return sorted(out)


def picks_of(folder: Path, out: Path) -> list[tuple[str, int]]:
    setup, feed = archive_run(folder, default_config(), packet_s=0.5, latency_s=0.0, status="test")
    replay(setup, feed, out)
    return sorted((m.station, m.t_ns) for m in messages(out) if isinstance(m, Pick))


def test_what_the_server_sent_is_kept_served_fetched_and_replayed(
    daemon: Callable[..., Daemon], quake_config: Config, source: Path, tmp_path: Path
) -> None:
    archive = open_archive(source)
    feed = list(packets(archive, 0.5))
    sent = sorted(r.record for r in feed)
    web_port = free_port()
    ring = Ring(max_records=len(feed) + 1)
    for station, stream in streams_of(archive):
        ring.declare(station, stream, "2")
    with Background(Server(ring, "127.0.0.1", 0)) as server:
        live = daemon(live_config(quake_config, server.port, web_port))
        asked = server.begin(server.server.someone())
        live.until(asked.done, 150)
        played = server.play(feed, SPEED)
        sds = live.folder / "sds"
        live.until(lambda: played.done() and len(kept(sds)) == len(sent), 60)
        assert kept(sds) == sent

        def reported() -> bool:
            return any(isinstance(m, EventEstimate) for m in messages(live.folder))

        live.until(reported, 60)
        _kill_and_look(live, sds, sent)
        base = f"http://127.0.0.1:{web_port}"
        answers: list[object] = []
        _asked(live, lambda: answers.append(_compare(base, archive, tmp_path / "out")))
        assert answers
        live.supervisor.stop("the test is over")
        assert live.finish() == 0
    assert kept(sds) == sent
    assert kept(tmp_path / "out" / "waveforms") == sent
    assert picks_of(tmp_path / "out", tmp_path / "b") == picks_of(source, tmp_path / "a") != []
    assert picks_of(_beside(sds, source), tmp_path / "c") == picks_of(source, tmp_path / "a")


def _kill_and_look(live: Daemon, sds: Path, sent: list[bytes]) -> None:
    """An ingest process that starts again is sent records again that it has: none is there twice."""
    live.child("ingest").kill()
    live.until(lambda: not live.child("ingest").works, 30)
    live.until(lambda: live.child("ingest").works, 60)
    assert kept(sds) == sent


def _asked(live: Daemon, ask: Callable[[], None]) -> None:
    """Ask in a thread, while the supervisor is turned."""
    import threading

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    live.until(lambda: not thread.is_alive(), 120)


def _compare(base: str, archive, out: Path) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client = Client(base_url=base)
        assert len(client.get_events()) == 1
        assert client.get_stations(level="channel")[0].code == "XG"
        window = (UTCDateTime(ns=archive.start_ns), UTCDateTime(ns=archive.end_ns))
        stream = client.get_waveforms("XG", "*", "*", "*", *window).merge()
    for stretch in archive.stretches:
        network, station, location, *code = stretch.channel.removeprefix("FDSN:").split("_")
        (trace,) = stream.select(network, station, location, "".join(code))
        assert trace.stats.starttime.ns == int(stretch.times_ns[0])
        assert np.array_equal(trace.data, np.frombuffer(stretch.samples, stretch.dtype))
    with urlopen(f"{base}/healthz", timeout=30) as answer:
        assert answer.status == 200
    with urlopen(f"{base}/metrics", timeout=30) as answer:
        assert b"seiswarn_up 1.0" in answer.read()
    start, end = archive.start_ns - NS, archive.end_ns + NS
    request = Request(server=base, start_ns=start, end_ns=end)
    outcome = fetch(request, out, say=lambda text: None, sleep=lambda s: None)
    assert (outcome.failed, outcome.empty) == ((), ())
    return True


def _beside(sds: Path, source: Path) -> Path:
    """The archive with the metadata beside it: a replay folder."""
    (sds / "stations.xml").write_bytes((source / "stations.xml").read_bytes())
    return sds


def test_archive_that_cannot_be_written_stops_no_warning(
    daemon: Callable[..., Daemon], quake_config: Config, source: Path, tmp_path: Path
) -> None:
    """It is said in the status and as a refusal; what waited is written once that is possible."""
    place = tmp_path / "sds"
    place.write_text("a file where the folder should be")
    archive = open_archive(source)
    feed = list(packets(archive, 0.5))
    ring = Ring(max_records=len(feed) + 1)
    for station, stream in streams_of(archive):
        ring.declare(station, stream, "2")
    with Background(Server(ring, "127.0.0.1", 0)) as server:
        config = live_config(quake_config, server.port, 1)
        kept_there = msgspec.structs.replace(config.archive, path=str(place))
        live = daemon(msgspec.structs.replace(config, archive=kept_there, web=Web()))
        asked = server.begin(server.server.someone())
        live.until(asked.done, 150)
        played = server.play(feed, SPEED)
        live.until(live.warned, 60)

        def complained() -> bool:
            beat = live.child("ingest").beat
            return beat is not None and any(c.startswith("archive: ") for c in beat.complaints)

        live.until(complained, 30)
        live.until(played.done, 60)
        refused = [m for m in messages(live.folder) if isinstance(m, DataError) and m.subject == "archive"]
        assert {m.reason for m in refused} == {"ARCHIVE_FAILED"}
        place.unlink()
        live.until(lambda: len(kept(place)) == len(feed), 30)
        live.until(lambda: not complained(), 30)
        live.supervisor.stop("the test is over")
        assert live.finish() == 0
    assert kept(place) == sorted(r.record for r in feed)
