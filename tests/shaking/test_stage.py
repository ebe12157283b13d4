"""Forecasts of the shaking stage from a source: columns, seconds, validity, refresh, snapshots."""

import itertools

import msgspec
import numpy as np
import pytest
from tests.shaking_work import (
    T0,
    at,
    columns,
    estimate,
    forecasts,
    grid_table,
    motions,
    place,
    stage_of,
    target,
)

from seiswarn.errors import InvariantError
from seiswarn.forecast_field import Basis
from seiswarn.grid import grid_nodes
from seiswarn.messages import Rupture
from seiswarn.shaking.params import Params
from seiswarn.shaking.stage import ShakingStage
from seiswarn.targets import TargetTable
from seiswarn.timebase import NS

PLACES = (
    target("Near", 11.1, 0.0),
    target("Far", 167.0, 0.0, vs30_mps=760.0),
    target("Middle", 0.0, 71.0, name_zh="中", vs30_mps=250.0),
)
NAMES = ("Far", "Middle", "Near")  # the order of the table


def forecast(targets=PLACES, e=None, table=None, **params):
    e = estimate(8.0) if e is None else e
    (made,) = stage_of(targets, table, **params).handle(at(8.0), [e])
    return made


def by_name(made, column="intensity", names=NAMES):
    return dict(zip(names, getattr(columns(made), column).tolist(), strict=True))


def test_columns_are_in_the_order_of_the_table_with_arrivals_after_the_origin():
    made = forecast()
    c = columns(made)
    assert made.field is not None
    assert made.field.places == TargetTable.of(PLACES).digest
    assert made.targets == ()
    hypo = np.hypot(c.distance_km, 10.0)
    np.testing.assert_allclose(c.distance_km, [167.0, 71.0, 11.1], rtol=2e-3)
    np.testing.assert_allclose(c.p_s, hypo / 6.0, rtol=1e-5)
    np.testing.assert_allclose(c.s_s, hypo / 3.5, rtol=1e-5)
    assert made.origin_time_ns == T0
    assert made.max_intensity == pytest.approx(float(c.intensity.max()), abs=1e-6)
    assert made.intensity_scale == "GB/T 17742-2020"
    assert made.method == "BSSA14+GB/T 17742-2020"
    assert (made.event_id, made.estimate_revision, made.status) == ("e1", 1, "actual")
    assert set(c.basis.tolist()) == {int(Basis.SOURCE)}
    assert made.n_observed == 0
    np.testing.assert_array_equal(c.intensity, c.intensity_source)
    assert not c.intensity_wavefield.any()


def test_probabilities_are_those_of_a_normal_distribution():
    from scipy.stats import norm

    made = forecast(thresholds=(3.0, 5.0, 8.0))
    c = columns(made)
    assert made.thresholds == (3.0, 5.0, 8.0)
    exact = norm.sf(np.array(made.thresholds)[None, :], c.intensity[:, None], c.intensity_sigma[:, None])
    np.testing.assert_allclose(c.exceed, exact, atol=1e-5)


@pytest.mark.parametrize(("t_s", "km"), [(2.0, 0.0), (10.0, np.sqrt(35.0**2 - 100.0)), (100.0, 349.9)])
def test_the_blind_zone_is_where_s_has_been(t_s, km):
    (made,) = stage_of(PLACES).handle(at(t_s), [estimate(t_s)])
    assert made.blind_zone_km == pytest.approx(km, abs=0.1)


def test_shaking_decreases_with_distance_and_grows_on_soft_ground():
    made = by_name(forecast())
    assert made["Near"] > made["Far"]
    soft = forecast(tuple(msgspec.structs.replace(p, vs30_mps=200.0) for p in PLACES))
    rock = forecast(tuple(msgspec.structs.replace(p, vs30_mps=900.0) for p in PLACES))
    assert (columns(soft).pgv_mps > columns(rock).pgv_mps).all()
    # Far and quiet, linear site response: ln ratio = c ln(v1 / v2) of the PGV site term
    ratio = by_name(soft, "pgv_mps")["Far"] / by_name(rock, "pgv_mps")["Far"]
    assert np.log(ratio) == pytest.approx(-0.84 * np.log(200 / 900), rel=0.1)


def test_order_of_targets_never_shows():
    first = forecast()
    for order in itertools.permutations(PLACES):
        assert forecast(order) == first


def test_large_events_reach_farther_with_the_mean_rupture_distance():
    big = estimate(8.0, 7.8)
    assert (
        columns(forecast(e=big)).intensity > columns(forecast(e=big, distance="epicentral")).intensity
    ).all()


