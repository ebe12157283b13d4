"""GB/T 17742-2020, The Chinese seismic intensity scale, Annex A: instrumental intensity."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from seiswarn.intensity import A_CONSTANT, A_SLOPE, HIGHEST, LOWEST, SWITCH, V_CONSTANT, V_SLOPE

F64 = npt.NDArray[np.float64]

_TINY = 1e-12  # keeps the logarithm finite; far below intensity 1


class Gbt17742:
    """Instrumental intensity of GB/T 17742-2020 from PGA and PGV.

    The standard defines both as peaks of the three-component vector sum, band-passed 0.1 to 10 Hz.
    Not rounded: rounding to 0.1 is for display.
    """

    NAME: ClassVar[str] = "GB/T 17742-2020"
    NEEDS: ClassVar[tuple[str, ...]] = ("pga_mps2", "pgv_mps")
    VALID: ClassVar[Mapping[str, tuple[float, float]]] = {"intensity": (LOWEST, HIGHEST)}
    REFERENCE: ClassVar[str] = "GB/T 17742-2020, Annex A, equations (A.5) and (A.6)"
    VERIFIED: ClassVar[str] = "tests/golden/intensity.csv"

    def intensity(self, pga_mps2: F64, pgv_mps: F64) -> F64:
        """Intensity 1.0 to 12.0 of PGA in m/s^2 and PGV in m/s, arrays of one shape."""
        i_a, i_v = _parts(pga_mps2, pgv_mps)
        value = np.where((i_a >= SWITCH) & (i_v >= SWITCH), i_v, 0.5 * (i_a + i_v))
        result: F64 = np.clip(value, LOWEST, HIGHEST)
        return result

    def sigma(self, pga_mps2: F64, pgv_mps: F64, sigma_ln_pga: F64, sigma_ln_pgv: F64) -> F64:
        """Standard deviation of the intensity from those of ln PGA and ln PGV.

        Where the mean of both counts they are taken as fully correlated, which gives the
        upper bound.
        """
        i_a, i_v = _parts(pga_mps2, pgv_mps)
        s_a = A_SLOPE / math.log(10.0) * sigma_ln_pga
        s_v = V_SLOPE / math.log(10.0) * sigma_ln_pgv
        result: F64 = np.where((i_a >= SWITCH) & (i_v >= SWITCH), s_v, 0.5 * (s_a + s_v))
        return result


def _parts(pga_mps2: F64, pgv_mps: F64) -> tuple[F64, F64]:
    """I_A, equation (A.5), and I_V, equation (A.6)."""
    i_a = A_SLOPE * np.log10(np.maximum(pga_mps2, _TINY)) + A_CONSTANT
    i_v = V_SLOPE * np.log10(np.maximum(pgv_mps, _TINY)) + V_CONSTANT
    return i_a, i_v
