"""Parker, Stewart, Boore, Atkinson and Hassani (2020, 2022): PGA and PGV of subduction earthquakes.

G. A. Parker, J. P. Stewart, D. M. Boore, G. M. Atkinson and B. Hassani (2020), NGA-Subduction global
ground-motion models with regional adjustment factors, PEER Report 2020/03; the same (2022), Earthquake
Spectra 38(1), 456-493. The global model, without the regional factors and without basins. Coefficients as
OpenQuake 3.24 has them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from seiswarn.jit import kernel
from seiswarn.shaking.distance import Paths
from seiswarn.shaking.gmpe.base import CM_PER_M, STANDARD_GRAVITY_MPS2, GroundMotion
from seiswarn.shaking.params import Params

F64 = npt.NDArray[np.float64]

B4 = 0.1  # growth of the spreading with magnitude
F3_G, V_B_MPS, V_FNL_MPS = 0.05, 200.0, 760.0  # of the non-linear site term
V1_MPS, V_REF_MPS = 270.0, 760.0  # of the linear one
PHI_R_KM = (200.0, 500.0)  # distances and
PHI_V_MPS = (200.0, 500.0)  # Vs30 between which phi changes
SHALLOWEST_KM, DEEP_KM = 20.0, 67.0  # of the depth scaling of slab events


class _Kind(NamedTuple):
    """Coefficients of one kind of earthquake."""

    c0: float
    c1: float
    a0: float
    c4: float
    c5: float
    c6: float
    d: float
    m: float


class _Site(NamedTuple):
    """Site term and scatter, the same for both kinds; phi1 and phi2 are variances."""

    v2_mps: float
    s2: float
    f4: float
    f5: float
    tau: float
    phi21: float
    phi22: float
    phi2v: float


_KINDS = {  # of PGA (g) and PGV (cm/s)
    "interface": (
        _Kind(4.082, -1.662, -0.00657, 1.246, -0.021, 1.128, 0.0, 0.0),
        _Kind(8.097, -1.661, -0.00395, 1.336, -0.039, 1.844, 0.0, 0.0),
    ),
    "slab": (
        _Kind(9.907, -2.543, -0.00255, 1.84, -0.05, 0.4, 0.3004, 0.0314),
        _Kind(13.194, -2.422, -0.0019, 1.84, -0.05, 0.8, 0.2693, 0.0252),
    ),
}
_PGA = _Site(1350.0, -0.498, -0.44169, -0.0052, 0.48, 0.396, 0.565, -0.18)
_PGV = _Site(850.0, -0.601, -0.31763, -0.0052, 0.477, 0.348, 0.288, -0.179)
M_B = {"interface": 7.9, "slab": 7.6}  # where the scaling with magnitude breaks: "global" rows


@kernel
def fill_parker(rrup, terms, magnitude, h2, pga, pgv, out):  # type: ignore[no-untyped-def]
    """Ln PGA (g), ln PGV (cm/s) and both phi into `out` (4, n).

    `pga`, `pgv`: constant (source and depth), factor of ln R, a0, then phi21, phi22, phi2V. `terms` (5, n):
    linear and non-linear site factor of PGA, of PGV, and the softness that lowers phi.
    """
    e_a, c1_a, a0_a, p1_a, p2_a, pv_a = pga
    e_v, c1_v, a0_v, p1_v, p2_v, pv_v = pgv
    near = 0.5 * math.log(1.0 + h2)
    per_ln = 1.0 / math.log(PHI_R_KM[1] / PHI_R_KM[0])
    for i in range(len(rrup)):
        reach = math.sqrt(rrup[i] * rrup[i] + h2)
        ln_r = math.log(reach)
        rock = e_a + c1_a * ln_r + B4 * magnitude * (ln_r - near) + a0_a * reach
        stress = math.log(1.0 + math.exp(rock) / F3_G)
        out[0, i] = rock + terms[0, i] + terms[1, i] * stress
        out[1, i] = e_v + c1_v * ln_r + B4 * magnitude * (ln_r - near) + a0_v * reach
        out[1, i] += terms[2, i] + terms[3, i] * stress
        far = 0.0
        if rrup[i] > PHI_R_KM[0]:
            far = min(1.0, math.log(rrup[i] / PHI_R_KM[0]) * per_ln)
        soft = terms[4, i] * (1.0 - far)
        out[2, i] = math.sqrt(p1_a + (p2_a - p1_a) * far + pv_a * soft)
        out[3, i] = math.sqrt(p1_v + (p2_v - p1_v) * far + pv_v * soft)


class Parker2020:
    """Parker and others (2020), global model: RotD50 of PGA and PGV of interface and slab events.

    Which of the two an event is says the configuration, or its depth: from `slab_from_km` on it is of the
    slab. The range of depths of slab events is that of their data.
    """

    NAME: ClassVar[str] = "Parker2020"
    NEEDS: ClassVar[tuple[str, ...]] = ("magnitude", "rrup_km", "depth_km", "vs30_mps")
    VALID: ClassVar[Mapping[str, tuple[float, float]]] = {
        "magnitude": (4.5, 9.5),  # slab: up to 8.5
        "rrup_km": (20.0, 1000.0),
        "vs30_mps": (150.0, 2000.0),
    }
    COMPONENT: ClassVar[str] = "RotD50"
    REFERENCE: ClassVar[str] = (
        "Parker, Stewart, Boore, Atkinson, Hassani (2022), Earthquake Spectra 38(1), 456-493"
    )
    VERIFIED: ClassVar[str] = "tests/golden/parker2020.csv"

    def __init__(self, params: Params) -> None:
        self._kind = params.subduction
        self._slab_from_km = params.slab_from_km

    def site_terms(self, vs30_mps: F64) -> F64:
        """(5, n): linear and non-linear site factor of PGA, of PGV, softness of phi; Vs30 in m/s."""
        vs30 = np.clip(vs30_mps, *self.VALID["vs30_mps"])
        rows = []
        for k in (_PGA, _PGV):
            # below V1 the slope s1 equals s2 in the global model
            rows.append(k.s2 * np.log(np.minimum(vs30, k.v2_mps) / V_REF_MPS))
            reach = np.minimum(vs30, V_FNL_MPS) - V_B_MPS
            rows.append(k.f4 * (np.exp(k.f5 * reach) - math.exp(k.f5 * (V_FNL_MPS - V_B_MPS))))
        low, high = PHI_V_MPS
        rows.append(np.log(high / np.clip(vs30, low, high)) / math.log(high / low))
        return np.stack(rows)

    def motions(self, magnitude: float, paths: Paths, terms: F64) -> GroundMotion:
        """Median PGA and PGV with scatter at (n,) rupture distances; moment magnitude, held at 9.5."""
        mag = min(magnitude, self.VALID["magnitude"][1])
        kind = self._kind
        if kind == "by_depth":
            kind = "slab" if paths.depth_km >= self._slab_from_km else "interface"
        h = _saturation_km(kind, mag)
        out = np.empty((4, len(paths.rrup_km)))
        pga, pgv = (
            (_event(k, M_B[kind], mag, paths.depth_km), k.c1, k.a0, s.phi21, s.phi22, s.phi2v)
            for k, s in zip(_KINDS[kind], (_PGA, _PGV), strict=True)
        )
        fill_parker(paths.rrup_km, terms, mag, h * h, pga, pgv, out)
        return GroundMotion(
            ln_pga=out[0] + math.log(STANDARD_GRAVITY_MPS2),
            ln_pgv=out[1] - math.log(CM_PER_M),
            tau_pga=np.array(_PGA.tau),
            phi_pga=out[2],
            tau_pgv=np.array(_PGV.tau),
            phi_pgv=out[3],
        )


def _event(k: _Kind, m_b: float, mag: float, depth_km: float) -> float:
    """What magnitude and depth decide: c0, F_M and, for slab events, F_D."""
    dm = mag - m_b
    growth = k.c6 * dm if dm > 0.0 else k.c4 * dm + k.c5 * dm * dm
    depth = min(max(depth_km, SHALLOWEST_KM), DEEP_KM)
    return k.c0 + growth + k.m * (depth - DEEP_KM) + k.d


def _saturation_km(kind: str, mag: float) -> float:
    """Near-source saturation h."""
    if kind == "interface":
        return float(10.0 ** (-0.82 + 0.252 * mag))
    slope = (math.log10(35.0) - math.log10(3.12)) / (M_B["slab"] - 4.0)
    return float(10.0 ** (math.log10(35.0) + slope * min(mag - M_B["slab"], 0.0)))
