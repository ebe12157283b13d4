"""Stations that do not exist yet: where they would stand, and the station table with them."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from seiswarn.errors import UsageError
from seiswarn.geo import distances_km
from seiswarn.grid import GridNodes
from seiswarn.plan.recordings import COUNTS_PER_MPS2, RATE_HZ
from seiswarn.stationparts import SAME_SITE_KM
from seiswarn.stations import BASIC, H1, H2, UNIT_ACCELERATION, StationTable, Z

COLUMNS = ("name", "latitude", "longitude")
NETWORK = "XX"  # reserved for tests by the FDSN; no station of a network can have it
_NAME = re.compile(r"^[A-Z0-9]{1,8}$")  # a station code of the FDSN source identifiers
# Of the three components: letter, slot, azimuth and dip in degrees (dip -90 is up).
_COMPONENTS = (("E", H2, 90.0, 0.0), ("N", H1, 0.0, 0.0), ("Z", Z, 0.0, -90.0))


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A place for a station, in degrees."""

    name: str
    latitude: float
    longitude: float


def parse_site(text: str) -> Site:
    """A site from ``NAME,LATITUDE,LONGITUDE``. Raises UsageError when it is none."""
    cells = [cell.strip() for cell in text.split(",")]
    if len(cells) != len(COLUMNS):
        raise UsageError(f"--site is NAME,LATITUDE,LONGITUDE in degrees, not {text!r}")
    return _site(cells, f"--site {text}")


