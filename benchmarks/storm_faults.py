"""What goes wrong in the storm: spikes, steps, pulses, telemetry, clocks, gains, dead and saturated channels.

Each kind is a function that makes what happens of a time and a random generator, and says when and where.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from storm_network import FULL_SCALE, GAIN, Network
from storm_waves import F32, Effect

LIGHTNING_KM = 50.0
Rng = np.random.Generator


class Level(NamedTuple):
    """From `t_s` on a station's three components are off by `counts` more."""

    station: int
    t_s: float
    counts: tuple[float, float, float]


class Span(NamedTuple):
    """From `from_s` to `to_s` a station sends nothing (`away`), the past (`repeat`, s), or with a wrong gain
    (`gain`, a factor) or clock (`clock`, s fast)."""

    what: str
    station: int
    from_s: float
    to_s: float
    value: float = 0.0


@dataclass
class Fault:
    """One disturbance: its kind, when, at which stations, and what it does there."""

    kind: str
    from_s: float
    to_s: float
    stations: tuple[int, ...]
    effects: list[Effect] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)


def _size(rng: Rng, low_mps2: float, high_mps2: float) -> float:
    """Counts, either way, evenly over the logarithm of the acceleration they mean."""
    return float(
        GAIN * np.exp(rng.uniform(math.log(low_mps2), math.log(high_mps2))) * rng.choice((-1.0, 1.0))
    )


def _some(rng: Rng) -> F32:
    """(3, 1) which components are hit: all, or one."""
    hit = np.ones(3) if rng.random() < 0.5 else np.eye(3)[rng.integers(3)]
    return hit[:, None].astype(np.float32)


def _pulse(net: Network, station: int, t_s: float, shape: Callable[[F32], F32], seconds: float) -> Effect:
    """A function of the time (s) since its begin at all components of a station, in counts."""
    t = (np.arange(int(seconds * net.rate_hz[station])) / net.rate_hz[station]).astype(np.float32)
    return Effect(station, t_s, np.tile(shape(t).astype(np.float32), (3, 1)), counts=True)


def spike(net: Network, t_s: float, rng: Rng) -> Fault:
    """One to three samples, from 3 mm/s^2 to full scale."""
    station, n = int(rng.integers(net.n)), int(rng.integers(1, 4))
    values = _some(rng) * np.full(n, _size(rng, 3e-3, 19.6), dtype=np.float32)
    return Fault("spike", t_s, t_s + 0.05, (station,), [Effect(station, t_s, values, counts=True)])


def lightning(net: Network, t_s: float, rng: Rng) -> Fault:
    """A spike at most stations within 50 km, within milliseconds, the weaker the farther."""
    middle = int(rng.integers(net.n))
    away = np.hypot(net.north_km - net.north_km[middle], net.east_km - net.east_km[middle])
    near = [k for k in np.flatnonzero(away < LIGHTNING_KM).tolist() if rng.random() < 0.8]
    size, out = _size(rng, 1e-2, 19.6), []
    for k in near:
        n = int(rng.integers(1, 4))
        values = np.ones((3, 1)) * np.linspace(1.0, 0.3, n) * size / (1.0 + away[k] / 10.0)
        out.append(Effect(k, t_s + float(rng.uniform(0.0, 0.005)), values.astype(np.float32), counts=True))
    return Fault("lightning", t_s, t_s + 0.05, tuple(near), out)


def step(net: Network, t_s: float, rng: Rng) -> Fault:
    """A jump to a new level that stays, 1 mm/s^2 to 5 m/s^2."""
    station = int(rng.integers(net.n))
    x, y, z = (_some(rng)[:, 0] * _size(rng, 1e-3, 5.0)).tolist()
    return Fault("step", t_s, t_s + 60.0, (station,), levels=[Level(station, t_s, (x, y, z))])


def _calibration(net: Network, t_s: float, stations: list[int], rng: Rng, kind: str) -> Fault:
    """The same pulse at each of `stations`: a step, half a sine or a sweep, up to full scale."""
    size, seconds = abs(_size(rng, 0.5, 19.6)), float(rng.uniform(1.0, 20.0))
    form = rng.choice(("step", "half sine", "sweep"))
    top = float(rng.uniform(2.0, 20.0))

    def shape(t: F32) -> F32:
        if form == "step":
            return np.full(len(t), size, dtype=np.float32)
        if form == "half sine":
            return (size * np.sin(math.pi * t / seconds)).astype(np.float32)
        phase = 2.0 * math.pi * (0.5 * t + 0.5 * (top - 0.5) * t * t / seconds)
        return (size * np.sin(phase)).astype(np.float32)

    effects = [_pulse(net, k, t_s, shape, seconds) for k in stations]
    return Fault(kind, t_s, t_s + seconds + 30.0, tuple(stations), effects)


def calibration(net: Network, t_s: float, rng: Rng) -> Fault:
    """A calibration of one station."""
    return _calibration(net, t_s, [int(rng.integers(net.n))], rng, "calibration")


