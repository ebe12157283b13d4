"""The score of the forecasts of shaking in print: a line for each set, and a sentence for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seiswarn.evaluate.metrics import Result
from seiswarn.evaluate.shaking import METHODS, THRESHOLDS

NOTHING = "-"
FIRST, TEN = "first", "at_10s"
COLUMNS = (*METHODS, "true_source")
HEAD = (
    "shaking: within one degree",
    "stations",
    "n first/+10 s",
    "first: source|PLUM|both|true",
    "+10 s: source|PLUM|both|true",
    "bias",
    "rms",
    "VI hit/missed/over",
)
THRESHOLD_HEAD = ("from", "hit", "missed", "over", "told before felt", "lead, s")
DEGREES = {3.0: "III", 5.0: "V", 6.0: "VI", 7.0: "VII"}


def rows(results: Sequence[Result]) -> list[tuple[str, ...]]:
    """Cells under `HEAD` for each set with stations that felt something, or were to."""
    return [_row(r["id"], r["shaking"]) for r in results if _has(r)]


def total(overall: dict[str, Any]) -> tuple[str, ...] | None:
    """The same cells over all sets; None when there is nothing."""
    shaking = overall["shaking"]
    return _row("all stations", shaking) if shaking["moments"][FIRST]["felt"]["n"] else None


def threshold_rows(shaking: dict[str, Any], moment: str = TEN) -> list[tuple[str, ...]]:
    """Cells under `THRESHOLD_HEAD`: at each threshold what the combined forecast was good for."""
    cells = []
    for t in THRESHOLDS:
        hits = shaking["moments"][moment]["thresholds"][f"{t:g}"]["combined"]
        lead = shaking["lead_s"]["combined"][f"{t:g}"]
        before = f"{lead['before']} of {lead['n']}"
        said = (hits["hit"], hits["missed"], hits["over"])
        cells.append((DEGREES[t], *map(str, said), before, number(lead["median"], 1)))
    return cells


def sentence(overall: dict[str, Any]) -> str:
    """All of it in plain words; empty when there is nothing to tell."""
    shaking = overall["shaking"]
    first, ten = (shaking["moments"][m]["felt"] for m in (FIRST, TEN))
    if not first["n"]:
        return ""
    text = (
        f"Shaking: {percent(first['combined']['within_one'])} of {first['n']} forecasts within one degree"
        " in the first alert"
    )
    if ten["n"]:
        text += (
            f", {percent(ten['combined']['within_one'])} of {ten['n']} ten seconds later (source"
            f" {percent(ten['source']['within_one'])}, PLUM {percent(ten['wavefield']['within_one'])};"
            f" the true source would give {percent(ten['true_source']['within_one'])})"
        )
    far = shaking["far_and_strong"]
    if far["n"]:
        text += f"; {told(far)}"
    return f"{text}."


def told(far: dict[str, Any]) -> str:
    """How many stations far from a long rupture were told in time."""
    text = (
        f"of {far['n']} stations beyond 100 km that felt VII, {far['combined']} were told VI before"
        f" they felt it (source {far['source']}, PLUM {far['wavefield']}"
    )
    return text + (f", a point source {far['point']})" if "point" in far else ")")


def percent(share: float | None) -> str:
    """A share for a table."""
    return NOTHING if share is None else f"{100.0 * share:.0f} %"


def number(value: float | None, digits: int) -> str:
    """A value for a table."""
    return NOTHING if value is None else f"{value:.{digits}f}"


def _has(r: Result) -> bool:
    shaking = r.get("shaking")
    return bool(shaking and any(shaking["moments"][m]["felt"]["n"] for m in (FIRST, TEN)))


def _row(name: str, shaking: dict[str, Any]) -> tuple[str, ...]:
    first, ten = (shaking["moments"][m]["felt"] for m in (FIRST, TEN))
    hits = shaking["moments"][TEN if ten["n"] else FIRST]["thresholds"]["6"]["combined"]
    return (
        name,
        str(shaking["n_stations"]),
        f"{first['n']}/{ten['n']}",
        _shares(first),
        _shares(ten),
        _pair(first["combined"]["bias"], ten["combined"]["bias"]),
        _pair(first["combined"]["rms"], ten["combined"]["rms"]),
        f"{hits['hit']}/{hits['missed']}/{hits['over']}",
    )


def _shares(errors: dict[str, Any]) -> str:
    shares = [errors[name]["within_one"] for name in COLUMNS]
    if not errors["n"]:
        return NOTHING
    return "|".join(NOTHING if s is None else f"{100.0 * s:.0f}" for s in shares) + " %"


def _pair(first: float | None, second: float | None) -> str:
    return f"{number(first, 1)}/{number(second, 1)}"
