"""One forecast: source, observed motion, and which of both is to be believed at each place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from seiswarn.errors import InvariantError
from seiswarn.forecast_arrays import FieldArrays
from seiswarn.forecast_field import Basis
from seiswarn.shaking import kernels
from seiswarn.shaking.correction import NUGGET, Correction, Residuals, Weights, correct, weigh
from seiswarn.shaking.params import Params
from seiswarn.shaking.places import Places
from seiswarn.shaking.plum import SIGMAS, Wavefield, spread
from seiswarn.shaking.relations import Relations, Source
from seiswarn.stations import StationTable

F64 = npt.NDArray[np.float64]
B1 = npt.NDArray[np.bool_]
I64 = npt.NDArray[np.int64]
Trust = Callable[[F64, F64], F64]  # observed and likely intensity (n_st,) to what is borne out

# Fall of intensity per natural logarithm of distance: amplitudes fall as 1/R of body waves in the models here
# (BSSA14: 1.1 to 0.6 as M grows, and anelastic), times the 1.4 degrees per logarithm of GB/T 17742-2020.
FALL_PER_LN = 1.5
LEAST = 1.5  # where the intensity that people feel begins


class TravelTimes(Protocol):
    """P and S travel times in seconds, finite for any distance and depth not negative."""

    def times(self, distances_km: F64, depth_km: float, /) -> tuple[F64, F64]: ...


@dataclass(frozen=True, slots=True)
class Heard:
    """What stations say about one event: indices (m,), intensity observed, whether its peak is over.

    While the event is `growing` what was felt so far does not lower what is forecast everywhere.
    """

    station: I64
    intensity: F64
    complete: B1
    growing: bool = False  # the magnitude still rises


@dataclass(frozen=True, slots=True)
class Evidence:
    """What observed motion means for one event: weighed residuals, and levels for the wavefield.

    `level` (n_st,) is trusted intensity on reference ground, `beyond` (n_st,) the same only where it is more
    than the source explains.
    """

    weights: Weights
    level: F64
    beyond: F64


def place_scatter(repi_km: F64, depth_km: float, place_sigma_km: float) -> F64:
    """(n,) scatter of intensity that comes with an epicentre uncertain by `place_sigma_km`."""
    result: F64 = FALL_PER_LN * np.log1p(place_sigma_km / np.maximum(np.hypot(repi_km, depth_km), 1.0))
    return result


class Forecaster:
    """Relations, travel times and a network, applied to places."""

    def __init__(
        self, params: Params, relations: Relations, table: StationTable, travel_time: TravelTimes
    ) -> None:
        self._params = params
        self._relations = relations
        self._travel_time = travel_time
        self._latitude, self._longitude = table.st_latitude, table.st_longitude
        self._vs30 = table.st_vs30_mps
        self._n = table.n_stations
        self._thresholds = np.array(params.thresholds, dtype=np.float64)

    def evidence(
        self, source: Source, heard: Heard, trust: Trust, ground: F64, place_sigma_km: float
    ) -> Evidence:
        """What `heard` means.

        `trust` says how much of each reading is borne out, given what `source` makes likely; `ground`
        (n_st,) is what the ground of each station adds to intensity; `place_sigma_km` how uncertain the
        epicentre is, which makes residuals near it say little.
        """
        k = heard.station
        sites = self._relations.sites(self._latitude[k], self._longitude[k], self._vs30[k])
        known = self._relations.at(source, sites)
        level, beyond, likely, seen = (np.zeros(self._n) for _ in range(4))
        likely[k] = known.intensity + SIGMAS * known.sigma
        seen[k] = heard.intensity
        borne_out = trust(seen, likely)[k]
        level[k] = np.where(borne_out > LEAST, borne_out - ground[k], 0.0)
        unexplained = borne_out > known.intensity + self._params.wavefield_sigmas * known.sigma
        beyond[k] = np.where(unexplained, level[k], 0.0)
        # A reading that nothing bears out is no residual either; and where nothing is felt, and nothing was
        # forecast to be, a scale that ends at one says nothing.
        sound = (heard.intensity <= borne_out) & (np.maximum(heard.intensity, known.intensity) > LEAST)
        residuals = Residuals(
            k[sound],
            self._latitude[k[sound]],
            self._longitude[k[sound]],
            heard.intensity[sound],
            (heard.intensity - known.intensity)[sound],
            heard.complete[sound],
            place_scatter(known.repi_km, source.depth_km, place_sigma_km)[sound],
        )
        phi = float(np.median(known.phi)) if len(k) else 0.0
        whole = float(np.median(known.sigma)) if len(k) else 0.0
        tau = float(np.sqrt(max(0.0, whole**2 - phi**2)))
        least = 0.0 if heard.growing else -np.inf
        weights = weigh(residuals, self._n, tau, phi, self._params.residual_range_km, least)
        return Evidence(weights, level, beyond)

    def epicentre(self, source: Source) -> tuple[float, float, float]:
        """Intensity, PGA (m/s^2) and PGV (m/s) at the epicentre, on the reference ground."""
        known = self._relations.epicentre(source)
        return float(known.intensity[0]), float(np.exp(known.ln_pga[0])), float(np.exp(known.ln_pgv[0]))

    def at(
        self, source: Source, evidence: Evidence | None, places: Places, place_sigma_km: float
    ) -> FieldArrays:
        """The forecast at `places`, of a source whose epicentre is uncertain by `place_sigma_km`."""
        known = self._relations.at(source, places.sites)
        n, m = len(places), self._params
        basis = np.full(n, int(Basis.SOURCE | (Basis.LINE if source.line is not None else 0)), np.uint8)
        moved, tau_share = Correction(np.zeros(n), np.ones(n)), 1.0
        if evidence is not None:
            moved = correct(evidence.weights, places.near, m.residual_range_km)
            tau_share = evidence.weights.tau_share
        phi2 = known.phi**2
        place = place_scatter(known.repi_km, source.depth_km, place_sigma_km)
        shared2 = np.maximum(known.sigma**2 - phi2, 0.0) * tau_share
        sigma = np.sqrt(shared2 + phi2 * moved.phi_share + place * place)
        intensity = known.intensity + moved.intensity
        basis[moved.phi_share < 1.0] |= int(Basis.CORRECTED)
        around = Wavefield(np.zeros(n), np.zeros(n))
        outside = ~known.valid
        if evidence is not None and evidence.level.any():
            around = spread(places.near, evidence.level, places.ground, m.plum_radius_km)
            intensity, sigma, decides = self._stronger(evidence, places, intensity, sigma, known.phi)
            basis[decides] = int(Basis.WAVEFIELD)
            outside &= ~decides
        basis[outside] |= int(Basis.OUTSIDE)
        factor = (intensity - known.intensity) / known.per_ln
        p_s, s_s = self._travel_time.times(known.repi_km, source.depth_km)
        _insist_finite(intensity=intensity, sigma=sigma, p_s=p_s, s_s=s_s)
        return FieldArrays(
            distance_km=known.repi_km,
            intensity=self._relations.on_scale(intensity),
            intensity_sigma=sigma,
            intensity_source=known.intensity,
            intensity_wavefield=around.intensity,
            pga_mps2=np.exp(known.ln_pga + factor),
            pgv_mps=np.exp(known.ln_pgv + factor),
            p_s=p_s,
            s_s=s_s,
            basis=basis,
            exceed=self._exceedance(intensity, sigma),
        )

    def _stronger(
        self, evidence: Evidence, places: Places, intensity: F64, sigma: F64, phi: F64
    ) -> tuple[F64, F64, B1]:
        """The forecast where the wavefield says more than the source, and more than the source explains."""
        m = self._params
        if not evidence.beyond.any():
            return intensity, sigma, np.zeros(len(places), np.bool_)
        more = spread(places.near, evidence.beyond, places.ground, m.plum_radius_km)
        decides = more.intensity > intensity
        return (
            np.where(decides, more.intensity, intensity),
            np.where(decides, self._wavefield_sigma(more.away_km, phi), sigma),
            decides,
        )

    def observed_at(
        self, source: Source, level: F64, log_pga: F64, log_pgv: F64, places: Places
    ) -> FieldArrays:
        """The forecast at `places` from observed motion alone.

        `source` is no more than where and when it began; `level` (n_st,) intensity on reference ground,
        `log_pga` and `log_pgv` (n_st,) ln of 1e6 times the peaks (above 0 where there are any).
        """
        km, n = self._params.plum_radius_km, len(places)
        around = spread(places.near, level, places.ground, km)
        flat = np.zeros(n)
        pga = spread(places.near, log_pga, flat, km).intensity
        pgv = spread(places.near, log_pgv, flat, km).intensity
        point = Source(6.0, 0.0, source.latitude, source.longitude, source.depth_km)
        distance = self._relations.at(point, places.sites)
        p_s, s_s = self._travel_time.times(distance.repi_km, source.depth_km)
        there = around.intensity > 0.0
        sigma = np.where(there, self._wavefield_sigma(around.away_km, distance.phi), 0.0)
        return FieldArrays(
            distance_km=distance.repi_km,
            intensity=np.where(there, self._relations.on_scale(around.intensity), 0.0),
            intensity_sigma=sigma,
            intensity_source=flat,
            intensity_wavefield=around.intensity,
            pga_mps2=np.where(pga > 0.0, 1e-6 * np.exp(pga), 0.0),
            pgv_mps=np.where(pgv > 0.0, 1e-6 * np.exp(pgv), 0.0),
            p_s=p_s,
            s_s=s_s,
            basis=np.where(there, int(Basis.WAVEFIELD), 0).astype(np.uint8),
            exceed=self._exceedance(around.intensity, sigma),
        )

    def warm(self, source: Source, places: Places) -> None:
        """Compile or load every kernel that a forecast runs."""
        one = np.zeros(1)
        residuals = Residuals(np.zeros(1, np.int64), one, one, one, one + 1.0, np.ones(1, np.bool_), one)
        level = np.ones(self._n)
        weights = weigh(residuals, self._n, 0.3, 0.6, self._params.residual_range_km)
        self.at(source, Evidence(weights, level, level), places, 10.0)

    def blind_zone_km(self, depth_km: float, since_origin_s: float) -> float:
        """Epicentral distance that S has reached so many seconds after the origin."""
        distance = np.arange(0.0, 1001.0, 2.0)
        _, s_s = self._travel_time.times(distance, depth_km)
        if since_origin_s <= s_s[0]:
            return 0.0
        return float(np.interp(since_origin_s, s_s, distance))

    def _exceedance(self, intensity: F64, sigma: F64) -> F64:
        out = np.empty((len(intensity), len(self._thresholds)))
        kernels.exceedance(intensity, sigma, self._thresholds, out)
        return out

    def _wavefield_sigma(self, away_km: F64, phi: F64) -> F64:
        """Scatter between two places so far apart: twice the variance they do not have in common."""
        x = np.minimum(away_km / self._params.residual_range_km, 1.0)
        # The plain Python function takes arrays too, and costs no compiling.
        alike = kernels.spherical.py_func(x) / (1.0 + NUGGET)
        result: F64 = phi * np.sqrt(2.0 * (1.0 - alike))
        return result


def _insist_finite(**columns: F64) -> None:
    """Raises InvariantError: a forecast that is no number must never become a warning, or silence."""
    for name, column in columns.items():
        if not np.isfinite(column).all():
            raise InvariantError(
                f"{name} of a forecast is not finite at {(~np.isfinite(column)).sum()} places"
            )
