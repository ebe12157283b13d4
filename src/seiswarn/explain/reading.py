"""What a run has left, as a stream of encoded messages: its output journal, or its database.

A journal is read once for a survey of all events, and once more, from near the place where it matters, for
one of them. `Index` remembers places for that.
"""

from __future__ import annotations

import bisect
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from seiswarn.errors import JournalCorrupt, StoreError, UsageError
from seiswarn.explain.seen import Stamp
from seiswarn.runtime.files import DATABASE, OUTPUT
from seiswarn.store.journal import JournalReader
from seiswarn.store.segments import Segment, segments

RECORD_HEAD_BYTES = 24  # of the journal's format, see `store.journal`
EVERY_BYTES = 1 << 20  # between two places that are remembered

Entry = tuple[int, bytes]  # where a message begins, and the message

_stamp = msgspec.msgpack.Decoder(Stamp)


class Source(Protocol):
    """Encoded messages in the order in which they were published; `problem` is known after reading."""

    name: str
    problem: str

    def entries(self, place: int = 0) -> Iterator[Entry]:
        """Messages from a place on, 0: the first."""


class Journal:
    """The output journal of a run, all its files. Damage ends it, and `problem` says where.

    A place counts the bytes of all files, the oldest first.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.problem = ""
        self._path = path

    def entries(self, place: int = 0) -> Iterator[Entry]:
        begin = 0
        for _, path in self._files():
            size = path.stat().st_size
            if place < begin + size:
                yield from ((begin + at, payload) for at, payload in self._file(path, max(0, place - begin)))
                if self.problem:
                    return
            begin += size

    def _files(self) -> list[Segment]:
        try:
            return segments(self._path)
        except JournalCorrupt as error:
            raise UsageError(f"{self._path}: no journal of seiswarn: {error.detail}") from error

    def _file(self, path: Path, at: int) -> Iterator[Entry]:
        """Messages of one file, from byte `at` on, with the bytes where they begin."""
        with JournalReader(path) as reader:
            try:
                if at == 0:
                    first, end = reader.read_from(0, max_records=1)
                    if not first:
                        self._look_at_end(reader)
                        return
                    at = end - RECORD_HEAD_BYTES - len(first[0][1])
                for _, payload in reader.records(offset=at):
                    yield at, payload
                    at += RECORD_HEAD_BYTES + len(payload)
            except JournalCorrupt as error:
                self.problem = (
                    f"{error.path} is damaged at byte {error.offset} ({error.detail}): what follows is unread"
                )
                return
            self._look_at_end(reader)

    def _look_at_end(self, reader: JournalReader) -> None:
        if reader.torn is not None:
            self.problem = f"the last record of {reader.path} was cut off by a crash: what is whole was read"


class Stored:
    """The database of a run: estimates, decisions and alerts, but no picks and no forecasts."""

    def __init__(self, path: Path, run_id: str = "") -> None:
        self.name = str(path)
        self._path = path
        self.problem = f"no journal: {path} knows estimates, decisions and alerts only"
        self._run_id = run_id or self._last_run()

    def entries(self, place: int = 0) -> Iterator[Entry]:
        parts = " UNION ALL ".join(
            f"SELECT seq, payload FROM {table} WHERE run_id = :run AND seq >= :place"
            for table in ("revisions", "decisions", "alerts")
        )
        yield from self._rows(f"{parts} ORDER BY seq", {"run": self._run_id, "place": place})

    def _last_run(self) -> str:
        sql = "SELECT run_id, max(t_seen_ns) FROM events GROUP BY run_id ORDER BY 2 DESC LIMIT 1"
        rows = list(self._rows(sql, {}))
        return str(rows[0][0]) if rows else ""

    def _rows(self, sql: str, values: dict[str, str | int]) -> Iterator[tuple[int, bytes]]:
        try:
            db = sqlite3.connect(f"{self._path.resolve().as_uri()}?mode=ro", uri=True)
            try:
                yield from db.execute(sql, values)
            finally:
                db.close()
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: cannot be read as a database of seiswarn: {error}") from error


def open_run(path: Path) -> Source:
    """What a run folder, a journal or a database holds. Raises UsageError when `path` is none of these."""
    if path.is_file():
        return Stored(path) if path.suffix == ".sqlite" else Journal(path)
    if not path.is_dir():
        raise UsageError(f"{path}: no such folder")
    if (path / OUTPUT).is_file():
        return Journal(path / OUTPUT)
    if (path / DATABASE).is_file():
        return Stored(path / DATABASE)
    raise UsageError(f"{path}: no run of seiswarn: it has neither {OUTPUT} nor {DATABASE}")


class Index:
    """When messages were seen at some places of a source, about every megabyte of a journal."""

    def __init__(self) -> None:
        self._places: list[int] = []
        self._t_seen_ns: list[int] = []  # never going back
        self._next = 0
        self.first_ns = self.last_ns = 0

    def note(self, place: int, payload: bytes) -> None:
        """Remember this message if it is time to."""
        if place < self._next and self._places:
            return
        self._next = place + EVERY_BYTES
        t_ns = stamp(payload)
        if not t_ns:
            return
        self.first_ns = self.first_ns or t_ns
        self._places.append(place)
        self._t_seen_ns.append(max(t_ns, self._t_seen_ns[-1] if self._t_seen_ns else t_ns))

    def before(self, t_ns: int) -> int:
        """A place before which nothing from `t_ns` on was seen; 0 when that is the beginning."""
        k = bisect.bisect_left(self._t_seen_ns, t_ns) - 1
        return self._places[k] if k > 0 else 0


def stamp(payload: bytes) -> int:
    """When an encoded message was seen; 0 when it does not say."""
    try:
        return _stamp.decode(payload).t_seen_ns
    except msgspec.MsgspecError:
        return 0
