"""The location likelihood on a grid: one call per grid.

`reassoc` lets the compiler use its vector registers for sums over stations; the tests bound what that
changes against a plain twin. It stands on functions that write no array: where one is written, the
compiler makes two versions of the loop and chooses by addresses, and the two would round differently.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

import seiswarn.jit  # noqa: F401 - says where compiled kernels are kept
from seiswarn.geo import DEG_KM, EARTH_RADIUS_KM
from seiswarn.source.traveltime import DEPTH_STEP_KM, DISTANCE_STEP_KM

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

STUDENT_NU = 3.0  # weights of the origin time: a wrong pick hardly moves it
OUTLIER = 0.02  # chance that a pick is plain wrong: caps what one can cost at -log(0.02)
MISS_COST = 1.4  # -log(0.25): a live station nearer than the picks that should have triggered and did not
SILENT_MARGIN_S = 1.0
# S: the path's share of the error counts from the origin, since S-P is what S adds, and Vp/Vs varies by some
# percent in itself (Christensen 1996, JGR 101, 3139-3156: 1.68 to 1.84 within the crust).
S_SHARE = 0.03
AMPLITUDE_SIGMA = 0.35  # of log10 Pd at a station: 0.305 (Wu and Zhao 2006) and as much as the window adds
AMPLITUDE_LOG = 0.5 * 1.374 / math.log(10.0)  # log10 of the decay R^1.374, from ln R^2
AMPLITUDE_FLOOR = -math.log(0.02)  # what an amplitude that is plain wrong costs at most
# How far off a global 1-D model is for a region: crusts have mean P velocities of 6.45 +- 0.21 km/s
# (Christensen and Mooney 1995, JGR 100, 9761-9788). Common to all paths of an event, so it does not average
# out.
SLOWNESS_SIGMA = 0.033
SIXTH = 1.0 / 6.0
LOG_EVERY = 32  # factors whose product is formed before its logarithm: far from over- and underflow


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
def _at_depths(table: F64, depths_km: F64, out: F64) -> None:
    """(n_depth, n_distance) rows of a travel-time table at any depths, linear between its own."""
    for d in range(depths_km.size):
        at = min(max(depths_km[d] / DEPTH_STEP_KM, 0.0), table.shape[0] - 1.001)
        k = int(at)
        for x in range(table.shape[1]):
            out[d, x] = table[k, x] + (at - k) * (table[k + 1, x] - table[k, x])


@njit(cache=True, nogil=True)
def _place(
    units: F64,
    x: float,
    y: float,
    z: float,
    n_columns: int,
    limit_km: float,
    dist: F64,
    which: I64,
    at: I64,
    part: F64,
) -> int:
    """Stations nearer than `limit_km`: how far, who, between which columns of a table; returns how many."""
    n = 0
    for k in range(units.shape[0]):
        d = _arc_km(units[k], x, y, z)
        if d < limit_km:
            column = min(int(d / DISTANCE_STEP_KM), n_columns - 2)
            dist[n], which[n], at[n] = d, k, column
            part[n] = d / DISTANCE_STEP_KM - column
            n += 1
    return n


@njit(cache=True, nogil=True)
def _median(values: F64, order: I64) -> float:
    """The median; `order` is left sorted by value, and from one node to the next it hardly changes."""
    n = values.size
    for i in range(1, n):
        this = order[i]
        k = i - 1
        while k >= 0 and values[order[k]] > values[this]:
            order[k + 1] = order[k]
            k -= 1
        order[k + 1] = this
    return 0.5 * (values[order[(n - 1) // 2]] + values[order[n // 2]])


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _exp_minus(y: float) -> float:
    """exp(-y) for 0 <= y <= 50, to 1e-12: six terms of the series at y / 64, to the 64th power."""
    z = y / 64.0
    e = 1.0 - z * (
        1.0 - z * (0.5 - z * (SIXTH - z * (SIXTH / 4.0 - z * (SIXTH / 20.0 - z * (SIXTH / 120.0)))))
    )
    e2 = e * e
    e4 = e2 * e2
    e8 = e4 * e4
    e16 = e8 * e8
    e32 = e16 * e16
    return e32 * e32


@njit(cache=True, nogil=True, fastmath={"reassoc"})
def _log_of_product(factors: F64) -> float:
    """Sum of the logarithms of factors between 1e-9 and 1e9."""
    total = 0.0
    for first in range(0, factors.size, LOG_EVERY):
        product = 1.0
        for k in range(first, min(factors.size, first + LOG_EVERY)):
            product *= factors[k]
        total += math.log(product)
    return total


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "nsz"})
def line_of(values: F64, beyond: F64, var: F64, about: float, slope: float) -> tuple[float, float]:
    """Origin time and slowness error that explain `values` best, weighted for a Student distribution.

    The line about + slope * beyond of the step before gives the weights. The slowness error is of the whole
    region, so its prior counts once for all arrivals.
    """
    sw, swx, swxx, swy, swxy = 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(values.size):
        x = beyond[k]
        # (nu + 1) / (nu var + r^2): about 1 / var where the residual is small, to weigh against the prior
        w = (STUDENT_NU + 1.0) / (STUDENT_NU * var[k] + (values[k] - about - slope * x) ** 2)
        sw += w
        swx += w * x
        swxx += w * x * x
        swy += w * values[k]
        swxy += w * x * values[k]
    swxx += 1.0 / SLOWNESS_SIGMA**2
    b = (sw * swxy - swx * swy) / (sw * swxx - swx * swx)
    return (swy - b * swx) / sw, b


@njit(cache=True, nogil=True, error_model="numpy")
def _node(
    row: F64,
    row_s: F64,
    n_p: int,
    column: I64,
    part: F64,
    t_s: F64,
    var0: F64,
    share: float,
    order: I64,
    diff: F64,
    beyond: F64,
    var: F64,
) -> tuple[float, float]:
    """Log-likelihood of the arrivals at one node and its origin time; rows have the times of its depth.

    The first `n_p` arrivals are P, the others S.
    """
    n = t_s.size
    nearest = math.inf
    for k in range(n_p):
        tt = row[column[k]] + part[k] * (row[column[k] + 1] - row[column[k]])
        nearest = min(nearest, tt)
        diff[k] = t_s[k] - tt
    for k in range(n_p):
        beyond[k] = t_s[k] - diff[k] - nearest
        var[k] = var0[k] + (share * beyond[k]) ** 2
    t0 = _median(diff[:n_p], order)
    for k in range(n_p, n):
        tt = row_s[column[k]] + part[k] * (row_s[column[k] + 1] - row_s[column[k]])
        diff[k] = t_s[k] - tt
        beyond[k] = tt - nearest
        var[k] = var0[k] + (S_SHARE * tt) ** 2
    slope = 0.0
    for _ in range(3):
        t0, slope = line_of(diff, beyond, var, t0, slope)
    for k in range(n):
        half = min(0.5 * (diff[k] - t0 - slope * beyond[k]) ** 2 / var[k], 50.0)
        diff[k] = (1.0 - OUTLIER) * _exp_minus(half) + OUTLIER
    return _log_of_product(diff) - 0.5 * (slope / SLOWNESS_SIGMA) ** 2, t0


@njit(cache=True, nogil=True, error_model="numpy")
def _amplitudes(which: I64, log_a: F64, dist: F64, depth_km: float, level: F64) -> float:
    """Cost of amplitudes that do not fall off with distance as those of one source do."""
    n = which.size
    mean = 0.0
    for k in range(n):
        d = dist[which[k]]
        level[k] = log_a[k] + AMPLITUDE_LOG * math.log(d * d + depth_km * depth_km)
        mean += level[k] / n
    total, weights = 0.0, 0.0
    for k in range(n):
        w = 1.0 / (STUDENT_NU * AMPLITUDE_SIGMA**2 + (level[k] - mean) ** 2)
        total += w * level[k]
        weights += w
    cost = 0.0
    for k in range(n):
        cost += min(0.5 * ((level[k] - total / weights) / AMPLITUDE_SIGMA) ** 2, AMPLITUDE_FLOOR)
    return cost


@njit(cache=True, nogil=True)
def _silence(
    row: F64, which: I64, at: I64, part: F64, t0: float, share: float, since: F64, until: F64
) -> float:
    """Cost of the live stations without a pick, `which` are near, that P from this node has passed."""
    cost = 0.0
    for k in range(which.size):
        tt = row[at[k]] + part[k] * (row[at[k] + 1] - row[at[k]])
        due = t0 + tt
        if since[which[k]] < due and due + SILENT_MARGIN_S + share * tt < until[which[k]]:
            cost += MISS_COST
    return cost


@njit(cache=True, nogil=True)
def _parents(a: int, b: int, n_north: int, n_east: int) -> tuple[int, int, int, int]:
    """The even rows and columns around a node: first and last of each."""
    a1 = a + a % 2 if a + a % 2 < n_north else a - a % 2
    b1 = b + b % 2 if b + b % 2 < n_east else b - b % 2
    return a - a % 2, a1, b - b % 2, b1


@njit(cache=True, nogil=True)
def score_grid(
    north_km: F64,
    east_km: F64,
    depths_km: F64,
    depth_cost: F64,
    lat0: float,
    lon0: float,
    sta_u: F64,
    n_p: int,
    t_s: F64,
    sigma_s: F64,
    share: float,
    decay: float,
    with_a: I64,
    log_a: F64,
    silent_u: F64,
    silent_from_s: F64,
    silent_to_s: F64,
    table_p: F64,
    table_s: F64,
    cut: float,
    loglik: F64,
    origin_s: F64,
) -> int:
    """Log-likelihood and best origin time on a grid; returns how many nodes were computed.

    Parameters
    ----------
    north_km, east_km, depths_km
        node coordinates around (`lat0`, `lon0`) in degrees; output is (n_depth, n_north, n_east).
    depth_cost
        (n_depth,) what the prior on depth takes off.
    sta_u, n_p, t_s, sigma_s
        (n, 3) unit vectors of the stations of n onsets, the first `n_p` of P and the others of S, arrival
        times in s after a common zero, and
        their reading errors; of P a share `share` of the travel time beyond that to the nearest of them is
        added in quadrature (the error of the path they have in common goes into the origin time), of S
        the share S_SHARE of its travel time.
    decay
        weight of the amplitude prior -decay * mean(ln R): the same motion from farther away needs a
        larger earthquake, and those are rarer (see `estimators.point`).
    with_a, log_a
        which P onsets have an amplitude, and log10 of it: they have to fall off as R^-1.374 (Wu and Zhao
        2006), whatever the magnitude.
    silent_u, silent_from_s, silent_to_s
        live stations without a pick, and since and until when their data are known to be quiet.
    table_p, table_s
        tables of first P and S (see `traveltime`).
    cut
        every second node in both directions is computed first; one between them only if a
        neighbour comes within `cut` of the best of those. The others take the value of that neighbour,
        which counts for nothing in the posterior. Infinite: every node is computed.
    loglik, origin_s
        filled: log-likelihood of the arrivals (normal, with a floor for wrong picks) less the costs of
        depth and silent stations, and the origin time in s after the common zero.

    Notes
    -----
    The origin time at a node is the median of arrival less travel time, then three steps of
    iteratively reweighted means: comparing arrivals with each other only, as equal differential times do.
    """
    n, m, n_depths = t_s.size, silent_to_s.size, depths_km.size
    rows, rows_s = np.empty((n_depths, table_p.shape[1])), np.empty((n_depths, table_s.shape[1]))
    _at_depths(table_p, depths_km, rows)
    if n_p < n:
        _at_depths(table_s, depths_km, rows_s)
    level = np.empty(with_a.size)
    var0 = sigma_s * sigma_s
    order, diff, beyond, var = np.arange(n_p), np.empty(n), np.empty(n), np.empty(n)
    dist, all_k, column, part = np.empty(n), np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n)
    s_dist, near, s_column, s_part = np.empty(m), np.empty(m, np.int64), np.empty(m, np.int64), np.empty(m)
    best, computed = -math.inf, 0
    for finer in range(2):
        for a in range(north_km.size):
            lat = math.radians(min(89.9, max(-89.9, lat0 + north_km[a] / DEG_KM)))
            for b in range(east_km.size):
                if (a % 2 == 0 and b % 2 == 0) == (finer == 1):
                    continue
                a0, a1, b0, b1 = _parents(a, b, north_km.size, east_km.size)
                placed, n_near = False, 0
                for d in range(n_depths):
                    if finer == 1:
                        pa, pb = a0, b0
                        for i in (a0, a1):
                            for j in (b0, b1):
                                if loglik[d, i, j] > loglik[d, pa, pb]:
                                    pa, pb = i, j
                        if loglik[d, pa, pb] < best - cut:
                            loglik[d, a, b], origin_s[d, a, b] = loglik[d, pa, pb], origin_s[d, pa, pb]
                            continue
                    if not placed:
                        placed = True
                        lon = math.radians(lon0 + east_km[b] / (DEG_KM * math.cos(math.radians(lat0))))
                        x, y = math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon)
                        z, columns = math.sin(lat), table_p.shape[1]
                        _place(sta_u, x, y, z, columns, math.inf, dist, all_k, column, part)
                        far = dist[:n_p].max()
                        n_near = _place(silent_u, x, y, z, columns, far, s_dist, near, s_column, s_part)
                    ll, t0 = _node(
                        rows[d], rows_s[d], n_p, column, part, t_s, var0, share, order, diff, beyond, var
                    )
                    for k in range(n_p):
                        diff[k] = dist[k] * dist[k] + depths_km[d] * depths_km[d]
                    ll -= 0.5 * decay * _log_of_product(diff[:n_p]) / n_p + depth_cost[d]
                    if with_a.size and ll >= best - cut:
                        ll -= _amplitudes(with_a, log_a, dist, depths_km[d], level)
                    # A node that is out already becomes no better by what it costs that stations are silent.
                    if ll >= best - cut:
                        ll -= _silence(
                            rows[d], near[:n_near], s_column, s_part, t0, share, silent_from_s, silent_to_s
                        )
                    loglik[d, a, b], origin_s[d, a, b] = ll, t0
                    computed += 1
                    if finer == 0:
                        best = max(best, ll)
    return computed
