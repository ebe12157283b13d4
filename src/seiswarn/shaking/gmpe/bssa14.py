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

from seiswarn.shaking.gmpe.base import CM_PER_M, STANDARD_GRAVITY_MPS2, GroundMotion

F64 = npt.NDArray[np.float64]

M_REF = 4.5
R_REF_KM = 1.0
V_REF_MPS = 760.0
F1, F3_G = 0.0, 0.1  # of the non-linear site term, the same for PGA and PGV
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


class Bssa14:
    """Boore and others (2014), orientation-independent horizontal PGA and PGV (RotD50).

    The basin term is left out: it is zero for PGA and PGV. Depth enters only through Rjb, so
    events deeper than the crust are forecast too strong. The three-component vector peak, which
    instrumental intensity uses, exceeds RotD50 somewhat; no correction is applied.
    """

    NAME: ClassVar[str] = "BSSA14"
    NEEDS: ClassVar[tuple[str, ...]] = ("magnitude", "rjb_km", "vs30_mps")
    VALID: ClassVar[Mapping[str, tuple[float, float]]] = {
        "magnitude": (3.0, 8.5),  # normal faulting: 3.3 to 7.0
        "rjb_km": (0.0, 400.0),
        "vs30_mps": (150.0, 1500.0),
    }
    REFERENCE: ClassVar[str] = "Boore, Stewart, Seyhan, Atkinson (2014), Earthquake Spectra 30(3), 1057-1085"
    VERIFIED: ClassVar[str] = "tests/golden/bssa14.csv"

    def __init__(self, region: str, mechanism: str) -> None:
        self._region = region
        self._style = _STYLE[mechanism]

    def motions(self, magnitude: float, rjb_km: F64, vs30_mps: F64) -> GroundMotion:
        """Median PGA and PGV with scatter.

        Parameters
        ----------
        magnitude
            Moment magnitude; above 8.5 the model is held at 8.5, below 3 it is extrapolated.
        rjb_km
            (n,) Joyner-Boore distance in km; beyond 400 km extrapolated.
        vs30_mps
            (n,) Vs30 in m/s; held at 150 and 1500 outside that range.

        Returns
        -------
        GroundMotion in m/s^2 and m/s, shapes (n,). Equation (1): ln Y = F_E + F_P + F_S + epsilon sigma.
        """
        mag = min(magnitude, self.VALID["magnitude"][1])
        vs30 = np.clip(vs30_mps, *self.VALID["vs30_mps"])
        rock = np.exp(self._event(_PGA, mag) + self._path(_PGA, mag, rjb_km))  # PGA_r in g
        ln_g = np.log(rock) + _site(_PGA, vs30, rock)
        ln_cmps = self._event(_PGV, mag) + self._path(_PGV, mag, rjb_km) + _site(_PGV, vs30, rock)
        return GroundMotion(
            ln_pga=ln_g + math.log(STANDARD_GRAVITY_MPS2),
            ln_pgv=ln_cmps - math.log(CM_PER_M),
            tau_pga=np.full_like(rjb_km, _tau(_PGA, mag)),
            phi_pga=_phi(_PGA, mag, rjb_km, vs30),
            tau_pgv=np.full_like(rjb_km, _tau(_PGV, mag)),
            phi_pgv=_phi(_PGV, mag, rjb_km, vs30),
        )

    def _event(self, k: _Coefficients, mag: float) -> float:
        """Source term F_E, equation (2)."""
        dm = mag - k.mh
        rise = k.e[4] * dm + k.e[5] * dm * dm if dm <= 0.0 else k.e[6] * dm
        return k.e[self._style] + rise

    def _path(self, k: _Coefficients, mag: float, rjb_km: F64) -> F64:
        """Path term F_P, equations (3) and (4), with the regional Delta c3."""
        r = np.sqrt(rjb_km * rjb_km + k.h_km * k.h_km)
        spreading = (k.c1 + k.c2 * (mag - M_REF)) * np.log(r / R_REF_KM)
        result: F64 = spreading + (k.c3 + k.dc3[self._region]) * (r - R_REF_KM)
        return result


def _site(k: _Coefficients, vs30: F64, rock_g: F64) -> F64:
    """Site term F_S without basin: linear, equation (6), and non-linear, equations (7) and (8)."""
    linear = k.c * np.log(np.minimum(vs30, k.vc_mps) / V_REF_MPS)
    f2 = k.f4 * (np.exp(k.f5 * (np.minimum(vs30, V_REF_MPS) - 360.0)) - math.exp(k.f5 * (V_REF_MPS - 360.0)))
    result: F64 = linear + F1 + f2 * np.log((rock_g + F3_G) / F3_G)
    return result


def _tau(k: _Coefficients, mag: float) -> float:
    """Scatter between events, equation (14)."""
    return k.tau1 + (k.tau2 - k.tau1) * (min(max(mag, 4.5), 5.5) - 4.5)


def _phi(k: _Coefficients, mag: float, rjb_km: F64, vs30: F64) -> F64:
    """Scatter within an event, equations (15) to (17): by magnitude, distance and Vs30."""
    by_mag = k.phi1 + (k.phi2 - k.phi1) * (min(max(mag, 4.5), 5.5) - 4.5)
    far = np.log(np.maximum(rjb_km, k.r1_km) / k.r1_km) / math.log(k.r2_km / k.r1_km)
    soft = np.log(V2_MPS / np.minimum(vs30, V2_MPS)) / math.log(V2_MPS / V1_MPS)
    result: F64 = by_mag + k.dphi_r * np.minimum(far, 1.0) - k.dphi_v * np.minimum(soft, 1.0)
    return result
