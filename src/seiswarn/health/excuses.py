"""Earthquakes excuse what they do to stations: for a while nothing new is held against those they reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seiswarn import geo
from seiswarn.health.faults import links
from seiswarn.health.state import B1, NEVER
from seiswarn.messages import EventEstimate
from seiswarn.stations import StationTable
from seiswarn.timebase import NS, from_seconds

# As far as an event is felt or its waves raise the noise: once and a half as far as it was picked and 100 km
# more, and by magnitude 160 km for M 6, 500 km for M 7; until two minutes after it was last heard of.
# Choices: too wide costs no more than that faults are seen two minutes later.
LEAST_SITES = 3
EVERY_NS = 5 * NS
BEFORE_NS, AFTER_S = 5 * NS, 120.0
UNKNOWN_MAGNITUDE = 5.0  # of strong motion that no located event explains


class Excuses:
    """By station (2, n_st): `times`, from when until when the last earthquake excuses it; by event:
    `told_ns`, when it last did.
    """

    def __init__(self, table: StationTable) -> None:
        self._table = table
        self._link = links(table)
        self.times = np.full((2, table.n_stations), NEVER, dtype=np.int64)
        self.told_ns: dict[str, int] = {}

    def at(self, now_ns: int) -> B1:
        """(n_st,) stations that an earthquake excuses."""
        since, until = self.times
        found: B1 = (since <= now_ns) & (now_ns <= until)
        return found

    def covers(self, station: int, t_ns: int) -> bool:
        """Whether what was at a station at that time may be of the last earthquake there."""
        return bool(self.times[0, station] <= t_ns <= self.times[1, station])

    def take(self, e: EventEstimate, now_ns: int) -> None:
        """Learn from an event whom it excuses."""
        if e.state in ("ended", "cancelled"):
            self.told_ns.pop(e.event_id, None)
            return
        believed = [a for a in e.arrivals if a.weight > 0.0]
        if e.grounds == "source":
            coherent = self._is_coherent([a.station for a in believed])
        else:
            coherent = e.origin.n_stations >= LEAST_SITES
        if not coherent or now_ns - self.told_ns.get(e.event_id, NEVER) < EVERY_NS:
            return
        self.told_ns[e.event_id] = now_ns
        magnitude = e.magnitude.value if e.magnitude is not None else UNKNOWN_MAGNITUDE
        far = max((a.distance_km for a in believed), default=0.0)
        reach = max(100.0 + 1.5 * far, 10.0 ** (0.5 * magnitude - 0.8))
        lat, lon = self._table.st_latitude, self._table.st_longitude
        near = geo.distances_km(e.origin.latitude, e.origin.longitude, lat, lon) <= reach
        after_s = max(AFTER_S, 30.0 * 10.0 ** (0.3 * (magnitude - 5.0)))  # coda, as the source stage
        begun = e.origin.time_ns - BEFORE_NS
        since, until = self.times
        since[near & (until < begun)] = begun
        since[near] = np.minimum(since[near], begun)
        until[near] = np.maximum(until[near], now_ns + from_seconds(after_s))

    def _is_coherent(self, codes: Sequence[str]) -> bool:
        """Whether an event is more than what one failing link could make."""
        index, t = self._table.station_index, self._table
        at = [index[code] for code in codes if code in index]
        sites = {int(t.st_site[k]) for k in at}
        groups = {int(self._link[k]) for k in at}
        return len(sites) >= LEAST_SITES and (len(groups) > 1 or -1 in groups)
