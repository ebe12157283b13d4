"""The nearest of many places, for many places at once. For set-up; not on the path of a packet."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seiswarn.geo import EARTH_RADIUS_KM

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


def nearest(latitude: F64, longitude: F64, of_latitude: F64, of_longitude: F64) -> tuple[F64, I64]:
    """Great-circle distance in km to the nearest of (m,) places, and its index, for each of (n,) places.

    Degrees. Without any place to be near to (m = 0) distances are inf and indices -1. On the sphere of
    `seiswarn.geo`; exact to rounding: the nearest by chord is the nearest by arc.
    """
    from scipy.spatial import cKDTree

    n = len(latitude)
    if len(of_latitude) == 0 or n == 0:
        return np.full(n, np.inf), np.full(n, -1, dtype=np.int64)
    chord, index = cKDTree(_on_sphere(of_latitude, of_longitude)).query(_on_sphere(latitude, longitude))
    arc = 2.0 * np.arcsin(np.minimum(0.5 * chord, 1.0))
    return EARTH_RADIUS_KM * arc, index.astype(np.int64)


def _on_sphere(latitude: F64, longitude: F64) -> F64:
    """(n, 3) unit vectors."""
    lat, lon = np.radians(latitude), np.radians(longitude)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
