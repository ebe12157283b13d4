"""How stations did, by day or month: from the database of a run, or from its output journal without one."""

from __future__ import annotations

import csv
import math
import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from seiswarn.errors import UsageError
from seiswarn.messages import StationHealth, decode
from seiswarn.runtime.files import DATABASE, OUTPUT
from seiswarn.store.health_days import TABLE, Row, by_tier, days_of, fold, rows_of
from seiswarn.store.segments import records

HEAD = (
    "station", "tier", "complete %", "gaps", "latency s", "p95 s", "max s", "ok %", "degraded %",
    "untrusted %", "down %", "maint. %", "false", "spikes",
)  # fmt: skip
_HEALTH = b"\xa4type\xadStationHealth"  # how an encoded message of that type begins, after its map


def span(month: str, day: str) -> tuple[str, str, str]:
    """First and last day asked for, and what to call them. Raises UsageError."""
    if month and day:
        raise UsageError("give --month or --day, not both")
    if day:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", day):
            raise UsageError(f"--day: {day!r} is no day, e.g. 2026-03-01")
        return day, day, day
    if month:
        if not re.fullmatch(r"\d{4}-\d{2}", month):
            raise UsageError(f"--month: {month!r} is no month, e.g. 2026-03")
        return f"{month}-01", f"{month}-31", month
    return "0000-00-00", "9999-99-99", ""


def rows_from(folder: Path, first: str, last: str) -> tuple[list[Row], list[str]]:
    """A row per station over some days, and the days that are known. Raises UsageError, StoreError."""
    if (folder / DATABASE).is_file():
        db = sqlite3.connect(f"file:{folder / DATABASE}?mode=ro", uri=True)
        try:
            found = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'health_days'").fetchone()
            return (rows_of(db, first, last), days_of(db)) if found else ([], [])
        except sqlite3.Error as error:
            raise UsageError(f"{folder / DATABASE}: {error}") from error
        finally:
            db.close()
    if not (folder / OUTPUT).is_file():
        raise UsageError(f"{folder}: no run of seiswarn: it has neither {DATABASE} nor {OUTPUT}")
    db = sqlite3.connect(":memory:")
    db.execute(TABLE)
    for _, payload in records(folder / OUTPUT):
        if _HEALTH in payload[:24]:
            message = decode(payload)
            if isinstance(message, StationHealth):
                fold(db, message)
    out = rows_of(db, first, last), days_of(db)
    db.close()
    return out


def cells(row: Row) -> list[str]:
    """A row as texts under `HEAD`."""

    def seconds(value: float) -> str:
        return "" if math.isnan(value) else f"{value:.2f}" if value < 10.0 else f"{value:.0f}"

    states = ("ok", "degraded", "untrusted", "down", "maintenance")
    return [
        row.name,
        row.tier,
        f"{100.0 * row.completeness:.2f}",
        str(row.gaps),
        seconds(row.latency_s(0.5)),
        seconds(row.latency_s(0.95)),
        seconds(row.latency_max_s if row.latency.sum() else math.nan),
        *(f"{100.0 * row.share(state):.1f}" for state in states),  # type: ignore[arg-type]
        str(row.false_triggers),
        str(row.spikes),
    ]


def table_of(rows: Sequence[Row]) -> list[list[str]]:
    """All stations, then the tiers."""
    return [cells(row) for row in (*rows, *by_tier(rows))]


def as_text(lines: Sequence[Sequence[str]]) -> list[str]:
    """Lines of plain text, columns aligned."""
    widths = [max(len(line[k]) for line in (HEAD, *lines)) for k in range(len(HEAD))]

    def text(line: Sequence[str]) -> str:
        left = [line[k].ljust(widths[k]) for k in range(2)]
        return "  ".join([*left, *(line[k].rjust(widths[k]) for k in range(2, len(HEAD)))]).rstrip()

    return [text(line) for line in (HEAD, *lines)]


def write_csv(path: Path, rows: Sequence[Row], period: str) -> None:
    """The same as CSV, with the period in front."""
    names = [name.replace(" %", "_percent").replace(" s", "_s").replace(".", "") for name in HEAD]
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["period", *names])
        out.writerows([period, *cells(row)] for row in rows)
