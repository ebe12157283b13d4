"""Picks become the right events, and no others."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest

from seiswarn.geo import distance_km
from seiswarn.messages import Decision, EventEstimate, Message, Pick
from seiswarn.reasons import Reason
from seiswarn.source.association import Associator
from seiswarn.source.params import Params
from seiswarn.source.records import Memory
from seiswarn.source.stage import MAX_FITS, MAX_SEARCHES, SourceStage
from seiswarn.source.traveltime import TravelTimes
from seiswarn.stations import StationTable
from seiswarn.timebase import NS, from_seconds
from tests.source.conftest import T0, Feed, Quake, estimates, jittered_grid, make_table


def everyone(table: StationTable) -> list[int]:
    return list(range(table.n_stations))


def reasons(messages: list[Message]) -> set[str]:
    return {r for m in messages if isinstance(m, Decision) for r in m.reasons}


def by_distance(table: StationTable, quake: Quake) -> list[int]:
    lat, lon = quake.place
    d = [
        distance_km(lat, lon, float(a), float(b))
        for a, b in zip(table.st_latitude, table.st_longitude, strict=True)
    ]
    return [int(k) for k in np.argsort(d)]


def test_coherent_picks_make_one_event(feed: Feed, stage: SourceStage) -> None:
    quake = Quake(8.0, -12.0, 11.0, magnitude=5.5)
    feed.quake(quake)
    feed.motions(everyone(feed.table), -60, 60)
    found = estimates(feed.run(stage, 60))
    assert len(found) == 1
    (history,) = found.values()
    first, last = history[0], history[-1]
    assert first.state == "new"
    assert quake.error_km(first) < 10.0
    assert quake.error_km(last) < 2.0
    assert abs(last.origin.time_ns - quake.t0_ns) < 0.5 * NS
    assert last.magnitude is not None
    assert last.magnitude.value == pytest.approx(5.5, abs=0.3)
    assert last.origin.n_stations == 25
    # Four picks with 0.3 s to make them and half a second of window: no later than that.
    fourth = sorted(a.t_ns for a in last.arrivals)[3]
    assert first.t_seen_ns - fourth <= 1.2 * NS


def test_revisions_and_time_never_go_back(feed: Feed, stage: SourceStage) -> None:
    feed.quake(Quake(8.0, -12.0, 11.0, magnitude=5.5))
    feed.motions(everyone(feed.table), -60, 200)
    (history,) = estimates(feed.run(stage, 200)).values()
    assert [e.revision for e in history] == list(range(1, len(history) + 1))
    assert all(b.t_seen_ns >= a.t_seen_ns for a, b in itertools.pairwise(history))
    assert [e.state for e in history] == ["new", *["update"] * (len(history) - 2), "ended"]
    for e in history:
        assert len({a.station for a in e.arrivals}) == len(e.arrivals)
        assert e.status == "test"


def test_event_ends_and_is_forgotten(feed: Feed, stage: SourceStage) -> None:
    feed.quake(Quake(8.0, -12.0, 11.0, magnitude=5.0))
    feed.motions(everyone(feed.table), -60, 200)
    messages = feed.run(stage, 100)
    assert stage.active_events == 1
    messages = [m for now, batch in feed.slices(200) if now > T0 + 100 * NS for m in stage.handle(now, batch)]
    ended = [m for m in messages if isinstance(m, EventEstimate)][-1]
    assert ended.state == "ended"
    assert Reason.EVENT_ENDED in ended.reasons
    assert 120.0 <= (ended.t_seen_ns - ended.origin.time_ns) / NS < 122.0
    assert stage.active_events == 0


def test_an_event_goes_on_while_picks_come(feed: Feed, stage: SourceStage, travel_times: TravelTimes) -> None:
    """Three seconds after P4 nothing new has come; the far stations still do."""
    quake = Quake(-45.0, 45.0, 9.0, magnitude=6.0)
    feed.quake(quake)
    feed.motions(everyone(feed.table), -60, 60)
    (history,) = estimates(feed.run(stage, 60)).values()
    counts = [e.origin.n_stations for e in history]
    assert counts[0] < 8
    assert counts[-1] == 25


def noise_feed(network: StationTable, travel_times: TravelTimes, per_hour: float, seed: int) -> Feed:
    feed = Feed(network, travel_times)
    rng = np.random.default_rng(seed)
    stations = everyone(network)
    feed.motions(stations, -60, 3600)
    for s in stations:
        for _ in range(rng.poisson(per_hour)):
            feed.pick(s, T0 + from_seconds(rng.uniform(0, 3590)), sigma_s=0.1, pd_m=1e-5, up_to_s=1.0)
    return feed


@pytest.mark.parametrize(("per_hour", "seed"), [(2.0, 1), (10.0, 2)])
def test_random_picks_make_no_event(
    network: StationTable, travel_times: TravelTimes, per_hour: float, seed: int
) -> None:
    """An hour of Poisson picks, up to one every six minutes at every station."""
    feed = noise_feed(network, travel_times, per_hour, seed)
    stage = SourceStage(Params(), network, travel_times)
    messages = feed.run(stage, 3600)
    assert estimates(messages) == {}
    assert stage.active_events == 0
    if per_hour >= 10:
        assert reasons(messages) <= {
            Reason.TOO_FEW_STATIONS, Reason.POOR_FIT, Reason.QUIET_STATIONS, Reason.OUTSIDE_NETWORK,
        }  # fmt: skip
        assert Reason.TOO_FEW_STATIONS in reasons(messages)


def test_an_event_is_found_among_random_picks(network: StationTable, travel_times: TravelTimes) -> None:
    feed = noise_feed(network, travel_times, 10.0, seed=4)
    quake = Quake(-15.0, 20.0, 12.0, t0_ns=T0 + 1800 * NS, magnitude=5.0)
    feed.quake(quake)
    (history,) = estimates(feed.run(SourceStage(Params(), network, travel_times), 2400)).values()
    assert all(quake.error_km(e) < 10.0 for e in history if e.origin.n_stations >= 6)
    assert quake.error_km(history[-1]) < 2.0


def test_s_and_coda_make_no_new_events(feed: Feed, stage: SourceStage, travel_times: TravelTimes) -> None:
    quake = Quake(8.0, -12.0, 11.0, magnitude=6.0)
    feed.quake(quake)
    feed.motions(everyone(feed.table), -60, 120)
    rng = np.random.default_rng(6)
    lat, lon = quake.place
    for s in everyone(feed.table):
        d = distance_km(lat, lon, float(feed.table.st_latitude[s]), float(feed.table.st_longitude[s]))
        ts = float(travel_times.times(np.array([d]), quake.depth_km)[1][0])
        for after in (0.0, *rng.uniform(1.0, 25.0, 3)):
            feed.pick(s, T0 + from_seconds(ts + after), pd_m=1e-3, up_to_s=1.0)
    messages = feed.run(stage, 120)
    assert len(estimates(messages)) == 1
    (history,) = estimates(messages).values()
    assert quake.error_km(history[-1]) < 2.0
    assert len(history[-1].arrivals) == 25


def test_two_events_are_kept_apart(travel_times: TravelTimes) -> None:
    """60 s and 150 km apart, on a network that holds both."""
    table = make_table(jittered_grid(9, 25.0, seed=5))
    feed = Feed(table, travel_times)
    a = Quake(-55.0, -50.0, 10.0, magnitude=5.0)
    b = Quake(50.0, 58.0, 12.0, t0_ns=T0 + 60 * NS, magnitude=5.2)
    feed.quake(a, seed=1, reach_km=120)
    feed.quake(b, seed=2, reach_km=120)
    feed.motions(everyone(table), -60, 240)
    found = estimates(feed.run(SourceStage(Params(), table, travel_times), 240))
    assert len(found) == 2
    first, second = (h[-1] for h in found.values())
    assert a.error_km(first) < 3.0
    assert b.error_km(second) < 3.0
    assert {x.pick_id for x in first.arrivals}.isdisjoint(x.pick_id for x in second.arrivals)
    assert all(h[-1].state == "ended" for h in found.values())


def test_simultaneous_events_far_apart(travel_times: TravelTimes) -> None:
    table = make_table(jittered_grid(11, 40.0, seed=5))
    feed = Feed(table, travel_times)
    a, b = Quake(-160.0, -150.0), Quake(150.0, 160.0, t0_ns=T0 + 2 * NS)
    feed.quake(a, seed=1, reach_km=130)
    feed.quake(b, seed=2, reach_km=130)
    feed.motions(everyone(table), -60, 60)
    found = estimates(feed.run(SourceStage(Params(), table, travel_times), 60))
    assert len(found) == 2
    errors = sorted(min(a.error_km(h[-1]), b.error_km(h[-1])) for h in found.values())
    assert errors[-1] < 4.0


@pytest.mark.parametrize(("small", "later_s"), [(3.5, 45), (3.5, 60), (5.0, 60)])
def test_a_small_event_swallows_no_large_one(travel_times: TravelTimes, small: float, later_s: int) -> None:
    """Its S and coda explain no picks, and no motion, farther away than they reach."""
    south = jittered_grid(4, 25.0, seed=5)
    table = make_table(south + [(n + 260.0, e) for n, e in south])
    feed = Feed(table, travel_times)
    a = Quake(0.0, 0.0, magnitude=small)
    b = Quake(260.0, 0.0, t0_ns=T0 + later_s * NS, magnitude=6.8)
    feed.quake(a, seed=1, reach_km=80)
    feed.quake(b, seed=2)
    feed.motions(everyone(table), -60, 200)
    found = estimates(feed.run(SourceStage(Params(), table, travel_times), 200))
    first, second = list(found.values())[:2]
    assert second[0].t_seen_ns - b.t0_ns < 8 * NS
    assert b.error_km(second[0]) < 10.0
    assert all(e.magnitude is None or e.magnitude.value < small + 0.7 for e in first)


def test_data_sent_again_do_no_harm(feed: Feed, stage: SourceStage) -> None:
    """The same pick twice is one pick, also when it is forgotten."""
    feed.pick(0, T0)
    again = feed.messages[0]
    feed.add(again, feed.seen_ns[0] + NS)
    feed.pick(0, T0 + 500 * NS)
    feed.motions(everyone(feed.table), -10, 600)
    feed.run(stage, 600)


def places_of(message: Message) -> object:
    """What an estimate says of place, time and arrivals; its magnitude left out."""
    if not isinstance(message, EventEstimate):
        return type(message)
    return message.event_id, message.state, message.origin, message.arrivals


def test_s_picks_make_no_event_and_are_kept_with_their_p(
    feed: Feed, network: StationTable, travel_times: TravelTimes
) -> None:
    """S onsets that move across the network like a source of their own, and one named after its P."""
    quake = Quake(8.0, -12.0, 11.0, magnitude=5.5)
    feed.quake(quake)
    feed.motions(everyone(network), -60, 60)
    plain = SourceStage(Params(), network, travel_times)
    want = feed.run(plain, 60)
    p_picks = {m.station: m for m in feed.messages if isinstance(m, Pick)}
    other = Feed(network, travel_times)
    other.quake(Quake(-20.0, 15.0, 9.0, t0_ns=T0 + 8 * NS))
    for m, seen in zip(other.messages, other.seen_ns, strict=True):
        if isinstance(m, Pick):
            p = p_picks[m.station]
            feed.add(
                msgspec.structs.replace(m, pick_id=f"{m.pick_id}/S", phase="S", p_pick_id=p.pick_id), seen
            )
    stage = SourceStage(Params(), network, travel_times)
    # S ends windows of magnitudes, but changes nothing about what belongs together and where it is.
    assert [places_of(m) for m in feed.run(stage, 60)] == [places_of(m) for m in want]
    kept = msgspec.msgpack.decode(stage.snapshot(), type=Memory).picks
    heard = {m.station for m in other.messages if isinstance(m, Pick)}
    assert {network.stations[r.station] for r in kept.values() if r.s_t_ns} == heard
    assert all(r.s_t_ns > r.t_ns for r in kept.values() if r.s_t_ns and r.s_sigma_s == 0.1)


def test_a_plane_wave_costs_a_few_locations_a_slice(
    travel_times: TravelTimes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A teleseism runs over 225 stations 10 km apart: work per slice is bounded, and it is no event near."""
    places = jittered_grid(15, 10.0, seed=8)
    table = make_table(places)
    feed = Feed(table, travel_times)
    rng = np.random.default_rng(3)
    for s, (north, east) in enumerate(places):
        feed.pick(s, T0 + from_seconds((0.8 * north + 0.6 * east) / 14.0 + 0.1 * rng.standard_normal()))
    feed.motions(everyone(table), -20, 20)
    fits = 0
    fit = Associator.fit

    def counted(self, *arguments):
        nonlocal fits
        fits += 1
        return fit(self, *arguments)

    monkeypatch.setattr(Associator, "fit", counted)
    stage = SourceStage(Params(), table, travel_times)
    most = total = 0
    for now, batch in feed.slices(30):
        fits = 0
        stage.handle(now, batch)
        most, total = max(most, fits), total + fits
    assert 0 < most <= MAX_FITS + 2 * MAX_SEARCHES
    assert total < 225


