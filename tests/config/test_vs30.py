import warnings

import numpy as np
import pytest
from scipy.io import netcdf_file

from seiswarn.errors import ConfigError, UsageError
from seiswarn.vs30 import vs30_at

ASCII = """\
ncols 4
nrows 3
xllcorner 104
yllcorner 30
cellsize 0.5
NODATA_value -9999
100 200 300 400
500 -9999 700 800
900 1000 20 1200
"""
# latitude, longitude, what the raster above says there
PLACES = [
    (31.25, 104.25, 100.0),
    (31.01, 105.99, 400.0),
    (30.75, 104.1, 500.0),
    (30.75, 104.7, 0.0),  # no data
    (30.1, 105.1, 0.0),  # 20 m/s is no ground
    (30.01, 105.6, 1200.0),
    (31.6, 104.25, 0.0),
    (29.9, 104.25, 0.0),
    (31.25, 103.9, 0.0),
    (31.25, 106.1, 0.0),
]
LATITUDE, LONGITUDE, EXPECTED = np.array(PLACES).T


def write(path, text):
    path.write_text(text)
    return path


def test_an_ascii_raster_gives_the_cell(tmp_path):
    path = write(tmp_path / "v.asc", ASCII)
    np.testing.assert_array_equal(vs30_at(path, LATITUDE, LONGITUDE, 1.0), EXPECTED)
    centred = ASCII.replace("xllcorner 104", "xllcenter 104.25").replace("yllcorner 30", "YLLCENTER 30.25")
    np.testing.assert_array_equal(vs30_at(write(path, centred), LATITUDE, LONGITUDE, 1.0), EXPECTED)
    np.testing.assert_array_equal(vs30_at(path, LATITUDE, LONGITUDE - 360.0, 1.0), EXPECTED)


def write_netcdf(path, *, names=("lat", "lon"), upwards=True, packed=False, west=104.25, lats=None):
    values = np.array([[100, 200, 300, 400], [500, np.nan, 700, 800], [900, 1000, 20, 1200]])
    lat = np.array([31.25, 30.75, 30.25]) if lats is None else np.array(lats)
    if upwards:
        values, lat = values[::-1], lat[::-1]
    with netcdf_file(str(path), "w") as file:
        for name, nodes in zip(names, (lat, west + 0.5 * np.arange(4)), strict=True):
            file.createDimension(name, len(nodes))
            file.createVariable(name, "d", (name,))[:] = nodes
        grid = file.createVariable("z", "h" if packed else "f", names)
        if packed:
            grid.scale_factor, grid.add_offset, grid._FillValue = 0.5, 10.0, np.int16(-32768)
            values = np.where(np.isnan(values), -32768, (values - 10.0) / 0.5)
        grid[:] = values
    return path


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"upwards": False},
        {"names": ("y", "x")},
        {"packed": True},
        {"west": 104.25 - 360.0},
        {"names": ("latitude", "longitude"), "west": 464.25},
    ],
)
def test_a_netcdf_raster_gives_the_same(tmp_path, form):
    path = write_netcdf(tmp_path / "v.grd", **form)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the mapped file must be let go of
        found = vs30_at(path, LATITUDE, LONGITUDE, 1.0)
    np.testing.assert_array_equal(found, EXPECTED)


def test_a_table_gives_the_nearest_row_within_the_distance(tmp_path):
    path = write(
        tmp_path / "v.csv", "# notes\nname,longitude,latitude,vs30_mps\nA,104,30,300\nB,105,30,500\n"
    )
    km = 1.0 / 111.195
    found = vs30_at(
        path, np.array([30.0, 30 + 1.9 * km, 30 + 2.1 * km]), np.array([104.0, 105.0, 105.0]), 2.0
    )
    assert found.tolist() == [300.0, 500.0, 0.0]


@pytest.mark.parametrize(
    ("name", "text", "line", "words"),
    [
        ("v.csv", "latitude,longitude\n1,2\n", 1, "no column vs30_mps"),
        ("v.csv", "latitude,longitude,vs30_mps\n1,2,300\n1,2\n", 3, "must be numbers"),
        ("v.csv", "latitude,longitude,vs30_mps\n1,2,x\n", 2, "must be numbers"),
        ("v.csv", "latitude,longitude,vs30_mps\n106,23,300\n", 2, "are latitude and longitude exchanged?"),
        ("v.csv", "latitude,longitude,vs30_mps\n1,2,0.4\n", 2, "no ground has a Vs30 of 0.4 m/s"),
        ("v.csv", "latitude,longitude,vs30_mps\n1,2,nan\n", 2, "no ground has"),
        ("v.csv", "", 0, "holds no row"),
        ("v.asc", ASCII.replace("ncols 4\n", ""), 1, "no ncols"),
        ("v.asc", ASCII.replace("cellsize 0.5\n", ""), 1, "no cellsize"),
        ("v.asc", ASCII.replace("ncols 4", "ncols four"), 1, "four is no number"),
        ("v.asc", ASCII.replace("ncols 4", "ncols 1e999"), 1, "must be whole numbers"),
        ("v.asc", ASCII.replace("cellsize 0.5", "cellsize 500"), 1, "is no grid in degrees"),
        ("v.asc", ASCII.replace("500 -9999 700 800", "500 -9999 700"), 8, "has 3 values where ncols is 4"),
        ("v.asc", ASCII.replace("500 -", "x -"), 8, "no number"),
    ],
)
def test_broken_files_are_told_with_file_and_line(tmp_path, name, text, line, words):
    path = write(tmp_path / name, text)
    with pytest.raises(ConfigError) as caught:
        vs30_at(path, LATITUDE, LONGITUDE, 1.0)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == (str(path), line)
    assert words in str(problem)


def test_all_broken_rows_of_a_table_are_told(tmp_path):
    path = write(tmp_path / "v.csv", "latitude,longitude,vs30_mps\n1,2,x\n1,2,300\n1,2,9000\n")
    with pytest.raises(ConfigError) as caught:
        vs30_at(path, LATITUDE, LONGITUDE, 1.0)
    assert [p.line for p in caught.value.problems] == [2, 4]


def test_other_files_are_told(tmp_path):
    for name, content, words in (
        ("v.nc", b"\x89HDF\r\n\x1a\n" + bytes(200), "nccopy -k classic"),
        ("v.grd", b"CDF\x01" + bytes(9), "is no whole netCDF-3 file"),
        ("v.tif", b"II*\x00\xff\xfe", "name a raster .asc, .grd or .nc"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(UsageError, match=words):
            vs30_at(path, LATITUDE, LONGITUDE, 1.0)
    with pytest.raises(UsageError, match="No such file"):
        vs30_at(tmp_path / "none.csv", LATITUDE, LONGITUDE, 1.0)
    with pytest.raises(UsageError, match="holds no grid over latitude and longitude"):
        vs30_at(write_netcdf(tmp_path / "v.nc", names=("a", "b")), LATITUDE, LONGITUDE, 1.0)
    with pytest.raises(UsageError, match="equal steps"):
        vs30_at(write_netcdf(tmp_path / "v.nc", lats=[31.25, 30.9, 30.25]), LATITUDE, LONGITUDE, 1.0)
