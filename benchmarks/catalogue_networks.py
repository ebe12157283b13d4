"""The three networks of the synthetic catalogue, and where around them earthquakes happen.

* ``dense``: 81 stations about 12 km apart on a square;
* ``regional``: 64 stations about 35 km apart on a square;
* ``coastal``: 36 stations, irregular, 25 to 50 km apart in three rows along a coast that runs north; the sea
  is to the east, where no station is.

Everything is fictional; the places are km north and east of (`LAT0`, `LON0`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seiswarn.geo import offset_deg
from seiswarn.stations import StationTable

F64 = npt.NDArray[np.float64]
LAT0, LON0 = 24.0, 107.0
RATE_HZ = 100.0
GAIN = 1e6  # counts per m/s^2
PLACES = ("inside", "edge", "offshore")
NETWORKS = ("dense", "regional", "coastal")
SITE_TERM_S = 0.15  # one-sigma station delay of P, the same in every earthquake
S_TERM_RATIO = 1.7  # S delays of soft ground against those of P, about Vp/Vs
SITE_AMPLIFICATION = 0.15  # one-sigma, log10; between stations BSSA14 has 0.17 (phi_S2S)


@dataclass(frozen=True, slots=True)
class Network:
    """Stations with what no locator knows of them: delays in s, amplification as a factor, all (n_st,)."""

    name: str
    table: StationTable
    north_km: F64
    east_km: F64
    delay_p_s: F64
    delay_s_s: F64
    amplification: F64


def network(name: str) -> Network:
    """One of `NETWORKS`, always the same."""
    rng = np.random.default_rng((2024, NETWORKS.index(name)))
    north, east = {"dense": _dense, "regional": _regional, "coastal": _coastal}[name](rng)
    n = len(north)
    delay = SITE_TERM_S * rng.standard_normal(n)
    return Network(
        name=name,
        table=table(north, east),
        north_km=north,
        east_km=east,
        delay_p_s=delay,
        delay_s_s=S_TERM_RATIO * delay,
        amplification=10.0 ** (SITE_AMPLIFICATION * rng.standard_normal(n)),
    )


def _square(rng: np.random.Generator, side: int, spacing_km: float) -> tuple[F64, F64]:
    """`side` x `side` stations, each up to 0.3 of the spacing off its node."""
    row, column = np.divmod(np.arange(side * side), side)
    off = rng.uniform(-0.3, 0.3, (2, side * side))
    half = 0.5 * (side - 1)
    return (row - half + off[0]) * spacing_km, (column - half + off[1]) * spacing_km


def _dense(rng: np.random.Generator) -> tuple[F64, F64]:
    return _square(rng, 9, 12.0)


def _regional(rng: np.random.Generator) -> tuple[F64, F64]:
    return _square(rng, 8, 35.0)


def _coastal(rng: np.random.Generator) -> tuple[F64, F64]:
    """Three rows of twelve, 3, 40 and 80 km inland, over 420 km of coast."""
    along = (np.arange(12) - 5.5) * 36.0
    north = np.concatenate([along + rng.uniform(-11.0, 11.0, 12) for _ in range(3)])
    east = np.concatenate(
        [-d + rng.uniform(-s, 0.0, 12) for d, s in ((3.0, 8.0), (40.0, 20.0), (80.0, 30.0))]
    )
    return north, east


def table(north_km: F64, east_km: F64) -> StationTable:
    """Accelerometers with three components at places in km around (`LAT0`, `LON0`)."""
    n = len(north_km)
    places = np.array(
        [offset_deg(LAT0, LON0, float(a), float(b)) for a, b in zip(north_km, east_km, strict=True)]
    )
    return StationTable(
        channels=tuple(f"FDSN:XX_S{k:03d}__H_N_{c}" for k in range(n) for c in "ENZ"),
        ch_station=np.repeat(np.arange(n, dtype=np.int32), 3),
        ch_component=np.tile(np.array([2, 1, 0], dtype=np.int32), n),
        ch_unit=np.zeros(3 * n, dtype=np.int32),
        ch_gain=np.full(3 * n, GAIN),
        ch_rate_hz=np.full(3 * n, RATE_HZ),
        ch_azimuth_deg=np.tile(np.array([90.0, 0.0, 0.0]), n),
        ch_dip_deg=np.tile(np.array([0.0, 0.0, -90.0]), n),
        ch_clip_counts=np.full(3 * n, np.inf),
        stations=tuple(f"XX.S{k:03d}..HN" for k in range(n)),
        st_latitude=places[:, 0],
        st_longitude=places[:, 1],
        st_elevation_m=np.zeros(n),
        st_vs30_mps=np.full(n, np.nan),
        st_site=np.arange(n, dtype=np.int32),
    )


def epicentre(name: str, place: str, rng: np.random.Generator) -> tuple[float, float]:
    """A random (north, east) in km: inside, at the edge of, or outside (offshore) a network.

    Inside is the inner 80 % of the stations' rectangle; the edge is the band from 8 % within it to 8 %
    outside. Offshore is 20 to 80 km (dense), 30 to 100 km (regional) and 20 to 120 km (coastal) off the
    eastern side, which for the coastal network is the sea.
    """
    if name == "coastal":
        north = rng.uniform(-170.0, 170.0)
        low, high = {"inside": (-75.0, -12.0), "edge": (-8.0, 12.0), "offshore": (20.0, 120.0)}[place]
        return float(north), float(rng.uniform(low, high))
    half, low, high = {"dense": (50.0, 20.0, 80.0), "regional": (125.0, 30.0, 100.0)}[name]
    if place == "inside":
        north, east = rng.uniform(-0.8 * half, 0.8 * half, 2)
    elif place == "edge":
        turn, along = rng.integers(4) * 0.5 * math.pi, rng.uniform(-0.9, 0.9) * half
        out = half * rng.uniform(0.92, 1.08)
        north = along * math.cos(turn) - out * math.sin(turn)
        east = along * math.sin(turn) + out * math.cos(turn)
    else:
        north, east = rng.uniform(-0.8 * half, 0.8 * half), half + rng.uniform(low, high)
    return float(north), float(east)
