"""One entry of a time line, and how several make one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import msgspec

from seiswarn.timebase import NS

Lane = Literal["pick", "source", "forecast", "alert", "hold", "data"]
MOST_PICKS = 6  # one after another that are shown one by one
NAMED = 6  # stations in a folded entry


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened at `t_ns` (seen), `n` times until `until_ns`."""

    t_ns: int
    lane: Lane
    who: str  # a station, "source", "shaking", or an audience
    what: str
    text: str
    why: str = ""
    n: int = 1
    until_ns: int = 0
    level: str = ""
    colour: str = ""


class Origin0(msgspec.Struct, frozen=True):
    """Where the seconds of a time line count from."""

    t_ns: int

    def since(self, t_ns: int) -> str:
        """``T+6.5``"""
        return f"T{(t_ns - self.t_ns) / NS:+.1f}"


def fold(items: Iterable[Item], alike: Callable[[Item, Item], bool]) -> list[Item]:
    """Runs of alike entries as one, which says what the last of them says."""
    out: list[Item] = []
    for item in items:
        if out and alike(out[-1], item):
            first = out[-1]
            out[-1] = msgspec.structs.replace(
                item, t_ns=first.t_ns, n=first.n + item.n, until_ns=item.until_ns or item.t_ns
            )
        else:
            out.append(item)
    return out


def merge(parts: Iterable[Sequence[Item]]) -> list[Item]:
    """Time lines as one; at one time in the order given."""
    return sorted((item for part in parts for item in part), key=lambda item: item.t_ns)


def fold_picks(items: Sequence[Item]) -> list[Item]:
    """Long runs of picks with nothing between them as one entry."""
    out: list[Item] = []
    run: list[Item] = []
    for item in [*items, None]:
        if item is not None and item.lane == "pick":
            run.append(item)
            continue
        out += run if len(run) <= MOST_PICKS else [_picks(run)]
        run = []
        if item is not None:
            out.append(item)
    return out


def short(station: str) -> str:
    """Network and station of a code like ``XG.G001..HN``."""
    return ".".join(station.split(".")[:2])


def _picks(run: Sequence[Item]) -> Item:
    names = ", ".join(dict.fromkeys(short(item.who) for item in run[:NAMED]))
    more = f" and {len(run) - NAMED} more" if len(run) > NAMED else ""
    n_s = sum(item.what.startswith("S") for item in run)
    kinds = f"{len(run) - n_s} P" + (f" and {n_s} S" if n_s else "")
    return Item(
        t_ns=run[0].t_ns, lane="pick", who="stations", what="picks", text=f"{kinds}: {names}{more}",
        n=len(run), until_ns=run[-1].t_ns,
    )  # fmt: skip
