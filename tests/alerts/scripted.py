"""Estimates and forecasts for the alerts stage, written by hand: any intensity at any target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from seiswarn.alerts.params import Params
from seiswarn.alerts.stage import AlertsStage
from seiswarn.forecast_arrays import FieldArrays, field_of
from seiswarn.forecast_field import Basis
from seiswarn.intensity import A_CONSTANT, A_SLOPE
from seiswarn.messages import Alert, Decision, EventEstimate, Forecast, Message
from seiswarn.targets import Target, TargetTable
from tests.shaking_work import T0, at, estimate, target

PLACES = {"Baise": 40.0, "Nanning": 210.0, "Liuzhou": 330.0}  # km from the epicentre
CITIES = tuple(target(name, 0.0, km) for name, km in PLACES.items())
THRESHOLDS = (3.0, 5.0, 7.0)


def table(*targets: Target) -> TargetTable:
    return TargetTable.of(targets or CITIES)


def stage_of(*audiences: Params, targets: TargetTable | None = None) -> AlertsStage:
    return AlertsStage(audiences or (Params(),), table() if targets is None else targets)


def forecast(
    e: EventEstimate,
    offset: float = 0.0,
    late_s: float = 0.0,
    targets: TargetTable | None = None,
    values: Mapping[str, float] | None = None,
    **changes: Any,
) -> Forecast:
    """A forecast that follows the magnitude, strongest at the epicentre.

    `offset` in intensity, `late_s` of S; `values` intensities by name instead of those by distance.
    """
    told = table() if targets is None else targets
    size = e.magnitude.value if e.magnitude else 0.0
    km = np.array([PLACES.get(t.name, 40.0) for t in told.targets])
    intensity = np.maximum(1.0, 1.5 * size - 1.0 - km / 60.0 + offset)
    if values is not None:
        intensity = np.array([values[t.name] for t in told.targets], dtype=np.float64)
    n = len(km)
    arrays = FieldArrays(
        distance_km=km,
        intensity=intensity,
        intensity_sigma=np.full(n, 0.7),
        intensity_source=intensity,
        intensity_wavefield=np.zeros(n),
        pga_mps2=10.0 ** ((intensity - A_CONSTANT) / A_SLOPE),
        pgv_mps=np.full(n, 0.01),
        p_s=km / 6.0,
        s_s=km / 3.5 + late_s,
        basis=np.full(n, int(Basis.SOURCE), np.uint8),
        exceed=np.zeros((n, len(THRESHOLDS))),
    )
    epicentral = max(1.0, 1.5 * size - 1.0 + offset)
    fields: dict[str, Any] = {
        "event_id": e.event_id,
        "estimate_revision": e.revision,
        "t_seen_ns": e.t_seen_ns,
        "intensity_scale": "GB/T 17742-2020",
        "max_intensity": float(intensity.max(initial=0.0)),
        "epicentral_intensity": epicentral,
        "epicentral_pga_mps2": 10.0 ** ((epicentral - A_CONSTANT) / A_SLOPE),
        "origin_time_ns": e.origin.time_ns,
        "method": "test",
        "thresholds": THRESHOLDS,
        "field": field_of(told.digest, arrays),
        "status": e.status,
    }
    return Forecast(**(fields | changes))


def feed(stage: AlertsStage, e: EventEstimate, **options: Any) -> list[Message]:
    """Hand over an estimate, with its forecast when it has one; returns what is said."""
    silent = e.magnitude is None or e.state in ("ended", "cancelled")
    return stage.handle(e.t_seen_ns, [e] if silent else [e, forecast(e, **options)])


def alerts(messages: list[Message]) -> list[Alert]:
    return [m for m in messages if isinstance(m, Alert)]


def decisions(messages: list[Message]) -> list[Decision]:
    return [m for m in messages if isinstance(m, Decision)]


def told(t_s: float, magnitude: float | None = 6.0, *args: Any, **changes: Any) -> EventEstimate:
    """`estimate` of five stations, as most of these tests want it."""
    return estimate(t_s, magnitude, *args, **({"n": 5} | changes))


def later(e: EventEstimate, shift_ns: int) -> EventEstimate:
    """The same, all times shifted."""
    origin = msgspec.structs.replace(e.origin, time_ns=e.origin.time_ns + shift_ns)
    return msgspec.structs.replace(e, t_seen_ns=e.t_seen_ns + shift_ns, origin=origin)


__all__ = [
    "CITIES", "PLACES", "T0", "alerts", "at", "decisions", "feed", "forecast", "later", "stage_of", "table",
    "told",
]  # fmt: skip
