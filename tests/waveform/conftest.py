"""A small network made by hand, and ways to feed it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from seiswarn.blocks import blocks_of
from seiswarn.messages import Message, Packet, Slice
from seiswarn.stations import StationTable
from seiswarn.timebase import NS, sample_offset_ns
from seiswarn.waveform.params import Params
from seiswarn.waveform.stage import WaveformStage

T0 = 1_700_000_000 * NS


def make_table(n_stations: int = 1, gain: float = 1e6, unit: int = 0, rate_hz: float = 100.0) -> StationTable:
    stations = [f"XX.S{k:03d}..HN" for k in range(n_stations)]
    channels = [f"FDSN:XX_S{k:03d}__H_N_{c}" for k in range(n_stations) for c in "ENZ"]
    n = len(channels)
    return StationTable(
        channels=tuple(channels),
        ch_station=np.repeat(np.arange(n_stations, dtype=np.int32), 3),
        ch_component=np.tile(np.array([2, 1, 0], dtype=np.int32), n_stations),
        ch_unit=np.full(n, unit, dtype=np.int32),
        ch_gain=np.full(n, gain),
        ch_rate_hz=np.full(n, rate_hz),
        ch_azimuth_deg=np.zeros(n),
        ch_dip_deg=np.zeros(n),
        ch_clip_counts=np.full(n, np.inf),
        stations=tuple(stations),
        st_latitude=np.linspace(23.0, 24.0, n_stations),
        st_longitude=np.linspace(106.0, 107.0, n_stations),
        st_elevation_m=np.zeros(n_stations),
        st_vs30_mps=np.full(n_stations, np.nan),
        st_site=np.arange(n_stations, dtype=np.int32),
    )


def packets(
    channel: str, samples: np.ndarray, cuts: Sequence[int], t0_ns: int = T0, rate_hz: float = 100.0
) -> list[Packet]:
    """`samples` of one channel, cut at the given indices, seen at their last sample."""
    edges = [0, *sorted(c for c in set(cuts) if 0 < c < len(samples)), len(samples)]
    out = []
    for a, b in itertools.pairwise(edges):
        start = t0_ns + sample_offset_ns(a, rate_hz)
        data = np.asarray(samples[a:b])
        kind = "i4" if data.dtype.kind == "i" else "f8"
        out.append(
            Packet(
                channel=channel,
                t0_ns=start,
                rate_hz=rate_hz,
                samples=data.astype("<" + kind).tobytes(),
                dtype=kind,
                t_seen_ns=start + sample_offset_ns(b - a, rate_hz),
                status="test",
            )
        )
    return out


def feed(stage: WaveformStage, stream: Sequence[Packet]) -> list[Message]:
    """Every packet in a slice of its own, in the order seen."""
    out: list[Message] = []
    for p in sorted(stream, key=lambda p: p.t_seen_ns):
        out.extend(
            stage.handle(p.t_seen_ns, [Slice(t_seen_ns=p.t_seen_ns, blocks=blocks_of([p]), status="test")])
        )
    return out


def wavelet(
    seed: int, n: int = 3000, onset: int = 1500, amplitude: float = 0.05, rate_hz: float = 100.0
) -> np.ndarray:
    """Noise, then a decaying burst from `onset` on, in m/s^2."""
    rng = np.random.default_rng(seed)
    x = 1e-4 * rng.standard_normal(n)
    t = np.arange(n - onset) / rate_hz
    x[onset:] += (
        amplitude
        * np.exp(-t / 4.0)
        * np.sin(2 * np.pi * 5.0 * t)
        * (1 + 0.3 * rng.standard_normal(n - onset))
    )
    return x


@pytest.fixture
def stage() -> WaveformStage:
    return WaveformStage(Params(), make_table())
