"""How often noise alone would do the same: the rarer the more stations, strength and S there are."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from seiswarn.geo import distance_km
from seiswarn.source.evidence import (
    FREE,
    HOUR_S,
    MISSING_COST,
    S_BY_CHANCE,
    SLOWEST_P_KMPS,
    USUAL_PER_HOUR,
    WEAKEST_MPS2,
    YEAR_S,
    false_per_year,
)  # fmt: skip
from seiswarn.source.fitting import Fit, Fitter
from seiswarn.source.params import Params
from seiswarn.source.records import Memory, PickRecord
from seiswarn.source.traveltime import TravelTimes
from seiswarn.stations import StationTable
from seiswarn.timebase import NS, from_seconds
from tests.source.conftest import T0, jittered_grid, make_table

NOW = T0 + 20 * NS
TABLE = make_table(jittered_grid(5, 20.0, seed=3))


def memory_of(n_alive: int = 25, noise_mps2: float = 0.0) -> Memory:
    memory = Memory.of(TABLE)
    memory.live_to_ns = [NOW if k < n_alive else 0 for k in range(TABLE.n_stations)]
    memory.noise_mps2 = [noise_mps2] * TABLE.n_stations
    return memory


def picks(tt: TravelTimes, n: int, pa_mps2: float = 0.01, snr: float = 0.0) -> list[PickRecord]:
    """The first `n` picks of a source in the middle."""
    d = np.array([math.hypot(*p) for p in jittered_grid(5, 20.0, seed=3)])
    tp = tt.times(d, 10.0)[0]
    return [
        PickRecord(
            pick_id=str(k), station=int(k), site=int(k), t_ns=T0 + from_seconds(float(tp[k])), sigma_s=0.1,
            noise_d_m=0.0, pa_mps2=pa_mps2, snr=snr,
        )
        for k in np.argsort(tp)[:n]
    ]  # fmt: skip


@pytest.fixture(scope="module")
def fit_of(travel_times: TravelTimes):
    fitter = Fitter(Params(), TABLE, travel_times)

    def made(n: int, pa_mps2: float = 0.01, **changes: object) -> Fit:
        records = picks(travel_times, n, pa_mps2)
        fit = fitter.fit(records, None, Memory.of(TABLE))
        return replace(fit, **({"inliers": tuple(records), "misfits": (), "n_missing": 0} | changes))  # type: ignore[arg-type]

    return made


def rate(fit: Fit, memory: Memory | None = None, table: StationTable = TABLE) -> float:
    return false_per_year(fit, memory or memory_of(), table, NOW)


def test_two_weakest_picks_are_counted_per_year_by_hand(fit_of) -> None:
    """25 stations that trigger three times an hour: each such a coincidence within its window."""
    fit = fit_of(2, WEAKEST_MPS2)
    a, b = (r.station for r in fit.inliers)
    apart = distance_km(*(float(x[k]) for k in (a, b) for x in (TABLE.st_latitude, TABLE.st_longitude)))
    per_s = USUAL_PER_HOUR / HOUR_S
    window_s = 2.0 * (apart / SLOWEST_P_KMPS + 1.0)
    assert rate(fit) == pytest.approx(25 * YEAR_S * per_s * per_s * window_s, rel=1e-6)


def test_it_counts_what_noise_does(fit_of) -> None:
    """Random triggers at two stations come together as often in a year as it says."""
    fit = fit_of(2, WEAKEST_MPS2)
    rng, years = np.random.default_rng(1), 0.5
    span_s, n = years * YEAR_S, 0
    a, b = (r.station for r in fit.inliers)
    apart = distance_km(*(float(x[k]) for k in (a, b) for x in (TABLE.st_latitude, TABLE.st_longitude)))
    window_s = apart / SLOWEST_P_KMPS + 1.0
    per_s = USUAL_PER_HOUR / HOUR_S
    one, two = (np.sort(rng.uniform(0, span_s, rng.poisson(per_s * span_s))) for _ in range(2))
    n = int((np.searchsorted(two, one + window_s) - np.searchsorted(two, one - window_s)).sum())
    assert n / years == pytest.approx(rate(fit) / 25, rel=0.3)  # any of 25 stations may be the first


def test_more_stations_are_rarer(fit_of) -> None:
    found = [rate(fit_of(n)) for n in range(2, 9)]
    assert found == sorted(found, reverse=True)
    assert all(b < 0.1 * a for a, b in itertools.pairwise(found))
    assert rate(fit_of(1)) == math.inf
    assert FREE == 3


def test_stronger_is_rarer_down_to_one_a_day(fit_of) -> None:
    found = [rate(fit_of(3, pa)) for pa in (1e-4, 5e-4, 5e-3, 3e-2, 5.0, 50.0)]
    assert found[0] == found[1]  # no weaker than what triggers at all
    assert all(b < a for a, b in itertools.pairwise(found[1:5]))
    assert found[5] == found[4]  # however strong: work at the station, blows, blasts
    assert found[1] / found[2] == pytest.approx(1000.0)  # three picks, each ten times stronger


def test_strength_counts_against_the_noise_of_the_station(fit_of, travel_times: TravelTimes) -> None:
    """An amplitude is nothing where the ground always moves as much; a gain scales noise and motion alike."""
    fit = fit_of(3, 0.01)
    quiet, loud = rate(fit, memory_of(noise_mps2=1e-5)), rate(fit, memory_of(noise_mps2=1e-3))
    assert loud > 10 * quiet
    gain = 100.0
    scaled = fit_of(3, 0.1 * gain)
    for r in scaled.inliers:
        r.pa_mps2 = 0.1 * gain
    assert rate(scaled, memory_of(noise_mps2=2e-3 * gain)) == pytest.approx(
        rate(fit_of(3, 0.1), memory_of(noise_mps2=2e-3))
    )


def test_s_makes_it_rarer_and_silence_more_common(fit_of) -> None:
    plain = rate(fit_of(3))
    sites = tuple(r.site for r in fit_of(3).inliers)
    assert rate(fit_of(3, with_s=sites[:2])) == pytest.approx(plain * S_BY_CHANCE**2)
    assert rate(fit_of(3, n_missing=2)) == pytest.approx(plain * MISSING_COST**2)
    # What is far off in amplitude counts neither as a pick nor by its S.
    without = rate(fit_of(3, with_s=sites[2:], misfits=sites[2:]))
    assert without > 10 * plain


def test_a_larger_network_and_noisier_stations_err_more_often(fit_of) -> None:
    fit = fit_of(3)
    assert rate(fit, memory_of(10)) == pytest.approx(0.4 * rate(fit, memory_of(25)))
    busy = fit_of(3)
    for r in busy.inliers:
        r.picked_before = 5.0  # within ten minutes
    assert rate(busy) == pytest.approx(rate(fit) * 10.0**3)
