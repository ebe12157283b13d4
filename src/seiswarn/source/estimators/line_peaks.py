"""What a line source is fitted to: the largest motions of stations so far.

Both peaks of a station go into one number of unit sigma, as what they add to each other is little. How
far S waves have gone by the end of the data says which parts of a rupture a station has felt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seiswarn import geo
from seiswarn.source import attenuation

F64 = npt.NDArray[np.float64]

# Residuals of PGA and PGV at one station go together (Bradley 2012, Earthquake Spectra 28, 37-54).
PGA_PGV_CORRELATION = 0.733
# So do those of neighbours: exp(-3 d / b), b between 8.5 and 41 km for PGA (Jayaram and Baker 2009,
# Earthquake Engng Struct. Dyn. 38, 1687-1708).
CORRELATION_KM = 20.0
# S waves in the crust.
SLOW_S_KMPS, FAST_S_KMPS = 3.3, 3.7
STRONG_S = 3.0  # the peak is over this long after S of the nearest part
MAX_DISTANCE_KM = 300.0  # of the attenuation
MAX_STATIONS = 100
MIN_STATIONS = 3


@dataclass(frozen=True, slots=True)
class Peaks:
    """Largest motions of stations since P of the event, (n,) each; NaN: that measure is not known."""

    latitude: F64
    longitude: F64
    pga_mps2: F64
    pgv_mps: F64
    until_s: F64  # up to when the motion is known, after the origin
    at_least: npt.NDArray[np.bool_]  # clipped or otherwise cut short: the truth may be larger


@dataclass(frozen=True, slots=True)
class Epicentre:
    """Where the rupture began, with the one-sigma ellipse."""

    latitude: float
    longitude: float
    depth_km: float
    major_km: float = 0.0
    minor_km: float = 0.0
    azimuth_deg: float = 0.0


def station_weights() -> tuple[tuple[float, float], ...]:
    """Weights of log10 PGA and PGV that make one residual of unit sigma: from both, from either alone."""
    a, v = 1.0 / attenuation.PGA_SIGMA, 1.0 / attenuation.PGV_SIGMA
    both = 1.0 / math.sqrt(2.0 * (1.0 + PGA_PGV_CORRELATION))
    return (a * both, v * both), (a, 0.0), (0.0, v)


@dataclass(frozen=True, slots=True)
class Seen:
    """Peaks as the kernels take them, in an order of their own."""

    north_km: F64
    east_km: F64
    observed: F64
    weight: F64
    both_ways: F64
    s_sure_km: F64
    s_may_km: F64
    which: npt.NDArray[np.int64]

    @classmethod
    def of(cls, p: Peaks, e: Epicentre) -> Seen | None:
        distance = geo.distances_km(e.latitude, e.longitude, p.latitude, p.longitude)
        has_a, has_v = p.pga_mps2 > 0.0, p.pgv_mps > 0.0
        usable = np.flatnonzero((distance <= MAX_DISTANCE_KM) & (has_a | has_v) & np.isfinite(p.until_s))
        if len(usable) < MIN_STATIONS:
            return None
        keys = (p.pgv_mps, p.pga_mps2, p.longitude, p.latitude, distance)
        order = usable[np.lexsort(tuple(k[usable] for k in keys))]
        if len(order) > MAX_STATIONS:  # every so-many-th by distance
            order = order[np.linspace(0, len(order) - 1, MAX_STATIONS).round().astype(np.int64)]
        d, which = distance[order], np.where(has_a & has_v, 0, np.where(has_a, 1, 2))[order]
        la, lv = np.zeros(len(order)), np.zeros(len(order))
        np.log10(p.pga_mps2[order], out=la, where=has_a[order])
        np.log10(p.pgv_mps[order], out=lv, where=has_v[order])
        weights = np.array(station_weights())[which]
        azimuth = _azimuths(e, p.latitude[order], p.longitude[order])
        north, east = d * np.cos(azimuth), d * np.sin(azimuth)
        near: F64 = np.hypot(north[:, None] - north, east[:, None] - east)
        return cls(
            north_km=north,
            east_km=east,
            observed=weights[:, 0] * la + weights[:, 1] * lv,
            weight=1.0 / np.exp(-3.0 / CORRELATION_KM * near).sum(axis=1),
            both_ways=np.where(p.at_least[order], 0.0, 1.0),
            s_sure_km=SLOW_S_KMPS * (p.until_s[order] - STRONG_S),
            s_may_km=FAST_S_KMPS * p.until_s[order],
            which=which.astype(np.int64),
        )


def _azimuths(e: Epicentre, lats: F64, lons: F64) -> F64:
    """Azimuths in radians from the epicentre to points."""
    p1, p2, dl = math.radians(e.latitude), np.radians(lats), np.radians(lons - e.longitude)
    north = math.cos(p1) * np.sin(p2) - math.sin(p1) * np.cos(p2) * np.cos(dl)
    result: F64 = np.arctan2(np.sin(dl) * np.cos(p2), north)
    return result
