"""Plain numpy twins of the kernels over all places of a forecast: whole matrices instead of lists."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

F64 = np.ndarray


def correlation(distance_km: F64, range_km: float) -> F64:
    """The spherical model: the share of two spheres of diameter `range_km`, so far apart, that overlaps."""
    x = np.minimum(np.asarray(distance_km) / range_km, 1.0)
    return (1.0 - x) ** 2 * (1.0 + 0.5 * x)


def dense(first: F64, station: F64, distance_km: F64, n_stations: int) -> F64:
    """(n, n_st) distances in km, infinite where a station is in no list."""
    out = np.full((len(first) - 1, n_stations), np.inf)
    of = np.repeat(np.arange(len(first) - 1), np.diff(first))
    out[of, station] = distance_km
    return out


def wavefield(apart: F64, level: F64, site: F64, radius_km: float) -> tuple[F64, F64]:
    """Largest level within the radius plus the site, and how far away it is; 0 and 0 where there is none."""
    seen = np.where(apart <= radius_km, np.maximum(level, 0.0)[None, :], 0.0)
    best = seen.max(axis=1)
    deciding = (seen == best[:, None]) & (apart <= radius_km)
    away = np.where(deciding, apart, np.inf).min(axis=1)
    return np.where(best > 0.0, best + site, 0.0), np.where(best > 0.0, away, 0.0)


def residuals(apart: F64, weight: F64, known: F64, range_km: float) -> tuple[F64, F64]:
    """Sums of weights by correlation, and the largest correlation with a station that is known."""
    rho = np.where(known[None, :] > 0.0, correlation(apart, range_km), 0.0)
    return rho @ weight, rho.max(axis=1)


def kriging_weights(points: F64, value: F64, range_km: float, nugget: float, radius_km: float) -> F64:
    """The inverse of the correlations, with the nugget at 0, times the values."""
    cosine = np.clip(points @ points.T, -1.0, 1.0)
    sine = np.linalg.norm(np.cross(points[:, None, :], points[None, :, :]), axis=2)
    rho = correlation(radius_km * np.arctan2(sine, cosine), range_km) + nugget * np.eye(len(value))
    return np.linalg.solve(rho, value)


def neighbours(apart: F64, site: F64, level: F64) -> F64:
    """Largest level at another site among the stations around each station."""
    other = np.isfinite(apart) & (site[:, None] != site[None, :])
    return np.where(other, level[None, :], 0.0).max(axis=1, initial=0.0)


def exceedance(intensity: F64, sigma: F64, thresholds: F64) -> F64:
    """Probability that a normal variable reaches each threshold."""
    return ndtr((intensity[:, None] - thresholds[None, :]) / sigma[:, None])
