"""The waveform stage again, in plain numpy and scipy over whole arrays: slow, obvious, the measure."""

from __future__ import annotations

import math

import numpy as np
from scipy import signal


def baseline_removed(x: np.ndarray, n_base: float) -> np.ndarray:
    out, base = np.empty_like(x), 0.0
    for k, v in enumerate(x):
        base += (v - base) / min(n_base, k + 1.0)
        out[k] = v - base
    return out


def motions(counts: np.ndarray, gain: float, rate: float) -> dict[str, np.ndarray]:
    """Acceleration, velocity, displacement and the picking band of an accelerometer channel."""
    a = baseline_removed(counts / gain, 60.0 * rate)
    hp = signal.butter(2, 0.075, "hp", fs=rate, output="sos")

    def integrate(y: np.ndarray) -> np.ndarray:
        return signal.sosfilt(hp, np.cumsum(0.5 * (y + np.concatenate([[0.0], y[:-1]]))) / rate)

    v = integrate(a)
    u = integrate(v)
    low = signal.butter(2, 2.0, "hp", fs=rate, output="sos")
    high = signal.butter(2, 20.0, "lp", fs=rate, output="sos")
    gbt = np.vstack(
        [
            signal.butter(2, 0.1, "hp", fs=rate, output="sos"),
            signal.butter(2, 10.0, "lp", fs=rate, output="sos"),
        ]
    )
    return {
        "a": a,
        "v": v,
        "u": u,
        "pick": signal.sosfilt(high, signal.sosfilt(low, a)),
        "ga": signal.sosfilt(gbt, a),
        "gv": signal.sosfilt(gbt, v),
    }


def aic_onset(x: np.ndarray, guard: int = 5) -> int:
    n = len(x)
    tiny = 1e-12 * np.mean(x**2) + 1e-300
    values = [
        k * math.log(max(np.var(x[:k]), tiny)) + (n - k - 1) * math.log(max(np.var(x[k:]), tiny))
        for k in range(guard, n - guard)
    ]
    return guard + int(np.argmin(values))


def p_window(m: dict[str, np.ndarray], onset: int, window_s: float, rate: float) -> dict[str, float]:
    """Peaks, tau_c (Kanamori 2005), tau_p max (Allen and Kanamori 2003) and IV2 from the onset on."""
    n = math.ceil(window_s * rate)
    a, v, u = (m[k][onset : onset + n] for k in "avu")
    alpha, x, d, tp = 1.0 - 1.0 / rate, 0.0, 0.0, 0.0
    for vi, ai in zip(v, a, strict=True):
        x, d = alpha * x + vi**2, alpha * d + ai**2
        tp = max(tp, 2 * math.pi * math.sqrt(x / d)) if d > 0 else tp
    return {
        "pa": np.abs(a).max(),
        "pv": np.abs(v).max(),
        "pd": np.abs(u).max(),
        "tau_c": 2 * math.pi * math.sqrt(np.sum(u**2) / np.sum(v**2)),
        "tau_p": tp,
        "iv2": np.sum(v**2) / rate,
    }
