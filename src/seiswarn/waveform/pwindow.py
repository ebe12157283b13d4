"""The P window after a pick: growing peaks and periods from the onset on, a row for each length."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from seiswarn.waveform import state as st
from seiswarn.waveform.state import F64, I64

# Columns of the pick and window rows that the kernels hand back.
P_CH, P_T0, P_POLARITY = range(3)  # integer part of a pick row
P_SNR, P_SIGMA_S, P_NOISE_D = range(3)  # float part
W_CH, W_T0, W_CLIPPED = range(3)
W_S, W_PA, W_PV, W_PD, W_TAU_C, W_TAU_P, W_IV2 = range(7)


@njit(cache=True, nogil=True, inline="always")
def _measure(f: F64, a: float, v: float, u: float, rate_hz: float) -> None:
    """One more sample of the P window: peaks, tau_c sums, tau_p recursion."""
    f[st.PW_PA] = max(f[st.PW_PA], abs(a))
    f[st.PW_PV] = max(f[st.PW_PV], abs(v))
    f[st.PW_PD] = max(f[st.PW_PD], abs(u))
    f[st.PW_U2] += u * u / rate_hz
    f[st.PW_V2] += v * v / rate_hz
    alpha = 1.0 - 1.0 / rate_hz
    f[st.TP_X] = alpha * f[st.TP_X] + v * v
    f[st.TP_D] = alpha * f[st.TP_D] + a * a
    if f[st.TP_D] > 0.0:
        f[st.PW_TP] = max(f[st.PW_TP], 2.0 * math.pi * math.sqrt(f[st.TP_X] / f[st.TP_D]))


@njit(cache=True, nogil=True)
def _emit_window(
    ch: int, f: F64, i: I64, window_s: float, rate_hz: float, clip_s: float, out_i: I64, out_f: F64
) -> None:
    out_i[W_CH] = ch
    out_i[W_T0] = i[st.PW_T0]
    clipped = i[st.CLIP_N] >= 0 and i[st.N] - i[st.CLIP_N] < clip_s * rate_hz
    out_i[W_CLIPPED] = 1 if clipped else 0
    out_f[W_S] = window_s
    out_f[W_PA] = f[st.PW_PA]
    out_f[W_PV] = f[st.PW_PV]
    out_f[W_PD] = f[st.PW_PD]
    out_f[W_TAU_C] = 2.0 * math.pi * math.sqrt(f[st.PW_U2] / f[st.PW_V2]) if f[st.PW_V2] > 0 else 0.0
    out_f[W_TAU_P] = f[st.PW_TP]
    out_f[W_IV2] = f[st.PW_V2]


@njit(cache=True, nogil=True, inline="always")
def grow(
    ch: int,
    m: int,
    a: float,
    v: float,
    u: float,
    f: F64,
    i: I64,
    windows_s: F64,
    rate: float,
    clip_s: float,
    wins_i: I64,
    wins_f: F64,
    n_wins: int,
) -> int:
    """Add sample `m` to the open P window; write the row of a length that it completes."""
    _measure(f, a, v, u, rate)
    length_s = windows_s[i[st.PW_NEXT]]
    if m + 1 - i[st.PW_START] < length_s * rate:
        return n_wins
    _emit_window(ch, f, i, length_s, rate, clip_s, wins_i[n_wins], wins_f[n_wins])
    i[st.PW_NEXT] += 1
    if i[st.PW_NEXT] == windows_s.size:
        i[st.PW_ON] = 0
    return n_wins + 1


@njit(cache=True, nogil=True)
def open_window(
    ch: int,
    k: int,
    f: F64,
    i: I64,
    zr: F64,
    refined: F64,
    windows_s: F64,
    rate: float,
    clip_s: float,
    pick_i: I64,
    pick_f: F64,
    wins_i: I64,
    wins_f: F64,
    n_wins: int,
) -> int:
    """Write a pick row and start its P window at the onset, which lies in the past."""
    onset = np.int64(refined[0])
    t_on = i[st.SEG_T0] + np.int64(math.floor(onset * 1e9 / rate + 0.5))
    pick_i[P_CH] = ch
    pick_i[P_T0] = t_on
    pick_i[P_POLARITY] = np.int64(refined[3])
    pick_f[P_SNR] = refined[1]
    pick_f[P_SIGMA_S] = refined[2]
    pick_f[P_NOISE_D] = refined[4]
    i[st.PW_ON] = 1
    i[st.PW_START] = onset
    i[st.PW_NEXT] = 0
    i[st.PW_T0] = t_on
    f[st.TP_X : st.PW_TP + 1] = 0.0
    mask = zr.shape[1] - 1
    for m in range(onset, k + 1):
        s = m & mask
        a, v, u = zr[st.R_ACC, s], zr[st.R_VEL, s], zr[st.R_DISP, s]
        n_wins = grow(ch, m, a, v, u, f, i, windows_s, rate, clip_s, wins_i, wins_f, n_wins)
    return n_wins
