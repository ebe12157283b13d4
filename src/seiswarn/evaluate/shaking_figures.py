"""Figures of forecast shaking: against what was observed, and its error against distance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seiswarn.evaluate.plot import BLUE, INK, ORANGE, RED, SOFT, Plot, Point
from seiswarn.evaluate.score import is_felt, scored
from seiswarn.evaluate.shaking import NOTHING, Row

LOWEST, HIGHEST = 1.0, 12.0
AFTER = "s after the first alert"
NAMES = {
    "first": "at the first alert",
    "at_5s": f"5 {AFTER}",
    "at_10s": f"10 {AFTER}",
    "at_20s": f"20 {AFTER}",
}
SHOWN = (("wavefield", ORANGE, "PLUM"), ("source", BLUE, "source"), ("combined", RED, "both"))


def draw(rows: Sequence[Row]) -> list[str]:
    """SVG of both figures, ten seconds after the first alert, else at it; none without stations."""
    moment = next((m for m in reversed(NAMES) if is_felt(scored(rows, m)).any()), None)
    return [] if moment is None else [against_observed(rows, moment), against_distance(rows, moment)]


def against_observed(rows: Sequence[Row], moment: str) -> str:
    """Forecast against finally observed intensity; inside the band: within one degree."""
    values = scored(rows, moment)
    plot = Plot(
        f"Intensity {NAMES[moment]}",
        "finally observed",
        "forecast",
        (LOWEST, HIGHEST),
        (LOWEST, HIGHEST),
    )
    # Along the frame where the band would leave it.
    below = [(LOWEST, LOWEST), (LOWEST + 1.0, LOWEST), (HIGHEST, HIGHEST - 1.0)]
    above = [(LOWEST, LOWEST + 1.0), (HIGHEST - 1.0, HIGHEST), (HIGHEST, HIGHEST)]
    plot.area(below, above, SOFT, "one degree")
    plot.line([(LOWEST, LOWEST), (HIGHEST, HIGHEST)], INK)
    for name, colour, label in SHOWN:
        forecast = values[name]
        if name == "wavefield":  # where it says nothing it is no forecast
            forecast = np.where(forecast > NOTHING, forecast, np.nan)
        plot.dots(_points(values["observed"], forecast), colour, label, shape=_shape(name))
    return plot.svg()


def against_distance(rows: Sequence[Row], moment: str) -> str:
    """Forecast minus observed intensity against epicentral distance, with the true source beside it."""
    values = scored(rows, moment)
    felt = is_felt(values)
    far = 1.05 * float(values["distance_km"][felt].max(initial=10.0))
    errors = {name: (values[name] - values["observed"])[felt] for name in ("combined", "true_source")}
    largest = max(float(np.nanmax(np.abs(e), initial=2.0)) for e in errors.values())
    reach = 1.1 * largest
    plot = Plot(
        f"Forecast minus observed {NAMES[moment]}",
        "epicentral distance, km",
        "degrees",
        (0.0, far),
        (-reach, reach),
    )
    plot.area([(0.0, -1.0), (far, -1.0)], [(0.0, 1.0), (far, 1.0)], SOFT, "one degree")
    plot.line([(0.0, 0.0), (far, 0.0)], INK)
    distance = values["distance_km"][felt]
    plot.dots(_points(distance, errors["true_source"]), BLUE, "true source, a point", shape="triangle")
    plot.dots(_points(distance, errors["combined"]), RED, "both")
    return plot.svg()


def _points(x: np.ndarray, y: np.ndarray) -> list[Point]:
    return [(float(a), float(b)) for a, b in zip(x, y, strict=True) if np.isfinite(b)]


def _shape(name: str) -> str:
    return "triangle" if name == "wavefield" else "dot"
