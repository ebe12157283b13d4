"""What a policy may look at, out of a record, an estimate and its forecast."""

from __future__ import annotations

import numpy as np

from seiswarn.alerts.audience import Audience, Reading
from seiswarn.alerts.policies.base import View
from seiswarn.alerts.record import Record
from seiswarn.messages import EventEstimate
from seiswarn.timebase import seconds


def view_of(
    audience: Audience, t_seen_ns: int, record: Record, estimate: EventEstimate, reading: Reading | None
) -> View:
    """Everything of one event at one moment that a decision may rest on."""
    origin, magnitude = estimate.origin, estimate.magnitude
    value, place = _strongest(audience, reading)
    return View(
        params=audience.params,
        warned=record.warned,
        age_s=seconds(t_seen_ns - origin.time_ns),
        latitude=origin.latitude,
        longitude=origin.longitude,
        epicentre_sigma_km=origin.ellipse_major_km,
        n_stations=n_stations(estimate),
        false_per_year=estimate.false_per_year,
        magnitude=magnitude.value if magnitude else None,
        magnitude_sigma=magnitude.sigma if magnitude else 0.0,
        intensity=value,
        intensity_place=place,
        nearest_km=audience.nearest_km(reading),
        grounds=estimate.grounds,
        solution=record.n_solutions,
        n_warnings=record.n_warnings,
        n_strong=reading.forecast.n_strong if reading is not None else 0,
    )


def _strongest(audience: Audience, reading: Reading | None) -> tuple[float, str]:
    """The largest value, in the measure of the audience, and where it is."""
    if reading is None:
        return 0.0, "(no forecast)"
    value, place = 0.0, "at no target"
    if reading.n:
        k = int(np.argmax(reading.value))
        value, place = float(reading.value[k]), f"at {audience.targets[k].name}"
    counts = audience.params.at_epicentre or not reading.n
    if counts and reading.epicentre > value:
        return reading.epicentre, "at the epicentre"
    return value, place


def n_stations(estimate: EventEstimate) -> int:
    """Distinct stations behind an estimate: sensors side by side under one code count once."""
    codes = {".".join(arrival.station.split(".")[:2]) for arrival in estimate.arrivals}
    return min(len(codes), estimate.origin.n_stations) if codes else estimate.origin.n_stations
