"""A nation of stations for benchmarks: metadata, places to warn, and files of 1-s miniSEED records.

Stations stand 10 km apart in round clusters, one per network, spread over China's rectangle; all
are invented. Quiet channels repeat a few dozen templates of noise in which only station and time
are patched; the stations nearest to an earthquake under the first cluster get their own synthetic
record. Files are in order of arrival: by the time of the last sample, and the stations' seconds
begin evenly spread over the second.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pymseed

from seiswarn.geo import distances_km, offset_deg
from seiswarn.ingest.synthetic import Scenario, synthesize
from seiswarn.stations import StationTable
from seiswarn.stationxml import read_station_tables
from seiswarn.timebase import NS

T0_NS = 1_772_330_400 * NS  # 2026-03-01T02:00:00Z
RATE_HZ, RECORD = 100, 512
PHASES = 100  # a second begins on the sample grid, so that it is clear which record ends one
GAIN = 2**23 / (2.0 * 9.80665)  # 24 bits over +-2 g
CLUSTER, SPACING_KM = 497, 10.0  # stations of a network, and between them
TEMPLATES = 48
NOISE_COUNTS = 60.0
MW, DEPTH_KM, ORIGIN_S = 6.5, 12.0, 10.0
CORNER, FAR_CORNER = (22.0, 80.0), (45.0, 128.0)  # latitude, longitude
VERSION = 3  # of these files
COMPONENTS = (("HNE", 90.0, 0.0), ("HNN", 0.0, 0.0), ("HNZ", 0.0, -90.0))
STATION = """<Station code="{code}"><Latitude>{lat:.4f}</Latitude><Longitude>{lon:.4f}</Longitude>\
<Elevation>500.0</Elevation><Site><Name>invented</Name></Site>{channels}</Station>\n"""
CHANNEL = """<Channel code="{code}" locationCode=""><Latitude>{lat:.4f}</Latitude>\
<Longitude>{lon:.4f}</Longitude><Elevation>500.0</Elevation><Depth>0.0</Depth><Azimuth>{azimuth}</Azimuth>\
<Dip>{dip}</Dip><SampleRate>100.0</SampleRate><Response><InstrumentSensitivity><Value>{gain:.3f}</Value>\
<Frequency>1.0</Frequency><InputUnits><Name>m/s**2</Name></InputUnits><OutputUnits><Name>count</Name>\
</OutputUnits></InstrumentSensitivity></Response></Channel>"""


@dataclass(frozen=True)
class Nation:
    """What was written: files, and where each station's seconds begin (samples after the whole second)."""

    folder: Path
    records: tuple[Path, ...]
    seconds: int
    n_records: int
    phase: dict[str, int]  # by station code NET.STA.LOC.BI


