"""Targets from files, CSV or GeoJSON, with every broken row or feature named."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from seiswarn.config_check import Findings
from seiswarn.config_geojson import read_features
from seiswarn.config_lines import KeyLines
from seiswarn.config_target_list import COLUMNS, REQUIRED, TargetList, checked_target
from seiswarn.errors import ConfigProblem
from seiswarn.sections import SECTION_KM
from seiswarn.targets import Target

TEXTS = ("name", "name_zh", "kind", "line")
GEOJSON = (".geojson", ".json")


def read_targets(path: Path, section_km: float = SECTION_KM) -> TargetList:
    """The targets of a file: GeoJSON when its name ends in .geojson or .json, else CSV; both in UTF-8.

    CSV: a head line with name, latitude, longitude and any other field of `Target`; lines that are
    empty or start with ``#`` are passed over. GeoJSON: see `config_geojson`; a line is cut into
    sections of at most `section_km`. Nothing is raised: see `TargetList.problems`.
    """
    found = TargetList(Findings(str(path), KeyLines()))
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        found.problems.append(ConfigProblem(str(path), 0, "targets", f"cannot be read: {error.strerror}"))
        return found
    except UnicodeDecodeError:
        problem = ConfigProblem(str(path), 0, "targets", "is not in UTF-8", "save it as UTF-8")
        found.problems.append(problem)
        return found
    if path.suffix.lower() in GEOJSON:
        read_features(text, found, section_km)
    else:
        _read_csv(text, found)
    return found


def _read_csv(text: str, found: TargetList) -> None:
    findings = found.findings
    reader = csv.reader(io.StringIO(text))
    head: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            break
        except csv.Error as error:
            findings.lines.lines[("targets",)] = line
            findings.add(("targets",), f"is no CSV: {error}")
            break
        if not any(cells) or cells[0].startswith("#"):
            continue
        findings.lines.lines[("targets",)] = line
        if head is None:
            head = cells
            if not _check_head(head, findings):
                return
            continue
        target = _row(dict(zip(head, cells, strict=False)), len(cells) - len(head), findings)
        if target is not None:
            found.add(target, line)
    if head is None:
        findings.add(("targets",), "the file is empty", "first line: " + ",".join(COLUMNS))


def _check_head(head: list[str], findings: Findings) -> bool:
    """Whether the columns are all known, those needed are there, and none comes twice."""
    columns = "columns: " + ",".join(COLUMNS)
    before = len(findings.problems)
    for name in REQUIRED:
        if name not in head:
            findings.add(("targets",), f"the head line has no column {name}", columns)
    for k, name in enumerate(head):
        if name not in COLUMNS:
            findings.add(("targets",), f"unknown column {name!r}", columns)
        elif name in head[:k]:
            findings.add(("targets",), f"a second column {name!r}", "leave one")
    return len(findings.problems) == before


def _row(row: dict[str, str], surplus: int, findings: Findings) -> Target | None:
    """One line; `surplus` is by how many cells it differs from the head line."""
    if surplus:
        hint = (
            "quote a cell with a comma in it" if surplus > 0 else "leave unknown cells empty, keep the commas"
        )
        findings.add(("targets",), f"has {abs(surplus)} cells too {'many' if surplus > 0 else 'few'}", hint)
        return None
    values: dict[str, Any] = {}
    for name, cell in row.items():
        if name in REQUIRED or cell:
            values[name] = cell if name in TEXTS else _number(cell)
    return checked_target(values, ("targets",), findings)


def _number(cell: str) -> float | str:
    """A number; a text where a number belongs stays one and is noted by `build`."""
    try:
        return float(cell)
    except ValueError:
        return cell
