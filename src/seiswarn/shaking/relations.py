"""From magnitude and place to shaking at many sites: the relations of the configuration behind one call.

    relations = Relations(params)
    sites = relations.sites(latitude, longitude, vs30_mps)  # once
    shaking = relations.at(source, sites)  # per forecast

A pure function of its arguments: no clock, no state besides what the fixed sites decide.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from seiswarn.errors import UsageError
from seiswarn.geo import azimuth_deg, line_distances_km
from seiswarn.shaking.components import between, converted
from seiswarn.shaking.conversion import CONVERSIONS
from seiswarn.shaking.distance import (
    Line,
    Paths,
    epicentral_km,
    mean_rupture_distances_km,
    middle,
    off_strike_rad,
    rupture_top_km,
    unit_vectors,
)
from seiswarn.shaking.gmpe import GMPES
from seiswarn.shaking.gmpe.base import GroundMotion
from seiswarn.shaking.ipe import IPES
from seiswarn.shaking.params import Params

F64 = npt.NDArray[np.float64]
VECTOR = "vector"  # what stations observe: peaks of the three-component vector sum


@dataclass(frozen=True, slots=True)
class Source:
    """An earthquake as far as it is known: moment magnitude, hypocentre, and what is known of its rupture.

    `line`: the rupture as a line, latitude and longitude of both ends. `strike_deg`: its strike where no line
    is known; None: that of the configuration, if any.
    """

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
        """Raises UsageError where the intensity prediction equation and the conversion differ in scale."""
        self._params = params
        self._gmpe = GMPES[params.gmpe](params)
        self._conversion = CONVERSIONS[params.conversion]()
        self._ipe = IPES[params.ipe]() if params.ipe else None
        self.scale = self._conversion.NAME
        wanted = self._conversion.COMPONENT
        given = self._gmpe.COMPONENT if params.component else wanted
        self._component = between(given, wanted)
        # What stations observe is known, whatever the model; 50 km and M 5.5 stand for all.
        a, v = between(VECTOR, wanted)
        self._observed = (a.c0, v.c0)
        self.method = f"{self._gmpe.NAME}+{self._conversion.NAME}"
        if self._ipe is not None:
            self.method = f"{self._gmpe.NAME}, {self._ipe.NAME}"
            if self.scale != self._ipe.SCALE:
                raise UsageError(
                    f"shaking.ipe = {params.ipe} predicts {self._ipe.SCALE}, shaking.conversion ="
                    f" {params.conversion} gives {self.scale}: choose a conversion to {self._ipe.SCALE}"
                )
        used = (self._gmpe, self._conversion, *((self._ipe,) if self._ipe else ()))
        self._needs = frozenset(name for r in used for name in r.NEEDS)
        self._ranges = [item for r in used for item in r.VALID.items()]
        self._unverified = tuple(f"{r.NAME}: {r.REFERENCE}" for r in used if not r.VERIFIED)

    def unverified(self) -> tuple[str, ...]:
        """Name and reference of the relations in use that no golden table stands for."""
        return self._unverified

    def sites(self, latitude: F64, longitude: F64, vs30_mps: F64) -> Sites:
        """Sites, (n,) each; where Vs30 is not positive (or NaN) the default of the configuration holds."""
        known = np.where(vs30_mps > 0.0, vs30_mps, self._params.default_vs30_mps)
        return Sites(np.asarray(latitude), np.asarray(longitude), known)

    def warm(self) -> None:
        """Compile what `at` runs, so that the first forecast does not."""
        one = np.ones(1)
        sites = self.sites(one, one, 400.0 * one)
        for strike in (None, 0.0):
            self.at(Source(6.0, 0.3, 0.0, 0.0, 10.0, None, strike), sites)

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
        # The equation for intensity has its own part of the magnitude: motions are then told, not propagated.
        asked = magnitudes if self._ipe is None else magnitudes[:1]
        motions = [self._gmpe.motions(m, p, terms) for m, p in zip(asked, paths, strict=False)]
        intensity, per_ln, tau, phi, moved = self._intensity(magnitudes, paths, motions)
        squared = phi * phi + tau * tau
        if moved is not None:
            squared += moved * moved
        return Shaking(
            repi_km=paths[0].repi_km,
            ln_pga=motions[0].ln_pga,
            ln_pgv=motions[0].ln_pgv,
            intensity=intensity,
            sigma=np.sqrt(squared),
            tau=tau,
            phi=phi,
            per_ln=per_ln,
            valid=self._valid(source.magnitude, paths[0], sites, intensity),
        )

    def _intensity(
        self, magnitudes: list[float], paths: list[Paths], motions: list[GroundMotion]
    ) -> tuple[F64, F64, F64, F64, F64 | None]:
        """Intensity, its growth per ln of both motions, tau, phi, and its change by a sigma of magnitude."""
        median = motions[0]
        pga, pgv = self._wanted(magnitudes[0], paths[0], median)
        intensity, per_a, per_v = self._conversion.convert(pga, pgv)
        moved = None
        if self._ipe is not None:
            made = [self._ipe.predict(m, p) for m, p in zip(magnitudes, paths, strict=True)]
            if len(made) > 1:
                moved = 0.5 * (made[1].intensity - made[2].intensity)
            return made[0].intensity, per_a + per_v, made[0].tau, made[0].phi, moved
        tau = per_a * median.tau_pga + per_v * median.tau_pgv
        phi = per_a * median.phi_pga + per_v * median.phi_pgv
        ratio = per_a * self._component[0].sigma + per_v * self._component[1].sigma
        phi = np.sqrt(phi * phi + ratio * ratio + self._conversion.SCATTER**2)
        if len(motions) > 1:
            high, low = motions[1:]
            moved = 0.5 * (per_a * (high.ln_pga - low.ln_pga) + per_v * (high.ln_pgv - low.ln_pgv))
        return intensity, per_a + per_v, tau, phi, moved

    def _wanted(self, magnitude: float, path: Paths, motion: GroundMotion) -> tuple[F64, F64]:
        """Ln PGA and ln PGV of the component that the conversion is made for."""
        a, v = self._component
        if a == v:  # the same component
            return motion.ln_pga, motion.ln_pgv
        return converted(self._component, magnitude, path.rrup_km, motion.ln_pga, motion.ln_pgv)

    def observed(self, pga_mps2: F64, pgv_mps: F64) -> F64:
        """Intensity of motions as they were observed, (n,) each: vector peaks in m/s^2 and m/s, positive."""
        tiny = 1e-9
        intensity, _, _ = self._conversion.convert(
            np.log(np.maximum(pga_mps2, tiny)) + self._observed[0],
            np.log(np.maximum(pgv_mps, tiny)) + self._observed[1],
        )
        return intensity

    def on_scale(self, intensity: F64) -> F64:
        """Intensities, once observed motion or the ground has moved them, within the ends of the scale."""
        result: F64 = np.clip(intensity, *self._conversion.VALID.get("intensity", (-np.inf, np.inf)))
        return result

    def epicentre(self, source: Source) -> Shaking:
        """Shaking at the epicentre on the reference ground, as of a point source of certain magnitude."""
        here = np.array([source.latitude]), np.array([source.longitude])
        sites = Sites(*here, np.array([self._params.reference_vs30_mps]))
        return self.at(replace(source, line=None, magnitude_sigma=0.0), sites)

    def _terms(self, sites: Sites) -> F64:
        kept = sites._kept
        if self._gmpe.NAME not in kept:
            kept[self._gmpe.NAME] = self._gmpe.site_terms(sites.vs30_mps)
        return kept[self._gmpe.NAME]

    def _paths(self, source: Source, sites: Sites, magnitudes: list[float]) -> list[Paths]:
        """Distances of every site, for each of the magnitudes."""
        places = sites.places()
        repi = epicentral_km(source.latitude, source.longitude, places)
        if source.line is not None:
            near = line_distances_km(*source.line, sites.latitude, sites.longitude)
            rjb = [near] * len(magnitudes)
        elif self._params.distance == "mean_rupture":
            rjb = list(mean_rupture_distances_km(repi, magnitudes))
        else:
            rjb = [repi] * len(magnitudes)
        centre, off_strike = self._ellipse(source, places, repi)
        made: list[Paths] = []
        for magnitude, reach in zip(magnitudes, rjb, strict=True):
            rrup = reach  # of the median the components need it too
            if not made or "rrup_km" in self._needs:
                top = rupture_top_km(magnitude, source.depth_km)
                rrup = np.sqrt(reach * reach + top * top)
            made.append(Paths(repi, reach, rrup, centre, off_strike, source.depth_km))
        return made

    def _ellipse(self, source: Source, places: F64, repi: F64) -> tuple[F64, F64 | None]:
        """Distances from the middle of the rupture, and angles from its strike; None: strike unknown."""
        if "off_strike_rad" not in self._needs:
            return repi, None
        if source.line is not None:
            lat, lon = middle(source.line)
            strike = azimuth_deg(lat, lon, source.line[2], source.line[3])
            return epicentral_km(lat, lon, places), off_strike_rad(lat, lon, strike, places)
        assumed = self._params.strike_deg if self._params.strike_deg >= 0.0 else None
        told = source.strike_deg if source.strike_deg is not None else assumed
        if told is None:
            return repi, None
        return repi, off_strike_rad(source.latitude, source.longitude, told, places)

    def _valid(self, magnitude: float, paths: Paths, sites: Sites, intensity: F64) -> npt.NDArray[np.bool_]:
        """Whether each site is inside every range that the relations in use declare."""
        good = np.ones(len(sites), dtype=np.bool_)
        own: dict[str, F64] = {
            "magnitude": np.array(magnitude),
            "vs30_mps": sites.vs30_mps,
            "intensity": intensity,
        }
        for name, (low, high) in self._ranges:
            value = own[name] if name in own else getattr(paths, name)
            good &= (value >= low) & (value <= high)
        return good
