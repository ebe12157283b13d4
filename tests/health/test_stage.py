"""What makes stations suspect, what does not, and how they come back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from seiswarn.errors import InvariantError
from seiswarn.health.params import Params, Window
from seiswarn.health.stage import HealthStage
from seiswarn.messages import Arrival, ChannelQuality, DataError, EventEstimate, Pick, Slice
from seiswarn.reasons import Flag, Reason
from seiswarn.stations import StationTable
from seiswarn.timebase import NS, iso
from tests.factories import make_estimate, make_origin
from tests.health.feeding import T0_NS, Sender, Watch, grouped_table


def quality(table: StationTable, second: int, stations: list[int], **columns: Any) -> ChannelQuality:
    """Ten seconds of the verticals of some stations; healthy but for `columns`."""
    channels = [
        c
        for k in stations
        for c, (s, z) in zip(
            table.channels, zip(table.ch_station, table.ch_component, strict=True), strict=True
        )
        if s == k and z == 0
    ]
    n = len(channels)
    fields: dict[str, Any] = {
        "offset_counts": (0.0,) * n,
        "rms_mps2": (1e-4,) * n,
        "noise_mps2": (1e-4,) * n,
        "spikes": (0,) * n,
        "clipped": (0,) * n,
        "flat_s": (0.0,) * n,
        "flags": (0,) * n,
    }
    fields |= {name: (value,) * n for name, value in columns.items()}
    t = T0_NS + second * NS
    return ChannelQuality(t_seen_ns=t, channels=tuple(channels), t_ns=(t,) * n, **fields)


def tick(watch: Watch, second: float, *more: Any) -> None:
    watch.step(Slice(t_seen_ns=T0_NS + round(second * NS), status="test"), more)


def event(watch: Watch, second: int, stations: list[int], away_km: float = 30.0) -> EventEstimate:
    """An earthquake amid the network, with picks at some stations."""
    table = watch.table
    arrivals = tuple(
        Arrival(
            pick_id=f"{table.stations[k]}-{second}", station=table.stations[k], phase="P",
            t_ns=T0_NS + second * NS, residual_s=0.0, distance_km=away_km, azimuth_deg=0.0, weight=1.0,
        )
        for k in stations
    )  # fmt: skip
    lat, lon = float(table.st_latitude.mean()), float(table.st_longitude.mean())
    origin = make_origin(time_ns=T0_NS + (second - 5) * NS, latitude=lat, longitude=lon)
    return make_estimate(
        event_id=f"e{second}", t_seen_ns=T0_NS + second * NS, arrivals=arrivals, origin=origin, state="update"
    )


# --- silence and return ------------------------------------------------------------------------


def test_all_are_ok_where_nothing_is_wrong_and_a_full_message_comes_every_minute() -> None:
    watch = Watch(grouped_table())
    watch.feed(Sender(watch.table).packets(0, 125), 0, 125)
    assert [round(t) for t, _ in watch.said] == [61, 121]
    for _, health in watch.said:
        assert health.full
        assert set(health.state) == {"ok"}
        assert set(health.reasons) == {()}
        assert np.allclose(health.latency_s, 0.2, atol=0.05)
        assert np.allclose(health.data_s, 60.0, atol=1.5)
        assert health.gaps == (0,) * 10
        assert health.n_blind == 0


def test_silence_makes_a_station_down_and_its_return_no_more_than_degraded() -> None:
    watch = Watch(grouped_table())
    sender = Sender(watch.table, sends=lambda k, s: k != 4 or s < 30 or s >= 150)
    watch.feed(sender.packets(0, 330), 0, 330)
    (down, back, ok) = watch.history(4)[-3:]
    assert down[1] == "down"
    assert down[0] == pytest.approx(90.0, abs=2.0)
    assert back[1] == "degraded"
    assert back[0] == pytest.approx(151.3, abs=1.0)
    assert ok[1] == "ok"
    assert ok[0] == pytest.approx(back[0] + 0.35 * 300.0, abs=3.0)
    assert watch.states(*range(4)) == ["ok"] * 4


def test_who_was_never_heard_is_down_and_trusted_from_the_first_packet_on() -> None:
    watch = Watch(grouped_table())
    watch.feed(Sender(watch.table, sends=lambda k, s: k != 4 or s >= 100).packets(0, 130), 0, 130)
    assert [state for _, state in watch.history(4)] == ["down", "ok"]


def test_back_filled_data_are_no_fault() -> None:
    """After an outage of two minutes the newest comes first, and what is missing after it."""
    watch = Watch(grouped_table())

    def late(station: int, second: int) -> float:
        return 0.2 if station != 4 or not 40 <= second < 160 else 165.0 - second + (second - 40) * 0.05

    watch.feed(Sender(watch.table, late_s=late).packets(0, 305), 0, 305)
    assert "untrusted" not in [state for _, state in watch.history(4)]
    assert sum(h.data_s[4] for _, h in watch.said if h.full) == pytest.approx(301.0, abs=3.0)
    assert watch.states(4) == ["ok"]


def test_records_sent_once_more_are_no_fault() -> None:
    """A server that begins again sends the last two minutes twice, at once."""
    watch = Watch(grouped_table())
    sender = Sender(watch.table)
    again = [msgspec.structs.replace(p, t_seen_ns=T0_NS + 200 * NS + k * 10**6) for k, p in
             enumerate(p for p in sender.packets(60, 195) if "_S004_" in p.channel)]  # fmt: skip
    watch.feed(sorted([*sender.packets(0, 260), *again], key=lambda p: p.t_seen_ns), 0, 260)
    assert [state for _, state in watch.history(4)] == ["ok"]
    assert max(h.overlaps[4] for _, h in watch.said if h.full) > 300


# --- clocks -------------------------------------------------------------------------------------


def test_a_clock_an_hour_fast_is_not_trusted_at_once_and_again_when_it_is_right() -> None:
    """The door refuses such data; its word is enough."""
    watch = Watch(grouped_table())
    sender = Sender(watch.table, sends=lambda k, s: k != 3 or not 70 <= s < 120)
    for second in range(480):
        more = []
        if 70 <= second < 120 and second % 10 == 0:
            more = [DataError(t_seen_ns=0, subject=watch.table.channels[9], reason=Reason.CLOCK_FUTURE)]
        watch.feed(sender.packets(second - 1, second) if second else [], second, second + 1, more)
        if second == 70:
            assert watch.states(3) == ["untrusted"]
    assert Reason.CLOCK_FUTURE in watch.said[1][1].reasons[0]
    assert [s for _, s in watch.history(3)][-3:] == ["untrusted", "degraded", "ok"]


def test_a_clock_seconds_fast_is_seen_in_the_packets() -> None:
    watch = Watch(grouped_table())
    watch.feed(
        Sender(watch.table, clock_s=lambda k, s: 4.0 if k == 3 and s >= 70 else 0.0).packets(0, 80), 0, 80
    )
    assert watch.states(3) == ["untrusted"]
    assert Reason.CLOCK_FUTURE in watch.why(3)


def test_when_most_are_ahead_it_is_our_own_clock() -> None:
    watch = Watch(grouped_table())
    watch.feed(Sender(watch.table, clock_s=lambda k, s: 4.0).packets(0, 70), 0, 70)
    assert set(watch.state.values()) == {"ok"}
    assert [e.subject for e in watch.errors] == ["clock"]  # type: ignore[attr-defined]


def test_a_clock_an_hour_slow_is_not_trusted() -> None:
    watch = Watch(grouped_table())
    sender = Sender(watch.table, clock_s=lambda k, s: -3600.0 if k == 3 and 70 <= s < 100 else 0.0)
    watch.feed(sender.packets(0, 500), 0, 500)
    history = watch.history(3)
    assert history[1][1] == "untrusted"
    assert history[1][0] < 76.0
    assert history[-1][1] == "ok"
    assert Reason.CLOCK_JUMP in watch.first_reasons(3)
    assert watch.states(2, 4) == ["ok", "ok"]


# --- a telecom group ----------------------------------------------------------------------------


def stall(stations: list[int], second: int, length_s: float) -> Any:
    """Latency of stations whose link stops for a while and then delivers all at once."""

    def late(station: int, s: int) -> float:
        if station in stations and second <= s < second + length_s:
            return second + length_s - s + 0.2
        return 0.2

    return late


def test_a_link_that_fails_takes_its_stations_with_it() -> None:
    watch = Watch(grouped_table(12, group=[0, 1, 2, 3]))
    watch.feed(Sender(watch.table, late_s=stall([0, 1, 2], 100, 12.0)).packets(0, 480), 0, 480)
    for k in range(4):  # the fourth behind the same link too
        assert "untrusted" in [s for _, s in watch.history(k)]
    assert watch.states(0, 1, 2, 3) == ["ok"] * 4  # when it is long over
    assert all([s for _, s in watch.history(k)] == ["ok"] for k in range(4, 12))


def test_two_stations_in_trouble_behind_one_link_are_degraded() -> None:
    watch = Watch(grouped_table(12, group=[0, 1, 2, 3]))
    watch.feed(Sender(watch.table, late_s=stall([0, 1], 100, 12.0)).packets(0, 125), 0, 125)
    assert watch.states(0, 1, 2, 3) == ["degraded", "degraded", "ok", "ok"]
    assert watch.why(0) == (Reason.TELECOM_GROUP,)


def test_a_link_that_fails_in_an_earthquake_is_not_held_against_it() -> None:
    watch = Watch(grouped_table(12, group=[0, 1, 2, 3]))
    sender = Sender(watch.table, late_s=stall([0, 1, 2], 100, 12.0))
    given = sender.packets(0, 140)
    before = [p for p in given if p.t_seen_ns <= T0_NS + 99 * NS]
    watch.feed(before, 0, 99)
    watch.stage.learn(T0_NS + 99 * NS, [event(watch, 99, [0, 1, 5, 6])])
    watch.feed(given[len(before) :], 99, 140)
    assert set(watch.state.values()) == {"ok"}


def test_an_event_of_one_link_alone_excuses_nobody() -> None:
    watch = Watch(grouped_table(12, group=[0, 1, 2, 3]))
    sender = Sender(watch.table, late_s=stall([0, 1, 2], 100, 12.0))
    given = sender.packets(0, 140)
    before = [p for p in given if p.t_seen_ns <= T0_NS + 99 * NS]
    watch.feed(before, 0, 99)
    watch.stage.learn(T0_NS + 99 * NS, [event(watch, 99, [0, 1, 2, 3])])
    watch.feed(given[len(before) :], 99, 120)
    assert watch.states(0, 1, 2, 3) == ["untrusted"] * 4


def test_when_nearly_all_stop_it_is_our_own_link() -> None:
    watch = Watch(grouped_table(12, group=[0, 1, 2, 3]))
    watch.feed(Sender(watch.table, late_s=stall(list(range(12)), 100, 12.0)).packets(0, 140), 0, 140)
    assert set(watch.state.values()) == {"ok"}


def test_a_link_that_most_of_a_network_shares_is_no_clue() -> None:
    """One provider for all: congested in an earthquake it may not silence the network."""
    watch = Watch(grouped_table(12, group=list(range(12))))
    sender = Sender(watch.table, late_s=stall(list(range(7)), 100, 12.0))
    watch.feed(sender.packets(0, 140), 0, 140)
    assert "untrusted" not in watch.state.values()
    assert "untrusted" not in {s for k in range(12) for _, s in watch.history(k)}
    watch.stage.learn(T0_NS + 140 * NS, [event(watch, 140, [0, 1, 2, 3])])
    assert watch.stage._excuses.at(T0_NS + 141 * NS).any()


# --- noise, spikes, dead traces, false triggers -------------------------------------------------


def test_noise_far_above_a_stations_own_history_is_held_against_it() -> None:
    watch = Watch(grouped_table())
    rng = np.random.default_rng(1)
    for k in range(400):
        tick(watch, 10 * k, quality(watch.table, 10 * k, [2, 3], noise_mps2=1e-4 * 2.0 ** rng.normal()))
    assert watch.state[watch.table.stations[2]] != "untrusted"
    for k in range(400, 460):
        tick(watch, 10 * k, quality(watch.table, 10 * k, [2], noise_mps2=2e-3),
             quality(watch.table, 10 * k, [3], noise_mps2=3e-6))  # fmt: skip
    assert Reason.NOISE_HIGH in watch.stage._standing.reasons(2)
    assert Reason.NOISE_LOW in watch.stage._standing.reasons(3)


def test_noise_that_rises_everywhere_is_held_against_nobody() -> None:
    watch = Watch(grouped_table())
    everybody = list(range(10))
    for k in range(400):
        tick(watch, 10 * k, quality(watch.table, 10 * k, everybody))
    for k in range(400, 460):
        tick(watch, 10 * k, quality(watch.table, 10 * k, everybody, noise_mps2=5e-3))
    assert all(Reason.NOISE_HIGH not in watch.stage._standing.reasons(s) for s in everybody)


def test_a_trace_that_stops_is_dead_but_not_one_that_resolves_no_better() -> None:
    watch = Watch(grouped_table())
    sender = Sender(watch.table)
    watch.feed(sender.packets(0, 100), 0, 100)
    for k in range(10):
        tick(watch, 101 + k, quality(watch.table, 100 + k, [1], noise_mps2=1e-4),  # 100 counts
             quality(watch.table, 100 + k, [2], noise_mps2=1e-7))  # fmt: skip
    dead = {"flat_s": 10.0, "noise_mps2": 0.0, "flags": int(Flag.FLAT)}
    tick(watch, 112, quality(watch.table, 112, [1, 2], **dead))
    assert watch.states(1, 2) == ["untrusted", "degraded"]
    assert watch.why(1) == (Reason.DEAD,)


def test_spikes_and_false_picks_add_up() -> None:
    watch = Watch(grouped_table())
    for k in range(60):
        tick(watch, 10 * k, quality(watch.table, 10 * k, [1], spikes=40))
        for j in range(2):
            tick(watch, 10 * k + 1 + j, *_picks(watch, 2, 10 * k + 1 + 4 * j))
    assert Reason.SPIKY in watch.stage._standing.reasons(1)
    assert Reason.FALSE_TRIGGERS in watch.stage._standing.reasons(2)
    assert watch.stage._standing.trust[2] == 0.0


@pytest.mark.parametrize(("stations", "left"), [([2, 3, 4], 0.5), ([2, 3], 0.0)])
def test_small_aftershocks_do_not_silence_those_who_pick_them(stations: list[int], left: float) -> None:
    watch = Watch(near_each_other(grouped_table()))
    for k in range(120):
        tick(watch, 10 * k + 1, *(p for s in stations for p in _picks(watch, s, 10 * k + 1)))
    assert Reason.FALSE_TRIGGERS in watch.stage._standing.reasons(2)
    assert set(watch.stage._standing.trust[stations]) == {left}


def test_who_is_broken_is_no_part_of_a_swarm() -> None:
    watch = Watch(near_each_other(grouped_table()))
    for k in range(120):
        tick(watch, 10 * k, quality(watch.table, 10 * k, [4], spikes=40))
        tick(watch, 10 * k + 1, *(p for s in (2, 3, 4) for p in _picks(watch, s, 10 * k + 1)))
    assert set(watch.stage._standing.trust[[2, 3, 4]]) == {0.0}


def near_each_other(table: StationTable) -> StationTable:
    """The network with sites 10 km apart."""
    latitude = 30.0 + 0.09 * np.arange(table.n_stations)
    return replace(table, st_latitude=latitude, st_longitude=np.full(table.n_stations, 140.0))


def test_picks_of_earthquakes_are_not_false() -> None:
    watch = Watch(grouped_table())
    for k in range(60):
        second = 10 * k + 1
        tick(watch, second, *_picks(watch, 2, second))
        watch.stage.learn(T0_NS + second * NS, [event(watch, second, [2, 5, 6])])
    assert watch.stage._counts.false.sum() == 0.0


def _picks(watch: Watch, station: int, second: int) -> list[Pick]:
    code = watch.table.stations[station]
    t = T0_NS + second * NS
    return [
        Pick(
            pick_id=f"{code}-{second}",
            station=code,
            channel="",
            t_ns=t,
            uncertainty_s=0.1,
            snr=5.0,
            t_seen_ns=t,
        )
    ]


def test_clipping_in_an_earthquake_is_its_own() -> None:
    for in_event in (False, True):
        watch = Watch(grouped_table())
        tick(watch, 1)
        if in_event:
            watch.stage.learn(T0_NS + NS, [event(watch, 1, [1, 5, 6])])
        for k in range(1, 15):
            tick(watch, 10 * k, quality(watch.table, 10 * k, [1], clipped=50))
        assert (Reason.CLIPPING in watch.stage._standing.reasons(1)) is not in_event


def test_trust_does_not_waver_with_what_wavers_about_a_threshold() -> None:
    """Spikes now just above, now just below what is allowed: the state changes once, not each time."""
    watch = Watch(grouped_table())
    for k in range(120):
        tick(watch, 10 * k, quality(watch.table, 10 * k, [1], spikes=4 if k % 2 else 3))
    assert len(watch.history(1)) <= 2


# --- maintenance, what is left, snapshots -------------------------------------------------------


def test_maintenance_begins_and_ends_as_announced() -> None:
    window = Window(stations=("XX.S00[0-2]", "XX.S005"), start=iso(T0_NS + 70 * NS), end=iso(T0_NS + 90 * NS))
    watch = Watch(grouped_table(), maintenance=(window,))
    watch.feed(Sender(watch.table).packets(0, 100), 0, 100)
    (begun, ended) = watch.history(5)[-2:]
    assert begun == (pytest.approx(70.0, abs=1.1), "maintenance")
    assert ended == (pytest.approx(90.0, abs=1.1), "ok")
    assert next(h for _, h in watch.said if "maintenance" in h.state).reasons[0] == (Reason.MAINTENANCE,)
    assert [s for _, s in watch.history(3)] == ["ok"]


def test_it_says_where_no_event_is_possible_any_more() -> None:
    watch = Watch(grouped_table())
    watch.feed(Sender(watch.table, sends=lambda k, s: k < 2 or s < 30).packets(0, 130), 0, 130)
    health = watch.said[-1][1]
    assert health.n_sites == 10
    assert health.n_blind == 10
    assert "no event is possible around 10 of 10 sites" in health.blind
    assert "fewer than 3 trusted sites within 100 km" in health.blind


@pytest.mark.parametrize("cut", [37, 104, 131])
def test_a_stage_from_a_snapshot_goes_on_as_if_nothing_had_been(cut: int) -> None:
    table = grouped_table(12, group=[0, 1, 2, 3])
    sender = Sender(table, late_s=stall([0, 1, 2], 100, 12.0), sends=lambda k, s: k != 7 or s < 20)
    given = sender.packets(0, 200)
    whole, broken = Watch(table), Watch(table)
    first = [p for p in given if p.t_seen_ns <= T0_NS + cut * NS]
    rest = given[len(first) :]
    for watch in (whole, broken):
        watch.feed(first, 0, cut)
        watch.stage.learn(T0_NS + cut * NS, [event(watch, cut, [4, 5, 6])])
        tick(watch, cut, *_picks(watch, 9, cut))
    data = broken.stage.snapshot()
    broken.stage = HealthStage(Params(), table)
    broken.stage.restore(data)
    assert broken.stage.snapshot() == data
    for watch in (whole, broken):
        watch.feed(rest, cut, 200)
    assert broken.said == whole.said
    assert broken.stage.snapshot() == whole.stage.snapshot()


def test_a_snapshot_of_another_network_is_refused() -> None:
    with pytest.raises(InvariantError, match="other stations"):
        HealthStage(Params(), grouped_table(5)).restore(HealthStage(Params(), grouped_table(6)).snapshot())


def test_switched_off_it_says_nothing() -> None:
    watch = Watch(grouped_table(), enabled=False)
    watch.feed(Sender(watch.table, sends=lambda k, s: s < 10).packets(0, 130), 0, 130)
    assert watch.said == []
