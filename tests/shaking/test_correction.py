"""Residuals of stations correct forecasts: known fields are found again, and nothing gets less certain."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reference import shaking_kernels as twin
from tests.shaking_work import at, columns, estimate, forecasts, grid_table, motions, stage_of, target

from seiswarn.forecast_field import Basis
from seiswarn.geo import EARTH_RADIUS_KM
from seiswarn.shaking.correction import MAX_STATIONS, NUGGET, Residuals, correct, event_residual, weigh
from seiswarn.shaking.near import near
from seiswarn.shaking.params import Params
from seiswarn.shaking.relations import Relations, Source

RANGE_KM, TAU, PHI = 40.7, 0.4, 0.7
TABLE = grid_table(7, 15.0)
LAT, LON = TABLE.st_latitude, TABLE.st_longitude
N = TABLE.n_stations


def residuals(value, complete=True, observed=None, k=None, place=0.0):
    k = np.arange(N) if k is None else np.asarray(k)
    value = np.broadcast_to(np.asarray(value, dtype=float), k.shape)
    return Residuals(
        k, LAT[k], LON[k], np.full(len(k), 6.0) if observed is None else observed, value.copy(),
        np.broadcast_to(np.asarray(complete), k.shape).copy(), np.full(len(k), place),
    )  # fmt: skip


def corrected(found, latitude, longitude):
    weights = weigh(found, N, TAU, PHI, RANGE_KM)
    places = near(np.atleast_1d(latitude), np.atleast_1d(longitude), LAT, LON, RANGE_KM)
    return weights, correct(weights, places, RANGE_KM)


def test_the_residual_of_the_event_is_that_of_abrahamson_and_youngs():
    """Equation (10): tau^2 sum / (n tau^2 + phi^2), and what is left of the variance."""
    phi = np.full(3, 0.7)
    shared, left = event_residual(np.array([1.0, 0.5, 0.9]), 0.4, phi)
    assert shared == pytest.approx(0.16 * 2.4 / (3 * 0.16 + 0.49))
    assert left == pytest.approx(0.49 / (3 * 0.16 + 0.49))
    assert event_residual(np.zeros(0), 0.4, np.zeros(0)) == (0.0, 1.0)
    many, little = event_residual(np.full(1000, 0.8), 0.4, np.full(1000, 0.7))
    assert many == pytest.approx(0.8, rel=0.01)
    assert little < 0.01
    # Of two stations, one of them near a badly known epicentre, the other has the say.
    doubtful, _ = event_residual(np.array([2.0, 0.5]), 0.4, np.array([7.0, 0.7]))
    assert doubtful == pytest.approx(event_residual(np.array([0.5]), 0.4, np.array([0.7]))[0], abs=0.01)


def field(latitude, longitude):
    """A smooth field of residuals, zero on the average."""
    x, y = np.radians(longitude - 107.0) * 5820.0, np.radians(latitude - 24.0) * 6371.0
    return 0.6 * np.sin(x / 25.0) * np.cos(y / 30.0)


def test_a_known_field_is_found_again_at_the_stations_within_the_nugget():
    truth = field(LAT, LON)
    weights, c = corrected(residuals(truth), LAT, LON)
    assert weights.n_stations == N
    assert np.abs(c.intensity - truth).max() < NUGGET / (1.0 + NUGGET) * np.abs(truth).max() + 0.05
    between = LAT[:-7] + np.diff(LAT[::7])[0] / 2
    _, half = corrected(residuals(truth), between, LON[:-7])
    assert np.abs(half.intensity - field(between, LON[:-7])).max() < 0.2


def test_the_whole_is_simple_kriging():
    """Against linear algebra: shared + rho R^-1 (residuals - shared)."""
    truth = field(LAT, LON) + 0.5
    weights, c = corrected(residuals(truth), LAT + 0.05, LON)
    p, q = np.radians(LAT), np.radians(LON)
    points = np.column_stack((np.cos(p) * np.cos(q), np.cos(p) * np.sin(q), np.sin(p)))
    solved = twin.kriging_weights(points, truth - weights.shared, RANGE_KM, NUGGET, EARTH_RADIUS_KM)
    around = near(LAT + 0.05, LON, LAT, LON, RANGE_KM)
    apart = twin.dense(around.first, around.station, around.distance_km, N)
    expected = weights.shared + twin.correlation(apart, RANGE_KM) @ solved
    np.testing.assert_allclose(c.intensity, expected, atol=1e-9)


def test_away_from_all_stations_the_residual_of_the_event_is_left():
    one = residuals(1.0, k=[24])  # the middle
    km = np.array([0.0, 5.0, 15.0, 30.0, 40.0, 41.0, 300.0])
    weights, c = corrected(one, 24.0 + km / 111.195, np.full(7, 107.0))
    assert weights.shared == pytest.approx(0.16 / (0.16 + 0.49))
    assert (np.diff(c.intensity[:5]) < 0.0).all()
    assert c.intensity[0] == pytest.approx(weights.shared + (1.0 - weights.shared) / (1.0 + NUGGET))
    assert c.intensity[5:].tolist() == [weights.shared, weights.shared]
    assert c.phi_share[5:].tolist() == [1.0, 1.0]
    assert c.phi_share[0] == pytest.approx(NUGGET / (1.0 + NUGGET))


@given(
    st.lists(st.tuples(st.integers(0, N - 1), st.floats(-3, 3), st.booleans()), max_size=12),
    st.integers(0, 3),
)
@settings(max_examples=50)
def test_observing_never_makes_a_forecast_less_certain(rows, more):
    """No share of variance exceeds one, and each station takes some away or none."""
    rows = list({k: (k, v, c) for k, v, c in rows}.values())
    shares = []
    for part in (rows[: len(rows) - more], rows):
        k, v, c = (np.array([r[i] for r in part]) for i in range(3))
        found = residuals(v, c.astype(bool), k=k.astype(np.int64))
        weights, moved = corrected(found, LAT, LON)
        assert 0.0 < weights.tau_share <= 1.0
        assert (moved.phi_share > 0.0).all()
        assert (moved.phi_share <= 1.0).all()
        shares.append(weights.tau_share)
    assert shares[1] <= shares[0]


def test_an_incomplete_station_below_the_forecast_has_no_say():
    """Its strongest motion may be still to come; one above the forecast can only rise."""
    nothing, c = corrected(residuals(-2.0, complete=False, k=[24]), LAT, LON)
    assert (nothing.shared, nothing.n_stations) == (0.0, 0)
    assert not c.intensity.any()
    assert (c.phi_share == 1.0).all()
    above, c = corrected(residuals(1.5, complete=False, k=[24]), LAT, LON)
    assert (above.shared, above.tau_share, above.n_stations) == (0.0, 1.0, 1)
    assert c.intensity[24] == pytest.approx(1.5 / (1.0 + NUGGET))


def test_of_very_many_stations_those_that_shake_most_are_solved_for():
    big = grid_table(14, 10.0)
    n = big.n_stations
    assert n > MAX_STATIONS
    observed = np.linspace(3.0, 8.0, n)
    where = big.st_latitude, big.st_longitude
    found = Residuals(np.arange(n), *where, observed, np.ones(n), np.ones(n, bool), np.zeros(n))
    weights = weigh(found, n, TAU, PHI, RANGE_KM)
    assert weights.n_stations == MAX_STATIONS
    assert weights.known.nonzero()[0].tolist() == list(range(n - MAX_STATIONS, n))


# --- through the stage: an earthquake that is stronger than its magnitude says --------------------

AT_STATIONS = tuple(target(f"S{k:02d}", 15.0 * (k // 7 - 3), 15.0 * (k % 7 - 3)) for k in range(N))
FAR = (target("Z", 300.0, 0.0),)
LATE_S = 90  # after S everywhere and the longest rupture of the magnitude


def after(shift, stations=range(N), t_s=LATE_S, magnitude=6.0):
    """The forecast once stations have felt the median in intensity and `shift` more."""
    relations = Relations(Params())
    source = Source(magnitude, 0.3, 24.0, 107.0, 10.0)
    sites = relations.sites(LAT, LON, TABLE.st_vs30_mps)
    known = relations.at(source, sites)
    k = np.array(list(stations))
    # Peaks that come to the intensity wanted: both grow alike, so that I gains 3.085 or 3.0 a decade.
    low, high = np.full(N, -8.0), np.full(N, 4.0)
    for _ in range(60):
        mid = 0.5 * (low + high)
        over = relations.observed(np.exp(mid), np.exp(mid) / 12.0) > known.intensity + shift
        low, high = np.where(over, low, mid), np.where(over, mid, high)
    pga = np.exp(low)
    stage = stage_of((*AT_STATIONS, *FAR), TABLE)
    first = forecasts(stage.handle(at(5.0), [estimate(5.0, magnitude)]))[0]
    s_s = np.hypot(known.repi_km, 10.0) / 3.5
    when = np.ceil(s_s) + 1.0
    rows = [(int(i), float(when[i]), pga[i], pga[i] / 12.0) for i in k if when[i] <= t_s]
    rows += [(int(i), float(t_s), 1e-4, 1e-5) for i in k]
    told = [motions(TABLE, rows, float(t_s)), estimate(float(t_s), magnitude, revision=2)]
    (last,) = forecasts(stage.handle(at(t_s), told))
    return columns(first), columns(last), last


@pytest.mark.parametrize("shift", [0.6, -0.6])
def test_stations_that_felt_more_or_less_move_the_forecast_of_their_places(shift):
    before, c, message = after(shift)
    assert message.n_observed > 30
    felt = before.intensity_source > 3.0
    felt[-1] = False
    moved = c.intensity - c.intensity_source
    assert felt.sum() > 20
    np.testing.assert_allclose(moved[felt], shift, atol=0.12)
    assert 0.0 < moved[-1] / shift < 1.0  # 300 km away: the residual of the event alone
    assert (c.intensity_sigma <= before.intensity_sigma + 1e-6).all()
    assert (c.basis[:N] & int(Basis.CORRECTED)).any()
    assert not c.basis[-1] & int(Basis.CORRECTED)
    ratio = np.log(c.pga_mps2 / before.pga_mps2)[felt] * shift
    assert (ratio > 0.0).all()  # PGA and PGV go with the intensity


def test_before_the_strongest_motion_is_over_less_than_forecast_means_nothing():
    before, c, _ = after(-1.0, t_s=12, magnitude=7.5)
    np.testing.assert_allclose(c.intensity, before.intensity, atol=1e-5)
