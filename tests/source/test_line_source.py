"""The line source: ruptures come back with honest sigmas, points stay points, broken stations do little."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from seiswarn import geo
from seiswarn.messages import Rupture
from seiswarn.source.estimators import line_posterior as lk
from seiswarn.source.estimators.line import (
    MAGNITUDES,
    N_ROWS,
    REACHES_KM,
    Line,
    LineSource,
    Params,
)
from seiswarn.source.estimators.line_kernels import fill_table
from seiswarn.source.estimators.line_peaks import MAX_STATIONS, Epicentre, Peaks
from tests.reference.line_twin import expected, log_likelihood, shaken


@pytest.fixture(scope="module")
def source() -> LineSource:
    return LineSource(Params())


def off_deg(strike: float, truth: float) -> float:
    return abs((strike - truth + 90.0) % 180.0 - 90.0)


def changed(peaks: Peaks, change: Callable[[np.ndarray], np.ndarray]) -> Peaks:
    return Peaks(*(change(getattr(peaks, name)) for name in Peaks.__slots__))


# --- the kernel against its twin ------------------------------------------------------------------


def scored(strike_rad: float, offset_km: float) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Sums over sides and the row of one direction for 12 stations, and what went in."""
    rng = np.random.default_rng(3)
    n, depth = 12, 12.0
    north, east = rng.uniform(-120, 120, n), rng.uniform(-120, 120, n)
    until = rng.uniform(5.0, 60.0, n)
    observed = np.array([expected(7.0, math.hypot(a, b), depth) for a, b in zip(north, east, strict=True)])
    observed += rng.normal(0, 1.5, n)
    both_ways = (rng.random(n) > 0.2).astype(float)
    sure, may = 3.3 * (until - 3.0), 3.7 * until
    magnitudes, reaches = np.linspace(6.0, 8.0, 5), np.array([0.0, 6.0, 20.0, 60.0])
    tables = np.zeros((3, N_ROWS, 5))
    distances = (np.arange(N_ROWS) / 5.0) ** 2
    scale = 1.0 / math.sqrt(2 * 1.733)
    top = np.maximum(depth - 0.5 * 10 ** (0.32 * magnitudes - 1.01), 1.0)
    fill_table(magnitudes, distances, top, depth, scale / 0.27, scale / 0.23, tables[0])
    out, sides = np.empty((1, lk.N_COLUMNS)), np.empty((2, 8, 5))
    prior = np.array([7.0, 0.3, 2.44 / 0.59, 1.0 / 0.59, 0.16 / 0.59, 0.3])
    edges = np.array([0.0, 3.0, 13.0, 40.0, 60.0])
    constant = math.log(1.0 / 0.59 / math.log(10)) - 0.5 * math.log(2 * math.pi)
    lengths = np.log10(np.maximum(reaches[:, None] + reaches, lk.SHORTEST_KM))
    lk.score_directions(
        north, east, depth, observed, np.ones(n), both_ways, sure, may, 1 / 0.75, 1 / 0.92,
        np.zeros(n, np.int64), tables, 5.0, np.array([strike_rad]), np.array([offset_km]), np.zeros(1),
        reaches, np.log(np.diff(edges)), lengths, magnitudes, prior, constant, -math.log(0.02), -math.inf,
        sides, np.empty((2, 4)), np.empty(5), out,
    )  # fmt: skip
    given = {
        "north": north, "east": east, "observed": observed, "both": both_ways, "sure": sure, "may": may,
        "magnitudes": magnitudes, "reaches": reaches, "widths": np.diff(edges),
    }  # fmt: skip
    return sides[:, :4], out[0], given


