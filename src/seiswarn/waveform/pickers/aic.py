"""Onset by the Akaike information criterion on the samples themselves."""

from __future__ import annotations

import math

import numpy as np

from seiswarn.jit import kernel
from seiswarn.waveform.state import F64

NAME = "aic"
REFERENCE = "Maeda (1985), Zisin 38, 365-379, equation for AIC(k)"
VERIFIED = True  # tests/waveform/test_kernels.py: numpy twin

_GUARD = 5  # samples at either end where a variance means nothing


@kernel
def aic_onset(x: F64, work: F64) -> tuple[int, float]:
    """Onset index in `x` and its one-sigma in samples.

    AIC(k) = k log var(x[:k]) + (n - k - 1) log var(x[k:]) is least at the onset; the spread of the
    Akaike weights exp(-(AIC - min) / 2) around it is the uncertainty.

    Parameters
    ----------
    x
        (n,) band-passed samples, noise first, signal at the end.
    work
        scratch of at least n values, overwritten.
    """
    n = x.size
    if n < 4 * _GUARD:
        return n // 2, float(n) / 4.0
    s1 = 0.0
    s2 = 0.0
    for k in range(n):
        s1 += x[k]
        s2 += x[k] * x[k]
    total1, total2 = s1, s2
    tiny = 1e-12 * total2 / n + 1e-300
    best, best_k = math.inf, _GUARD
    s1 = 0.0
    s2 = 0.0
    for k in range(n):
        if _GUARD <= k < n - _GUARD:
            m = n - k
            v1 = max(s2 / k - (s1 / k) ** 2, tiny)
            v2 = max((total2 - s2) / m - ((total1 - s1) / m) ** 2, tiny)
            a = k * math.log(v1) + (m - 1) * math.log(v2)
            work[k] = a
            if a < best:
                best, best_k = a, k
        s1 += x[k]
        s2 += x[k] * x[k]
    weight, second = 0.0, 0.0
    for k in range(_GUARD, n - _GUARD):
        w = math.exp(max(-700.0, -0.5 * (work[k] - best)))
        weight += w
        second += w * (k - best_k) ** 2
    return best_k, math.sqrt(second / weight) if weight > 0 else float(np.nan)
