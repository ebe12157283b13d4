"""Plain twin of the line likelihood, one rupture at a time, written from the docstrings; true ruptures."""

from __future__ import annotations

import math

import numpy as np

from seiswarn import geo
from seiswarn.source import attenuation as att
from seiswarn.source.estimators.line_peaks import Epicentre, Peaks

F64 = np.ndarray
CORRELATION = 0.733  # of the residuals of PGA and PGV
RUPTURE_KMPS, S_KMPS, RISE_S = 2.9, 3.5, 1.0


def expected(magnitude: float, distance_km: float, depth_km: float) -> float:
    """Expected log10 PGA / 0.27 + log10 PGV / 0.23, scaled so that its sigma is one."""
    top = max(depth_km - 0.5 * 10 ** (0.32 * magnitude - 1.01), 1.0)
    x = math.hypot(distance_km, top)
    pga, pgv = att.pga_mps2(magnitude, x, depth_km), att.pgv_mps(magnitude, x, depth_km)
    return float((np.log10(pga) / 0.27 + np.log10(pgv) / 0.23) / math.sqrt(2 * (1 + CORRELATION)))


def row_below(distance_km: float) -> float:
    """The distance of the table of expected motions that comes before."""
    return (int(math.sqrt(distance_km) * 5.0) / 5.0) ** 2


def felt_to(along: float, across: float, depth_km: float, s_km: float, slowness: float) -> float | None:
    """Farthest point of a rupture towards a station that has been felt there, found by trying."""
    x = np.linspace(0.0, along, 20001)
    came = slowness * x + np.sqrt((along - x) ** 2 + across**2 + depth_km**2) <= s_km
    return float(x[came].max()) if came.any() else None


def log_likelihood(
    station: tuple[float, float, float],
    both_ways: bool,
    s_km: tuple[float, float],
    slowness: tuple[float, float],
    depth_km: float,
    strike_rad: float,
    offset_km: float,
    reach_km: tuple[float, float],
    magnitude: float,
    middle: float,
) -> float:
    """Of one station (north, east, observed) under a rupture that reaches back and ahead."""
    north, east, observed = station
    along = north * math.cos(strike_rad) + east * math.sin(strike_rad)
    across = east * math.cos(strike_rad) - north * math.sin(strike_rad) - offset_km
    reach = reach_km[1] if along >= 0 else reach_km[0]
    along = abs(along)
    sure = felt_to(along, across, depth_km, s_km[0], slowness[0])
    may = felt_to(along, across, depth_km, s_km[1], slowness[1]) or 0.0
    high = expected(magnitude, math.hypot(along - min(may, reach), across), depth_km)
    z = max(observed - high, 0.0)
    if both_ways and sure is not None:
        low = expected(magnitude, math.hypot(along - min(sure, reach), across), depth_km)
        z += min(observed - low, 0.0)
    spread = 0.0
    if (sure or 0.0) != may:
        # By the middle magnitude of a grid, from the nearest rows of its table of expected motions.
        near, far = (
            expected(middle, row_below(math.hypot(along - min(x, reach), across)), depth_km)
            for x in (may, sure or 0.0)
        )
        spread = math.log(1.0 + max(near - far, 0.0) / math.sqrt(2 * math.pi))
    return -min(0.5 * z * z + spread, -math.log(0.02))


def shaken(
    seed: int,
    magnitude: float,
    length_km: float,
    strike_deg: float,
    behind: float,
    n: int,
    now_s: float,
    *,
    sigma: float = 0.25,
    common: float = 0.15,
    half_km: float = 150.0,
) -> tuple[Peaks, Epicentre]:
    """Peaks so far at `n` stations around a growing rupture, with a share `behind` of it on one side.

    Before the first S waves a quarter of what they bring. The epicentre is off by 2 km.
    """
    rng = np.random.default_rng(seed)
    depth = 10.0
    east, north = rng.uniform(-half_km, half_km, n), rng.uniform(-half_km, half_km, n)
    cs, sn = math.cos(math.radians(strike_deg)), math.sin(math.radians(strike_deg))
    along, across = north * cs + east * sn, east * cs - north * sn
    x = np.linspace(-behind * length_km, (1 - behind) * length_km, int(length_km) + 2)
    horizontal = np.hypot(along[:, None] - x, across[:, None])
    came = np.abs(x) / RUPTURE_KMPS + np.hypot(horizontal, depth) / S_KMPS + RISE_S <= now_s
    nearest = np.where(came, horizontal, np.inf).min(axis=1)
    only_p = ~np.isfinite(nearest)
    nearest = np.where(only_p, np.hypot(north, east), nearest)
    fault = np.hypot(nearest, max(depth - 0.5 * 10 ** (0.32 * magnitude - 1.01), 1.0))
    first = rng.normal(0.0, sigma, n)
    second = CORRELATION * first + math.sqrt(1 - CORRELATION**2) * rng.normal(0.0, sigma, n)
    level = rng.normal(0.0, common) + np.where(only_p, math.log10(0.25), 0.0)
    pga = att.pga_mps2(magnitude, fault, depth) * 10 ** (level + first)
    pgv = att.pgv_mps(magnitude, fault, depth) * 10 ** (level + second)
    lat0, lon0 = 37.0, 37.0
    lat = lat0 + north / geo.DEG_KM
    lon = lon0 + east / (geo.DEG_KM * math.cos(math.radians(lat0)))
    lat_e, lon_e = geo.offset_deg(lat0, lon0, rng.normal(0.0, 2.0), rng.normal(0.0, 2.0))
    p_came = np.hypot(np.hypot(north, east), depth) / 6.0 < now_s - 1.0
    m = int(p_came.sum())
    until, whole = np.full(m, now_s), np.zeros(m, dtype=bool)
    peaks = Peaks(lat[p_came], lon[p_came], pga[p_came], pgv[p_came], until, whole)
    return peaks, Epicentre(lat_e, lon_e, depth, 2.0, 2.0)
