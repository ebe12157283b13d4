"""Location against known truth, and how honest its ellipse is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seiswarn import geo
from seiswarn.source.estimators.point import Location, PointSource, Readings
from seiswarn.source.kernels import score_grid, unit_vectors
from seiswarn.source.params import Params
from seiswarn.source.traveltime import TravelTimes
from tests.reference import source_twin as twin
from tests.source.conftest import LAT0, LON0, jittered_grid, offset_deg

P = Params()
CHI2_90 = 4.605  # 90 % of a two-dimensional normal lie within this squared radius, in sigmas


@pytest.fixture(scope="module")
def source(travel_times: TravelTimes) -> PointSource:
    return PointSource(P, travel_times)


class Case:
    """An earthquake under (or beside) 25 stations, read at the first `n_picks` of them."""

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
        declared_errors: bool = False,
        origin_s: float = 0.0,
        with_s: int = 0,
        magnitude: float | None = None,
        path_share: float = 0.0,
    ) -> None:
        rng = np.random.default_rng(seed)
        places = np.array([offset_deg(LAT0, LON0, *p) for p in jittered_grid(5, 20.0, seed)])
        self.truth = offset_deg(LAT0, LON0, north_km, east_km)
        self.depth_km = depth_km
        d = geo.distances_km(*self.truth, places[:, 0], places[:, 1])
        tp, _ = tt.times(d, depth_km)
        path = P.model_error_share * (tp - tp.min())
        error = np.sqrt(noise_s**2 + P.reading_error_s**2 + path**2) if declared_errors else noise_s
        t = origin_s + tp + error * rng.standard_normal(len(d))
        order = np.argsort(t)
        use, rest = order[:n_picks], order[n_picks:]
        now = t[use].max() + 0.5
        self.readings = Readings(
            latitude=places[use, 0],
            longitude=places[use, 1],
            t_s=t[use],
            sigma_s=np.full(n_picks, noise_s),
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


def cases(
    tt: TravelTimes, n: int, *, inside: bool, n_picks: int, noise_s: float, declared: bool = False
) -> list[Case]:
    rng = np.random.default_rng(17)
    out = []
    for k in range(n):
        if inside:
            north, east = rng.uniform(-40, 40, 2)
        else:
            a, r = rng.uniform(0, 2 * np.pi), rng.uniform(70, 120)
            north, east = r * np.cos(a), r * np.sin(a)
        depth = rng.uniform(2, 25)
        out.append(
            Case(tt, north, east, depth, n_picks=n_picks, noise_s=noise_s, seed=k, declared_errors=declared)
        )
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


@pytest.mark.parametrize(("inside", "n_picks"), [(True, 6), (True, 20), (False, 10)])
def test_ellipse_holds_the_truth_as_often_as_it_says(
    source: PointSource, travel_times: TravelTimes, inside: bool, n_picks: int
) -> None:
    """Errors drawn as declared (reading, model share): the 90 % ellipse holds 80 to 97.5 % of truths."""
    found = cases(travel_times, 150, inside=inside, n_picks=n_picks, noise_s=0.1, declared=True)
    squared = np.array([c.miss(source.locate(c.readings, None))[1] for c in found])
    assert 0.80 <= np.mean(squared < CHI2_90) <= 0.975
    assert 0.30 <= np.mean(squared < 1.0) <= 0.65  # 0.39 for a normal


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
    case = Case(travel_times, 12.0, -20.0, 11.0, n_picks=8, noise_s=0.1, seed=9)
    a, r = source.locate(case.readings, None), case.readings
    b = source.locate(
        replace(
            r,
            latitude=r.latitude[order],
            longitude=r.longitude[order],
            t_s=r.t_s[order],
            sigma_s=r.sigma_s[order],
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


def kernel_arguments(travel_times: TravelTimes) -> tuple[Case, dict[str, np.ndarray]]:
    case = Case(travel_times, 30.0, -10.0, 11.0, n_picks=9, noise_s=0.1, seed=2)
    r = case.readings
    sta, silent = np.empty((9, 3)), np.empty((len(r.silent_to_s), 3))
    unit_vectors(r.latitude, r.longitude, sta)
    unit_vectors(r.silent_latitude, r.silent_longitude, silent)
    far = np.full_like(r.silent_to_s, r.t_s.max() + 8.0)  # some silences must count
    return case, {
        "sta_u": sta, "t_s": r.t_s, "sigma_s": r.sigma_s + 0.2, "share": 0.04, "decay": 1.885,
        "silent_u": silent, "silent_from_s": r.silent_from_s, "silent_to_s": far, "table_p": travel_times.p,
    }  # fmt: skip


def test_kernel_equals_its_plain_twin(travel_times: TravelTimes) -> None:
    case, given_ = kernel_arguments(travel_times)
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
            north[a], east[b], depths[d], LAT0, LON0, (r.latitude, r.longitude), r.t_s, given_["sigma_s"],
            0.04, 1.885, (r.silent_latitude, r.silent_longitude), r.silent_from_s, given_["silent_to_s"],
            travel_times.p,
        )  # fmt: skip
        assert (score[d, a, b] + cost[d], origin[d, a, b]) == pytest.approx(want, rel=1e-6, abs=1e-6)
        costs.add(round(want[0]))
    assert len(costs) > 5


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
