"""The figures of one set: magnitude and place against time, lead times against distance."""

from __future__ import annotations

import math
from collections.abc import Sequence

from seiswarn.evaluate.metrics import Result
from seiswarn.evaluate.plot import BLUE, INK, ORANGE, RED, SOFT, Plot, Point

LEAST_SPAN_S, LONGEST_SPAN_S = 20.0, 120.0
AFTER_FIRST_S = 40.0  # shown of what follows the first word


def draw(result: Result) -> list[str]:
    """SVG of the figures that a set has anything for."""
    said = [r for r in result["revisions"] if r["of_catalogue"] and r["event_id"] == _leader(result)]
    svgs = []
    if said:
        svgs += [magnitude_plot(result, said), location_plot(result, said)]
    if result["warned"] and result["lead_times"]:
        svgs.append(lead_plot(result))
    return svgs


def magnitude_plot(result: Result, said: Sequence[Result]) -> str:
    """Magnitude against time after the origin, with one sigma and the catalogue's value."""
    known = [r for r in said if r["magnitude"] is not None]
    truth = result["magnitude"]
    values = [v for r in known for v in (r["magnitude"] - r["sigma"], r["magnitude"] + r["sigma"])]
    values += [] if truth is None else [truth - 0.5, truth + 0.5]
    low, high = (
        (math.floor(2.0 * min(values)) / 2.0, math.ceil(2.0 * max(values)) / 2.0) if values else (3.0, 8.0)
    )
    end = _end_s(result, said)
    plot = Plot("Magnitude", "seconds after origin", "", (0.0, end), (max(low, -1.0), min(high, 10.0)))
    thought = [r for r in known if r["kind"] == "estimate"]
    plot.band(
        [(r["t_s"], r["magnitude"] - r["sigma"]) for r in thought],
        [(r["t_s"], r["magnitude"] + r["sigma"]) for r in thought],
        BLUE,
        "one sigma",
        until=end,
    )
    plot.steps([(r["t_s"], r["magnitude"]) for r in thought], BLUE, "estimate", until=end)
    if truth is not None:
        plot.level(truth, RED, f"catalogue {truth:.1f}")
    _moments(plot, result)
    plot.dots(_alerts(known, "magnitude"), ORANGE, "alert")
    return plot.svg()


def location_plot(result: Result, said: Sequence[Result]) -> str:
    """Distance of the epicentre from the catalogue's, with what one sigma promises (larger semi-axis)."""
    end = _end_s(result, said)
    off = [r["epi_err_km"] for r in said if r["epi_err_km"] is not None]
    top = max(5.0, 1.15 * max(off, default=5.0))
    plot = Plot("Epicentre off", "seconds after origin", "km", (0.0, end), (0.0, top))
    thought = [r for r in said if r["kind"] == "estimate" and r["epi_err_km"] is not None]
    sigma = [(r["t_s"], r["ellipse_major_km"]) for r in thought if r["ellipse_major_km"] is not None]
    sigma = [(t, km) for t, km in sigma if math.isfinite(km)]
    plot.band([(t, 0.0) for t, _ in sigma], sigma, BLUE, "one sigma", until=end)
    plot.steps([(r["t_s"], r["epi_err_km"]) for r in thought], BLUE, "estimate", until=end)
    _moments(plot, result)
    plot.dots(_alerts([r for r in said if r["epi_err_km"] is not None], "epi_err_km"), ORANGE, "alert")
    return plot.svg()


def lead_plot(result: Result) -> str:
    """Seconds between the first alert and S, or strong shaking, at each station."""
    rows = [r for r in result["lead_times"].values() if r["lead_s_s"] is not None]
    far = 1.05 * max((r["distance_km"] for r in rows), default=100.0)
    to_s: list[Point] = [(r["distance_km"], r["lead_s_s"]) for r in rows]
    strong: list[Point] = [
        (r["distance_km"], r["lead_strong_s"]) for r in rows if r["lead_strong_s"] is not None
    ]
    values = [y for _, y in (*to_s, *strong)]
    low, high = min([-5.0, *values]), max([5.0, *values])
    plot = Plot("Lead time", "epicentral distance, km", "s", (0.0, far), (1.05 * low, 1.05 * high))
    plot.level(0.0, SOFT, "too late below")
    plot.dots(to_s, BLUE, "to S")
    plot.dots(strong, RED, "to strong shaking", shape="triangle")
    return plot.svg()


def _leader(result: Result) -> str:
    """The event whose story is shown: that of the first alert, else of the first estimate."""
    mine = [r for r in result["revisions"] if r["of_catalogue"]]
    alerts = [r for r in mine if r["kind"] == "alert"]
    return str((alerts or mine or [{"event_id": ""}])[0]["event_id"])


def _end_s(result: Result, said: Sequence[Result]) -> float:
    first = result["first_alert_s"] if result["first_alert_s"] is not None else said[0]["t_s"]
    return min(LONGEST_SPAN_S, max(LEAST_SPAN_S, math.ceil((first + AFTER_FIRST_S) / 10.0) * 10.0))


def _alerts(said: Sequence[Result], name: str) -> list[Point]:
    return [(r["t_s"], r[name]) for r in said if r["kind"] == "alert"]


def _moments(plot: Plot, result: Result) -> None:
    if result["floor_p4_s"] is not None:
        plot.moment(result["floor_p4_s"], INK, "P at 4 stations")
