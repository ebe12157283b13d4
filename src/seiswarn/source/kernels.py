"""The location likelihood on a grid: one call per grid."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from seiswarn.geo import DEG_KM, EARTH_RADIUS_KM
from seiswarn.source.traveltime import lookup

F64 = npt.NDArray[np.float64]

STUDENT_NU = 3.0  # weights of the origin time: a wrong pick hardly moves it
OUTLIER = 0.02  # chance that a pick is plain wrong: caps what one can cost at -log(0.02)
MISS_COST = 1.4  # -log(0.25): a live station nearer than the picks that should have triggered and did not
SILENT_MARGIN_S = 1.0


@njit(cache=True, nogil=True)
def unit_vectors(lat: F64, lon: F64, out: F64) -> None:
    """(n, 3) unit vectors of points in degrees."""
    for k in range(lat.size):
        c = math.cos(math.radians(lat[k]))
        out[k, 0] = c * math.cos(math.radians(lon[k]))
        out[k, 1] = c * math.sin(math.radians(lon[k]))
        out[k, 2] = math.sin(math.radians(lat[k]))


@njit(cache=True, nogil=True, inline="always")
def _arc_km(u: F64, x: float, y: float, z: float) -> float:
    """Great-circle distance from the chord: the series is exact to 1 m below 2000 km."""
    c2 = (u[0] - x) ** 2 + (u[1] - y) ** 2 + (u[2] - z) ** 2
    return EARTH_RADIUS_KM * math.sqrt(c2) * (1.0 + c2 / 24.0 + 3.0 * c2 * c2 / 640.0)


@njit(cache=True, nogil=True)
def _sort(a: F64, n: int) -> None:
    for i in range(1, n):
        v = a[i]
        k = i - 1
        while k >= 0 and a[k] > v:
            a[k + 1] = a[k]
            k -= 1
        a[k + 1] = v


@njit(cache=True, nogil=True)
def score_grid(
    north_km: F64,
    east_km: F64,
    depths_km: F64,
    lat0: float,
    lon0: float,
    sta_u: F64,
    t_s: F64,
    sigma_s: F64,
    share: float,
    decay: float,
    silent_u: F64,
    silent_from_s: F64,
    silent_to_s: F64,
    table_p: F64,
    loglik: F64,
    origin_s: F64,
) -> None:
    """Log-likelihood and best origin time at every node.

    Parameters
    ----------
    north_km, east_km, depths_km
        node coordinates around (`lat0`, `lon0`) in degrees; output is (n_depth, n_north, n_east).
    sta_u, t_s, sigma_s
        (n, 3) unit vectors of the picked stations, arrival times in s after a common zero, and
        their reading errors; a share `share` of the travel time beyond that to the nearest of them is
        added in quadrature (the error of the path they have in common goes into the origin time).
    decay
        weight of the amplitude prior -decay * mean(ln R): the same motion from farther away needs a
        larger earthquake, and those are rarer (see `estimators.point`).
    silent_u, silent_from_s, silent_to_s
        live stations without a pick, and since and until when their data are known to be quiet.
    table_p
        first-P table (see `traveltime`).
    loglik, origin_s
        filled: log-likelihood of the arrivals (normal, with a floor for wrong picks) less the cost of
        silent stations, and the origin time in s after the common zero.

    Notes
    -----
    The origin time at a node is the median of arrival less travel time, then three steps of
    iteratively reweighted means: comparing arrivals with each other only, as equal differential times do.
    """
    n = t_s.size
    diff = np.empty(n)
    sorted_diff = np.empty(n)
    dist = np.empty(n)
    var = np.empty(n)
    for a in range(north_km.size):
        lat = min(89.9, max(-89.9, lat0 + north_km[a] / DEG_KM))
        cos_lat = math.cos(math.radians(lat))
        for b in range(east_km.size):
            lon = lon0 + east_km[b] / (DEG_KM * math.cos(math.radians(lat0)))
            x = cos_lat * math.cos(math.radians(lon))
            y = cos_lat * math.sin(math.radians(lon))
            z = math.sin(math.radians(lat))
            far = 0.0
            for k in range(n):
                dist[k] = _arc_km(sta_u[k], x, y, z)
                far = max(far, dist[k])
            for d in range(depths_km.size):
                nearest = math.inf
                log_r = 0.0
                for k in range(n):
                    tt = lookup(table_p, dist[k], depths_km[d])
                    nearest = min(nearest, tt)
                    var[k] = tt
                    diff[k] = t_s[k] - tt
                    sorted_diff[k] = diff[k]
                    log_r += 0.5 * math.log(dist[k] * dist[k] + depths_km[d] * depths_km[d])
                for k in range(n):
                    var[k] = sigma_s[k] ** 2 + (share * (var[k] - nearest)) ** 2
                _sort(sorted_diff, n)
                t0 = 0.5 * (sorted_diff[(n - 1) // 2] + sorted_diff[n // 2])
                for _ in range(3):
                    sw, swt = 0.0, 0.0
                    for k in range(n):
                        r2 = (diff[k] - t0) ** 2 / var[k]
                        w = 1.0 / (var[k] * (STUDENT_NU + r2))
                        sw += w
                        swt += w * diff[k]
                    t0 = swt / sw
                ll = -decay * log_r / n
                for k in range(n):
                    r2 = (diff[k] - t0) ** 2 / var[k]
                    ll += math.log((1.0 - OUTLIER) * math.exp(-0.5 * min(r2, 100.0)) + OUTLIER)
                for k in range(silent_to_s.size):
                    ds = _arc_km(silent_u[k], x, y, z)
                    if ds >= far:
                        continue
                    due = t0 + lookup(table_p, ds, depths_km[d])
                    if silent_from_s[k] < due and due + SILENT_MARGIN_S + share * (due - t0) < silent_to_s[k]:
                        ll -= MISS_COST
                loglik[d, a, b] = ll
                origin_s[d, a, b] = t0
