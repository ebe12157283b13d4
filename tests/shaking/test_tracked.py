"""What one event explains, and when the strongest of it is over."""

import dataclasses

import msgspec
import numpy as np
import pytest
from tests.shaking_work import T0, at, estimate, grid_table, motions

from seiswarn.messages import Rupture
from seiswarn.rupture_distance import rupture_length_km
from seiswarn.shaking.observed import FELT_MPS2, Observed, Rows
from seiswarn.shaking.tracked import (
    CODA_S,
    EARLY_S,
    RUPTURE_KMPS,
    Kept,
    Tracked,
    source_s,
    strong_s,
)
from seiswarn.timebase import NS

TABLE = grid_table(3, 30.0)
ORIGIN_S = T0 / NS
KM = np.hypot(np.repeat([-30.0, 0.0, 30.0], 3), np.tile([-30.0, 0.0, 30.0], 3))
P_S, S_S = (ORIGIN_S + np.hypot(KM, 10.0) / v for v in (6.0, 3.5))
MIDDLE = 4


def tracked(observed=None, **changes):
    observed = Observed.of(TABLE) if observed is None else observed
    return Tracked.of(estimate(5.0, **changes), P_S, S_S, observed)


def rows(*seconds):
    """(station, second after the origin, PGA)."""
    k, t, a = (np.array(column) for column in zip(*seconds, strict=True))
    return Rows(k.astype(np.int64), t.astype(np.int64) + T0 // NS, a.astype(float), a / 12.0)


@pytest.mark.parametrize(("second", "taken"), [(1, False), (2, True), (10, True), (303, False), (302, True)])
def test_motion_between_p_and_the_coda_of_s_is_of_the_event(second, taken):
    """At the middle P comes after 1.7 s, S after 2.9 s."""
    t = tracked()
    t.take(rows((MIDDLE, second, 2.0)))
    assert (t.pga_mps2[MIDDLE] == 2.0) == taken
    assert CODA_S == 300.0


def test_the_largest_counts_and_only_growth_by_a_third_is_told():
    t = tracked()
    t.take(rows((MIDDLE, 5, 1.0), (MIDDLE, 6, 3.0), (MIDDLE, 7, 2.0), (0, 20, 0.5)))
    assert (t.pga_mps2[MIDDLE], t.pga_mps2[0]) == (3.0, 0.5)
    assert t.grown
    t.grown, t.told_pga = False, t.pga_mps2.copy()
    t.take(rows((MIDDLE, 8, 3.8)))
    assert not t.grown
    assert t.pga_mps2[MIDDLE] == 3.8
    t.take(rows((MIDDLE, 9, 4.0)))
    assert t.grown


def test_what_nobody_feels_is_no_growth():
    t = tracked()
    t.take(rows((MIDDLE, 5, 0.9 * FELT_MPS2)))
    assert not t.grown


def test_an_event_that_is_over_takes_nothing():
    t = tracked()
    t.over = True
    t.take(rows((MIDDLE, 5, 2.0)))
    assert not t.pga_mps2.any()


def test_motion_under_way_before_the_event_was_located_is_its_own_if_it_can_be():
    observed = Observed.of(TABLE)
    observed.take(motions(TABLE, [(MIDDLE, 2.0, 1.0, 0.1), (MIDDLE, 3.0, 2.0, 0.2), (0, 1.0, 3.0, 0.3)]))
    t = tracked(observed)
    assert t.pga_mps2[MIDDLE] == 2.0
    assert t.pga_mps2[0] == 0.0  # 42 km away: began six seconds before P could be there


def test_what_an_event_explains_begins_shortly_before_p_and_stays_explained():
    observed = Observed.of(TABLE)
    observed.take(motions(TABLE, [(k, 9.0, 1.0, 0.1) for k in range(9)]))
    t = tracked(observed)
    first = int(np.ceil(P_S[0] - EARLY_S))
    assert not t.claims(observed, first - 1)[0]
    assert t.claims(observed, first)[0]
    assert t.claims(observed, first + 10_000)[0]  # the motion that began at nine seconds
    late = Observed.of(TABLE)
    late.take(motions(TABLE, [(0, 400.0, 1.0, 0.1)]))
    assert not t.claims(late, first + 400)[0]


def test_it_has_passed_when_it_is_over_and_the_coda_too():
    t = tracked()
    end = float(S_S.max()) + CODA_S
    assert not t.passed(end + 1.0)
    t.over = True
    assert t.passed(end + 1.0)
    assert not t.passed(end - 1.0)


@pytest.mark.parametrize(("magnitude", "seconds"), [(5.0, 0.889), (6.0, 2.81), (7.0, 9.80), (8.0, 38.1)])
def test_how_long_a_source_radiates(magnitude, seconds):
    """1/fc of Brune at 100 bar, and for the largest half of Wells and Coppersmith's length at 2.5 km/s."""
    corner = 4.9e6 * 3.5 * (100.0 / 10.0 ** (1.5 * magnitude + 16.05)) ** (1 / 3)
    half = 0.5 * 10.0 ** (-2.44 + 0.59 * magnitude) / 2.5
    assert source_s(magnitude) == pytest.approx(max(1.0 / corner, half))
    assert source_s(magnitude) == pytest.approx(seconds, rel=0.01)
    assert strong_s(magnitude, 100.0) == pytest.approx(source_s(magnitude) + 5.0)


@pytest.mark.parametrize("magnitude", [5.0, 6.5, 7.5])
def test_a_station_is_complete_when_the_strongest_motion_can_be_over(magnitude):
    due = S_S + source_s(magnitude) + 0.05 * 3.5 * (S_S - ORIGIN_S)
    for k in (MIDDLE, 0):
        for last, complete in ((np.ceil(due[k]), True), (np.floor(due[k]), False)):
            observed = Observed.of(TABLE)
            t = tracked(observed, magnitude=magnitude)
            t.take(observed.take(motions(TABLE, [(k, last - ORIGIN_S, 2.0, 0.2)])))
            assert t.complete(observed)[k] == complete
            assert not t.complete(observed)[(k + 1) % 9]  # nothing heard: nothing is over


def test_the_source_is_what_the_estimate_says():
    s = tracked(magnitude=6.7, sigma=0.2).source()
    assert s is not None
    assert (s.magnitude, s.magnitude_sigma, s.depth_km, s.line, s.strike_deg) == (6.7, 0.2, 10.0, None, None)
    assert tracked(magnitude=None).source() is None
    line = Rupture(
        latitude_1=24.0, longitude_1=107.0, latitude_2=25.0, longitude_2=107.0, length_km=111.0,
        length_sigma_km=9.0, strike_deg=0.0, strike_sigma_deg=5.0, magnitude=7.3, magnitude_sigma=0.2,
        n_stations=9, log_odds=5.0, believed=True,
    )  # fmt: skip
    s = tracked(rupture=line).source()
    assert s is not None
    assert (s.line, s.strike_deg) == ((24.0, 107.0, 25.0, 107.0), 0.0)
    s = tracked(rupture=msgspec.structs.replace(line, believed=False)).source()
    assert s is not None
    assert s.line is None


def test_all_but_the_arrivals_stands_in_a_snapshot():
    t = tracked()
    t.take(rows((MIDDLE, 5, 1.0), (0, 20, 0.5)))
    t.told_ns, t.grid_ns, t.over = at(6.0), at(5.0), True
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(Kept.of(t)), type=Kept).tracked(P_S, S_S)
    for f in dataclasses.fields(t):
        np.testing.assert_array_equal(getattr(again, f.name), getattr(t, f.name))


def test_an_event_may_grow_while_its_magnitude_has_risen_in_the_last_ten_seconds():
    t = tracked(magnitude=6.0)
    assert not t.may_grow(at(5.0))
    for seconds, magnitude, growing in (
        (6.0, 6.05, False),
        (8.0, 6.2, True),
        (14.0, 6.2, True),
        (30.0, 6.2, False),
    ):
        t.learn(estimate(seconds, magnitude), P_S, S_S)
        assert t.may_grow(at(seconds)) == growing


def test_a_long_rupture_may_grow_until_it_would_have_run_all_its_length_one_way():
    t = tracked(magnitude=7.2)  # with its sigma of 0.3: M 7.5, 97 km, 39 s
    assert 38.0 < rupture_length_km(7.5) / RUPTURE_KMPS < 40.0
    assert t.may_grow(at(38.0))
    assert not t.may_grow(at(40.0))


def test_a_rupture_of_moderate_length_may_not():
    t = tracked(magnitude=6.9)  # with its sigma M 7.2: 64 km
    assert not t.may_grow(at(5.0))


def test_what_may_grow_without_a_magnitude_is_not_known():
    assert tracked(magnitude=None).may_grow(at(300.0))
