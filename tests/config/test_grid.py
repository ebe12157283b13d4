import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seiswarn.geo import distance_km, distances_km
from seiswarn.grid import grid_nodes
from seiswarn.nearest import nearest

networks = st.lists(st.tuples(st.floats(-60, 60), st.floats(-180, 180)), min_size=1, max_size=8)


def test_a_small_grid_node_by_node():
    # 0.2 by 0.2 degrees at the equator and 11.12 km, a tenth of a degree: three by three
    grid = grid_nodes(np.array([-0.1, 0.1]), np.array([100.0, 100.2]), 11.1195, 0.0, 100)
    assert (grid.n_rows, grid.n_columns, len(grid)) == (3, 3, 9)
    np.testing.assert_allclose(grid.latitude.reshape(3, 3)[:, 0], [0.1, 0.0, -0.1], atol=1e-4)
    np.testing.assert_allclose(grid.longitude.reshape(3, 3)[0], [100.0, 100.1, 100.2], atol=1e-4)
    assert (grid.north, grid.west) == (grid.latitude[0], grid.longitude[0])
    assert not grid.coarsened
    assert grid.vs30_mps.tolist() == [0.0] * 9


@given(
    st.tuples(st.floats(-60, 60), st.floats(-180, 180)),
    st.lists(st.tuples(st.floats(-4, 4), st.floats(-4, 4)), min_size=1, max_size=8),
    st.floats(5, 80),
    st.floats(0, 200),
    st.integers(4, 3000),
)
@settings(deadline=None)
def test_a_grid_is_regular_covers_the_network_and_keeps_to_its_size(centre, offsets, spacing, margin, most):
    lat = np.array([centre[0] + d[0] for d in offsets])
    lon = (np.array([centre[1] + d[1] for d in offsets]) + 180.0) % 360.0 - 180.0
    grid = grid_nodes(lat, lon, spacing, margin, most)
    assert len(grid) == len(grid.latitude) == len(grid.longitude) <= most
    assert grid.coarsened == (grid.spacing_km > spacing)
    row, column = np.divmod(np.arange(len(grid)), grid.n_columns)
    np.testing.assert_allclose(grid.latitude, grid.north - row * grid.step_latitude, atol=1e-9)
    turn = grid.longitude - (grid.west + column * grid.step_longitude)
    np.testing.assert_allclose(turn, 360.0 * np.rint(turn / 360.0), atol=1e-9)
    assert np.all(np.abs(grid.longitude) <= 180.0)
    # every station is inside the outermost nodes, with the margin, and so near to a node
    assert grid.latitude[0] >= lat.max() + margin / 111.2 - 1e-6
    assert grid.latitude[-1] <= lat.min() - margin / 111.2 + 1e-6
    km, _ = nearest(lat, lon, grid.latitude, grid.longitude)
    assert np.all(km <= 1.1 * grid.spacing_km)


def test_too_many_nodes_take_the_least_wider_spacing():
    lat, lon = np.array([20.0, 28.0]), np.array([100.0, 110.0])
    grid = grid_nodes(lat, lon, 1.0, 100.0, 10_000)
    assert grid.coarsened
    assert 9_500 < len(grid) <= 10_000
    middle = distance_km(24.0, 105.0, 24.0, 105.0 + grid.step_longitude)
    assert middle == pytest.approx(grid.spacing_km, rel=1e-3)


def test_a_network_across_the_antimeridian_stays_together():
    grid = grid_nodes(np.array([-17.0, -16.0]), np.array([179.0, -179.0]), 20.0, 50.0, 10_000)
    assert len(grid) < 300
    assert {int(np.sign(x)) for x in grid.longitude} == {-1, 1}


@pytest.mark.parametrize(("n", "spacing", "most"), [(0, 5.0, 100), (2, 0.0, 100), (2, 5.0, 3)])
def test_what_makes_no_grid_is_refused(n, spacing, most):
    with pytest.raises(ValueError, match="no grid over"):
        grid_nodes(np.zeros(n), np.zeros(n), spacing, 0.0, most)


@given(networks, networks)
@settings(deadline=None)
def test_nearest_is_the_least_of_all_distances(places, others):
    lat, lon = np.array(others).T
    km, index = nearest(*np.array(places).T, lat, lon)
    for k, (a, b) in enumerate(places):
        all_km = distances_km(a, b, lat, lon)
        assert km[k] == pytest.approx(all_km.min(), abs=1e-3)
        assert all_km[index[k]] == pytest.approx(all_km.min(), abs=1e-3)


def test_nearest_of_nothing_is_far_away():
    km, index = nearest(np.zeros(2), np.zeros(2), np.zeros(0), np.zeros(0))
    assert km.tolist() == [np.inf, np.inf]
    assert index.tolist() == [-1, -1]
