"""The minutes of stations that are being written, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from seiswarn.store.series_pack import F64, FIELDS, N_FIELDS, SECONDS
from seiswarn.store.series_points import SecondColumns
from seiswarn.store.series_schema import MOTION_FIELDS
from seiswarn.timebase import NS

# Besides the minute under way: seconds come late, and a station that fills a gap brings its past.
KEPT = 4
_TRUST, _STATE = FIELDS.index("trust"), FIELDS.index("state")

Stored = Callable[[int, int], F64 | None]


class _Minute:
    """All stations of one minute: (n, N_FIELDS, 60), NaN where nothing came."""

    def __init__(self) -> None:
        self.rows: dict[int, int] = {}
        self.values = np.full((16, N_FIELDS, SECONDS), np.nan)
        self.changed: set[int] = set()  # rows

    def row(self, station: int, stored: Callable[[], F64 | None]) -> int:
        found = self.rows.get(station)
        if found is not None:
            return found
        row = self.rows[station] = len(self.rows)
        if row == len(self.values):
            self.values = np.concatenate((self.values, np.full_like(self.values, np.nan)))
        before = stored()
        if before is not None:
            self.values[row] = before
        return row


class Minutes:
    """Rows of `station_second` by minute and station.

    Parameters
    ----------
    stored
        the minute of a station as it was written before, or None; asked once per minute and station.
    """

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._minutes: dict[int, _Minute] = {}

    def put(self, stations: Sequence[int], rows: SecondColumns, state_of: Mapping[str, int]) -> None:
        """Take rows; `stations` are the numbers of their stations. A second that comes again replaces."""
        seconds = np.array(rows.t_ns, np.int64) // NS
        values = np.array([*rows.motion, rows.trust, [state_of.get(s, np.nan) for s in rows.state]])
        numbers = np.array(stations)
        minutes = seconds // SECONDS
        for minute in np.unique(minutes).tolist():
            mine = np.flatnonzero(minutes == minute)
            held = self._minutes.setdefault(minute, _Minute())
            at = [
                held.row(s, lambda s=s, m=minute: self._stored(m, s))  # type: ignore[misc]
                for s in numbers[mine].tolist()
            ]
            held.values[at, :, seconds[mine] % SECONDS] = values[:, mine].T
            held.changed.update(at)

    def changed(self) -> Iterator[tuple[int, list[int], F64]]:
        """Minute, numbers of stations and values (n, N_FIELDS, 60) of all that is not written yet."""
        for minute in sorted(self._minutes):
            held = self._minutes[minute]
            if held.changed:
                at = sorted(held.changed)
                numbers = list(held.rows)
                yield minute, [numbers[row] for row in at], held.values[at]

    def written(self) -> None:
        """All is written; minutes that are past are forgotten."""
        for held in self._minutes.values():
            held.changed.clear()
        for minute in sorted(self._minutes)[:-KEPT]:
            del self._minutes[minute]

    def __len__(self) -> int:
        return len(self._minutes)


assert (*MOTION_FIELDS, "trust", "state") == FIELDS  # the order `put` stacks them in
