"""Networks and samples that several benchmarks share: three components per station, 100 samples a second."""

from __future__ import annotations

import numpy as np

from seiswarn.blocks import make_block
from seiswarn.messages import Slice
from seiswarn.stations import StationTable
from seiswarn.timebase import NS

RATE_HZ = 100.0
GAIN = 1e6  # counts per m/s^2 (or m/s)
T0_NS = 1_700_000_000 * NS
NOISE_MPS2 = 1e-4
SHAKING_MPS2 = 0.5


def station_table(n_stations: int, unit: int = 0) -> StationTable:
    """`n_stations` of three components each; `unit` 0 accelerometers, 1 seismometers."""
    n = 3 * n_stations
    side = int(np.ceil(np.sqrt(n_stations)))
    row, column = np.divmod(np.arange(n_stations), side)
    return StationTable(
        channels=tuple(f"FDSN:XX_S{k:05d}__H_N_{c}" for k in range(n_stations) for c in "ENZ"),
        ch_station=np.repeat(np.arange(n_stations, dtype=np.int32), 3),
        ch_component=np.tile(np.array([2, 1, 0], dtype=np.int32), n_stations),
        ch_unit=np.full(n, unit, dtype=np.int32),
        ch_gain=np.full(n, GAIN),
        ch_rate_hz=np.full(n, RATE_HZ),
        ch_azimuth_deg=np.tile(np.array([90.0, 0.0, 0.0]), n_stations),
        ch_dip_deg=np.tile(np.array([0.0, 0.0, -90.0]), n_stations),
        ch_clip_counts=np.full(n, np.inf),
        stations=tuple(f"XX.S{k:05d}..HN" for k in range(n_stations)),
        st_latitude=23.0 + 0.1 * row,
        st_longitude=100.0 + 0.1 * column,
        st_elevation_m=np.zeros(n_stations),
        st_vs30_mps=np.full(n_stations, np.nan),
        st_site=np.arange(n_stations, dtype=np.int32),
    )


def ground(n_stations: int, seconds: int, shaking: int, onset_s: float, seed: int = 1) -> np.ndarray:
    """(3 n_stations, samples) counts, int32: noise; from `onset_s` on `shaking` stations shake for a minute.

    Each onset is a burst of P (weaker on the horizontals) and three seconds later one of S.
    """
    rng = np.random.default_rng(seed)
    n = int(seconds * RATE_HZ)
    x = NOISE_MPS2 * rng.standard_normal((3 * n_stations, n))
    first = int(onset_s * RATE_HZ)
    if shaking and first < n:
        t = np.arange(n - first) / RATE_HZ
        p = 0.2 * np.exp(-t / 8.0)
        s = np.where(t > 3.0, np.exp(-(t - 3.0) / 20.0), 0.0)
        for k in range(shaking):
            burst = SHAKING_MPS2 * rng.standard_normal((3, len(t)))
            x[3 * k : 3 * k + 3, first:] += burst * (p * np.array([[0.3], [0.3], [1.0]]) + s)
    return np.rint(x * GAIN).astype(np.int32)


def slices(table: StationTable, counts: np.ndarray, packet: int) -> list[Slice]:
    """`counts` (n_ch, n) as slices of one block each, every channel with `packet` samples in each."""
    n_ch, out = len(table.channels), []
    for k in range(0, counts.shape[1] - packet + 1, packet):
        t0 = T0_NS + int(k * NS / RATE_HZ)
        seen = T0_NS + int((k + packet) * NS / RATE_HZ)
        block = make_block(
            table.channels,
            np.full(n_ch, t0, dtype=np.int64),
            np.full(n_ch, seen, dtype=np.int64),
            np.full(n_ch, RATE_HZ),
            np.full(n_ch, packet, dtype=np.int32),
            np.ascontiguousarray(counts[:, k : k + packet]).tobytes(),
            status="test",
        )
        out.append(Slice(t_seen_ns=seen, blocks=(block,), status="test"))
    return out
