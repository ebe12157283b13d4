from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from obspy.geodetics import gps2dist_azimuth

from seiswarn import geo

LAT = some.floats(-80, 80).map(lambda x: round(x, 4))
LON = some.floats(-179, 179).map(lambda x: round(x, 4))
STEP = some.floats(-2, 2).map(lambda x: round(x, 4))  # obspy divides by tiny differences


@given(LAT, LON, STEP, STEP)
def test_distance_and_azimuth_follow_the_ellipsoid(lat: float, lon: float, dlat: float, dlon: float) -> None:
    """Against geodesics on WGS84: 0.6 % in distance, as the module says."""
    to_lat, to_lon = lat + dlat, (lon + dlon + 180) % 360 - 180
    metres, azimuth, _ = gps2dist_azimuth(lat, lon, to_lat, to_lon)
    mine = geo.distance_km(lat, lon, to_lat, to_lon)
    assert mine == pytest.approx(metres / 1000, rel=6e-3, abs=1e-3)
    if metres > 5000:
        turn = (geo.azimuth_deg(lat, lon, to_lat, to_lon) - azimuth + 180) % 360 - 180
        assert abs(turn) < 0.5


def test_arrays_equal_the_kernel() -> None:
    lats, lons = np.array([10.0, -33.0, 60.5]), np.array([100.0, 179.5, -20.0])
    one_by_one = [geo.distance_km(20.0, 110.0, a, b) for a, b in zip(lats, lons, strict=True)]
    assert np.allclose(geo.distances_km(20.0, 110.0, lats, lons), one_by_one)


@given(some.floats(-60, 60), LON, some.floats(-100, 100), some.floats(-100, 100))
def test_offset_is_as_far_as_it_says(lat: float, lon: float, north: float, east: float) -> None:
    there = geo.offset_deg(lat, lon, north, east)
    assert geo.distance_km(lat, lon, *there) == pytest.approx(np.hypot(north, east), rel=0.04, abs=0.01)
