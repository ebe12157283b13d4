"""Metadata of stations: what the StationXML files of the configuration say, selected and cut to a level."""

from __future__ import annotations

import copy
import io
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from seiswarn.web.area import Area
from seiswarn.web.parameters import Line, pattern_of
from seiswarn.web.refusal import Refused

_SUFFIXES = (".xml", ".stationxml")
_FAR_FUTURE_NS = 2**63 - 1


class Metadata:
    """The files, read when first asked for and again when one of them has changed."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = tuple(map(Path, paths))
        self._lock = threading.Lock()
        self._signature: tuple[tuple[str, int, int], ...] = ()
        self._inventory: Any = None

    def inventory(self) -> Any:
        """All of it as an obspy Inventory, not to be changed. Files that cannot be read are left out."""
        with self._lock:
            signature = tuple((str(f), f.stat().st_mtime_ns, f.stat().st_size) for f in self._files())
            if self._inventory is None or signature != self._signature:
                self._inventory = _read([Path(name) for name, *_ in signature])
                self._signature = signature
            return self._inventory

    def _files(self) -> list[Path]:
        found: list[Path] = []
        for path in self._paths:
            if path.is_dir():
                found += sorted(p for p in path.rglob("*") if p.suffix.lower() in _SUFFIXES and p.is_file())
            elif path.is_file():
                found.append(path)
        return found


def _read(files: Sequence[Path]) -> Any:
    from obspy import Inventory, read_inventory

    networks: dict[tuple[str, str], Any] = {}
    for file in files:
        try:
            found = read_inventory(str(file), format="STATIONXML")
        except Exception:  # noqa: BLE001 - obspy raises of all kinds; `seiswarn stations` tells which and why
            continue
        for network in found.networks:
            key = (network.code, str(network.start_date))
            if key in networks:
                networks[key].stations += network.stations
            else:
                networks[key] = network
    return Inventory(networks=sorted(networks.values(), key=lambda n: n.code), source="seiswarn")


def select(inventory: Any, lines: Sequence[Line], values: Mapping[str, Any]) -> Any:
    """The part of `inventory` that any of the lines selects, cut to `level`; None when there is none."""
    area = Area(values)
    level: str = values["level"]
    tests = [_Wanted(line, values) for line in lines]
    networks = []
    for network in inventory.networks:
        stations = []
        for station in network.stations:
            if not area.has(station.latitude, station.longitude):
                continue
            kept = _station(network, station, tests, level)
            if kept is not None:
                stations.append(kept)
        if stations:
            networks.append(_network(network, stations))
    if not networks:
        return None
    chosen = copy.copy(inventory)
    chosen.networks = networks
    return chosen


def xml(inventory: Any, level: str) -> bytes:
    """What `select` gave as StationXML 1.x."""
    if level == "network":
        for network in inventory.networks:  # copies, made for this request
            network.stations = []
    buffer = io.BytesIO()
    inventory.write(buffer, format="STATIONXML")
    return buffer.getvalue()


def text(inventory: Any, level: str) -> bytes:
    """As lines of columns between bars. Raises Refused for responses, which do not fit into a line."""
    if level == "response":
        raise Refused(400, "responses come as xml alone: format=xml, or level=channel")
    rows = {"network": _network_rows, "station": _station_rows, "channel": _channel_rows}[level](inventory)
    return "".join("|".join(map(_cell, row)) + "\n" for row in rows).encode("utf-8")


class _Wanted:
    """What one line of a request asks for."""

    def __init__(self, line: Line, values: Mapping[str, Any]) -> None:
        self.network, self.station = pattern_of(line.networks), pattern_of(line.stations)
        self.location, self.channel = pattern_of(line.locations), pattern_of(line.channels)
        self.any_channel = line.locations == ("*",) and line.channels == ("*",)
        self._start, self._end, self._values = line.start_ns, line.end_ns, values

    def names(self, network: Any, station: Any) -> bool:
        return bool(self.network.fullmatch(network.code) and self.station.fullmatch(station.code))

    def has(self, channel: Any) -> bool:
        location, code = (channel.location_code or "").strip(), channel.code
        return bool(self.location.fullmatch(location) and self.channel.fullmatch(code))

    def when(self, epoch: Any) -> bool:
        """Whether an epoch overlaps the window and meets the limits of its borders."""
        start = epoch.start_date.ns if epoch.start_date is not None else -_FAR_FUTURE_NS
        end = epoch.end_date.ns if epoch.end_date is not None else _FAR_FUTURE_NS
        values = self._values
        tests: tuple[tuple[int | None, Callable[[int], bool]], ...] = (
            (self._start, lambda t: end >= t),
            (self._end, lambda t: start <= t),
            (values["startbefore"], lambda t: start < t),
            (values["startafter"], lambda t: start > t),
            (values["endbefore"], lambda t: end < t),
            (values["endafter"], lambda t: end > t),
        )
        return all(limit is None or met(limit) for limit, met in tests)


def _station(network: Any, station: Any, tests: Sequence[_Wanted], level: str) -> Any:
    """A copy with the channels that are wanted; None when it is not."""
    deep = level in ("channel", "response")
    asked = [t for t in tests if t.names(network, station) and (deep or t.when(station))]
    if not asked:
        return None
    if not deep and any(t.any_channel for t in asked):
        channels = []
    else:
        channels = [c for c in station.channels if any(t.has(c) and (not deep or t.when(c)) for t in asked)]
        if not channels:
            return None
    kept = copy.copy(station)
    kept.channels = []
    kept.selected_number_of_channels = len(channels) if deep else None
    kept.total_number_of_channels = len(station.channels)
    if deep:
        kept.channels = channels if level == "response" else [_without_response(c) for c in channels]
    return kept


def _without_response(channel: Any) -> Any:
    """A copy whose response is no more than its sensitivity."""
    from obspy.core.inventory import Response

    kept = copy.copy(channel)
    if channel.response is not None:
        sensitivity = channel.response.instrument_sensitivity
        kept.response = Response(instrument_sensitivity=sensitivity) if sensitivity is not None else None
    return kept


def _network(network: Any, stations: list[Any]) -> Any:
    kept = copy.copy(network)
    kept.total_number_of_stations = len(network.stations)
    kept.selected_number_of_stations = len(stations)
    kept.stations = stations
    return kept


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value).replace("|", "/").replace("\n", " ").strip()


def _when(date: Any) -> str:
    return "" if date is None else date.strftime("%Y-%m-%dT%H:%M:%S")


def _network_rows(inventory: Any) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = [("#Network", "Description", "StartTime", "EndTime", "TotalStations")]
    for n in inventory.networks:
        # Clients insist on a time here: that of the first station, where the network has none.
        starts = [n.start_date] if n.start_date else [s.start_date for s in n.stations if s.start_date]
        start = min(starts, default=None)
        rows.append((n.code, n.description, _when(start), _when(n.end_date), n.total_number_of_stations))
    return rows


def _station_rows(inventory: Any) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = [
        ("#Network", "Station", "Latitude", "Longitude", "Elevation", "SiteName", "StartTime", "EndTime")
    ]
    for n in inventory.networks:
        for s in n.stations:
            site = s.site.name if s.site is not None else ""
            place = (float(s.latitude), float(s.longitude), float(s.elevation))
            rows.append((n.code, s.code, *place, site, _when(s.start_date), _when(s.end_date)))
    return rows


_CHANNEL_HEAD = (
    "#Network|Station|Location|Channel|Latitude|Longitude|Elevation|Depth|Azimuth|Dip|"
    "SensorDescription|Scale|ScaleFreq|ScaleUnits|SampleRate|StartTime|EndTime"
)


def _channel_rows(inventory: Any) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = [tuple(_CHANNEL_HEAD.split("|"))]
    for n in inventory.networks:
        for s in n.stations:
            for c in s.channels:
                scale = c.response.instrument_sensitivity if c.response is not None else None
                told = (
                    (scale.value, scale.frequency, scale.input_units) if scale is not None else ("", "", "")
                )
                sensor = (c.sensor.description or c.sensor.type or c.sensor.model) if c.sensor else ""
                numbers = [
                    None if x is None else float(x)
                    for x in (c.latitude, c.longitude, c.elevation, c.depth, c.azimuth, c.dip)
                ]
                rate = None if c.sample_rate is None else float(c.sample_rate)
                codes = (n.code, s.code, (c.location_code or "").strip(), c.code)
                when = (_when(c.start_date), _when(c.end_date))
                rows.append((*codes, *numbers, sensor, *told, rate, *when))
    return rows
