"""The false alarm of 4 December 2025 (ShakeAlert, M 5.9 near Carson City), rebuilt with invented stations.

Five stations made it: three behind one failing link, one with a broken seismometer, one beside a noisy street
(USGS, Updates for ShakeAlert False Alert, December 2025). Here a network of sixteen records nothing but
noise; five of its stations show what looks like P and S of an M 6, with the move-out of a wave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from seiswarn.config import Config, default_config
from seiswarn.geo import distances_km
from seiswarn.ingest.recut import Stretch, cut
from seiswarn.ingest.synthetic import Scenario, Trace, synthesize
from seiswarn.messages import Message
from seiswarn.runtime.replay import rehearse
from seiswarn.runtime.setup import Feed, set_up
from seiswarn.station_attributes import with_attributes
from seiswarn.station_patterns import Attributes
from seiswarn.stations import StationTable
from seiswarn.timebase import NS
from tests.parity.conftest import ORIGIN_NS, three_component_table

RATE_HZ, GAIN = 100.0, 1e6
LEAD_S = 700.0
SILENT = Scenario(
    origin_ns=ORIGIN_NS,
    latitude=27.0,
    longitude=112.0,
    depth_km=12.0,
    mw=3.0,
    lead_s=LEAD_S,
    duration_s=760.0,
)  # 600 km away, below the noise: what remains is noise
P_KMPS = 6.0


@dataclass(frozen=True)
class Network:
    table: StationTable
    traces: dict[str, Trace]
    bad: tuple[int, ...]  # station indices: three of the link, the dead one, the city one
    place: tuple[float, float]

    def code(self, k: int) -> str:
        return self.table.stations[k]


def network(scenario: Scenario = SILENT) -> Network:
    """Sixteen stations; the five around one place are the bad ones."""
    table = three_component_table(16)
    order = np.argsort(distances_km(24.02, 107.05, table.st_latitude, table.st_longitude), kind="stable")
    bad = tuple(int(k) for k in order[:5])
    rows = [Attributes(table.stations[k], None, "hub-1") for k in bad[:3]]
    healthy = [k for k in range(16) if k not in bad]
    rows += [Attributes(table.stations[k], None, "hub-2") for k in healthy[:4]]
    table, unused = with_attributes(table, rows)
    assert not unused
    return Network(table, synthesize(table, scenario), bad, (24.02, 107.05))


def pulse(seed: int, peak_mps2: float, seconds: float) -> np.ndarray:
    """(n,) counts of what looks like P and, three seconds later, S: bursts of noise that die away."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    p = 0.3 * np.exp(-t / 3.0)
    s = np.where(t > 3.0, np.exp(-(t - 3.0) / 5.0), 0.0)
    x = rng.standard_normal(len(t))
    x = np.convolve(x, np.ones(8) / np.sqrt(8.0), mode="same")  # below 10 Hz
    return peak_mps2 * GAIN * (p + s) * x


class Faults:
    """Changes to the records of the bad stations."""

    def __init__(self, net: Network, moveout: bool = True) -> None:
        self.net, self.moveout = net, moveout
        self.counts = {c: t.counts.copy() for c, t in net.traces.items()}

    def _put(self, station: int, t_s: float, values: np.ndarray, *, instead: bool) -> None:
        """Put a signal into all channels of a station, `t_s` after the origin."""
        for channel, trace in self.net.traces.items():
            if self.net.table.ch_station[self.net.table.channel_index[channel]] != station:
                continue
            scale = 1.0 if channel.endswith("Z") else 0.7
            k = round((ORIGIN_NS - trace.t0_ns) / NS * RATE_HZ + t_s * RATE_HZ)
            x = self.counts[channel]
            end = min(len(x), k + len(values))
            part = np.rint(scale * values[: end - k]).astype(np.int32)
            x[k:end] = part if instead else x[k:end] + part

    def arrivals_s(self) -> list[float]:
        """When P of an earthquake under the place would come to the bad stations."""
        t = self.net.table
        away = distances_km(
            *self.net.place, t.st_latitude[list(self.net.bad)], t.st_longitude[list(self.net.bad)]
        )
        at = np.hypot(away, 10.0) / P_KMPS
        return at.tolist() if self.moveout else [float(at[0])] * 3 + at[3:].tolist()

    def link(self) -> None:
        """The three stations of the link show one and the same artefact."""
        values = pulse(5, 1.0, 20.0)
        for station, at_s in zip(self.net.bad[:3], self.arrivals_s()[:3], strict=True):
            self._put(station, at_s, values, instead=True)

    def dead(self) -> None:
        """The fourth shows the last bit of its input, and pulses, the last of them when P would come."""
        station = self.net.bad[3]
        bit = np.random.default_rng(7).integers(-1, 2, int((LEAD_S + 57.0) * RATE_HZ)).astype(float)
        self._put(station, -LEAD_S + 2.0, bit, instead=True)
        shape = np.convolve(np.random.default_rng(8).standard_normal(80), np.ones(5) / 5.0, mode="same")
        for at_s in (-598.0, -448.0, -323.0, -223.0, -148.0, -98.0, self.arrivals_s()[3]):
            self._put(station, at_s, 0.8 * GAIN * shape * np.exp(-np.arange(80) / 30.0), instead=True)

    def city(self) -> None:
        """The fifth has a lorry passing every half a minute, one of them when P would come."""
        station = self.net.bad[4]
        for k, at_s in enumerate([*np.arange(-660.0, -30.0, 25.0).tolist(), self.arrivals_s()[4]]):
            self._put(station, at_s, pulse(100 + k, 0.25, 6.0), instead=False)


def run(
    net: Network,
    counts: dict[str, np.ndarray],
    config: Config | None = None,
    packet_s: float = 0.5,
) -> list[Message]:
    """What a pipeline says of these records."""
    stretches = [_stretch(c, replace(net.traces[c], counts=x)) for c, x in counts.items()]
    stream = cut(stretches, packet_s, 0.0, "test")
    setup = set_up(config or default_config(), net.table, "test")
    start = ORIGIN_NS - round(LEAD_S * NS)
    out: list[Message] = []
    rehearse(setup, Feed("synthetic", stream, start, start + 760 * NS), lambda m, seq: out.append(m))
    return out


def _stretch(channel: str, trace: Trace) -> Stretch:
    return Stretch(
        channel=channel,
        rate_hz=trace.rate_hz,
        dtype="i4",
        samples=trace.counts.astype("<i4").tobytes(),
        starts=np.zeros(1, dtype=np.int64),
        times_ns=np.array([trace.t0_ns], dtype=np.int64),
    )


def of_type(messages: Sequence[Message], *kinds: type) -> list:
    return [m for m in messages if isinstance(m, kinds)]
