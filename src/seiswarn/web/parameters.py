"""Parameters of FDSN services: what they are called, what they may be, how they are read.

Reference: FDSN Web Service Specifications 1.2 (2019); names and abbreviations as there.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from seiswarn.timebase import NS
from seiswarn.web.refusal import Refused

Kind = Literal["text", "time", "float", "int", "bool", "choice"]

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9})\d*)?)?Z?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CODES = re.compile(r"[A-Za-z0-9_*?-]{1,16}")
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")
MAX_VALUE = 4000  # characters of one value
MAX_LINES = 5000  # of a POST


class Parameter(NamedTuple):
    """One parameter; `low` and `high` bound numbers, both included."""

    name: str
    kind: Kind
    doc: str
    short: str = ""
    default: Any = None
    choices: tuple[str, ...] = ()
    low: float = -math.inf
    high: float = math.inf


class Line(NamedTuple):
    """What a request selects: patterns of codes, and a time window."""

    networks: tuple[str, ...]
    stations: tuple[str, ...]
    locations: tuple[str, ...]
    channels: tuple[str, ...]
    start_ns: int | None
    end_ns: int | None


Values = dict[str, Any]


def read_values(known: Sequence[Parameter], pairs: Iterable[tuple[str, str]]) -> Values:
    """Values by full name, defaults included.

    Raises
    ------
    Refused
        400, with what is wrong: an unknown name (and what may be meant), a value of another kind or
        out of range, a name given twice.
    """
    names = {p.name: p for p in known} | {p.short: p for p in known if p.short}
    given: Values = {}
    for name, text in pairs:
        parameter = names.get(name.strip().lower())
        if parameter is None:
            close = difflib.get_close_matches(name.lower(), list(names), 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise Refused(400, f"unknown parameter {name[:60]!r}{hint}")
        if parameter.name in given:
            raise Refused(400, f"{parameter.name} is given twice")
        if len(text) > MAX_VALUE:
            raise Refused(413, f"{parameter.name}: a value of {len(text)} characters; split the request")
        given[parameter.name] = _read(parameter, text)
    return {p.name: p.default for p in known} | {k: v for k, v in given.items() if v is not None}


def _read(parameter: Parameter, text: str) -> Any:
    """A value. Raises Refused."""
    name, kind = parameter.name, parameter.kind
    if kind == "text":
        return text
    text = text.strip()
    if not text:
        return None
    if kind == "time":
        return read_time(name, text)
    if kind == "choice":
        if text.lower() not in parameter.choices:
            raise Refused(400, f"{name} is one of {', '.join(parameter.choices)}, not {text[:60]!r}")
        return text.lower()
    if kind == "bool":
        if text.lower() not in _TRUE + _FALSE:
            raise Refused(400, f"{name} is true or false, not {text[:60]!r}")
        return text.lower() in _TRUE
    try:
        value = int(text[:40]) if kind == "int" else float(text[:40])
    except ValueError:
        raise Refused(400, f"{name} is a number, not {text[:60]!r}") from None
    if not parameter.low <= value <= parameter.high:
        raise Refused(400, f"{name} is between {parameter.low:g} and {parameter.high:g}, not {text[:60]}")
    return value


def read_time(name: str, text: str) -> int:
    """A time in ns UTC. Raises Refused."""
    match = _TIME.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError
        clock = match[2] or "00:00:00"
        clock += ":00" if len(clock) == 5 else ""
        whole = datetime.fromisoformat(f"{match[1]}T{clock}").replace(tzinfo=UTC) - _EPOCH
    except ValueError:
        raise Refused(400, f"{name} is a time like 2024-02-29T12:30:00.5, not {text[:60]!r}") from None
    return (whole.days * 86400 + whole.seconds) * NS + int((match[3] or "0").ljust(9, "0"))


def read_codes(name: str, text: str | None) -> tuple[str, ...]:
    """Patterns of a list of codes, ``*`` for none; ``--`` is the empty location. Raises Refused."""
    if text is None or not text.strip(","):
        return ("*",)
    codes = []
    for part in text.split(","):
        code = part.strip()
        if name == "location" and code in ("", "--"):
            codes.append("")
        elif not _CODES.fullmatch(code):
            raise Refused(400, f"{name} is codes with * and ? separated by commas, not {part[:60]!r}")
        else:
            codes.append(code)
    return tuple(codes)


def line_of(values: Mapping[str, Any]) -> Line:
    """The selection that the parameters of a GET make. Raises Refused."""
    names = ("network", "station", "location", "channel")
    network, station, location, channel = (read_codes(name, values[name]) for name in names)
    line = Line(network, station, location, channel, values["starttime"], values["endtime"])
    return _insist_on_order(line)


def read_post(body: bytes) -> tuple[list[tuple[str, str]], list[Line]]:
    """The ``name=value`` lines of a POST, and its selections. Raises Refused."""
    try:
        lines = body.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise Refused(400, "the body is not text in UTF-8") from None
    pairs: list[tuple[str, str]] = []
    selections: list[Line] = []
    for text in lines:
        if not text.strip():
            continue
        if "=" in text:
            name, _, value = text.partition("=")
            pairs.append((name.strip(), value.strip()))
            continue
        if len(selections) == MAX_LINES:
            raise Refused(413, f"more than {MAX_LINES} lines; split the request")
        selections.append(_selection(text))
    if not selections:
        raise Refused(400, "the body has no line NET STA LOC CHA START END")
    return pairs, selections


def _selection(text: str) -> Line:
    words = text.split()
    if len(words) not in (4, 6):
        raise Refused(400, f"a line is NET STA LOC CHA START END, not {text[:80]!r}")
    names = ("network", "station", "location", "channel")
    network, station, location, channel = map(read_codes, names, words[:4])
    times = [None if word == "*" else read_time("a time", word) for word in words[4:]] or [None, None]
    return _insist_on_order(Line(network, station, location, channel, times[0], times[1]))


def _insist_on_order(line: Line) -> Line:
    if line.start_ns is not None and line.end_ns is not None and line.start_ns > line.end_ns:
        raise Refused(400, "starttime is after endtime")
    return line


def pattern_of(codes: Sequence[str]) -> re.Pattern[str]:
    """What matches any of the codes with ``*`` and ``?``."""
    parts = [re.escape(code).replace(r"\*", ".*").replace(r"\?", ".") for code in codes]
    return re.compile("|".join(f"(?:{part})" for part in parts) or "(?!)")