def test_magnitude_sigma_widens_the_intensity_but_does_not_move_it():
    wide, plain = columns(forecast()), columns(forecast(magnitude_sigma=False))
    np.testing.assert_array_equal(wide.intensity, plain.intensity)
    assert (wide.intensity_sigma > plain.intensity_sigma).all()
    assert (plain.intensity_sigma > 0.5).all()


def test_without_targets_only_the_epicentre_counts():
    made = forecast(())
    assert made.field is not None
    assert made.field.n == 0
    assert made.max_intensity == 0.0
    assert 7.0 < made.epicentral_intensity < 10.0
    assert 1.0 < made.epicentral_pga_mps2 < 20.0


@pytest.mark.parametrize(
    "silent",
    [
        estimate(8.0, None),
        estimate(8.0, state="ended"),
        estimate(8.0, state="cancelled"),
    ],
)
def test_estimates_without_size_or_future_give_nothing(silent):
    assert stage_of(PLACES).handle(at(8.0), [silent]) == []


def test_status_is_copied():
    assert forecast(e=estimate(8.0, status="exercise")).status == "exercise"


def test_shifting_all_times_shifts_only_times():
    base = forecast()
    shift = 12_345_678_901_234
    e = estimate(8.0)
    e = msgspec.structs.replace(e, origin=msgspec.structs.replace(e.origin, time_ns=T0 + shift))
    (moved,) = stage_of(PLACES).handle(at(8.0) + shift, [e])
    assert moved == msgspec.structs.replace(
        base, t_seen_ns=base.t_seen_ns + shift, origin_time_ns=base.origin_time_ns + shift
    )


def test_places_outside_the_validity_are_flagged_not_hidden():
    """BSSA14 is for 0 to 400 km (Boore and others 2014)."""
    places = (target("In", 390.0, 0.0), target("Out", 410.0, 0.0))
    c = columns(forecast(places, e=estimate(8.0, 7.5), distance="epicentral"))
    assert [bool(b & Basis.OUTSIDE) for b in c.basis.tolist()] == [False, True]
    assert (c.intensity > 1.0).all()
    huge = columns(forecast(e=estimate(8.0, 8.8)))
    assert (huge.basis & int(Basis.OUTSIDE)).all()


def test_missing_vs30_is_the_configured_default():
    bare = tuple(msgspec.structs.replace(p, vs30_mps=0.0) for p in PLACES)
    given = tuple(msgspec.structs.replace(p, vs30_mps=500.0) for p in PLACES)
    one, other = forecast(bare, default_vs30_mps=500.0), forecast(given)
    np.testing.assert_array_equal(columns(one).intensity, columns(other).intensity)


def test_travel_times_that_are_no_numbers_stop_the_program():
    class Broken:
        def times(self, distance_km, depth_km):
            return distance_km * np.nan, distance_km

    made = ShakingStage(Params(), TargetTable.of(PLACES), Broken(), grid_table())
    with pytest.raises(InvariantError, match="p_s of a forecast is not finite at 3 places"):
        made.handle(T0, [estimate(8.0)])


@pytest.mark.parametrize("relation", ["gbt17742", "worden2012"])
def test_every_configured_choice_can_be_built(relation):
    for region, mechanism in itertools.product(
        ("global", "china_turkey", "italy_japan"), ("unspecified", "strike_slip", "normal", "reverse")
    ):
        made = forecast(region=region, mechanism=mechanism, conversion=relation)
        assert 3.0 < made.max_intensity < 10.0


def test_a_believed_rupture_brings_what_lies_along_it_nearer():
    """A line of 180 km northwards passes 5 km from Far; believed, it counts from there, otherwise not at
    all."""
    (lat1, lon1), (lat2, lon2) = place(0.0, 0.0), place(178.0, 5.0)
    line = Rupture(
        latitude_1=lat1, longitude_1=lon1, latitude_2=lat2, longitude_2=lon2, length_km=178.0,
        length_sigma_km=20.0, strike_deg=2.0, strike_sigma_deg=5.0, magnitude=7.7, magnitude_sigma=0.2,
        n_stations=30, log_odds=9.0, believed=True,
    )  # fmt: skip
    point, doubted, near = (
        forecast(e=estimate(8.0, 7.7, rupture=r))
        for r in (None, msgspec.structs.replace(line, believed=False), line)
    )
    assert doubted == point
    assert by_name(near, "pga_mps2")["Far"] > 2.0 * by_name(point, "pga_mps2")["Far"]
    assert by_name(near, "distance_km") == by_name(point, "distance_km")  # epicentral, as before
    assert (columns(near).basis & int(Basis.LINE)).all()
    assert not (columns(point).basis & int(Basis.LINE)).any()


# --- renewed by motion, the grid, snapshots ------------------------------------------------------


