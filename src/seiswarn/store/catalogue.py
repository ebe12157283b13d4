"""The events of a database for those who only read it: the last revision of each."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from seiswarn.errors import StoreError
from seiswarn.messages import EventEstimate, decode


class Wanted(NamedTuple):
    """What is asked for; None is no limit. Times in ns, depths in km."""

    start_ns: int | None = None
    end_ns: int | None = None
    min_depth_km: float | None = None
    max_depth_km: float | None = None
    min_magnitude: float | None = None
    max_magnitude: float | None = None
    updated_after_ns: int | None = None
    event_ids: tuple[str, ...] = ()
    actual_only: bool = True
    cancelled: bool = False


def stored_events(path: Path, wanted: Wanted, at_most: int) -> list[EventEstimate]:
    """The last revision of each event, oldest origin first; one of several runs is taken from the latest.

    At most `at_most` are read, one more tells that there are more. A database that is not there has none.

    Raises
    ------
    StoreError
        It is no database of this program, or cannot be read.
    """
    if not path.exists():
        return []
    conditions, values = _conditions(wanted)
    statement = (
        "SELECT e.event_id, e.t_seen_ns, r.payload FROM events e JOIN revisions r ON r.run_id = e.run_id "
        "AND r.event_id = e.event_id AND r.revision = e.revision"
        f"{' WHERE ' if conditions else ''}{' AND '.join(conditions)} ORDER BY e.time_ns, e.t_seen_ns LIMIT ?"
    )
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10.0)) as db:
            rows = db.execute(statement, (*values, at_most + 1)).fetchall()
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from error
    newest: dict[str, tuple[int, bytes]] = {}
    for event_id, t_seen_ns, payload in rows:
        if event_id not in newest or newest[event_id][0] < t_seen_ns:
            newest[event_id] = (t_seen_ns, payload)
    try:
        decoded = [decode(payload) for _, payload in newest.values()]
    except msgspec.MsgspecError as error:
        raise StoreError(f"{path}: an event that this version cannot read: {error}") from error
    return sorted((e for e in decoded if isinstance(e, EventEstimate)), key=lambda e: e.origin.time_ns)


def _conditions(wanted: Wanted) -> tuple[list[str], Sequence[object]]:
    bounds = (
        ("e.time_ns >= ?", wanted.start_ns),
        ("e.time_ns <= ?", wanted.end_ns),
        ("e.depth_km >= ?", wanted.min_depth_km),
        ("e.depth_km <= ?", wanted.max_depth_km),
        ("e.magnitude >= ?", wanted.min_magnitude),
        ("e.magnitude <= ?", wanted.max_magnitude),
        ("e.t_seen_ns > ?", wanted.updated_after_ns),
    )
    conditions = [text for text, value in bounds if value is not None]
    values: list[object] = [value for _, value in bounds if value is not None]
    if wanted.event_ids:
        conditions.append(f"e.event_id IN ({', '.join('?' * len(wanted.event_ids))})")
        values += wanted.event_ids
    if wanted.actual_only:
        conditions.append("e.status = 'actual'")
    if not wanted.cancelled:
        conditions.append("e.state != 'cancelled'")
    return conditions, values
