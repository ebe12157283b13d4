"""One value per place out of a netCDF-3 grid, as GMT and others write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seiswarn.errors import UsageError

F64 = npt.NDArray[np.float64]

LATITUDES, LONGITUDES = ("lat", "latitude", "y"), ("lon", "longitude", "x")
UNEVEN = 0.01  # how far, in steps, a coordinate may lie from where regular ones would be


def from_netcdf(path: Path, latitude: F64, longitude: F64) -> F64:
    """Values at (n,) places in degrees, of the cell around the nearest node; NaN outside and without data.

    The first two-dimensional variable over a latitude (lat, latitude or y) and a longitude (lon,
    longitude or x) is taken, its scale_factor, add_offset, _FillValue and missing_value heeded (netCDF
    conventions). Only the pages of the file that hold wanted values are read. Raises UsageError.
    """
    # Opened twice: while a mapped file is open nothing may be raised that holds on to its arrays.
    with _opened(path) as file:
        frame, names = _frame(file.variables), sorted(file.variables)
    if frame is None:
        raise UsageError(
            f"{path}: holds no grid over latitude and longitude (variables lat, lon or y, x): its variables"
            f" are {', '.join(names)}"
        )
    name, lat, lon = frame
    row, inside_row = _index(path, lat, latitude)
    column, inside_column = _index(path, lon, longitude, around=360.0)
    inside = inside_row & inside_column
    found = np.full(len(latitude), np.nan)
    with _opened(path) as file:
        found[inside] = _values(file.variables[name], row[inside], column[inside])
    return found


def _opened(path: Path) -> Any:
    from scipy.io import netcdf_file

    try:
        return netcdf_file(str(path), "r", mmap=True)
    except (
        TypeError,
        ValueError,
        IndexError,
        KeyError,
    ) as error:  # scipy, of netCDF-4 and of anything broken
        raise UsageError(
            f"{path}: is no whole netCDF-3 file: convert netCDF-4 with `nccopy -k classic IN OUT`"
        ) from error


def _frame(variables: dict[str, Any]) -> tuple[str, F64, F64] | None:
    """The name of the grid and copies of its coordinates; None when there is none."""
    for name, variable in variables.items():
        if len(variable.dimensions) != 2:
            continue
        lat, lon = variable.dimensions
        if lat.lower() in LATITUDES and lon.lower() in LONGITUDES and lat in variables and lon in variables:
            nodes = [np.array(variables[d].data, dtype=np.float64) for d in (lat, lon)]
            return name, nodes[0], nodes[1]
    return None


def _values(variable: Any, row: npt.NDArray[np.int64], column: npt.NDArray[np.int64]) -> F64:
    """The values there, unpacked; NaN where there are no data."""
    raw = np.array(variable.data[row, column], dtype=np.float64)
    for marker in ("_FillValue", "missing_value"):
        raw[raw == _attribute(variable, marker, np.nan)] = np.nan
    return raw * _attribute(variable, "scale_factor", 1.0) + _attribute(variable, "add_offset", 0.0)


def _attribute(variable: Any, name: str, default: float) -> float:
    return float(np.ravel(getattr(variable, name, default))[0])


def _index(
    path: Path, nodes: F64, wanted: F64, around: float = 0.0
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Index of the nearest of regular nodes, either way ordered, and whether the place is in its cell."""
    if len(nodes) < 2:
        raise UsageError(f"{path}: a grid of one row or column cannot be used")
    step = (nodes[-1] - nodes[0]) / (len(nodes) - 1)
    regular = nodes[0] + step * np.arange(len(nodes))
    if step == 0.0 or np.max(np.abs(nodes - regular)) > UNEVEN * abs(step):
        raise UsageError(f"{path}: its nodes do not lie at equal steps: grid it anew")
    low = min(nodes[0], nodes[-1]) - 0.5 * abs(step)
    shifted = low + (wanted - low) % around if around else wanted
    at = np.rint((shifted - nodes[0]) / step).astype(np.int64)
    inside = (at >= 0) & (at < len(nodes))
    return np.where(inside, at, 0), inside