@pytest.mark.parametrize(("strike_deg", "offset_km"), [(0.0, 0.0), (37.0, 5.0), (140.0, -7.0)])
def test_kernel_equals_its_twin(strike_deg: float, offset_km: float) -> None:
    strike = math.radians(strike_deg)
    sides, out, g = scored(strike, offset_km)
    loglik = np.zeros((4, 4, 5))
    for i, back in enumerate(g["reaches"]):
        for j, ahead in enumerate(g["reaches"]):
            for m, magnitude in enumerate(g["magnitudes"]):
                for k in range(len(g["north"])):
                    loglik[i, j, m] += log_likelihood(
                        (g["north"][k], g["east"][k], g["observed"][k]), bool(g["both"][k]),
                        (g["sure"][k], g["may"][k]), (1 / 0.75, 1 / 0.92), 12.0, strike, offset_km,
                        (back, ahead), magnitude, 7.0,
                    )  # fmt: skip
    # Rows of the table are 0.2 apart in the root of distance: up to 0.01 sigma between, 12 stations.
    np.testing.assert_allclose(sides[0][:, None] + sides[1][None], loglik, atol=0.06)

    # Prior: length and motion are each normal about a magnitude that is normal itself; by plain summation.
    true = np.linspace(4.0, 10.0, 2401)
    line, point, magnitude_sum = 0.0, 0.0, 0.0
    for m, seen in enumerate(g["magnitudes"]):
        of_m = np.exp(-0.5 * ((true - 7.0) / 0.3) ** 2 - 0.5 * ((seen - true) / 0.3) ** 2)
        of_m *= 0.0025 / (0.3 * 0.3 * 2 * math.pi)
        point += math.exp(loglik[0, 0, m]) * of_m.sum()
        for i, back in enumerate(g["reaches"]):
            for j, ahead in enumerate(g["reaches"]):
                length = max(back + ahead, 2.0)
                p = np.exp(-0.5 * ((math.log10(length) + 2.44 - 0.59 * true) / 0.16) ** 2)
                p /= 0.16 * math.sqrt(2 * math.pi) * math.log(10) * length**2
                w = math.exp(loglik[i, j, m]) * g["widths"][i] * g["widths"][j] * of_m * p
                line += w.sum()
                magnitude_sum += (w * true).sum()
    # Both leave out the same constant of the normal distribution of the motion.
    assert out[lk.EVIDENCE] - out[lk.POINT] == pytest.approx(math.log(line / point), abs=0.1)
    assert out[lk.MAGNITUDE] == pytest.approx(magnitude_sum / line, abs=0.01)


# --- true ruptures --------------------------------------------------------------------------------


@pytest.mark.parametrize("behind", [0.0, 0.3, 0.5])
@pytest.mark.parametrize("strike", [3.0, 60.0, 177.0])
def test_a_long_rupture_comes_back(source: LineSource, strike: float, behind: float) -> None:
    peaks, epicentre = shaken(11, 7.7, 130.0, strike, behind, 100, 120.0)
    line = source.fit(peaks, epicentre, 7.4, 0.3)
    assert line is not None
    assert line.believed
    assert abs(line.length_km - 130.0) < 2.0 * line.length_sigma_km
    assert off_deg(line.strike_deg, strike) < 15.0
    assert abs(line.magnitude - 7.7) < 2.0 * line.magnitude_sigma
    apart = geo.distance_km(line.latitude_1, line.longitude_1, line.latitude_2, line.longitude_2)
    assert apart == pytest.approx(line.length_km, rel=0.05)
    # The longer side is on the right side of the epicentre.
    to_2 = geo.distance_km(37.0, 37.0, line.latitude_2, line.longitude_2)
    azimuth = geo.azimuth_deg(37.0, 37.0, line.latitude_2, line.longitude_2)
    forward = abs((azimuth - strike + 180.0) % 360.0 - 180.0) < 90.0
    ahead = to_2 if forward else apart - to_2
    assert ahead == pytest.approx((1.0 - behind) * 130.0, abs=35.0)


def many(source: LineSource, magnitude: float, n_runs: int, now_s: float, n: int = 60) -> np.ndarray:
    """Random ruptures: errors of length, strike and magnitude in sigma, of strike, odds, belief, length."""
    rng = np.random.default_rng(17)
    rows = []
    for seed in range(n_runs):
        length = 10 ** (0.59 * magnitude - 2.44 + rng.normal(0, 0.16))
        strike, behind, prior = rng.uniform(0, 180), rng.uniform(), magnitude + rng.normal(0, 0.3)
        peaks, epicentre = shaken(seed, magnitude, length, strike, behind, n, now_s)
        x = source.fit(peaks, epicentre, prior, 0.3)
        assert x is not None
        turn = off_deg(x.strike_deg, strike)
        rows.append((
            (x.length_km - length) / x.length_sigma_km, turn / x.strike_sigma_deg,
            (x.magnitude - magnitude) / x.magnitude_sigma, turn, x.log_odds, x.believed, length,
        ))  # fmt: skip
    return np.array(rows, dtype=float)


