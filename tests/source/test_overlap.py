"""Earthquakes that overlap stay apart, and one earthquake stays one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from seiswarn.geo import distance_km
from seiswarn.messages import EventEstimate, Message
from seiswarn.reasons import Reason
from seiswarn.source.doublets import rupture_s
from seiswarn.source.params import Params
from seiswarn.source.records import EventRecord
from seiswarn.source.stage import SourceStage
from seiswarn.source.traveltime import TravelTimes
from seiswarn.stations import StationTable
from seiswarn.timebase import NS, from_seconds
from tests.source.conftest import T0, Feed, Quake, estimates, jittered_grid, make_table

SECOND_S = 7.0


@pytest.fixture(scope="module")
def wide() -> StationTable:
    """81 stations about 22 km apart."""
    return make_table(jittered_grid(9, 22.0, seed=5))


def s_minus_p(table: StationTable, quake: Quake, travel_times: TravelTimes) -> tuple[np.ndarray, np.ndarray]:
    """P and S times (s after the origin) at every station."""
    lat, lon = quake.place
    d = np.array(
        [
            distance_km(lat, lon, float(a), float(b))
            for a, b in zip(table.st_latitude, table.st_longitude, strict=True)
        ]
    )
    return travel_times.times(d, quake.depth_km)


def last_of_each(messages: list[Message]) -> list[EventEstimate]:
    """What was said last of every event that was not taken back."""
    return [h[-1] for h in estimates(messages).values() if h[-1].state != "cancelled"]


def near(quake: Quake, found: list[EventEstimate], km: float, seconds: float) -> list[EventEstimate]:
    return [
        e for e in found if quake.error_km(e) <= km and abs(e.origin.time_ns - quake.t0_ns) <= seconds * NS
    ]


def first_pick_wins(feed: Feed, quakes: list[Quake], travel_times: TravelTimes) -> dict[int, list[int]]:
    """Stations at which P of each earthquake is the first to come: later ones drown in what came before."""
    times = [(q.t0_ns - T0) / NS + s_minus_p(feed.table, q, travel_times)[0] for q in quakes]
    order = np.argmin(np.array(times), axis=0)
    return {k: np.flatnonzero(order == k).tolist() for k in range(len(quakes))}


@pytest.mark.parametrize("apart_km", [60.0, 80.0, 110.0, 140.0])
@pytest.mark.parametrize("later_s", [0.0, 1.5])
def test_two_places_at_one_moment(
    wide: StationTable, travel_times: TravelTimes, apart_km: float, later_s: float
) -> None:
    """Each station picks the P that comes first there, and nothing else."""
    feed = Feed(wide, travel_times)
    a = Quake(-5.0, -0.5 * apart_km, 10.0, magnitude=5.4)
    b = Quake(12.0, 0.5 * apart_km, 12.0, t0_ns=T0 + from_seconds(later_s), magnitude=5.1)
    mine = first_pick_wins(feed, [a, b], travel_times)
    assert min(len(m) for m in mine.values()) >= 8
    for k, quake in enumerate((a, b)):
        feed.quake(quake, stations=mine[k], seed=k + 1)
    feed.motions(range(wide.n_stations), -60, 60)
    found = last_of_each(feed.run(SourceStage(Params(), wide, travel_times), 60))
    assert len(found) == 2
    assert len(near(a, found, 8.0, 1.5)) == 1
    assert len(near(b, found, 8.0, 1.5)) == 1
    for x, y in itertools.combinations(found, 2):
        assert {p.pick_id for p in x.arrivals if p.weight}.isdisjoint(
            p.pick_id for p in y.arrivals if p.weight
        )


@pytest.mark.parametrize("second", [4.6, 5.2, 6.2])
def test_a_second_shock_in_one_place(wide: StationTable, travel_times: TravelTimes, second: float) -> None:
    """7 s later, smaller, equal and larger: picked wherever it is not hidden by S of the first."""
    feed = Feed(wide, travel_times)
    a = Quake(-80.0, 10.0, 8.0, magnitude=5.2)
    b = Quake(-78.0, 12.0, 9.0, t0_ns=T0 + from_seconds(SECOND_S), magnitude=second)
    p, s = s_minus_p(wide, a, travel_times)
    open_to = np.flatnonzero(s - p > SECOND_S + 2.5).tolist()
    assert len(open_to) > 20
    feed.quake(a, seed=1)
    feed.quake(b, seed=2, stations=open_to)
    feed.motions(range(wide.n_stations), -60, 70)
    found = last_of_each(feed.run(SourceStage(Params(), wide, travel_times), 70))
    assert len(found) == 2
    assert len(near(a, found, 5.0, 1.0)) == 1
    assert len(near(b, found, 15.0, 1.5)) == 1


def test_s_and_coda_of_a_large_one_make_no_second(travel_times: TravelTimes) -> None:
    """M 7 over 60 stations: S at each, and five later picks of its coda."""
    table = make_table(jittered_grid(8, 25.0, seed=9)[:60])
    feed = Feed(table, travel_times)
    quake = Quake(-10.0, 20.0, 12.0, magnitude=7.0)
    feed.quake(quake)
    feed.motions(range(60), -60, 200)
    rng = np.random.default_rng(6)
    _, s = s_minus_p(table, quake, travel_times)
    for station in range(60):
        for after in (0.2 * rng.standard_normal(), *rng.uniform(1.0, 60.0, 5)):
            feed.pick(station, T0 + from_seconds(float(s[station]) + after), pd_m=1e-3, up_to_s=1.0)
    found = estimates(feed.run(SourceStage(Params(), table, travel_times), 150))
    assert len(found) == 1


def test_the_same_wave_seen_to_rupture_on_is_no_second(travel_times: TravelTimes, wide: StationTable) -> None:
    """M 7.5 lasts half a minute: a jump in P alike everywhere 10 s after the onset is a part of it."""
    feed = Feed(wide, travel_times)
    quake = Quake(-80.0, 10.0, 12.0, magnitude=7.5)
    feed.quake(quake)
    feed.motions(range(wide.n_stations), -60, 100)
    p, s = s_minus_p(wide, quake, travel_times)
    for station in np.flatnonzero(s - p > 13.0).tolist():
        feed.pick(station, T0 + from_seconds(float(p[station]) + 10.0), pd_m=1e-2, up_to_s=2.0)
    assert 2.0 * rupture_s(7.5) > 10.0
    assert len(estimates(feed.run(SourceStage(Params(), wide, travel_times), 100))) == 1


def test_a_rupture_lasts_as_moment_to_the_third() -> None:
    assert rupture_s(6.0) == pytest.approx(2.0 * 1.05e-8 * (10.0 ** (1.5 * 6.0 + 16.1)) ** (1 / 3), rel=1e-6)
    assert 4.0 < rupture_s(6.0) < 6.0
    assert rupture_s(8.0) == pytest.approx(10.0 * rupture_s(6.0), rel=1e-6)


def test_a_split_is_merged(wide: StationTable, travel_times: TravelTimes) -> None:
    """Two events whose picks one location explains: the smaller is closed, its picks go to the other."""
    feed = Feed(wide, travel_times)
    quake = Quake(5.0, 8.0, 11.0, magnitude=5.6)
    feed.quake(quake)
    feed.motions(range(wide.n_stations), -60, 60)
    stage = SourceStage(Params(), wide, travel_times)
    out: list[Message] = []
    split: EventRecord | None = None
    for now, batch in feed.slices(60):
        out += stage.handle(now, batch)
        memory = stage._m
        if (
            split is None
            and memory.events
            and len(memory.events[0].inliers) >= 12
            and memory.events[0].revision
        ):
            (whole,) = memory.events
            mine = whole.inliers[::4]
            split = EventRecord(
                event_id="split",
                created_ns=now,
                picks={site: whole.picks.pop(site) for site in mine},
                inliers=list(mine),
                latitude=whole.latitude + 0.1,
                longitude=whole.longitude,
                depth_km=whole.depth_km,
                t0_ns=whole.t0_ns,
                major_km=20.0,
                minor_km=10.0,
                time_sigma_s=1.0,
                magnitude=5.0,
                revision=3,
            )
            whole.inliers = [site for site in whole.inliers if site not in mine]
            memory.events.append(split)
    assert split is not None
    closing = [e for e in estimates(out)["split"] if e.state == "cancelled"]
    assert len(closing) == 1
    assert closing[0].reasons == (Reason.MERGED_EVENT,)
    assert closing[0].revision == 4
    (left,) = stage._m.events
    assert set(split.picks.values()) <= set(left.picks.values())
    assert quake.error_km(last_of_each(out)[-1]) < 2.0
    assert len(estimates(out)) == 2


def test_one_earthquake_badly_timed_is_one(wide: StationTable, travel_times: TravelTimes) -> None:
    """Arrivals off by 2.5 % of themselves and more, three clocks wrong by 3 s: no second event."""
    for seed in range(4):
        feed = Feed(wide, travel_times)
        quake = Quake(-70.0 + 10 * seed, 40.0, 10.0, magnitude=5.8)
        rng = np.random.default_rng(seed)
        p, _ = s_minus_p(wide, quake, travel_times)
        errors = {k: float(0.025 * p[k] * rng.standard_normal()) for k in range(wide.n_stations)}
        for k in np.argsort(p)[[2, 5, 9]].tolist():
            errors[k] += 3.0 * (-1.0) ** k
        feed.quake(quake, errors_s=errors, seed=seed + 1)
        feed.motions(range(wide.n_stations), -60, 60)
        found = estimates(feed.run(SourceStage(Params(), wide, travel_times), 60))
        assert len(found) == 1


def test_overlap_survives_a_snapshot(wide: StationTable, travel_times: TravelTimes) -> None:
    feed = Feed(wide, travel_times)
    a, b = Quake(-5.0, -55.0, magnitude=5.4), Quake(12.0, 55.0, magnitude=5.1)
    mine = first_pick_wins(feed, [a, b], travel_times)
    for k, quake in enumerate((a, b)):
        feed.quake(quake, stations=mine[k], seed=k + 1)
    feed.motions(range(wide.n_stations), -20, 30)
    pieces = list(feed.slices(30))
    whole = SourceStage(Params(), wide, travel_times)
    want = [whole.handle(now, batch) for now, batch in pieces]
    cut = next(k for k, out in enumerate(want) if any(isinstance(m, EventEstimate) for m in out)) + 12
    before = SourceStage(Params(), wide, travel_times)
    for now, batch in pieces[:cut]:
        before.handle(now, batch)
    after = SourceStage(Params(), wide, travel_times)
    after.restore(before.snapshot())
    assert [after.handle(now, batch) for now, batch in pieces[cut:]] == want[cut:]


@pytest.mark.parametrize("seed", [8, 14, 15, 20])
def test_two_places_where_stations_are_far_between(travel_times: TravelTimes, seed: int) -> None:
    """38 km between stations: the first picks of both may be taken for one source, and are not for long."""
    table = make_table(jittered_grid(6, 38.0, seed=5))
    rng = np.random.default_rng(seed)
    places = rng.uniform(-130.0, 130.0, 4)
    while not 80.0 < np.hypot(places[0] - places[2], places[1] - places[3]) < 160.0:
        places = rng.uniform(-130.0, 130.0, 4)
    later_ns = from_seconds(rng.uniform(0.0, 2.0))
    a = Quake(places[0], places[1], 10.0, magnitude=5.4)
    b = Quake(places[2], places[3], 12.0, t0_ns=T0 + later_ns, magnitude=5.1)
    feed = Feed(table, travel_times)
    mine = first_pick_wins(feed, [a, b], travel_times)
    for k, quake in enumerate((a, b)):
        feed.quake(quake, stations=mine[k], seed=2 * seed + k, noise_s=0.2)
    feed.motions(range(table.n_stations), -30, 50)
    found = last_of_each(feed.run(SourceStage(Params(), table, travel_times), 50))
    assert len(found) == 2
    assert len(near(a, found, 15.0, 2.0)) == 1
    assert len(near(b, found, 15.0, 2.0)) == 1
