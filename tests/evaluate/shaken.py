"""Four stations that felt an earthquake, and forecasts for them, written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from factories import ORIGIN_NS
from seiswarn.evaluate.felt import Felt, span_of
from seiswarn.evaluate.foreseen import Foreseen, Place
from seiswarn.evaluate.heard import Heard, Reached
from seiswarn.evaluate.matching import Rules
from seiswarn.evaluate.shaking import station_rows
from seiswarn.messages import Alert
from seiswarn.shaking.params import Params
from seiswarn.timebase import from_seconds
from tests.evaluate.conftest import (
    alert,
    make_heard,
    make_quake,
    make_reached,
    place,
)

RULES = Rules()
PARAMS = Params()
OBSERVED = (7.5, 6.0, 5.0, 3.5)  # intensity at four stations, 100 km apart
FAR = [make_reached(k, distance_km=100.0 * (k + 1), p_s=16.0 * (k + 1), s_s=28.0 * (k + 1)) for k in range(4)]


def peaks(intensity: float) -> tuple[float, float]:
    """PGA and PGV whose intensities by GB/T 17742-2020 both are so much."""
    return 10.0 ** ((intensity - 6.59) / 3.17), 10.0 ** ((intensity - 9.77) / 3.00)


def felt(row: Reached, intensity: float, peak_s: float = 4.0) -> Felt:
    """A weak P, and the whole at `peak_s` after S."""
    found = Felt(n_usable=1000)
    for t_s, value in ((row.p_s + 1.0, 1.5), (row.s_s + 1.0, intensity - 1.0), (row.s_s + peak_s, intensity)):
        found.take(ORIGIN_NS + from_seconds(t_s), *peaks(value))
    return found


def said_at(
    t_s: float, combined: list[float], event_id: str = "a", located: bool = True, **other: Any
) -> Foreseen:
    columns = {"sigma": [0.5] * len(combined), "source": combined, "wavefield": [0.0] * len(combined)} | other
    packed = {
        name: np.array(c, dtype="<f4").tobytes() for name, c in (columns | {"combined": combined}).items()
    }
    return Foreseen(event_id, ORIGIN_NS + from_seconds(t_s), located, **packed)


def whole(forecasts: list[Foreseen], alerts: list[Alert] | None = None, **changes: Any) -> Heard:
    """Four stations that felt `OBSERVED`, alerts from 20 s on."""
    quake = make_quake()
    north = [place(r.distance_km, 0.0) for r in FAR]
    fields: dict[str, Any] = {
        "reached": (tuple(FAR),),
        "places": tuple(
            Place(r.site, f"XX.S{k:02d}", where["latitude"], where["longitude"], 400.0, k)
            for k, (r, where) in enumerate(zip(FAR, north, strict=True))
        ),
        "spans": {r.station: span_of(quake, r.p_s, r.s_s, None) for r in FAR},
        "felt": {r.station: felt(r, i) for r, i in zip(FAR, OBSERVED, strict=True)},
        "foreseen": forecasts,
    }
    return make_heard([alert(20.0, 5.8)] if alerts is None else alerts, **(fields | changes))


def rows_of(heard: Heard) -> list[dict[str, Any]]:
    return station_rows(heard, PARAMS, RULES)
