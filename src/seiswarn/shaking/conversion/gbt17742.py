"""GB/T 17742-2020, The Chinese seismic intensity scale, Annex A: instrumental intensity."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from seiswarn.intensity import A_CONSTANT, A_SLOPE, HIGHEST, LOWEST, SWITCH, V_CONSTANT, V_SLOPE
from seiswarn.shaking.conversion.base import Converted
from seiswarn.shaking.conversion.pieces import VELOCITY_FROM_SWITCH, converted, pieces

F64 = npt.NDArray[np.float64]

_PGA = pieces((-math.inf, A_CONSTANT, A_SLOPE), unit="m")
_PGV = pieces((-math.inf, V_CONSTANT, V_SLOPE), unit="m")


class Gbt17742:
    """Instrumental intensity of GB/T 17742-2020 from PGA and PGV.

    The standard defines both as peaks of the three-component vector sum, band-passed 0.1 to 10 Hz.
    Not rounded: rounding to 0.1 is for display.
    """

    NAME: ClassVar[str] = "GB/T 17742-2020"
    NEEDS: ClassVar[tuple[str, ...]] = ("pga_mps2", "pgv_mps")
    VALID: ClassVar[Mapping[str, tuple[float, float]]] = {"intensity": (LOWEST, HIGHEST)}
    COMPONENT: ClassVar[str] = "vector"
    SCATTER: ClassVar[float] = 0.0
    REFERENCE: ClassVar[str] = "GB/T 17742-2020, Annex A, equations (A.5) and (A.6)"
    VERIFIED: ClassVar[str] = "tests/golden/intensity.csv"

    def convert(self, ln_pga: F64, ln_pgv: F64) -> Converted:
        """Intensity 1.0 to 12.0 of ln PGA (m/s^2) and ln PGV (m/s), (n,): the velocity's alone where both
        give 6.0 or more, else the mean.
        """
        return converted(ln_pga, ln_pgv, _PGA, _PGV, VELOCITY_FROM_SWITCH, SWITCH, (LOWEST, HIGHEST))
