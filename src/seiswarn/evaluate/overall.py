"""Figures over all sets: counts, medians and 90th percentiles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from seiswarn.evaluate.metrics import STATES, Result
from seiswarn.evaluate.score import COLUMNS, score
from seiswarn.evaluate.shaking import METHODS, MOMENTS

PLACES = ("all", "inside", "outside")


def overall(results: Sequence[Result], n_skipped: int) -> dict[str, Any]:
    """Counts over all sets, and errors over the earthquakes that were large and warned of.

    An earthquake is inside when the gap was at most 180 degrees ten seconds after the first alert.
    """
    ran = [r for r in results if "error" not in r]
    large = [r for r in ran if r["warned"] and r["large"]]
    behind = [
        r["first_alert_s"] - r["floor_p4_s"] for r in large if r["must_warn"] and r["floor_p4_s"] is not None
    ]
    must = sum(r["n_must_warn"] for r in ran)
    return {
        "sets": len(results),
        "failed": len(results) - len(ran),
        "skipped": n_skipped,
        "with_catalogue": sum(r["origin_time"] is not None for r in ran),
        "must_warn": must,
        "warned": must - sum(r["n_missed"] for r in ran),
        "missed": sum(r["n_missed"] for r in ran),
        "false_alerts": sum(r["false_alerts"] for r in ran),
        "split": sum(r["split"] for r in ran),
        "unwanted": sum(r["unwanted"] for r in ran),
        "behind_floor_s": spread(behind),
        "abs_dm": _errors(large, "dm"),
        "epi_err_km": _errors(large, "epi_err_km"),
        "depth_err_km": _errors(large, "depth_err_km"),
        "shaking": _shaking(ran),
        "data_s": round(sum(r["data_s"] for r in ran), 1),
        "cpu_s": round(sum(r["cpu_s"] for r in ran), 1),
    }


def spread(values: Iterable[float | None]) -> dict[str, float | int | None]:
    """Number, median, 90th percentile (linear between neighbours) and maximum of what is known."""
    known = np.array([v for v in values if v is not None], dtype=np.float64)
    if not len(known):
        return {"n": 0, "median": None, "p90": None, "max": None}
    median, p90 = np.percentile(known, (50.0, 90.0))
    return {
        "n": len(known),
        "median": round(float(median), 3),
        "p90": round(float(p90), 3),
        "max": round(float(known.max()), 3),
    }


def _errors(results: Sequence[Result], name: str) -> dict[str, dict[str, Any]]:
    """Absolute errors per place and state."""
    return {
        place: {
            which: spread(
                None if r[which] is None or r[which][name] is None else abs(r[which][name])
                for r in _at(results, place)
            )
            for which in STATES
        }
        for place in PLACES
    }


def _at(results: Sequence[Result], place: str) -> list[Result]:
    return [r for r in results if place == "all" or r["inside"] is (place == "inside")]


def _shaking(results: Sequence[Result]) -> dict[str, Any]:
    """The score over the stations of all sets alike, and the far stations of long ruptures together."""
    parts = [r["shaking"] for r in results if r.get("shaking")]
    by_set = {name: _by_set([p["moments"][name]["felt"] for p in parts]) for name in MOMENTS}
    far = [p["far_and_strong"] for p in parts if p["far_and_strong"] is not None]
    points = [f["point"] for f in far if "point" in f]
    return score([row for p in parts for row in p["stations"]]) | {
        "by_set": by_set,
        "far_and_strong": {name: sum(f[name] for f in far) for name in ("n", *METHODS)}
        | ({"point": sum(points)} if points else {}),
    }


def _by_set(felt: Sequence[Result]) -> dict[str, Any]:
    """Means of the shares within one degree over sets, each counted alike however many stations it has."""
    sets = [f for f in felt if f["n"]]
    means: dict[str, Any] = {"n": len(sets)}
    for name in COLUMNS:
        shares = [s for f in sets if (s := f[name]["within_one"]) is not None]
        means[name] = round(float(np.mean(shares)), 3) if shares else None
    return means
