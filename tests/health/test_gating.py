"""What the other stages make of stations that are not trusted."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from seiswarn.messages import Decision, EventEstimate, HealthState, Message, StationHealth
from seiswarn.reasons import Reason
from seiswarn.shaking.observed import Observed
from seiswarn.source.fusion import StationValue, fuse
from seiswarn.source.params import Params
from seiswarn.source.stage import SourceStage
from seiswarn.source.traveltime import TravelTimes
from seiswarn.station_attributes import with_attributes
from seiswarn.station_patterns import Attributes
from seiswarn.stations import StationTable
from seiswarn.timebase import NS
from seiswarn.trust import Trust
from tests.shaking_work import motions
from tests.source.conftest import T0, Feed, Quake, estimates, jittered_grid, make_table

QUAKE = Quake(5.0, -8.0, magnitude=5.5)
NEAREST = 6


def health(
    table: StationTable,
    stations: list[int],
    state: HealthState,
    *reasons: Reason,
    at_s: float = -1.0,
    trust: float = 0.0,
) -> StationHealth:
    n = len(stations)
    return StationHealth(
        t_seen_ns=T0 + round(at_s * NS),
        stations=tuple(table.stations[k] for k in stations),
        state=(state,) * n,
        trust=(trust,) * n,
        latency_s=(0.2,) * n,
        reasons=(tuple(map(str, reasons)),) * n,
    )


def nearest(table: StationTable, n: int) -> list[int]:
    lat, lon = QUAKE.place
    return np.argsort(np.hypot(table.st_latitude - lat, table.st_longitude - lon))[:n].tolist()


def play(
    table: StationTable, tt: TravelTimes, *said: StationHealth, stations: list[int] | None = None
) -> list[Message]:
    feed = Feed(table, tt)
    feed.quake(QUAKE, stations=stations)
    feed.motions(range(table.n_stations), -60, 60)
    for message in said:
        feed.add(message, message.t_seen_ns)
    return feed.run(SourceStage(Params(), table, tt), 60.0)


def test_picks_of_untrusted_stations_are_not_used_and_the_record_says_why(
    network: StationTable, travel_times: TravelTimes
) -> None:
    barred = nearest(network, NEAREST)
    said = health(network, barred, "untrusted", Reason.IDENTICAL_DATA)
    out = play(network, travel_times, said)
    (history,) = estimates(out).values()
    used = {a.station for e in history for a in e.arrivals}
    assert not used & set(said.stations)
    assert QUAKE.error_km(history[-1]) < 5.0
    record = [d for d in out if isinstance(d, Decision) and Reason.UNTRUSTED_STATION in d.reasons]
    assert {d.detail.split()[0] for d in record} == set(said.stations)
    assert all(Reason.IDENTICAL_DATA in d.reasons for d in record)


@pytest.mark.parametrize("state", ["down", "maintenance"])
def test_nor_those_of_stations_that_are_down_or_worked_on(
    network: StationTable, travel_times: TravelTimes, state: HealthState
) -> None:
    said = health(network, nearest(network, 2), state, Reason.MAINTENANCE)
    (history,) = estimates(play(network, travel_times, said)).values()
    assert not {a.station for e in history for a in e.arrivals} & set(said.stations)


def test_picks_count_again_when_the_station_does(network: StationTable, travel_times: TravelTimes) -> None:
    two = nearest(network, 2)
    out = play(
        network,
        travel_times,
        health(network, two, "untrusted", Reason.SPIKY, at_s=-30.0),
        health(network, two, "ok", at_s=-10.0, trust=1.0),
    )
    (history,) = estimates(out).values()
    assert {network.stations[k] for k in two} <= {a.station for a in history[-1].arrivals}


def test_an_event_of_stations_that_turn_out_untrue_is_taken_back(
    network: StationTable, travel_times: TravelTimes
) -> None:
    few = nearest(network, 4)
    false = health(network, few, "untrusted", Reason.IDENTICAL_DATA, at_s=12.0)
    (history,) = estimates(play(network, travel_times, false, stations=few)).values()
    assert history[0].state == "new"
    assert history[-1].state == "cancelled"
    assert Reason.UNTRUSTED_STATION in history[-1].reasons
    assert history[-1].t_seen_ns <= T0 + round(12.2 * NS)


def test_what_a_station_told_before_it_broke_stays(network: StationTable, travel_times: TravelTimes) -> None:
    two = nearest(network, 2)
    broken = health(network, two, "untrusted", Reason.DEAD, at_s=30.0)
    (history,) = estimates(play(network, travel_times, broken)).values()
    assert {network.stations[k] for k in two} <= {a.station for a in history[-1].arrivals}


def test_silence_of_untrusted_stations_is_not_held_against_an_event(
    network: StationTable, travel_times: TravelTimes
) -> None:
    """Four stations shake, eight nearer ones say nothing: who believes them looks for it elsewhere."""
    order = nearest(network, 12)
    heard, silent = order[8:12], order[:8]
    dead = health(network, silent, "untrusted", Reason.DEAD)
    (asked,) = estimates(play(network, travel_times, stations=heard)).values()
    (known,) = estimates(play(network, travel_times, dead, stations=heard)).values()
    assert QUAKE.error_km(known[-1]) < 12.0
    assert QUAKE.error_km(asked[-1]) > 2.0 * QUAKE.error_km(known[-1])


def test_stations_in_trouble_behind_one_link_have_one_vote(travel_times: TravelTimes) -> None:
    table = make_table(jittered_grid(5, 20.0, seed=3))
    few = nearest(table, 3)
    rows = [Attributes(table.stations[k], None, "hub") for k in few]
    table, _ = with_attributes(table, rows)
    doubted = health(table, few, "degraded", Reason.TELECOM_GROUP, trust=0.5)
    assert estimates(play(table, travel_times, stations=few))
    out = play(table, travel_times, doubted, stations=few)
    assert not estimates(out)
    assert any("behind one link" in d.detail for d in out if isinstance(d, Decision))
    # With others beside them the event is there.
    assert estimates(play(table, travel_times, doubted, stations=nearest(table, 8)))


def test_votes() -> None:
    table = make_table(jittered_grid(3, 20.0, seed=3))
    table, _ = with_attributes(table, [Attributes(f"XX.S00{k}", None, "ab"[k % 2]) for k in range(6)])
    trust = Trust()
    trust.take([health(table, [0, 2, 4, 1, 8], "degraded", Reason.GAPPY, trust=0.5)], table.station_index)
    assert trust.n_votes([0, 2, 4], table) == 1
    assert trust.n_votes([0, 2, 1, 3], table) == 3  # the link of 0 and 2; that of 1; 3 in no trouble
    assert trust.n_votes([7, 8], table) == 2
    assert trust.one_each([2, 3, 0], table) == [0, 1]
    assert (trust.weight(0), trust.weight(3)) == (0.5, 1.0)


def test_degraded_and_ordinary_stations_weigh_less_in_the_magnitude() -> None:
    def values(weight: float) -> list[StationValue]:
        own = {"kind": "Mpd", "sigma": 0.4, "saturation": 9.0, "window_s": 3.0}
        sure = [StationValue(station=f"a{k}", value=5.0, **own) for k in range(4)]  # type: ignore[arg-type]
        return [*sure, *(StationValue(station=f"b{k}", value=6.0, weight=weight, **own) for k in range(4))]  # type: ignore[arg-type]

    sizes = [fuse(values(w), 1.0).value for w in (0.1, 0.5, 1.0)]  # type: ignore[union-attr]
    assert sizes[0] < sizes[1] < sizes[2]


def test_tiers_weigh_in_the_source_stage(network: StationTable, travel_times: TravelTimes) -> None:
    some = nearest(network, 3)
    rows = [Attributes(network.stations[k], "ordinary") for k in some]
    (plain,) = estimates(play(network, travel_times)).values()
    (tiered,) = estimates(play(with_attributes(network, rows)[0], travel_times)).values()

    def weights(e: EventEstimate) -> dict[tuple[str, str], float]:
        return {(m.station, m.kind): m.weight for m in e.station_magnitudes}

    a, b = weights(plain[0]), weights(tiered[0])
    assert a.keys() == b.keys()
    ordinary = {network.stations[k] for k in some}
    assert ordinary & {station for station, _ in a}
    for key, weight in a.items():
        assert b[key] == pytest.approx(weight * (0.5 if key[0] in ordinary else 1.0))


def test_motion_of_untrusted_stations_is_not_taken() -> None:
    table = make_table(jittered_grid(3, 20.0, seed=3))
    o = Observed.of(table)
    shaking = [(k, 3.0, 2.0, 0.2) for k in range(4)]
    o.take(motions(table, shaking))
    now_s = T0 // NS + 4
    o.trust(health(table, [0], "untrusted", Reason.IDENTICAL_DATA))  # its past is untrue
    o.trust(health(table, [1], "untrusted", Reason.DEAD))  # what it felt before it broke is true
    o.trust(health(table, [2], "down", Reason.NO_DATA))
    assert o.moving(now_s)[:4].tolist() == [False, True, True, True]
    o.take(motions(table, [(k, 5.0, 4.0, 0.4) for k in range(4)]))
    assert o.pga_mps2[:4].tolist() == [2.0, 2.0, 4.0, 4.0]
    again = Observed.of(table)
    again.restore(o.snapshot())
    for field in dataclasses.fields(Observed):
        np.testing.assert_equal(getattr(again, field.name), getattr(o, field.name))