# --- stations that say nothing -----------------------------------------------------------------


def test_a_few_picks_amid_quiet_stations_are_no_event(feed: Feed, stage: SourceStage) -> None:
    """Every fifth station agrees on a shallow source, but the network around them is alive and quiet."""
    quake = Quake(0.0, 0.0, 10.0, magnitude=4.0)
    feed.quake(quake, stations=by_distance(feed.table, quake)[4::5], noise_s=0.02)
    feed.motions(everyone(feed.table), -60, 60)
    messages = feed.run(stage, 60)
    assert estimates(messages) == {}
    assert reasons(messages) - {Reason.TOO_FEW_STATIONS}


def test_quiet_stations_are_named(feed: Feed) -> None:
    quake = Quake(0.0, 0.0, 10.0, magnitude=4.0)
    feed.quake(quake, stations=by_distance(feed.table, quake)[1::4], noise_s=0.02)
    feed.motions(everyone(feed.table), -60, 60)
    stage = SourceStage(Params(min_triggered_share=0.6), feed.table, feed.travel_times)
    messages = feed.run(stage, 60)
    assert estimates(messages) == {}
    quiet = [m for m in messages if isinstance(m, Decision) and Reason.QUIET_STATIONS in m.reasons]
    assert quiet
    assert "live sites" in quiet[0].detail
    assert (quiet[0].policy, quiet[0].action, quiet[0].event_id) == ("source", "hold", "")


