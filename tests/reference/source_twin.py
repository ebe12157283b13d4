"""Plain numpy twin of the location kernel, one node at a time, written from its docstring."""

from __future__ import annotations

import numpy as np

from seiswarn.geo import DEG_KM, distances_km
from seiswarn.source.kernels import MISS_COST, OUTLIER, SILENT_MARGIN_S, STUDENT_NU

F64 = np.ndarray


def table_value(table: F64, distance_km: float, depth_km: float, step_km: float = 2.0) -> float:
    depths = np.arange(table.shape[0]) * step_km
    distances = np.arange(table.shape[1]) * step_km
    at_depth = [np.interp(distance_km, distances, row) for row in table]
    return float(np.interp(depth_km, depths, at_depth))


def score_node(
    north_km: float,
    east_km: float,
    depth_km: float,
    lat0: float,
    lon0: float,
    sta: tuple[F64, F64],
    t_s: F64,
    sigma_s: F64,
    share: float,
    decay: float,
    silent: tuple[F64, F64],
    silent_from_s: F64,
    silent_to_s: F64,
    table_p: F64,
) -> tuple[float, float]:
    """Log-likelihood and origin time of one node."""
    lat = lat0 + north_km / DEG_KM
    lon = lon0 + east_km / (DEG_KM * np.cos(np.radians(lat0)))
    d = distances_km(lat, lon, *sta)
    tt = np.array([table_value(table_p, x, depth_km) for x in d])
    var = sigma_s**2 + (share * (tt - tt.min())) ** 2
    diff = t_s - tt
    t0 = float(np.median(diff))
    for _ in range(3):
        w = 1.0 / (var * (STUDENT_NU + (diff - t0) ** 2 / var))
        t0 = float(np.average(diff, weights=w))
    likelihood = (1.0 - OUTLIER) * np.exp(-0.5 * np.minimum((diff - t0) ** 2 / var, 100.0)) + OUTLIER
    score = float(np.log(likelihood).sum()) - decay * float(np.mean(np.log(np.hypot(d, depth_km))))
    for x, since, until in zip(distances_km(lat, lon, *silent), silent_from_s, silent_to_s, strict=True):
        travel = table_value(table_p, x, depth_km)
        due = t0 + travel
        if x < d.max() and since < due and due + SILENT_MARGIN_S + share * travel < until:
            score -= MISS_COST
    return score, t0
