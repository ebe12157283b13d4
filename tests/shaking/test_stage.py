import itertools

import msgspec
import numpy as np
import pytest

from seiswarn.errors import InvariantError
from seiswarn.messages import EventEstimate, Magnitude, Origin, Rupture
from seiswarn.shaking.params import Params
from seiswarn.shaking.stage import ShakingStage
from seiswarn.targets import Target
from seiswarn.timebase import NS

T0 = 1_700_000_000 * NS


class Uniform:
    """P at 6 km/s, S at 3.5 km/s, straight from the hypocentre."""

    def times(self, distance_km, depth_km):
        hypo = np.hypot(distance_km, depth_km)
        return hypo / 6.0, hypo / 3.5


def estimate(magnitude=6.5, sigma=0.3, state="update", **changes):
    origin = Origin(
        time_ns=T0, latitude=24.0, longitude=106.0, depth_km=10.0, time_sigma_s=0.3, depth_sigma_km=5.0,
        ellipse_major_km=5.0, ellipse_minor_km=3.0, ellipse_azimuth_deg=0.0, n_stations=6,
        gap_deg=90.0, rms_s=0.2,
    )  # fmt: skip
    size = None if magnitude is None else Magnitude(value=magnitude, sigma=sigma, kind="Mpd", n_stations=6)
    made = EventEstimate(
        event_id="e1", revision=3, state=state, t_seen_ns=T0 + 8 * NS, origin=origin, magnitude=size
    )
    return msgspec.structs.replace(made, **changes)


PLACES = (
    Target(name="Near", latitude=24.1, longitude=106.0),
    Target(name="Far", latitude=25.5, longitude=106.0, vs30_mps=760.0),
    Target(name="Middle", name_zh="中", latitude=24.0, longitude=106.7, vs30_mps=250.0),
)


def stage(targets=PLACES, **params):
    return ShakingStage(Params(**params), targets, Uniform())


def forecast(*args, **kwargs):
    (made,) = stage(*args, **kwargs).handle(T0 + 8 * NS, [estimate()])
    return made


def test_targets_come_in_the_order_of_their_s_arrival_with_the_seconds_left():
    made = forecast()
    assert [t.name for t in made.targets] == ["Near", "Middle", "Far"]
    assert made.targets[1].name_zh == "中"
    for t in made.targets:
        assert t.p_arrival_ns < t.s_arrival_ns
        assert t.seconds_left == pytest.approx((t.s_arrival_ns - made.t_seen_ns) / NS)
        hypo = np.hypot(t.distance_km, 10.0)
        assert t.s_arrival_ns == T0 + round(hypo / 3.5 * NS)
    assert made.targets[0].seconds_left < 0 < made.targets[2].seconds_left
    assert made.max_intensity == max(t.intensity for t in made.targets)
    assert made.intensity_scale == "GB/T 17742-2020"
    assert made.targets[0].method == "BSSA14+GB/T 17742-2020"
    assert (made.event_id, made.estimate_revision, made.status) == ("e1", 3, "actual")


def test_shaking_decreases_with_distance_and_grows_on_soft_ground():
    made = forecast()
    by_name = {t.name: t for t in made.targets}
    assert by_name["Near"].intensity > by_name["Far"].intensity
    soft = forecast(tuple(msgspec.structs.replace(p, vs30_mps=200.0) for p in PLACES))
    rock = forecast(tuple(msgspec.structs.replace(p, vs30_mps=900.0) for p in PLACES))
    for a, b in zip(soft.targets, rock.targets, strict=True):
        assert a.pgv_mps > b.pgv_mps
    # Far and quiet, linear site response: ln ratio = c ln(v1 / v2) of the PGV site term
    assert np.log(soft.targets[2].pgv_mps / rock.targets[2].pgv_mps) == pytest.approx(
        -0.84 * np.log(200 / 900), rel=0.1
    )


def test_order_of_targets_does_not_matter():
    first = forecast()
    for order in itertools.permutations(PLACES):
        assert forecast(order) == first


def test_ties_are_broken_by_name():
    twins = [Target(name=n, latitude=24.5, longitude=106.0) for n in ("b", "c", "a")]
    assert [t.name for t in forecast(twins).targets] == ["a", "b", "c"]


def test_large_events_reach_farther_with_the_mean_rupture_distance():
    big = estimate(magnitude=7.8)
    near = stage().handle(T0, [big])[0].targets
    point = stage(distance="epicentral").handle(T0, [big])[0].targets
    assert all(a.intensity > b.intensity for a, b in zip(near, point, strict=True))


def test_magnitude_sigma_widens_the_intensity_but_does_not_move_it():
    wide = forecast()
    plain = forecast(magnitude_sigma=False)
    for a, b in zip(wide.targets, plain.targets, strict=True):
        assert a.intensity == b.intensity
        assert a.intensity_sigma > b.intensity_sigma > 0.5


def test_without_targets_only_the_epicentre_counts():
    made = forecast(())
    assert made.targets == ()
    assert made.max_intensity == 0.0
    assert 7.0 < made.epicentral_intensity < 10.0


@pytest.mark.parametrize("silent", [estimate(None), estimate(state="ended"), estimate(state="cancelled")])
def test_estimates_without_size_or_future_give_nothing(silent):
    assert stage().handle(T0, [silent]) == []


def test_status_is_copied():
    (made,) = stage().handle(T0, [estimate(status="exercise")])
    assert made.status == "exercise"


def test_shifting_all_times_shifts_only_times():
    base = forecast()
    shift = 12_345_678_901_234
    origin = msgspec.structs.replace(estimate().origin, time_ns=T0 + shift)
    (moved,) = stage().handle(T0 + 8 * NS + shift, [estimate(origin=origin)])
    for a, b in zip(base.targets, moved.targets, strict=True):
        assert b == msgspec.structs.replace(
            a, p_arrival_ns=a.p_arrival_ns + shift, s_arrival_ns=a.s_arrival_ns + shift
        )


def test_snapshot_is_empty_and_foreign_state_is_refused():
    one = stage()
    assert one.snapshot() == b""
    one.restore(b"")
    with pytest.raises(InvariantError):
        one.restore(b"x")


def test_travel_times_that_are_no_numbers_stop_the_program():
    class Broken:
        def times(self, distance_km, depth_km):
            return distance_km * np.nan, distance_km

    with pytest.raises(InvariantError, match="not finite"):
        ShakingStage(Params(), PLACES, Broken()).handle(T0, [estimate()])


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
    line = Rupture(
        latitude_1=24.0, longitude_1=106.0, latitude_2=25.6, longitude_2=106.05, length_km=178.0,
        length_sigma_km=20.0, strike_deg=2.0, strike_sigma_deg=5.0, magnitude=7.7, magnitude_sigma=0.2,
        n_stations=30, log_odds=9.0, believed=True,
    )  # fmt: skip

    def at_far(rupture):
        told = estimate(magnitude=7.7, rupture=rupture)
        (made,) = stage().handle(T0 + 8 * NS, [told])
        return next(t for t in made.targets if t.name == "Far")

    point, doubted = at_far(None), at_far(msgspec.structs.replace(line, believed=False))
    near = at_far(line)
    assert doubted == point
    assert near.pga_mps2 > 2.0 * point.pga_mps2
    assert near.distance_km == point.distance_km  # epicentral, as before
    assert near.method.endswith("+line")
    told = estimate(magnitude=7.7, rupture=line)
    (abeam,) = ShakingStage(Params(), PLACES[:1], Uniform()).handle(T0, [told])
    assert abeam.targets[0].intensity > at_far(line).intensity  # on the line itself
