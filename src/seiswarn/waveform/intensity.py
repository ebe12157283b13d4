"""Instrumental intensity per second: GB/T 17742-2020 (formula in `seiswarn.intensity`), JMA, MMI."""

from __future__ import annotations

import math

import numpy as np

from seiswarn.intensity import intensity_gbt
from seiswarn.jit import kernel
from seiswarn.waveform.state import F32

__all__ = ["intensity_gbt", "intensity_jma", "intensity_mmi", "keep_largest", "level_exceeded"]

GAL_PER_MPS2 = 100.0


@kernel
def intensity_jma(level_mps2: float) -> float:
    """JMA instrumental intensity I = 2 log10 a + 0.94, a in gal (m/s^2 given here).

    `level_mps2` is the level of the filtered vector acceleration that is exceeded for 0.3 s in
    total. Limited below at -3, which is far below perception.
    """
    if level_mps2 <= 0.0:
        return -3.0
    return max(-3.0, 2.0 * math.log10(level_mps2 * GAL_PER_MPS2) + 0.94)


@kernel
def level_exceeded(values: F32, rank: int) -> float:
    """The `rank`-th largest of `values` (any, any), none negative; 0 when so many are zero.

    By halving: counting is what a machine does at full width, sorting is not.
    """
    low, high = np.float32(0.0), np.float32(0.0)
    for r in range(values.shape[0]):
        for k in range(values.shape[1]):
            high = max(high, values[r, k])
    if _count_above(values, low) < rank:
        return 0.0
    # Invariant: at least `rank` values lie above low, fewer above high.
    while True:
        middle = np.float32(0.5) * (low + high)
        if not low < middle < high:
            break
        count = _count_above(values, middle)
        if count >= rank:
            low = middle
            if count == rank:
                break
        else:
            high = middle
    least = np.float32(np.inf)
    for r in range(values.shape[0]):
        for k in range(values.shape[1]):
            if values[r, k] > low:
                least = min(least, values[r, k])
    return float(least)


@kernel
def keep_largest(values: F32, rank: int, out: F32) -> None:
    """The `rank` largest of `values` (1, n), none negative, into `out`; zeros where there are fewer."""
    out[:] = 0.0
    level, n = level_exceeded(values, rank), 0
    for k in range(values.shape[1]):
        if values[0, k] > level and n < rank:
            out[n] = values[0, k]
            n += 1
    while level > 0.0 and n < rank:  # those that equal the level
        out[n] = level
        n += 1


@kernel
def _count_above(values: F32, level: float) -> int:
    limit, count = np.float32(level), 0
    for r in range(values.shape[0]):
        for k in range(values.shape[1]):
            count += 1 if values[r, k] > limit else 0
    return count


# Worden et al. (2012), Bull. Seism. Soc. Am. 102, 204-221, table 1 and ShakeMap's piece below MMI 2:
# breaks of log10 of the motion in cm/s^2 or cm/s, constants, slopes.
_MMI_PGA = (0.14, 1.57, 1.71, 1.78, -1.60, 2.08, 1.55, 3.70)
_MMI_PGV = (-1.21, 0.53, 4.62, 3.78, 2.89, 2.17, 1.47, 3.16)


@kernel
def _mmi(log_y: float, table: tuple[float, float, float, float, float, float, float, float]) -> float:
    if log_y < table[0]:
        i = table[2] + table[5] * log_y
    elif log_y < table[1]:
        i = table[3] + table[6] * log_y
    else:
        i = table[4] + table[7] * log_y
    return min(10.0, max(1.0, i))


@kernel
def intensity_mmi(pga_mps2: float, pgv_mps: float) -> float:
    """Modified Mercalli intensity from PGA (m/s^2) and PGV (m/s), mean of the values by each, 1 ... 10.

    Worden et al. (2012) equation 3, as `shaking.conversion` has it for forecasts.
    """
    if pga_mps2 <= 0.0 or pgv_mps <= 0.0:
        return 1.0
    by_pga = _mmi(math.log10(GAL_PER_MPS2 * pga_mps2), _MMI_PGA)
    return 0.5 * (by_pga + _mmi(math.log10(GAL_PER_MPS2 * pgv_mps), _MMI_PGV))