def read_sites(path: Path) -> tuple[Site, ...]:
    """The sites of a CSV file in UTF-8 with the columns name, latitude, longitude.

    Empty lines and those that start with ``#`` are passed over. Raises UsageError with the line.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not in UTF-8") from error
    reader = csv.reader(io.StringIO(text))
    head: list[str] | None = None
    sites = []
    for line in reader:
        cells = [cell.strip() for cell in line]
        if not any(cells) or cells[0].startswith("#"):
            continue
        where = f"{path}:{reader.line_num}"
        if head is None:
            head = [cell.lower() for cell in cells]
            if any(name not in head for name in COLUMNS):
                raise UsageError(f"{where}: the first line must name the columns {','.join(COLUMNS)}")
        elif len(cells) != len(head):
            raise UsageError(f"{where}: {len(cells)} cells where the head has {len(head)}")
        else:
            sites.append(_site([cells[head.index(name)] for name in COLUMNS], where))
    if not sites:
        raise UsageError(f"{path}: names no site; first line: {','.join(COLUMNS)}")
    return tuple(sites)


def _site(cells: Sequence[str], where: str) -> Site:
    name = cells[0].upper()
    if not _NAME.match(name):
        raise UsageError(f"{where}: {cells[0]!r} is no station code: 1 to 8 letters and digits")
    try:
        latitude, longitude = float(cells[1]), float(cells[2])
    except ValueError as error:
        raise UsageError(f"{where}: {cells[1]!r}, {cells[2]!r} is no place in degrees") from error
    if not (abs(latitude) <= 90.0 and abs(longitude) <= 180.0):
        raise UsageError(f"{where}: {latitude:g}, {longitude:g} is no place on Earth")
    return Site(name=name, latitude=latitude, longitude=longitude)


def insist_on_sites(sites: Sequence[Site], table: StationTable, grid: GridNodes) -> None:
    """Raise UsageError for a site outside the map, where a station stands already, or given twice."""
    south = grid.north - (grid.n_rows - 1) * grid.step_latitude
    east = grid.west + (grid.n_columns - 1) * grid.step_longitude
    for k, site in enumerate(sites):
        along = (site.longitude - grid.west) % 360.0
        if not (south <= site.latitude <= grid.north and along <= east - grid.west):
            raise UsageError(
                f"site {site.name} at {site.latitude:g}, {site.longitude:g} lies outside the region of the"
                f" plan, {south:.2f} to {grid.north:.2f} north, {grid.west:.2f} to {east:.2f} east:"
                " widen it with --margin-km"
            )
        away = distances_km(site.latitude, site.longitude, table.st_latitude, table.st_longitude)
        nearest = int(np.argmin(away))
        if away[nearest] < SAME_SITE_KM:
            raise UsageError(f"site {site.name} is where station {table.stations[nearest]} stands already")
        for other in sites[:k]:
            lats, lons = np.array([other.latitude]), np.array([other.longitude])
            if other.name == site.name:
                raise UsageError(f"two sites are called {site.name}")
            if distances_km(site.latitude, site.longitude, lats, lons)[0] < SAME_SITE_KM:
                raise UsageError(f"sites {other.name} and {site.name} are one place")


def with_sites(table: StationTable, sites: Sequence[Site]) -> StationTable:
    """The table with an accelerometer of three components more at each site, its Vs30 unknown.

    Raises UsageError when a station of that code is there already.
    """
    codes = [f"{NETWORK}.{site.name}..HN" for site in sites]
    for site, code in zip(sites, codes, strict=True):
        if code in table.station_index:
            raise UsageError(f"site {site.name}: there is a station {code} already")
    n, m = table.n_stations, len(sites)
    next_site = int(table.st_site.max()) + 1
    stations = [*table.stations, *codes]
    channels = [
        *table.channels,
        *(f"FDSN:{NETWORK}_{s.name}__H_N_{c[0]}" for s in sites for c in _COMPONENTS),
    ]
    places = np.array([[site.latitude, site.longitude] for site in sites])
    st = {
        "st_latitude": places[:, 0],
        "st_longitude": places[:, 1],
        "st_elevation_m": np.zeros(m),
        "st_vs30_mps": np.full(m, math.nan),
        "st_site": np.arange(next_site, next_site + m, dtype=np.int32),
        "st_tier": np.full(m, BASIC, dtype=np.int32),
        "st_telecom": np.full(m, -1, dtype=np.int32),
        "st_latency_s": np.full(m, math.nan),
    }
    ch = {
        "ch_station": np.repeat(np.arange(n, n + m, dtype=np.int32), 3),
        "ch_component": np.tile(np.array([c[1] for c in _COMPONENTS], dtype=np.int32), m),
        "ch_unit": np.full(3 * m, UNIT_ACCELERATION, dtype=np.int32),
        "ch_gain": np.full(3 * m, COUNTS_PER_MPS2),
        "ch_rate_hz": np.full(3 * m, RATE_HZ),
        "ch_azimuth_deg": np.tile(np.array([c[2] for c in _COMPONENTS]), m),
        "ch_dip_deg": np.tile(np.array([c[3] for c in _COMPONENTS]), m),
        "ch_clip_counts": np.full(3 * m, math.inf),
    }
    return _sorted(table, stations, channels, st, ch)


def _sorted(
    table: StationTable,
    stations: list[str],
    channels: list[str],
    st: dict[str, np.ndarray],
    ch: dict[str, np.ndarray],
) -> StationTable:
    """The table with more rows, all sorted by code as a table has to be."""
    by_station = np.array(sorted(range(len(stations)), key=lambda k: stations[k]), dtype=np.int64)
    by_channel = np.array(sorted(range(len(channels)), key=lambda k: channels[k]), dtype=np.int64)
    new_index = np.empty(len(stations), dtype=np.int32)
    new_index[by_station] = np.arange(len(stations), dtype=np.int32)
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(table, name), more])[by_station] for name, more in st.items()
    }
    columns |= {name: np.concatenate([getattr(table, name), more])[by_channel] for name, more in ch.items()}
    columns["ch_station"] = new_index[columns["ch_station"]]
    return dataclasses.replace(
        table,
        channels=tuple(channels[k] for k in by_channel.tolist()),
        stations=tuple(stations[k] for k in by_station.tolist()),
        channel_index={},
        station_index={},
        **columns,
    )
