"""Answers to INFO: XML in miniSEED log records (SeedLink 3), JSON (SeedLink 4)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import quoteattr

import pymseed

from seiswarn.ingest.pack import V3_BYTES
from seiswarn.serve.ring import Stream
from seiswarn.serve.selectors import FILTERS
from seiswarn.timebase import iso

_NO_SEQ = 2**64 - 1  # of packets that are no data; what libslink takes for "not set"
LEVELS_V3 = ("ID", "CAPABILITIES", "STATIONS", "STREAMS", "CONNECTIONS", "ALL")
LEVELS_V4 = ("ID", "FORMATS", "STATIONS", "STREAMS", "CONNECTIONS", "CAPABILITIES")
_LEGACY = ("dialup", "multistation", "window-extraction", *(f"info:{level.lower()}" for level in LEVELS_V3))
_SUBFORMATS = {"D": "data", "E": "event", "C": "calibration", "T": "timing", "L": "log", "O": "opaque"}
_FORMATS: dict[str, dict[str, Any]] = {
    "2": {"mimetype": "application/vnd.fdsn.mseed", "subformat": _SUBFORMATS},
    "3": {"mimetype": "application/vnd.fdsn.mseed3", "subformat": {"D": "data"}},
    "J": {"mimetype": "application/json", "subformat": {"I": "SeedLink info", "E": "SeedLink error"}},
}


@dataclass(frozen=True, slots=True)
class About:
    """What the server says of itself: `software` is the first line of HELLO, `organization` the second."""

    software: str
    organization: str
    started_ns: int
    capabilities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Connection:
    """What INFO CONNECTIONS says of a client."""

    host: str
    port: int
    since_ns: int
    version: int
    agent: str
    sent: int  # packets
    next_seq: int | None  # None before data were asked for


def info_v3(
    level: str, about: About, streams: Iterable[Stream], connections: Iterable[Connection], now_ns: int
) -> bytes:
    """The packets that answer INFO `level`, the last one marked as such; an error for an unknown level."""
    known = level in LEVELS_V3
    body = ""
    if level in ("CAPABILITIES", "ALL"):
        body += "".join(f"<capability name={quoteattr(c)}/>" for c in (*_LEGACY, *about.capabilities))
    if level in ("STATIONS", "STREAMS", "ALL"):
        for station, held in _by_station(streams).items():
            body += _station_xml(station, held, level != "STATIONS")
    if level in ("CONNECTIONS", "ALL"):
        body += "".join(_connection_xml(c) for c in connections)
    text = (
        f'<?xml version="1.0"?><seedlink software={quoteattr(about.software)} '
        f"organization={quoteattr(about.organization)} started={quoteattr(_legacy_time(about.started_ns))}"
    )
    text += f">{body}</seedlink>" if body else "/>"
    if not known:
        text = f"unknown INFO level; there are {', '.join(LEVELS_V3)}"
    records = _log_records(text.encode("ascii", "xmlcharrefreplace"), known, now_ns)
    last = len(records) - 1
    return b"".join((b"SLINFO *" if k < last else b"SLINFO  ") + r for k, r in enumerate(records))


def _log_records(text: bytes, good: bool, now_ns: int) -> list[bytes]:
    record = pymseed.MS3Record()
    record.sourceid = "FDSN:SL_INFO__I_N_F" if good else "FDSN:SL_INFO__E_R_R"
    record.reclen, record.formatversion, record.encoding = V3_BYTES, 2, 0
    record.samprate, record.starttime = 0.0, now_ns
    return list(record.generate(text, "t"))


def _by_station(streams: Iterable[Stream]) -> dict[str, list[Stream]]:
    stations: dict[str, list[Stream]] = {}
    for stream in streams:
        stations.setdefault(stream.station, []).append(stream)
    return dict(sorted(stations.items()))


def _span(streams: Sequence[Stream]) -> tuple[int, int]:
    """First and last number held of a station; 0 and 0 when nothing is."""
    held = [s for s in streams if s.entries]
    if not held:
        return 0, 0
    return min(s.entries[0].seq for s in held), max(s.entries[-1].seq for s in held)


def _legacy_time(t_ns: int) -> str:
    """As SeedLink 3 writes times: 2024/01/31 12:00:00.0000."""
    return iso(t_ns, 4).replace("-", "/").replace("T", " ").rstrip("Z")


def _station_xml(station: str, streams: Sequence[Stream], with_streams: bool) -> str:
    network, _, code = station.partition("_")
    first, last = _span(streams)
    text = (
        f"<station name={quoteattr(code)} network={quoteattr(network)} description={quoteattr(station)} "
        f'begin_seq="{first & 0xFFFFFF:06X}" end_seq="{last & 0xFFFFFF:06X}" stream_check="enabled"'
    )
    inside = "".join(_stream_xml(s) for s in streams if s.entries) if with_streams else ""
    return text + (f">{inside}</station>" if inside else "/>")


def _stream_xml(stream: Stream) -> str:
    begin, end = stream.entries[0].start_ns, stream.entries[-1].end_ns
    return (
        f"<stream location={quoteattr(stream.seed[:2].strip('-'))} seedname={quoteattr(stream.seed[2:])} "
        f'type={quoteattr(stream.subformat)} begin_time="{_legacy_time(begin)}" '
        f'end_time="{_legacy_time(end)}" '
        'begin_recno="0" end_recno="0" gap_check="disabled" gap_treshold="0"/>'
    )


def _connection_xml(c: Connection) -> str:
    first = f"{(c.next_seq or 0) & 0xFFFFFF:06X}"
    return (
        f'<connection host={quoteattr(c.host)} port="{c.port}" ctime="{_legacy_time(c.since_ns)}" '
        f'begin_seq="{first}" current_seq="{first}" sequence_gaps="0" txcount="{c.sent}" '
        f'totBytes="0" begin_seq_valid="yes" realtime="yes" end_of_data="no"/>'
    )


def info_v4(
    words: Sequence[str],
    about: About,
    connections: Iterable[Connection],
    wanted: Iterable[Stream],
) -> bytes:
    """The packet that answers INFO with `words` (the item first); `wanted` are the streams it names."""
    item = words[0].upper() if words else ""
    told: dict[str, Any] = {"software": about.software, "organization": about.organization}
    if item == "FORMATS":
        told |= {"format": _FORMATS, "filter": FILTERS}
    elif item == "CAPABILITIES":
        told["capability"] = list(about.capabilities)
    elif item in ("STATIONS", "STREAMS"):
        held = _by_station(wanted)
        told["station"] = [_station_json(s, streams, item == "STREAMS") for s, streams in held.items()]
    elif item == "CONNECTIONS":
        told["connection"] = [_connection_json(c) for c in connections]
    elif item != "ID":
        return error_v4("ARGUMENTS", f"INFO items are {', '.join(LEVELS_V4)}", about)
    return _packet(b"JI", told)


def error_v4(code: str, message: str, about: About) -> bytes:
    """A packet of SeedLink 4 that says what is wrong."""
    told = {"software": about.software, "organization": about.organization}
    return _packet(b"JE", told | {"error": {"code": code, "message": message}})


def _packet(kind: bytes, told: dict[str, Any]) -> bytes:
    body = json.dumps(told).encode()
    return b"SE" + kind + len(body).to_bytes(4, "little") + _NO_SEQ.to_bytes(8, "little") + b"\x00" + body


def _station_json(station: str, streams: Sequence[Stream], with_streams: bool) -> dict[str, Any]:
    first, last = _span(streams)
    told: dict[str, Any] = {
        "id": station,
        "description": station,
        "begin_seq": first,
        "end_seq": last + 1 if last else 0,
        "backfill": -1,
    }
    if with_streams:
        told["stream"] = [
            {
                "id": s.stream,
                "format": s.format,
                "subformat": s.subformat,
                "origin": "native",
                "begin_time": iso(s.entries[0].start_ns, 6),
                "end_time": iso(s.entries[-1].end_ns, 6),
            }
            for s in streams
            if s.entries
        ]
    return told


def _connection_json(c: Connection) -> dict[str, Any]:
    return {
        "host": c.host,
        "port": c.port,
        "protocol": f"SeedLink {c.version}",
        "useragent": c.agent,
        "connect_time": iso(c.since_ns, 6),
        "packets": c.sent,
        "next_seq": c.next_seq,
    }
