"""What the source stage keeps, forgets and lets in."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from seiswarn.errors import UsageError
from seiswarn.messages import Motions, Pick
from seiswarn.source.models import Models
from seiswarn.source.params import Params
from seiswarn.source.records import EventRecord, Memory
from seiswarn.source.stage import SourceStage
from seiswarn.source.suspects import apparent_velocity_kmps, simultaneous
from seiswarn.source.traveltime import TravelTimes
from seiswarn.stations import StationTable
from seiswarn.timebase import NS
from tests.source.conftest import T0, Feed, make_table

POOL_NS = 60 * NS


def pick_of(table: StationTable, station: int, t_ns: int) -> Pick:
    return Pick(
        pick_id=f"{station}/{t_ns}",
        station=table.stations[station],
        channel=table.channels[station],
        t_ns=t_ns,
        uncertainty_s=0.1,
        snr=10.0,
        t_seen_ns=t_ns,
        status="test",
    )


def test_picks_that_an_event_names_stay() -> None:
    table = make_table([(0.0, 0.0), (10.0, 0.0), (0.0, 10.0), (10.0, 10.0)])
    memory = Memory.of(table)
    ids = [f"{k}/{T0}" for k in range(4)]
    for k in range(4):
        memory.add(pick_of(table, k, T0), table)
    event = EventRecord(event_id="e", created_ns=T0, picks={0: ids[0]}, s_only={1: ids[1]}, used=[ids[2]])
    memory.events.append(event)
    memory.prune(T0 + 900 * NS, POOL_NS)  # data may come that late
    assert sorted(memory.picks) == ids[:3]
    memory.events.clear()
    memory.prune(T0 + 901 * NS, POOL_NS)
    assert (memory.picks, memory.by_station) == ({}, {})


def test_a_pick_from_years_ahead_is_forgotten(network: StationTable, stage: SourceStage) -> None:
    stage.handle(T0, [pick_of(network, 3, T0 + 10**9 * NS)])
    for k in range(1, 4):
        stage.handle(T0 + k * NS, [])
    memory = msgspec.msgpack.decode(stage.snapshot(), type=Memory)
    assert (memory.picks, memory.pool) == ({}, [])


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_motion_that_is_no_number_leaves_no_trace(network: StationTable, feed: Feed, wrong: float) -> None:
    feed.motions([0, 1], 0, 1)
    good = next(m for m in feed.messages if isinstance(m, Motions))
    bad = msgspec.structs.replace(good, pgv_mps=(wrong, good.pgv_mps[1]))
    memory = Memory.of(network)
    memory.add(pick_of(network, 0, T0 - NS), network)
    memory.add_motions(bad, network.station_index)
    assert memory.live_to_ns[0] == memory.live_to_ns[1] == good.t_ns[0]
    assert [level[0] for level in memory.quiet] == [0.0] * 4
    assert all(level[1] > 0.0 for level in memory.quiet)
    assert memory.picks[f"0/{T0 - NS}"].peaks == [0.0] * 4


def test_the_date_line_is_no_distance() -> None:
    """The same stations and onsets look alike on both sides of it and across."""
    rng = np.random.default_rng(1)
    table = make_table([(float(a), float(b)) for a, b in rng.uniform(-40.0, 40.0, (8, 2))])
    close = make_table([(0.0, -0.5), (0.0, 0.5), (0.3, 0.0)])
    seen = []
    for east in (0.0, 180.0 - 107.0):
        for t in (table, close):
            t.st_longitude[:] = (t.st_longitude + east + 180.0) % 360.0 - 180.0
        memory, near = Memory.of(table), Memory.of(close)
        records = [memory.add(pick_of(table, k, T0 + k * NS), table) for k in range(8)]
        together = [near.add(pick_of(close, k, T0), close) for k in range(3)]
        seen.append(apparent_velocity_kmps([r for r in records if r], table))
        assert simultaneous([r for r in together if r], close) == []
    assert seen[1] == pytest.approx(seen[0], rel=1e-6)


def test_a_region_without_area_is_refused(travel_times: TravelTimes) -> None:
    with pytest.raises(UsageError, match="corners"):
        Models(Params(velocity_regions=(("ak135", ((0.0, 0.0), (1.0, 1.0))),)), travel_times)
