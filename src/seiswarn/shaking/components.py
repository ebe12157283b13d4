"""From one kind of horizontal peak to another: what a ground-motion model predicts is not what a scale wants.

D. M. Boore and T. Kishida (2017), Relations between some horizontal-component ground-motion intensity
measures used in practice, Bull. Seism. Soc. Am. 107(1), 334-343. The mean ln of a ratio grows with magnitude
and distance as c0 + r1 ln(Rrup / 50 km) + m1 (M - 5.5) + m2 (M - 5.5)^2; NGA-West2 data, Rrup up to 400 km,
M 2 to 9. Coefficients: the authors' tables as USGS esi-shakelib 1.2.1 carries them (public domain).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seiswarn.jit import kernel

F64 = npt.NDArray[np.float64]

MAGNITUDES = (2.0, 9.0)
RRUP_KM = (0.01, 400.0)
R_REF_KM, M_REF = 50.0, 5.5


class Ratio(NamedTuple):
    """Mean ln of a ratio, and the scatter of single recordings about it."""

    c0: float
    r1: float
    m1: float
    m2: float
    sigma: float


_NONE = Ratio(0.0, 0.0, 0.0, 0.0, 0.0)
_ROTD100 = (  # RotD100 / RotD50, of PGA and of PGV
    Ratio(0.185774509, -0.011155127, -0.004351479, -0.001458518, 0.083688639),
    Ratio(0.204731624, -0.012715776, 0.001230011, -0.001425592, 0.085552707),
)
_LARGER = (  # larger of the two recorded components / RotD50
    Ratio(0.112632827, -0.009615158, -0.003600288, -0.001580890, 0.093874119),
    Ratio(0.124576700, -0.010187072, 0.001213149, -0.000764375, 0.096253000),
)
_MEAN = (  # geometric mean of the two recorded components / RotD50: the authors' ratio, turned over
    Ratio(-0.013379557, 0.004952082, 0.003138819, -0.000212131, 0.083529275),
    Ratio(-0.022361230, 0.005547990, -0.001165780, -0.000506909, 0.085834605),
)
# "vector": peak of the three-component vector sum. The peak of the horizontal vector over time is RotD100 by
# definition; what the vertical adds at that moment is not in any relation at hand and left out, so that the
# value is somewhat low.
OVER_ROTD50: dict[str, tuple[Ratio, Ratio]] = {
    "RotD50": (_NONE, _NONE),
    "RotD100": _ROTD100,
    "vector": _ROTD100,
    "larger": _LARGER,
    "geometric_mean": _MEAN,
}


def between(given: str, wanted: str) -> tuple[Ratio, Ratio]:
    """Ratio of the component `wanted` to the component `given`, for PGA and for PGV (keys of `OVER_ROTD50`).

    Of two ratios to RotD50 the scatters are added as if independent.
    """

    def one(a: Ratio, b: Ratio) -> Ratio:
        sigma = 0.0 if a == b else math.hypot(a.sigma, b.sigma)
        return Ratio(b.c0 - a.c0, b.r1 - a.r1, b.m1 - a.m1, b.m2 - a.m2, sigma)

    pga, pgv = (one(a, b) for a, b in zip(OVER_ROTD50[given], OVER_ROTD50[wanted], strict=True))
    return pga, pgv


def constant(ratio: Ratio, magnitude: float) -> float:
    """Mean ln of the ratio at 50 km."""
    dm = min(max(magnitude, MAGNITUDES[0]), MAGNITUDES[1]) - M_REF
    return ratio.c0 + ratio.m1 * dm + ratio.m2 * dm * dm


@kernel
def fill_converted(rrup, ln_pga, ln_pgv, c_a, r_a, c_v, r_v, out_a, out_v):  # type: ignore[no-untyped-def]
    """Logarithms of the wanted component into the last two, (n,) each; `c_*` as of `constant`, `r_*` r1."""
    for i in range(len(rrup)):
        far = math.log(min(max(rrup[i], RRUP_KM[0]), RRUP_KM[1]) / R_REF_KM)
        out_a[i] = ln_pga[i] + c_a + r_a * far
        out_v[i] = ln_pgv[i] + c_v + r_v * far


def converted(
    ratios: tuple[Ratio, Ratio], magnitude: float, rrup_km: F64, ln_pga: F64, ln_pgv: F64
) -> tuple[F64, F64]:
    """Logarithms of PGA and PGV of the other component, (n,) each."""
    out_a, out_v = np.empty((2, len(rrup_km)))
    a, v = ratios
    given = constant(a, magnitude), a.r1, constant(v, magnitude), v.r1
    fill_converted(rrup_km, ln_pga, ln_pgv, *given, out_a, out_v)
    return out_a, out_v
