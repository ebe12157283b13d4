"""The P window after a pick: growing peaks and periods from the onset on, a row for each length."""

from __future__ import annotations

import math

from seiswarn.jit import inner
from seiswarn.waveform import state as st
from seiswarn.waveform.intake import is_clipped
from seiswarn.waveform.state import F32, F64, I64
from seiswarn.waveform.tables import N_PICKS, N_WINDOWS, PickRows

# Columns of the pick and window rows that the kernels hand back.
P_CH, P_T0, P_POLARITY, P_OF = range(4)  # of a pick row; P_OF: onset of P before an S, else 0
P_SNR, P_SIGMA_S, P_NOISE_D = range(3)  # float part
W_CH, W_T0, W_CLIPPED, W_CROSSINGS = range(4)
W_S, W_PA, W_PV, W_PD, W_TAU_C, W_TAU_P, W_IV2 = range(7)


@inner
def _measure(f: F64, i: I64, a: float, v: float, u: float, rate_hz: float) -> None:
    """One more sample of the P window: peaks, tau_c sums, tau_p recursion, zero crossings."""
    f[st.PW_PA] = max(f[st.PW_PA], abs(a))
    f[st.PW_PV] = max(f[st.PW_PV], abs(v))
    f[st.PW_PD] = max(f[st.PW_PD], abs(u))
    f[st.PW_U2] += u * u / rate_hz
    f[st.PW_V2] += v * v / rate_hz
    sign = 1 if v > 0.0 else -1 if v < 0.0 else 0
    if sign != 0:
        if i[st.PW_SIGN] == -sign:
            i[st.PW_CROSS] += 1
        i[st.PW_SIGN] = sign
    alpha = 1.0 - 1.0 / rate_hz
    f[st.TP_X] = alpha * f[st.TP_X] + v * v
    f[st.TP_D] = alpha * f[st.TP_D] + a * a
    if f[st.TP_D] > 0.0:
        f[st.PW_TP] = max(f[st.PW_TP], 2.0 * math.pi * math.sqrt(f[st.TP_X] / f[st.TP_D]))


@inner
def _emit_window(ch: int, f: F64, i: I64, window_s: float, clipped: bool, out_i: I64, out_f: F64) -> None:
    out_i[W_CH] = ch
    out_i[W_T0] = i[st.PW_T0]
    out_i[W_CLIPPED] = 1 if clipped else 0
    out_i[W_CROSSINGS] = i[st.PW_CROSS]
    out_f[W_S] = window_s
    out_f[W_PA] = f[st.PW_PA]
    out_f[W_PV] = f[st.PW_PV]
    out_f[W_PD] = f[st.PW_PD]
    out_f[W_TAU_C] = 2.0 * math.pi * math.sqrt(f[st.PW_U2] / f[st.PW_V2]) if f[st.PW_V2] > 0 else 0.0
    out_f[W_TAU_P] = f[st.PW_TP]
    out_f[W_IV2] = f[st.PW_V2]


@inner
def grow(
    ch: int,
    n: int,
    zr: F32,
    f: F64,
    i: I64,
    windows_s: F64,
    rate: float,
    ci: I64,
    hold_n: int,
    picks: PickRows,
) -> None:
    """Add sample `n` to the open P window; write the row of a length that it completes.

    A window is flagged as clipped for `hold_n` samples after a clipped one.
    """
    s = n & (zr.shape[1] - 1)
    _measure(f, i, zr[st.R_ACC, s], zr[st.R_VEL, s], zr[st.R_DISP, s], rate)
    length_s = windows_s[i[st.PW_NEXT]]
    if n + 1 - i[st.PW_START] < length_s * rate:
        return
    k = ci[st.SEG_K0] + n
    row = min(picks.n[N_WINDOWS], len(picks.wins_i) - 1)  # more than there is room for are told of after
    _emit_window(ch, f, i, length_s, is_clipped(ci, k, k, hold_n), picks.wins_i[row], picks.wins_f[row])
    picks.n[N_WINDOWS] += 1
    i[st.PW_NEXT] += 1
    if i[st.PW_NEXT] == windows_s.size:
        i[st.PW_ON] = 0


@inner
def open_window(ch: int, refined: F64, f: F64, i: I64, rate: float, ci: I64, picks: PickRows) -> None:
    """Write a pick row and start its P window at the onset, which lies in the past."""
    onset = int(refined[0])
    t_on = ci[st.SEG_T0] + int(math.floor(onset * 1e9 / rate + 0.5))
    row = min(picks.n[N_PICKS], len(picks.picks_i) - 1)
    pick_i, pick_f = picks.picks_i[row], picks.picks_f[row]
    picks.n[N_PICKS] += 1
    pick_i[P_CH] = ch
    pick_i[P_T0] = t_on
    pick_i[P_POLARITY] = int(refined[3])
    pick_i[P_OF] = 0
    pick_f[P_SNR] = refined[1]
    pick_f[P_SIGMA_S] = refined[2]
    pick_f[P_NOISE_D] = refined[4]
    i[st.PW_ON] = 1
    i[st.PW_START] = onset
    i[st.PW_AT] = onset
    i[st.PW_NEXT] = 0
    i[st.PW_T0] = t_on
    i[st.PW_SIGN] = 0
    i[st.PW_CROSS] = 0
    f[:] = 0.0
