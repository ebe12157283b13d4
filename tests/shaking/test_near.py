"""Lists of the stations around places, against all distances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seiswarn.geo import distances_km
from seiswarn.shaking.near import near

degrees = st.tuples(st.floats(-89.0, 89.0), st.floats(-180.0, 180.0))


@given(st.lists(degrees, max_size=8), st.lists(degrees, max_size=12), st.floats(1.0, 500.0), st.data())
@settings(max_examples=60)
def test_exactly_the_stations_within_the_radius_nearest_first(places, stations, radius_km, data):
    some = data.draw(st.lists(st.sampled_from(stations), max_size=5)) if stations else []
    places = places + [(lat + 0.1 * k, lon) for k, (lat, lon) in enumerate(some)]  # some of them near
    lat, lon = np.array([p[0] for p in places]), np.array([p[1] for p in places])
    st_lat, st_lon = np.array([s[0] for s in stations]), np.array([s[1] for s in stations])
    found = near(lat, lon, st_lat, st_lon, radius_km)
    assert len(found.first) == len(places) + 1
    for i in range(len(places)):
        mine = slice(found.first[i], found.first[i + 1])
        km = distances_km(lat[i], lon[i], st_lat, st_lon)
        edge = np.abs(km - radius_km) < 1e-6
        listed = np.zeros(len(stations), bool)
        listed[found.station[mine]] = True
        assert ((listed == (km <= radius_km)) | edge).all()
        assert (np.diff(found.distance_km[mine]) >= 0.0).all()
        assert len(set(found.station[mine].tolist())) == len(found.station[mine])
        np.testing.assert_allclose(found.distance_km[mine], km[found.station[mine]], rtol=1e-6, atol=1e-4)


def test_across_the_antimeridian_and_at_a_pole():
    found = near(
        np.array([0.0, 89.9]), np.array([179.9, 0.0]), np.array([0.0, 89.9]), np.array([-179.9, 180.0]), 50.0
    )
    assert found.station.tolist() == [0, 1]
    assert found.distance_km == pytest.approx([0.2 * 111.195, 0.2 * 111.195], abs=0.01)


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 3), (3, 0)])
def test_nothing_is_near_nothing(n, m):
    found = near(np.zeros(n), np.zeros(n), np.zeros(m), np.zeros(m), 50.0)
    assert found.first.tolist() == [0] * (n + 1)
    assert len(found.station) == 0
