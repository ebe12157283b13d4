"""From the outcomes at all places to what is told of them: blind zones, warning times, what stations gain."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from seiswarn.geo import DEG_KM, distances_km
from seiswarn.grid import GridNodes
from seiswarn.plan.alerting import Outcome
from seiswarn.source.traveltime import DISTANCE_STEP_KM, TravelTimes
from seiswarn.targets import Target

F64 = npt.NDArray[np.float64]

DISTANCES_KM = (50.0, 100.0, 150.0)  # of earthquakes from a target, told of in the table
N_AZIMUTHS = 36
EARLIER_S = 1.0  # an alert that much earlier is worth telling


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Best, median, 90 % and worst of something over places; None where there is no place."""

    best: float | None
    median: float | None
    p90: float | None
    worst: float | None


class TargetRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one target can expect.

    `alert_s` and `blind_km` are of an earthquake right under it. `warning_s` has, for each of
    `DISTANCES_KM`, the seconds between the warning's arrival and S: median over all directions, and the
    least; None where the map does not reach or no alert leaves.
    """

    name: str
    population: int
    alert_s: float | None
    blind_km: float | None
    warning_s: tuple[tuple[float | None, float | None], ...]
    alert_after_s: float | None = None
    blind_after_km: float | None = None
    warning_after_s: tuple[tuple[float | None, float | None], ...] = ()


class Gain(msgspec.Struct, frozen=True, kw_only=True):
    """What added stations change. Means are over the nodes with an alert before and after.

    `targets` and `people` inside the blind zone are means over earthquakes at those nodes.
    """

    n_earlier: int  # nodes with an alert at least EARLIER_S earlier
    n_later: int  # ... later
    n_gained: int  # nodes with an alert only after
    n_lost: int
    area_km2: float  # that the nodes earlier or gained stand for
    mean_s: float
    most_s: float
    blind_km: tuple[float, float]  # mean before, after
    targets: tuple[float, float]
    people: tuple[float, float]


def alert_times(outcomes: Sequence[Outcome]) -> F64:
    """(n,) seconds to the first alert, NaN without one."""
    return np.array([np.nan if o.alert_s is None else o.alert_s for o in outcomes])


def blind_zones_km(times: TravelTimes, depth_km: float, after_s: F64) -> F64:
    """(n,) epicentral distances (km) that S has reached `after_s` (n,) seconds after the origin.

    0 while S is still on its way up; NaN for NaN. The inverse of the S table at that depth.
    """
    away: F64 = np.arange(times.s.shape[1]) * np.float64(DISTANCE_STEP_KM)
    _, s = times.times(away, depth_km)
    reached: F64 = np.interp(after_s, s, away, left=0.0)
    return np.where(np.isfinite(after_s), reached, np.nan)


def spread(values: F64) -> Spread:
    """Quantiles of the finite values."""
    good = values[np.isfinite(values)]
    if not len(good):
        return Spread(best=None, median=None, p90=None, worst=None)
    best, median, p90, worst = np.quantile(good, [0.0, 0.5, 0.9, 1.0]).tolist()
    return Spread(best=best, median=median, p90=p90, worst=worst)


def interpolate(grid: GridNodes, values: F64, latitudes: F64, longitudes: F64) -> F64:
    """(n,) bilinear values at places in degrees; NaN off the grid, or beside a node that is NaN."""
    if grid.n_rows < 2 or grid.n_columns < 2:
        return np.full(len(latitudes), np.nan)
    row = (grid.north - latitudes) / grid.step_latitude
    column = ((longitudes - grid.west) % 360.0) / grid.step_longitude
    off = (row < 0) | (row > grid.n_rows - 1) | (column > grid.n_columns - 1)
    i = np.clip(row.astype(np.int64), 0, grid.n_rows - 2)
    j = np.clip(column.astype(np.int64), 0, grid.n_columns - 2)
    u, v = row - i, column - j
    field = values.reshape(grid.n_rows, grid.n_columns)
    upper = (1.0 - v) * field[i, j] + v * field[i, j + 1]
    lower = (1.0 - v) * field[i + 1, j] + v * field[i + 1, j + 1]
    return np.where(off, np.nan, (1.0 - u) * upper + u * lower)


def warnings_s(
    grid: GridNodes, alert_s: F64, target: Target, s_times: Sequence[float], delivery_s: float
) -> tuple[tuple[float | None, float | None], ...]:
    """Seconds of warning at a target from earthquakes at `DISTANCES_KM`: (median, least) over directions."""
    turn = np.linspace(0.0, 2.0 * np.pi, N_AZIMUTHS, endpoint=False)
    shrink = np.cos(np.radians(target.latitude))
    out: list[tuple[float | None, float | None]] = []
    for away, s in zip(DISTANCES_KM, s_times, strict=True):
        lat = target.latitude + away / DEG_KM * np.cos(turn)
        lon = target.longitude + away / (DEG_KM * shrink) * np.sin(turn)
        left = s - interpolate(grid, alert_s, lat, lon) - delivery_s
        left = left[np.isfinite(left)]
        out.append((float(np.median(left)), float(left.min())) if len(left) else (None, None))
    return tuple(out)


def gain(
    grid: GridNodes, alerts_s: tuple[F64, F64], blinds_km: tuple[F64, F64], targets: Sequence[Target]
) -> Gain:
    """Compare alert times (s) and blind zones (km) of all nodes, (before, after)."""
    before_s, after_s = alerts_s
    both = np.isfinite(before_s) & np.isfinite(after_s)
    sooner = before_s - after_s
    earlier = both & (sooner >= EARLIER_S)
    gained = ~np.isfinite(before_s) & np.isfinite(after_s)
    cells = grid.step_latitude * grid.step_longitude * DEG_KM**2 * np.cos(np.radians(grid.latitude))
    inside = [_inside(grid, blind, both, targets) for blind in blinds_km]
    return Gain(
        n_earlier=int(earlier.sum()),
        n_later=int((both & (sooner <= -EARLIER_S)).sum()),
        n_gained=int(gained.sum()),
        n_lost=int((np.isfinite(before_s) & ~np.isfinite(after_s)).sum()),
        area_km2=float(cells[earlier | gained].sum()),
        mean_s=float(sooner[both].mean()) if both.any() else 0.0,
        most_s=float(sooner[both].max()) if both.any() else 0.0,
        blind_km=(_mean(blinds_km[0][both]), _mean(blinds_km[1][both])),
        targets=(inside[0][0], inside[1][0]),
        people=(inside[0][1], inside[1][1]),
    )


def _mean(values: F64) -> float:
    return float(values.mean()) if len(values) else 0.0


def _inside(
    grid: GridNodes, blind_km: F64, used: npt.NDArray[np.bool_], targets: Sequence[Target]
) -> tuple[float, float]:
    """Mean number of targets, and of their people, inside the blind zone of an earthquake."""
    lat = np.array([t.latitude for t in targets])
    lon = np.array([t.longitude for t in targets])
    people = np.array([float(t.population) for t in targets])
    counts = []
    for k in np.flatnonzero(used).tolist():
        hit = distances_km(float(grid.latitude[k]), float(grid.longitude[k]), lat, lon) <= blind_km[k]
        counts.append((float(hit.sum()), float(people[hit].sum())))
    if not counts:
        return 0.0, 0.0
    n, p = np.array(counts).mean(axis=0).tolist()
    return n, p
