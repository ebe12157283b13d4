"""Intensity as straight pieces in the logarithm of one measure, combined from PGA and PGV."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from seiswarn.jit import inner, kernel
from seiswarn.shaking.conversion.base import Converted

F64 = npt.NDArray[np.float64]

# How the values by PGA and by PGV become one.
MEAN, VELOCITY_FROM_SWITCH, VELOCITY = 0, 1, 2
_CM = math.log(100.0)


def pieces(*parts: tuple[float, float, float], unit: str = "cm") -> F64:
    """(k, 3) of pieces for the kernel: from which ln of the SI unit on, constant and slope per ln.

    Each part is (from log10, constant, slope per log10) as papers print it, in gal and cm/s (`unit` "cm") or
    in SI ("m"); the first begins at -inf.
    """
    shift = _CM if unit == "cm" else 0.0
    ln10 = math.log(10.0)
    return np.array([(a * ln10 - shift, b + c * shift / ln10, c / ln10) for a, b, c in parts])


@inner
def _piece(table, ln_y):  # type: ignore[no-untyped-def]
    """Which piece holds `ln_y`."""
    k = 0
    while k + 1 < table.shape[0] and ln_y >= table[k + 1, 0]:
        k += 1
    return k


@kernel
def fill_intensity(ln_pga, ln_pgv, by_pga, by_pgv, rule, switch, lowest, highest, out, per_a, per_v):  # type: ignore[no-untyped-def]
    """Intensity and its growth per ln into the last three, (n,) each, by `rule` (MEAN ...)."""
    for i in range(len(ln_pga)):
        a = _piece(by_pga, ln_pga[i])
        v = _piece(by_pgv, ln_pgv[i])
        i_a = by_pga[a, 1] + by_pga[a, 2] * ln_pga[i]
        i_v = by_pgv[v, 1] + by_pgv[v, 2] * ln_pgv[i]
        weight = 0.5
        if rule == VELOCITY or (rule == VELOCITY_FROM_SWITCH and i_a >= switch and i_v >= switch):
            weight = 0.0
        if rule == MEAN:  # each part is limited by itself, as the relations with several pieces ask for
            i_a = min(highest, max(lowest, i_a))
            i_v = min(highest, max(lowest, i_v))
        out[i] = min(highest, max(lowest, weight * i_a + (1.0 - weight) * i_v))
        per_a[i] = weight * by_pga[a, 2]
        per_v[i] = (1.0 - weight) * by_pgv[v, 2]


def converted(
    ln_pga: F64, ln_pgv: F64, by_pga: F64, by_pgv: F64, rule: int, switch: float, limits: tuple[float, float]
) -> Converted:
    """`fill_intensity` on new arrays; `limits`: lowest and highest intensity of the scale."""
    out, per_a, per_v = np.empty((3, len(ln_pga)))
    fill_intensity(ln_pga, ln_pgv, by_pga, by_pgv, rule, switch, *limits, out, per_a, per_v)
    return Converted(out, per_a, per_v)
