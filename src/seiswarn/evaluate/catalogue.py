"""The catalogue beside a recorded set: the earthquakes of an event.xml in QuakeML."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from seiswarn.errors import UsageError
from seiswarn.timebase import parse_iso

EVENT_FILE = "event.xml"


class Quake(msgspec.Struct, frozen=True, kw_only=True):
    """One earthquake as a catalogue has it; None where the catalogue is silent."""

    quake_id: str
    time_ns: int
    latitude: float
    longitude: float
    depth_km: float | None = None
    magnitude: float | None = None
    magnitude_kind: str = ""


def read_catalogue(path: Path) -> tuple[Quake, ...]:
    """The earthquakes of a QuakeML file, largest first: preferred origins and magnitudes, else the first.

    Events without an origin are left out. Raises UsageError when the file is no sound QuakeML.
    """
    from lxml import etree

    try:
        root = etree.parse(str(path)).getroot()
        found = [_quake(event) for event in root.iter("{*}event")]
    except (etree.XMLSyntaxError, ValueError, TypeError) as error:
        raise UsageError(f"{path.name}: no sound QuakeML: {error}") from error
    quakes = [quake for quake in found if quake is not None]
    # Without a magnitude last, whatever their number.
    return tuple(
        sorted(quakes, key=lambda q: (-(q.magnitude if q.magnitude is not None else -9.0), q.time_ns))
    )


def _quake(event: Any) -> Quake | None:
    origin = _preferred(event, "origin", "preferredOriginID")
    if origin is None:
        return None
    magnitude = _preferred(event, "magnitude", "preferredMagnitudeID")
    depth_m = _value(origin, "depth")
    size = None if magnitude is None else _value(magnitude, "mag")
    return Quake(
        quake_id=event.get("publicID", "").rsplit("/", 1)[-1],
        time_ns=_time_ns(origin.findtext("{*}time/{*}value") or ""),
        latitude=float(origin.findtext("{*}latitude/{*}value")),
        longitude=float(origin.findtext("{*}longitude/{*}value")),
        depth_km=None if depth_m is None else depth_m / 1000.0,
        magnitude=size,
        magnitude_kind="" if magnitude is None else (magnitude.findtext("{*}type") or ""),
    )


def _preferred(event: Any, kind: str, field: str) -> Any:
    """The element of `kind` that the event prefers, else its first, else None."""
    wanted = (event.findtext(f"{{*}}{field}") or "").strip()
    found: Iterator[Any] = event.iterfind(f"{{*}}{kind}")
    all_of_it = list(found)
    named = [element for element in all_of_it if element.get("publicID") == wanted]
    return (named or all_of_it or [None])[0]


def _value(element: Any, name: str) -> float | None:
    text = element.findtext(f"{{*}}{name}/{{*}}value")
    return None if text is None or not text.strip() else float(text)


def _time_ns(text: str) -> int:
    """QuakeML times are UTC, with or without saying so."""
    plain = text.strip()
    return parse_iso(plain if plain.endswith(("Z", "+00:00")) else f"{plain}Z")
