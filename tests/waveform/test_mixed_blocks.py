"""Stations of different rates in several blocks of one slice: each is treated at its own rate."""

from __future__ import annotations

import dataclasses

import msgspec
import numpy as np
import pytest

from seiswarn.blocks import make_block
from seiswarn.messages import Message, Motions, Pick, PWindow, Slice
from seiswarn.stations import StationTable
from seiswarn.timebase import NS
from seiswarn.waveform.params import Params
from seiswarn.waveform.stage import WaveformStage

T0_NS = 1_700_000_000 * NS
GAIN = 1e6
RATES = (100.0, 50.0, 100.0, 50.0)
SECONDS = 40


@pytest.fixture(scope="module")
def table() -> StationTable:
    n = len(RATES)
    return StationTable(
        channels=tuple(f"FDSN:XX_S{k}__H_N_{c}" for k in range(n) for c in "ENZ"),
        ch_station=np.repeat(np.arange(n, dtype=np.int32), 3),
        ch_component=np.tile(np.array([2, 1, 0], dtype=np.int32), n),
        ch_unit=np.zeros(3 * n, dtype=np.int32),
        ch_gain=np.full(3 * n, GAIN),
        ch_rate_hz=np.repeat(np.array(RATES), 3),
        ch_azimuth_deg=np.tile(np.array([90.0, 0.0, 0.0]), n),
        ch_dip_deg=np.tile(np.array([0.0, 0.0, -90.0]), n),
        ch_clip_counts=np.full(3 * n, np.inf),
        stations=tuple(f"XX.S{k}..HN" for k in range(n)),
        st_latitude=23.0 + 0.1 * np.arange(n),
        st_longitude=np.full(n, 100.0),
        st_elevation_m=np.zeros(n),
        st_vs30_mps=np.full(n, np.nan),
        st_site=np.arange(n, dtype=np.int32),
    )


def counts(station: int) -> np.ndarray:
    """(3, n): noise, a spike of two samples at 20.6 s, and an onset at 30.4 s."""
    rate = RATES[station]
    rng, n = np.random.default_rng(station), int(SECONDS * rate)
    x = 1e-4 * rng.standard_normal((3, n))
    x[:, int(20.6 * rate) : int(20.6 * rate) + 2] += 5.0
    onset = int(30.4 * rate)
    x[:, onset:] += 0.1 * rng.standard_normal((3, n - onset))
    return np.rint(GAIN * x).astype("<i4")


def run(table: StationTable, groups: list[list[int]]) -> list[Message]:
    """What is said when the stations of each group come in a block of their own."""
    stage, out = WaveformStage(Params(), table), []
    data = [counts(k) for k in range(len(RATES))]
    for second in range(SECONDS):
        seen, blocks = T0_NS + (second + 1) * NS, []
        for group in groups:
            rows = [3 * k + c for k in group for c in range(3)]
            rate = np.array([RATES[r // 3] for r in rows])
            parts = [
                data[r // 3][r % 3, int(second * RATES[r // 3]) : int((second + 1) * RATES[r // 3])]
                for r in rows
            ]
            blocks.append(
                make_block(
                    [table.channels[r] for r in rows],
                    np.full(len(rows), T0_NS + second * NS),
                    np.full(len(rows), seen),
                    rate,
                    rate.astype(np.int32),
                    np.concatenate(parts).tobytes(),
                )
            )
        piece = Slice(t_seen_ns=seen, blocks=tuple(blocks))
        out += stage.handle(seen, [piece])
    return out


def test_blocks_of_different_rates_in_one_slice(table) -> None:
    whole = run(table, [[0, 1, 2, 3]])
    split = run(table, [[0, 2], [1, 3]])
    assert split == whole
    assert run(table, [[3, 1], [2, 0]]) == whole
    picks = [m for m in whole if isinstance(m, Pick) and m.phase == "P"]
    assert sorted(p.station for p in picks) == list(table.stations)
    assert [(p.t_ns - T0_NS) / NS for p in picks] == pytest.approx([30.4] * 4, abs=0.1)


@pytest.mark.parametrize("station", range(len(RATES)))
def test_a_station_among_others_is_as_alone(table, station) -> None:
    code = table.stations[station]

    def of(messages: list[Message]) -> list[object]:
        found: list[object] = []
        for m in messages:
            if isinstance(m, Pick | PWindow) and m.station == code:
                found.append(m)
            elif isinstance(m, Motions) and code in m.stations:
                k = m.stations.index(code)
                found.append((m.t_ns[k], m.pga_mps2[k], m.pgv_mps[k], m.intensity_jma[k], m.flags[k]))
        return found

    among = of(run(table, [[0, 2], [1, 3]]))
    alone = of(run(dataclasses.replace(table, channel_index={}, station_index={}), [[station]]))
    assert among
    assert [msgspec.to_builtins(m) for m in among] == [msgspec.to_builtins(m) for m in alone]