@pytest.mark.parametrize("now_s", [20.0, 45.0, 120.0])
def test_sigmas_mean_what_they_say(source: LineSource, now_s: float) -> None:
    """Whatever the time, 90 % intervals hold the truth in about nine of ten cases."""
    rows = many(source, 7.5, 80, now_s)
    for column in (0, 2):  # length, magnitude
        assert 0.80 <= np.mean(np.abs(rows[:, column]) < 1.645) <= 1.0
        assert abs(np.median(rows[:, column])) < 0.6
    assert 0.55 <= np.mean(rows[:, 1] < 1.0) <= 0.95


def test_strikes_of_long_ruptures(source: LineSource) -> None:
    rows = many(source, 7.6, 60, 120.0)
    long = rows[rows[:, 6] > 50.0]
    assert np.mean(long[:, 3] < 15.0) > 0.85
    assert np.mean(long[:, 5]) > 0.4


@pytest.mark.parametrize("magnitude", [5.5, 6.0, 6.5])
def test_moderate_earthquakes_stay_points(source: LineSource, magnitude: float) -> None:
    rows = many(source, magnitude, 100, 60.0)
    assert rows[:, 5].sum() <= (1 if magnitude == 6.5 else 0)  # lengths of up to 50 km are among those of 6.5
    assert np.median(rows[:, 4]) < 2.0


def test_what_has_not_been_felt_is_left_to_the_prior(source: LineSource) -> None:
    """Ten seconds after the origin nobody knows that the rupture will be long; a minute later all do."""
    peaks, epicentre = shaken(5, 7.8, 180.0, 40.0, 0.1, 80, 10.0)
    early = source.fit(peaks, epicentre, 7.0, 0.3)
    late = source.fit(*shaken(5, 7.8, 180.0, 40.0, 0.1, 80, 120.0), 7.0, 0.3)
    assert early is not None
    assert late is not None
    assert not early.believed
    assert early.length_sigma_km > 0.3 * early.length_km
    assert late.believed
    assert late.magnitude > early.magnitude + 0.2
    assert late.length_km > 110.0


# --- properties -----------------------------------------------------------------------------------


def moderate(seed: int = 2) -> tuple[Peaks, Epicentre]:
    return shaken(seed, 6.3, 20.0, 50.0, 0.5, 60, 60.0)


@pytest.mark.parametrize("factor", [100.0, 0.01])
def test_one_broken_station_makes_no_line(source: LineSource, factor: float) -> None:
    peaks, epicentre = moderate()
    before = source.fit(peaks, epicentre, 6.3, 0.3)
    assert before is not None
    for k in range(0, len(peaks.latitude), 6):
        wrong = np.where(np.arange(len(peaks.latitude)) == k, factor, 1.0)
        broken = replace(peaks, pga_mps2=peaks.pga_mps2 * wrong, pgv_mps=peaks.pgv_mps * wrong)
        line = source.fit(broken, epicentre, 6.3, 0.3)
        assert line is not None
        assert not line.believed
        assert abs(line.magnitude - before.magnitude) < 0.2
        assert line.log_odds < before.log_odds + 4.0


def test_a_broken_station_does_not_end_a_line(source: LineSource) -> None:
    peaks, epicentre = shaken(11, 7.7, 130.0, 60.0, 0.3, 100, 120.0)
    wrong = np.where(np.arange(len(peaks.latitude)) == 7, 100.0, 1.0)
    line = source.fit(replace(peaks, pgv_mps=peaks.pgv_mps * wrong), epicentre, 7.4, 0.3)
    assert line is not None
    assert line.believed
    assert off_deg(line.strike_deg, 60.0) < 15.0


def test_order_of_stations_changes_no_bit(source: LineSource) -> None:
    peaks, epicentre = shaken(11, 7.5, 90.0, 60.0, 0.3, 80, 40.0)
    order = np.random.default_rng(1).permutation(len(peaks.latitude))
    assert source.fit(changed(peaks, lambda x: x[order]), epicentre, 7.2, 0.3) == source.fit(
        peaks, epicentre, 7.2, 0.3
    )


