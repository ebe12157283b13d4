"""What every SQLite file of ours does alike: errors by the name of the file, and whole transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from seiswarn.errors import StoreError


@contextmanager
def named(path: object) -> Iterator[None]:
    """Errors of SQLite as StoreError with the name of the file."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from error


@contextmanager
def transaction(db: sqlite3.Connection, path: object) -> Iterator[sqlite3.Connection]:
    """A transaction that is committed at the end, or undone whatever happens."""
    with named(path):
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")
