"""Worden, Gerstenberger, Rhoades and Wald (2012): Modified Mercalli intensity from PGA and PGV."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

LOWEST, HIGHEST = 1.0, 10.0
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class _Segments:
    """MMI = c + d log10(Y) in three pieces, Y in gal or cm/s; `sigma` is the scatter of MMI."""

    log_breaks: tuple[float, float]
    constants: tuple[float, float, float]
    slopes: tuple[float, float, float]
    sigma: float

    def intensity(self, log10_y: F64) -> F64:
        """MMI from log10 of the motion, not clamped."""
        piece = np.searchsorted(self.log_breaks, log10_y, side="right")
        result: F64 = np.take(self.constants, piece) + np.take(self.slopes, piece) * log10_y
        return result

    def slope(self, log10_y: F64) -> F64:
        """Growth of MMI per factor of ten."""
        result: F64 = np.take(self.slopes, np.searchsorted(self.log_breaks, log10_y, side="right"))
        return result


# Table 1; the piece below MMI 2 is the one ShakeMap uses, discussed in the paper without numbers.
# Scatter: that of the relations without magnitude and distance (0.66 and 0.63 belong to those with).
_PGA = _Segments((0.14, 1.57), (1.71, 1.78, -1.60), (2.08, 1.55, 3.70), 0.73)
_PGV = _Segments((-1.21, 0.53), (4.62, 3.78, 2.89), (2.17, 1.47, 3.16), 0.65)


class Worden2012:
    """Modified Mercalli intensity, mean of the values by PGA and by PGV (as ShakeMap combines them)."""

    NAME: ClassVar[str] = "MMI"
    NEEDS: ClassVar[tuple[str, ...]] = ("pga_mps2", "pgv_mps")
    VALID: ClassVar[Mapping[str, tuple[float, float]]] = {"intensity": (LOWEST, HIGHEST)}
    REFERENCE: ClassVar[str] = (
        "Worden, Gerstenberger, Rhoades, Wald (2012), Bull. Seism. Soc. Am. 102(1), 204-221, equation (3)"
    )
    VERIFIED: ClassVar[str] = "tests/golden/intensity.csv"

    def intensity(self, pga_mps2: F64, pgv_mps: F64) -> F64:
        """MMI 1 to 10 of PGA in m/s^2 and PGV in m/s, arrays of one shape."""
        a, v = _logs(pga_mps2, pgv_mps)
        result: F64 = 0.5 * (
            np.clip(_PGA.intensity(a), LOWEST, HIGHEST) + np.clip(_PGV.intensity(v), LOWEST, HIGHEST)
        )
        return result

    def sigma(self, pga_mps2: F64, pgv_mps: F64, sigma_ln_pga: F64, sigma_ln_pgv: F64) -> F64:
        """Standard deviation from those of ln PGA and ln PGV and of the relation itself.

        PGA and PGV are taken as fully correlated: an upper bound.
        """
        a, v = _logs(pga_mps2, pgv_mps)
        s_a = np.hypot(_PGA.slope(a) / math.log(10.0) * sigma_ln_pga, _PGA.sigma)
        s_v = np.hypot(_PGV.slope(v) / math.log(10.0) * sigma_ln_pgv, _PGV.sigma)
        result: F64 = 0.5 * (s_a + s_v)
        return result


def _logs(pga_mps2: F64, pgv_mps: F64) -> tuple[F64, F64]:
    """log10 of gal and of cm/s."""
    return np.log10(np.maximum(100.0 * pga_mps2, _TINY)), np.log10(np.maximum(100.0 * pgv_mps, _TINY))
