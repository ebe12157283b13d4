"""A regular grid of nodes over a network, for maps of what is forecast."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seiswarn.geo import DEG_KM

F64 = npt.NDArray[np.float64]

MAX_COS_LATITUDE = 85.0  # nearer to a pole a grid regular in degrees makes no sense


@dataclass(frozen=True, slots=True, eq=False)
class GridNodes:
    """Nodes in rows from north to south, in a row from west to east.

    Node ``k`` is row ``k // n_columns``, column ``k % n_columns``. Longitudes of a grid across the
    antimeridian run on beyond 180 in `west` and the steps, and are wrapped in `longitude`.

    Attributes
    ----------
    latitude, longitude
        (n_rows * n_columns,) degrees.
    vs30_mps
        (n_rows * n_columns,) m/s; 0: unknown.
    n_rows, n_columns
        The shape.
    north, west
        Latitude and longitude of the first node, in the corner, degrees.
    step_latitude, step_longitude
        Degrees from row to row (southward) and column to column (eastward); both positive.
    spacing_km
        The spacing they come to at the middle of the grid.
    asked_km
        The spacing that was asked for; smaller than `spacing_km` when that took too many nodes.
    """

    latitude: F64
    longitude: F64
    vs30_mps: F64
    n_rows: int
    n_columns: int
    north: float
    west: float
    step_latitude: float
    step_longitude: float
    spacing_km: float
    asked_km: float

    def __len__(self) -> int:
        return self.n_rows * self.n_columns

    @property
    def coarsened(self) -> bool:
        """Whether the spacing had to be widened to keep to the largest number of nodes."""
        return self.spacing_km > self.asked_km


def grid_nodes(
    latitudes: F64, longitudes: F64, spacing_km: float, margin_km: float, max_nodes: int
) -> GridNodes:
    """The grid over all of (n,) `latitudes`, `longitudes` (degrees) and `margin_km` around them.

    Regular in degrees, with `spacing_km` at its middle latitude; the nodes cover the area or a little
    more. When that takes more than `max_nodes`, a wider spacing is taken, within about 1 % the smallest
    that does not. Raises ValueError without points, with a spacing not above 0, with fewer than 4 nodes.
    """
    if len(latitudes) == 0 or spacing_km <= 0.0 or max_nodes < 4:
        raise ValueError(f"no grid over {len(latitudes)} points every {spacing_km} km of {max_nodes} nodes")
    west, east = _span(np.asarray(longitudes, dtype=np.float64))
    south, north = float(np.min(latitudes)), float(np.max(latitudes))
    around = margin_km / DEG_KM
    south, north = max(south - around, -90.0), min(north + around, 90.0)
    squeeze = _cosine(max(abs(south), abs(north)))  # the margin holds along the row nearest to a pole
    west, east = west - around / squeeze, east + around / squeeze
    middle = _cosine(0.5 * (south + north))
    step, rows, columns = spacing_km, 0, 0
    while True:
        rows = _count(north - south, step / DEG_KM)
        columns = _count(min(east - west, 360.0), step / DEG_KM / middle)
        if rows * columns <= max_nodes:
            break
        step *= max(1.01, 0.99 * math.sqrt(rows * columns / max_nodes))
    d_lat, d_lon = step / DEG_KM, step / DEG_KM / middle
    # what the steps reach too far is shared between the two sides
    top = min(0.5 * (north + south) + 0.5 * (rows - 1) * d_lat, 90.0)
    left = 0.5 * (west + east) - 0.5 * (columns - 1) * d_lon
    lat = np.repeat(np.maximum(top - d_lat * np.arange(rows), -90.0), columns)
    lon = np.tile(left + d_lon * np.arange(columns), rows)
    wrapped = (lon + 180.0) % 360.0 - 180.0
    lon = np.where((lon < -180.0) | (lon > 180.0), wrapped, lon)
    return GridNodes(lat, lon, np.zeros(len(lat)), rows, columns, top, left, d_lat, d_lon, step, spacing_km)


def _cosine(latitude: float) -> float:
    return math.cos(math.radians(min(abs(latitude), MAX_COS_LATITUDE)))


def _count(extent: float, step: float) -> int:
    """Nodes of a row that covers `extent`; rounding must not add one to an exact fit."""
    return max(math.ceil(extent / step - 1e-9), 0) + 1


def _span(longitudes: F64) -> tuple[float, float]:
    """West and east of the shortest arc that holds all longitudes; east may exceed 180."""
    ordered = np.unique(longitudes % 360.0)
    gaps = np.diff(ordered, append=ordered[0] + 360.0)
    widest = int(np.argmax(gaps))
    west = float(ordered[(widest + 1) % len(ordered)])
    east = float(ordered[widest])
    if east < west:
        east += 360.0
    if west >= 180.0:
        west, east = west - 360.0, east - 360.0
    return west, east
