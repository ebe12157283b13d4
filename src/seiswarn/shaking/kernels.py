"""Kernels over all places of a forecast. Each has a plain numpy twin in `tests/reference`."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

import seiswarn.jit  # noqa: F401 - says where compiled kernels are kept

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@njit(cache=True, nogil=True)
def spherical(x: float) -> float:
    """Overlap of two spheres, 1 at x = 0 and 0 at x = 1, their distance over the diameter."""
    return 1.0 - 1.5 * x + 0.5 * x * x * x


@njit(cache=True, nogil=True)
def correlation(distance_km: float, range_km: float) -> float:
    """Spherical correlation of residuals: 1 at a point, 0 from `range_km` on."""
    if distance_km >= range_km:
        return 0.0
    return spherical(distance_km / range_km)


@njit(cache=True, nogil=True)
def wavefield(
    first: I64,
    station: I64,
    distance_km: F64,
    level: F64,
    site: F64,
    radius_km: float,
    out: F64,
    deciding: F64,
) -> None:
    """The largest intensity at a station within `radius_km` of each place: PLUM without attenuation.

    Parameters
    ----------
    first, station, distance_km
        lists of `near.Near`, nearest first.
    level
        (n_st,) intensity observed at each station, on ground like the reference; 0 where none is to count.
    site
        (n,) what the ground of each place adds to an intensity on the reference ground.
    out, deciding
        (n,) result, 0 where no station has a level; distance in km to the station that decided it.
    """
    for i in range(first.size - 1):
        best, at = 0.0, 0.0
        for k in range(first[i], first[i + 1]):
            if distance_km[k] > radius_km:
                break
            # Of equal ones the nearest decides: the order of stations never shows.
            if level[station[k]] > best:
                best, at = level[station[k]], distance_km[k]
        out[i] = best + site[i] if best > 0.0 else 0.0
        deciding[i] = at


@njit(cache=True, nogil=True)
def residuals(
    first: I64,
    station: I64,
    distance_km: F64,
    weight: F64,
    known: F64,
    range_km: float,
    out: F64,
    nearest: F64,
) -> None:
    """Sum of weights of stations by correlation: simple kriging with weights solved before.

    `weight` (n_st,) is the inverse covariance times the residuals, 0 where there is none; `known` (n_st,)
    is 1 at the stations that have one; `out` (n,) the correction, `nearest` (n,) the largest
    correlation with a station that has a residual.
    """
    for i in range(first.size - 1):
        total, most = 0.0, 0.0
        for k in range(first[i], first[i + 1]):
            j = station[k]
            if distance_km[k] >= range_km:
                break
            if known[j] > 0.0:
                rho = correlation(distance_km[k], range_km)
                total += rho * weight[j]
                most = max(most, rho)
        out[i] = total
        nearest[i] = most


@njit(cache=True, nogil=True)
def kriging_weights(points: F64, value: F64, range_km: float, nugget: float, radius_km: float) -> F64:
    """(m,) weights of m stations: the inverse of their correlations, `nugget` added at 0, times `value`.

    `points` (m, 3) are unit vectors, `radius_km` that of the sphere. By Cholesky's decomposition, which
    gives the same on every machine.
    """
    m = value.size
    low = np.empty((m, m))
    for i in range(m):
        for j in range(i + 1):
            dx = points[i, 0] - points[j, 0]
            dy = points[i, 1] - points[j, 1]
            dz = points[i, 2] - points[j, 2]
            chord = math.sqrt(dx * dx + dy * dy + dz * dz)
            apart = 2.0 * radius_km * math.asin(min(1.0, 0.5 * chord))
            total = correlation(apart, range_km) + (nugget if i == j else 0.0)
            for k in range(j):
                total -= low[i, k] * low[j, k]
            low[i, j] = math.sqrt(total) if i == j else total / low[j, j]
    out = np.empty(m)
    for i in range(m):
        total = value[i]
        for k in range(i):
            total -= low[i, k] * out[k]
        out[i] = total / low[i, i]
    for i in range(m - 1, -1, -1):
        total = out[i]
        for k in range(i + 1, m):
            total -= low[k, i] * out[k]
        out[i] = total / low[i, i]
    return out


@njit(cache=True, nogil=True)
def neighbours(first: I64, station: I64, site: I64, level: F64, out: F64) -> None:
    """The largest intensity at another site around each station; 0 where there is none."""
    for i in range(first.size - 1):
        best = 0.0
        for k in range(first[i], first[i + 1]):
            j = station[k]
            if site[j] != site[i]:
                best = max(best, level[j])
        out[i] = best


@njit(cache=True, nogil=True)
def exceedance(intensity: F64, sigma: F64, thresholds: F64, out: F64) -> None:
    """(n, k) probability that the intensity reaches each threshold, normally distributed."""
    for i in range(intensity.size):
        scale = 1.0 / (math.sqrt(2.0) * max(sigma[i], 1e-6))
        for k in range(thresholds.size):
            z = (thresholds[k] - intensity[i]) * scale
            # Beyond six it is 0 or 1 to 16 digits; most places are, of most thresholds.
            out[i, k] = 0.5 * math.erfc(z) if -6.0 < z < 6.0 else (0.0 if z > 0.0 else 1.0)
