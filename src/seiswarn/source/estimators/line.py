"""Line source: how far and which way a large rupture goes, from the pattern of its peak motions.

The idea is that of FinDer (Böse and others 2012, GJI 191, 803-812, and 2018, GJI 212, 725-742): near a
large rupture it is not how strongly but how far along it shakes that tells the size. The formulation is a
plain Bayesian one. Straight ruptures through the epicentre (strike, reach to either side, distance of the
line from the epicentre) and a magnitude of the motion are laid on a fixed grid, coarse and then finer where
the posterior is; stations' peaks so far are compared with the attenuation at the distance of what can have
been felt of the rupture by then. Prior: length by magnitude (`attenuation`), magnitude as the caller has it.
What has not been felt yet is left to the prior, so lengths and magnitudes are those of the whole rupture.

A point source, with the same attenuation, depth extent and priors, competes. A line is believed when it is
150 times likelier (Kass and Raftery 1995, J. Am. Stat. Assoc. 90, 773-795: 2 ln B above 10 is "very strong")
and longer than a minimum by its uncertainty. No station can take more than ln(1/`OUTLIER`) = 3.9 from a
hypothesis, so one that is broken can neither make a line nor end one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seiswarn import geo
from seiswarn.messages import Rupture
from seiswarn.rupture_distance import rupture_length_km
from seiswarn.source import attenuation
from seiswarn.source.estimators import line_posterior as lk
from seiswarn.source.estimators.line_kernels import fill_table
from seiswarn.source.estimators.line_params import Params
from seiswarn.source.estimators.line_peaks import Epicentre, Peaks, Seen, station_weights

F64 = npt.NDArray[np.float64]

NAME = "line"
REFERENCE = (
    "after the idea of FinDer, Böse et al. (2012), GJI 191, 803-812; peaks of Si and Midorikawa (1999)"
)
VERIFIED = True  # tests/source/test_line_source.py: synthetic truth, coverage of the sigmas

OUTLIER = 0.02  # chance that a peak is plain wrong: caps what one can cost at -log(0.02)
# What all peaks of an earthquake have in common, 0.15 in log10 (within the sigmas of most relations), over
# the 0.5 per magnitude of the attenuation.
MOTION_SIGMA = 0.3
# The speed of ruptures as a share of that of S waves: 0.7 to 0.9 (Heaton 1990, Phys. Earth Planet. Inter. 64,
# 1-20), no faster than Rayleigh waves.
SLOW_RUPTURE, FAST_RUPTURE = 0.75, 0.92
OFF_FAULT_KM = 5.0  # of the epicentre from the line that shakes: dip, branches, bends
# fmt: off
REACHES_KM = (
    0.0, 4.0, 8.0, 13.0, 19.0, 26.0, 34.0, 44.0, 56.0, 70.0, 87.0, 107.0, 131.0, 160.0, 195.0, 237.0, 290.0,
)
# fmt: on
MAGNITUDES: F64 = np.linspace(5.3, 8.75, 24)
COARSE_STRIKES, FINE_STRIKES = 18, 3  # 10 and 3.3 degrees apart
COARSE_OFFSETS, FINE_OFFSETS = (0.0,), (-1.4, 0.0, 1.4)  # in sigma
REFINED = 3  # coarse strikes, the likeliest, that are looked at more finely
PER_ROOT = 5.0  # rows of the table of expected motions: at (k / 5)^2 km
N_ROWS = 92


@dataclass(frozen=True, slots=True)
class Line:
    """Posterior mean and sigma of the rupture, and the likeliest one. See `messages.Rupture`."""

    latitude_1: float
    longitude_1: float
    latitude_2: float
    longitude_2: float
    length_km: float
    length_sigma_km: float
    strike_deg: float
    strike_sigma_deg: float
    magnitude: float
    magnitude_sigma: float
    n_stations: int
    log_odds: float
    believed: bool
    best_length_km: float
    best_strike_deg: float
    nodes: int  # looked at, of a fixed number

    def rupture(self) -> Rupture:
        return Rupture(
            latitude_1=self.latitude_1,
            longitude_1=self.longitude_1,
            latitude_2=self.latitude_2,
            longitude_2=self.longitude_2,
            length_km=self.length_km,
            length_sigma_km=self.length_sigma_km,
            strike_deg=self.strike_deg,
            strike_sigma_deg=self.strike_sigma_deg,
            magnitude=self.magnitude,
            magnitude_sigma=self.magnitude_sigma,
            n_stations=self.n_stations,
            log_odds=self.log_odds,
            believed=self.believed,
            method=NAME,
        )


class LineSource:
    """Fits straight ruptures; remembers nothing between fits."""

    def __init__(self, params: Params) -> None:
        self._p = params
        self._reaches: F64 = np.array(REACHES_KM)
        edges = np.concatenate(([0.0], 0.5 * (self._reaches[1:] + self._reaches[:-1]), self._reaches[-1:]))
        self._log_width: F64 = np.log(np.diff(edges))
        total = self._reaches[:, None] + self._reaches
        self._log10_length: F64 = np.log10(np.maximum(total, lk.SHORTEST_KM))
        self._own_km2 = np.diff(edges) ** 2 / 12.0
        n_reach, n_magnitude = len(self._reaches), len(MAGNITUDES)
        self._sides: F64 = np.empty((2, 2 * n_reach, n_magnitude))
        self._tops: F64 = np.empty((2, n_reach))
        self._run: F64 = np.empty(n_magnitude)
        self._distances: F64 = (np.arange(N_ROWS) / PER_ROOT) ** 2

    def fit(self, peaks: Peaks, epicentre: Epicentre, magnitude: float, sigma: float) -> Line | None:
        """The rupture that the peaks speak for; None with too few stations near enough.

        `magnitude` and `sigma` are what is known of the magnitude from elsewhere. The same peaks in any
        order give the same line to the last bit.
        """
        seen = Seen.of(peaks, epicentre)
        if seen is None:
            return None
        tables = self._tables(epicentre.depth_km, seen.which)
        prior = np.array([magnitude, sigma, *_length_as_magnitude(), MOTION_SIGMA])
        strikes: F64 = np.linspace(0.0, 180.0, COARSE_STRIKES, endpoint=False)
        coarse = _Directions(strikes, COARSE_OFFSETS, epicentre)
        best = self._score(coarse, seen, epicentre, tables, prior, -math.inf)
        by_strike = np.logaddexp.reduce(coarse.log_posterior.reshape(COARSE_STRIKES, -1), axis=1)
        chosen = np.sort(np.argsort(-by_strike, kind="stable")[:REFINED])
        step = 180.0 / COARSE_STRIKES / FINE_STRIKES
        around = step * (np.arange(FINE_STRIKES) - (FINE_STRIKES - 1) / 2)
        fine = _Directions((strikes[chosen][:, None] + around).ravel() % 180.0, FINE_OFFSETS, epicentre)
        fine.log_prior -= math.log(FINE_STRIKES * COARSE_STRIKES)
        coarse.log_prior -= math.log(COARSE_STRIKES)
        self._score(fine, seen, epicentre, tables, prior, best - math.log(COARSE_STRIKES))
        keep = np.ones(COARSE_STRIKES, dtype=np.bool_)
        keep[chosen] = False
        return self._line(_joined(coarse, np.repeat(keep, len(COARSE_OFFSETS)), fine), seen, epicentre, prior)

    def _tables(self, depth_km: float, which: npt.NDArray[np.int64]) -> F64:
        """Expected motion (3, n_distance, n_magnitude) from both peaks, from PGA and from PGV alone."""
        tables: F64 = np.zeros((3, N_ROWS, len(MAGNITUDES)))
        # The width of ruptures (Wells and Coppersmith 1994, all): they come up by half of it.
        top = np.maximum(depth_km - 0.5 * 10.0 ** (0.32 * MAGNITUDES - 1.01), 1.0)
        for k, (a, v) in enumerate(station_weights()):
            if np.any(which == k):
                fill_table(MAGNITUDES, self._distances, top, depth_km, a, v, tables[k])
        return tables

    def _score(
        self, d: _Directions, seen: Seen, epicentre: Epicentre, tables: F64, prior: F64, best: float
    ) -> float:
        return lk.score_directions(
            seen.north_km,
            seen.east_km,
            epicentre.depth_km,
            seen.observed,
            seen.weight,
            seen.both_ways,
            seen.s_sure_km,
            seen.s_may_km,
            1.0 / SLOW_RUPTURE,
            1.0 / FAST_RUPTURE,
            seen.which,
            tables,
            PER_ROOT,
            d.strikes_rad,
            d.offsets_km,
            d.log_prior,
            self._reaches,
            self._log_width,
            self._log10_length,
            MAGNITUDES,
            prior,
            math.log(prior[3] / math.log(10.0)) - 0.5 * math.log(2.0 * math.pi),
            -math.log(OUTLIER),
            best,
            self._sides,
            self._tops,
            self._run,
            d.out,
        )

    def _line(self, d: _Directions, seen: Seen, e: Epicentre, prior: F64) -> Line:
        """Moments over all directions, each turned so that it points less than 90 degrees from the best."""
        out, top = d.out, int(np.argmax(d.out[:, lk.BEST] + d.log_prior))
        w = np.exp(d.log_posterior - d.log_posterior.max())
        w /= w.sum()
        strikes = np.degrees(d.strikes_rad)
        turn = (strikes - strikes[top] + 90.0) % 180.0 - 90.0
        flipped = np.abs(strikes - strikes[top] - turn) > 90.0
        back = float(w @ np.where(flipped, out[:, lk.AHEAD], out[:, lk.BACK]))
        ahead = float(w @ np.where(flipped, out[:, lk.BACK], out[:, lk.AHEAD]))
        offset = float(w @ np.where(flipped, -d.offsets_km, d.offsets_km))
        mean_turn = float(w @ turn)
        strike = float(strikes[top]) + mean_turn
        if strike < 0.0 or strike >= 180.0:
            strike, back, ahead, offset = strike % 180.0, ahead, back, -offset
        length, magnitude = float(w @ out[:, lk.LENGTH]), float(w @ out[:, lk.MAGNITUDE])
        own = float(
            np.interp(back, self._reaches, self._own_km2) + np.interp(ahead, self._reaches, self._own_km2)
        )
        length_var = max(float(w @ out[:, lk.LENGTH2]) - length**2, 0.0) + own
        # What remains uncertain of the magnitude when length and motion are known.
        left = 1.0 / (1.0 / prior[1] ** 2 + 1.0 / prior[4] ** 2 + 1.0 / prior[5] ** 2)
        magnitude_var = max(float(w @ out[:, lk.MAGNITUDE2]) - magnitude**2, 0.0) + left
        turn_var = float(w @ (turn - mean_turn) ** 2) + (180.0 / COARSE_STRIKES / FINE_STRIKES) ** 2 / 12.0
        odds = float(
            np.logaddexp.reduce(d.log_posterior) - np.logaddexp.reduce(out[:, lk.POINT] + d.log_prior)
        )
        surely = length - math.sqrt(length_var)
        lat1, lon1 = _at(e, strike, -back, offset)
        lat2, lon2 = _at(e, strike, ahead, offset)
        return Line(
            latitude_1=lat1,
            longitude_1=lon1,
            latitude_2=lat2,
            longitude_2=lon2,
            length_km=length,
            length_sigma_km=math.sqrt(length_var),
            strike_deg=strike,
            strike_sigma_deg=math.sqrt(turn_var),
            magnitude=magnitude,
            magnitude_sigma=math.sqrt(magnitude_var),
            n_stations=len(seen.observed),
            log_odds=odds,
            believed=odds >= self._p.min_log_odds and surely >= self._p.min_length_km,
            best_length_km=float(out[top, lk.BEST_BACK] + out[top, lk.BEST_AHEAD]),
            best_strike_deg=float(strikes[top]),
            nodes=int(out[:, lk.NODES].sum()),
        )

    def warm(self) -> None:
        """Load the kernels by fitting three invented stations."""
        one = np.ones(3)
        lats = np.array([0.0, 0.1, 0.2])
        self.fit(Peaks(lats, lats, one, one, 60.0 * one, one > 2.0), Epicentre(0.0, 0.0, 10.0), 7.0, 0.3)


def _length_as_magnitude() -> tuple[float, float, float]:
    """Intercept, slope over log10 L and sigma of the magnitude that log10 L = -2.44 + 0.59 M gives."""
    per_magnitude = math.log10(rupture_length_km(1.0) / rupture_length_km(0.0))
    at_0 = math.log10(rupture_length_km(0.0))
    return -at_0 / per_magnitude, 1.0 / per_magnitude, attenuation.LENGTH_SIGMA / per_magnitude


def _at(e: Epicentre, strike_deg: float, along_km: float, offset_km: float) -> tuple[float, float]:
    """The point that lies so far along a strike from the epicentre, and to the right of it."""
    azimuth = math.radians(strike_deg) + math.atan2(offset_km, along_km)
    arc = math.hypot(along_km, offset_km) / geo.EARTH_RADIUS_KM
    p1 = math.radians(e.latitude)
    s2 = math.sin(p1) * math.cos(arc) + math.cos(p1) * math.sin(arc) * math.cos(azimuth)
    dl = math.atan2(math.sin(azimuth) * math.sin(arc) * math.cos(p1), math.cos(arc) - math.sin(p1) * s2)
    return math.degrees(math.asin(s2)), (e.longitude + math.degrees(dl) + 180.0) % 360.0 - 180.0


class _Directions:
    """Every strike with every distance of the line from the epicentre, and what is found for them."""

    def __init__(self, strikes_deg: F64, offsets: tuple[float, ...], e: Epicentre) -> None:
        mass = np.exp(-0.5 * np.array(offsets) ** 2)
        strikes = np.radians(np.repeat(strikes_deg, len(offsets)))
        across = strikes + 0.5 * math.pi - math.radians(e.azimuth_deg)
        off = np.sqrt(
            OFF_FAULT_KM**2 + (e.major_km * np.cos(across)) ** 2 + (e.minor_km * np.sin(across)) ** 2
        )
        self.strikes_rad: F64 = strikes
        self.offsets_km: F64 = np.tile(np.array(offsets), len(strikes_deg)) * off
        self.log_prior: F64 = np.tile(np.log(mass / mass.sum()), len(strikes_deg))
        self.out: F64 = np.empty((len(strikes), lk.N_COLUMNS))

    @property
    def log_posterior(self) -> F64:
        result: F64 = self.out[:, lk.EVIDENCE] + self.log_prior
        return result


def _joined(coarse: _Directions, keep: npt.NDArray[np.bool_], fine: _Directions) -> _Directions:
    """The fine directions, and the coarse ones that they do not stand for."""
    fine.strikes_rad = np.concatenate((coarse.strikes_rad[keep], fine.strikes_rad))
    fine.offsets_km = np.concatenate((coarse.offsets_km[keep], fine.offsets_km))
    fine.log_prior = np.concatenate((coarse.log_prior[keep], fine.log_prior))
    fine.out = np.concatenate((coarse.out[keep], fine.out))
    return fine
