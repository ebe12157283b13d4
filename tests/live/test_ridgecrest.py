"""An earthquake over SeedLink at real time: as soon as from its file, and then everywhere it should be."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import obspy
import pytest
from obspy.clients.fdsn import Client

from influx_server import Influxd, Shim, free_port, need_influxd
from seiswarn.bus import Link, connect, unpack
from seiswarn.config import default_config
from seiswarn.ingest.archive import open_archive
from seiswarn.runtime.replay import replay
from seiswarn.runtime.setup import archive_run
from seiswarn.serve.background import Background
from seiswarn.serve.feed import packets
from seiswarn.serve.ring import Ring
from seiswarn.serve.seedlink_server import Server
from seiswarn.timebase import NS, parse_iso

pytestmark = [pytest.mark.events, pytest.mark.processes, pytest.mark.xdist_group("ridgecrest")]
BEGIN, END = "2019-07-06T03:19:25Z", "2019-07-06T03:20:10Z"
PACKET_S = 0.5
SLACK_S = 0.2


@pytest.fixture(scope="module")
def recording(events_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """28 s before the origin and 17 s after it."""
    folder = tmp_path_factory.mktemp("ridgecrest")
    source = events_dir / "ridgecrest2019_m7.1"
    shutil.copy(source / "stations.xml", folder)
    stream = obspy.read(source / "waveforms.mseed")
    stream.trim(obspy.UTCDateTime(BEGIN), obspy.UTCDateTime(END))
    stream.write(str(folder / "waveforms.mseed"), format="MSEED", encoding="STEIM2", reclen=512)
    return folder


def config_text(recording: Path, folder: Path, ports: dict[str, int], influx: str) -> str:
    return f"""
[run]
name = "ridgecrest"
status = "test"
clock = "data"
epoch = "{BEGIN}"
[stations]
paths = ["{recording}/stations.xml"]
[[ingest]]
kind = "seedlink"
servers = ["127.0.0.1:{ports["seedlink"]}"]
[[publish]]
kind = "zmq"
endpoint = "ipc://{folder}/public"
[series.influx]
url = "{influx}"
org = "test"
bucket = "seis"
token = "secret-1"
[web]
enabled = true
port = {ports["web"]}
shows_tests = true
[runtime]
folder = "run"
"""


class Listener:
    """The first alert at the public socket, and when it came there."""

    def __init__(self, endpoint: str) -> None:
        import zmq

        self.first: tuple[float, dict[str, object]] | None = None
        self._stop = threading.Event()
        self._socket = connect(zmq.SUB, endpoint, None, Link())
        self._socket.setsockopt(zmq.SUBSCRIBE, b"alert.")
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._stop.is_set():
            if self._socket.poll(20):
                frame = unpack(self._socket.recv_multipart())
                if frame.header.type == "Alert" and self.first is None:
                    self.first = time.monotonic(), json.loads(frame.payload)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()


def test_first_warning_and_where_the_event_is_afterwards(recording: Path, tmp_path: Path) -> None:
    need_influxd()
    settings = default_config()
    setup, feed = archive_run(recording, settings, packet_s=PACKET_S, latency_s=0.0, status="test")
    from_file = replay(setup, feed, tmp_path / "file").alerts[0]
    archive = open_archive(recording)
    ports = {"seedlink": 0, "web": free_port()}
    influxd = Influxd(tmp_path / "influx")
    (tmp_path / "influx").mkdir(exist_ok=True)
    influxd.start()
    shim = Shim(influxd)
    shim.start()
    listener = Listener(f"ipc://{tmp_path}/public")
    daemon: subprocess.Popen[bytes] | None = None
    try:
        with Background(Server(Ring(), port=0)) as server:
            ports["seedlink"] = server.port
            for channel in archive.channels:
                network, station, *stream = channel.removeprefix("FDSN:").split("_")
                server.call(partial(server.server.ring.declare, f"{network}_{station}", "_".join(stream)))
            path = tmp_path / "live.toml"
            path.write_text(config_text(recording, tmp_path, ports, shim.url))
            with (tmp_path / "daemon.log").open("wb") as log:
                daemon = subprocess.Popen(
                    [str(Path(sys.executable).parent / "seiswarn"), "run", str(path)], stdout=log, stderr=log
                )
            wait_until(lambda: server.call(lambda: len(server.server.streaming)) == 1, 120)
            feed_ = list(packets(archive, PACKET_S))
            first_ns, begun = feed_[0].t_ns, time.monotonic()
            playing = server.play(feed_, 1.0)
            wait_until(lambda: listener.first is not None, 60)
            assert listener.first is not None
            at, alert = listener.first
            heard_ns = first_ns + round((at - begun) * NS)
            late_s = (heard_ns - from_file.t_seen_ns) / NS
            print(f"first warning heard {late_s:+.3f} s after that of the file replay")
            assert -PACKET_S <= late_s <= SLACK_S + PACKET_S
            assert abs(parse_iso(str(alert["t_seen"])) - from_file.t_seen_ns) <= (SLACK_S + PACKET_S) * NS
            playing.result(timeout=60)
            event_id = str(alert["event_id"])
            in_web = Client(f"http://127.0.0.1:{ports['web']}")
            catalog = in_web.get_events(starttime=obspy.UTCDateTime(BEGIN), endtime=obspy.UTCDateTime(END))
            assert len(catalog) == 1
            assert event_id in str(catalog[0].resource_id)
            assert catalog[0].preferred_origin().latitude == pytest.approx(35.77, abs=0.2)
            wait_until(lambda: influxd.count("event", "magnitude") > 0, 20)
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(timeout=60) == 0
        with sqlite3.connect(tmp_path / "run" / "seiswarn.sqlite") as database:
            assert database.execute("SELECT event_id FROM events WHERE state != 'cancelled'").fetchall() == [
                (event_id,)
            ]
        series = influxd.query('SELECT LAST("magnitude") FROM "event"')
        assert series, "no event in InfluxDB"
    finally:
        listener.close()
        if daemon is not None and daemon.poll() is None:
            daemon.kill()
            daemon.wait()
        shim.stop()
        influxd.stop()


def wait_until(condition: object, within_s: float) -> None:
    end = time.monotonic() + within_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)
