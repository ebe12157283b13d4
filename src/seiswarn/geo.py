"""Distances and azimuths on a sphere, for kernels and for whole arrays.

Spherical with the mean radius 6371.0 km: against the ellipsoid the error stays below 0.6 %,
under 1 km at 200 km, well inside location uncertainty.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit

import seiswarn.jit  # noqa: F401 - says where compiled kernels are kept

EARTH_RADIUS_KM = 6371.0
DEG_KM = EARTH_RADIUS_KM * math.pi / 180.0

F64 = npt.NDArray[np.float64]


@njit(cache=True, nogil=True)
def distance_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Great-circle (epicentral) distance in km between two points in degrees (haversine)."""
    p1 = math.radians(lat1)
    p2 = math.radians(lat2)
    dp = math.sin(0.5 * (p2 - p1))
    dl = math.sin(0.5 * math.radians(lon2 - lon1))
    h = dp * dp + math.cos(p1) * math.cos(p2) * dl * dl
    return 2.0 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(h)))


@njit(cache=True, nogil=True)
def azimuth_deg(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Azimuth in degrees (0 to 360, clockwise from north) from point 1 to point 2."""
    p1 = math.radians(lat1)
    p2 = math.radians(lat2)
    dl = math.radians(lon2 - lon1)
    y = math.sin(dl) * math.cos(p2)
    x = math.cos(p1) * math.sin(p2) - math.sin(p1) * math.cos(p2) * math.cos(dl)
    return math.degrees(math.atan2(y, x)) % 360.0


@njit(cache=True, nogil=True)
def offset_deg(lat: float, lon: float, north_km: float, east_km: float) -> tuple[float, float]:
    """The point `north_km` and `east_km` away on the local tangent plane (for distances << radius)."""
    lat2 = min(89.9, max(-89.9, lat + north_km / DEG_KM))
    lon2 = lon + east_km / (DEG_KM * math.cos(math.radians(lat)))
    return lat2, (lon2 + 180.0) % 360.0 - 180.0


def distances_km(lat: float, lon: float, lats: F64, lons: F64) -> F64:
    """Great-circle distances in km from one point to arrays of points, all in degrees."""
    p1, p2 = math.radians(lat), np.radians(lats)
    dp = np.sin(0.5 * (p2 - p1))
    dl = np.sin(0.5 * np.radians(lons - lon))
    h = dp * dp + math.cos(p1) * np.cos(p2) * dl * dl
    result: F64 = 2.0 * EARTH_RADIUS_KM * np.arcsin(np.minimum(1.0, np.sqrt(h)))
    return result


def unit_points(lats: F64, lons: F64) -> F64:
    """(n, 3) points on the unit sphere, for n places in degrees."""
    p, q = np.radians(lats), np.radians(lons)
    return np.column_stack((np.cos(p) * np.cos(q), np.cos(p) * np.sin(q), np.sin(p)))


def line_distances_km(lat1: float, lon1: float, lat2: float, lon2: float, lats: F64, lons: F64) -> F64:
    """Distances in km from points to the straight line between two, all in degrees.

    On the plane that touches the line's middle: within 1 % up to 500 km, for lines of a few hundred km.
    """
    east = (lon2 - lon1 + 180.0) % 360.0 - 180.0
    lat0, lon0 = 0.5 * (lat1 + lat2), lon1 + 0.5 * east
    shrink = math.cos(math.radians(lat0))
    x = DEG_KM * shrink * ((lons - lon0 + 180.0) % 360.0 - 180.0)
    y = DEG_KM * (lats - lat0)
    hx, hy = 0.5 * DEG_KM * shrink * east, 0.5 * DEG_KM * (lat2 - lat1)
    squared = hx * hx + hy * hy
    along = np.clip((x * hx + y * hy) / squared, -1.0, 1.0) if squared > 0.0 else np.zeros(len(x))
    result: F64 = np.hypot(x - along * hx, y - along * hy)
    return result


def inside(polygon: Sequence[tuple[float, float]], latitude: float, longitude: float) -> bool:
    """Whether a point is in a polygon of (latitude, longitude) corners, by crossings of a ray.

    Straight lines in degrees; the polygon may not cross the date line.
    """
    odd = False
    lat1, lon1 = polygon[-1]
    for lat2, lon2 in polygon:
        if (lat1 > latitude) != (lat2 > latitude) and longitude < lon1 + (latitude - lat1) * (lon2 - lon1) / (
            lat2 - lat1
        ):
            odd = not odd
        lat1, lon1 = lat2, lon2
    return odd
