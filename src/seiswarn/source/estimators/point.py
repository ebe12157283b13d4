"""Point source by probability on a grid, refined where it matters.

The likelihood is evaluated on a coarse grid around the first station (or the last solution),
then on finer grids around its best node. Work is bounded by node counts, never by time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seiswarn import geo
from seiswarn.source.kernels import S_SHARE, line_of, score_grid, unit_vectors
from seiswarn.source.params import Params
from seiswarn.source.traveltime import TravelTimes

F64 = npt.NDArray[np.float64]

NAME = "grid"
REFERENCE = (
    "Bayesian grid location after Tarantola and Valette (1982), J. Geophys. 50, 159-170; stations not "
    "yet triggered as in Satriano et al. (2008), BSSA 98, 1482-1494"
)
VERIFIED = True  # tests/source: synthetic truth, coverage of the ellipse

# Peak displacement falls as R^1.374 and grows as 10^(0.729 M) (Wu and Zhao 2006), so the magnitude that
# explains a given motion grows as 1.885 log10 R, and its rate falls as 10^(-b M) (Gutenberg-Richter): a
# prior of R^(-1.885 b).
AMPLITUDE_DECAY = 1.374 / 0.729

COARSE_STEP_KM = 8.0
MIDDLE_STEP_KM, MIDDLE_HALF_KM = 4.0, 48.0
FINE_STEP_KM, FINE_HALF_KM = 1.0, 12.0
COARSE_DEPTHS_KM = (4.0, 10.0, 18.0, 30.0, 50.0, 80.0, 120.0, 200.0)
FINE_DEPTHS = 9
CORE = 0.9
# Variance of a normal distribution in two dimensions within its core, as a share of the whole: 1 - q r^2 /
# (2 CORE) with q = 1 - CORE outside, r^2 = -2 ln q.
CORE_SPREAD = 1.0 + (1.0 - CORE) * math.log(1.0 - CORE) / CORE
MEAN_FITS = 2.0  # e^2 less likely than the best node, the mean is no place
HELD = 0.9  # of the posterior within the finest grid, or the ellipse is that of a wider one
# Errors of neighbouring paths are alike, so n arrivals tell less than n independent ones: by the design
# effect 1 + (n - 1) rho of correlated samples (Kish 1965, Survey Sampling, section 5.4). On synthetic truth
# with path errors of 2 % smooth in azimuth the ellipses then hold what they say
# (benchmarks/bench_accuracy.py).
PATH_CORRELATION = 0.05
CUT = 25.0  # nodes between others that are e^25 less likely than the best are not computed


@dataclass(frozen=True, slots=True)
class Readings:
    """What a location is made from. Times in s after a common zero; coordinates in degrees.

    Onsets are of P first (`n_p` of them), then of S. `log_a` is log10 of the P displacement of one window at
    each P onset, NaN where there is none.
    """

    latitude: F64
    longitude: F64
    n_p: int
    t_s: F64
    sigma_s: F64
    log_a: F64
    silent_latitude: F64
    silent_longitude: F64
    silent_from_s: F64
    silent_to_s: F64


@dataclass(frozen=True, slots=True)
class Location:
    """A hypocentre and its one-sigma uncertainty; `t0_s` after the common zero."""

    latitude: float
    longitude: float
    depth_km: float
    t0_s: float
    depth_sigma_km: float
    time_sigma_s: float
    major_km: float
    minor_km: float
    azimuth_deg: float
    residuals_s: F64
    errors_s: F64  # expected one-sigma error of each residual
    distances_km: F64


class PointSource:
    """Locates point sources with one travel-time model."""

    def __init__(self, params: Params, travel_times: TravelTimes) -> None:
        self._p = params
        self._tt = travel_times
        self._coarse_depths = np.array([d for d in COARSE_DEPTHS_KM if d <= params.max_depth_km])

    def locate(self, readings: Readings, near: tuple[float, float] | None) -> Location:
        """Best hypocentre for `readings`.

        `near` (latitude, longitude) is the last solution, around which alone is searched; without
        it the search spans `search_radius_km` around the earliest reading.
        """
        grids: list[_Grid] = []
        if near is not None:
            grids = [_Grid(*near, MIDDLE_HALF_KM, MIDDLE_STEP_KM, self._coarse_depths, readings.t_s.size)]
            self._evaluate(grids[0], readings)
        if not grids or grids[0].best_is_at_the_edge():
            grids = self._from_afar(readings, near)
        lat, lon, depth = grids[-1].best()
        grids.append(
            _Grid(lat, lon, FINE_HALF_KM, FINE_STEP_KM, self._depths_around(depth, 3.0), readings.t_s.size)
        )
        self._evaluate(grids[-1], readings)
        # The finest grid that holds the posterior tells where and how sure.
        for k in range(len(grids) - 1, -1, -1):
            moments = grids[k].moments()
            if moments.major_km < 0.4 * grids[k].half_km:
                break
        # The mean of a posterior bent around stations may fit none of them: then the best node stands for it.
        if grids[k].falls_short(moments) > MEAN_FITS:
            moments = grids[k].moments(about=grids[k].best())
        # Few stations may leave a second place, far from the best, that is hardly worse: a wider grid that
        # holds it says so, about the best place and not about a mean that lies between the two.
        for wider in reversed(grids[:k]):
            if wider.share_near(moments, grids[k].half_km) < HELD:
                moments = wider.moments(about=(moments.latitude, moments.longitude, moments.depth_km))
        return self._solution(moments, readings)

    def _from_afar(self, readings: Readings, near: tuple[float, float] | None) -> list[_Grid]:
        """A coarse grid around the earliest reading, or a wide one around `near`, then a finer one."""
        first = int(np.argmin(readings.t_s[: readings.n_p]))
        half = self._p.search_radius_km if near is None else 2.0 * MIDDLE_HALF_KM
        lat0, lon0 = near or (float(readings.latitude[first]), float(readings.longitude[first]))
        wide = _Grid(lat0, lon0, half, COARSE_STEP_KM, self._coarse_depths, readings.t_s.size)
        self._evaluate(wide, readings)
        lat, lon, depth = wide.best()
        middle = _Grid(
            lat, lon, MIDDLE_HALF_KM, MIDDLE_STEP_KM, self._depths_around(depth, 8.0), readings.t_s.size
        )
        self._evaluate(middle, readings)
        return [wide, middle]

    def _depths_around(self, depth_km: float, step_km: float) -> F64:
        half = (FINE_DEPTHS - 1) // 2 * step_km
        low = min(max(0.5, depth_km - half), max(0.5, self._p.max_depth_km - 2 * half))
        return low + step_km * np.arange(FINE_DEPTHS, dtype=np.float64)

    def _evaluate(self, grid: _Grid, r: Readings) -> None:
        with_a = np.flatnonzero(np.isfinite(r.log_a))
        if with_a.size < 2:
            with_a = with_a[:0]
        sta, silent = np.empty((r.t_s.size, 3)), np.empty((r.silent_to_s.size, 3))
        unit_vectors(r.latitude, r.longitude, sta)
        unit_vectors(r.silent_latitude, r.silent_longitude, silent)
        score_grid(
            grid.offsets,
            grid.offsets,
            grid.depths,
            np.log1p(((grid.depths - self._p.depth_prior_km) / self._p.depth_prior_spread_km) ** 2),
            grid.lat0,
            grid.lon0,
            sta,
            r.n_p,
            r.t_s,
            np.hypot(r.sigma_s, self._p.reading_error_s),
            self._p.model_error_share,
            AMPLITUDE_DECAY * self._p.gutenberg_richter_b,
            with_a,
            r.log_a[with_a],
            silent,
            r.silent_from_s,
            r.silent_to_s,
            self._tt.p,
            self._tt.s,
            CUT,
            grid.loglik,
            grid.origin_s,
        )

    def _solution(self, m: _Moments, r: Readings) -> Location:
        distances = geo.distances_km(m.latitude, m.longitude, r.latitude, r.longitude)
        tp, ts = self._tt.times(distances, m.depth_km)
        of_s = np.arange(r.t_s.size) >= r.n_p
        tt = np.where(of_s, ts, tp)
        beyond = tt - tp[: r.n_p].min()
        path_s = np.where(of_s, S_SHARE * ts, self._p.model_error_share * beyond)
        errors = np.sqrt(r.sigma_s**2 + self._p.reading_error_s**2 + path_s**2)
        diff = r.t_s - tt
        t0, slope = float(np.median(diff[: r.n_p])), 0.0
        for _ in range(5):
            t0, slope = line_of(diff, beyond, errors**2, t0, slope)
        return Location(
            latitude=m.latitude,
            longitude=m.longitude,
            depth_km=m.depth_km,
            t0_s=t0,
            depth_sigma_km=m.depth_sigma_km,
            time_sigma_s=m.time_sigma_s,
            major_km=m.major_km,
            minor_km=m.minor_km,
            azimuth_deg=m.azimuth_deg,
            residuals_s=diff - t0 - slope * beyond,
            errors_s=errors,
            distances_km=distances,
        )


@dataclass(frozen=True, slots=True)
class _Moments:
    latitude: float
    longitude: float
    depth_km: float
    depth_sigma_km: float
    time_sigma_s: float
    major_km: float
    minor_km: float
    azimuth_deg: float


class _Grid:
    """Nodes around a centre and the log-posterior on them."""

    def __init__(
        self, lat0: float, lon0: float, half_km: float, step_km: float, depths: F64, n_arrivals: int
    ) -> None:
        self.temper = 1.0 / (1.0 + PATH_CORRELATION * (n_arrivals - 1))
        n = round(half_km / step_km)
        self.lat0, self.lon0, self.half_km, self.step_km = lat0, lon0, half_km, step_km
        self.offsets: F64 = step_km * np.arange(-n, n + 1, dtype=np.float64)
        self.depths = depths
        shape = (len(depths), 2 * n + 1, 2 * n + 1)
        self.loglik: F64 = np.empty(shape)
        self.origin_s: F64 = np.empty(shape)

    def best(self) -> tuple[float, float, float]:
        d, a, b = np.unravel_index(int(np.argmax(self.loglik)), self.loglik.shape)
        lat, lon = geo.offset_deg(self.lat0, self.lon0, float(self.offsets[a]), float(self.offsets[b]))
        return lat, lon, float(self.depths[d])

    def best_is_at_the_edge(self) -> bool:
        """Whether the best node is on the rim, so that a better one may lie beyond."""
        _, a, b = np.unravel_index(int(np.argmax(self.loglik)), self.loglik.shape)
        last = len(self.offsets) - 1
        return not (0 < a < last and 0 < b < last)

    def _posterior(self) -> F64:
        w: F64 = np.exp(self.temper * (self.loglik - self.loglik.max()))
        return w / w.sum()

    def share_near(self, m: _Moments, half_km: float) -> float:
        """How much of the posterior lies within a square around a place."""
        north, east = self._offset(m.latitude, m.longitude)
        near_n, near_e = (np.abs(self.offsets - x) <= half_km + self.step_km for x in (north, east))
        return float(self._posterior().sum(axis=0)[np.ix_(near_n, near_e)].sum())

    def falls_short(self, m: _Moments) -> float:
        """By how much the logarithm of the posterior at a place is less than at the best node."""
        north, east = self._offset(m.latitude, m.longitude)
        a, b = (int(np.argmin(np.abs(self.offsets - x))) for x in (north, east))
        d = int(np.argmin(np.abs(self.depths - m.depth_km)))
        return self.temper * float(self.loglik.max() - self.loglik[d, a, b])

    def _offset(self, latitude: float, longitude: float) -> tuple[float, float]:
        """A place in km north and east of the middle."""
        east_deg = (longitude - self.lon0 + 180.0) % 360.0 - 180.0
        return (
            geo.DEG_KM * (latitude - self.lat0),
            geo.DEG_KM * math.cos(math.radians(self.lat0)) * east_deg,
        )

    def moments(self, about: tuple[float, float, float] | None = None) -> _Moments:
        """Mean and covariance of the posterior on this grid; a node has its own width added.

        Horizontally those of its core, raised to what they are in a normal distribution with that core: the
        ellipse is to hold 90 % of cases, and thin far tails would make it hold nearly all of them.
        With `about` (latitude, longitude, depth), that place stays and the covariance is about it.
        """
        w = self._posterior()
        wd, flat = w.sum(axis=(1, 2)), _core(w.sum(axis=0))
        wn, we = flat.sum(axis=1), flat.sum(axis=0)
        north, east = float(wn @ self.offsets), float(we @ self.offsets)
        depth = float(wd @ self.depths)
        if about is not None:
            (north, east), depth = self._offset(about[0], about[1]), about[2]
        dn, de = self.offsets - north, self.offsets - east
        own = self.step_km**2 / 12.0
        cnn = float(wn @ dn**2) / CORE_SPREAD + own
        cee = float(we @ de**2) / CORE_SPREAD + own
        cne = float(dn @ flat @ de) / CORE_SPREAD
        half_sum, half_diff = 0.5 * (cnn + cee), 0.5 * (cnn - cee)
        root = math.hypot(half_diff, cne)
        t_mean = float(np.sum(w * self.origin_s))
        lat, lon = geo.offset_deg(self.lat0, self.lon0, north, east)
        step_d = float(self.depths[1] - self.depths[0]) if len(self.depths) > 1 else 0.0
        return _Moments(
            latitude=lat,
            longitude=lon,
            depth_km=depth,
            depth_sigma_km=math.sqrt(float(wd @ (self.depths - depth) ** 2) + step_d**2 / 12.0),
            time_sigma_s=math.sqrt(float(np.sum(w * (self.origin_s - t_mean) ** 2)) + 0.01),
            major_km=math.sqrt(half_sum + root),
            minor_km=math.sqrt(max(half_sum - root, own)),
            azimuth_deg=0.5 * math.degrees(math.atan2(2.0 * cne, 2.0 * half_diff)) % 180.0,
        )


def _core(flat: F64) -> F64:
    """The likeliest nodes that together hold CORE of a distribution, normalised; the others zero."""
    order = np.argsort(flat, axis=None)[::-1]
    held = np.cumsum(flat.ravel()[order])
    last = int(np.searchsorted(held, CORE * held[-1]))
    out = np.zeros(flat.size)
    kept = order[: last + 1]
    out[kept] = flat.ravel()[kept]
    core: F64 = (out / out.sum()).reshape(flat.shape)
    return core
