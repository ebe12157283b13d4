"""The storm: a day of a network in which everything goes wrong, as packets, with what truly happened.

Seeded; memory is bounded by a minute of samples and by what happens in it. Rates are per 24 h and 200
stations, spread evenly at random; scale them for shorter and smaller storms.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from storm_faults import FAULTS, Fault, Level, Span
from storm_network import F32, FULL_SCALE, GAIN, TILES, Network, day_level, tiles
from storm_waves import (
    Effect,
    Quake,
    arrivals,
    blast,
    footstep,
    regional,
    shaking,
    strong,
    swarm,
    teleseism,
    traffic,
)  # fmt: skip

from seiswarn.blocks import make_block
from seiswarn.messages import PacketBlock
from seiswarn.source.traveltime import TravelTimes
from seiswarn.timebase import NS, from_seconds

T0_NS = 1_700_006_400 * NS  # 2023-11-15 00:00 UTC; hours are told as local time
CHUNK_S = 60
CALM_S = 120.0  # nothing happens before: filters settle
WAVES = {"swarm": 300.0, "teleseisms": 2.0, "blasts": 8.0, "regional": 4.0, "strong": 3.0,
         "traffic": 3000.0, "footsteps": 6000.0}  # fmt: skip
RATES: dict[str, float] = {**{name: rate for name, (_, rate) in FAULTS.items()}, **WAVES}
OVER_STATIONS = ("spikes", "steps", "calibrations", "dead", "gains", "clocks", "saturated", "traffic")
STRONG_ROOM_S = 150.0  # nothing that takes the whole network away within this of a strong earthquake


@dataclass
class Truth:
    """What happened: quakes with their arrivals, plane waves, faults; times in s after the start."""

    quakes: list[tuple[Quake, np.ndarray, np.ndarray]] = field(default_factory=list)  # P and S per station
    planes: list[np.ndarray] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    roads: list[tuple[str, float, int]] = field(default_factory=list)  # traffic and footsteps


class Storm:
    """`hours` of storm over a network from `start_hour` of the day on."""

    def __init__(
        self,
        net: Network,
        hours: float,
        seed: int,
        rates: Mapping[str, float] = RATES,
        start_hour: float = 0.0,
        packet_s: float = 1.0,
    ) -> None:
        self.net, self.seconds, self.seed, self.start_hour = net, 3600.0 * hours, seed, start_hour
        self.t0_ns = T0_NS + from_seconds(3600.0 * start_hour)
        self.packet_s = packet_s
        self._earth = TravelTimes("ak135", 40.0)
        self._rng = np.random.default_rng((seed, 7, round(start_hour * 3600.0)))
        self.truth = Truth()
        self.makers: list[tuple[float, str, object]] = []  # in order of time: what is made when it is due
        self._schedule({name: rates.get(name, 0.0) * hours / 24.0 for name in RATES})

    # --- what happens when -----------------------------------------------------------------

    def _times(self, per_storm: float) -> list[float]:
        n = int(per_storm) + int(self._rng.random() < per_storm % 1.0)
        return np.sort(self._rng.uniform(CALM_S, max(CALM_S + 1.0, self.seconds - 60.0), n)).tolist()

    def _schedule(self, counts: Mapping[str, float]) -> None:
        net, rng = self.net, self._rng
        quakes = [strong(net, t, rng) for t in _apart(self._times(round(counts["strong"])), self.seconds)]
        busy = [q.t_s for q in quakes]
        quakes += (
            swarm(net, round(counts["swarm"]), self.seconds - 60.0, rng) if counts["swarm"] >= 1.0 else []
        )
        quakes += [regional(net, t, rng) for t in self._times(counts["regional"])]
        quakes += [blast(net, self._by_day(t), self.seed, rng) for t in self._times(counts["blasts"])]
        for q in sorted((q for q in quakes if q.t_s >= CALM_S), key=lambda q: q.t_s):
            _, p_s, s_s = arrivals(net, self._earth, q)
            self.truth.quakes.append((q, p_s, s_s))
            self.makers.append((q.t_s, "quake", q))
        self.makers += [(t, "plane", None) for t in self._times(counts["teleseisms"])]
        for name, (make, _) in FAULTS.items():
            share = net.n / 200.0 if name in OVER_STATIONS else 1.0
            for t in self._times(counts[name] * share):
                fault = make(net, t, np.random.default_rng((self.seed, 8, int(rng.integers(2**31)))))
                if name == "blackouts" and any(abs(t - b) < STRONG_ROOM_S for b in busy):
                    continue
                self.truth.faults.append(fault)
                self.makers.append((fault.from_s, "fault", fault))
        walked = rng.choice(net.n, 2, replace=False)
        for name, places in (("traffic", net.roadside), ("footsteps", walked)):
            for t in self._times(counts[name] * (net.n / 200.0 if name in OVER_STATIONS else 1.0)):
                self.truth.roads.append((name, t, int(rng.choice(places))))
        self.makers += [(t, name, station) for name, t, station in self.truth.roads]
        self.makers.sort(key=lambda m: m[0])

    def _by_day(self, t_s: float) -> float:
        """The time, or twelve hours on where it is night and the storm goes on so long."""
        hour = (self.start_hour + t_s / 3600.0) % 24.0
        later = t_s + 12.0 * 3600.0
        return later if not 7.0 <= hour <= 19.0 and later < self.seconds - 60.0 else t_s

    def made(self, what: str, t_s: float, of: object) -> Fault:
        """What is due, as effects on stations."""
        rng = np.random.default_rng((self.seed, 9, round(t_s * 1e6)))
        if isinstance(of, Fault):
            return of
        if isinstance(of, Quake):
            effects = shaking(self.net, self._earth, of, rng)
        elif what == "plane":
            effects, due = teleseism(self.net, t_s, rng)
            self.truth.planes.append(due)
        else:
            make = traffic if what == "traffic" else footstep
            effects = [make(self.net, int(of), t_s, rng)]  # type: ignore[call-overload]
        return Fault(what, t_s, t_s, (), effects)

    # --- samples and packets ---------------------------------------------------------------

    def blocks(self) -> Iterator[PacketBlock]:
        """All packets in the order in which they are seen: each at its last sample."""
        net = self.net
        kinds = sorted(set(zip(net.phase_s.tolist(), net.rate_hz.tolist(), strict=True)))
        banks = [Bank(self, np.flatnonzero((net.phase_s == p) & (net.rate_hz == r)), p, r) for p, r in kinds]
        bank_of = {int(s): bank for bank in banks for s in bank.stations}
        makers = iter([*self.makers, (np.inf, "", None)])
        due = next(makers)
        for start in np.arange(0.0, self.seconds, CHUNK_S):
            while due[0] < start + 2.0 * CHUNK_S:
                made = self.made(due[1], due[0], due[2])
                items: list[Effect | Level | Span] = [*made.effects, *made.levels, *made.spans]
                for item in items:
                    bank_of[item.station].take(item)
                due = next(makers)
            chunks = [bank.chunk(float(start)) for bank in banks]
            yield from _merged(chunks)


class Bank:
    """Stations of one rate whose packets end together, and what is happening to them."""

    def __init__(self, storm: Storm, stations: np.ndarray, phase_s: float, rate: float) -> None:
        self._storm, self.stations, self._phase_s, self._rate = storm, stations, phase_s, rate
        self._row = {int(s): 3 * k for k, s in enumerate(stations)}
        names = storm.net.table.channels
        self._names = [names[3 * s + c] for s in stations.tolist() for c in range(3)]
        self._tiles = tiles(storm.net, stations, storm.seed)
        rng = np.random.default_rng((storm.seed, 4, *stations[:1].tolist()))
        self._shift = [int(rng.integers(n)) for n in TILES]
        self._offset = (1e4 * rng.standard_normal((len(self._names), 1))).astype(np.float32)
        self._effects: list[Effect] = []
        self._levels: list[Level] = []
        self._spans: list[Span] = []

    def take(self, item: Effect | Level | Span) -> None:
        """Something that happens from now on or later."""
        kept: list = (  # type: ignore[type-arg]
            self._effects
            if isinstance(item, Effect)
            else self._levels
            if isinstance(item, Level)
            else self._spans
        )
        kept.append(item)

    def _sample(self, t_s: float) -> int:
        return int(np.ceil((t_s - self._phase_s) * self._rate - 1e-6))

    def chunk(self, start_s: float) -> list[tuple[int, PacketBlock]]:
        """A minute from `start_s` (and the phase of this bank) on, as (when seen, block)."""
        first, n = round(start_s * self._rate), round(CHUNK_S * self._rate)
        x = self._noise(first, n, start_s)
        end_s = start_s + self._phase_s + CHUNK_S
        self._effects = [e for e in self._effects if self._add(x, first, e, "motion") or e.counts]
        for span in self._spans:
            if span.what == "gain":
                a, b = self._sample(span.from_s) - first, self._sample(span.to_s) - first
                row = self._row[span.station]
                x[row : row + 3, max(0, a) : max(0, min(n, b))] *= span.value
        self._shift_levels(x, first, n)
        self._effects = [e for e in self._effects if not e.counts or self._add(x, first, e, "counts")]
        for span in self._spans:
            a, m = self._sample(span.from_s) - first, int(span.value * self._rate)
            if span.what == "repeat" and m <= a < n:
                row, m = self._row[span.station], min(m, n - a)
                x[row : row + 3, a : a + m] = x[row : row + 3, a - m : a]
        counts = np.rint(np.clip(x, -FULL_SCALE, FULL_SCALE)).astype("<i4")
        out = self._packets(counts, first)
        self._spans = [s for s in self._spans if s.to_s > end_s]
        return out

    def _noise(self, first: int, n: int, start_s: float) -> F32:
        x = np.empty((len(self._names), n), dtype=np.float32)
        for k, (tile, shift) in enumerate(zip(self._tiles, self._shift, strict=True)):
            at = np.arange(first + shift, first + shift + n) % tile.shape[1]
            cuts = [0, *(np.flatnonzero(np.diff(at) < 0) + 1).tolist(), n]
            for a, b in itertools.pairwise(cuts):
                part = tile[:, at[a] : at[a] + b - a]
                x[:, a:b] = part if k == 0 else x[:, a:b] + part
        hour = self._storm.start_hour + start_s / 3600.0
        low, high = (day_level(self._storm.net, self.stations, h) for h in (hour, hour + CHUNK_S / 3600.0))
        if not (np.all(low == 1.0) and np.all(high == 1.0)):
            ramp = np.linspace(0.0, 1.0, n, endpoint=False, dtype=np.float32)
            x *= np.repeat(low, 3)[:, None] + np.repeat(high - low, 3)[:, None] * ramp
        return x

    def _add(self, x: F32, first: int, e: Effect, turn: str) -> bool:
        """Put in what falls into this minute; whether more is to come."""
        if (turn == "counts") != e.counts:
            return True
        a, n = self._sample(e.first_s) - first, e.values.shape[1]
        low, high = max(0, a), min(x.shape[1], a + n)
        if low < high:
            row = self._row[e.station]
            part = e.values[:, low - a : high - a]
            if e.instead:
                x[row : row + 3, low:high] = part
            else:
                x[row : row + 3, low:high] += part if e.counts else part * np.float32(GAIN)
        return a + n > x.shape[1]

    def _shift_levels(self, x: F32, first: int, n: int) -> None:
        x += self._offset
        later = []
        for level in self._levels:
            a, row = self._sample(level.t_s) - first, self._row[level.station]
            if a >= n:
                later.append(level)
                continue
            off = np.array(level.counts, dtype=np.float32)[:, None]
            x[row : row + 3, max(0, a) :] += off
            self._offset[row : row + 3] += off
        self._levels = later

    def _packets(self, counts: np.ndarray, first: int) -> list[tuple[int, PacketBlock]]:
        storm, size = self._storm, round(self._storm.packet_s * self._rate)
        out = []
        for k in range(0, counts.shape[1], size):
            from_s = self._phase_s + (first + k) / self._rate
            to_s = from_s + size / self._rate
            t0 = np.full(len(self._names), storm.t0_ns + from_seconds(from_s), dtype=np.int64)
            seen = storm.t0_ns + from_seconds(to_s)
            away = np.zeros(len(self._names), dtype=np.bool_)
            for span in self._spans:
                if span.from_s < to_s and span.to_s > from_s:
                    row = self._row[span.station]
                    if span.what == "away":
                        if min(to_s, span.to_s) - max(from_s, span.from_s) < 0.5 * (to_s - from_s):
                            continue  # a packet that is mostly there is sent
                        away[row : row + 3] = True
                    elif span.what == "clock":
                        t0[row : row + 3] += from_seconds(span.value)
            rows = np.flatnonzero(~away)
            if not len(rows):
                continue
            part = counts[:, k : k + size]
            whole = len(rows) == len(self._names)
            block = make_block(
                self._names if whole else [self._names[r] for r in rows.tolist()],
                t0[rows],
                np.full(len(rows), seen, dtype=np.int64),
                np.full(len(rows), self._rate),
                np.full(len(rows), size, dtype=np.int32),
                np.ascontiguousarray(part if whole else part[rows]).tobytes(),
                status="test",
            )
            out.append((seen, block))
        return out


def _apart(times: list[float], seconds: float) -> list[float]:
    """The times of strong earthquakes, spread over the storm so that none covers another."""
    n = len(times)
    return [(k + 0.25 + 0.5 * (t % 1.0)) * seconds / n for k, t in enumerate(times)]


def _merged(chunks: list[list[tuple[int, PacketBlock]]]) -> Iterator[PacketBlock]:
    """The blocks of all banks by the time they were seen."""
    for _, _, block in sorted(
        ((seen, k, block) for k, chunk in enumerate(chunks) for seen, block in chunk), key=lambda x: x[:2]
    ):
        yield block
