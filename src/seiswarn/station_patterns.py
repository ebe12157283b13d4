"""How a configuration names stations, and what it may say of them. Import-light: configuration needs it."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from seiswarn.messages import Tier


class Attributes(NamedTuple):
    """A row about the stations that a pattern names; None and empty: not said."""

    station: str
    tier: Tier | None = None
    telecom: str = ""
    latency_s: float | None = None


def matches(code: str, patterns: Iterable[str]) -> bool:
    """Whether a station ``NET.STA.LOC.BI`` is meant by one of ``NET.STA`` or ``NET.STA.LOC.BI``, * and ?."""
    short = ".".join(code.split(".")[:2])
    return any(fnmatchcase(short if p.count(".") == 1 else code, p) for p in patterns)
