"""Instrumental intensity from peaks: GB/T 17742-2020 Annex A, and JMA."""

from __future__ import annotations

import math

from numba import njit

GAL_PER_MPS2 = 100.0


@njit(cache=True, nogil=True)
def intensity_gbt(pga_mps2: float, pgv_mps: float) -> float:
    """Instrumental intensity of GB/T 17742-2020 from vector-sum PGA (m/s^2) and PGV (m/s).

    Annex A: I_A = 3.17 log10 PGA + 6.59, I_V = 3.00 log10 PGV + 9.77 of motions band-passed
    0.1 to 10 Hz; I = I_V where both reach 6.0, else their mean; limited to 1.0 ... 12.0. Not rounded
    here: the standard rounds to 0.1, which is for display.
    """
    if pga_mps2 <= 0.0 or pgv_mps <= 0.0:
        return 1.0
    i_a = 3.17 * math.log10(pga_mps2) + 6.59
    i_v = 3.00 * math.log10(pgv_mps) + 9.77
    i = i_v if i_a >= 6.0 and i_v >= 6.0 else 0.5 * (i_a + i_v)
    return min(12.0, max(1.0, i))


@njit(cache=True, nogil=True)
def intensity_jma(level_mps2: float) -> float:
    """JMA instrumental intensity I = 2 log10 a + 0.94, a in gal (m/s^2 given here).

    `level_mps2` is the level of the filtered vector acceleration that is exceeded for 0.3 s in
    total. Limited below at -3, which is far below perception.
    """
    if level_mps2 <= 0.0:
        return -3.0
    return max(-3.0, 2.0 * math.log10(level_mps2 * GAL_PER_MPS2) + 0.94)