def test_more_motion_everywhere_is_more_magnitude(source: LineSource) -> None:
    peaks, epicentre = shaken(11, 7.2, 60.0, 60.0, 0.3, 80, 90.0)
    lines = [
        source.fit(
            replace(peaks, pga_mps2=peaks.pga_mps2 * f, pgv_mps=peaks.pgv_mps * f), epicentre, 7.2, 0.3
        )
        for f in (0.7, 1.0, 1.4)
    ]
    magnitudes = [line.magnitude for line in lines if line is not None]
    assert magnitudes[0] < magnitudes[1] < magnitudes[2]
    # Half of 0.3 in the motion is 0.3 magnitudes; the prior and the length hold that back.
    assert 0.05 < magnitudes[2] - magnitudes[0] < 0.6


def test_turning_the_map_turns_the_strike(source: LineSource) -> None:
    """East and west exchanged: the strike is the mirrored one, length and odds stay."""
    peaks, epicentre = shaken(11, 7.6, 110.0, 60.0, 0.3, 80, 90.0)
    a = source.fit(peaks, epicentre, 7.4, 0.3)
    mirrored = replace(peaks, longitude=2.0 * epicentre.longitude - peaks.longitude)
    b = source.fit(mirrored, epicentre, 7.4, 0.3)
    assert a is not None
    assert b is not None
    assert off_deg(b.strike_deg, 180.0 - a.strike_deg) < 0.1
    assert b.length_km == pytest.approx(a.length_km, rel=1e-3)
    assert b.log_odds == pytest.approx(a.log_odds, abs=0.01)


def test_a_lower_bound_never_pulls_down(source: LineSource) -> None:
    """Clipped at a tenth: as the truth may be larger, the magnitude does not follow."""
    peaks, epicentre = shaken(11, 7.4, 80.0, 60.0, 0.3, 60, 90.0)
    cut = replace(peaks, pga_mps2=0.1 * peaks.pga_mps2, pgv_mps=0.1 * peaks.pgv_mps)
    taken = source.fit(cut, epicentre, 7.4, 0.3)
    known = source.fit(replace(cut, at_least=np.ones(len(cut.latitude), dtype=bool)), epicentre, 7.4, 0.3)
    assert taken is not None
    assert known is not None
    assert known.magnitude > taken.magnitude + 0.2


def test_one_measure_is_enough_and_unknown_ones_do_no_harm(source: LineSource) -> None:
    peaks, epicentre = shaken(11, 7.6, 110.0, 60.0, 0.3, 80, 90.0)
    half = np.where(np.arange(len(peaks.latitude)) % 2 == 0, np.nan, peaks.pgv_mps)
    gone = np.where(np.arange(len(peaks.latitude)) % 4 == 0, np.nan, peaks.pga_mps2)
    line = source.fit(replace(peaks, pgv_mps=half, pga_mps2=gone), epicentre, 7.4, 0.3)
    assert line is not None
    assert line.n_stations < len(peaks.latitude)
    assert off_deg(line.strike_deg, 60.0) < 15.0


def test_work_is_bounded_and_few_stations_say_nothing(source: LineSource) -> None:
    peaks, epicentre = shaken(4, 7.4, 80.0, 60.0, 0.3, 400, 90.0)
    line = source.fit(peaks, epicentre, 7.2, 0.3)
    assert line is not None
    assert line.n_stations == MAX_STATIONS
    assert 0 < line.nodes <= (18 + 27) * len(REACHES_KM) ** 2 * len(MAGNITUDES)
    assert source.fit(changed(peaks, lambda x: x[:2]), epicentre, 7.2, 0.3) is None
    assert source.fit(peaks, Epicentre(-37.0, 0.0, 10.0), 7.2, 0.3) is None


def test_it_becomes_the_message(source: LineSource) -> None:
    line = source.fit(*moderate(), 6.3, 0.3)
    assert isinstance(line, Line)
    message = line.rupture()
    for name in Rupture.__struct_fields__:
        if name != "method":
            assert getattr(message, name) == getattr(line, name)
    assert not message.believed


def test_warm_leaves_nothing_behind(source: LineSource) -> None:
    before = source.fit(*moderate(), 6.3, 0.3)
    source.warm()
    assert source.fit(*moderate(), 6.3, 0.3) == before


def test_belief_follows_its_settings() -> None:
    given = shaken(11, 7.7, 130.0, 60.0, 0.3, 100, 120.0)
    for params in (Params(min_length_km=200.0), Params(min_log_odds=1000.0)):
        line = LineSource(params).fit(*given, 7.4, 0.3)
        assert line is not None
        assert not line.believed
