"""Which stations are near which places: lists made once, since neither moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seiswarn.geo import EARTH_RADIUS_KM, unit_points

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """Stations within a radius of each of n places.

    Those of place i are ``station[first[i]:first[i + 1]]``, the nearest first (of equally near ones in the
    order of the station table), at ``distance_km`` likewise.
    """

    first: I64
    station: I64
    distance_km: F64


def near(latitude: F64, longitude: F64, st_latitude: F64, st_longitude: F64, radius_km: float) -> Near:
    """The stations within `radius_km` (great circle) of each place, all in degrees."""
    from scipy.spatial import cKDTree

    n = len(latitude)
    if not n or not len(st_latitude):
        return Near(np.zeros(n + 1, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0))
    chord = 2.0 * np.sin(0.5 * radius_km / EARTH_RADIUS_KM)
    places, stations = unit_points(latitude, longitude), unit_points(st_latitude, st_longitude)
    lists = cKDTree(stations).query_ball_point(places, chord, return_sorted=True)
    first = np.concatenate(([0], np.cumsum([len(k) for k in lists]))).astype(np.int64)
    station = np.array([k for found in lists for k in found], dtype=np.int64)
    of = np.repeat(np.arange(n), np.diff(first))
    gap: F64 = np.sqrt(((places[of] - stations[station]) ** 2).sum(axis=1))
    distance: F64 = 2.0 * EARTH_RADIUS_KM * np.arcsin(np.minimum(1.0, 0.5 * gap))
    order = np.lexsort((station, distance, of))
    return Near(first, station[order], distance[order])
