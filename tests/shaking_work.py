"""A network, places to warn, and messages of the stages before: what the shaking and alerts stages live on.

Places are (north, east) km around (`LAT0`, `LON0`), times seconds after `T0`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from seiswarn.forecast_arrays import FieldArrays, arrays_of
from seiswarn.geo import offset_deg
from seiswarn.messages import DataError, EventEstimate, Forecast, Magnitude, Motions, Origin, Pick
from seiswarn.shaking.params import Params
from seiswarn.shaking.stage import ShakingStage
from seiswarn.stations import StationTable
from seiswarn.targets import Target, TargetTable
from seiswarn.timebase import NS
from tests.source.conftest import LAT0, LON0, T0, make_table

P_KMPS, S_KMPS = 6.0, 3.5
Row = tuple[int, float, float, float]  # station, end of the second (s after T0), PGA m/s^2, PGV m/s


class Uniform:
    """P at 6 km/s, S at 3.5 km/s, straight from the hypocentre."""

    def times(self, distance_km, depth_km):
        hypo = np.hypot(distance_km, depth_km)
        return hypo / P_KMPS, hypo / S_KMPS


def at(t_s: float) -> int:
    return T0 + round(t_s * NS)


def place(north_km: float, east_km: float) -> tuple[float, float]:
    return offset_deg(LAT0, LON0, north_km, east_km)


def target(name: str, north_km: float, east_km: float, **changes: Any) -> Target:
    latitude, longitude = place(north_km, east_km)
    return Target(name=name, latitude=latitude, longitude=longitude, **changes)


def grid_table(side: int = 5, spacing_km: float = 20.0) -> StationTable:
    """`side` x `side` stations, the middle one at the middle."""
    half = 0.5 * (side - 1)
    return make_table(
        [((a - half) * spacing_km, (b - half) * spacing_km) for a in range(side) for b in range(side)]
    )


def permuted(table: StationTable, order: Sequence[int]) -> StationTable:
    """The same stations in another order; their channels go with them."""
    k = np.array(order)
    return StationTable(
        channels=tuple(table.channels[i] for i in k),
        ch_station=np.arange(len(k), dtype=np.int32),
        stations=tuple(table.stations[i] for i in k),
        **{
            name: getattr(table, name)[k]
            for name in (
                "ch_component", "ch_unit", "ch_gain", "ch_rate_hz", "ch_azimuth_deg", "ch_dip_deg",
                "ch_clip_counts", "st_latitude", "st_longitude", "st_elevation_m", "st_vs30_mps", "st_site",
            )
        },
    )  # fmt: skip


def estimate(
    t_s: float,
    magnitude: float | None = 6.5,
    state: str = "update",
    revision: int = 1,
    event: str = "e1",
    where: tuple[float, float] = (0.0, 0.0),
    t0_s: float = 0.0,
    n: int = 6,
    sigma: float = 0.3,
    depth_km: float = 10.0,
    **changes: Any,
) -> EventEstimate:
    """What the source stage says `t_s` after `T0` of an event at `t0_s`."""
    latitude, longitude = place(*where)
    origin = Origin(
        time_ns=at(t0_s), latitude=latitude, longitude=longitude, depth_km=depth_km, time_sigma_s=0.3,
        depth_sigma_km=5.0, ellipse_major_km=5.0, ellipse_minor_km=3.0, ellipse_azimuth_deg=0.0, n_stations=n,
        gap_deg=90.0, rms_s=0.2,
    )  # fmt: skip
    size = None if magnitude is None else Magnitude(value=magnitude, sigma=sigma, kind="Mpd", n_stations=n)
    made = EventEstimate(
        event_id=event, revision=revision, state=state, t_seen_ns=at(t_s), origin=origin, magnitude=size
    )
    return msgspec.structs.replace(made, **changes)


def motions(table: StationTable, rows: Iterable[Row], t_seen_s: float = 0.0, **changes: Any) -> Motions:
    """Seconds of ground motion; `changes` replace whole columns."""
    rows = list(rows)
    n = len(rows)
    columns: Mapping[str, tuple[Any, ...]] = {
        "stations": tuple(table.stations[k] for k, _, _, _ in rows),
        "t_ns": tuple(at(t) for _, t, _, _ in rows),
        "n_components": (3,) * n,
        "pga_gbt_mps2": tuple(float(a) for _, _, a, _ in rows),
        "pgv_gbt_mps": tuple(float(v) for _, _, _, v in rows),
        "clipped": (False,) * n,
        "flags": (0,) * n,
    }
    zero = dict.fromkeys(("pga_mps2", "pgv_mps", "pgd_m", "intensity_gbt", "intensity_jma"), (0.0,) * n)
    return Motions(**({"t_seen_ns": at(t_seen_s)} | zero | columns | changes))


def onset(table: StationTable, station: int, t_s: float, **changes: Any) -> Pick:
    """A P onset at a station."""
    fields: dict[str, Any] = {
        "pick_id": f"p{station}-{t_s}",
        "station": table.stations[station],
        "channel": table.channels[station],
        "t_ns": at(t_s),
        "uncertainty_s": 0.05,
        "snr": 30.0,
        "t_seen_ns": at(t_s + 1.0),
    }
    return Pick(**(fields | changes))


def doubt(table: StationTable, station: int, t_s: float, reason: str) -> DataError:
    return DataError(t_seen_ns=at(t_s), subject=table.stations[station], reason=reason)


def stage_of(
    targets: Iterable[Target], table: StationTable | None = None, grid: Any = None, **params: Any
) -> ShakingStage:
    table = make_table([(500.0, 500.0)]) if table is None else table
    return ShakingStage(Params(**params), TargetTable.of(targets), Uniform(), table, grid)


def forecasts(messages: Iterable[Any]) -> list[Forecast]:
    return [m for m in messages if isinstance(m, Forecast)]


def columns(forecast: Forecast) -> FieldArrays:
    assert forecast.field is not None
    return arrays_of(forecast.field)
