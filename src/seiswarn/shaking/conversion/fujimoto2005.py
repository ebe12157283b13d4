"""Fujimoto and Midorikawa (2005): intensity of the Japan Meteorological Agency from PGV."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from seiswarn.jit import kernel
from seiswarn.shaking.conversion.base import Converted

F64 = npt.NDArray[np.float64]

LOWEST, HIGHEST = 0.0, 7.0
# Powers of log10 of PGV in cm/s; the upper ones where they give 4 or more, else the lower ones. The same
# numbers stand in five independent public implementations. At the seam the upper ones give 0.02 less.
UPPER = (2.002, 2.603, -0.213)
LOWER = (2.165, 2.262)
SEAM = 4.0
_LN10 = math.log(10.0)
_CM_PER_M_LOG10 = 2.0


@kernel
def fill_jma(ln_pgv, out, per_v):  # type: ignore[no-untyped-def]
    """JMA intensity and its growth per ln PGV into the last two, (n,) each."""
    for i in range(len(ln_pgv)):
        x = ln_pgv[i] / _LN10 + _CM_PER_M_LOG10
        value = UPPER[0] + UPPER[1] * x + UPPER[2] * x * x
        slope = UPPER[1] + 2.0 * UPPER[2] * x
        if value < SEAM:
            value = LOWER[0] + LOWER[1] * x
            slope = LOWER[1]
        out[i] = min(HIGHEST, max(LOWEST, value))
        per_v[i] = slope / _LN10


class Fujimoto2005:
    """JMA instrumental intensity 0 to 7 from PGV alone, as the Japanese hazard maps convert it.

    The scatter of the relation is not at hand: none besides that of the motion is counted. Which horizontal
    component the paper takes is not known here either: the larger one is assumed.
    """

    NAME: ClassVar[str] = "JMA"
    NEEDS: ClassVar[tuple[str, ...]] = ("pgv_mps",)
    VALID: ClassVar[Mapping[str, tuple[float, float]]] = {"intensity": (LOWEST, HIGHEST)}
    COMPONENT: ClassVar[str] = "larger"
    SCATTER: ClassVar[float] = 0.0
    REFERENCE: ClassVar[str] = "Fujimoto, Midorikawa (2005), Journal of Social Safety Science 7, 241-246"
    VERIFIED: ClassVar[str] = "tests/golden/jma_pgv.csv"

    def convert(self, ln_pga: F64, ln_pgv: F64) -> Converted:
        """JMA intensity of ln PGV (m/s), (n,); PGA has no part in it."""
        out, per_v = np.empty((2, len(ln_pgv)))
        fill_jma(ln_pgv, out, per_v)
        return Converted(out, np.zeros(len(ln_pgv)), per_v)
