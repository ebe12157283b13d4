"""What the shaking stage remembers of one event: where it is, and what each station has felt of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from seiswarn.messages import EventEstimate
from seiswarn.rupture_distance import rupture_length_km
from seiswarn.shaking.observed import FELT_MPS2, Observed, Rows
from seiswarn.shaking.relations import Source
from seiswarn.timebase import NS

F64 = npt.NDArray[np.float64]
B1 = npt.NDArray[np.bool_]

EARLY_S = 3.0  # P may come so much before its time
CODA_S = 300.0  # after S; motion that begins later is of something else
# How long the strongest motion takes to come and go, after S: source and path duration of Boore (2003),
# Simulation of ground motion using the stochastic method, Pure Appl. Geophys. 160, 635-676: 1/fc and 0.05 s
# per km, with Brune's corner frequency at 100 bar and 3.5 km/s, as for the west of North America.
STRESS_BAR, BETA_KMPS = 100.0, 3.5
PATH_S_PER_KM = 0.05
# A long rupture takes longer than a corner says: half its length (Wells and Coppersmith 1994, subsurface
# length, all mechanisms) at 2.5 km/s, as if it ran both ways.
RUPTURE_KMPS = 2.5
GROWTH_S, GROWTH = (
    10.0,
    0.1,
)  # a magnitude that has risen so much in so many seconds, and not fallen back, grows
LONG_KM = 75.0  # longer ruptures (M 7.3) reach beyond where the motion near the epicentre tells of them
GROWN = 1.3  # a peak that grows by this factor, a third of a degree, is worth a new forecast


def source_s(magnitude: float) -> float:
    """How long a source of moment magnitude `magnitude` radiates what is strong, in s.

    The longer of 1/fc, fc = 4.9e6 beta (stress / M0)^(1/3), and half a rupture's length at its speed.
    """
    moment_dyne_cm = 10.0 ** (1.5 * magnitude + 16.05)  # Hanks and Kanamori (1979)
    corner_hz = 4.9e6 * BETA_KMPS * (STRESS_BAR / moment_dyne_cm) ** (1.0 / 3.0)
    both_ways_s = 0.5 * rupture_length_km(magnitude) / RUPTURE_KMPS
    return float(max(1.0 / corner_hz, both_ways_s))


def strong_s(magnitude: float, away_km: F64) -> F64:
    """(n,) how long after S the strongest motion has come and gone, at distances in km (Boore 2003), in s."""
    return source_s(magnitude) + PATH_S_PER_KM * away_km


@dataclass(slots=True)
class Tracked:
    """One event. Times of arrivals in seconds UTC, peaks since P, (n_st,) each."""

    estimate: EventEstimate
    p_s: F64
    s_s: F64
    pga_mps2: F64
    pgv_mps: F64
    told_pga: F64  # peaks when the last forecast was made
    told_ns: int = 0
    grid_ns: int = 0
    grown: bool = False  # since the last forecast
    over: bool = False  # nothing is forecast any more, but what still shakes is of this event
    sizes: list[tuple[int, float]] = field(default_factory=list)  # when seen, magnitude: the last GROWTH_S

    @staticmethod
    def of(estimate: EventEstimate, p_s: F64, s_s: F64, observed: Observed) -> Tracked:
        """A new event, with the motions that are already under way and can be its own."""
        mine = (observed.start_s >= p_s - 1.0) & (observed.start_s <= s_s + CODA_S)
        pga, pgv = np.where(mine, observed.pga_mps2, 0.0), np.where(mine, observed.pgv_mps, 0.0)
        tracked = Tracked(estimate, p_s, s_s, pga, pgv, np.zeros(len(p_s)))
        tracked.learn(estimate, p_s, s_s)
        return tracked

    def take(self, rows: Rows) -> None:
        """Take in rows that are of this event."""
        k = rows.station
        mine = (rows.t_s > self.p_s[k]) & (rows.t_s <= self.s_s[k] + CODA_S)
        if self.over or not mine.any():
            return
        k = k[mine]
        np.maximum.at(self.pga_mps2, k, rows.pga_mps2[mine])
        np.maximum.at(self.pgv_mps, k, rows.pgv_mps[mine])
        now = self.pga_mps2[k]
        self.grown |= bool(((now >= FELT_MPS2) & (now > GROWN * self.told_pga[k])).any())

    def claims(self, observed: Observed, now_s: int) -> B1:
        """(n_st,) stations whose present motion this event explains: its waves are there, or have been.

        What is more than this event explains makes its own forecast stronger, by the wavefield.
        """
        claimed: B1 = (now_s >= self.p_s - EARLY_S) & (observed.start_s <= self.s_s + CODA_S)
        return claimed

    def learn(self, estimate: EventEstimate, p_s: F64, s_s: F64) -> None:
        """Take in a new estimate of the event."""
        self.estimate, self.p_s, self.s_s = estimate, p_s, s_s
        if estimate.magnitude is not None:
            since_ns = estimate.t_seen_ns - round(GROWTH_S * NS)
            self.sizes = [(t_ns, m) for t_ns, m in self.sizes if t_ns >= since_ns]
            self.sizes.append((estimate.t_seen_ns, estimate.magnitude.value))

    def may_grow(self, now_ns: int) -> bool:
        """Whether the rupture may run on, so that what was felt so far is not all there will be.

        While the magnitude rises; and where it may be of a long rupture (one sigma above), until that would
        have run all its length one way. What happens at its far end is not known at stations around
        its beginning.
        """
        size = self.estimate.magnitude
        if size is None:
            return True
        longest = rupture_length_km(size.value + size.sigma)
        running = (now_ns - self.estimate.origin.time_ns) / NS < longest / RUPTURE_KMPS
        recent = [m for _, m in self.sizes]
        rising = recent[-1] - min(recent) >= GROWTH and max(recent) - recent[-1] < 0.5 * GROWTH
        return rising or (longest > LONG_KM and running)

    def passed(self, now_s: float) -> bool:
        """Whether what shakes now can no longer be of this event."""
        return self.over and now_s > float(self.s_s.max(initial=0.0)) + CODA_S

    def complete(self, observed: Observed) -> B1:
        """(n_st,) stations that have seen the strongest motion this magnitude can bring, and told."""
        magnitude = self.estimate.magnitude.value if self.estimate.magnitude else 5.0
        away_km = BETA_KMPS * (self.s_s - self.origin_s)  # along the path, near enough
        over: B1 = observed.last_s >= self.s_s + strong_s(magnitude, away_km)
        return over & (self.pga_mps2 > 0.0)

    def source(self) -> Source | None:
        """The event as the relations want it; None without a magnitude."""
        e = self.estimate
        if e.magnitude is None:
            return None
        line = strike = None
        if e.rupture is not None and e.rupture.believed:
            r = e.rupture
            line, strike = (r.latitude_1, r.longitude_1, r.latitude_2, r.longitude_2), r.strike_deg
        return Source(
            magnitude=e.magnitude.value,
            magnitude_sigma=e.magnitude.sigma,
            latitude=e.origin.latitude,
            longitude=e.origin.longitude,
            depth_km=e.origin.depth_km,
            line=line,
            strike_deg=strike,
        )

    @property
    def origin_s(self) -> float:
        return self.estimate.origin.time_ns / NS


class Kept(msgspec.Struct, frozen=True):
    """One event as it stands in a snapshot: all but the arrivals, which follow from the estimate."""

    estimate: EventEstimate
    pga_mps2: bytes
    pgv_mps: bytes
    told_pga: bytes
    told_ns: int
    grid_ns: int
    grown: bool
    over: bool
    sizes: list[tuple[int, float]]

    @staticmethod
    def of(t: Tracked) -> Kept:
        peaks = (t.pga_mps2.tobytes(), t.pgv_mps.tobytes(), t.told_pga.tobytes())
        return Kept(t.estimate, *peaks, t.told_ns, t.grid_ns, t.grown, t.over, t.sizes)

    def tracked(self, p_s: F64, s_s: F64) -> Tracked:
        """The event again, with its arrivals."""
        pga, pgv, told = (
            np.frombuffer(b, np.float64).copy() for b in (self.pga_mps2, self.pgv_mps, self.told_pga)
        )
        rest = (self.told_ns, self.grid_ns, self.grown, self.over, self.sizes)
        return Tracked(self.estimate, p_s, s_s, pga, pgv, told, *rest)
