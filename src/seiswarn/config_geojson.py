"""Targets from GeoJSON (RFC 7946): points, lines cut into sections, areas.

| geometry | targets |
|---|---|
| Point | one, there |
| LineString, MultiLineString | one in the middle of each section, named like ``Chengkun K0-5`` |
| Polygon, MultiPolygon | one at the centroid |

Properties read: the fields of `Target` but the coordinates, and of a line `section_km` (longest
section) and `from_km` (where its kilometres begin). Other properties are passed over, unless one looks
like a mistyped known one.
"""

from __future__ import annotations

import difflib
import json
import re
from typing import Any

from seiswarn.config_check import Findings
from seiswarn.config_lines import Path
from seiswarn.config_target_list import COLUMNS, TargetList, checked_target, is_number
from seiswarn.sections import Position, Section, centroid, sections

PROPERTIES = tuple(c for c in COLUMNS if c not in ("latitude", "longitude", "to_km"))
LINE_PROPERTIES = (*PROPERTIES, "section_km")
POINTS, LINES, AREAS = ("Point",), ("LineString", "MultiLineString"), ("Polygon", "MultiPolygon")
SECTION = "section"  # kind of the sections of a line that gives none
MIN_SECTION_KM = 0.1


def read_features(text: str, found: TargetList, section_km: float) -> None:
    """Add the targets of a feature collection, or one feature, to `found`, with all its problems."""
    findings = found.findings
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as error:
        findings.lines.lines[("features",)] = error.lineno
        findings.add(("features",), f"is no JSON: {error.msg}, column {error.colno}")
        return
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, thousands of brackets
        findings.add(("features",), f"is no JSON to work with: {error}")
        return
    kind = raw.get("type") if isinstance(raw, dict) else None
    features = [raw] if kind == "Feature" else raw.get("features") if kind == "FeatureCollection" else None
    if not isinstance(features, list):
        findings.add(
            ("features",), "is no GeoJSON FeatureCollection", 'wrap it: {"type": "FeatureCollection", ...}'
        )
        return
    if not features:
        findings.add(("features",), "the collection is empty")
    lines = _lines(text, len(features)) if kind == "FeatureCollection" else [1]
    for k, (feature, line) in enumerate(zip(features, lines, strict=True)):
        path: Path = ("features", k)
        findings.lines.lines[path] = findings.lines.lines[("targets",)] = line
        for target_values in _values(feature, path, findings, section_km):
            target = checked_target(target_values, path, findings)
            if target is None:
                break  # the other sections of a line have the same mistake
            found.add(target, line)


def _lines(text: str, count: int) -> list[int]:
    """The line in which each feature begins, 0 where that cannot be told."""
    begin = re.search(r'"features"\s*:\s*\[', text)
    decoder, lines, line, last = json.JSONDecoder(), list[int](), 1, 0
    at = begin.end() if begin else len(text)
    while len(lines) < count:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        try:
            _, end = decoder.raw_decode(text, at)
        except json.JSONDecodeError:
            return [0] * count  # another key called "features" stands before the right one
        line, last = line + text.count("\n", last, at), at
        lines.append(line)
        at = end
    return lines


def _values(feature: object, path: Path, findings: Findings, section_km: float) -> list[dict[str, Any]]:
    """The fields of each target of a feature; none after noting why not."""
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        findings.add(path, 'is no feature: its "type" must be "Feature"')
        return []
    geometry, properties = feature.get("geometry"), feature.get("properties")
    shape = geometry.get("type") if isinstance(geometry, dict) else None
    if not isinstance(geometry, dict) or shape not in (*POINTS, *LINES, *AREAS):
        text = f"a geometry of type {shape} gives no target" if shape else "has no geometry"
        findings.add(path, text, "one of: " + ", ".join((*POINTS, *LINES, *AREAS)))
        return []
    known = LINE_PROPERTIES if shape in LINES else PROPERTIES
    values = _properties(properties if isinstance(properties, dict) else {}, known, path, findings)
    if "name" not in values:
        findings.add(path, "the property name is missing", "give each feature a name in its properties")
        return []
    raw: Any = geometry.get("coordinates")
    try:
        if shape in LINES:
            parts = [_positions(part, 2) for part in (raw if shape == "MultiLineString" else [raw])]
            return _line_values(values, parts, path, findings, section_km)
        if shape in AREAS:
            areas = raw if shape == "MultiPolygon" else [raw]
            place = centroid([_positions(area[0], 4) for area in areas])
        else:
            (place,) = _positions([raw], 1)
    except (TypeError, ValueError, KeyError, IndexError, OverflowError):
        hint = "positions are [longitude, latitude]"
        findings.add((*path, "coordinates"), f"are not those of a {shape}", hint)
        return []
    return [values | {"latitude": place[0], "longitude": place[1]}]


def _properties(
    raw: dict[str, Any], known: tuple[str, ...], path: Path, findings: Findings
) -> dict[str, Any]:
    """Those with a meaning here; what looks like a slip of the pen is noted."""
    for name in raw:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
        if name not in known and near and near[0] not in raw:
            findings.add((*path, name), "no such property", f"did you mean {near[0]}?")
    return {k: v for k, v in raw.items() if k in known and v is not None}


def _positions(raw: Any, least: int) -> list[Position]:
    """Positions (latitude, longitude) out of GeoJSON's [longitude, latitude]; ValueError unless sound."""
    positions = [(float(p[1]), float(p[0])) for p in raw]
    if len(positions) < least or not all(abs(v) < float("inf") for p in positions for v in p):
        raise ValueError("too few positions, or not finite ones")
    return positions


def _line_values(
    values: dict[str, Any], parts: list[list[Position]], path: Path, findings: Findings, section_km: float
) -> list[dict[str, Any]]:
    own = values.pop("section_km", section_km)
    if not is_number(own) or not own >= MIN_SECTION_KM:
        text = f"{own!r} is no length of sections"
        findings.add((*path, "section_km"), text, f"allowed: >= {MIN_SECTION_KM:g}; default: {section_km:g}")
        return []
    begin = values.pop("from_km", 0.0)
    if not is_number(begin):
        findings.add((*path, "from_km"), f"{begin!r} is no number of kilometres")
        return []
    if any(abs(lat) > 90.0 or abs(lon) > 360.0 for part in parts for lat, lon in part):
        return [values | {"latitude": part[0][0], "longitude": part[0][1]} for part in parts[:1]]
    line = values.get("line", values["name"])
    return [_section_values(values, str(line), s) for s in sections(parts, own, begin)]


def _section_values(values: dict[str, Any], line: str, section: Section) -> dict[str, Any]:
    kilometres = f"K{round(section.from_km, 1):g}-{round(section.to_km, 1):g}"
    named = {
        k: f"{values[k]} {kilometres}"
        for k in ("name", "name_zh")
        if isinstance(values.get(k), str) and values[k]
    }
    place = {"latitude": section.middle[0], "longitude": section.middle[1]}
    reach = {"from_km": section.from_km, "to_km": section.to_km}
    return {"kind": SECTION} | values | named | place | reach | {"line": line}
