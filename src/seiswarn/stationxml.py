"""StationXML files and folders to one `StationTable`.

Read with lxml at channel level (place, epoch, orientation, rate, overall sensitivity, stage gains):
15 to 25 times faster than building an obspy inventory with every filter coefficient, which nobody
here needs. Any schema version 1.x, any namespace prefix. What cannot be used is listed with a reason.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from seiswarn import stationparts as parts
from seiswarn.errors import StationsError
from seiswarn.reasons import Reason
from seiswarn.stations import UNIT_DISPLACEMENT, Refusal, StationTable
from seiswarn.timebase import iso

_ALWAYS = 1 << 100  # ns; farther than any date a file can hold
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VS30 = re.compile(r"vs\s*_?30\D{0,12}?(\d+(?:\.\d+)?)", re.IGNORECASE)
_SUFFIXES = {".xml", ".stationxml"}


@dataclass(frozen=True, slots=True)
class ChannelEpoch:
    """One `<Channel>` as a file describes it; None or NaN where the file is silent."""

    network: str
    station: str
    location: str
    code: str
    start_ns: int
    end_ns: int
    latitude: float
    longitude: float
    elevation_m: float
    rate_hz: float
    azimuth_deg: float
    dip_deg: float
    unit_name: str
    sensitivity: float
    stage_gain: float  # product of the stage gains, NaN when one is missing
    vs30_mps: float

    @property
    def channel(self) -> str:
        """FDSN source identifier, as miniSEED 2 codes are mapped to it."""
        code = self.code if "_" in self.code else "_".join(self.code)
        return f"FDSN:{self.network}_{self.station}_{self.location}_{code}"

    @property
    def station_code(self) -> str:
        """``NET.STA.LOC.BI``, the sensor this channel is a component of."""
        band, instrument, _ = parts.split_code(self.code)
        return f"{self.network}.{self.station}.{self.location}.{band}{instrument}"


def read_station_tables(
    paths: Sequence[Path], at_ns: int | None, *, wanted: Collection[str] | None = None
) -> StationTable:
    """Build the table of all usable channels described in `paths`.

    Parameters
    ----------
    paths
        StationXML files, or folders searched recursively for ``*.xml``. XML of another kind in a
        folder (an event.xml) is passed over; a broken file is a refusal.
    at_ns
        the moment whose epochs count; None takes the latest epoch of each channel.
    wanted
        channel identifiers to restrict the table to; those nobody describes are refused.

    Raises
    ------
    StationsError
        When a path does not exist, or nothing usable remains (with all refusals summed up).
    """
    refusals: list[Refusal] = []
    by_channel: dict[str, list[ChannelEpoch]] = {}
    for path, explicit in _files(paths):
        for epoch in _read_file(path, explicit, refusals):
            if wanted is None or epoch.channel in wanted:
                by_channel.setdefault(epoch.channel, []).append(epoch)
    for name in sorted(set(wanted or ()) - by_channel.keys()):
        refusals.append(Refusal(name, Reason.UNKNOWN_CHANNEL, "no station metadata describe it"))

    usable: dict[str, list[parts.Component]] = {}
    for name in sorted(by_channel):
        chosen_epoch = _choose_epoch(name, by_channel[name], at_ns, refusals)
        component = None if chosen_epoch is None else _component(chosen_epoch, refusals)
        if chosen_epoch is not None and component is not None:
            usable.setdefault(chosen_epoch.station_code, []).append(component)
    placed: dict[str, list[parts.Component]] = {}
    for code in sorted(usable):
        chosen, declined = parts.assign_slots(code, usable[code])
        refusals.extend(declined)
        if chosen:
            placed[code] = chosen
    if not placed:
        raise StationsError(_nothing_usable(paths, refusals))
    return _build(placed, refusals)


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    """Every file to read, and whether it was named itself."""
    for path in paths:
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.suffix.lower() in _SUFFIXES and p.is_file())
            yield from ((p, False) for p in found)
        elif path.exists():
            yield path, True
        else:
            raise StationsError(f"{path}: no such file or folder; give StationXML files or folders of them")


def _read_file(path: Path, explicit: bool, refusals: list[Refusal]) -> list[ChannelEpoch]:
    """All channel epochs of one file; a file broken anywhere is refused whole."""
    from lxml import etree

    epochs: list[ChannelEpoch] = []
    try:
        # No entities, no network: metadata come from strangers.
        context = etree.iterparse(
            str(path), events=("end",), tag="{*}Station", resolve_entities=False, no_network=True
        )
        for _, element in context:
            epochs.extend(_station_epochs(element))
            element.clear()  # a national inventory would not fit as one tree
        root = etree.QName(context.root).localname if context.root is not None else "nothing"
    except (etree.XMLSyntaxError, OSError) as error:
        refusals.append(Refusal(str(path), Reason.NOT_XML, str(error)))
        return []
    if root != "FDSNStationXML":
        if explicit:
            refusals.append(Refusal(str(path), Reason.NOT_XML, f"root is {root}, not FDSNStationXML"))
        return []
    return epochs


def _station_epochs(station: Any) -> Iterator[ChannelEpoch]:
    network = station.getparent()
    vs30 = _vs30(station)
    for channel in station.iterchildren("{*}Channel"):
        sensitivity = channel.find("{*}Response/{*}InstrumentSensitivity")
        gains = channel.findall("{*}Response/{*}Stage")
        stage = math.prod(_number(s, "{*}StageGain/{*}Value") for s in gains) if gains else math.nan
        unit = channel.findtext("{*}Response/{*}InstrumentSensitivity/{*}InputUnits/{*}Name")
        if not unit and gains:
            unit = gains[0].findtext("*/{*}InputUnits/{*}Name")
        yield ChannelEpoch(
            network=(network.get("code") or "").strip() if network is not None else "",
            station=(station.get("code") or "").strip(),
            location=(channel.get("locationCode") or "").strip(),
            code=(channel.get("code") or "").strip(),
            start_ns=_date_ns(channel.get("startDate") or station.get("startDate"), -_ALWAYS),
            end_ns=_date_ns(channel.get("endDate") or station.get("endDate"), _ALWAYS),
            latitude=_number(channel, "{*}Latitude", _number(station, "{*}Latitude")),
            longitude=_number(channel, "{*}Longitude", _number(station, "{*}Longitude")),
            elevation_m=_number(channel, "{*}Elevation", _number(station, "{*}Elevation")),
            rate_hz=_number(channel, "{*}SampleRate", 0.0),
            azimuth_deg=_number(channel, "{*}Azimuth"),
            dip_deg=_number(channel, "{*}Dip"),
            unit_name=(unit or "").strip(),
            sensitivity=_number(sensitivity, "{*}Value") if sensitivity is not None else math.nan,
            stage_gain=stage,
            vs30_mps=vs30,
        )


def _number(element: Any, path: str, default: float = math.nan) -> float:
    try:
        value = float(element.findtext(path) or "nan")
    except ValueError:
        return default
    return value if math.isfinite(value) else default


def _vs30(station: Any) -> float:
    """Vs30 from a station comment such as ``Vs30 = 420 m/s``; StationXML has no field for it."""
    for text in station.iterfind("{*}Comment/{*}Value"):
        match = _VS30.search(text.text or "")
        if match:
            return float(match[1])
    return math.nan


def _date_ns(text: str | None, default: int) -> int:
    """Nanoseconds of a date, `default` (open) when it is missing or unreadable."""
    try:
        when = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return default
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    return (when - _EPOCH) // timedelta(microseconds=1) * 1000


def _choose_epoch(
    name: str, epochs: list[ChannelEpoch], at_ns: int | None, refusals: list[Refusal]
) -> ChannelEpoch | None:
    if at_ns is None:
        latest = max(e.start_ns for e in epochs)
        covering = [e for e in epochs if e.start_ns == latest]
    else:
        covering = [e for e in epochs if e.start_ns <= at_ns < e.end_ns]
    if not covering:
        detail = f"none of its {len(epochs)} epochs covers {iso(at_ns or 0, 0)}"
        refusals.append(Refusal(name, Reason.WRONG_EPOCH, detail))
        return None
    if len(covering) > 1:
        detail = f"described {len(covering)} times for the same moment; the first is used"
        refusals.append(Refusal(name, Reason.DUPLICATE_CHANNEL, detail))
    return covering[0]


def _component(epoch: ChannelEpoch, refusals: list[Refusal]) -> parts.Component | None:
    """Judge one channel; None and a refusal when it cannot serve."""
    unit = parts.parse_unit(epoch.unit_name)
    gains = (g for g in (epoch.sensitivity, epoch.stage_gain) if math.isfinite(g) and g != 0.0)
    gain = next(gains, 0.0)
    objection = _objection(epoch, unit, gain)
    if objection is not None or unit is None:
        refusals.append(Refusal(epoch.channel, *(objection or (Reason.UNKNOWN_UNIT, ""))))
        return None
    return parts.Component(
        channel=epoch.channel,
        code=epoch.code,
        kind=unit.kind,
        gain=gain / unit.si_per_unit,
        rate_hz=max(epoch.rate_hz, 0.0),
        azimuth_deg=epoch.azimuth_deg,
        dip_deg=epoch.dip_deg,
        latitude=epoch.latitude,
        longitude=epoch.longitude,
        elevation_m=epoch.elevation_m,
        vs30_mps=epoch.vs30_mps,
    )


def _objection(epoch: ChannelEpoch, unit: parts.Unit | None, gain: float) -> tuple[Reason, str] | None:
    code, lat, lon = epoch.code, epoch.latitude, epoch.longitude
    if not parts.may_record_motion(code):
        return Reason.NOT_SEISMIC, f"channel code {code!r} is no ground motion"
    if unit is None and parts.is_seismic_instrument(code):
        return Reason.UNKNOWN_UNIT, f"input unit {epoch.unit_name!r}"
    if unit is None:
        return Reason.NOT_SEISMIC, f"channel {code!r} measures {epoch.unit_name!r}"
    if unit.kind == UNIT_DISPLACEMENT:
        return Reason.UNKNOWN_UNIT, "displacement is not supported yet"
    if gain == 0.0:
        return Reason.NO_GAIN, "overall sensitivity and stage gains are zero or missing"
    if not (abs(lat) <= 90.0 and abs(lon) <= 180.0) or lat == lon == 0.0:
        return Reason.NO_COORDINATES, f"latitude, longitude = {lat:g}, {lon:g}"
    return None


def _build(placed: dict[str, list[parts.Component]], refusals: Sequence[Refusal]) -> StationTable:
    stations = tuple(sorted(placed))
    index = {code: i for i, code in enumerate(stations)}
    rows = sorted((c.channel, index[code], c) for code in stations for c in placed[code])
    verticals = [min(placed[code], key=lambda c: c.slot) for code in stations]

    def column(of: Iterable[float]) -> Any:
        return np.array(list(of), dtype=np.float64)

    lat, lon = column(c.latitude for c in verticals), column(c.longitude for c in verticals)
    return StationTable(
        channels=tuple(name for name, _, _ in rows),
        ch_station=np.array([i for _, i, _ in rows], dtype=np.int32),
        ch_component=np.array([c.slot for _, _, c in rows], dtype=np.int32),
        ch_unit=np.array([c.kind for _, _, c in rows], dtype=np.int32),
        ch_gain=column(c.gain for _, _, c in rows),
        ch_rate_hz=column(c.rate_hz for _, _, c in rows),
        ch_azimuth_deg=column(c.azimuth_deg for _, _, c in rows),
        ch_dip_deg=column(c.dip_deg for _, _, c in rows),
        ch_clip_counts=column(parts.clip_counts(c.code, c.kind) for _, _, c in rows),
        stations=stations,
        st_latitude=lat,
        st_longitude=lon,
        st_elevation_m=column(c.elevation_m for c in verticals),
        st_vs30_mps=column(c.vs30_mps for c in verticals),
        st_site=parts.group_sites(stations, lat, lon),
        refusals=tuple(refusals),
    )


def _nothing_usable(paths: Sequence[Path], refusals: Sequence[Refusal]) -> str:
    where = ", ".join(str(p) for p in paths) or "no path"
    if not refusals:
        return f"{where}: no StationXML with channels in it"
    counts = ", ".join(f"{n} x {reason}" for reason, n in Counter(r.reason for r in refusals).most_common())
    first = "".join(f"\n  {r.subject}: {r.reason} {r.detail}" for r in refusals[:5])
    more = f"\n  and {len(refusals) - 5} more" if len(refusals) > 5 else ""
    return f"{where}: no usable channel ({counts}){first}{more}"


@dataclass(frozen=True, slots=True)
class StationRow:
    """A line of ``seiswarn stations``: a usable station, or with a `reason` something refused."""

    subject: str
    site: str = ""  # code of the first station at the same place
    components: str = ""  # third letters in slot order, e.g. ZNE
    rate_hz: float = math.nan
    unit: str = ""
    gain: float = math.nan  # of the vertical, counts per SI unit
    latitude: float = math.nan
    longitude: float = math.nan
    elevation_m: float = math.nan
    vs30_mps: float = math.nan
    reason: str = ""
    detail: str = ""

    def text(self) -> str:
        """The line as it is printed."""
        if self.reason:
            return f"refused  {self.subject}: {self.reason} {self.detail}".rstrip()
        beside = f"  beside {self.site}" if self.site != self.subject else ""
        return (
            f"{self.subject:<16} {self.components:<3} {self.rate_hz:7.2f} Hz"
            f"  {self.gain:12.6g} counts per {self.unit:<5}"
            f"  {self.latitude:9.4f} {self.longitude:10.4f} {self.elevation_m:6.0f} m{beside}"
        )


def describe(table: StationTable) -> list[StationRow]:
    """Everything to say about a table: the usable stations by code, then the refusals as met."""
    names = ("m/s^2", "m/s", "m")
    slots = table.components()
    first_of_site = {int(s): i for i, s in reversed(list(enumerate(table.st_site)))}
    rows = []
    for i, code in enumerate(table.stations):
        members = [int(c) for c in slots[i] if c >= 0]
        vertical = members[0]
        rows.append(
            StationRow(
                subject=code,
                site=table.stations[first_of_site[int(table.st_site[i])]],
                components="".join(table.channels[c][-1] for c in members),
                rate_hz=float(table.ch_rate_hz[vertical]),
                unit=names[table.ch_unit[vertical]],
                gain=float(table.ch_gain[vertical]),
                latitude=float(table.st_latitude[i]),
                longitude=float(table.st_longitude[i]),
                elevation_m=float(table.st_elevation_m[i]),
                vs30_mps=float(table.st_vs30_mps[i]),
            )
        )
    return rows + [StationRow(r.subject, reason=r.reason, detail=r.detail) for r in table.refusals]
