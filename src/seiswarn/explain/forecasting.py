"""When the way of forecasting changed: magnitude and distance, a line, observed motion, the wavefield."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seiswarn.explain.facts import RunFacts
from seiswarn.explain.item import Item
from seiswarn.explain.seen import AlertSeen, FieldSeen, ForecastSeen
from seiswarn.forecast_field import Basis

SAID = (
    (Basis.LINE, "distances are to a rupture of length at"),
    (Basis.CORRECTED, "observed motion corrects it at"),
    (Basis.WAVEFIELD, "the motion observed around decides at"),
    (Basis.OUTSIDE, "a relation is used outside its range at"),
)


def forecast_items(
    forecasts: Sequence[ForecastSeen], alerts: Sequence[AlertSeen], facts: RunFacts
) -> list[Item]:
    """The first forecast, each that rests on something no earlier one did, and the strongest."""
    known: set[str] = set()
    out: list[Item] = []
    strongest = max(forecasts, key=_peak, default=None)
    for forecast in forecasts:
        counts = _counts(forecast.field)
        new = [name for name, n in counts.items() if n and name not in known]
        if new or not out or forecast is strongest:
            known.update(new)
            what = "strongest" if forecast is strongest else "forecast"
            text = _text(forecast, counts, alerts, facts)
            why = (
                forecast.method
                if not out
                else "; ".join(f"now {name} {_places(counts[name])}" for name in new)
            )
            out.append(
                Item(t_ns=forecast.t_seen_ns, lane="forecast", who="shaking", what=what, text=text, why=why)
            )
    return out


def _places(n: int) -> str:
    return f"{n} place{'s' if n != 1 else ''}"


def _peak(forecast: ForecastSeen) -> float:
    return max(forecast.max_intensity, forecast.epicentral_intensity)


def _counts(field: FieldSeen | None) -> dict[str, int]:
    """How many places rest on each ground."""
    basis = np.frombuffer(field.basis if field else b"", np.uint8)
    return {name: int(np.count_nonzero(basis & int(bit))) for bit, name in SAID}


def _text(
    forecast: ForecastSeen, counts: dict[str, int], alerts: Sequence[AlertSeen], facts: RunFacts
) -> str:
    text = f"intensity up to {forecast.max_intensity:.1f}"
    k, away_km = _strongest_place(forecast.field)
    if k >= 0 and forecast.field is not None:
        name = facts.target(forecast.field.places, k) or _named(forecast, away_km, alerts)
        text += f" at {name}" if name else f" at a place {away_km:.0f} km away"
    text += f", {forecast.epicentral_intensity:.1f} at the epicentre ({forecast.intensity_scale})"
    if forecast.blind_zone_km > 0.0:
        text += f"; S has gone {forecast.blind_zone_km:.0f} km"
    if forecast.n_observed:
        s = "s" if forecast.n_observed > 1 else ""
        text += f"; motion of {forecast.n_observed} station{s} has a say"
    return text


def _strongest_place(field: FieldSeen | None) -> tuple[int, float]:
    """Number and epicentral distance (km) of the place with the largest intensity; -1 without any."""
    intensity = np.frombuffer(field.intensity if field else b"", np.dtype("<f4"))
    away = np.frombuffer(field.distance_km if field else b"", np.dtype("<f4"))
    if not len(intensity) or len(away) != len(intensity):
        return -1, 0.0
    k = int(np.argmax(intensity))
    return k, float(away[k])


def _named(forecast: ForecastSeen, away_km: float, alerts: Sequence[AlertSeen]) -> str:
    """The target of an alert of that moment at that distance and with that intensity, by its name."""
    for alert in alerts:
        if alert.t_seen_ns == forecast.t_seen_ns:
            for t in alert.targets:
                if abs(t.distance_km - away_km) < 0.1 and abs(t.intensity - forecast.max_intensity) < 0.05:
                    return t.name
    return ""
