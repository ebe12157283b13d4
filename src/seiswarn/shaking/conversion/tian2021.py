"""Tian and others (2021): Modified Mercalli intensity from PGA and PGV, in mainland China."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from seiswarn.shaking.conversion.base import Converted
from seiswarn.shaking.conversion.pieces import MEAN, converted, pieces

F64 = npt.NDArray[np.float64]

LOWEST, HIGHEST = 1.0, 12.0

# In gal and cm/s, as public code quotes them; of the paper only the abstract was at hand (orthogonal
# regression, MMI, earthquakes since 2008).
_PGA = pieces((-math.inf, 0.554, 2.906))
_PGV = pieces((-math.inf, 3.233, 3.310))


class Tian2021:
    """Modified Mercalli intensity of 11 Chinese earthquakes, mean of the values by PGA and by PGV.

    Which component and how much scatter the paper gives is not known here: taken is the larger one, and no
    scatter besides that of the motions.
    """

    NAME: ClassVar[str] = "MMI"
    NEEDS: ClassVar[tuple[str, ...]] = ("pga_mps2", "pgv_mps")
    VALID: ClassVar[Mapping[str, tuple[float, float]]] = {"intensity": (LOWEST, HIGHEST)}
    COMPONENT: ClassVar[str] = "larger"
    SCATTER: ClassVar[float] = 0.0
    REFERENCE: ClassVar[str] = (
        "New ground motion to intensity conversion equations for China, Shock and Vibration 2021, 5530862"
    )
    VERIFIED: ClassVar[str] = ""

    def convert(self, ln_pga: F64, ln_pgv: F64) -> Converted:
        """Intensity 1 to 12 of ln PGA (m/s^2) and ln PGV (m/s), (n,)."""
        return converted(ln_pga, ln_pgv, _PGA, _PGV, MEAN, 0.0, (LOWEST, HIGHEST))
