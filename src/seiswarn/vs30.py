"""Vs30 of places out of a file: a table of points, or a raster. Read when a run is set up, never later.

Vs30 is the mean shear-wave velocity of the upper 30 m, m/s. Where a file says nothing of a place (no row
near enough, no data, sea, outside) it is 0, unknown.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seiswarn.errors import ConfigError, ConfigProblem
from seiswarn.nearest import nearest

F64 = npt.NDArray[np.float64]

COLUMNS = ("latitude", "longitude", "vs30_mps")
RASTERS = (".asc", ".grd", ".nc")
# What ground can have: soft clay to hard rock. Other values of a raster mark sea or missing data.
MIN_MPS, MAX_MPS = 50.0, 3000.0


def vs30_at(path: Path, latitude: F64, longitude: F64, within_km: float) -> F64:
    """Vs30 in m/s at (n,) places in degrees, 0 where it is unknown.

    A file called .asc is an ESRI ASCII grid, .grd or .nc a netCDF-3 (GMT) grid: the value of the cell a
    place lies in. Any other is a CSV of latitude, longitude, vs30_mps: the value of the nearest row, at
    most `within_km` away. Raises ConfigError with file, line and what to do when it cannot be read.
    """
    suffix = path.suffix.lower()
    try:
        if suffix == ".asc":
            return _from_ascii(path, latitude, longitude)
        if suffix in RASTERS:
            from seiswarn.vs30_netcdf import from_netcdf

            return known(from_netcdf(path, latitude, longitude))
        return _from_table(path, latitude, longitude, within_km)
    except OSError as error:
        raise wrong(path, 0, f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        hint = "name a raster .asc, .grd or .nc, and save a table as UTF-8"
        raise wrong(path, 0, "is no text in UTF-8", hint) from error


def wrong(path: Path, line: int, message: str, suggestion: str = "") -> ConfigError:
    """The error of one problem of a Vs30 file."""
    return ConfigError([ConfigProblem(str(path), line, "vs30", message, suggestion)])


def known(values: F64) -> F64:
    """The same with 0 for what no ground can have, NaN among it."""
    return np.where((values >= MIN_MPS) & (values <= MAX_MPS), values, 0.0)


def _from_table(path: Path, latitude: F64, longitude: F64, within_km: float) -> F64:
    rows: list[tuple[float, float, float]] = []
    problems: list[ConfigProblem] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        head: list[str] | None = None
        for cells in reader:
            if not any(cells) or cells[0].startswith("#"):
                continue
            if head is None:
                head = [cell.strip() for cell in cells]
                missing = [name for name in COLUMNS if name not in head]
                if missing:
                    text = f"the head line has no column {missing[0]}"
                    raise wrong(path, reader.line_num, text, "columns: " + ",".join(COLUMNS))
                at = [head.index(name) for name in COLUMNS]
                continue
            message = ""
            try:
                lat, lon, value = (float(cells[k]) for k in at)
                message = _unsound(lat, lon, value)
            except (ValueError, IndexError):
                message = "latitude, longitude and vs30_mps must be numbers"
            if message:
                problems.append(ConfigProblem(str(path), reader.line_num, "vs30", message))
            else:
                rows.append((lat, lon, value))
    if problems:
        raise ConfigError(problems)
    if not rows:
        raise wrong(path, 0, "holds no row", "columns: " + ",".join(COLUMNS))
    table = np.array(rows)
    km, index = nearest(latitude, longitude, table[:, 0], table[:, 1])
    return np.where(km <= within_km, table[index, 2], 0.0)


def _unsound(latitude: float, longitude: float, value: float) -> str:
    """What is wrong with a row of a table; empty when nothing is."""
    if 90.0 < abs(latitude) <= 180.0 and abs(longitude) <= 90.0:
        return f"a latitude of {latitude:g} does not exist: are latitude and longitude exchanged?"
    if not (abs(latitude) <= 90.0 and abs(longitude) <= 360.0):
        return f"({latitude:g}, {longitude:g}) is no place on Earth"
    if not MIN_MPS <= value <= MAX_MPS:
        return f"no ground has a Vs30 of {value:g} m/s (allowed: {MIN_MPS:g} to {MAX_MPS:g})"
    return ""


def _from_ascii(path: Path, latitude: F64, longitude: F64) -> F64:
    """ESRI ASCII grid: a head of keys and values, then rows from north to south, one to a line."""
    with path.open(encoding="utf-8-sig") as file:
        head: dict[str, float] = {}
        first = ""
        line = 0
        for first in file:
            line += 1
            words = first.split()
            if not words or not words[0][0].isalpha() or len(words) != 2:
                break
            try:
                head[words[0].lower()] = float(words[1])
            except ValueError as error:
                raise wrong(path, line, f"{words[1]} is no number") from error
        rows, columns, west, north, d_lat, d_lon = _ascii_frame(path, head)
        row = np.floor((north - latitude) / d_lat).astype(np.int64)
        column = np.floor(((longitude - west) % 360.0) / d_lon).astype(np.int64)
        inside = (row >= 0) & (row < rows) & (column < columns)
        wanted = set(row[inside].tolist())
        found = np.zeros(len(latitude))
        for k in range(rows):
            text = first if k == 0 else file.readline()
            if k not in wanted:
                continue
            values = np.array(text.split(), dtype=object)
            if len(values) != columns:
                raise wrong(path, line + k, f"has {len(values)} values where ncols is {columns}")
            here = np.flatnonzero(inside & (row == k))
            try:
                found[here] = values[column[here]].astype(np.float64)
            except ValueError as error:
                raise wrong(path, line + k, f"holds something that is no number: {error}") from error
    found[found == head.get("nodata_value", -9999.0)] = 0.0
    return known(found)


def _ascii_frame(path: Path, head: dict[str, float]) -> tuple[int, int, float, float, float, float]:
    """Rows, columns, western and northern edge and the steps in degrees, out of the head."""
    try:
        rows, columns = int(head["nrows"]), int(head["ncols"])
        d_lon, d_lat = head.get("dx", head.get("cellsize")), head.get("dy", head.get("cellsize"))
        if d_lon is None or d_lat is None:
            raise KeyError("cellsize")
        west = head["xllcorner"] if "xllcorner" in head else head["xllcenter"] - 0.5 * d_lon
        south = head["yllcorner"] if "yllcorner" in head else head["yllcenter"] - 0.5 * d_lat
    except KeyError as error:
        hint = "an ESRI ASCII grid has ncols, nrows, xllcorner, yllcorner, cellsize, NODATA_value"
        raise wrong(path, 1, f"the head has no {error.args[0]}", hint) from error
    except (ValueError, OverflowError) as error:
        raise wrong(path, 1, "ncols and nrows must be whole numbers") from error
    sound = rows > 0 and columns > 0 and d_lat > 0 and d_lon > 0 and abs(south) <= 90 and abs(west) <= 360
    if not sound or not math.isfinite(west) or south + rows * d_lat > 90.5:
        raise wrong(path, 1, "is no grid in degrees", "reproject it to WGS 84 latitude and longitude")
    return rows, columns, west, south + rows * d_lat, d_lat, d_lon
