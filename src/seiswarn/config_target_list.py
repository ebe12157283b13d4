"""The targets of one file as they are read, and what makes a target sound."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any, TypeGuard

import msgspec

from seiswarn.config_check import Findings, build
from seiswarn.config_lines import Path
from seiswarn.errors import ConfigProblem
from seiswarn.targets import Target

REQUIRED = ("name", "latitude", "longitude")
COLUMNS = tuple(f.name for f in msgspec.structs.fields(Target))


@dataclass(slots=True)
class TargetList:
    """The sound targets of a file, the line each stands in (from 1), and what is wrong with the rest."""

    findings: Findings
    targets: list[Target] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    first: dict[str, int] = field(default_factory=dict)  # the line of each name

    @property
    def problems(self) -> list[ConfigProblem]:
        return self.findings.problems

    def add(self, target: Target, line: int) -> None:
        """Take a target; a second one of its name is taken and reported."""
        self.targets.append(target)
        self.lines.append(line)
        if target.name in self.first:
            text = f"{target.name} stands already in line {self.first[target.name]}"
            self.findings.add(("targets",), text, "give each place a name of its own")
        self.first.setdefault(target.name, line)


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a finite number, true and false not among them."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max  # neither infinite, nor NaN, nor too long a whole number


def checked_target(values: dict[str, Any], path: Path, findings: Findings) -> Target | None:
    """A target of these fields, or None after noting all that is wrong, exchanged coordinates by name."""
    latitude, longitude = values.get("latitude"), values.get("longitude")
    if is_number(latitude) and is_number(longitude):
        if 90.0 < abs(latitude) <= 180.0 and abs(longitude) <= 90.0:
            text = f"a latitude of {latitude:g} does not exist"
            findings.add((*path, "latitude"), text, "are latitude and longitude exchanged?")
            return None
        if max(abs(latitude), abs(longitude)) > 360.0:
            text = f"({latitude:g}, {longitude:g}) are no degrees"
            findings.add((*path, "latitude"), text, "give WGS 84 degrees, not metres of a map projection")
            return None
    people = values.get("population")
    if isinstance(people, float) and people.is_integer():
        values = values | {"population": int(people)}  # how some programs write whole numbers
    target: Target | None = build(Target, values, path, findings)
    if target is not None and target.to_km < target.from_km:
        findings.add((*path, "to_km"), f"{target.to_km:g} lies before from_km, {target.from_km:g}")
        return None
    return target
