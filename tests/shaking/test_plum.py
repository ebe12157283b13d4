"""The wavefield method: which readings are believed, and how far they reach."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.shaking_work import at, columns, estimate, forecasts, grid_table, motions, onset, stage_of, target

from seiswarn.forecast_field import Basis
from seiswarn.shaking.near import near
from seiswarn.shaking.plum import VOUCHED, spread, trusted
from seiswarn.timebase import NS

# Three in a row, 20 km apart, and a fourth far away; the last is a second sensor beside the first.
LAT = np.array([24.0, 24.18, 24.36, 26.0, 24.0])
LON = np.full(5, 107.0)
AROUND = near(LAT, LON, LAT, LON, 50.0)
SITE = np.array([0, 1, 2, 3, 0])
NONE = np.zeros(5)


def borne_out(observed, expected=NONE):
    return trusted(np.array(observed), AROUND, SITE, np.asarray(expected, dtype=float)).tolist()


@pytest.mark.parametrize(
    ("observed", "trust"),
    [
        ([6.0, 0.0, 0.0, 0.0, 0.0], [0.0] * 5),  # nobody vouches
        ([6.0, 0.0, 0.0, 0.0, 6.0], [0.0] * 5),  # nor does a sensor beside it
        ([4.0, 2.5, 0.0, 0.0, 0.0], [4.0, 2.5, 0.0, 0.0, 0.0]),  # Cochran and others (2019)
        ([6.0, 2.5, 0.0, 0.0, 0.0], [4.0, 2.5, 0.0, 0.0, 0.0]),
        ([6.0, 0.0, 5.0, 0.0, 0.0], [6.0, 0.0, 5.0, 0.0, 0.0]),
        ([6.0, 0.0, 0.0, 9.0, 0.0], [0.0] * 5),  # too far away to vouch for each other
    ],
)
def test_a_reading_counts_as_far_as_a_neighbour_bears_it_out(observed, trust):
    assert borne_out(observed) == trust


def test_a_located_earthquake_bears_out_what_it_makes_likely():
    assert borne_out([6.0, 0, 0, 7.0, 0], [7.0, 0, 0, 5.5, 0]) == [6.0, 0, 0, 5.5, 0]


@given(
    st.lists(st.floats(0.0, 10.0), min_size=5, max_size=5),
    st.lists(st.floats(0.0, 10.0), min_size=5, max_size=5),
    st.integers(0, 4),
)
def test_no_trust_beyond_what_is_observed_and_more_motion_never_lowers_it(observed, expected, k):
    before = np.array(borne_out(observed, expected))
    assert (before <= np.array(observed)).all()
    more = list(observed)
    more[k] += 1.0
    assert (np.array(borne_out(more, expected)) >= before).all()
    assert VOUCHED == 1.5


def test_levels_reach_thirty_kilometres_unattenuated_and_ground_adds():
    places = near(LAT[0] + np.array([0.0, 0.2, 0.27, 0.28]), np.full(4, 107.0), LAT[:1], LON[:1], 50.0)
    field = spread(places, np.array([6.0]), np.array([0.0, 0.5, -0.3, 0.0]), 30.1)
    assert field.intensity.tolist() == [6.0, 6.5, 5.7, 0.0]
    assert field.away_km == pytest.approx([0.0, 22.2, 30.0, 0.0], abs=0.05)


# --- through the stage -----------------------------------------------------------------------------

TABLE = grid_table(5, 20.0)
FAR = tuple(target(f"T{k:02d}", float(k), 40.0) for k in (40, 60, 80))  # around the corner station 24


def later(pga, magnitude=5.0, stations=(24,), **params):
    """The forecast of a modest earthquake after S has been felt at stations 57 km away, or nothing has."""
    stage = stage_of(FAR, TABLE, wavefield_min_stations=3, **params)
    stage.handle(at(10.0), [estimate(10.0, magnitude)])
    rows = [(k, float(t), pga, pga / 12.0) for k in stations for t in (19, 20, 21)]
    made = stage.handle(at(21.5), [motions(TABLE, rows, 21.5), estimate(21.5, magnitude, revision=2)])
    (f,) = forecasts(made)
    return f, columns(f)


def test_where_stations_saw_more_than_the_source_explains_their_motion_decides():
    quiet, base = later(0.0, stations=())
    loud, c = later(1.5, stations=(24, 23, 19, 18))
    decides = (c.basis & int(Basis.WAVEFIELD)) != 0
    assert decides.tolist() == [True, True, False]  # 0 and 20 km away, and 40 km
    assert (c.intensity_wavefield > 0.0).tolist() == decides.tolist()
    np.testing.assert_allclose(c.intensity[decides], c.intensity_wavefield[decides])
    np.testing.assert_allclose(c.intensity_source, base.intensity_source)
    assert (c.intensity[:2] > base.intensity[:2] + 1.0).all()
    assert (c.basis[decides] & int(Basis.SOURCE) == 0).all()
    assert loud.n_observed == 4
    assert quiet.n_observed == 0


def test_one_reading_alone_counts_only_as_far_as_the_source_makes_it_likely():
    _, alone = later(8.0)
    _, together = later(8.0, stations=(24, 23, 19))
    assert alone.intensity[0] < together.intensity[0]


def test_with_sigmas_of_minus_ten_the_maximum_of_both_methods_is_told():
    _, c = later(0.3, stations=(24, 23), wavefield_sigmas=-10.0)
    assert (c.intensity >= c.intensity_wavefield - 1e-5).all()


def test_the_wavefield_is_the_more_certain_the_nearer_it_was_seen():
    _, c = later(1.5, stations=(24, 23, 19, 18))
    assert 0.0 < c.intensity_sigma[0] < c.intensity_sigma[1]
    assert onset(TABLE, 0, 1.0).t_ns == at(0.0) + NS
