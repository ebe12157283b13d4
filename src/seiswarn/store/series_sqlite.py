"""The same series without a server: an SQLite file that stays small.

`station_second` is kept as one row per station and minute (see `series_pack`), all other
measurements as one row per point. A row's key holds minute and station, minute first: new rows go
to the end of the file, and old ones leave from its beginning. What is written and how far the
journal is in it are one transaction: after a crash nothing is missing and nothing is there twice.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from seiswarn.errors import StoreError
from seiswarn.store.series_minutes import Minutes
from seiswarn.store.series_pack import pack, unpack
from seiswarn.store.series_points import Point, SecondColumns
from seiswarn.store.sqlite_file import named, transaction
from seiswarn.timebase import NS

FILE = "series.sqlite"
SCHEMA_VERSION = 1
STATION_BITS = 20
MINUTE_NS = 60 * NS
PAGE_BYTES = 8192
# To keep below the size, the oldest of the stored time goes, a fiftieth of it at a time.
SHARE_DROPPED = 50
_TABLES = """
CREATE TABLE names (kind TEXT, id INTEGER, name TEXT, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE minutes (key INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE points (measurement TEXT, t_ns INTEGER, tags TEXT, fields TEXT NOT NULL,
    PRIMARY KEY (measurement, t_ns, tags)) WITHOUT ROWID;
CREATE TABLE progress (one INTEGER PRIMARY KEY, run_id TEXT, seq INTEGER, memory BLOB);
PRAGMA user_version = 1
"""


class Progress(NamedTuple):
    """Up to which journal record of a run all points are in the file, and the memory that goes with it."""

    run_id: str = ""
    seq: int = 0
    memory: bytes = b""


def key_of(minute: int, station: int) -> int:
    """The key of a row: minute since 1970 and number of the station."""
    return minute << STATION_BITS | station


class SeriesDatabase:
    """Writes series; one process at a time.

    Parameters
    ----------
    status
        of the run: stations of exercises are other stations than those of the real thing.
    retention_days
        days of data kept, counted from the newest.
    max_bytes
        of the pages in use; the oldest data go first.

    Raises
    ------
    StoreError
        From any method: the file cannot be read or written.
    """

    def __init__(self, path: Path, status: str, *, retention_days: float, max_bytes: int) -> None:
        self.path = path
        self._status = status
        self._keep_minutes = max(1, round(retention_days * 1440))
        self._max_bytes = max_bytes
        self._db = open_database(path)
        self._names: dict[str, dict[str, int]] = {}
        self._minutes = Minutes(self._stored)
        self._points: list[Point] = []
        self._newest = 0
        self.n_bytes = 0

    def take(self, seconds: SecondColumns, points: Sequence[Point]) -> None:
        """Keep points in memory until `flush`."""
        if len(seconds):
            stations = self._numbers(f"station/{self._status}", seconds.stations)
            states = [s for s in dict.fromkeys(seconds.state) if s]
            state_of = dict(zip(states, self._numbers("state", states), strict=True))
            self._minutes.put(stations, seconds, state_of)
        self._points += points

    def flush(self, progress: Progress) -> None:
        """Write all that was taken, with how far it reaches, then let the oldest go."""
        with self._transaction() as db:
            for minute, numbers, values in self._minutes.changed():
                rows = [(key_of(minute, s), data) for s, data in zip(numbers, pack(values), strict=True)]
                db.executemany("INSERT OR REPLACE INTO minutes VALUES (?, ?)", rows)
                self._newest = max(self._newest, minute)
            told = [self._point_row(point) for point in self._points]
            db.executemany("INSERT OR REPLACE INTO points VALUES (?, ?, ?, ?)", told)
            db.execute("INSERT OR REPLACE INTO progress VALUES (1, ?, ?, ?)", progress)
        self._minutes.written()
        self._points.clear()
        self._expire()

    @property
    def waiting(self) -> tuple[int, int]:
        """Minutes in memory, those kept on purpose included, and other points."""
        return len(self._minutes), len(self._points)

    def progress(self) -> Progress:
        """How far an earlier life came."""
        with self._named():
            row = self._db.execute("SELECT run_id, seq, memory FROM progress").fetchone()
        return Progress(*row) if row else Progress()

    def close(self) -> None:
        self._db.close()

    def _point_row(self, point: Point) -> tuple[str, int, str, str]:
        tags = json.dumps({**point.tags, "status": self._status}, sort_keys=True, ensure_ascii=False)
        return (point.measurement, point.t_ns, tags, json.dumps(point.fields, ensure_ascii=False))

    def _numbers(self, kind: str, names: Sequence[str]) -> list[int]:
        """Numbers of names, new ones where they have none; over all statuses a number is given once."""
        known = self._names.get(kind)
        if known is None:
            with self._named():
                rows = self._db.execute("SELECT name, id FROM names WHERE kind = ?", (kind,)).fetchall()
            known = self._names[kind] = dict(rows)
        new = sorted(set(names).difference(known))
        if new:
            alike = kind.partition("/")[0] + "%"
            with self._transaction() as db:
                top = db.execute("SELECT max(id) FROM names WHERE kind LIKE ?", (alike,)).fetchone()[0] or 0
                rows = [(kind, top + 1 + k, name) for k, name in enumerate(new)]
                db.executemany("INSERT INTO names VALUES (?, ?, ?)", rows)
            known.update((name, number) for _, number, name in rows)
        return [known[name] for name in names]

    def _stored(self, minute: int, station: int) -> np.ndarray | None:
        """The minute of a station as it is in the file; a damaged one counts as none."""
        with self._named():
            row = self._db.execute(
                "SELECT data FROM minutes WHERE key = ?", (key_of(minute, station),)
            ).fetchone()
        try:
            return unpack(row[0]) if row else None
        except ValueError:
            return None

    def _expire(self) -> None:
        """Drop what is older than may be, and the oldest while the file is too large."""
        with self._named():
            first, last = (
                self._db.execute(f"SELECT {which}(key) FROM minutes").fetchone()[0]
                for which in ("min", "max")
            )
        if first is None:
            self.n_bytes = self._used()
            return
        oldest, newest = first >> STATION_BITS, last >> STATION_BITS
        keep_from = newest - self._keep_minutes
        self.n_bytes = self._used()
        if self.n_bytes > self._max_bytes:
            keep_from = max(keep_from, oldest + 1 + (newest - oldest) // SHARE_DROPPED)
        if keep_from <= oldest:
            return
        with self._transaction() as db:
            db.execute("DELETE FROM minutes WHERE key < ?", (key_of(keep_from, 0),))
            for (name,) in db.execute("SELECT DISTINCT measurement FROM points").fetchall():
                db.execute(
                    "DELETE FROM points WHERE measurement = ? AND t_ns < ?", (name, keep_from * MINUTE_NS)
                )
        self.n_bytes = self._used()

    def _used(self) -> int:
        with self._named():
            pages, free = (self._db.execute(f"PRAGMA {p}_count").fetchone()[0] for p in ("page", "freelist"))
        return int(pages - free) * PAGE_BYTES

    def _transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        return transaction(self._db, self.path)

    def _named(self) -> AbstractContextManager[None]:
        return named(self.path)


def open_database(path: Path) -> sqlite3.Connection:
    """The file, made when it is missing. Raises StoreError when it cannot be one of ours."""
    db: sqlite3.Connection | None = None
    try:
        db = sqlite3.connect(path, isolation_level=None, timeout=30.0)
        db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        db.execute("PRAGMA journal_mode = WAL")
        # A power failure may take the last transactions, never the file; the journal gives them back.
        db.execute("PRAGMA synchronous = NORMAL")
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        foreign = version == 0 and db.execute("SELECT 1 FROM sqlite_master").fetchone()
        if version > SCHEMA_VERSION or foreign:
            db.close()
            what = "a database of another program" if foreign else f"of a newer version (schema {version})"
            raise StoreError(f"{path}: {what}")
        if version == 0:
            db.executescript(f"BEGIN;{_TABLES};COMMIT")
    except sqlite3.Error as error:
        if db is not None:
            db.close()
        raise StoreError(f"{path}: {error}") from error
    return db
