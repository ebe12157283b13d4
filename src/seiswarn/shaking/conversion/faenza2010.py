"""Faenza and Michelini (2010): Mercalli-Cancani-Sieberg intensity from PGA and PGV, in Italy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from seiswarn.shaking.conversion.base import Converted
from seiswarn.shaking.conversion.pieces import MEAN, converted, pieces

F64 = npt.NDArray[np.float64]

LOWEST, HIGHEST = 1.0, 10.0  # as ShakeMap limits it

# In gal and cm/s, by orthogonal distance regression.
_PGA = pieces((-math.inf, 1.68, 2.58))
_PGV = pieces((-math.inf, 5.11, 2.35))
SCATTER_PGA, SCATTER_PGV = 0.18, 0.14  # of means over classes of intensity: single places scatter more


class Faenza2010:
    """MCS intensity, mean of the values by PGA and by PGV (as ShakeMap combines them)."""

    NAME: ClassVar[str] = "MCS"
    NEEDS: ClassVar[tuple[str, ...]] = ("pga_mps2", "pgv_mps")
    VALID: ClassVar[Mapping[str, tuple[float, float]]] = {"intensity": (LOWEST, HIGHEST)}
    COMPONENT: ClassVar[str] = "larger"
    SCATTER: ClassVar[float] = 0.5 * (SCATTER_PGA + SCATTER_PGV)  # as fully correlated: an upper bound
    REFERENCE: ClassVar[str] = "Faenza, Michelini (2010), Geophys. J. Int. 180(3), 1138-1152"
    VERIFIED: ClassVar[str] = "tests/golden/mcs.csv"

    def convert(self, ln_pga: F64, ln_pgv: F64) -> Converted:
        """MCS 1 to 10 of ln PGA (m/s^2) and ln PGV (m/s), (n,)."""
        return converted(ln_pga, ln_pgv, _PGA, _PGV, MEAN, 0.0, (LOWEST, HIGHEST))
