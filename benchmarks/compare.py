"""Set the figures of one benchmark run against those of an earlier one.

    python benchmarks/compare.py OLD.json NEW.json [--tolerance 0.05]

Ratios above 1 are improvements, whichever way the figure counts. Ends with 1 when something got
worse by more than the tolerance or is missing, with 2 when the files cannot be compared.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any


def ratio(old: float, new: float, better: str) -> float:
    """How much better the new figure is: above 1 better, below 1 worse."""
    if old == new:
        return 1.0
    up, down = (new, old) if better == "higher" else (old, new)
    return up / down if down else math.inf


def mark(value: float, tolerance: float) -> str:
    """The verdict on a ratio."""
    if value < 1.0 - tolerance:
        return "worse"
    return "better" if value > 1.0 / (1.0 - tolerance) else "same"


def table(old: dict[str, Any], new: dict[str, Any], tolerance: float) -> tuple[list[str], bool]:
    """The lines to print, and whether something got worse."""
    before, after = old["results"], new["results"]
    keys = [*before, *(key for key in after if key not in before)]
    width = max((len(key) for key in keys), default=3)
    lines = [f"{'':<{width}}  {'old':>12} {'new':>12} {'ratio':>7}"]
    worse = False
    for key in keys:
        if key not in before or key not in after:
            lines.append(f"{key:<{width}}  {'only in the ' + ('old' if key in before else 'new') + ' run'}")
            worse |= key in before
            continue
        a, b = float(before[key]["value"]), float(after[key]["value"])
        value = ratio(a, b, after[key]["better"])
        verdict = mark(value, tolerance)
        worse |= verdict == "worse"
        lines.append(f"{key:<{width}}  {a:>12.5g} {b:>12.5g} {value:>7.3f} {verdict}  {after[key]['unit']}")
    return lines, worse


def read(path: Path) -> dict[str, Any]:
    """A result file of `common.report`. Leaves the program when it is none."""
    try:
        found = json.loads(path.read_text())
        if not isinstance(found["results"], dict):
            raise TypeError("no results")
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{path}: no result of a benchmark ({error})", file=sys.stderr)
        raise SystemExit(2) from error
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--tolerance", type=float, default=0.05)
    options = parser.parse_args(arguments)
    old, new = read(options.old), read(options.new)
    if old.get("benchmark") != new.get("benchmark"):
        print(f"{old.get('benchmark')} and {new.get('benchmark')} are different benchmarks", file=sys.stderr)
        return 2
    for part in ("machine", "versions"):
        for key in sorted({*old.get(part, {}), *new.get(part, {})}):
            a, b = old.get(part, {}).get(key), new.get(part, {}).get(key)
            if a != b:
                print(f"note: {key} was {a}, is {b}")
    lines, worse = table(old, new, options.tolerance)
    print("\n".join(lines))
    return int(worse)


if __name__ == "__main__":
    raise SystemExit(main())
