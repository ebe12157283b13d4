"""Picks become the right events, and no others."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest

from seiswarn.geo import distance_km
from seiswarn.messages import Decision, EventEstimate, Message, Pick
from seiswarn.reasons import Reason
from seiswarn.source.evidence import WEAKEST_MPS2
from seiswarn.source.fitting import Fitter
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
    """An hour of picks of noise: at random times, and as rare as they are strong."""
    feed = Feed(network, travel_times)
    rng = np.random.default_rng(seed)
    stations = everyone(network)
    feed.motions(stations, -60, 3600)
    for s in stations:
        for _ in range(rng.poisson(per_hour)):
            pa = WEAKEST_MPS2 / rng.uniform(1e-3, 1.0)
            t = T0 + from_seconds(rng.uniform(0, 3590))
            feed.pick(s, t, sigma_s=0.1, pd_m=1e-3 * pa, pa_mps2=pa, snr=6.0, up_to_s=1.0)
    return feed


PICKS_EXPLAINED = {
    Reason.TOO_FEW_STATIONS, Reason.POOR_FIT, Reason.QUIET_STATIONS, Reason.OUTSIDE_NETWORK,
    Reason.LONE_STATION, Reason.NOISY_STATION, Reason.TELEMETRY_BURST,
}  # fmt: skip


@pytest.mark.parametrize(("per_hour", "seed"), [(2.0, 1), (3.0, 0), (3.0, 1), (3.0, 2), (10.0, 2), (10.0, 3)])
def test_random_picks_make_hardly_an_event_and_none_worth_a_warning(
    network: StationTable, travel_times: TravelTimes, per_hour: float, seed: int
) -> None:
    """An hour of Poisson picks, up to one every six minutes at every station.

    A thousand coincidences a year may begin an event: one in nine hours. What comes of it says so itself, by
    two orders of magnitude more than a warning takes.
    """
    feed = noise_feed(network, travel_times, per_hour, seed)
    stage = SourceStage(Params(), network, travel_times)
    messages = feed.run(stage, 3600)
    found = estimates(messages)
    assert len(found) <= (1 if per_hour <= 3.0 else 2)
    for history in found.values():
        assert min(e.false_per_year for e in history) > 100.0
        assert max(e.origin.n_stations for e in history) <= 3
    assert reasons(messages) <= PICKS_EXPLAINED
    assert Reason.TOO_FEW_STATIONS in reasons(messages)
    assert Reason.LONE_STATION in reasons(messages)


def test_an_event_is_found_among_random_picks(network: StationTable, travel_times: TravelTimes) -> None:
    feed = noise_feed(network, travel_times, 10.0, seed=4)
    quake = Quake(-15.0, 20.0, 12.0, t0_ns=T0 + 1800 * NS, magnitude=5.0)
    feed.quake(quake)
    found = estimates(feed.run(SourceStage(Params(), network, travel_times), 2400)).values()
    (history,) = [h for h in found if min(e.false_per_year for e in h) < 1.0]
    assert all(quake.error_km(e) < 10.0 for e in history if e.origin.n_stations >= 6)
    assert quake.error_km(history[-1]) < 2.0


def test_strong_picks_at_two_sites_begin_what_weak_ones_do_not(
    network: StationTable, travel_times: TravelTimes
) -> None:
    """Two sites that hardly move are a coincidence; the same two shaken at 1 m/s^2 are an earthquake."""
    first: dict[float, EventEstimate | None] = {}
    for pa in (WEAKEST_MPS2, 1.0):
        feed = Feed(network, travel_times)
        feed.motions(everyone(network), -60, 10)
        for s, t in ((12, 2.0), (13, 4.1)):
            feed.pick(s, T0 + from_seconds(t), pd_m=1e-3 * pa, pa_mps2=pa, snr=6.0)
        messages = feed.run(SourceStage(Params(), network, travel_times), 10)
        found = [h[0] for h in estimates(messages).values()]
        first[pa] = found[0] if found else None
        if not found:
            assert Reason.TOO_FEW_STATIONS in reasons(messages)
            told = [m.detail for m in messages if isinstance(m, Decision)]
            assert any("such coincidences a year, 2 sites" in detail for detail in told)
    assert first[WEAKEST_MPS2] is None
    strong = first[1.0]
    assert strong is not None
    assert strong.origin.n_stations == 2
    assert strong.false_per_year < 1000.0
    assert strong.origin.ellipse_major_km > 4.0  # though silent stations around keep it in


def test_one_instant_at_two_sites_is_a_fault_of_the_line(travel_times: TravelTimes) -> None:
    table = make_table([(0.0, 0.0), (30.0, 9.0), (60.0, 60.0)])
    feed = Feed(table, travel_times)
    feed.motions(everyone(table), -60, 10)
    for s in (0, 1):
        feed.pick(s, T0 + 2 * NS + s * 5_000_000, pd_m=1e-3, pa_mps2=1.0)
    messages = feed.run(SourceStage(Params(), table, travel_times), 10)
    assert estimates(messages) == {}
    assert reasons(messages) == {Reason.TELEMETRY_BURST}
    (told,) = [m for m in messages if isinstance(m, Decision)]
    assert "XX.S000..HN, XX.S001..HN" in told.detail


def test_picks_that_leave_the_pool_are_explained(travel_times: TravelTimes) -> None:
    """What one station alone did: nobody else did, it does so all the time, a calibration."""
    table = make_table([(0.0, 0.0), (300.0, 0.0), (0.0, 300.0)])
    feed = Feed(table, travel_times)
    feed.pick(0, T0)
    for k in range(30):
        feed.pick(1, T0 + from_seconds(100.0 + 10.0 * k), snr=6.0)
    pulse = feed.pick(2, T0 + 500 * NS, pd_m=1e-3, snr=200.0)
    feed.messages = [
        msgspec.structs.replace(m, zero_crossings=1)
        if getattr(m, "pick_id", "") == pulse and hasattr(m, "pd_m")
        else m
        for m in feed.messages
    ]
    messages = feed.run(SourceStage(Params(), table, travel_times), 600)
    assert estimates(messages) == {}
    by_station = {
        code: {r for m in messages if isinstance(m, Decision) and code in m.detail for r in m.reasons}
        for code in table.stations
    }
    assert by_station[table.stations[0]] == {Reason.LONE_STATION}
    assert Reason.NOISY_STATION in by_station[table.stations[1]]
    assert by_station[table.stations[2]] == {Reason.CALIBRATION_PULSE}


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


def test_s_picks_make_no_event_and_are_kept_with_their_p(
    feed: Feed, network: StationTable, travel_times: TravelTimes
) -> None:
    """S onsets that move across the network like a source of their own, and are not those of the event."""
    quake = Quake(8.0, -12.0, 11.0, magnitude=5.5)
    feed.quake(quake)
    feed.motions(everyone(network), -60, 60)
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
    (history,) = estimates(feed.run(stage, 60)).values()
    assert quake.error_km(history[-1]) < 2.0  # they help to locate what they fit, and move nothing else
    assert history[-1].origin.n_stations == 25
    assert {a.phase for a in history[-1].arrivals} == {"P"}
    kept = msgspec.msgpack.decode(stage.snapshot(), type=Memory).picks
    heard = {m.station for m in other.messages if isinstance(m, Pick)}
    assert {network.stations[r.station] for r in kept.values() if r.s_t_ns} == heard
    assert all(r.s_t_ns > r.t_ns for r in kept.values() if r.s_t_ns and r.s_sigma_s == 0.1)


def test_s_that_was_read_moves_a_vague_event_in(travel_times: TravelTimes) -> None:
    """80 km beside a row of stations: P tells the direction; with S the first estimates tell the distance."""
    table = make_table([(20.0 * k, 4.0 * (-1) ** k) for k in range(-3, 4)])
    quake = Quake(10.0, 80.0, 10.0, magnitude=6.0)
    misses = {}
    for with_s in (False, True):
        feed = Feed(table, travel_times)
        feed.quake(quake, noise_s=0.05)
        feed.motions(everyone(table), -60, 30)
        for p in [m for m in feed.messages if isinstance(m, Pick)] if with_s else ():
            s = table.station_index[p.station]
            d = distance_km(*quake.place, float(table.st_latitude[s]), float(table.st_longitude[s]))
            t = T0 + from_seconds(float(travel_times.times(np.array([d]), quake.depth_km)[1][0]))
            feed.add(
                msgspec.structs.replace(p, pick_id=f"{p.pick_id}/S", phase="S", p_pick_id=p.pick_id, t_ns=t),
                t + from_seconds(0.3),
            )
        (history,) = estimates(feed.run(SourceStage(Params(), table, travel_times), 30)).values()
        misses[with_s] = quake.error_km(history[-1])
        assert (history[-1].origin.n_s >= 3) is with_s
        assert all(e.origin.n_s <= e.origin.n_stations for e in history)
    assert misses[True] < 6.0
    assert misses[True] <= misses[False]


def test_s_picked_as_another_p_at_a_station_stands_for_its_s(feed: Feed, stage: SourceStage) -> None:
    """Later and weaker than a clear P at the same station: no new P, and S where none was read."""
    quake = Quake(8.0, -12.0, 11.0, magnitude=5.5)
    feed.quake(quake)
    feed.motions(everyone(feed.table), -60, 60)
    again = {}
    for p in [m for m in feed.messages if isinstance(m, Pick)][:12]:
        again[p.pick_id] = p.t_ns + from_seconds(6.0)
        feed.pick(feed.table.station_index[p.station], again[p.pick_id], snr=8.0)
    (history,) = estimates(feed.run(stage, 60)).values()
    assert quake.error_km(history[-1]) < 2.0
    assert len(history[-1].arrivals) == 25
    kept = msgspec.msgpack.decode(stage.snapshot(), type=Memory)
    assert kept.pool == []
    assert {p: kept.picks[p].s_t_ns for p in again} == again


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
    fit = Fitter.fit

    def counted(self, *arguments):
        nonlocal fits
        fits += 1
        return fit(self, *arguments)

    monkeypatch.setattr(Fitter, "fit", counted)
    stage = SourceStage(Params(), table, travel_times)
    most = total = 0
    told: list[Message] = []
    for now, batch in feed.slices(30):
        fits = 0
        told += stage.handle(now, batch)
        most, total = max(most, fits), total + fits
    assert 0 < most <= MAX_FITS + 2 * MAX_SEARCHES
    assert total < 225
    assert Reason.TELESEISM in reasons(told)
    assert stage.active_events == 0


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
    """Where the inner stations are overdue when the first pick comes."""
    quake = Quake(0.0, 0.0, 10.0, magnitude=4.0)
    feed.quake(quake, stations=by_distance(feed.table, quake)[14::4], noise_s=0.02)
    feed.motions(everyone(feed.table), -60, 60)
    stage = SourceStage(Params(min_triggered_share=0.6), feed.table, feed.travel_times)
    messages = feed.run(stage, 60)
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
    assert 12.0 < (history[-1].t_seen_ns - quake.t0_ns) / NS < 30.0
    assert stage.active_events == 0


def test_doubt_costs_one_location_a_second(
    feed: Feed, stage: SourceStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that never gets a magnitude is not located again at every slice."""
    quake = Quake(0.0, 0.0, 10.0, magnitude=3.0)
    fits = 0
    fit = Fitter.fit

    def counted(self, *arguments):
        nonlocal fits
        fits += 1
        return fit(self, *arguments)

    monkeypatch.setattr(Fitter, "fit", counted)
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
    """Three sensors at one place are one site: no event alone, and two sites with one elsewhere."""
    table = make_table([(0, 0), (0, 0), (0, 0), (20, 5), (3, 25)], sites=[0, 0, 0, 1, 2])
    feed = Feed(table, travel_times)
    feed.quake(Quake(5.0, 5.0), noise_s=0.01, stations=[0, 1, 2])
    messages = feed.run(SourceStage(Params(), table, travel_times), 90)
    assert estimates(messages) == {}
    assert reasons(messages) == {Reason.LONE_STATION}
    whole = Feed(table, travel_times)
    whole.quake(Quake(5.0, 5.0), noise_s=0.01)
    (history,) = estimates(whole.run(SourceStage(Params(), table, travel_times), 30)).values()
    assert [history[0].origin.n_stations, history[-1].origin.n_stations] == [2, 3]
    strict = Feed(table, travel_times)
    strict.quake(Quake(5.0, 5.0), noise_s=0.01)
    messages = strict.run(SourceStage(Params(min_stations=4), table, travel_times), 30)
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
    assert "Mdisp" in last.kind.split("+")
    assert last.sigma < 0.35
    assert last.value == pytest.approx(7.5, abs=0.2)
    first = history[0].magnitude
    assert first is not None
    assert first.kind == "Mpd"
    assert first.saturated
    values = [e.magnitude.value for e in history if e.magnitude is not None]
    assert max(values) < 7.9
    assert {r for e in history for r in e.reasons} >= {
        Reason.NEW_STATIONS, Reason.LONGER_WINDOWS, Reason.EVENT_ENDED,
    }  # fmt: skip
    assert all(e.reasons for e in history)


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
