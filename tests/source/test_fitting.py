"""Fitting picks: S of one-sided networks, stations that should have heard, amplitudes that do not belong."""

from __future__ import annotations

import numpy as np
import pytest

from seiswarn.geo import distance_km, distances_km
from seiswarn.source.fitting import Fit, Fitter
from seiswarn.source.params import Params
from seiswarn.source.records import Memory, PickRecord
from seiswarn.source.traveltime import TravelTimes
from seiswarn.stations import StationTable
from seiswarn.timebase import NS, from_seconds
from tests.source.conftest import T0, Quake, jittered_grid, make_table, pd_of

NOISE_MPS2 = 1e-4


class Scene:
    """A source, who has picked it, and what is known of the stations."""

    def __init__(self, table: StationTable, tt: TravelTimes, quake: Quake, now_s: float) -> None:
        self.table, self.quake = table, quake
        self.fitter = Fitter(Params(), table, tt)
        self.memory = Memory.of(table)
        self.memory.live_from_ns = [T0 - 60 * NS] * table.n_stations
        self.memory.live_to_ns = [T0 + from_seconds(now_s)] * table.n_stations
        self.d = distances_km(*quake.place, table.st_latitude, table.st_longitude)
        self.tp, self.ts = tt.times(self.d, quake.depth_km)
        self.records: list[PickRecord] = []

    def pick(self, k: int) -> PickRecord:
        pd = pd_of(self.quake.magnitude, float(np.hypot(self.d[k], self.quake.depth_km)))
        return PickRecord(
            pick_id=str(k), station=k, site=k, t_ns=T0 + from_seconds(float(self.tp[k])), sigma_s=0.05,
            noise_d_m=1e-7, snr=20.0, windows=[(0.5 * w, pd, False) for w in range(1, 5)],
        )  # fmt: skip

    def hear_s(self, n: int) -> None:
        for r in self.records[:n]:
            r.s_t_ns, r.s_sigma_s = T0 + from_seconds(float(self.ts[r.station])), 0.2

    def fit(self, s_only: list[PickRecord] | None = None) -> Fit:
        return self.fitter.fit(self.records, None, self.memory, s_only or ())

    def miss_km(self, fit: Fit) -> float:
        return float(distance_km(*self.quake.place, fit.location.latitude, fit.location.longitude))


@pytest.fixture
def beside(travel_times: TravelTimes) -> Scene:
    """80 km off one side of a network; the four nearest have picked, and no data tell of the others."""
    table = make_table([(18.0 * k, 5.0 * (-1) ** k) for k in range(-3, 4)])
    quake = Quake(5.0, 80.0, 10.0, magnitude=5.5)
    scene = Scene(table, travel_times, quake, 15.0)
    scene.records = [scene.pick(int(k)) for k in np.argsort(scene.d)[:4]]
    scene.memory.live_to_ns = [0] * table.n_stations
    return scene


def test_s_pulls_a_one_sided_location_in(beside: Scene) -> None:
    before = beside.fit()
    assert before.with_s == ()
    beside.hear_s(2)
    after = beside.fit()
    assert set(after.with_s) == {r.site for r in beside.records[:2]}
    assert after.location.major_km < 0.5 * before.location.major_km
    assert beside.miss_km(after) < 10.0
    assert len(after.inliers) == 4


def test_s_soon_after_p_is_not_believed(beside: Scene) -> None:
    for r in beside.records:
        r.s_t_ns, r.s_sigma_s = r.t_ns + from_seconds(1.9), 0.1
    assert beside.fit().with_s == ()


def test_s_that_does_not_fit_is_left_out(beside: Scene) -> None:
    beside.hear_s(3)
    beside.records[1].s_t_ns += 12 * NS
    fit = beside.fit()
    assert beside.records[1].site not in fit.with_s
    assert len(fit.with_s) == 2
    assert beside.miss_km(fit) < 12.0


def test_s_at_a_site_without_p_helps_and_counts_for_nothing_else(beside: Scene) -> None:
    before = beside.fit()
    other = next(k for k in range(beside.table.n_stations) if k not in {r.station for r in beside.records})
    heard = beside.pick(other)
    heard.t_ns = T0 + from_seconds(float(beside.ts[other]))
    after = beside.fit([heard])
    assert beside.miss_km(after) < beside.miss_km(before) + 1.0
    assert after.location.major_km < before.location.major_km
    assert len(after.records) == len(after.inliers) == 4
    assert after.with_s == ()


@pytest.fixture
def amid(travel_times: TravelTimes) -> Scene:
    """A small earthquake amid 25 stations, picked at six of the nearest nine by now."""
    table = make_table(jittered_grid(5, 20.0, seed=3))
    quake = Quake(3.0, -4.0, 10.0, magnitude=3.0)
    scene = Scene(table, travel_times, quake, 12.0)
    near = [int(k) for k in np.argsort(scene.d)]
    scene.records = [scene.pick(k) for k in (*near[:2], *near[5:9])]
    scene.memory.noise_mps2 = [NOISE_MPS2] * table.n_stations
    return scene


def test_live_stations_that_should_have_triggered_are_counted(amid: Scene) -> None:
    fit = amid.fit()
    assert fit.n_missing == 3
    assert fit.triggered_share == pytest.approx(6 / 9)
    assert amid.miss_km(fit) < 5.0


def test_a_noisy_silent_station_costs_nothing(amid: Scene) -> None:
    """Three silent ones whose noise hides a P that strong might as well be dead."""
    silent = [int(k) for k in np.argsort(amid.d)[2:5]]
    for k in silent:
        amid.memory.noise_mps2[k] = 1000.0 * NOISE_MPS2
    hidden = amid.fit()
    assert (hidden.n_missing, hidden.triggered_share) == (0, 1.0)
    for k in silent:
        amid.memory.live_to_ns[k] = 0
        amid.memory.noise_mps2[k] = NOISE_MPS2
    dead = amid.fit()
    assert hidden.location.latitude == dead.location.latitude
    assert hidden.location.major_km == dead.location.major_km


def test_stations_of_unknown_noise_are_taken_to_hear(amid: Scene) -> None:
    amid.memory.noise_mps2 = [0.0] * amid.table.n_stations
    assert amid.fit().n_missing == 3


def test_an_amplitude_that_does_not_belong_is_named(amid: Scene) -> None:
    assert amid.fit().misfits == ()
    bad = amid.records[2]
    bad.windows = [(w, 100.0 * a, c) for w, a, c in bad.windows]
    fit = amid.fit()
    assert fit.misfits == (bad.site,)
    assert amid.miss_km(fit) < 5.0
    bad.windows = [(w, a / 1e4, c) for w, a, c in bad.windows]
    bad.noise_d_m = 0.0
    assert amid.fit().misfits == (bad.site,)


def test_clipped_and_drowned_amplitudes_are_none(amid: Scene) -> None:
    clipped, drowned = amid.records[2], amid.records[3]
    clipped.windows = [(w, 100.0 * a, True) for w, a, _ in clipped.windows]
    drowned.windows = [(w, 1e-9, c) for w, _, c in drowned.windows]
    assert amid.fit().misfits == ()


def test_a_wrong_pick_is_no_inlier(amid: Scene) -> None:
    amid.records[3].t_ns += 8 * NS
    fit = amid.fit()
    assert {r.pick_id for r in fit.records} - {r.pick_id for r in fit.inliers} == {amid.records[3].pick_id}
    assert amid.miss_km(fit) < 6.0