def calibration_round(net: Network, t_s: float, rng: Rng) -> Fault:
    """A calibration of all stations of a group, at the top of the hour near `t_s`, or where that is past."""
    hour_s = round(t_s / 3600.0) * 3600.0
    group = net.members(int(rng.integers(net.group.max() + 1))).tolist()
    return _calibration(net, hour_s if hour_s >= 120.0 else t_s, group, rng, "calibration round")


def burst(net: Network, t_s: float, rng: Rng) -> Fault:
    """A group's telemetry fails: a gap, then the same step, garbage or old buffer at all, and a gap again."""
    group = net.members(int(rng.integers(net.group.max() + 1))).tolist()
    t_s += max(0.0, 7.0 - t_s % 60.0)  # an old buffer is taken from the same minute of samples
    seconds, before, after = (float(rng.uniform(*ab)) for ab in ((1.0, 5.0), (1.0, 5.0), (1.0, 5.0)))
    fault = Fault("telemetry burst", t_s - before, t_s + seconds + after + 30.0, tuple(group))
    form, size, seed = (
        rng.choice(("step", "garbage", "repeat")),
        _size(rng, 1e-2, 19.6),
        int(rng.integers(2**31)),
    )
    for k in group:
        n = int(seconds * net.rate_hz[k])
        if form == "step":
            values = np.full((3, n), size, dtype=np.float32)
            fault.effects.append(Effect(k, t_s, values, counts=True))
        elif form == "garbage":
            values = (np.random.default_rng(seed).standard_normal((3, n)) * abs(size)).astype(np.float32)
            fault.effects.append(Effect(k, t_s, values, counts=True, instead=True))
        else:
            fault.spans.append(Span("repeat", k, t_s, t_s + seconds, seconds))
        if rng.random() < 0.8:
            fault.spans.append(Span("away", k, t_s - before, t_s))
        if rng.random() < 0.8:
            fault.spans.append(Span("away", k, t_s + seconds, t_s + seconds + after))
    return fault


def dead(net: Network, t_s: float, rng: Rng) -> Fault:
    """A channel that stays at one value for minutes and comes back with a transient of its filters."""
    station, seconds = int(rng.integers(net.n)), float(rng.uniform(120.0, 900.0))
    flat = np.full(
        (3, int(seconds * net.rate_hz[station])), round(float(rng.normal(0.0, 1e4))), dtype=np.float32
    )
    size, tau = _size(rng, 1e-3, 1.0), float(rng.uniform(0.5, 10.0))
    back = _pulse(net, station, t_s + seconds, lambda t: size * np.exp(-t / tau), 8.0 * tau)
    effects = [Effect(station, t_s, flat, counts=True, instead=True), back]
    return Fault("dead channel", t_s, t_s + seconds + 60.0, (station,), effects)


def gain(net: Network, t_s: float, rng: Rng) -> Fault:
    """A gain wrong by a factor of 0.1 to 100 for an hour."""
    station, factor = int(rng.integers(net.n)), float(10.0 ** rng.uniform(-1.0, 2.0))
    span = Span("gain", station, t_s, t_s + 3600.0, factor)
    return Fault("gain jump", t_s, t_s + 3660.0, (station,), spans=[span])


def clock(net: Network, t_s: float, rng: Rng) -> Fault:
    """A clock that jumps by 1 to 5 s, and back after 10 to 60 minutes."""
    station, seconds = int(rng.integers(net.n)), float(rng.uniform(600.0, 3600.0))
    off = float(rng.uniform(1.0, 5.0) * rng.choice((-1.0, 1.0)))
    return Fault("clock jump", t_s, t_s + seconds + 30.0, (station,),
                 spans=[Span("clock", station, t_s, t_s + seconds, off)])  # fmt: skip


def blackout(net: Network, t_s: float, rng: Rng) -> Fault:
    """All stations away for 5 to 60 s."""
    seconds, everyone = float(rng.uniform(5.0, 60.0)), tuple(range(net.n))
    spans = [Span("away", k, t_s, t_s + seconds) for k in everyone]
    return Fault("blackout", t_s, t_s + seconds + 10.0, everyone, spans=spans)


def saturated(net: Network, t_s: float, rng: Rng) -> Fault:
    """A station at full scale, steadily or swinging between the ends, for 5 to 60 s."""
    station, seconds = int(rng.integers(net.n)), float(rng.uniform(5.0, 60.0))
    n = int(seconds * net.rate_hz[station])
    swing = np.sign(rng.standard_normal((3, n))) if rng.random() < 0.5 else np.ones((3, n))
    effect = Effect(station, t_s, (FULL_SCALE * swing).astype(np.float32), counts=True, instead=True)
    return Fault("saturated", t_s, t_s + seconds + 60.0, (station,), [effect])


# How often in 24 h over 200 stations.
FAULTS: dict[str, tuple[Callable[[Network, float, Rng], Fault], float]] = {
    "spikes": (spike, 2000.0),
    "lightning": (lightning, 80.0),
    "steps": (step, 400.0),
    "calibrations": (calibration, 40.0),
    "calibration_rounds": (calibration_round, 8.0),
    "bursts": (burst, 60.0),
    "dead": (dead, 30.0),
    "gains": (gain, 12.0),
    "clocks": (clock, 24.0),
    "blackouts": (blackout, 3.0),
    "saturated": (saturated, 12.0),
}
