"""From magnitude and place to shaking at many sites: the relations of the configuration behind one call.

    relations = Relations(params)
    sites = relations.sites(latitude, longitude, vs30_mps)  # once
    shaking = relations.at(source, sites)  # per forecast

A pure function of its arguments: no clock, no state besides what the fixed sites decide.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from seiswarn.geo import line_distances_km
from seiswarn.shaking.conversion import CONVERSIONS
from seiswarn.shaking.distance import (
    Paths,
    fill_repi,
    mean_rupture_distances_km,
    rupture_top_km,
    unit_vectors,
)
from seiswarn.shaking.gmpe import GMPES
from seiswarn.shaking.params import Params

F64 = npt.NDArray[np.float64]
Line = tuple[float, float, float, float]  # latitude and longitude of one end, and of the other, in degrees


@dataclass(frozen=True, slots=True)
class Source:
    """An earthquake as far as it is known: moment magnitude, hypocentre, and what is known of its rupture."""

    magnitude: float
    magnitude_sigma: float
    latitude: float
    longitude: float
    depth_km: float
    line: Line | None = None
    strike_deg: float | None = None


@dataclass(frozen=True, slots=True)
class Sites:
    """Places of forecasts, (n,) each: degrees, and Vs30 in m/s (positive). What they alone decide is kept."""

    latitude: F64
    longitude: F64
    vs30_mps: F64
    _kept: dict[str, F64] = field(default_factory=dict, repr=False, compare=False)

    def places(self) -> F64:
        """(3, n) unit vectors."""
        if "places" not in self._kept:
            self._kept["places"] = unit_vectors(self.latitude, self.longitude)
        return self._kept["places"]

    def __len__(self) -> int:
        return len(self.latitude)


@dataclass(frozen=True, slots=True)
class Shaking:
    """Median shaking at sites and its scatter, (n,) each.

    `repi_km` epicentral distance; `ln_pga` and `ln_pgv` natural logarithms of m/s^2 and m/s, of the
    component that the ground-motion model predicts; `intensity` on the scale of the conversion; `tau` and
    `phi` its scatter between and within events, `sigma` the total, with the part of the magnitude's
    uncertainty; `per_ln`: what the intensity gains when both
    logarithms grow by one; `valid`: inside the ranges that the authors of the relations give.
    """

    repi_km: F64
    ln_pga: F64
    ln_pgv: F64
    intensity: F64
    sigma: F64
    tau: F64
    phi: F64
    per_ln: F64
    valid: npt.NDArray[np.bool_]


class Relations:
    """The configured ground-motion model and conversion, applied to whole arrays of sites."""

    def __init__(self, params: Params) -> None:
        self._params = params
        self._gmpe = GMPES[params.gmpe](params)
        self._conversion = CONVERSIONS[params.conversion]()
        self.method = f"{self._gmpe.NAME}+{self._conversion.NAME}"
        self.scale = self._conversion.NAME

    def unverified(self) -> tuple[str, ...]:
        """Names of the relations in use that no golden table stands for."""
        return tuple(r.NAME for r in (self._gmpe, self._conversion) if not r.VERIFIED)

    def sites(self, latitude: F64, longitude: F64, vs30_mps: F64) -> Sites:
        """Sites, (n,) each; where Vs30 is not positive (or NaN) the default of the configuration holds."""
        known = np.where(vs30_mps > 0.0, vs30_mps, self._params.default_vs30_mps)
        return Sites(np.asarray(latitude), np.asarray(longitude), known)

    def warm(self) -> None:
        """Compile what `at` runs, so that the first forecast does not."""
        one = np.ones(1)
        self.at(Source(6.0, 0.3, 0.0, 0.0, 10.0), self.sites(one, one, 400.0 * one))

    def at(self, source: Source, sites: Sites) -> Shaking:
        """Shaking of `source` at `sites`.

        The part of the magnitude's uncertainty is of first order: half the difference between the motions of
        one sigma above and one below, its distances included. PGA and PGV are taken as fully correlated,
        which gives the upper bound of the scatter where both count.
        """
        spread = source.magnitude_sigma if self._params.magnitude_sigma else 0.0
        magnitudes = [source.magnitude]
        if spread > 0.0:
            magnitudes += [source.magnitude + spread, source.magnitude - spread]
        paths = self._paths(source, sites, magnitudes)
        terms = self._terms(sites)
        motions = [self._gmpe.motions(m, p, terms) for m, p in zip(magnitudes, paths, strict=True)]
        median = motions[0]
        intensity, per_a, per_v = self._conversion.convert(median.ln_pga, median.ln_pgv)
        tau = per_a * median.tau_pga + per_v * median.tau_pgv
        phi = per_a * median.phi_pga + per_v * median.phi_pgv
        squared = phi * phi + self._conversion.SCATTER**2
        phi = np.sqrt(squared)
        squared += tau * tau
        if spread > 0.0:
            high, low = motions[1:]
            moved = 0.5 * (per_a * (high.ln_pga - low.ln_pga) + per_v * (high.ln_pgv - low.ln_pgv))
            squared += moved * moved
        return Shaking(
            repi_km=paths[0].repi_km,
            ln_pga=median.ln_pga,
            ln_pgv=median.ln_pgv,
            intensity=intensity,
            sigma=np.sqrt(squared),
            tau=tau,
            phi=phi,
            per_ln=per_a + per_v,
            valid=self._valid(source.magnitude, paths[0], sites),
        )

    def observed(self, pga_mps2: F64, pgv_mps: F64) -> F64:
        """Intensity of motions as they were observed, (n,) each: vector peaks in m/s^2 and m/s, positive."""
        tiny = 1e-9
        intensity, _, _ = self._conversion.convert(
            np.log(np.maximum(pga_mps2, tiny)), np.log(np.maximum(pgv_mps, tiny))
        )
        return intensity

    def epicentral_intensity(self, source: Source) -> float:
        """Intensity at the epicentre on the reference ground, as of a point source."""
        here = np.array([source.latitude]), np.array([source.longitude])
        sites = Sites(*here, np.array([self._params.reference_vs30_mps]))
        point = Source(
            source.magnitude, 0.0, source.latitude, source.longitude, source.depth_km, None, source.strike_deg
        )
        return float(self.at(point, sites).intensity[0])

    def _terms(self, sites: Sites) -> F64:
        kept = sites._kept
        if self._gmpe.NAME not in kept:
            kept[self._gmpe.NAME] = self._gmpe.site_terms(sites.vs30_mps)
        return kept[self._gmpe.NAME]

    def _paths(self, source: Source, sites: Sites, magnitudes: list[float]) -> list[Paths]:
        """Distances of every site, for each of the magnitudes."""
        repi = np.empty(len(sites))
        here = unit_vectors(np.array(source.latitude), np.array(source.longitude))
        fill_repi(here, *sites.places(), repi)
        if source.line is not None:
            near = line_distances_km(*source.line, sites.latitude, sites.longitude)
            rjb = [near] * len(magnitudes)
        elif self._params.distance == "mean_rupture":
            rjb = list(mean_rupture_distances_km(repi, magnitudes))
        else:
            rjb = [repi] * len(magnitudes)
        made = []
        for magnitude, reach in zip(magnitudes, rjb, strict=True):
            rrup = reach
            if "rrup_km" in self._gmpe.NEEDS:
                rrup = np.hypot(reach, rupture_top_km(magnitude, source.depth_km))
            made.append(Paths(repi, reach, rrup, repi, None, source.depth_km))
        return made

    def _valid(self, magnitude: float, paths: Paths, sites: Sites) -> npt.NDArray[np.bool_]:
        """Whether each site is inside every range that the ground-motion model declares."""
        good = np.ones(len(sites), dtype=np.bool_)
        for name, (low, high) in self._gmpe.VALID.items():
            value = self._given(name, magnitude, paths, sites)
            good &= (value >= low) & (value <= high)
        return good

    def _given(self, name: str, magnitude: float, paths: Paths, sites: Sites) -> F64:
        """An input of the ground-motion model by the name that NEEDS and VALID have for it."""
        if name == "magnitude":
            return np.array(magnitude)
        found: F64 = np.asarray(sites.vs30_mps if name == "vs30_mps" else getattr(paths, name))
        return found
