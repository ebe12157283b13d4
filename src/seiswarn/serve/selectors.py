"""Which stations and streams a client asks for, in the words of SeedLink 3 and 4."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from seiswarn.serve.ring import Stream

NATIVE = "native"
FILTERS = {NATIVE: "as stored", "2": "converted to miniSEED 2", "3": "converted to miniSEED 3"}
_PATTERN = re.compile(r"[A-Za-z0-9_*?-]*")
_TYPES = frozenset("DECOTL")  # SeedLink 3: data, event, calibration, opaque, timing, log
_ANY = re.compile(".*")


class Selector(NamedTuple):
    """One SELECT: `stream` matches the whole of `by_seed` ? ``LLCCC`` : ``LOC_B_S_SS``; `kind` begins
    the codes of format and subformat, e.g. ``2D``.
    """

    exclude: bool
    stream: re.Pattern[str]
    kind: re.Pattern[str]
    by_seed: bool
    filter: str = NATIVE

    def matches(self, stream: Stream) -> bool:
        name = stream.seed if self.by_seed else stream.stream
        kind = stream.subformat if self.by_seed else stream.format + stream.subformat
        return self.stream.fullmatch(name) is not None and self.kind.match(kind) is not None


def pattern(text: str) -> re.Pattern[str]:
    """``*`` any characters, ``?`` one character, everything else itself.

    Raises
    ------
    ValueError
        When `text` has other characters than codes and these two.
    """
    if _PATTERN.fullmatch(text) is None:
        raise ValueError("only letters, digits, '_', '-', '*' and '?' are allowed")
    if not text:
        return _ANY
    first, *rest = re.split(r"\*+", text.replace("?", "."))
    if not rest:
        return re.compile(first)
    # What stands between two stars is taken where it first fits, for good: no text makes this slow.
    return re.compile(first + "".join(f"(?>.*?{part})" for part in rest[:-1]) + ".*" + rest[-1])


def selector_v4(text: str) -> Selector:
    """``[!]STREAM[.FORMAT][:filter]``. Raises ValueError with a sentence when it is something else."""
    exclude = text.startswith("!")
    body, colon, name = text.removeprefix("!").partition(":")
    stream, _, kind = body.partition(".")
    if not stream:
        raise ValueError("a selector names streams, e.g. *_H_H_?")
    if colon and (exclude or name not in FILTERS):
        raise ValueError(f"filters are {', '.join(FILTERS)}, and not for what is excluded")
    return Selector(exclude, pattern(stream), pattern(kind), False, name or NATIVE)


def selector_v3(text: str) -> Selector:
    """``[!][LL][CCC][.T]`` with blanks of the location as ``-``. Raises ValueError when it is something else.

    A selector with underscores is taken as one of SeedLink 4, since some clients send them.
    """
    exclude = text.startswith("!")
    body, dot, kind = text.removeprefix("!").partition(".")
    if "_" in body:
        return selector_v4(text)
    if dot and kind not in ("*", "?") and kind not in _TYPES:
        raise ValueError("the type is one of D E C O T L")
    match len(body):
        case 0 if not dot:
            raise ValueError("an empty selector")
        case _ if "*" in body:
            # Of any length: it may stand for the channel alone, too.
            name = re.compile(rf"(?:..)?(?:{pattern(body).pattern})")
        case 0:
            name = _ANY
        case 2:
            name = pattern(body + "*")
        case 3:
            name = pattern("??" + body)
        case 4:
            name = pattern(f"{body[0]}-{body[1:]}")
        case 5:
            name = pattern(body)
        case _:
            raise ValueError("a selector has the form LLCCC.T")
    return Selector(exclude, name, pattern(kind if kind not in ("*", "?") else ""), True)


@dataclass(slots=True)
class Request:
    """What a client wants of the stations that match `station`.

    `start_seq` is the first number wanted; packets that end at or before `since_ns` or begin at or
    after `until_ns` are left out.
    """

    station: str
    selectors: list[Selector] = field(default_factory=list)
    start_seq: int | None = None  # None: nothing was asked for yet
    since_ns: int | None = None
    until_ns: int | None = None

    def filter_for(self, stream: Stream) -> str | None:
        """Name of the filter the stream goes through; None when it is not wanted."""
        wanted = None if any(not s.exclude for s in self.selectors) else NATIVE
        for selector in self.selectors:
            if (selector.exclude or wanted is None) and selector.matches(stream):
                if selector.exclude:
                    return None
                wanted = selector.filter
        return wanted


class Requests:
    """All requests of a client. The first one that matches a station counts, one by name before patterns."""

    def __init__(self, requests: Sequence[Request]) -> None:
        self.all = [r for r in requests if r.start_seq is not None]
        self._named: dict[str, Request] = {}
        self._patterns: list[tuple[re.Pattern[str], Request]] = []
        for request in self.all:
            if "*" in request.station or "?" in request.station:
                self._patterns.append((pattern(request.station), request))
            else:
                self._named.setdefault(request.station, request)

    def of(self, stream: Stream) -> tuple[Request, str] | None:
        """The request that wants `stream` and the filter, or None."""
        request = self._named.get(stream.station)
        if request is None:
            request = next((r for p, r in self._patterns if p.fullmatch(stream.station)), None)
        name = request.filter_for(stream) if request is not None else None
        return (request, name) if request is not None and name is not None else None
