"""What metadata do not say of stations: their tier, the link they hang on, the latency to be expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from seiswarn.station_patterns import Attributes, matches
from seiswarn.stations import TIERS, StationTable


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
