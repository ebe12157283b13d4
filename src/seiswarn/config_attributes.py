"""The file of station attributes: CSV with station, tier, telecom, latency_s; all mistakes at once."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from pathlib import Path

from seiswarn.config_check import Findings, closest
from seiswarn.errors import ConfigProblem
from seiswarn.health.params import Window
from seiswarn.messages import Tier
from seiswarn.station_patterns import Attributes

COLUMNS = ("station", "tier", "telecom", "latency_s")
TIER_NAMES: dict[str, Tier] = {"datum": "datum", "basic": "basic", "ordinary": "ordinary"}
MAX_LATENCY_S = 3600.0
PATTERNS = "NET.STA or NET.STA.LOC.BI, with * and ?"


def read_attributes(path: Path) -> tuple[list[Attributes], list[ConfigProblem]]:
    """The rows of a file, and what is wrong with it. Lines that begin with # and empty ones are left out."""
    problems: list[ConfigProblem] = []

    def wrong(line: int, column: str, message: str, suggestion: str = "") -> None:
        problems.append(ConfigProblem(str(path), line, column, message, suggestion))

    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        wrong(0, "(file)", f"cannot be read: {error.strerror}")
        return [], problems
    except UnicodeDecodeError:
        wrong(0, "(file)", "is not in UTF-8", "save it as UTF-8")
        return [], problems
    rows: list[Attributes] = []
    head: list[str] | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        cells = [cell.strip() for cell in next(csv.reader([raw]), [])]
        if not any(cells) or cells[0].startswith("#"):
            continue
        if head is None:
            head = cells
            for name in head:
                if name not in COLUMNS:
                    wrong(number, name, "no such column", closest(name, list(COLUMNS)))
            if "station" not in head:
                wrong(number, "station", "the column is missing", "first line: " + ",".join(COLUMNS))
                return [], problems
            continue
        if len(cells) > len(head):
            wrong(number, "(row)", f"{len(cells)} cells under {len(head)} columns")
            continue
        before = len(problems)
        row = _row(dict(zip(head, cells, strict=False)), number, wrong)
        if len(problems) == before:
            rows.append(row)
    if head is None:
        wrong(0, "(file)", "holds nothing", "first line: " + ",".join(COLUMNS))
    return rows, problems


def _row(cells: dict[str, str], number: int, wrong: Callable[..., None]) -> Attributes:
    """One row; what is wrong with it goes to `wrong`."""
    station, tier = cells.get("station", ""), cells.get("tier", "")
    if station.count(".") not in (1, 3):
        wrong(number, "station", f"{station!r} is no station", PATTERNS)
    if tier and tier not in TIER_NAMES:
        wrong(number, "tier", f"{tier!r} is not allowed", closest(tier, list(TIER_NAMES)))
    latency: float | None = None
    if cells.get("latency_s"):
        try:
            latency = float(cells["latency_s"])
        except ValueError:
            latency = math.nan
        if not 0.0 <= latency <= MAX_LATENCY_S:
            wrong(number, "latency_s", f"{cells['latency_s']!r} is no latency", "seconds, from 0 to 3600")
    return Attributes(station, TIER_NAMES.get(tier), cells.get("telecom", ""), latency)


def check_maintenance(windows: Sequence[Window], findings: Findings) -> None:
    """What no single value of the [[maintenance]] tables can tell."""
    for k, window in enumerate(windows):
        for pattern in window.stations:
            if pattern.count(".") not in (1, 3):
                findings.add(("maintenance", k, "stations"), f"{pattern!r} is no station", PATTERNS)
        try:
            start_ns, end_ns = window.span_ns()
        except ValueError as error:
            findings.add(("maintenance", k), str(error), "e.g. 2026-03-01T02:00:00Z")
            continue
        if end_ns <= start_ns:
            findings.add(("maintenance", k, "end"), "must be after start")
