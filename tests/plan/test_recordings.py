"""What stations say along the line, and how a network repeats it."""

from __future__ import annotations

import pytest

from seiswarn.geo import distance_km
from seiswarn.messages import ChannelQuality, Message, Motions, Pick, PWindow
from seiswarn.plan.recordings import LEAD_S, LONGEST_S, ORIGIN_NS, Recordings, distances_km
from seiswarn.plan.script import Script
from seiswarn.source.traveltime import TravelTimes, lookup
from seiswarn.stations import StationTable
from seiswarn.timebase import NS

from .conftest import EPICENTRE, QUAKE, stations

STEP_NS = 20_000_000


def _said(
    table: StationTable, recordings: Recordings, times: TravelTimes, latency_s: float
) -> list[tuple[int, list[Message]]]:
    script = Script(table, recordings, times, latency_s=latency_s, step_ns=STEP_NS)
    return [(piece.t_seen_ns, said) for piece, said in script.slices(*EPICENTRE)]


def test_recordings_pick_p_when_it_comes(recordings: Recordings) -> None:
    assert recordings.distances_km == distances_km()
    for one in recordings.heard:
        onsets = [m.t_ns for m in one.said if isinstance(m, Pick) and m.phase == "P"]
        if one.distance_km <= 100.0:
            assert onsets, one.distance_km
            assert abs((onsets[0] - ORIGIN_NS) / NS - one.p_s) < 0.5, one.distance_km
        assert one.said_ns == sorted(one.said_ns)
        assert len(one.rows) == LEAD_S + LONGEST_S


def test_nearest_takes_the_closest(recordings: Recordings) -> None:
    for away, nearest in ((0.0, 0.0), (0.9, 0.0), (1.1, 2.0), (62.6, 65.0), (5000.0, 300.0)):
        assert recordings.nearest(away).distance_km == nearest


def test_every_station_says_its_own(recordings: Recordings, times: TravelTimes) -> None:
    table = stations()
    p_of: dict[str, int] = {}
    windows, seconds, noisy = set(), dict.fromkeys(table.stations, 0), set()
    last = 0
    for t_ns, said in _said(table, recordings, times, 0.5):
        assert t_ns > last
        last = t_ns
        for message in said:
            if isinstance(message, Pick) and message.phase == "P":
                p_of.setdefault(message.station, message.t_ns)
                assert message.pick_id.startswith(message.station)
                assert message.t_seen_ns - message.t_ns > 0.5 * NS
            elif isinstance(message, Pick):
                assert message.p_pick_id.startswith(message.station)
            elif isinstance(message, PWindow):
                windows.add(message.station)
            elif isinstance(message, Motions):
                assert all(end <= t_ns - 0.5 * NS + NS for end in message.t_ns)
                for code in message.stations:
                    seconds[code] += 1
            elif isinstance(message, ChannelQuality):
                noisy.update(message.channels)
    # All are heard to the end, whether or not P has come: silence of a live station is what locates.
    assert all(n >= LEAD_S + LONGEST_S - 3 for n in seconds.values()), seconds
    assert set(p_of) == windows == set(table.stations)
    assert noisy == {c for c in table.channels if c.endswith("Z")}
    for k, code in enumerate(table.stations):
        away = distance_km(*EPICENTRE, float(table.st_latitude[k]), float(table.st_longitude[k]))
        expected = float(lookup(times.p, away, QUAKE.depth_km))
        assert (p_of[code] - ORIGIN_NS) / NS == pytest.approx(expected, abs=0.5)


def test_latency_moves_everything_and_changes_nothing(recordings: Recordings, times: TravelTimes) -> None:
    def picks(latency_s: float) -> list[tuple[int, str]]:
        said = _said(stations(), recordings, times, latency_s)
        return [(t, m.pick_id) for t, messages in said for m in messages if isinstance(m, Pick)]

    now, later = picks(0.0), picks(2.0)
    assert len(now) > 5
    assert [(t + 2 * NS, name) for t, name in now if t + 2 * NS < ORIGIN_NS + 59 * NS] == [
        (t, name) for t, name in later if t < ORIGIN_NS + 59 * NS
    ]
