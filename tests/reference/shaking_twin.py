"""Plain numpy twins of the shaking kernels, written from the papers' formulas."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq

from seiswarn.shaking.gmpe import bssa14, parker2020, yu2013

F64 = np.ndarray


def bssa14_ln(
    magnitude: float, rjb_km: F64, vs30_mps: F64, region: str, style: int
) -> tuple[F64, F64, F64, F64]:
    """ln PGA (g), ln PGV (cm/s), phi of both: equations (1) to (8) and (15) to (17)."""
    vs30 = np.clip(vs30_mps, 150.0, 1500.0)
    made = []
    rock = np.zeros(0)
    phis = []
    for k in (bssa14._PGA, bssa14._PGV):
        dm = magnitude - k.mh
        source = k.e[style] + (k.e[4] * dm + k.e[5] * dm**2 if dm <= 0 else k.e[6] * dm)
        r = np.hypot(rjb_km, k.h_km)
        path = (k.c1 + k.c2 * (magnitude - 4.5)) * np.log(r) + (k.c3 + k.dc3[region]) * (r - 1.0)
        if not made:
            rock = np.exp(source + path)
        linear = k.c * np.log(np.minimum(vs30, k.vc_mps) / 760.0)
        f2 = k.f4 * (np.exp(k.f5 * (np.minimum(vs30, 760.0) - 360.0)) - np.exp(k.f5 * 400.0))
        made.append(source + path + linear + f2 * np.log((rock + 0.1) / 0.1))
        by_mag = np.interp(magnitude, [4.5, 5.5], [k.phi1, k.phi2])
        far = np.interp(np.log(np.maximum(rjb_km, 1e-3)), np.log([k.r1_km, k.r2_km]), [0.0, k.dphi_r])
        soft = np.interp(np.log(vs30), np.log([225.0, 300.0]), [k.dphi_v, 0.0])
        phis.append(by_mag + far - soft)
    return made[0], made[1], phis[0], phis[1]


def parker2020_ln(kind: str, magnitude: float, depth_km: float, rrup_km: F64, vs30_mps: F64) -> list[F64]:
    """ln PGA (g), ln PGV (cm/s)."""
    m_b = parker2020.M_B[kind]
    h = 10 ** (-0.82 + 0.252 * magnitude)
    if kind == "slab":
        h = 10 ** np.interp(magnitude, [4.0, m_b], np.log10([3.12, 35.0]))
    r = np.hypot(rrup_km, h)
    dm = magnitude - m_b
    made: list[F64] = []
    for k, s in zip(parker2020._KINDS[kind], (parker2020._PGA, parker2020._PGV), strict=True):
        growth = k.c6 * dm if dm > 0 else k.c4 * dm + k.c5 * dm**2
        deep = k.m * (np.clip(depth_km, 20.0, 67.0) - 67.0) + k.d
        near = np.log(r / np.sqrt(1.0 + h * h))
        rock = k.c0 + growth + deep + k.c1 * np.log(r) + 0.1 * magnitude * near + k.a0 * r
        if not made:
            stress = np.log((np.exp(rock) + 0.05) / 0.05)
        f2 = s.f4 * (np.exp(s.f5 * (np.minimum(vs30_mps, 760.0) - 200.0)) - np.exp(s.f5 * 560.0))
        made.append(rock + s.s2 * np.log(np.minimum(vs30_mps, s.v2_mps) / 760.0) + f2 * stress)
    return made


def yu2013_ln(region: str, ms: float, repi_km: float, off_strike_rad: float) -> tuple[float, float]:
    """ln PGA (gal), ln PGV (cm/s) on rock: the ellipse through one place found by bisection."""
    axes = yu2013.REGIONS[region]
    c, s = math.cos(off_strike_rad) ** 2, math.sin(off_strike_rad) ** 2
    made = []
    for major, minor in (axes[:2], axes[2:]):

        def end(a: float, major=major, minor=minor) -> float:
            level = major.source(ms) + major.c * math.log(a + major.near(ms))
            return max(math.exp((level - minor.source(ms)) / minor.c) - minor.near(ms), 1e-3)

        def reach(a: float, end=end) -> float:
            return 1.0 / math.sqrt(c / a**2 + s / end(a) ** 2) - repi_km

        a = brentq(reach, 1e-2, 2e4, xtol=1e-9)
        ends = zip((a, end(a)), (major, minor), strict=True)
        along, across = (x.source(ms) + x.c * math.log(math.hypot(r, 15.0) + x.near(ms)) for r, x in ends)
        made.append(along * c + across * s)
    return made[0], made[1]
