"""Catalogues, stations and messages written by hand, and a synthetic earthquake as a recorded set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pymseed
import pytest
from lxml import etree

from factories import ORIGIN_NS, make_alert, make_estimate, make_magnitude, make_origin
from seiswarn.evaluate.catalogue import Quake
from seiswarn.evaluate.heard import Heard, Reached
from seiswarn.geo import offset_deg
from seiswarn.ingest.synthetic import Scenario, synthesize
from seiswarn.messages import Alert, EventEstimate
from seiswarn.source.traveltime import TravelTimes, lookup
from seiswarn.stationxml import read_station_tables
from seiswarn.timebase import from_seconds, iso, parse_iso

LATITUDE, LONGITUDE = 24.0, 106.0
SYNTHETIC_NS = parse_iso("2026-03-01T02:00:00Z")
N_STATIONS = 9


def make_quake(**changes: Any) -> Quake:
    fields: dict[str, Any] = {
        "quake_id": "q1",
        "time_ns": ORIGIN_NS,
        "latitude": LATITUDE,
        "longitude": LONGITUDE,
        "depth_km": 10.0,
        "magnitude": 6.0,
        "magnitude_kind": "Mw",
    }
    return Quake(**(fields | changes))


def make_reached(k: int = 0, **changes: Any) -> Reached:
    fields: dict[str, Any] = {
        "station": f"XX.S{k:02d}..HN",
        "site": k,
        "distance_km": 10.0 * (k + 1),
        "p_s": 2.0 * (k + 1),
        "s_s": 3.5 * (k + 1),
        "at_p": True,
        "recording": True,
        "saw_p": True,
    }
    return Reached(**(fields | changes))


def place(north_km: float, east_km: float) -> dict[str, float]:
    latitude, longitude = offset_deg(LATITUDE, LONGITUDE, north_km, east_km)
    return {"latitude": latitude, "longitude": longitude}


def said(
    make: Callable[..., Any], t_s: float, m: float, north_km: float = 0.0, late_s: float = 0.0, **changes: Any
) -> Any:
    """A message `t_s` after the origin, about an earthquake so far north and so late."""
    gap = changes.pop("gap_deg", 90.0)
    depth = changes.pop("depth_km", 10.0)
    origin = make_origin(
        **place(north_km, 0.0), time_ns=ORIGIN_NS + from_seconds(late_s), gap_deg=gap, depth_km=depth
    )
    return make(
        origin=origin,
        magnitude=make_magnitude(value=m),
        t_seen_ns=ORIGIN_NS + from_seconds(t_s),
        **({"event_id": "a"} | changes),
    )


def alert(t_s: float, m: float, north_km: float = 0.0, late_s: float = 0.0, **changes: Any) -> Alert:
    found: Alert = said(make_alert, t_s, m, north_km, late_s, **changes)
    return found


def estimate(t_s: float, m: float, north_km: float = 0.0, **changes: Any) -> EventEstimate:
    found: EventEstimate = said(make_estimate, t_s, m, north_km, **changes)
    return found


def make_heard(alerts: list[Alert], quakes: tuple[Quake, ...] | None = None, **changes: Any) -> Heard:
    """A replay with four good stations and more for each earthquake."""
    catalogue = (make_quake(),) if quakes is None else quakes
    rows = tuple(make_reached(k) for k in range(6))
    fields: dict[str, Any] = {
        "key": "",
        "catalogue": catalogue,
        "reached": tuple(rows for _ in catalogue),
        "n_stations": 6,
        "data_s": 60.0,
    }
    return Heard(**(fields | changes), alerts=alerts)


QUAKEML = """<?xml version="1.0" encoding="utf-8"?>
<q:quakeml xmlns="http://quakeml.org/xmlns/bed/1.2" xmlns:q="http://quakeml.org/xmlns/quakeml/1.2">
<eventParameters publicID="smi:local/1">{events}</eventParameters></q:quakeml>
"""


def origin_xml(name: str, time: str, latitude: float, longitude: float, depth_m: float | None) -> str:
    depth = "" if depth_m is None else f"<depth><value>{depth_m}</value></depth>"
    return (
        f'<origin publicID="{name}"><time><value>{time}</value></time>'
        f"<latitude><value>{latitude}</value></latitude><longitude><value>{longitude}</value></longitude>"
        f"{depth}</origin>"
    )


def magnitude_xml(name: str, value: float, kind: str = "Mw") -> str:
    return f'<magnitude publicID="{name}"><mag><value>{value}</value></mag><type>{kind}</type></magnitude>'


def write_catalogue(path: Path, *events: str) -> None:
    path.write_text(
        QUAKEML.format(events="".join(f"<event publicID='e/{k}'>{e}</event>" for k, e in enumerate(events)))
    )


def write_synthetic_set(folder: Path, stations_xml: Path) -> None:
    """M 6.0 among the nearest stations of a network: waveforms, metadata, catalogue."""
    folder.mkdir(parents=True)
    tree = etree.parse(str(stations_xml))

    def far(station: Any) -> float:
        lat, lon = (float(station.find(f"{{*}}{tag}").text) for tag in ("Latitude", "Longitude"))
        return (lat - LATITUDE) ** 2 + (lon - LONGITUDE) ** 2

    for station in sorted(tree.findall(".//{*}Station"), key=far)[N_STATIONS:]:
        station.getparent().remove(station)
    tree.write(str(folder / "stations.xml"))
    scenario = Scenario(
        origin_ns=SYNTHETIC_NS,
        latitude=LATITUDE,
        longitude=LONGITUDE,
        depth_km=10.0,
        mw=6.0,
        lead_s=20.0,
        duration_s=60.0,
    )
    model = TravelTimes("iasp91", 120.0)
    traces = synthesize(
        read_station_tables([folder / "stations.xml"], SYNTHETIC_NS),
        scenario,
        p_time=lambda d, z: float(lookup(model.p, d, z)),
        s_time=lambda d, z: float(lookup(model.s, d, z)),
    )
    data = b"".join(miniseed(t.counts, name, t.t0_ns, t.rate_hz) for name, t in traces.items())
    (folder / "waveforms.mseed").write_bytes(data)
    whole = origin_xml("o", iso(SYNTHETIC_NS, 3), LATITUDE, LONGITUDE, 10_000.0) + magnitude_xml("m", 6.0)
    write_catalogue(folder / "event.xml", whole)


def miniseed(counts: np.ndarray, channel: str, t0_ns: int, rate_hz: float) -> bytes:
    record = pymseed.MS3Record()
    record.sourceid, record.reclen, record.formatversion = channel, 512, 2
    record.encoding, record.samprate, record.starttime = 11, rate_hz, t0_ns
    return b"".join(bytes(r) for r in record.generate(counts, "i"))


@pytest.fixture(scope="session")
def synthetic_set(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded") / "synthetic"
    write_synthetic_set(folder, project_root / "stations" / "guangxi_fictional" / "stations.xml")
    return folder
