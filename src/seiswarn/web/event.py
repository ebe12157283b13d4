"""Events of the centre's database, as QuakeML or as lines.

Only what is real goes out: events of runs with status `actual`, unless tests and exercises are shown
on purpose, and then they say so. Events that turned out to be none are left out unless asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from lxml import etree

from seiswarn.messages import EventEstimate
from seiswarn.publish.formats.quakeml import AUTHORITY, EventRecord, quakeml
from seiswarn.store.catalogue import Wanted, stored_events
from seiswarn.timebase import iso
from seiswarn.web.area import Area
from seiswarn.web.refusal import Refused

CATALOGUE = "seiswarn"
MAX_EVENTS = 20_000  # in one answer
_SQL_MAX = 2**63 - 1
_MAX_IDS = 500
_HEAD = (
    "#EventID|Time|Latitude|Longitude|Depth/km|Author|Catalog|Contributor|ContributorID|"
    "MagType|Magnitude|MagAuthor|EventLocationName"
)


def select(database: Path, values: Mapping[str, Any], shows_tests: bool) -> list[EventEstimate]:
    """The events that are asked for, in the order asked for. Raises Refused, StoreError."""
    area = Area(values)
    _insist_on_order(values)
    for name in ("catalog", "contributor"):
        if values[name] is not None and CATALOGUE not in values[name].split(","):
            return []
    ids = _ids(values["eventid"])
    wanted = Wanted(
        start_ns=_bounded(values["starttime"]),
        end_ns=_bounded(values["endtime"]),
        min_depth_km=values["mindepth"],
        max_depth_km=values["maxdepth"],
        min_magnitude=values["minmagnitude"],
        max_magnitude=values["maxmagnitude"],
        updated_after_ns=_bounded(values["updatedafter"]),
        event_ids=ids,
        actual_only=not shows_tests,
        cancelled=bool(values["includedeleted"] or ids),
    )
    kind = (values["magnitudetype"] or "").strip().lower()
    found = stored_events(database, wanted, MAX_EVENTS)
    if len(found) > MAX_EVENTS:
        raise Refused(413, f"more than {MAX_EVENTS} events; narrow starttime and endtime")
    events = [e for e in found if area.has(e.origin.latitude, e.origin.longitude) and _is_kind(e, kind)]
    if not ids:
        # Strong motion that no located earthquake explains has no place of its own.
        events = [e for e in events if e.grounds == "source"]
    events.sort(key=_ORDERS[values["orderby"]])
    first = values["offset"] - 1
    return events[first : first + (values["limit"] or len(events))]


def xml(events: Sequence[EventEstimate], values: Mapping[str, Any]) -> bytes:
    """As QuakeML 1.2."""
    kept = []
    for event in events:
        if not values["includearrivals"]:
            event = msgspec.structs.replace(event, arrivals=())
        if not values["includeallmagnitudes"]:
            event = msgspec.structs.replace(event, station_magnitudes=())
        kept.append(EventRecord(event))
    return quakeml(kept)


def text(events: Sequence[EventEstimate]) -> bytes:
    """As lines of columns between bars."""
    lines = [_HEAD]
    for e in events:
        o, m = e.origin, e.magnitude
        place = (iso(o.time_ns, 6)[:-1], f"{o.latitude:.5f}", f"{o.longitude:.5f}", f"{o.depth_km:.2f}")
        size = (m.kind, f"{m.value:.2f}", CATALOGUE) if m is not None else ("", "", "")
        note = "" if e.status == "actual" else f"{e.status.upper()}: not a real earthquake"
        lines.append("|".join((e.event_id, *place, *(CATALOGUE,) * 3, e.event_id, *size, note)))
    return ("\n".join(lines) + "\n").encode("utf-8")


def names_xml(plural: str, singular: str) -> bytes:
    """The list of catalogues or contributors: there is one."""
    root = etree.Element(plural)
    etree.SubElement(root, singular).text = CATALOGUE
    document: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return document


_ORDERS: dict[str, Any] = {
    "time": lambda e: -e.origin.time_ns,
    "time-asc": lambda e: e.origin.time_ns,
    "magnitude": lambda e: (-e.magnitude.value if e.magnitude else 99.0, -e.origin.time_ns),
    "magnitude-asc": lambda e: (e.magnitude.value if e.magnitude else -99.0, -e.origin.time_ns),
}


def _ids(given: str | None) -> tuple[str, ...]:
    if given is None:
        return ()
    ids = tuple(part.strip().removeprefix(f"{AUTHORITY}/") for part in given.split(",") if part.strip())
    if len(ids) > _MAX_IDS:
        raise Refused(413, f"more than {_MAX_IDS} eventids; split the request")
    if not ids:
        raise Refused(400, "eventid is empty")
    return ids


def _is_kind(event: EventEstimate, kind: str) -> bool:
    return not kind or (event.magnitude is not None and event.magnitude.kind.lower() == kind)


def _bounded(t_ns: int | None) -> int | None:
    return None if t_ns is None else max(-_SQL_MAX, min(_SQL_MAX, t_ns))


def _insist_on_order(values: Mapping[str, Any]) -> None:
    pairs = (
        ("starttime", "endtime"),
        ("mindepth", "maxdepth"),
        ("minmagnitude", "maxmagnitude"),
    )
    for low, high in pairs:
        if values[low] is not None and values[high] is not None and values[low] > values[high]:
            raise Refused(400, f"{low} is above {high}")
