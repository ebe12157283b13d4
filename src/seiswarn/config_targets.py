"""Targets from a CSV file, with every bad line named."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from seiswarn.config_check import Findings, build
from seiswarn.config_lines import KeyLines
from seiswarn.errors import ConfigProblem
from seiswarn.targets import Target

REQUIRED = ("name", "latitude", "longitude")
COLUMNS = (*REQUIRED, "name_zh", "vs30_mps")


def read_targets_csv(path: Path) -> tuple[tuple[Target, ...], list[ConfigProblem]]:
    """Targets of a CSV file in UTF-8 with a head line, and all problems found in it.

    Columns: name, latitude, longitude, and if known name_zh and vs30_mps. Lines that are empty or
    start with ``#`` are passed over. Bad lines are left out and reported with their number.
    """
    findings = Findings(str(path), KeyLines())
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        return (), [ConfigProblem(str(path), 0, "targets", f"cannot be read: {error.strerror}")]
    except UnicodeDecodeError:
        return (), [ConfigProblem(str(path), 0, "targets", "is not in UTF-8", "save it as UTF-8")]
    reader = csv.reader(io.StringIO(text))
    head: list[str] | None = None
    targets: list[Target] = []
    seen: dict[str, int] = {}
    for cells in reader:
        if not any(cells) or cells[0].startswith("#"):
            continue
        cells = [cell.strip() for cell in cells]
        findings.lines.lines[("targets",)] = reader.line_num
        if head is None:
            head = cells
            _check_head(head, findings)
            if findings.problems:
                break
            continue
        target = _target(dict(zip(head, cells, strict=False)), len(cells) - len(head), findings)
        if target is None:
            continue
        if target.name in seen:
            findings.add(("targets",), f"{target.name} stands already in line {seen[target.name]}")
        seen.setdefault(target.name, reader.line_num)
        targets.append(target)
    if head is None:
        findings.add(("targets",), "the file is empty", "first line: " + ",".join(COLUMNS))
    return tuple(targets), findings.problems


def _check_head(head: list[str], findings: Findings) -> None:
    for name in REQUIRED:
        if name not in head:
            findings.add(("targets",), f"the head line has no column {name}", "columns: " + ",".join(COLUMNS))
    for name in head:
        if name not in COLUMNS:
            findings.add(("targets",), f"unknown column {name!r}", "columns: " + ",".join(COLUMNS))


def _target(row: dict[str, str], surplus: int, findings: Findings) -> Target | None:
    """One line; `surplus` is by how many cells it differs from the head line."""
    if surplus:
        findings.add(("targets",), f"has {abs(surplus)} cells too {'many' if surplus > 0 else 'few'}")
        return None
    values: dict[str, object] = {}
    for name, cell in row.items():
        if name in ("name", "name_zh"):
            values[name] = cell
        elif cell or name in REQUIRED:
            try:
                values[name] = float(cell)
            except ValueError:
                values[name] = cell  # a text where a number belongs: noted by `build`
    target: Target | None = build(Target, values, ("targets",), findings)
    return target
