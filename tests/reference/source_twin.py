"""Plain numpy twin of the location kernel, one node at a time, written from its docstring."""

from __future__ import annotations

import numpy as np

from seiswarn.geo import DEG_KM, distances_km
from seiswarn.source.kernels import (
    AMPLITUDE_FLOOR,
    AMPLITUDE_SIGMA,
    MISS_COST,
    OUTLIER,
    S_SHARE,
    SILENT_MARGIN_S,
    SLOWNESS_SIGMA,
    STUDENT_NU,
)

F64 = np.ndarray


def table_value(table: F64, distance_km: float, depth_km: float, step_km: float = 2.0) -> float:
    depths = np.arange(table.shape[0]) * step_km
    distances = np.arange(table.shape[1]) * step_km
    at_depth = [np.interp(distance_km, distances, row) for row in table]
    return float(np.interp(depth_km, depths, at_depth))


def fit_line(values: F64, beyond: F64, var: F64, about: float, slope: float) -> tuple[float, float]:
    """Origin time and slowness error by weighted least squares with a prior on the latter, as one matrix."""
    w = (STUDENT_NU + 1.0) / (STUDENT_NU * var + (values - about - slope * beyond) ** 2)
    design = np.column_stack([np.ones_like(beyond), beyond])
    normal = design.T @ (w[:, None] * design)
    normal[1, 1] += SLOWNESS_SIGMA**-2
    t0, b = np.linalg.solve(normal, design.T @ (w * values))
    return float(t0), float(b)


def amplitude_cost(log_a: F64, hypocentral_km: F64) -> float:
    """What amplitudes cost that do not fall off as R^-1.374; `log_a` has NaN where there is none."""
    level = (log_a + 1.374 * np.log10(hypocentral_km))[np.isfinite(log_a)]
    w = 1.0 / (STUDENT_NU * AMPLITUDE_SIGMA**2 + (level - level.mean()) ** 2)
    off = level - np.average(level, weights=w)
    return float(np.minimum(0.5 * (off / AMPLITUDE_SIGMA) ** 2, AMPLITUDE_FLOOR).sum())


def score_node(
    north_km: float,
    east_km: float,
    depth_km: float,
    lat0: float,
    lon0: float,
    sta: tuple[F64, F64],
    n_p: int,
    t_s: F64,
    sigma_s: F64,
    share: float,
    decay: float,
    log_a: F64,
    silent: tuple[F64, F64],
    silent_from_s: F64,
    silent_to_s: F64,
    table_p: F64,
    table_s: F64,
) -> tuple[float, float]:
    """Log-likelihood and origin time of one node; `log_a` at the `n_p` P onsets, NaN where there is none."""
    lat = lat0 + north_km / DEG_KM
    lon = lon0 + east_km / (DEG_KM * np.cos(np.radians(lat0)))
    d = distances_km(lat, lon, *sta)
    of_s = np.arange(t_s.size) >= n_p
    tables = [table_s if x else table_p for x in of_s]
    tt = np.array([table_value(t, x, depth_km) for t, x in zip(tables, d, strict=True)])
    beyond = tt - tt[:n_p].min()
    var = sigma_s**2 + np.where(of_s, S_SHARE * tt, share * beyond) ** 2
    diff = t_s - tt
    t0, slope = float(np.median(diff[:n_p])), 0.0
    for _ in range(3):
        t0, slope = fit_line(diff, beyond, var, t0, slope)
    off = (diff - t0 - slope * beyond) ** 2 / var
    likelihood = (1.0 - OUTLIER) * np.exp(-0.5 * np.minimum(off, 100.0)) + OUTLIER
    hypocentral = np.hypot(d[:n_p], depth_km)
    score = float(np.log(likelihood).sum()) - 0.5 * (slope / SLOWNESS_SIGMA) ** 2
    score -= decay * float(np.mean(np.log(hypocentral)))
    if np.isfinite(log_a).any():
        score -= amplitude_cost(log_a, hypocentral)
    for x, since, until in zip(distances_km(lat, lon, *silent), silent_from_s, silent_to_s, strict=True):
        travel = table_value(table_p, x, depth_km)
        due = t0 + travel
        if x < d[:n_p].max() and since < due and due + SILENT_MARGIN_S + share * travel < until:
            score -= MISS_COST
    return score, t0
