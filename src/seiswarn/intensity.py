"""Instrumental intensity from peaks: GB/T 17742-2020 Annex A. The one home of its formula for single values.

Below the stages, since the waveform stage (per second) and the reports stage (per event) both need it.
"""

from __future__ import annotations

import math

from numba import njit

import seiswarn.jit  # noqa: F401 - says where compiled kernels are kept

# Equations (A.5) and (A.6): PGA in m/s^2, PGV in m/s, of vector sums band-passed 0.1 to 10 Hz. The
# standard's text is not at hand; the same numbers stand in six independent public implementations, two of
# which cite A.5 and A.6.
A_SLOPE, A_CONSTANT = 3.17, 6.59
V_SLOPE, V_CONSTANT = 3.00, 9.77
SWITCH = 6.0  # from here on, if both agree, the velocity alone decides
LOWEST, HIGHEST = 1.0, 12.0


@njit(cache=True, nogil=True)
def intensity_gbt(pga_mps2: float, pgv_mps: float) -> float:
    """Instrumental intensity of GB/T 17742-2020 from vector-sum PGA (m/s^2) and PGV (m/s).

    I_A = 3.17 log10 PGA + 6.59 (A.5), I_V = 3.00 log10 PGV + 9.77 (A.6); I = I_V where both reach 6.0,
    else their mean; limited to 1.0 ... 12.0; 1.0 where one of them is zero. Not rounded: the standard
    rounds to 0.1, which is for display.
    """
    if pga_mps2 <= 0.0 or pgv_mps <= 0.0:
        return LOWEST
    i_a = A_SLOPE * math.log10(pga_mps2) + A_CONSTANT
    i_v = V_SLOPE * math.log10(pgv_mps) + V_CONSTANT
    i = i_v if i_a >= SWITCH and i_v >= SWITCH else 0.5 * (i_a + i_v)
    return min(HIGHEST, max(LOWEST, i))
