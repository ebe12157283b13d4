"""First-arrival travel times of P and S from a 1-D model, as tables.

Exact ray theory in a stack of homogeneous layers under the Earth-flattening transformation:
the first arrival is the least of the direct ray and the head waves along every deeper
interface. A table takes a fraction of a second, so it is built at start and never shipped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit

import seiswarn.jit  # noqa: F401 - says where compiled kernels are kept
from seiswarn.geo import EARTH_RADIUS_KM, azimuth_deg, distance_km
from seiswarn.source.velocity import Nodes, layers

F64 = npt.NDArray[np.float64]

DISTANCE_STEP_KM = 2.0
DEPTH_STEP_KM = 2.0
MAX_DISTANCE_KM = 1000.0


@njit(cache=True, nogil=True)
def _direct(x_km: float, thick: F64, slow: F64, n: int) -> float:
    """Time of the upgoing ray through the first `n` layers (thicknesses to the source) to distance x."""
    u_min = slow[0]
    for k in range(n):
        if thick[k] > 0.0:
            u_min = min(u_min, slow[k])
    lo, hi = 0.0, u_min
    for _ in range(60):
        p = 0.5 * (lo + hi)
        x = 0.0
        for k in range(n):
            x += thick[k] * p / math.sqrt(max(slow[k] * slow[k] - p * p, 1e-18))
        if x < x_km:
            lo = p
        else:
            hi = p
    p = 0.5 * (lo + hi)
    t = p * x_km
    for k in range(n):
        t += thick[k] * math.sqrt(max(slow[k] * slow[k] - p * p, 0.0))
    return t


@njit(cache=True, nogil=True)
def first_arrivals(tops: F64, slow: F64, depth_km: float, distances_km: F64, out: F64) -> None:
    """First-arrival times (s) at `distances_km` from a source at `depth_km`, all flattened.

    `tops` (km) and `slow` (s/km) describe homogeneous layers; the last is a half-space.
    """
    n = tops.size
    above = np.zeros(n)  # thickness of each layer above the source
    src = 0
    for k in range(n):
        bottom = tops[k + 1] if k + 1 < n else 1e9
        above[k] = max(0.0, min(bottom, depth_km) - tops[k])
        if tops[k] < depth_km:  # on an interface the source belongs above: the wave along it is a head wave
            src = k
    for j in range(distances_km.size):
        out[j] = _direct(distances_km[j], above, slow, src + 1)
    for m in range(src + 1, n):  # head wave along the top of layer m
        p = slow[m]
        tau, x_crit, possible = 0.0, 0.0, True
        for k in range(m):
            legs = (tops[k + 1] - tops[k]) * 2.0 - above[k]  # down from the source, up to the surface
            q2 = slow[k] * slow[k] - p * p
            if q2 <= 0.0:
                possible = False
                break
            q = math.sqrt(q2)
            tau += legs * q
            x_crit += legs * p / q
        if not possible:
            continue
        for j in range(distances_km.size):
            if distances_km[j] >= x_crit:
                out[j] = min(out[j], tau + p * distances_km[j])


def _flatten(tops_km: F64, v_kmps: F64) -> tuple[F64, F64]:
    """Earth-flattening of layer tops and (mid-layer) velocities: z' = R ln(R / (R - z)), v' = v R / r."""
    r = EARTH_RADIUS_KM
    mids = np.append(0.5 * (tops_km[1:] + tops_km[:-1]), tops_km[-1])
    return r * np.log(r / (r - tops_km)), v_kmps * r / (r - mids)


class TravelTimes:
    """Tables of first P and S over depth and epicentral distance, bilinear between nodes.

    Attributes
    ----------
    p, s
        (n_depth, n_distance) times in s; depth step 2 km, distance step 2 km.
    """

    def __init__(self, model: str, max_depth_km: float, own: Sequence[tuple[str, Nodes]] = ()) -> None:
        tops, vp, vs = layers(model, own)
        self.model = model
        self.depths_km: F64 = np.arange(0.0, max_depth_km + DEPTH_STEP_KM, DEPTH_STEP_KM)
        distances: F64 = np.arange(0.0, MAX_DISTANCE_KM + DISTANCE_STEP_KM, DISTANCE_STEP_KM)
        self.p, self.s = (self._table(tops, v, distances) for v in (vp, vs))

    def _table(self, tops: F64, v: F64, distances: F64) -> F64:
        flat_tops, flat_v = _flatten(tops, v)
        table = np.empty((len(self.depths_km), len(distances)))
        flat_depths = EARTH_RADIUS_KM * np.log(EARTH_RADIUS_KM / (EARTH_RADIUS_KM - self.depths_km))
        for k, depth in enumerate(flat_depths):
            first_arrivals(flat_tops, 1.0 / flat_v, float(depth), distances, table[k])
        return table

    def times(self, distances_km: F64, depth_km: float) -> tuple[F64, F64]:
        """P and S times (s) at arrays of epicentral distances (km) for one source depth (km)."""
        d = np.atleast_1d(np.asarray(distances_km, dtype=np.float64))
        p, s = np.empty(d.size), np.empty(d.size)
        lookup_many(self.p, d, float(depth_km), p)
        lookup_many(self.s, d, float(depth_km), s)
        return p, s


@njit(cache=True, nogil=True)
def arrival(
    p: F64,
    s: F64,
    latitude: float,
    longitude: float,
    depth_km: float,
    to_latitude: float,
    to_longitude: float,
) -> tuple[float, float, float]:
    """Epicentral distance (km) and first P and S times (s) from a source to one place, in degrees."""
    d = distance_km(latitude, longitude, to_latitude, to_longitude)
    return d, lookup(p, d, depth_km), lookup(s, d, depth_km)


@njit(cache=True, nogil=True)
def arrivals(
    p: F64,
    s: F64,
    latitude: float,
    longitude: float,
    depth_km: float,
    to_latitude: F64,
    to_longitude: F64,
    out: F64,
) -> None:
    """Distances (km), azimuths (degrees), first P and S times (s) to n places: the rows of `out` (4, n)."""
    for k in range(to_latitude.size):
        d = distance_km(latitude, longitude, to_latitude[k], to_longitude[k])
        out[0, k] = d
        out[1, k] = azimuth_deg(latitude, longitude, to_latitude[k], to_longitude[k])
        out[2, k] = lookup(p, d, depth_km)
        out[3, k] = lookup(s, d, depth_km)


@njit(cache=True, nogil=True)
def lookup(table: F64, distance_km: float, depth_km: float) -> float:
    """Bilinear value of a table at a distance and depth; beyond its last distance, extrapolated."""
    fd = min(max(depth_km / DEPTH_STEP_KM, 0.0), table.shape[0] - 1.001)
    fx = max(distance_km / DISTANCE_STEP_KM, 0.0)
    kd = int(fd)
    kx = min(int(fx), table.shape[1] - 2)
    wd, wx = fd - kd, fx - kx
    a = table[kd, kx] + wx * (table[kd, kx + 1] - table[kd, kx])
    b = table[kd + 1, kx] + wx * (table[kd + 1, kx + 1] - table[kd + 1, kx])
    return a + wd * (b - a)


@njit(cache=True, nogil=True)
def lookup_many(table: F64, distances_km: F64, depth_km: float, out: F64) -> None:
    """`lookup` for an array of distances."""
    for k in range(distances_km.size):
        out[k] = lookup(table, distances_km[k], depth_km)
