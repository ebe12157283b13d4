"""Worden, Gerstenberger, Rhoades and Wald (2012): Modified Mercalli intensity from PGA and PGV."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from seiswarn.shaking.conversion.base import Converted
from seiswarn.shaking.conversion.pieces import MEAN, converted, pieces

F64 = npt.NDArray[np.float64]

LOWEST, HIGHEST = 1.0, 10.0

# Table 1, in gal and cm/s; the piece below MMI 2 is the one ShakeMap uses, discussed in the paper without
# numbers.
_PGA = pieces((-math.inf, 1.71, 2.08), (0.14, 1.78, 1.55), (1.57, -1.60, 3.70))
_PGV = pieces((-math.inf, 4.62, 2.17), (-1.21, 3.78, 1.47), (0.53, 2.89, 3.16))
# Scatter of the relations without magnitude and distance (0.66 and 0.63 belong to those with).
SCATTER_PGA, SCATTER_PGV = 0.73, 0.65


class Worden2012:
    """Modified Mercalli intensity, mean of the values by PGA and by PGV (as ShakeMap combines them)."""

    NAME: ClassVar[str] = "MMI"
    NEEDS: ClassVar[tuple[str, ...]] = ("pga_mps2", "pgv_mps")
    VALID: ClassVar[Mapping[str, tuple[float, float]]] = {"intensity": (LOWEST, HIGHEST)}
    COMPONENT: ClassVar[str] = "larger"
    # of the mean of two values whose errors are taken as fully correlated: an upper bound
    SCATTER: ClassVar[float] = 0.5 * (SCATTER_PGA + SCATTER_PGV)
    REFERENCE: ClassVar[str] = (
        "Worden, Gerstenberger, Rhoades, Wald (2012), Bull. Seism. Soc. Am. 102(1), 204-221, equation (3)"
    )
    VERIFIED: ClassVar[str] = "tests/golden/intensity.csv"

    def convert(self, ln_pga: F64, ln_pgv: F64) -> Converted:
        """MMI 1 to 10 of ln PGA (m/s^2) and ln PGV (m/s), (n,)."""
        return converted(ln_pga, ln_pgv, _PGA, _PGV, MEAN, 0.0, (LOWEST, HIGHEST))
