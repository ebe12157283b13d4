"""Boore, Stewart, Seyhan and Atkinson (2014): PGA and PGV of shallow crustal earthquakes.

D. M. Boore, J. P. Stewart, E. Seyhan and G. M. Atkinson (2014), NGA-West2 equations for predicting
PGA, PGV, and 5% damped PSA for shallow crustal earthquakes, Earthquake Spectra 30(3), 1057-1085.
Equation numbers in the docstrings are theirs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from seiswarn.jit import kernel
from seiswarn.shaking.distance import Paths
from seiswarn.shaking.gmpe.base import CM_PER_M, STANDARD_GRAVITY_MPS2, GroundMotion
from seiswarn.shaking.params import Params

F64 = npt.NDArray[np.float64]

M_REF = 4.5
R_REF_KM = 1.0
V_REF_MPS = 760.0
F1, F3_G = 0.0, 0.1  # of the non-linear site term, the same for PGA and PGV
VS30_MPS = (150.0, 1500.0)  # range of validity
V1_MPS, V2_MPS = 225.0, 300.0  # of the Vs30 dependence of phi


@dataclass(frozen=True, slots=True)
class _Coefficients:
    """One row of the published coefficient table; names as in the paper."""

    e: tuple[float, float, float, float, float, float, float]
    mh: float
    c1: float
    c2: float
    c3: float
    h_km: float
    dc3: Mapping[str, float]
    c: float
    vc_mps: float
    f4: float
    f5: float
    r1_km: float
    r2_km: float
    dphi_r: float
    dphi_v: float
    phi1: float
    phi2: float
    tau1: float
    tau2: float


_PGA = _Coefficients(
    e=(0.4473, 0.4856, 0.2459, 0.4539, 1.431, 0.05053, -0.1662),
    mh=5.5,
    c1=-1.134,
    c2=0.1917,
    c3=-0.008088,
    h_km=4.5,
    dc3={"global": 0.0, "china_turkey": 0.002858, "italy_japan": -0.00255},
    c=-0.6,
    vc_mps=1500.0,
    f4=-0.15,
    f5=-0.00701,
    r1_km=110.0,
    r2_km=270.0,
    dphi_r=0.1,
    dphi_v=0.07,
    phi1=0.695,
    phi2=0.495,
    tau1=0.398,
    tau2=0.348,
)
_PGV = _Coefficients(
    e=(5.037, 5.078, 4.849, 5.033, 1.073, -0.1536, 0.2252),
    mh=6.2,
    c1=-1.243,
    c2=0.1489,
    c3=-0.00344,
    h_km=5.3,
    dc3={"global": 0.0, "china_turkey": 0.004345, "italy_japan": -0.00033},
    c=-0.84,
    vc_mps=1300.0,
    f4=-0.1,
    f5=-0.00844,
    r1_km=105.0,
    r2_km=272.0,
    dphi_r=0.082,
    dphi_v=0.08,
    phi1=0.644,
    phi2=0.552,
    tau1=0.401,
    tau2=0.346,
)
_STYLE = {"unspecified": 0, "strike_slip": 1, "normal": 2, "reverse": 3}  # index into e


@kernel
def fill_bssa14(rjb, terms, pga, pgv, ln_pga, ln_pgv, phi_pga, phi_pgv):  # type: ignore[no-untyped-def]
    """Medians (ln of g and cm/s) and phi of both measures into the last four, (n,) each.

    `rjb` (n,) in km; `terms` as of `Bssa14.site_terms`; `pga` and `pgv` as of `_event`: equations (1) to
    (8) and (15) to (17).
    """
    e_a, s_a, c3_a, h_a, p_a, r1_a, per_ln_a, dr_a, dv_a = pga
    e_v, s_v, c3_v, h_v, p_v, r1_v, per_ln_v, dr_v, dv_v = pgv
    for i in range(len(rjb)):
        r2 = rjb[i] * rjb[i]
        reach = math.sqrt(r2 + h_a * h_a)
        rock = e_a + s_a * math.log(reach) + c3_a * (reach - R_REF_KM)
        stress = math.log(1.0 + math.exp(rock) / F3_G)
        ln_pga[i] = rock + terms[0, i] + terms[1, i] * stress
        reach = math.sqrt(r2 + h_v * h_v)
        ln_pgv[i] = (
            e_v + s_v * math.log(reach) + c3_v * (reach - R_REF_KM) + terms[2, i] + terms[3, i] * stress
        )
        far_a = min(math.log(max(rjb[i], r1_a) / r1_a) * per_ln_a, 1.0) if rjb[i] > r1_a else 0.0
        far_v = min(math.log(max(rjb[i], r1_v) / r1_v) * per_ln_v, 1.0) if rjb[i] > r1_v else 0.0
        phi_pga[i] = p_a + dr_a * far_a - dv_a * terms[4, i]
        phi_pgv[i] = p_v + dr_v * far_v - dv_v * terms[4, i]


class Bssa14:
    """Boore and others (2014), orientation-independent horizontal PGA and PGV (RotD50).

    The basin term is left out: it is zero for PGA and PGV. Depth enters only through Rjb, so
    events deeper than the crust are forecast too strong.
    """

    NAME: ClassVar[str] = "BSSA14"
    NEEDS: ClassVar[tuple[str, ...]] = ("magnitude", "rjb_km", "vs30_mps")
    VALID: ClassVar[Mapping[str, tuple[float, float]]] = {
        "magnitude": (3.0, 8.5),  # normal faulting: 3.3 to 7.0
        "rjb_km": (0.0, 400.0),
        "vs30_mps": VS30_MPS,
    }
    COMPONENT: ClassVar[str] = "RotD50"
    REFERENCE: ClassVar[str] = "Boore, Stewart, Seyhan, Atkinson (2014), Earthquake Spectra 30(3), 1057-1085"
    VERIFIED: ClassVar[str] = "tests/golden/bssa14.csv"

    def __init__(self, params: Params) -> None:
        self._region = params.region
        self._style = _STYLE[params.mechanism]

    def site_terms(self, vs30_mps: F64) -> F64:
        """(5, n): linear site term and f2 of PGA, of PGV, equations (6) and (8), and the softness of (17).

        Vs30 in m/s, held at 150 and 1500 outside that range.
        """
        vs30 = np.clip(vs30_mps, *VS30_MPS)
        soft = np.log(V2_MPS / np.minimum(vs30, V2_MPS)) / math.log(V2_MPS / V1_MPS)
        return np.vstack([site_rows(vs30), np.minimum(soft, 1.0)])

    def motions(self, magnitude: float, paths: Paths, terms: F64) -> GroundMotion:
        """Median PGA and PGV with scatter.

        Parameters
        ----------
        magnitude
            Moment magnitude; above 8.5 the model is held at 8.5, below 3 it is extrapolated.
        paths
            Of them (n,) Joyner-Boore distances in km; beyond 400 km extrapolated.
        terms
            (5, n) what `site_terms` gave.

        Returns
        -------
        GroundMotion in m/s^2 and m/s, shapes (n,). Equation (1): ln Y = F_E + F_P + F_S + epsilon sigma.
        """
        mag = min(magnitude, self.VALID["magnitude"][1])
        ln_pga, ln_pgv, phi_pga, phi_pgv = np.empty((4, len(paths.rjb_km)))
        pga, pgv = self._event(_PGA, mag), self._event(_PGV, mag)
        fill_bssa14(paths.rjb_km, terms, pga, pgv, ln_pga, ln_pgv, phi_pga, phi_pgv)
        ln_pga += math.log(STANDARD_GRAVITY_MPS2)
        ln_pgv -= math.log(CM_PER_M)
        return GroundMotion(
            ln_pga, ln_pgv, np.array(_tau(_PGA, mag)), phi_pga, np.array(_tau(_PGV, mag)), phi_pgv
        )

    def _event(self, k: _Coefficients, mag: float) -> tuple[float, ...]:
        """What magnitude decides: source term, equation (2), spreading, equation (3), with the regional
        Delta c3 of (4), and phi by magnitude, equation (15), with its growth by distance and softness.
        """
        dm = mag - k.mh
        rise = k.e[4] * dm + k.e[5] * dm * dm if dm <= 0.0 else k.e[6] * dm
        spreading = k.c1 + k.c2 * (mag - M_REF)
        phi = k.phi1 + (k.phi2 - k.phi1) * (min(max(mag, 4.5), 5.5) - 4.5)
        per_ln = 1.0 / math.log(k.r2_km / k.r1_km)
        c3 = k.c3 + k.dc3[self._region]
        return (k.e[self._style] + rise, spreading, c3, k.h_km, phi, k.r1_km, per_ln, k.dphi_r, k.dphi_v)


def site_rows(vs30: F64) -> F64:
    """(4, n): linear site term and f2, of PGA and of PGV, at Vs30 in m/s inside the range of validity."""
    return np.stack([f(k, vs30) for k in (_PGA, _PGV) for f in (_linear, _f2)])


def _linear(k: _Coefficients, vs30: F64) -> F64:
    """Linear site term, equation (6), with F1 of (7)."""
    result: F64 = k.c * np.log(np.minimum(vs30, k.vc_mps) / V_REF_MPS) + F1
    return result


def _f2(k: _Coefficients, vs30: F64) -> F64:
    """Degree of non-linearity, equation (8)."""
    result: F64 = k.f4 * (
        np.exp(k.f5 * (np.minimum(vs30, V_REF_MPS) - 360.0)) - math.exp(k.f5 * (V_REF_MPS - 360.0))
    )
    return result


def _tau(k: _Coefficients, mag: float) -> float:
    """Scatter between events, equation (14)."""
    return k.tau1 + (k.tau2 - k.tau1) * (min(max(mag, 4.5), 5.5) - 4.5)
