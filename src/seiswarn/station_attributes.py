"""What metadata do not say of stations: their tier, the link they hang on, the latency to be expected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import NamedTuple

import numpy as np

from seiswarn.messages import Tier
from seiswarn.stations import TIERS, StationTable


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


def with_attributes(table: StationTable, rows: Sequence[Attributes]) -> tuple[StationTable, list[str]]:
    """The table with attributes, and the patterns that no station of it has.

    Where several rows name a station, the last that says something of a column counts.
    """
    tier, telecom, latency = table.st_tier.copy(), table.st_telecom.copy(), table.st_latency_s.copy()
    groups = {name: k for k, name in enumerate(sorted({r.telecom for r in rows if r.telecom}))}
    unused = []
    for row in rows:
        named = [k for k, code in enumerate(table.stations) if matches(code, (row.station,))]
        if not named:
            unused.append(row.station)
        if row.tier is not None:
            tier[named] = TIERS.index(row.tier)
        if row.telecom:
            telecom[named] = groups[row.telecom]
        if row.latency_s is not None:
            latency[named] = row.latency_s
    made = replace(
        table,
        st_tier=tier,
        st_telecom=telecom.astype(np.int32),
        st_latency_s=latency,
        telecom_groups=tuple(groups),
        channel_index={},
        station_index={},
    )
    return made, unused
