"""The printed result: one line for each set, and a sentence for all of them."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

from seiswarn.evaluate import shaking_table
from seiswarn.evaluate.metrics import Result

NOTHING = "-"
HEAD = (
    "set",
    "M",
    "first alert",
    "floor",
    "behind",
    "M first/+10 s/final",
    "epicentre off, km",
    "gap",
    "remarks",
)


def rows(results: Sequence[Result]) -> list[tuple[str, ...]]:
    """Cells of the table, one row for each set, under `HEAD`."""
    return [_row(r) for r in results]


def lines(results: Sequence[Result]) -> list[str]:
    """The table as text, and below it that of the shaking where there is any."""
    shaking = shaking_table.rows(results)
    beside = [] if not shaking else ["", *_columns([shaking_table.HEAD, *shaking], (0,))]
    return [*_columns([HEAD, *rows(results)], (0, len(HEAD) - 1)), *beside]


def _columns(cells: Sequence[Sequence[str]], left: Container[int]) -> list[str]:
    """Cells under each other, those of the columns `left` at the left."""
    widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
    return [
        "  ".join(
            cell.ljust(width) if k in left else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def remarks(r: Result) -> list[str]:
    """What a reader must not overlook about a set."""
    if "error" in r:
        return [f"FAILED: {r['error'].splitlines()[0] if r['error'] else 'no reason given'}"]
    said = []
    if r["n_missed"]:
        said.append("MISSED" if r["n_missed"] == 1 else f"{r['n_missed']} MISSED")
    if r["false_alerts"]:
        said.append(f"{r['false_alerts']} FALSE")
    if r["split"]:
        said.append("SPLIT")
    if r["unwanted"]:
        said.append(f"{r['unwanted']} unwanted")
    if r.get("cancelled"):
        said.append("cancelled")
    if not said and not r["warned"]:
        said.append("no alert, none due")
    return said


def sentence(overall: dict[str, Any]) -> str:
    """All of it in plain words."""
    o = overall
    if o["failed"] == o["sets"]:
        return f"None of {_count(o['sets'], 'set')} could be run."
    text = f"{_count(o['sets'], 'set')}"
    if o["failed"]:
        text += f", of which {o['failed']} could not be run"
    if o["must_warn"]:
        text += f": {o['warned']} of {_count(o['must_warn'], 'earthquake')} that had to be warned of were"
    else:
        text += ": no earthquake had to be warned of"
    behind = o["behind_floor_s"]
    if behind["n"]:
        side = "before P reached" if behind["median"] < 0.0 else "after P had reached"
        text += f", in the median {abs(behind['median']):.1f} s {side} the fourth station"
        ten = o["abs_dm"]["all"]["at_10s"]
        if ten["n"]:
            km = o["epi_err_km"]["all"]["at_10s"]
            text += (
                f", {ten['median']:.1f} off in magnitude and {km['median']:.0f} km in place ten seconds later"
            )
    wrong = [
        f"{o[name]} {words}"
        for name, words in (
            ("false_alerts", "false"),
            ("unwanted", "for small earthquakes"),
            ("split", "sets with a split earthquake"),
        )
        if o[name]
    ]
    ending = f"alerts that should not have been: {', '.join(wrong)}." if wrong else "no alert too many."
    return f"{text}; {ending} {shaking_table.sentence(o)}".rstrip()


def number(value: float | None, digits: int) -> str:
    """A value for a table."""
    return NOTHING if value is None else f"{value:.{digits}f}"


def _row(r: Result) -> tuple[str, ...]:
    if "error" in r:
        return (r["id"], *[NOTHING] * (len(HEAD) - 2), *remarks(r))
    first, floor = r["first_alert_s"], r["floor_p4_s"]
    shown = [r[name] or {} for name in ("first", "at_10s", "final")]
    return (
        r["id"],
        number(r["magnitude"], 1),
        number(first, 1),
        number(floor, 1),
        number(None if first is None or floor is None else first - floor, 1),
        _three([number(s.get("m"), 1) for s in shown]),
        _three([number(s.get("epi_err_km"), 0) for s in shown]),
        number(r["gap_deg"], 0),
        ", ".join(remarks(r)),
    )


def _three(values: Sequence[str]) -> str:
    return NOTHING if set(values) == {NOTHING} else "/".join(values)


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
