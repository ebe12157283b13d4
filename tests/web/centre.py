"""A centre with known contents, served over real sockets by a real server in a thread."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import obspy
import pymseed
import uvicorn

from factories import ORIGIN_NS, make_estimate, make_magnitude, make_origin
from seiswarn.messages import encode
from seiswarn.store.sds import SdsArchive
from seiswarn.store.sqlite import Database
from seiswarn.web.app import Sources, application
from seiswarn.web.dataselect import Limits

NS = 1_000_000_000
T0 = 1_700_000_000 * NS - 2 * 3600 * NS  # 2023-11-14T20:13:20
DAY_END = 1_700_006_400 * NS  # midnight after it
SECONDS = 4 * 3600
RATE = 20.0
CHANNELS = ("FDSN:XG_G001__H_N_Z", "FDSN:XG_G001__H_N_N", "FDSN:XG_G002__H_N_Z", "FDSN:BW_RJOB_00_E_H_Z")
HOLE = (T0 + 3600 * NS, T0 + 3700 * NS)  # missing in the first channel


def truth(channel: str, n: int = round(SECONDS * RATE)) -> np.ndarray:
    seed = CHANNELS.index(channel)
    return np.random.default_rng(seed).integers(-5000, 5000, n).astype(np.int32)


def records(channel: str) -> list[bytes]:
    rec = pymseed.MS3Record()
    rec.sourceid, rec.reclen, rec.formatversion = channel, 512, 2
    rec.encoding, rec.samprate, rec.starttime = pymseed.DataEncoding.STEIM2, RATE, T0
    made = [bytes(r) for r in rec.generate(truth(channel), "i")]
    if channel != CHANNELS[0]:
        return made
    heads = [pymseed.MS3Record.parse(r) for r in made]
    return [r for r, h in zip(made, heads, strict=True) if not HOLE[0] <= h.starttime < HOLE[1]]


def fill(folder: Path, project_root: Path) -> Sources:
    metadata = folder / "stations"
    metadata.mkdir(parents=True)
    stations = (project_root / "stations" / "guangxi_fictional" / "stations.xml").read_bytes()
    (metadata / "guangxi.xml").write_bytes(stations)
    obspy.read_inventory().write(str(metadata / "examples.xml"), format="STATIONXML")
    (metadata / "broken.xml").write_text("<html>no</html>")
    archive = SdsArchive(folder / "sds")
    for channel in CHANNELS:
        assert archive.write(records(channel)) == ([], None)
    archive.close()
    with Database(folder / "seiswarn.sqlite") as db:
        for run_id, status, messages in (
            ("real", "actual", EVENTS),
            ("drill", "exercise", [make_estimate(event_id="swdrill", status="exercise")]),
        ):
            db.begin_run(run_id, status)
            db.take(run_id, [(k, encode(m)) for k, m in enumerate(messages, 1)])
    return Sources(
        station_paths=(str(metadata),),
        database=folder / "seiswarn.sqlite",
        archive=folder / "sds",
        limits=Limits(86_400.0, 2_000_000),
    )


def _event(name: str, hours: float, magnitude: float | None, **changes: object):
    origin = make_origin(time_ns=ORIGIN_NS + round(hours * 3600 * NS), **changes.pop("origin", {}))
    size = None if magnitude is None else make_magnitude(value=magnitude)
    return make_estimate(event_id=name, origin=origin, magnitude=size, status="actual", **changes)


EVENTS = [
    _event("sw1", 0.0, 6.1, revision=1),
    _event("sw1", 0.0, 6.5, revision=2),
    _event("sw2", 1.0, 4.2, origin={"latitude": 25.9, "depth_km": 30.0}),
    _event("sw3", 2.0, None, origin={"longitude": 108.0}),
    _event("swnone", 3.0, 5.0, state="cancelled"),
    _event("swfield", 4.0, None, grounds="wavefield"),
]


@dataclass
class Running:
    base: str
    sources: Sources

    def url(self, service: str, rest: str = "query") -> str:
        return f"{self.base}/fdsnws/{service}/1/{rest}"


class Serving:
    """`sources` behind a port of its own, from ``with`` on."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.door = socket.create_server(("127.0.0.1", 0))
        app = application(sources, time.time_ns)
        self.server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
        self.thread = threading.Thread(target=self.server.run, args=([self.door],), daemon=True)

    def __enter__(self) -> Running:
        self.thread.start()
        return Running(f"http://127.0.0.1:{self.door.getsockname()[1]}", self.sources)

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        self.door.close()
