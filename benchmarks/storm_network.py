"""The network of the storm benchmark: accelerometers, their noise by day and night, their telecom groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from networks import station_table

from seiswarn.geo import offset_deg
from seiswarn.ingest import point_source as ps
from seiswarn.stations import StationTable

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

LAT0, LON0 = 24.0, 107.0
SPACING_KM = 20.0
FULL_SCALE = 2.0**23 - 1  # counts of a digitiser with 24 bits
GAIN = FULL_SCALE / (2.0 * 9.80665)  # counts per m/s^2 of an accelerometer of 2 g
SLOW_SHARE = 0.15  # of the stations sends 50 samples a second
NOISY_SHARE = 0.08  # of the stations stands beside a road
SITE_DB = 5.0  # one-sigma spread of site noise, as in ingest/synthetic.py
QUIET_DB = -5.0  # of a middling site at night, against Peterson's high-noise model
DAY_DB = (2.0, 10.0)  # by how much noise grows by day; 5 to 10 dB near towns (McNamara and Buland 2004)
TILES = (20480, 16384)  # samples; noise is the sum of two periodic tiles, which repeats after 23 h at 100 Hz


@dataclass(frozen=True, slots=True)
class Network:
    """Stations, all arrays (n_st,): km from the middle, sampling rate, packet phase, noise, telecom group."""

    table: StationTable
    north_km: F64
    east_km: F64
    rate_hz: F64
    phase_s: F64  # a station's packets end this long after those of the first
    night_db: F64  # of ground noise, above Peterson's high-noise model
    day_db: F64  # what the day adds
    group: I64
    roadside: I64  # the stations beside a road

    @property
    def n(self) -> int:
        return self.table.n_stations

    def members(self, group: int) -> I64:
        """The stations of a telecom group."""
        return np.flatnonzero(self.group == group)


def network(n_stations: int, seed: int, phases: int = 2) -> Network:
    """`n_stations` on a grid of 20 km, each up to a quarter of that off its node."""
    rng = np.random.default_rng((seed, 1))
    side = int(np.ceil(np.sqrt(n_stations)))
    row, column = np.divmod(np.arange(n_stations), side)
    off = rng.uniform(-0.25, 0.25, (2, n_stations))
    north, east = (
        (row - 0.5 * (side - 1) + off[0]) * SPACING_KM,
        (column - 0.5 * (side - 1) + off[1]) * SPACING_KM,
    )
    rate = np.where(rng.random(n_stations) < SLOW_SHARE, 50.0, 100.0)
    lat, lon = np.array([offset_deg(LAT0, LON0, a, b) for a, b in zip(north, east, strict=True)]).T
    base = station_table(n_stations)
    fields = {f: getattr(base, f) for f in base.__slots__ if not f.endswith("_index")}
    fields |= {
        "ch_gain": np.full(3 * n_stations, GAIN),
        "ch_rate_hz": np.repeat(rate, 3),
        "st_latitude": lat,
        "st_longitude": lon,
    }
    return Network(
        table=StationTable(**fields),
        north_km=north,
        east_km=east,
        rate_hz=rate,
        phase_s=rng.integers(0, phases, n_stations) / phases,
        night_db=QUIET_DB + SITE_DB * rng.standard_normal(n_stations),
        day_db=rng.uniform(*DAY_DB, n_stations),
        group=_groups(rng, n_stations, side),
        roadside=rng.choice(n_stations, max(1, round(NOISY_SHARE * n_stations)), replace=False),
    )


def _groups(rng: np.random.Generator, n: int, side: int) -> I64:
    """Telecom groups of 5 to 20 neighbours: blocks of a few rows, cut along them."""
    rows = np.arange(n) // side // 3
    order = np.lexsort((np.arange(n), np.arange(n) % side, rows))
    group, k, number = np.zeros(n, dtype=np.int64), 0, 0
    while k < n:
        size = min(int(rng.integers(5, 21)), n)
        if n - k - size < 5:
            size = n - k
        group[order[k : k + size]] = number
        k, number = k + size, number + 1
    return group


def tiles(net: Network, stations: I64, seed: int) -> tuple[F32, ...]:
    """Two (3 n, samples) periodic tiles of noise in counts, of half the power of the night each."""
    out = []
    for k, n in enumerate(TILES):
        tile = np.empty((3 * len(stations), n), dtype=np.float32)
        for row, station in enumerate(stations.tolist()):
            rng = np.random.default_rng((seed, 2, station, k))
            rate = float(net.rate_hz[station])
            freq = np.fft.rfftfreq(n, 1.0 / rate).astype(np.float64)
            amplitude = ps.noise_amplitude(freq, float(net.night_db[station])) * np.sqrt(0.25 * rate)
            amplitude[0] = 0.0
            amplitude[freq > 0.45 * rate] = 0.0  # the anti-alias filter
            white = np.fft.rfft(rng.standard_normal((3, n)), axis=1)
            tile[3 * row : 3 * row + 3] = np.fft.irfft(white * amplitude, n, axis=1) * GAIN
        out.append(tile)
    return tuple(out)


def day_level(net: Network, stations: I64, hour: float) -> F32:
    """(n,) noise against the night's at an hour of the day: cultural noise from 6 to 20, highest at 13."""
    share = max(0.0, np.sin(np.pi * (hour % 24.0 - 6.0) / 14.0)) if 6.0 <= hour % 24.0 <= 20.0 else 0.0
    level: F32 = (10.0 ** (net.day_db[stations] * share / 20.0)).astype(np.float32)
    return level
