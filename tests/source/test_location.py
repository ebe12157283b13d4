"""Location against known truth, and how honest its ellipse is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seiswarn import geo
from seiswarn.source.estimators.point import Location, PointSource, Readings
from seiswarn.source.fitting import S_READING_S
from seiswarn.source.kernels import SLOWNESS_SIGMA, line_of, score_grid, unit_vectors
from seiswarn.source.params import Params
from seiswarn.source.traveltime import TravelTimes
from tests.reference import source_twin as twin
from tests.source.conftest import LAT0, LON0, jittered_grid, offset_deg, pd_of

P = Params()
CHI2_90 = 4.605  # 90 % of a two-dimensional normal lie within this squared radius, in sigmas


@pytest.fixture(scope="module")
def source(travel_times: TravelTimes) -> PointSource:
    return PointSource(P, travel_times)


SMOOTH_ERROR, SCATTER_ERROR = 0.02, 0.015  # of travel times: smooth in azimuth, and by station


def path_factors(azimuth_deg: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """By what travel times differ from those of the model: neighbouring paths alike."""
    order, azimuth = np.arange(1, 4)[:, None], np.radians(azimuth_deg)
    a, b = rng.standard_normal((2, 3, 1)) / np.sqrt(3.0)
    smooth = (a * np.cos(order * azimuth) + b * np.sin(order * azimuth)).sum(axis=0)
    return 1.0 + SMOOTH_ERROR * smooth + SCATTER_ERROR * rng.standard_normal(len(azimuth))


class Case:
    """An earthquake under (or beside) 25 stations, read at the first `n_picks` of them.

    S is read at the nearest `n_s` of these as well. With a magnitude they have amplitudes, 0.3 off in log10.
    With `path_errors` the ground is not the model's, and onsets are read as badly as declared.
    """

    def __init__(
        self,
        tt: TravelTimes,
        north_km: float,
        east_km: float,
        depth_km: float,
        *,
        n_picks: int,
        noise_s: float,
        seed: int,
        origin_s: float = 0.0,
        n_s: int = 0,
        magnitude: float | None = None,
        path_errors: bool = False,
    ) -> None:
        rng = np.random.default_rng(seed)
        places = np.array([offset_deg(LAT0, LON0, *p) for p in jittered_grid(5, 20.0, seed)])
        self.truth = offset_deg(LAT0, LON0, north_km, east_km)
        self.depth_km = depth_km
        d = geo.distances_km(*self.truth, places[:, 0], places[:, 1])
        tp, ts = tt.times(d, depth_km)
        t = origin_s + tp + noise_s * rng.standard_normal(len(d))
        t_s = origin_s + ts + noise_s * rng.standard_normal(len(d))
        if path_errors:
            azimuth = [geo.azimuth_deg(*self.truth, float(a), float(b)) for a, b in places]
            factor = path_factors(np.array(azimuth), rng) - 1.0
            read = np.hypot(P.reading_error_s, noise_s) * rng.standard_normal(len(d))
            t = origin_s + tp * (1.0 + factor) + read
            t_s = t_s + factor * ts + S_READING_S * rng.standard_normal(len(d))
        order = np.argsort(t)
        use, rest = order[:n_picks], order[n_picks:]
        now = t[use].max() + 0.5
        onsets = np.append(use, use[:n_s])
        log_a = np.full(n_picks, np.nan)
        if magnitude is not None:
            of_pd = [np.log10(pd_of(magnitude, r)) for r in np.hypot(d[use], depth_km)]
            log_a = np.array(of_pd) + 0.3 * rng.standard_normal(n_picks)
        self.readings = Readings(
            latitude=places[onsets, 0],
            longitude=places[onsets, 1],
            n_p=n_picks,
            t_s=np.append(t[use], t_s[use[:n_s]]),
            sigma_s=np.append(np.full(n_picks, noise_s), np.full(n_s, np.hypot(noise_s, S_READING_S))),
            log_a=log_a,
            silent_latitude=places[rest, 0],
            silent_longitude=places[rest, 1],
            silent_from_s=np.full(len(rest), origin_s - 60.0),
            silent_to_s=np.full(len(rest), now),
        )

    def miss(self, location: Location) -> tuple[float, float]:
        """Distance from the truth in km, and squared in units of the one-sigma ellipse."""
        north = (location.latitude - self.truth[0]) * geo.DEG_KM
        east = (location.longitude - self.truth[1]) * geo.DEG_KM * np.cos(np.radians(self.truth[0]))
        a = np.radians(location.azimuth_deg)
        along, across = north * np.cos(a) + east * np.sin(a), east * np.cos(a) - north * np.sin(a)
        squared = (along / location.major_km) ** 2 + (across / location.minor_km) ** 2
        return float(np.hypot(north, east)), float(squared)


def cases(tt: TravelTimes, n: int, *, inside: bool, first_seed: int = 0, **options: Any) -> list[Case]:
    rng = np.random.default_rng(17 + first_seed)
    out = []
    for k in range(n):
        if inside:
            north, east = rng.uniform(-40, 40, 2)
        else:
            a, r = rng.uniform(0, 2 * np.pi), rng.uniform(70, 120)
            north, east = r * np.cos(a), r * np.sin(a)
        depth = rng.uniform(2, 25)
        out.append(Case(tt, north, east, depth, seed=first_seed + k, **options))
    return out


@pytest.mark.parametrize(("n_picks", "median_km", "p90_km"), [(4, 3.0, 5.0), (6, 2.0, 4.0), (12, 1.5, 3.0)])
@pytest.mark.parametrize("noise_s", [0.1, 0.2])
def test_inside_the_network(
    source: PointSource,
    travel_times: TravelTimes,
    n_picks: int,
    median_km: float,
    p90_km: float,
    noise_s: float,
) -> None:
    found = cases(travel_times, 50, inside=True, n_picks=n_picks, noise_s=noise_s)
    errors = [c.miss(source.locate(c.readings, None))[0] for c in found]
    assert np.median(errors) < median_km
    assert np.percentile(errors, 90) < p90_km


def test_outside_the_network(source: PointSource, travel_times: TravelTimes) -> None:
    """70 to 120 km from the middle of a network 100 km wide: farther off, and the ellipse says so."""
    found = cases(travel_times, 50, inside=False, n_picks=8, noise_s=0.1)
    located = [(c, source.locate(c.readings, None)) for c in found]
    errors = [c.miss(x)[0] for c, x in located]
    assert np.median(errors) < 8.0
    assert np.percentile(errors, 90) < 30.0
    inside = cases(travel_times, 20, inside=True, n_picks=8, noise_s=0.1)
    sharp = np.median([source.locate(c.readings, None).major_km for c in inside])
    assert np.median([x.major_km for _, x in located]) > 4 * sharp


@pytest.mark.parametrize("wrong_s", [-10.0, 10.0])
def test_one_wrong_pick_among_six(source: PointSource, travel_times: TravelTimes, wrong_s: float) -> None:
    errors, flagged = [], 0
    for k, case in enumerate(cases(travel_times, 40, inside=True, n_picks=6, noise_s=0.1)):
        bad = k % 6
        t = case.readings.t_s.copy()
        t[bad] += wrong_s
        location = source.locate(replace(case.readings, t_s=t), None)
        errors.append(case.miss(location)[0])
        flagged += abs(location.residuals_s[bad]) > 3 * location.errors_s[bad]
    assert np.median(errors) < 4.0
    assert flagged >= 36


SITUATIONS = [  # inside the network, onsets of P, onsets of S
    (True, 4, 0), (True, 6, 3), (True, 12, 0), (True, 20, 0),
    (False, 4, 0), (False, 6, 0), (False, 12, 4), (False, 20, 0),
]  # fmt: skip


def test_ellipse_holds_the_truth_as_often_as_it_says(source: PointSource, travel_times: TravelTimes) -> None:
    """Onsets read as badly as declared, in ground that is 2.5 % off the model, neighbouring paths alike.

    The 90 % ellipse holds the truth in 85 to 95 % of all cases. It is somewhat wide where many stations
    surround the source and somewhat narrow where they all lie to one side, since how much alike the paths
    are is one number for both.
    """
    shares, inner = [], []
    for k, (inside, n_picks, n_s) in enumerate(SITUATIONS):
        found = cases(
            travel_times, 150, inside=inside, first_seed=1000 * k, n_picks=n_picks, n_s=n_s, noise_s=0.1,
            path_errors=True,
        )  # fmt: skip
        squared = np.array([c.miss(source.locate(c.readings, None))[1] for c in found])
        shares.append(float(np.mean(squared < CHI2_90)))
        inner.append(float(np.mean(squared < 1.0)))
    assert 0.85 <= np.mean(shares) <= 0.95, shares
    assert all(0.80 <= share <= 0.99 for share in shares), shares  # 150 cases: 2.5 % sampling error
    assert 0.35 <= np.mean(inner) <= 0.65, inner  # 0.39 for a normal


def test_the_ellipse_is_no_more_than_what_the_errors_make_of_it(
    source: PointSource, travel_times: TravelTimes
) -> None:
    """Wider where there are fewer onsets or larger errors, narrower with S."""

    def median_km(noise_s: float = 0.1, n_picks: int = 8, n_s: int = 0, inside: bool = True) -> float:
        found = cases(travel_times, 20, inside=inside, n_picks=n_picks, n_s=n_s, noise_s=noise_s)
        return float(np.median([source.locate(c.readings, None).major_km for c in found]))

    assert median_km(noise_s=0.6) > 1.3 * median_km()
    assert median_km(n_picks=4) > 1.3 * median_km(n_picks=16)
    assert median_km(inside=False, n_s=4) < 0.7 * median_km(inside=False)


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_of_two_places_that_fit_alike_one_is_named_and_both_are_held(
    source: PointSource, travel_times: TravelTimes, side: float
) -> None:
    """Stations in a row see no difference between a source to the one side and to the other."""
    north = np.array([-36.0, -21.0, -8.0, 9.0, 20.0, 37.0])
    places = np.array([offset_deg(LAT0, LON0, n, 0.0) for n in north])
    here, mirror = (offset_deg(LAT0, LON0, 4.0, x * 60.0) for x in (side, -side))
    tp, _ = travel_times.times(geo.distances_km(*here, places[:, 0], places[:, 1]), 10.0)
    none = np.empty(0)
    readings = Readings(
        latitude=places[:, 0], longitude=places[:, 1], n_p=6, t_s=tp, sigma_s=np.full(6, 0.05),
        log_a=np.full(6, np.nan), silent_latitude=none, silent_longitude=none, silent_from_s=none,
        silent_to_s=none,
    )  # fmt: skip
    location = source.locate(readings, None)
    for place in (here, mirror):
        d_north = (place[0] - location.latitude) * geo.DEG_KM
        d_east = (place[1] - location.longitude) * geo.DEG_KM * np.cos(np.radians(LAT0))
        a = np.radians(location.azimuth_deg)
        along, across = d_north * np.cos(a) + d_east * np.sin(a), d_east * np.cos(a) - d_north * np.sin(a)
        assert (along / location.major_km) ** 2 + (across / location.minor_km) ** 2 < CHI2_90
    # Not in the middle, where no source can be: arrivals would differ by seconds.
    east = (location.longitude - LON0) * geo.DEG_KM * np.cos(np.radians(LAT0))
    assert abs(east) > 25.0
    assert location.major_km > 35.0
    assert 60.0 < location.azimuth_deg < 120.0
    assert np.abs(location.residuals_s).max() < 3 * location.errors_s.max()


def test_an_s_onset_brings_a_source_beside_the_network_in(
    source: PointSource, travel_times: TravelTimes
) -> None:
    """P alone at one side tells the direction; S at one station tells the distance."""
    errors: dict[int, list[float]] = {0: [], 2: []}
    for n_s, found in errors.items():
        for case in cases(travel_times, 30, inside=False, n_picks=5, n_s=n_s, noise_s=0.1, path_errors=True):
            found.append(case.miss(source.locate(case.readings, None))[0])
    assert np.median(errors[2]) < 0.6 * np.median(errors[0])
    assert np.median(errors[2]) < 10.0


def test_amplitudes_that_fall_off_help_and_one_wrong_by_a_hundred_does_not_harm(
    source: PointSource, travel_times: TravelTimes
) -> None:
    for case in cases(travel_times, 10, inside=True, n_picks=6, noise_s=0.1, magnitude=5.5):
        r = case.readings
        wrong = r.log_a.copy()
        wrong[2] += 2.0
        apart = [
            geo.distance_km(a.latitude, a.longitude, b.latitude, b.longitude)
            for a, b in [
                (source.locate(r, None), source.locate(replace(r, log_a=log_a), None))
                for log_a in (wrong, np.full(6, np.nan))
            ]
        ]
        assert max(apart) < 3.0


def test_depth_and_time(source: PointSource, travel_times: TravelTimes) -> None:
    found = cases(travel_times, 40, inside=True, n_picks=15, noise_s=0.1)
    located = [(c, source.locate(c.readings, None)) for c in found]
    depth = np.array([x.depth_km - c.depth_km for c, x in located])
    assert abs(np.median(depth)) < 2.0
    assert np.percentile(np.abs(depth), 90) < 5.0
    assert np.percentile(np.abs([x.t0_s for _, x in located]), 90) < 0.5
    within = [abs(dz) < 2 * x.depth_sigma_km for dz, (_, x) in zip(depth, located, strict=True)]
    assert np.mean(within) > 0.9


def test_deep_source(source: PointSource, travel_times: TravelTimes) -> None:
    """The prior on depth yields to arrivals that speak against it."""
    case = Case(travel_times, 5.0, -8.0, 90.0, n_picks=20, noise_s=0.1, seed=4)
    location = source.locate(case.readings, None)
    assert location.depth_km == pytest.approx(90.0, abs=12.0)
    assert case.miss(location)[0] < 6.0


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(8)))
def test_station_order_does_not_matter(
    source: PointSource, travel_times: TravelTimes, order: list[int]
) -> None:
    case = Case(travel_times, 12.0, -20.0, 11.0, n_picks=8, noise_s=0.1, seed=9, magnitude=5.5)
    a, r = source.locate(case.readings, None), case.readings
    b = source.locate(
        replace(
            r,
            latitude=r.latitude[order],
            longitude=r.longitude[order],
            t_s=r.t_s[order],
            sigma_s=r.sigma_s[order],
            log_a=r.log_a[order],
        ),
        None,
    )
    same = ("latitude", "longitude", "depth_km", "t0_s", "major_km", "minor_km", "depth_sigma_km")
    assert [getattr(b, n) for n in same] == pytest.approx([getattr(a, n) for n in same], rel=1e-9)
    assert b.residuals_s == pytest.approx(a.residuals_s[order], abs=1e-9)


@pytest.mark.parametrize("shift_s", [-1234.5, 0.37, 86400.0])
def test_time_shift_moves_only_the_time(
    source: PointSource, travel_times: TravelTimes, shift_s: float
) -> None:
    a, b = (
        source.locate(
            Case(travel_times, 12.0, -20.0, 11.0, n_picks=8, noise_s=0.1, seed=9, origin_s=s).readings, None
        )
        for s in (0.0, shift_s)
    )
    assert b.t0_s - shift_s == pytest.approx(a.t0_s, abs=1e-6)
    assert (b.latitude, b.longitude, b.depth_km) == pytest.approx(
        (a.latitude, a.longitude, a.depth_km), abs=1e-6
    )


def test_search_around_the_last_solution_agrees(source: PointSource, travel_times: TravelTimes) -> None:
    for case in cases(travel_times, 15, inside=True, n_picks=8, noise_s=0.1):
        wide = source.locate(case.readings, None)
        north, east = offset_deg(*case.truth, 20.0, -25.0)
        near = source.locate(case.readings, (north, east))
        apart = geo.distance_km(wide.latitude, wide.longitude, near.latitude, near.longitude)
        assert apart < 1.5


def kernel_arguments(
    travel_times: TravelTimes, n_s: int = 3, magnitude: float | None = 6.0
) -> tuple[Case, dict[str, Any]]:
    case = Case(travel_times, 30.0, -10.0, 11.0, n_picks=9, noise_s=0.1, seed=2, n_s=n_s, magnitude=magnitude)
    r = case.readings
    if magnitude is not None:
        r.log_a[[1, 4]] = np.nan  # not every station has an amplitude,
        r.log_a[6] += 2.0  # and one is wrong
    sta, silent = np.empty((r.t_s.size, 3)), np.empty((r.silent_to_s.size, 3))
    unit_vectors(r.latitude, r.longitude, sta)
    unit_vectors(r.silent_latitude, r.silent_longitude, silent)
    far = np.full_like(r.silent_to_s, r.t_s[: r.n_p].max() + 8.0)  # some silences must count
    with_a = np.flatnonzero(np.isfinite(r.log_a))
    return case, {
        "sta_u": sta, "n_p": r.n_p, "t_s": r.t_s, "sigma_s": r.sigma_s + 0.2, "share": 0.04, "decay": 1.885,
        "with_a": with_a, "log_a": r.log_a[with_a], "silent_u": silent, "silent_from_s": r.silent_from_s,
        "silent_to_s": far, "table_p": travel_times.p, "table_s": travel_times.s,
    }  # fmt: skip


@pytest.mark.parametrize(("n_s", "magnitude"), [(0, None), (3, None), (0, 6.0), (3, 6.0)])
def test_kernel_equals_its_plain_twin(travel_times: TravelTimes, n_s: int, magnitude: float | None) -> None:
    case, given_ = kernel_arguments(travel_times, n_s, magnitude)
    r = case.readings
    north, east = np.array([-60.0, 3.3, 28.0]), np.array([-12.0, 0.0, 44.0])
    depths, cost = np.array([0.5, 11.0, 37.0]), np.array([0.3, 0.0, 1.1])
    score, origin = np.empty((3, 3, 3)), np.empty((3, 3, 3))
    n = score_grid(
        north, east, depths, cost, LAT0, LON0, *given_.values(), cut=np.inf, loglik=score, origin_s=origin
    )
    assert n == 27
    costs = set()
    for d, a, b in np.ndindex(3, 3, 3):
        want = twin.score_node(
            north[a], east[b], depths[d], LAT0, LON0, (r.latitude, r.longitude), r.n_p, r.t_s,
            given_["sigma_s"], 0.04, 1.885, r.log_a, (r.silent_latitude, r.silent_longitude),
            r.silent_from_s, given_["silent_to_s"], travel_times.p, travel_times.s,
        )  # fmt: skip
        assert (score[d, a, b] + cost[d], origin[d, a, b]) == pytest.approx(want, rel=1e-6, abs=1e-6)
        costs.add(round(want[0]))
    assert len(costs) > 5


def test_a_slowness_error_common_to_all_paths_is_found_within_its_prior() -> None:
    """Ground 3 % slow makes no residuals; a 20 % error is not believed."""
    beyond = np.linspace(0.0, 15.0, 12)
    var = np.full(12, 0.25**2 + 0.1**2)
    for true, found in ((0.03, 0.03), (-0.03, -0.03), (0.0, 0.0)):
        t0, slope = 0.0, 0.0
        for _ in range(5):
            t0, slope = line_of(2.0 + true * beyond, beyond, var, t0, slope)
        assert slope == pytest.approx(found, abs=0.006)
        assert t0 == pytest.approx(2.0, abs=0.05)
    t0, slope = line_of(2.0 + 0.5 * beyond, beyond, np.full(12, 25.0), 2.0, 0.0)
    assert abs(slope) < 2 * SLOWNESS_SIGMA


def test_nodes_left_out_are_those_that_do_not_count(travel_times: TravelTimes) -> None:
    """Of a grid with a sharp peak a part is computed; what counts in the posterior is the same."""
    _, given_ = kernel_arguments(travel_times)
    offsets, depths = np.arange(-60.0, 60.1, 4.0), np.array([2.0, 11.0, 30.0])
    shape = (3, len(offsets), len(offsets))
    grids, computed = [], []
    for cut in (np.inf, 20.0):
        score, origin = np.full(shape, np.nan), np.full(shape, np.nan)
        n = score_grid(
            offsets, offsets, depths, np.zeros(3), LAT0, LON0, *given_.values(), cut=cut, loglik=score,
            origin_s=origin,
        )  # fmt: skip
        grids.append((score, origin))
        computed.append(n)
    (whole, t_whole), (part, t_part) = grids
    assert computed[0] == whole.size
    assert computed[1] < 0.6 * whole.size
    counts = whole > whole.max() - 15.0
    assert 0 < counts.sum() < 0.5 * whole.size
    assert np.array_equal(part[counts], whole[counts])
    assert np.array_equal(t_part[counts], t_whole[counts])
    assert np.exp(part - whole.max())[~counts].max() <= np.exp(-15.0)


def test_the_same_readings_give_the_same_bits_wherever_memory_is(travel_times: TravelTimes) -> None:
    """A replay repeats a run to the last digit, so nothing may depend on addresses."""
    source = PointSource(P, travel_times)
    case = Case(travel_times, 30.0, -10.0, 11.0, n_picks=12, noise_s=0.1, seed=2)
    found, kept = set(), []
    for k in range(40):
        kept.append(np.empty(1 + 37 * k % 61))  # moves what is allocated next
        location = source.locate(case.readings, None)
        found.add((location.latitude, location.longitude, location.depth_km, location.t0_s))
    assert len(found) == 1