TABLE = grid_table(5, 20.0)


def felt(t_s, pga, stations=(12,), at_s=None):
    when = t_s if at_s is None else at_s
    return motions(TABLE, [(k, when, pga, pga / 12.0) for k in stations], t_s)


def test_motion_that_grows_renews_a_forecast_but_not_more_often_than_asked():
    stage = stage_of(PLACES, TABLE, refresh_s=0.5)
    (first,) = stage.handle(at(5.0), [estimate(5.0)])
    assert stage.handle(at(5.2), [felt(5.0, 0.5)]) == []  # too soon, and not lost
    (renewed,) = stage.handle(at(5.5), [])
    assert (renewed.estimate_revision, renewed.t_seen_ns) == (first.estimate_revision, at(5.5))
    assert renewed.n_observed >= 0
    assert stage.handle(at(7.2), [felt(7.0, 0.6)]) == []  # not by a third of a degree
    assert len(stage.handle(at(8.2), [felt(8.0, 0.7)])) == 1
    assert stage.handle(at(9.2), [felt(9.0, 0.02)]) == []


def test_motion_of_another_time_is_not_of_this_event():
    stage = stage_of(PLACES, TABLE)
    stage.handle(at(5.0), [estimate(5.0)])
    early = felt(6.0, 5.0, stations=(0,), at_s=6.0)  # 57 km away: P comes after 9.6 s
    assert stage.handle(at(6.2), [early]) == []
    assert stage.handle(at(7.2), [felt(7.0, 5.0, at_s=-3.0)]) == []


def test_what_is_over_is_forecast_no_more():
    stage = stage_of(PLACES, TABLE)
    stage.handle(at(5.0), [estimate(5.0)])
    stage.handle(at(6.0), [estimate(6.0, state="ended", revision=2)])
    assert forecasts(stage.handle(at(8.2), [felt(8.0, 3.0)])) == []
    stage = stage_of(PLACES, TABLE)
    stage.handle(at(5.0), [estimate(5.0)])
    assert stage.handle(at(5.2), [felt(5.0, 3.0)]) == []  # too soon
    assert stage.handle(at(5.4), [estimate(5.4, state="ended", revision=2)]) == []
    assert stage.handle(at(6.0), []) == []


def test_the_grid_comes_in_its_own_time():
    nodes = grid_nodes(np.array([23.9, 24.1]), np.array([106.9, 107.1]), 10.0, 10.0, 100)
    stage = stage_of(PLACES, TABLE, nodes, grid_every_s=1.0)
    got = [stage.handle(at(t), [estimate(t, revision=k)])[0] for k, t in enumerate((5.0, 5.5, 6.0, 6.9), 1)]
    assert [f.grid is not None for f in got] == [True, False, True, False]
    assert got[0].grid is not None
    assert got[0].grid.n == len(nodes)
    assert got[0].grid.places.startswith(f"grid {nodes.n_rows} x {nodes.n_columns} from ")


def test_a_restored_stage_goes_on_as_if_nothing_had_been():
    def make():
        return stage_of(PLACES, TABLE, wavefield_min_stations=1)

    plan = [
        (5.0, [estimate(5.0)]),
        (5.2, [felt(5.0, 0.5)]),
        (8.2, [felt(8.0, 2.0, (12, 13))]),
        (9.0, [estimate(9.0, 6.8, revision=2)]),
        (10.2, [felt(10.0, 4.0, (12, 13, 17))]),
        (12.0, [estimate(12.0, state="ended", revision=3)]),
        (13.2, [felt(13.0, 5.0)]),
    ]

    def run(restart_at):
        stage, made = make(), []
        for k, (t, messages) in enumerate(plan):
            if k == restart_at:
                data = stage.snapshot()
                stage = make()
                stage.restore(data)
                assert stage.snapshot() == data
            made += stage.handle(at(t), messages)
        return made

    whole = run(None)
    assert len(forecasts(whole)) >= 4
    for k in range(len(plan)):
        assert run(k) == whole


def test_a_snapshot_of_other_stations_or_of_nothing_is_refused():
    one = stage_of(PLACES, TABLE)
    with pytest.raises(InvariantError, match="other stations"):
        stage_of(PLACES, grid_table(4)).restore(one.snapshot())
    with pytest.raises(msgspec.DecodeError):
        one.restore(b"x")


def test_warming_leaves_no_trace():
    one, other = stage_of(PLACES, TABLE), stage_of(PLACES, TABLE)
    one.warm()
    assert one.snapshot() == other.snapshot()
    assert one.handle(at(8.0), [estimate(8.0)]) == other.handle(at(8.0), [estimate(8.0)])
    assert at(1.0) - at(0.0) == NS
