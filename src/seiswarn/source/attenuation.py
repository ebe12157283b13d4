"""Peak motion against distance to a rupture, and how long ruptures are.

Si and Midorikawa (1999), J. Struct. Constr. Eng. AIJ 64 (523), 63-70, the relation behind the intensities
of the earthquake early warning of the Japan Meteorological Agency::

    log10 A = a Mw + h D + d + e - log10(X + c 10^(0.5 Mw)) - k X

with A the larger of the two horizontal peaks, PGA in cm/s2 on soil (rock sites were multiplied by 1.4) or PGV
in cm/s on stiff ground of Vs about 600 m/s; X the shortest distance to the rupture in km, D the mean depth of
the rupture in km, d a constant by the kind of earthquake. One sigma of log10 A is 0.27 (PGA) and 0.23 (PGV).

Fitted to 21 earthquakes in Japan of Mw 5.8 to 8.3, depths 6 to 120 km, X up to 300 km. On soft ground PGV is
larger, by 1.41 at Vs30 400 m/s (National Seismic Hazard Maps for Japan, NIED 2009); no ground is corrected
for here. The compendium of Douglas prints h 0.0036, e 0.60 and d 0 / 0.09 / 0.28 for PGA at this distance and
those used here for the equivalent hypocentral distance; NIED, OpenQuake and others have them as here. For
crustal earthquakes the two differ by 0.02 in log10 PGA.

The term with 10^(0.5 Mw) makes peaks near a rupture saturate: at X = 0 a unit of magnitude raises PGA by
nothing and PGV by a fifth. Close to a large rupture it is therefore not how strongly but how far along it
shakes that tells the magnitude, through the relation of length and magnitude of Wells and Coppersmith
(1994), BSSA 84, 974-1002, table 2A, subsurface rupture length L in km, all kinds of slip::

    log10 L = -2.44 + 0.59 M, sigma 0.16            M = 4.38 + 1.49 log10 L, sigma 0.26

Both are regressions, so neither is the inverse of the other.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from seiswarn.jit import inner, kernel

F64 = npt.NDArray[np.float64]
Kind = Literal["crustal", "interplate", "intraplate"]

NAME = "si_midorikawa1999"
REFERENCE = "Si and Midorikawa (1999), J. Struct. Constr. Eng. AIJ 64 (523), 63-70"
VERIFIED = True  # tests/golden/si_midorikawa1999.csv; three public implementations agree on PGV, two on PGA

PGA_SIGMA = 0.27  # of log10, total
PGV_SIGMA = 0.23
PGA_KIND: dict[Kind, float] = {"crustal": 0.0, "interplate": 0.01, "intraplate": 0.22}
PGV_KIND: dict[Kind, float] = {"crustal": 0.0, "interplate": -0.02, "intraplate": 0.12}
# Larger magnitudes shake no more strongly (NIED 2009, note to table 3.3.2-6).
MAX_MAGNITUDE = 8.3

LENGTH_SIGMA = 0.16  # of log10 L at a magnitude
MAGNITUDE_SIGMA = 0.26  # of the magnitude at a length

CM_PER_M_LOG10 = 2.0


@inner
def log10_pga(magnitude: float, x_km: float, depth_km: float, kind: float) -> float:
    """Median log10 of PGA in m/s2, for kernels; `kind` is of PGA_KIND."""
    m = min(magnitude, MAX_MAGNITUDE)
    level = 0.50 * m + 0.0043 * depth_km + kind + 0.61 - CM_PER_M_LOG10
    return level - math.log10(x_km + 0.0055 * 10.0 ** (0.5 * m)) - 0.003 * x_km


@inner
def log10_pgv(magnitude: float, x_km: float, depth_km: float, kind: float) -> float:
    """Median log10 of PGV in m/s on ground of Vs about 600 m/s, for kernels; `kind` is of PGV_KIND."""
    m = min(magnitude, MAX_MAGNITUDE)
    level = 0.58 * m + 0.0038 * depth_km + kind - 1.29 - CM_PER_M_LOG10
    return level - math.log10(x_km + 0.0028 * 10.0 ** (0.5 * m)) - 0.002 * x_km


@kernel
def _fill_pga(magnitude: F64, x_km: F64, depth_km: float, kind: float, out: F64) -> None:
    for k in range(out.size):
        out[k] = 10.0 ** log10_pga(magnitude[k], x_km[k], depth_km, kind)


@kernel
def _fill_pgv(magnitude: F64, x_km: F64, depth_km: float, kind: float, out: F64) -> None:
    for k in range(out.size):
        out[k] = 10.0 ** log10_pgv(magnitude[k], x_km[k], depth_km, kind)


def pga_mps2(magnitude: npt.ArrayLike, x_km: npt.ArrayLike, depth_km: float, kind: Kind = "crustal") -> F64:
    """Median PGA in m/s2 of magnitudes at distances to the rupture in km, broadcast against each other."""
    m, x = _together(magnitude, x_km)
    out = np.empty(m.shape)
    _fill_pga(m.ravel(), x.ravel(), depth_km, PGA_KIND[kind], out.reshape(-1))
    return out


def pgv_mps(magnitude: npt.ArrayLike, x_km: npt.ArrayLike, depth_km: float, kind: Kind = "crustal") -> F64:
    """Median PGV in m/s on ground of Vs 600 m/s, as `pga_mps2`."""
    m, x = _together(magnitude, x_km)
    out = np.empty(m.shape)
    _fill_pgv(m.ravel(), x.ravel(), depth_km, PGV_KIND[kind], out.reshape(-1))
    return out


def _together(magnitude: npt.ArrayLike, x_km: npt.ArrayLike) -> tuple[F64, F64]:
    m, x = np.broadcast_arrays(np.asarray(magnitude, np.float64), np.asarray(x_km, np.float64))
    return m.copy(), x.copy()


def magnitude_of_length(length_km: float) -> float:
    """Median magnitude at a subsurface rupture length in km (Wells and Coppersmith 1994, all)."""
    return 4.38 + 1.49 * math.log10(length_km)