def places(n: int) -> list[tuple[str, str, float, float]]:
    """(network, station, latitude, longitude) of `n` stations, cluster after cluster."""
    n_networks = -(-n // CLUSTER)
    side = int(np.ceil(np.sqrt(n_networks)))
    reach = int(np.sqrt(CLUSTER)) + 2
    grid = [(a, b) for a in range(-reach, reach) for b in range(-reach, reach)]
    grid = sorted(grid, key=lambda p: (p[0] ** 2 + p[1] ** 2, p))[:CLUSTER]
    out = []
    for net in range(n_networks):
        row, column = divmod(net, side)
        lat0 = CORNER[0] + (row + 0.5) / side * (FAR_CORNER[0] - CORNER[0])
        lon0 = CORNER[1] + (column + 0.5) / side * (FAR_CORNER[1] - CORNER[1])
        for k, (north, east) in enumerate(grid[: n - net * CLUSTER]):
            lat, lon = offset_deg(lat0, lon0, SPACING_KM * north, SPACING_KM * east)
            out.append((f"{chr(65 + net // 26)}{chr(65 + net % 26)}", f"{k:05d}", float(lat), float(lon)))
    return out


def write_stations(folder: Path, where: list[tuple[str, str, float, float]]) -> None:
    """A compact StationXML file per network."""
    folder.mkdir(parents=True, exist_ok=True)
    networks: dict[str, list[str]] = {}
    for net, code, lat, lon in where:
        channels = "".join(
            CHANNEL.format(code=c, lat=lat, lon=lon, azimuth=a, dip=d, gain=GAIN) for c, a, d in COMPONENTS
        )
        networks.setdefault(net, []).append(STATION.format(code=code, lat=lat, lon=lon, channels=channels))
    for net, stations in networks.items():
        head = '<FDSNStationXML xmlns="http://www.fdsn.org/xml/station/1" schemaVersion="1.2">'
        text = (
            f'{head}<Source>invented</Source><Created>2026-01-01T00:00:00</Created>\n<Network code="{net}">\n'
        )
        (folder / f"{net}.xml").write_text(text + "".join(stations) + "</Network></FDSNStationXML>\n")


def write_targets(path: Path, where: list[tuple[str, str, float, float]], n: int = 340) -> None:
    """`n` places to warn, a kilometre beside as many stations."""
    lines = ["name,latitude,longitude"]
    for k in np.linspace(0, len(where) - 1, min(n, len(where))).astype(int):
        net, code, lat, lon = where[k]
        lines.append(f"Place {net} {code},{lat + 0.01:.4f},{lon:.4f}")
    path.write_text("\n".join(lines) + "\n")


# --- records -----------------------------------------------------------------------------------


def encode(samples: np.ndarray) -> np.ndarray:
    """(seconds, 512) bytes: `samples` as one Steim2 record a second."""
    out = np.empty((len(samples) // RATE_HZ, RECORD), dtype=np.uint8)
    for s in range(len(out)):
        record = pymseed.MS3Record()
        record.sourceid = "FDSN:XX_00000__H_N_Z"
        record.reclen, record.formatversion, record.encoding = RECORD, 2, 11
        record.samprate, record.starttime = float(RATE_HZ), T0_NS
        made = [bytes(r) for r in record.generate(samples[s * RATE_HZ : (s + 1) * RATE_HZ], "i")]
        assert len(made) == 1, "a second does not fit into a record"
        out[s] = np.frombuffer(made[0], np.uint8)
    return out


def stamp(records: np.ndarray, heads: np.ndarray, t_ns: np.ndarray) -> None:
    """Put station codes (n, 12) and start times (n,) ns into records (n, 512)."""
    records[:, 8:20] = heads
    whole, rest = np.divmod(t_ns, NS)
    at = np.zeros((len(t_ns), 10), dtype=np.uint8)
    for second in np.unique(whole).tolist():
        rows = whole == second
        t = datetime.fromtimestamp(second, UTC)
        at[rows, 0:4] = np.array([t.year, t.timetuple().tm_yday], dtype=">u2").view(np.uint8)
        at[rows, 4:7] = t.hour, t.minute, t.second
    at[:, 8:10] = (rest // 100_000).astype(">u2").view(np.uint8).reshape(-1, 2)
    records[:, 20:30] = at


def shaking(
    table: StationTable, nearest: np.ndarray, phase: np.ndarray, seconds: int
) -> dict[int, np.ndarray]:
    """Records (seconds, 512) of the channels of the stations `nearest` to the earthquake."""
    lat, lon = float(table.st_latitude[nearest[0]]) + 0.03, float(table.st_longitude[nearest[0]]) + 0.03
    lead = ORIGIN_S + 2.0
    scenario = Scenario(
        origin_ns=T0_NS + int(ORIGIN_S * NS), latitude=lat, longitude=lon, depth_km=DEPTH_KM, mw=MW,
        lead_s=lead, duration_s=lead + seconds + 5.0,
    )  # fmt: skip
    out = {}
    names = {table.stations[s] for s in nearest}
    wanted = [c for c in range(table.n_channels) if table.stations[table.ch_station[c]] in names]
    some = synthesize(_subset(table, nearest), scenario)
    for c in wanted:
        trace = some[table.channels[c]]
        begin = T0_NS + int(phase[table.ch_station[c]]) * (NS // RATE_HZ)
        k = round((begin - trace.t0_ns) * RATE_HZ / NS)
        out[c] = encode(trace.counts[k : k + seconds * RATE_HZ].astype(np.int32))
    return out


def _subset(table: StationTable, stations: np.ndarray) -> StationTable:
    """The table with some stations alone."""
    kept = np.sort(stations)
    rows = np.flatnonzero(np.isin(table.ch_station, kept))
    per_channel = {
        name: getattr(table, name)[rows]
        for name in ("ch_component", "ch_unit", "ch_gain", "ch_rate_hz", "ch_azimuth_deg", "ch_dip_deg")
    }
    per_station = {
        name: getattr(table, name)[kept]
        for name in ("st_latitude", "st_longitude", "st_elevation_m", "st_vs30_mps")
    }
    return StationTable(
        channels=tuple(table.channels[c] for c in rows),
        ch_station=np.searchsorted(kept, table.ch_station[rows]).astype(np.int32),
        ch_clip_counts=table.ch_clip_counts[rows],
        stations=tuple(table.stations[s] for s in kept),
        st_site=np.arange(len(kept), dtype=np.int32),
        **per_channel,
        **per_station,
    )


def _head(channel: str) -> bytes:
    """Station, location, channel, network as they stand in a record."""
    net, sta, loc, band, instrument, component = channel.removeprefix("FDSN:").split("_")
    return f"{sta:<5}{loc:<2}{band}{instrument}{component}{net:<2}".encode()


def make(folder: Path, n_stations: int, n_shaking: int, seconds: int, n_files: int) -> Nation:
    """All files of a nation in `folder`, made only when they are not there yet."""
    key = f"{VERSION}-{n_stations}-{n_shaking}-{seconds}-{n_files}"
    home = folder / f"nation-{n_stations}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
    paths = tuple(home / f"records-{k}.mseed" for k in range(n_files))
    where = places(n_stations)
    ready = home / "ready"
    if not ready.exists():
        write_stations(home / "stations", where)
        write_targets(home / "targets.csv", where)
    begun = time.perf_counter()
    table = read_station_tables([home / "stations"], T0_NS)
    print(
        f"  metadata of {table.n_channels} channels read in {time.perf_counter() - begun:.1f} s", flush=True
    )
    phase = np.arange(table.n_stations) * 7919 % table.n_stations * PHASES // table.n_stations
    if not ready.exists():
        _write_records(paths, table, phase, n_shaking, seconds)
        ready.write_text(key)
    by_code = dict(zip(table.stations, phase.tolist(), strict=True))
    return Nation(home, paths, seconds, table.n_channels * seconds, by_code)


def _write_records(
    paths: tuple[Path, ...], table: StationTable, phase: np.ndarray, n_shaking: int, seconds: int
) -> None:
    rng = np.random.default_rng(5)
    noise = NOISE_COUNTS * rng.standard_normal((TEMPLATES, seconds * RATE_HZ))
    templates = np.stack([encode(np.rint(x).astype(np.int32)) for x in noise])
    first = table.station_index["AA.00000..HN"]
    km = distances_km(
        float(table.st_latitude[first]),
        float(table.st_longitude[first]),
        table.st_latitude,
        table.st_longitude,
    )
    own = shaking(table, np.argsort(km, kind="stable")[:n_shaking], phase, seconds)
    heads = np.frombuffer(b"".join(_head(c) for c in table.channels), np.uint8).reshape(-1, 12)
    channels = np.arange(table.n_channels)
    order = np.lexsort((channels, phase[table.ch_station]))
    of_file = table.ch_station[order] % len(paths)
    begin_ns = T0_NS + phase[table.ch_station].astype(np.int64) * (NS // RATE_HZ)
    place_of = {int(c): k for k, c in enumerate(order)}
    streams = [path.open("wb") for path in paths]
    for s in range(seconds):
        records = templates[order * 7 % TEMPLATES, s]
        for c, mine in own.items():
            records[place_of[c]] = mine[s]
        stamp(records, heads[order], begin_ns[order] + s * NS)
        for k, stream in enumerate(streams):
            stream.write(records[of_file == k].tobytes())
        if s % 10 == 9:
            print(f"  {s + 1} of {seconds} s of records written", flush=True)
    for stream in streams:
        stream.close()
