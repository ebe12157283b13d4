"""What a SeedLink server has, and what to ask it for: stations by patterns, where to go on.

Servers of version 3 know no wildcards, and one of version 4 gives a pattern one number for all its
stations: so patterns are matched here against what the server lists, and each station is asked for
by name from where it stopped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from seiswarn.ingest.seedlink_state import Mark
from seiswarn.timebase import parse_iso

WRAP = 1 << 24  # numbers of SeedLink 3 begin again


class Offer(NamedTuple):
    """A station as a server lists it; numbers -1 and times 0 when it does not say."""

    first_seq: int
    last_seq: int
    first_ns: int
    last_ns: int


class Wanted(NamedTuple):
    """A station to ask for: from behind `seq` on, None: what is new; `why` there."""

    station: str
    seq: int | None
    why: str


def offers(info: Mapping[str, Any]) -> dict[str, Offer]:
    """The stations in the answer to INFO STREAMS or STATIONS, of version 3 (parsed XML) or 4 (JSON)."""
    body: Any = info.get("seedlink", info)
    found: dict[str, Offer] = {}
    listed = body.get("station", ()) if isinstance(body, Mapping) else ()
    for entry in listed if isinstance(listed, Sequence) else ():
        if not isinstance(entry, Mapping):
            continue
        if "id" in entry:
            name, base = str(entry["id"]), 10
        else:
            name, base = f"{entry.get('network', '')}_{entry.get('name', '')}", 16
        streams = [s for s in entry.get("stream", ()) if isinstance(s, Mapping)]
        first = [_time(s, "start_time", "begin_time") for s in streams]
        last = [_time(s, "end_time") for s in streams]
        found[name] = Offer(
            _number(entry, base, "start_seq", "begin_seq"),
            _number(entry, base, "end_seq"),
            min((t for t in first if t), default=0),
            max(last, default=0),
        )
    return found


def _number(entry: Mapping[str, Any], base: int, *names: str) -> int:
    for name in names:
        value = entry.get(name)
        if isinstance(value, int):
            return value
        try:
            return int(str(value), base)
        except ValueError:
            continue
    return -1


def _time(entry: Mapping[str, Any], *names: str) -> int:
    for name in names:
        text = str(entry.get(name, "")).strip()
        # Version 3 writes 2019/07/06 03:20:00.0000, version 4 ISO 8601.
        match = re.match(r"(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d):(\d\d)(\.\d{1,9})?", text)
        if match:
            y, m, d, hh, mm, ss, fraction = match.groups()
            try:
                return parse_iso(f"{y}-{m}-{d}T{hh}:{mm}:{ss}{fraction or ''}Z")
            except ValueError:
                continue
    return 0


def matching(names: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """The stations that any pattern (``NET_STA``, with * and ?) names, sorted."""
    return sorted(n for n in names if any(fnmatchcase(n, p) for p in patterns))


def where_to_go_on(
    station: str, offer: Offer, mark: Mark | None, now_ns: int, backfill_ns: int, three: bool
) -> Wanted:
    """From which number on to ask for a station.

    Parameters
    ----------
    offer
        what the server has of it.
    mark
        how far it was received, None: never.
    backfill_ns
        what is older than this at `now_ns` is not asked for: new data must not wait behind it.
    three
        whether numbers are those of SeedLink 3, which begin again after 2 ** 24.

    Notes
    -----
    A server whose ring began anew counts from 1 again: a number it has not reached yet, or one below
    which all its data are newer than what was received, says so; then all it has is new.
    """
    if mark is None:
        return Wanted(station, None, "not received before")
    if now_ns - mark.last_ns > backfill_ns:
        return Wanted(station, None, "what was received last is too old to go on from")
    first, last = offer.first_seq, offer.last_seq
    if first < 0 or last < 0:
        return Wanted(station, mark.seq, "goes on")
    ahead = mark.seq > last
    wrapped = three and first > last  # its numbers have begun again within the ring
    if wrapped:
        ahead = last < mark.seq < first - 1
    # Records of a station may overlap by a little; a ring of newer data alone begins clearly later.
    anew = bool(offer.first_ns) and offer.first_ns > mark.last_ns and first <= mark.seq
    if ahead or anew:
        return Wanted(station, max(first - 1, 0), "the server's ring began anew")
    if mark.seq < first - 1 and not wrapped:
        return Wanted(station, first - 1, "the server does not hold all that is missing")
    return Wanted(station, mark.seq, "goes on")
