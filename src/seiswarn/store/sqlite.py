"""The database of a centre: runs, events, revisions, decisions, alerts, picks, and the outbox.

It is filled from the output journal, record by record in order; how far it has come stands in
the same transaction as what it took in. A crash therefore costs nothing: reading goes on from
`last_seq`, and a record read twice changes nothing.

The outbox holds one row per alert and sink, made together with the alert, and open until the
sink has confirmed: alerts reach every sink at least once.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, NamedTuple

import msgspec

from seiswarn.errors import StoreError
from seiswarn.messages import (
    Alert,
    Decision,
    EventEstimate,
    Message,
    Pick,
    QuickReport,
    StationHealth,
    decode,
    encode,
    kind_of,
)
from seiswarn.store import health_days
from seiswarn.store.sqlite_file import named, transaction

SCHEMA_VERSION = 1

_TABLES = """
CREATE TABLE runs (
    run_id TEXT PRIMARY KEY, status TEXT NOT NULL, facts TEXT NOT NULL,
    last_seq INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE events (
    run_id TEXT NOT NULL, event_id TEXT NOT NULL, revision INTEGER NOT NULL, state TEXT NOT NULL,
    status TEXT NOT NULL, time_ns INTEGER NOT NULL, latitude REAL, longitude REAL, depth_km REAL,
    magnitude REAL, t_seen_ns INTEGER NOT NULL, PRIMARY KEY (run_id, event_id)
) WITHOUT ROWID;
CREATE TABLE revisions (
    run_id TEXT NOT NULL, event_id TEXT NOT NULL, revision INTEGER NOT NULL, seq INTEGER NOT NULL,
    t_seen_ns INTEGER NOT NULL, payload BLOB NOT NULL, PRIMARY KEY (run_id, event_id, revision)
);
CREATE TABLE decisions (
    run_id TEXT NOT NULL, seq INTEGER NOT NULL, event_id TEXT NOT NULL, policy TEXT NOT NULL,
    t_seen_ns INTEGER NOT NULL, action TEXT NOT NULL, reasons TEXT NOT NULL, detail TEXT NOT NULL,
    payload BLOB NOT NULL, PRIMARY KEY (run_id, seq)
);
CREATE TABLE alerts (
    run_id TEXT NOT NULL, event_id TEXT NOT NULL, policy TEXT NOT NULL, revision INTEGER NOT NULL,
    seq INTEGER NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL, t_seen_ns INTEGER NOT NULL,
    payload BLOB NOT NULL, PRIMARY KEY (run_id, event_id, policy, revision)
);
CREATE UNIQUE INDEX alerts_by_seq ON alerts (run_id, seq);
CREATE TABLE reports (
    run_id TEXT NOT NULL, event_id TEXT NOT NULL, number INTEGER NOT NULL, seq INTEGER NOT NULL,
    payload BLOB NOT NULL, PRIMARY KEY (run_id, event_id, number)
);
CREATE TABLE picks (
    run_id TEXT NOT NULL, pick_id TEXT NOT NULL, seq INTEGER NOT NULL, station TEXT NOT NULL,
    t_ns INTEGER NOT NULL, snr REAL, t_seen_ns INTEGER NOT NULL, PRIMARY KEY (run_id, pick_id)
) WITHOUT ROWID;
CREATE TABLE outbox (
    run_id TEXT NOT NULL, sink TEXT NOT NULL, seq INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'refused')),
    attempts INTEGER NOT NULL DEFAULT 0, delivered_t_seen_ns INTEGER, reason TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (run_id, sink, seq)
) WITHOUT ROWID;
CREATE INDEX outbox_pending ON outbox (run_id, sink, seq) WHERE state = 'pending';
"""

# Most of what comes; nothing of it is kept here, so that it need not be decoded.
NOT_STORED = frozenset({"Motions", "ChannelQuality", "PWindow", "Forecast", "DataError"})

OutboxState = Literal["pending", "delivered", "refused"]


class Delivery(NamedTuple):
    """An alert that a sink has still to take; `attempts` failed so far."""

    seq: int
    alert: Alert
    attempts: int


class Database:
    """One SQLite file. Use it from one thread; other processes may read at the same time.

    Parameters
    ----------
    path
        The file, created when missing.
    sinks
        Names of the sinks every new alert is put into the outbox for.

    Raises
    ------
    StoreError
        The file is no database of this program, of a newer version, or cannot be used.
    """

    def __init__(self, path: str | os.PathLike[str], *, sinks: Sequence[str] = ()) -> None:
        self.path = str(path)
        self._sinks = tuple(sinks)
        with self._named():
            self._connection = sqlite3.connect(self.path, isolation_level=None, timeout=10.0)
        try:
            with self._named():
                self._open()
        except StoreError:
            self._connection.close()
            raise

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def begin_run(self, run_id: str, status: str, facts: dict[str, Any] | None = None) -> int:
        """Make a run known, or find it again; return the last seq taken in from its output journal."""
        text = msgspec.json.encode(facts or {}, order="sorted").decode()
        with self._transaction() as db:
            db.execute(
                "INSERT INTO runs (run_id, status, facts) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (run_id, status, text),
            )
        return self.last_seq(run_id)

    def last_seq(self, run_id: str) -> int:
        """The last record of the run's output journal that is in here, 0 if none."""
        row = self._row("SELECT last_seq FROM runs WHERE run_id = ?", run_id)
        return int(row[0]) if row else 0

    def take(self, run_id: str, records: Iterable[tuple[int, bytes]]) -> int:
        """Take in records (seq, encoded message) of the output journal, all or none; return the last seq.

        Records at or before `last_seq` are passed over, so giving them again does no harm.
        Raises StoreError for an unknown run, or a hole in the sequence.
        """
        with self._transaction() as db:
            row = db.execute("SELECT last_seq FROM runs WHERE run_id = ?", (run_id,)).fetchone()
            if row is None:
                raise StoreError(f"{self.path}: unknown run {run_id!r}; begin_run comes first")
            last = int(row[0])
            for seq, payload in records:
                if seq <= last:
                    continue
                if seq != last + 1:
                    raise StoreError(f"{self.path}: record {seq} of run {run_id} follows record {last}")
                if kind_of(payload) not in NOT_STORED:
                    self._put(db, run_id, seq, decode(payload))
                last = seq
            db.execute("UPDATE runs SET last_seq = ? WHERE run_id = ?", (last, run_id))
        return last

    def pending(self, run_id: str, sink: str, limit: int = 100) -> list[Delivery]:
        """What `sink` has still to take, oldest first."""
        rows = self._rows(
            "SELECT o.seq, a.payload, o.attempts FROM outbox o JOIN alerts a "
            "ON a.run_id = o.run_id AND a.seq = o.seq "
            "WHERE o.run_id = ? AND o.sink = ? AND o.state = 'pending' ORDER BY o.seq LIMIT ?",
            run_id,
            sink,
            limit,
        )
        return [Delivery(seq, _alert(payload), attempts) for seq, payload, attempts in rows]

    def mark_delivered(self, run_id: str, sink: str, seq: int, t_seen_ns: int) -> None:
        """The sink has confirmed."""
        self._mark(run_id, sink, seq, "delivered", t_seen_ns, "")

    def mark_failed(self, run_id: str, sink: str, seq: int, reason: str) -> None:
        """The sink has failed; the alert stays pending."""
        self._mark(run_id, sink, seq, "pending", None, reason)

    def mark_refused(self, run_id: str, sink: str, seq: int, reason: str) -> None:
        """The sink must not have this alert (its status, its age): it is not tried again."""
        self._mark(run_id, sink, seq, "refused", None, reason)

    def alerts(self, run_id: str, event_id: str | None = None) -> list[Alert]:
        """The alerts of a run, or of one event, in the order they were made."""
        rows = self._rows(
            "SELECT payload FROM alerts WHERE run_id = ? AND (? IS NULL OR event_id = ?) ORDER BY seq",
            run_id,
            event_id,
            event_id,
        )
        return [_alert(payload) for (payload,) in rows]

    def estimates(self, run_id: str, event_id: str) -> list[EventEstimate]:
        """All revisions of an event's estimate, oldest first."""
        rows = self._rows(
            "SELECT payload FROM revisions WHERE run_id = ? AND event_id = ? ORDER BY revision",
            run_id,
            event_id,
        )
        return [m for (payload,) in rows if isinstance(m := decode(payload), EventEstimate)]

    def counts(self, run_id: str) -> dict[str, int]:
        """Rows of a run per table."""
        tables = ("events", "revisions", "decisions", "alerts", "reports", "picks", "outbox")
        out = {}
        for table in tables:
            row = self._row(f"SELECT count(*) FROM {table} WHERE run_id = ?", run_id)
            out[table] = int(row[0]) if row else 0
        return out

    def outbox_states(self, run_id: str) -> dict[tuple[str, OutboxState], int]:
        """How many alerts stand in which state, per sink."""
        rows = self._rows(
            "SELECT sink, state, count(*) FROM outbox WHERE run_id = ? GROUP BY sink, state ORDER BY 1, 2",
            run_id,
        )
        return {(sink, state): count for sink, state, count in rows}

    def _put(self, db: sqlite3.Connection, run_id: str, seq: int, message: Message) -> None:
        if isinstance(message, EventEstimate):
            self._put_estimate(db, run_id, seq, message)
        elif isinstance(message, Alert):
            self._put_alert(db, run_id, seq, message)
        elif isinstance(message, Decision):
            d, reasons = message, ",".join(message.reasons)
            row = (run_id, seq, d.event_id, d.policy, d.t_seen_ns, d.action, reasons, d.detail, encode(d))
            _insert(db, "decisions", row)
        elif isinstance(message, QuickReport):
            _insert(db, "reports", (run_id, message.event_id, message.number, seq, encode(message)))
        elif isinstance(message, StationHealth):
            health_days.fold(db, message)
        elif isinstance(message, Pick):
            p = message
            _insert(db, "picks", (run_id, p.pick_id, seq, p.station, p.t_ns, p.snr, p.t_seen_ns))

    def _put_estimate(self, db: sqlite3.Connection, run_id: str, seq: int, e: EventEstimate) -> None:
        _insert(db, "revisions", (run_id, e.event_id, e.revision, seq, e.t_seen_ns, encode(e)))
        magnitude = e.magnitude.value if e.magnitude else None
        o = e.origin
        row = (run_id, e.event_id, e.revision, e.state, e.status, o.time_ns)
        db.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
            "revision = excluded.revision, state = excluded.state, time_ns = excluded.time_ns, "
            "latitude = excluded.latitude, longitude = excluded.longitude, depth_km = excluded.depth_km, "
            "magnitude = excluded.magnitude, t_seen_ns = excluded.t_seen_ns "
            "WHERE excluded.revision >= events.revision",
            (*row, o.latitude, o.longitude, o.depth_km, magnitude, e.t_seen_ns),
        )

    def _put_alert(self, db: sqlite3.Connection, run_id: str, seq: int, a: Alert) -> None:
        row = (run_id, a.event_id, a.policy, a.revision, seq, a.kind, a.status, a.t_seen_ns, encode(a))
        if _insert(db, "alerts", row):  # a revision said again is not sent again
            for sink in self._sinks:
                db.execute("INSERT INTO outbox (run_id, sink, seq) VALUES (?, ?, ?)", (run_id, sink, seq))

    def _mark(
        self, run_id: str, sink: str, seq: int, state: OutboxState, t_seen_ns: int | None, reason: str
    ) -> None:
        with self._transaction() as db:
            changed = db.execute(
                "UPDATE outbox SET state = ?, attempts = attempts + 1, delivered_t_seen_ns = ?, reason = ? "
                "WHERE run_id = ? AND sink = ? AND seq = ? AND state = 'pending'",
                (state, t_seen_ns, reason, run_id, sink, seq),
            ).rowcount
            known = (
                changed
                or db.execute(
                    "SELECT 1 FROM outbox WHERE run_id = ? AND sink = ? AND seq = ?", (run_id, sink, seq)
                ).fetchone()
            )
        if not known:
            raise StoreError(f"{self.path}: alert {seq} of run {run_id} was never due at sink {sink!r}")

    def _open(self) -> None:
        db = self._connection
        db.execute("PRAGMA journal_mode = WAL")
        # A power failure may take the last transactions, never the file; the journal gives them back.
        db.execute("PRAGMA synchronous = NORMAL")
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        if version > SCHEMA_VERSION:
            raise StoreError(f"{self.path}: written by a newer version (schema {version})")
        if version == 0:
            if db.execute("SELECT 1 FROM sqlite_master").fetchone():
                raise StoreError(f"{self.path}: a database of another program")
            with self._transaction():
                for statement in _TABLES.split(";\n"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        with self._transaction():
            db.execute(health_days.TABLE)  # later than the others: databases made before get it too

    def _transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        return transaction(self._connection, self.path)

    def _named(self) -> AbstractContextManager[None]:
        return named(self.path)

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._named():
            return self._connection.execute(statement, values).fetchall()

    def _row(self, statement: str, *values: Any) -> tuple[Any, ...] | None:
        rows = self._rows(statement, *values)
        return rows[0] if rows else None


def _insert(db: sqlite3.Connection, table: str, row: tuple[Any, ...]) -> bool:
    marks = ", ".join("?" * len(row))
    return db.execute(f"INSERT INTO {table} VALUES ({marks}) ON CONFLICT DO NOTHING", row).rowcount == 1


def _alert(payload: bytes) -> Alert:
    message = decode(payload)
    if not isinstance(message, Alert):
        raise StoreError(f"an alert was expected, not a {type(message).__name__}")
    return message
