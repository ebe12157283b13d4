"""What shakes the ground in the storm: a swarm, blasts, strong, regional and distant earthquakes, roads.

Local and regional earthquakes are the stochastic point source of ingest/point_source.py with first
arrivals of ak135 (the locator has iasp91). Its validity begins at Mw 3; below, it is used as it stands:
moment and corner frequency go on by Brune's scaling at one stress drop, which for M 1 to 3 puts the corner at
10 to 60 Hz, beyond what kappa lets through. Small earthquakes often have lower stress drops: these are rather
too sharp than too dull, so the harder test.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from storm_network import LAT0, LON0, Network

from seiswarn.geo import distances_km, offset_deg
from seiswarn.ingest import point_source as ps
from seiswarn.source.traveltime import TravelTimes

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

STRESS_MPA = 10.0
WEAK_MPS2 = 2e-6  # ground motion below this is left out; noise is above 1e-5
BLAST_S = 0.25  # S of a blast against that of an earthquake of its moment
TELESEISM_MPS2 = (1e-3, 1e-2)  # peak, from that of an M 7 to that of a deep M 8 at 40 degrees


class Quake(NamedTuple):
    """Something with a source: `kind` swarm, strong, blast or regional; `t_s` after the start."""

    kind: str
    t_s: float
    latitude: float
    longitude: float
    depth_km: float
    mw: float


class Effect(NamedTuple):
    """(3, n) E, N, Z at a station from `first_s` on, in m/s^2, or in counts behind the sensor."""

    station: int
    first_s: float
    values: F32
    counts: bool = False
    instead: bool = False  # of what else there is


def arrivals(net: Network, earth: TravelTimes, q: Quake) -> tuple[F64, F64, F64]:
    """Epicentral distances (km) and arrival times of P and S (s after the start) at all stations."""
    d = distances_km(q.latitude, q.longitude, net.table.st_latitude, net.table.st_longitude)
    p, s = earth.times(d, q.depth_km)
    return d, q.t_s + p, q.t_s + s


def shaking(net: Network, earth: TravelTimes, q: Quake, rng: np.random.Generator) -> list[Effect]:
    """The motion of one earthquake at every station where it can be told from nothing."""
    d, p_s, s_s = arrivals(net, earth, q)
    out = []
    for station in np.argsort(d, kind="stable").tolist():
        r = math.hypot(float(d[station]), q.depth_km)
        rate = float(net.rate_hz[station])
        lag = float(s_s[station] - p_s[station])
        values = _train(rng, r, q, lag, rate)
        if float(np.abs(values).max()) < WEAK_MPS2:
            if r > 50.0:
                break
            continue
        out.append(Effect(station, float(p_s[station]), values))
    return out


def _train(rng: np.random.Generator, r_km: float, q: Quake, lag_s: float, rate: float) -> F32:
    """(3, n) acceleration from the P arrival on."""
    waves = ((ps.P_WAVE, 0.0, 1.0), (ps.S_WAVE, lag_s, BLAST_S if q.kind == "blast" else 1.0))
    lengths = [ps.duration_s(r_km, q.mw, STRESS_MPA, wave) for wave, _, _ in waves]
    n = 1 << math.ceil(math.log2((lag_s + ps.window_end_s(lengths[1])) * rate))
    freq = np.fft.rfftfreq(n, 1.0 / rate).astype(np.float64)
    spectrum = np.zeros((3, len(freq)), dtype=np.complex128)
    for (wave, onset_s, share), length in zip(waves, lengths, strict=True):
        count = min(n, math.ceil(ps.window_end_s(length) * rate))
        shape = ps.window(count, rate, length)
        white = np.fft.rfft(rng.standard_normal((3, count)) * shape, n, axis=1)
        scale = 1.0 / np.sqrt(np.mean(np.abs(white) ** 2, axis=1))
        parts = np.array([wave.horizontal, wave.horizontal, wave.vertical])
        response = ps.acceleration_response(freq, r_km, q.mw, STRESS_MPA, wave)
        response = response * np.exp(-2j * math.pi * freq * onset_s) * share * rate
        spectrum += white * response * (scale * parts)[:, None]
    spectrum[:, freq > 0.45 * rate] = 0.0
    values: F32 = np.fft.irfft(spectrum, n, axis=1).astype(np.float32)
    return values


def teleseism(net: Network, t_s: float, rng: np.random.Generator) -> tuple[list[Effect], F64]:
    """A plane wave of 8 to 14 km/s: P with a later pP, of periods from a second on; and its arrival times.

    The spectrum of acceleration is that of a large source, flat above its corner, under the attenuation of a
    deep path (t* 0.4 s); every station gets the same wavelet and a tenth of its own.
    """
    azimuth, speed = rng.uniform(0.0, 2.0 * math.pi), rng.uniform(8.0, 14.0)
    delay = (net.north_km * math.cos(azimuth) + net.east_km * math.sin(azimuth)) / speed
    seconds, later = 240.0, float(rng.uniform(20.0, 60.0))
    length, out = int(rng.uniform(10.0, 40.0) * 100.0), []
    common = _distant(rng, length, later, seconds)
    scale = np.exp(rng.uniform(*np.log(TELESEISM_MPS2))) / float(np.abs(common).max())
    for station in range(net.n):
        own = _distant(rng, length, later, seconds)
        values = scale * (common + 0.1 * own) * 10.0 ** (0.15 * rng.standard_normal())
        step = round(100.0 / float(net.rate_hz[station]))
        out.append(Effect(station, t_s + float(delay[station]), values[:, ::step].astype(np.float32)))
    return out, t_s + delay


def _distant(rng: np.random.Generator, length: int, later_s: float, seconds: float) -> F64:
    n = int(seconds * 100.0)
    t = np.arange(n) / 100.0
    shape = ps.window(n, 100.0, length / 100.0 / 2.0)
    echo = np.where(t > later_s, np.roll(shape, int(later_s * 100.0)), 0.0)
    white = np.fft.rfft(rng.standard_normal(n) * (shape + 0.5 * echo))
    freq = np.fft.rfftfreq(n, 0.01)
    corner, t_star = 0.05, 0.4
    # Minimum phase in the attenuation matters little behind a white onset; the double pole is causal.
    pole = (1j * freq / corner / (1.0 + 1j * freq / corner)) ** 2 * np.exp(-math.pi * freq * t_star)
    wave = np.fft.irfft(white * pole, n)
    horizontal = 0.3 * np.roll(wave, 1)
    return np.stack([horizontal, 0.3 * wave, wave])


def traffic(net: Network, station: int, t_s: float, rng: np.random.Generator) -> Effect:
    """A vehicle that passes: 5 to 20 s of 5 to 15 Hz, 0.3 to 10 mm/s^2."""
    rate, seconds = float(net.rate_hz[station]), float(rng.uniform(5.0, 20.0))
    n = int(seconds * rate)
    freq = np.fft.rfftfreq(n, 1.0 / rate)
    white = np.fft.rfft(rng.standard_normal((3, n)), axis=1)
    white[:, (freq < 5.0) | (freq > 15.0)] = 0.0
    values = np.fft.irfft(white, n, axis=1) * np.sin(np.pi * np.arange(n) / n) ** 2
    peak = 10.0 ** rng.uniform(-3.5, -2.0)
    return Effect(station, t_s, (values * peak / np.abs(values).max()).astype(np.float32))


def footstep(net: Network, station: int, t_s: float, rng: np.random.Generator) -> Effect:
    """A step beside the sensor: a sharp pulse of 15 to 30 Hz that rings for 0.2 s, 1 to 100 mm/s^2."""
    rate = float(net.rate_hz[station])
    n = int(1.5 * rate)
    t = np.arange(n) / rate
    hz = rng.uniform(15.0, min(30.0, 0.4 * rate))
    pulse = np.exp(-t / 0.07) * np.sin(2.0 * math.pi * hz * t)
    peak = 10.0 ** rng.uniform(-3.0, -1.0)
    return Effect(station, t_s, (peak * rng.uniform(0.3, 1.0, (3, 1)) * pulse).astype(np.float32))


def swarm(net: Network, n: int, seconds: float, rng: np.random.Generator) -> list[Quake]:
    """`n` earthquakes M 1 to 3 (b = 1) within a few km in clusters; one in five doubled within 2 to 10 s."""
    half = 0.35 * float(np.ptp(net.north_km))
    centre = rng.uniform(-half, half, 2)
    bursts = np.sort(rng.uniform(0.0, seconds, max(1, n // 15)))
    out: list[Quake] = []
    while len(out) < n:
        t = float(rng.choice(bursts) + rng.exponential(600.0)) % seconds
        mw = 1.0 - math.log10(1.0 - rng.random() * 0.99)
        lat, lon = offset_deg(LAT0, LON0, *(centre + 3.0 * rng.standard_normal(2)).tolist())
        depth = float(rng.uniform(4.0, 12.0))
        out.append(Quake("swarm", t, lat, lon, depth, float(mw)))
        if rng.random() < 0.2:
            again = min(3.0, max(1.0, mw + float(rng.normal(0.0, 0.3))))
            out.append(Quake("swarm", t + float(rng.uniform(2.0, 10.0)), lat, lon, depth, again))
    return out[:n]


def strong(net: Network, t_s: float, rng: np.random.Generator) -> Quake:
    """An M 5 inside that must be warned of."""
    half = 0.35 * float(np.ptp(net.north_km))
    lat, lon = offset_deg(LAT0, LON0, *rng.uniform(-half, half, 2).tolist())
    return Quake("strong", t_s, lat, lon, float(rng.uniform(6.0, 15.0)), 5.0)


def regional(net: Network, t_s: float, rng: np.random.Generator) -> Quake:
    """An M 5 400 to 600 km from the middle of the network."""
    turn, away = rng.uniform(0.0, 2.0 * math.pi), rng.uniform(400.0, 600.0)
    lat, lon = offset_deg(LAT0, LON0, away * math.cos(turn), away * math.sin(turn))
    return Quake("regional", t_s, lat, lon, float(rng.uniform(8.0, 20.0)), 5.0)


def blast(net: Network, t_s: float, seed: int, rng: np.random.Generator) -> Quake:
    """M 1.5 to 2.5 at the surface, at one of three quarries."""
    quarry = np.random.default_rng((seed, 3, int(rng.integers(3))))
    half = 0.4 * float(np.ptp(net.north_km))
    lat, lon = offset_deg(LAT0, LON0, *quarry.uniform(-half, half, 2).tolist())
    return Quake("blast", t_s, lat, lon, 0.2, float(rng.uniform(1.5, 2.5)))
