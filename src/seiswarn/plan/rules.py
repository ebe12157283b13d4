"""The alert rules of a configuration, as far as a plan speaks of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from seiswarn.errors import UsageError
from seiswarn.pipeline import Params

Rule = dict[str, Any]  # the parameters of one audience as plain data, as they go into the JSON file
# Of a rule: its key and how it is said.
_SAID = (
    ("min_magnitude", "M {:g} or more"),
    ("min_intensity", "intensity {:g} or more"),
    ("min_stations", "{} stations or more"),
)


def rules(params: Params, policy: str) -> list[Rule]:
    """The rules whose alerts count: that called `policy`, or all when that is empty.

    Raises UsageError when there is none of that name.
    """
    plain = msgspec.to_builtins(params)
    found: list[Rule] = plain["audiences"] if "audiences" in plain else [plain["alerts"]]
    chosen = [rule for rule in found if policy in ("", rule["name"])]
    if not chosen:
        raise UsageError(f"--policy {policy}: there are only {', '.join(rule['name'] for rule in found)}")
    return chosen


def insist_on_chance(chosen: Sequence[Rule], magnitude: float) -> None:
    """Raise UsageError when every rule is for larger earthquakes only: no node would get an alert."""
    least = min(float(rule.get("min_magnitude", 0.0)) for rule in chosen)
    if magnitude < least:
        names = ", ".join(rule["name"] for rule in chosen)
        raise UsageError(
            f"an M {magnitude:g} is never alerted of: min_magnitude of {names} is {least:g};"
            " plan for a larger one with --magnitude"
        )


def said(chosen: Sequence[Rule]) -> str:
    """Who is alerted, from when on."""
    if len(chosen) > 1:
        return f"any of {', '.join(rule['name'] for rule in chosen)}"
    rule = chosen[0]
    parts = [text.format(rule[key]) for key, text in _SAID if rule.get(key)]
    if rule.get("region"):
        parts.append("inside its region")
    return f"“{rule['name']}”" + (f" ({', '.join(parts)})" if parts else "")
