"""Points as InfluxDB line protocol, by hand: a fifth of the cost of the client's own.

    measurement,tag=value,... field=value,... time

Tags and fields stand in alphabetical order. Escapes are those of the line protocol (InfluxData,
"Line protocol", v2): commas, equals signs and spaces in keys and tag values, commas and spaces in
measurements, quotes and backslashes in string fields. What is not a finite number is left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from seiswarn.store.series_points import FieldValue, Point, SecondColumns, network_of
from seiswarn.store.series_schema import MOTION_FIELDS, STATION_SECOND

_CONTROL = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_MEASUREMENT = str.maketrans({",": "\\,", " ": "\\ ", **_CONTROL})
_KEY = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ ", **_CONTROL})
# A line feed within a string is allowed by the protocol, but batches are cut at line feeds here.
_STRING = str.maketrans({'"': '\\"', "\\": "\\\\", "\n": " ", "\r": " "})
# Six digits: more than any instrument resolves, and half the text of a full double.
_NUMBER = "%.6g"
_SORTED = sorted(range(len(MOTION_FIELDS)), key=lambda k: MOTION_FIELDS[k])
_ROW = "%s " + ",".join(f"{MOTION_FIELDS[k]}={_NUMBER}" for k in _SORTED) + "%s %d"


def tag_set(tags: Mapping[str, str]) -> str:
    """``,key=value`` of all tags that have a value, sorted."""
    # A backslash at the end would escape the separator behind it.
    return "".join(
        f",{key.translate(_KEY)}={_value(str(tags[key]))}" for key in sorted(tags) if str(tags[key])
    )


def _value(text: str) -> str:
    told = text.translate(_KEY)
    return told + " " if told.endswith("\\") else told


def field_set(fields: Mapping[str, FieldValue]) -> str:
    """``key=value,...``, sorted; empty when nothing can be written."""
    told = ((key, _field(fields[key])) for key in sorted(fields))
    return ",".join(f"{key.translate(_KEY)}={value}" for key, value in told if value)


def _field(value: FieldValue) -> str:
    if isinstance(value, str):
        return f'"{value.translate(_STRING)}"'
    if isinstance(value, int):
        return f"{value}i"
    if not math.isfinite(value):
        return ""
    text = repr(float(value))
    return text[:-2] if text.endswith(".0") else text


class Lines:
    """Writes lines whose points all have the same common tags.

    Parameters
    ----------
    common
        tags of every point, such as run and status.
    """

    def __init__(self, common: Mapping[str, str]) -> None:
        self._common = dict(common)
        self._heads: dict[str, str] = {}  # per station
        self._tails: dict[tuple[float, str], str] = {}  # per health; there are few different ones

    def points(self, points: Iterable[Point]) -> list[str]:
        """One line per point that has a field."""
        lines = []
        for point in points:
            fields = field_set(point.fields)
            if fields:
                tags = tag_set({**self._common, **point.tags})
                lines.append(f"{point.measurement.translate(_MEASUREMENT)}{tags} {fields} {point.t_ns}")
        return lines

    def seconds(self, rows: SecondColumns) -> list[str]:
        """One line per station and second; values are rounded to six digits."""
        heads = self._heads
        for station in set(rows.stations).difference(heads):
            tags = {**self._common, "network": network_of(station), "station": station}
            heads[station] = STATION_SECOND + tag_set(tags)
        columns = [rows.motion[k] for k in _SORTED]
        tails = map(self._tail, rows.trust, rows.state)
        lines = [
            _ROW % row
            for row in zip(map(heads.__getitem__, rows.stations), *columns, tails, rows.t_ns, strict=True)
        ]
        # A sum is finite only where all values are: the rare row that is not is written slowly.
        for k, values in enumerate(zip(*columns, strict=True)):
            if not math.isfinite(sum(values)):
                lines[k] = self._slowly(rows, k)
        return [line for line in lines if line]

    def _tail(self, trust: float, state: str) -> str:
        if trust != trust:
            return f",{field_set({'state': state})}" if state else ""
        found = self._tails.get((trust, state))
        if found is None:
            # "state" and "trust" come after all other fields in the alphabet too.
            told: dict[str, FieldValue] = {"trust": float(_NUMBER % trust)}
            if state:
                told["state"] = state
            found = f",{field_set(told)}"
            if len(self._tails) > 10_000:
                self._tails.clear()
            self._tails[trust, state] = found
        return found

    def _slowly(self, rows: SecondColumns, k: int) -> str:
        fields: dict[str, FieldValue] = {
            name: float(_NUMBER % column[k]) for name, column in zip(MOTION_FIELDS, rows.motion, strict=True)
        }
        fields["trust"] = float(_NUMBER % rows.trust[k])
        if rows.state[k]:
            fields["state"] = rows.state[k]
        told = field_set(fields)
        return f"{self._heads[rows.stations[k]]} {told} {rows.t_ns[k]}" if told else ""
