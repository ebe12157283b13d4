"""How good forecasts of shaking were: figures from rows of stations, of one set or of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seiswarn.evaluate.shaking import METHODS, MOMENTS, THRESHOLDS, Row

F64 = npt.NDArray[np.float64]
ONE = 1.0  # degree: a forecast so near is good, as JMA counts its own
FELT = 3.0  # stations are in the main figures where this is observed or forecast
TRUE = "true_source"
COLUMNS = (*METHODS, TRUE)
LONG_MAGNITUDE = 7.0  # from here on ruptures are so long that a point may stand for them badly
FAR_KM, STRONG, WARNED = 100.0, 7.0, 6.0  # far stations, what they finally felt, what had to be forecast
SMALL = 1e-6  # float32 and rounding; 1.0 exactly off is within one degree


def score(rows: Sequence[Row]) -> dict[str, Any]:
    """All figures of some rows.

    `n_stations`: with an observed intensity. `moments`: for each moment the figures of each column over
    `felt` stations (observed or forecast by any method from III on) and `all`, and per threshold who was
    hit, missed and over-alerted. `lead_s`: per method and threshold how long before.
    """
    return {
        "n_stations": len(rows),
        "moments": {name: _moment(rows, name) for name in MOMENTS},
        "lead_s": {
            method: {f"{t:g}": _lead(rows, method, f"{t:g}") for t in THRESHOLDS} for method in METHODS
        },
    }


def far_and_strong(rows: Sequence[Row], point: Sequence[Row] | None = None) -> dict[str, Any]:
    """Of the stations far away that finally felt VII: how many were told VI before they felt VI.

    `point`: rows of a replay without the line source, for its source-based forecast.
    """
    wanted = [r for r in rows if _is_far_and_strong(r)]
    found = {"n": len(wanted), **{m: _told_before(wanted, m) for m in METHODS}}
    if point is not None:
        found["point"] = _told_before([r for r in point if _is_far_and_strong(r)], "source")
    return found


def _is_far_and_strong(row: Row) -> bool:
    return bool(row["distance_km"] > FAR_KM and row["observed"] >= STRONG)


def _told_before(rows: Sequence[Row], method: str) -> int:
    return sum(
        (told := r["reached"][method][f"{WARNED:g}"]) is not None and told < r["crossed"][f"{WARNED:g}"]
        for r in rows
    )


def scored(rows: Sequence[Row], moment: str) -> dict[str, F64]:
    """`observed`, forecasts, `sigma` and `distance_km` (n,) of the stations that have any at a moment.

    What the relations would say of the true source is NaN where a catalogue has no magnitude.
    """
    those = [r for r in rows if r[moment] is not None]
    found = {name: np.array([r[moment][name] for r in those]) for name in (*METHODS, "sigma")}
    found[TRUE] = np.array([np.nan if r[TRUE] is None else r[TRUE] for r in those])
    for name in ("observed", "distance_km"):
        found[name] = np.array([r[name] for r in those])
    return {name: values.astype(np.float64) for name, values in found.items()}


def is_felt(values: dict[str, F64]) -> npt.NDArray[np.bool_]:
    """(n,) stations where III is observed or forecast: below, a scale that ends at one agrees by itself."""
    largest: F64 = np.max([values[name] for name in ("observed", *METHODS)], axis=0)
    return largest >= FELT


def _moment(rows: Sequence[Row], moment: str) -> dict[str, Any]:
    values = scored(rows, moment)
    felt = is_felt(values)
    return {
        "felt": _errors(values, felt),
        "all": _errors(values, np.ones(len(felt), np.bool_)),
        "thresholds": {
            f"{t:g}": {name: _hits(values["observed"], values[name], t) for name in METHODS}
            for t in THRESHOLDS
        },
    }


def _errors(values: dict[str, F64], chosen: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Errors are what was forecast minus what was observed, in degrees."""
    observed = values["observed"][chosen]
    found: dict[str, Any] = {"n": len(observed)}
    for name in COLUMNS:
        error = values[name][chosen] - observed
        error = error[np.isfinite(error)]
        found[name] = {
            "within_one": _mean(error, lambda e: np.abs(e) <= ONE + SMALL),
            "bias": _mean(error, lambda e: e),
            "rms": None if not len(error) else round(float(np.sqrt(np.mean(error**2))), 3),
        }
    off = np.abs(values["combined"][chosen] - observed)
    found["within_sigma"] = _mean(off, lambda e: e <= values["sigma"][chosen])
    return found


def _mean(values: F64, what: Callable[[F64], Any]) -> float | None:
    return None if not len(values) else round(float(np.mean(what(values))), 3)


def _hits(observed: F64, forecast: F64, threshold: float) -> dict[str, int]:
    there, told = observed >= threshold, forecast >= threshold
    return {
        "hit": int((there & told).sum()),
        "missed": int((there & ~told).sum()),
        "over": int((~there & told).sum()),
    }


def _lead(rows: Sequence[Row], method: str, threshold: str) -> dict[str, Any]:
    """Stations that felt a threshold; how many were told, how many before, and the median seconds of lead."""
    there = [r for r in rows if r["crossed"][threshold] is not None]
    told = [r for r in there if r["reached"][method][threshold] is not None]
    leads = [r["crossed"][threshold] - r["reached"][method][threshold] for r in told]
    return {
        "n": len(there),
        "told": len(told),
        "before": sum(s > 0.0 for s in leads),
        "median": round(float(np.median(leads)), 3) if leads else None,
    }