def test_silence_that_is_known_late_cancels(feed: Feed, stage: SourceStage) -> None:
    """Every fourth station has spoken; that the others have not is known only 15 s later."""
    quake = Quake(0.0, 0.0, 10.0, magnitude=4.0)
    feed.quake(quake, stations=by_distance(feed.table, quake)[2::6], noise_s=0.02)
    feed.motions(everyone(feed.table), -60, 60, late_s=15.0)
    (history,) = estimates(feed.run(stage, 60)).values()
    assert history[0].state == "new"
    assert history[-1].state == "cancelled"
    assert Reason.QUIET_STATIONS in history[-1].reasons
    assert 12.0 < (history[-1].t_seen_ns - quake.t0_ns) / NS < 25.0
    assert stage.active_events == 0


def test_doubt_costs_one_location_a_second(
    feed: Feed, stage: SourceStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that never gets a magnitude is not located again at every slice."""
    quake = Quake(0.0, 0.0, 10.0, magnitude=3.0)
    fits = 0
    fit = Associator.fit

    def counted(self, *arguments):
        nonlocal fits
        fits += 1
        return fit(self, *arguments)

    monkeypatch.setattr(Associator, "fit", counted)
    for s in by_distance(feed.table, quake)[:5]:
        d = distance_km(*quake.place, float(feed.table.st_latitude[s]), float(feed.table.st_longitude[s]))
        feed.pick(s, T0 + from_seconds(float(feed.travel_times.times(np.array([d]), 10.0)[0][0])))
    feed.motions(everyone(feed.table), -60, 40)
    assert estimates(feed.run(stage, 40)) == {}
    assert stage.active_events == 1
    assert fits < 60


def test_a_dead_station_is_not_a_silent_one(feed: Feed, stage: SourceStage) -> None:
    """The inner stations send nothing at all, or went away two minutes ago: their silence says nothing."""
    quake = Quake(0.0, 0.0, 10.0, magnitude=5.5)
    order = by_distance(feed.table, quake)
    dead, gone, rest = order[:6], order[6:12], order[12:]
    feed.motions(rest, -60, 60)
    feed.motions([*gone, *rest], -200, -120)
    assert dead
    feed.quake(quake, stations=rest)
    found = estimates(feed.run(stage, 60))
    assert len(found) == 1
    (history,) = found.values()
    assert quake.error_km(history[-1]) < 4.0


def test_a_station_that_starts_late_is_not_a_silent_one(feed: Feed, stage: SourceStage) -> None:
    """The inner stations come alive 6 s after the origin, when P has passed them."""
    quake = Quake(0.0, 0.0, 10.0, magnitude=5.5)
    order = by_distance(feed.table, quake)
    late, rest = order[:12], order[12:]
    feed.quake(quake, stations=rest)
    feed.motions(rest, -60, 60)
    feed.motions(late, 6, 60)
    found = estimates(feed.run(stage, 60))
    assert len(found) == 1
    (history,) = found.values()
    assert quake.error_km(history[-1]) < 4.0
    assert Reason.QUIET_STATIONS not in {r for e in history for r in e.reasons}


def test_co_located_sensors_count_once(travel_times: TravelTimes) -> None:
    """Three sensors at one place and two elsewhere are three sites: too few."""
    table = make_table([(0, 0), (0, 0), (0, 0), (20, 5), (3, 25)], sites=[0, 0, 0, 1, 2])
    feed = Feed(table, travel_times)
    feed.quake(Quake(5.0, 5.0), noise_s=0.01)
    messages = feed.run(SourceStage(Params(), table, travel_times), 30)
    assert estimates(messages) == {}
    assert reasons(messages) == {Reason.TOO_FEW_STATIONS}


def test_unknown_stations_and_windows_are_passed_over(feed: Feed, stage: SourceStage) -> None:
    other = Feed(make_table(jittered_grid(6, 20.0, seed=3)), feed.travel_times)
    other.motions(range(36), -10, 30)
    other.quake(Quake(0.0, 0.0), stations=range(30, 36))
    assert estimates(other.run(stage, 30)) == {}


# --- magnitude as data grow --------------------------------------------------------------------


def test_s_wave_displacement_raises_a_great_earthquake(feed: Feed, stage: SourceStage) -> None:
    feed.quake(Quake(8.0, -12.0, 15.0, magnitude=7.5))
    feed.motions(everyone(feed.table), -60, 200)
    (history,) = estimates(feed.run(stage, 200)).values()
    last = history[-1].magnitude
    assert last is not None
    assert last.kind == "Mdisp"
    assert last.value == pytest.approx(7.5, abs=0.2)
    first = history[0].magnitude
    assert first is not None
    assert first.kind == "Mpd"
    assert first.saturated
    values = [e.magnitude.value for e in history if e.magnitude is not None]
    assert max(values) < 7.9


# --- state ---------------------------------------------------------------------------------------


def test_snapshot_in_mid_event_goes_on_identically(
    feed: Feed, network: StationTable, travel_times: TravelTimes
) -> None:
    feed.quake(Quake(8.0, -12.0, 11.0, magnitude=5.5))
    feed.quake(Quake(-30.0, 30.0, 9.0, t0_ns=T0 + 70 * NS, magnitude=5.0), seed=7)
    feed.motions(everyone(network), -60, 150)
    pieces = list(feed.slices(150))
    whole = SourceStage(Params(), network, travel_times)
    want = [whole.handle(now, batch) for now, batch in pieces]
    assert len(estimates([m for out in want for m in out])) == 2
    first = next(k for k, out in enumerate(want) if any(isinstance(m, EventEstimate) for m in out))
    for cut in (first - 2, first, first + 5, first + 400):
        before = SourceStage(Params(), network, travel_times)
        for now, batch in pieces[:cut]:
            before.handle(now, batch)
        after = SourceStage(Params(), network, travel_times)
        after.restore(before.snapshot())
        assert after.snapshot() == before.snapshot()
        assert [after.handle(now, batch) for now, batch in pieces[cut:]] == want[cut:]


def test_same_messages_same_estimates(feed: Feed, network: StationTable, travel_times: TravelTimes) -> None:
    feed.quake(Quake(8.0, -12.0, 11.0, magnitude=5.5))
    feed.motions(everyone(network), -60, 60)
    a, b = (feed.run(SourceStage(Params(), network, travel_times), 60) for _ in range(2))
    assert a == b


def test_warm_leaves_nothing_behind(stage: SourceStage) -> None:
    before = stage.snapshot()
    stage.warm()
    assert stage.snapshot() == before
