"""Where too few trusted stations are left for any earthquake to be seen."""

from __future__ import annotations

import numpy as np

from seiswarn import geo
from seiswarn.health.state import B1, I64
from seiswarn.stations import StationTable

NEAREST = 32  # sites looked at around each one: more than enough to find `cover_sites` among
NAMED = 3


class Cover:
    """The sites of a network, and which are near to each.

    Parameters
    ----------
    radius_km
        how far away a site may be to count.
    wanted
        sites that are wanted around one, itself included.
    """

    def __init__(self, table: StationTable, radius_km: float, wanted: int) -> None:
        self._table = table
        self._radius_km, self._wanted = radius_km, wanted
        self._site = table.st_site.astype(np.int64)
        self.n = int(self._site.max()) + 1 if table.n_stations else 0
        self._lead: I64 = np.zeros(self.n, dtype=np.int64)
        self._lead[self._site[::-1]] = np.arange(table.n_stations)[::-1]
        self._near, self._is_near = self._neighbours(radius_km)
        self._possible = self._is_near.sum(axis=1) >= wanted

    def _neighbours(self, radius_km: float) -> tuple[I64, B1]:
        """(n, k) the sites nearest to each, and whether they are near enough."""
        if self.n == 0:
            return np.zeros((0, 1), dtype=np.int64), np.zeros((0, 1), dtype=np.bool_)
        from scipy.spatial import cKDTree  # loaded where forecasts are made, too

        t = self._table
        points = geo.unit_points(t.st_latitude[self._lead], t.st_longitude[self._lead])
        k = min(NEAREST, self.n)
        chord, found = cKDTree(points).query(points, k=k)
        reach = 2.0 * np.sin(0.5 * radius_km / geo.EARTH_RADIUS_KM)
        chord, found = chord.reshape(self.n, k), found.reshape(self.n, k)
        return found.astype(np.int64), chord <= reach

    @property
    def n_possible(self) -> int:
        """Sites around which the network as planned sees an earthquake."""
        return int(self._possible.sum())

    def blind(self, trusted: B1) -> tuple[int, str]:
        """How many of those see none with the `trusted` stations (n_st,), and a sentence that says so."""
        alive = np.zeros(self.n, dtype=np.bool_)
        alive[self._site[trusted]] = True
        left = (self._is_near & alive[self._near]).sum(axis=1)
        lost = np.flatnonzero(self._possible & (left < self._wanted))
        if not len(lost):
            return 0, ""
        names = [self._table.stations[self._lead[k]] for k in lost[:NAMED].tolist()]
        more = f" and {len(lost) - NAMED} more" if len(lost) > NAMED else ""
        return len(lost), (
            f"no event is possible around {len(lost)} of {self.n_possible} sites ({', '.join(names)}{more}):"
            f" fewer than {self._wanted} trusted sites within {self._radius_km:.0f} km"
        )
