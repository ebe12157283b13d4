"""Reading the embedded series, while they are being written."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seiswarn.errors import StoreError
from seiswarn.store.series_pack import FIELDS, SECONDS, unpack
from seiswarn.store.series_points import Point
from seiswarn.store.series_sqlite import STATION_BITS, key_of
from seiswarn.timebase import NS


class Series(NamedTuple):
    """One station's seconds: their ends, ns UTC, and per field float64, NaN where missing (states: texts)."""

    t_ns: npt.NDArray[np.int64]
    fields: dict[str, npt.NDArray[Any]]


class SeriesReader:
    """Reads a `series.sqlite`.

    What is younger than [series] flush_s may not be there yet.

    Raises
    ------
    StoreError
        From any method: there is no such file, or it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10.0)
        except sqlite3.Error as error:
            raise StoreError(f"{path}: {error}") from error

    def __enter__(self) -> SeriesReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def stations(self, status: str = "actual") -> list[str]:
        """Names of the stations there is anything of."""
        rows = self._rows("SELECT name FROM names WHERE kind = ? ORDER BY name", f"station/{status}")
        return [str(name) for (name,) in rows]

    def series(
        self,
        station: str,
        t0_ns: int,
        t1_ns: int,
        fields: Sequence[str] = FIELDS,
        status: str = "actual",
    ) -> Series:
        """Seconds of a station that end from `t0_ns` on and before `t1_ns`, in order."""
        found = self._rows("SELECT id FROM names WHERE kind = ? AND name = ?", f"station/{status}", station)
        times: list[npt.NDArray[np.int64]] = []
        values: list[npt.NDArray[np.float64]] = []
        first_s, last_s = -(-t0_ns // NS), -(-t1_ns // NS)
        oldest, newest = self._minutes() if found else (1, 0)
        for minute in range(max(first_s // SECONDS, oldest), min(-(-last_s // SECONDS), newest + 1)):
            rows = self._rows("SELECT data FROM minutes WHERE key = ?", key_of(minute, int(found[0][0])))
            if not rows:
                continue
            try:
                block = unpack(rows[0][0])
            except ValueError as error:
                raise StoreError(f"{self.path}: {error}") from error
            t_s = minute * SECONDS + np.arange(SECONDS)
            here = ~np.isnan(block).all(axis=0) & (t_s >= first_s) & (t_s < last_s)
            times.append(t_s[here])
            values.append(block[:, here])
        t_ns = (np.concatenate(times) if times else np.empty(0, np.int64)) * NS
        columns = np.concatenate(values, axis=1) if values else np.empty((len(FIELDS), 0))
        return Series(t_ns, {name: self._column(name, columns[FIELDS.index(name)]) for name in fields})

    def points(self, measurement: str, t0_ns: int, t1_ns: int) -> list[Point]:
        """Points of another measurement from `t0_ns` on and before `t1_ns`, in order of time."""
        rows = self._rows(
            "SELECT measurement, tags, fields, t_ns FROM points"
            " WHERE measurement = ? AND t_ns >= ? AND t_ns < ? ORDER BY t_ns, tags",
            measurement,
            t0_ns,
            t1_ns,
        )
        return [Point(name, json.loads(tags), json.loads(told), t_ns) for name, tags, told, t_ns in rows]

    def _minutes(self) -> tuple[int, int]:
        """The first and the last minute there is anything of."""
        # Two queries: SQLite finds one end of an index at once, but not both.
        ends = [self._rows(f"SELECT {end}(key) FROM minutes")[0][0] for end in ("min", "max")]
        return (1, 0) if None in ends else (ends[0] >> STATION_BITS, ends[1] >> STATION_BITS)

    def _column(self, name: str, values: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
        if name != "state":
            return values
        names = {int(k): str(n) for k, n in self._rows("SELECT id, name FROM names WHERE kind = 'state'")}
        return np.array([names.get(int(v), "") if v == v else "" for v in values], dtype=object)

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}") from error
