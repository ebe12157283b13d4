"""The waveform stage over processes says what one alone says."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tests.waveform.conftest import T0, make_table, packets, wavelet

from runtime_daemon import Daemon, records
from seiswarn.blocks import blocks_of, columns
from seiswarn.config import Config, default_config
from seiswarn.errors import InvariantError
from seiswarn.ingest.base import Sealed
from seiswarn.messages import (
    ChannelQuality,
    DataError,
    Motions,
    Packet,
    PacketBlock,
    Pick,
    PWindow,
    Slice,
    decode,
    encode,
)
from seiswarn.runtime.files import OUTPUT
from seiswarn.runtime.lineage import fingerprint
from seiswarn.runtime.live import config_sources
from seiswarn.runtime.setup import archive_run
from seiswarn.runtime.shard import Shard
from seiswarn.runtime.shard_link import pack_part
from seiswarn.runtime.shards import OpenedStage, share
from seiswarn.stations import StationTable
from seiswarn.timebase import NS
from seiswarn.waveform.params import Params
from seiswarn.waveform.stage import WaveformStage

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("shards")]

UNKNOWN = "FDSN:YY_U__H_N_Z"
SPEED = 20.0


def network(rng: np.random.Generator, n_stations: int) -> StationTable:
    """Stations of two rates and both units; rates not always declared, one channel that clips."""
    table = make_table(n_stations)
    rate = np.repeat(rng.choice([50.0, 100.0], n_stations), 3)
    rate[7] = 125.0  # one component of a station
    clip = np.full(table.n_channels, np.inf)
    clip[4] = 4e4
    unit = np.repeat(rng.integers(0, 2, n_stations), 3).astype(np.int32)
    return replace(table, ch_rate_hz=rate, ch_clip_counts=clip, ch_unit=unit)


def stream(rng: np.random.Generator, table: StationTable) -> list[Packet]:
    """Half a minute of noise and a burst: gaps, late and repeated packets, long ones, an unknown channel."""
    out = packets(UNKNOWN, np.zeros(1000, dtype=np.int32), [500])
    for k, (channel, rate) in enumerate(zip(table.channels, table.ch_rate_hz.tolist(), strict=True)):
        n, onset = int(35 * rate), int((14 + k // 3) * rate)
        x = np.round(wavelet(k, n=n, onset=onset, rate_hz=rate) * 1e6).astype(np.int32)
        x[int(8 * rate)] += 900_000 if k % 5 == 0 else 0
        longest = int(6 * rate) if k // 3 == 3 else int(rate)
        cut = packets(channel, x, np.cumsum(rng.integers(10, longest, 400)).tolist(), rate_hz=rate)
        kept = [p for p in cut if rng.random() > 0.08]
        late_ns = int(rng.choice([0, 0, 3, 12])) * NS
        kept += [p for p in kept if rng.random() < 0.02]
        out += [msgspec.structs.replace(p, t_seen_ns=p.t_seen_ns + late_ns) for p in kept]
    return sorted(out, key=lambda p: p.t_seen_ns)


def slices(rng: np.random.Generator, given: list[Packet], step_ns: int) -> list[Slice]:
    out, at, t_ns = [], 0, T0
    while at < len(given):
        t_ns += step_ns
        part = []
        while at < len(given) and given[at].t_seen_ns <= t_ns:
            part.append(given[at])
            at += 1
        rng.shuffle(part)  # type: ignore[arg-type]
        out.append(Slice(t_seen_ns=t_ns, blocks=blocks_of(part), status="test"))
    return out


def run(stage: WaveformStage, given: list[Slice]) -> list[list[bytes]]:
    return [[encode(m) for m in stage.handle(piece.t_seen_ns, [piece])] for piece in given]


@contextmanager
def opened(n: int, table: StationTable) -> Iterator[tuple[WaveformStage, list[int]]]:
    with closing(OpenedStage(Params(shards=n), table)) as here:
        yield here.stage or WaveformStage(Params(), table), here.pids


def case(seed: int, step_ns: int) -> tuple[StationTable, list[Slice]]:
    rng = np.random.default_rng(seed)
    table = network(rng, 7)
    return table, slices(rng, stream(rng, table), step_ns)


@pytest.mark.parametrize("n", [2, 3])
def test_same_messages_however_many_shards(n: int) -> None:
    table, fine = case(1, NS // 50)
    # The same stage takes one network after another: slices of 20 ms, of a second, of seven seconds.
    others = [case(seed, step)[1] for seed, step in ((2, NS), (3, 7 * NS))]
    with opened(n, table) as (stage, pids):
        assert len(pids) == n
        empty = stage.snapshot()
        for given in (fine, *others):
            alone = WaveformStage(Params(), table)
            expected = run(alone, given)
            assert run(stage, given) == expected
            said = [decode(payload) for messages in expected for payload in messages]
            assert {type(m) for m in said} >= {Pick, PWindow, Motions, ChannelQuality, DataError}
            stage.restore(empty)


def test_a_snapshot_goes_on_over_any_number_of_shards() -> None:
    table, given = case(4, NS // 10)
    half = len(given) * 3 // 5  # in mid-event
    expected = run(WaveformStage(Params(), table), given)
    alone = WaveformStage(Params(), table)
    with opened(2, table) as (two, _), opened(3, table) as (three, _):
        assert run(two, given[:half]) == expected[:half]
        for stage in (three, alone, two):
            stage.restore(two.snapshot())
            assert run(stage, given[half:]) == expected[half:], stage
        with pytest.raises(InvariantError, match="others"):
            WaveformStage(Params(), make_table(6)).restore(two.snapshot())


def test_stations_are_dealt_evenly() -> None:
    table = network(np.random.default_rng(1), 31)
    shard = share(table, 4)
    load = np.bincount(shard[table.ch_station], weights=table.ch_rate_hz)
    assert load.max() - load.min() <= 2 * 3 * 125.0
    assert np.ptp(np.bincount(shard)) <= 1
    assert set(share(make_table(2), 2).tolist()) == {0, 1}


def test_a_part_has_room_for_the_rates_of_the_whole_network() -> None:
    table = make_table(2)
    rates = table.ch_rate_hz.copy()
    rates[3:] = 200.0
    whole = replace(table, ch_rate_hz=rates)
    slow = Shard(pack_part(Params(), whole, np.arange(3), np.array([0])))
    assert slow._engine.max_rate_hz == 200.0


def test_a_dead_shard_is_a_broken_promise() -> None:
    table, given = case(5, NS)
    with opened(2, table) as (stage, pids):
        run(stage, given[:5])
        os.kill(pids[1], signal.SIGKILL)
        with pytest.raises(InvariantError, match=r"shard 2 of 2 .*killed by SIGKILL"):
            run(stage, given[5:])


def test_a_hanging_shard_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seiswarn.runtime.shards.ANSWER_WITHIN_S", 0.3)
    table, given = case(5, NS)
    with opened(2, table) as (stage, pids):
        os.kill(pids[0], signal.SIGSTOP)
        with pytest.raises(InvariantError, match=r"shard 1 of 2 .*does not answer"):
            run(stage, given[:5])


# --- whole runs ---------------------------------------------------------------------------------


def sharded(config: Config, n: int) -> Config:
    (quake,) = config.ingest
    return msgspec.structs.replace(
        config,
        waveform=msgspec.structs.replace(config.waveform, shards=n),
        ingest=(msgspec.structs.replace(quake, speed=SPEED),),
    )


def children_of(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_killed_shard_and_killed_core_in_a_live_run(
    daemon: Callable[..., Daemon], quake_config: Config, plain_run: Path
) -> None:
    live = daemon(sharded(quake_config, 2))
    live.until(live.warned)
    core = live.child("core")
    first = children_of(core.pid)
    assert len(first) == 2
    os.kill(first[1], signal.SIGKILL)
    live.until(lambda: live.supervisor.restarts == 1 and core.works)
    assert any("core ended with code 1" in text and "shard" in text for text in live.said), live.said
    second = children_of(core.pid)
    assert len(second) == 2
    core.kill()
    assert live.finish() == 0
    assert live.supervisor.restarts == 2
    assert records(live.folder / OUTPUT) == records(plain_run / OUTPUT)
    assert not [pid for pid in (*first, *second) if Path(f"/proc/{pid}").exists()]


def test_a_run_may_go_on_with_other_shards(quake_config: Config) -> None:
    one, two = quake_config, sharded(quake_config, 2)
    assert fingerprint(one, config_sources(one), "test") == fingerprint(two, config_sources(two), "test")


@pytest.mark.events
def test_same_messages_on_a_recorded_set(events_dir: Path) -> None:
    folder = events_dir / "kaikoura2016_m7.8_geonet"
    setup, feed = archive_run(folder, default_config(), packet_s=0.5, latency_s=0.0, status="test")
    given = []
    for part in feed.stream:
        for block in part.open() if isinstance(part, Sealed) else (part,):
            if isinstance(block, PacketBlock):
                t_ns = int(columns(block).t_seen_ns.max())
                given.append(Slice(t_seen_ns=t_ns, blocks=(block,), status="test"))
    expected = run(WaveformStage(Params(), setup.table), given)
    assert any(isinstance(decode(payload), Pick) for messages in expected for payload in messages)
    with opened(2, setup.table) as (stage, _):
        assert run(stage, given) == expected


def test_shards_outlive_the_thread_that_started_them() -> None:
    """A reload opens them in a thread of its own, which ends then (see prctl(2), PR_SET_PDEATHSIG)."""
    table = network(np.random.default_rng(1), 4)
    opened: list[OpenedStage] = []
    starter = threading.Thread(target=lambda: opened.append(OpenedStage(Params(shards=2), table)))
    starter.start()
    starter.join(60.0)
    with closing(opened[0]) as stage:
        assert stage.stage is not None
        time.sleep(0.3)  # a signal at the end of the thread would have come
        assert stage.stage.snapshot()
