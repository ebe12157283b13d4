"""From components to stations: vector peaks per second and real-time intensity."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from seiswarn.waveform import state as st
from seiswarn.waveform.intensity import intensity_gbt, intensity_jma
from seiswarn.waveform.state import F32, F64, I64, TRAIL_S

# Columns of a motion row.
O_STATION, O_T, O_NCOMP, O_CLIPPED = range(4)
O_PGA, O_PGV, O_PGD, O_GBT, O_JMA = range(5)

JMA_TOTAL_S = 0.3


@njit(cache=True, nogil=True)
def _level(top: F64, n_rows: int, rank: int, merged: F64) -> float:
    """The `rank`-th largest value (1 = largest) over the first lists of `top`, each falling."""
    count = 0
    for r in range(n_rows):
        for k in range(rank):
            merged[count] = top[r, k]
            count += 1
    part = merged[:count]
    part.sort()
    return part[count - rank]


@njit(cache=True, nogil=True)
def _close_second(
    s: int,
    k: int,
    rate: float,
    si: I64,
    sf: F64,
    trail: F64,
    top: F64,
    top_n: I64,
    merged: F64,
    oi: I64,
    of: F64,
) -> None:
    """Write the row of the second that ends with sample `k`, and open the next."""
    row = top_n[s, 0]
    trail[s, 0, row] = math.sqrt(sf[s, st.S_PGA2])
    trail[s, 1, row] = math.sqrt(sf[s, st.S_PGV2])
    filled = min(TRAIL_S, top_n[s, 1] + 1)
    rank = max(1, int(JMA_TOTAL_S * rate))
    pga, pgv = 0.0, 0.0
    for r in range(filled):
        pga = max(pga, trail[s, 0, r])
        pgv = max(pgv, trail[s, 1, r])
    oi[O_STATION] = s
    oi[O_T] = np.int64(math.floor((k + 1) / rate))
    oi[O_NCOMP] = si[s, st.V_N]
    oi[O_CLIPPED] = si[s, st.V_CLIP]
    of[O_PGA] = trail[s, 0, row]
    of[O_PGV] = trail[s, 1, row]
    of[O_PGD] = math.sqrt(sf[s, st.S_PGD2])
    of[O_GBT] = intensity_gbt(pga, pgv)
    of[O_JMA] = intensity_jma(_level(top[s], filled, rank, merged))
    sf[s, :] = 0.0
    si[s, st.V_N] = 0
    si[s, st.V_CLIP] = 0
    row = (row + 1) % TRAIL_S
    top_n[s, 0] = row
    top_n[s, 1] = filled
    top[s, row, :] = 0.0


@njit(cache=True, nogil=True)
def _insert(top: F64, rank: int, value: float) -> None:
    """Keep `value` in the falling list of the `rank` largest."""
    if value <= top[rank - 1]:
        return
    k = rank - 1
    while k > 0 and top[k - 1] < value:
        top[k] = top[k - 1]
        k -= 1
    top[k] = value


@njit(cache=True, nogil=True)
def combine(
    touched: I64,
    components: I64,
    rates: F64,
    wait_s: float,
    clip_s: float,
    i_all: I64,
    mring: F32,
    si: I64,
    sf: F64,
    trail: F64,
    top: F64,
    top_n: I64,
    merged: F64,
    out_i: I64,
    out_f: F64,
) -> int:
    """Advance the vector sums of the `touched` stations as far as their components reach.

    A component more than `wait_s` behind the most advanced one is left out. One row is written per
    whole second of data (aligned to the second of UTC); returns the number of rows.
    """
    n_out = 0
    size = mring.shape[2]
    mask = size - 1
    for t in range(touched.size):
        s = touched[t]
        newest, oldest, rate, unheard = np.int64(-1), np.int64(1) << 62, 0.0, False
        rate_class = np.int64(0)
        for c in range(3):
            ch = components[s, c]
            if ch >= 0 and i_all[ch, st.SEEN] == 1:
                last = i_all[ch, st.SEG_K0] + i_all[ch, st.N] - 1
                oldest = min(oldest, i_all[ch, st.SEG_K0])
                if last > newest:
                    newest, rate_class = last, i_all[ch, st.RATE]
                    rate = rates[rate_class]
            elif ch >= 0:
                unheard = True
        # At the start a component may only be late; it is awaited as any other.
        if newest < 0 or (unheard and newest - oldest < np.int64(wait_s * rate)):
            continue
        if si[s, st.V_RATE] != rate_class:  # sample numbers count at the rate: those of another mean nothing
            si[s, :] = 0
            si[s, st.V_RATE] = rate_class
            sf[s, :] = 0.0
            trail[s, :, :] = 0.0
            top[s, :, :] = 0.0
            top_n[s, :] = 0
        end, begin = newest, newest
        for c in range(3):
            ch = components[s, c]
            if ch < 0 or i_all[ch, st.SEEN] == 0 or rates[i_all[ch, st.RATE]] != rate:
                continue
            last = i_all[ch, st.SEG_K0] + i_all[ch, st.N] - 1
            if last >= newest - np.int64(wait_s * rate):
                end = min(end, last)
                begin = min(begin, i_all[ch, st.SEG_K0])
        begin = max(begin, si[s, st.V_K] + 1)
        begin = max(begin, newest - size + 1)
        rank = max(1, int(JMA_TOTAL_S * rate))
        for k in range(begin, end + 1):
            slot = k & mask
            a2, v2, d2, j2, n = 0.0, 0.0, 0.0, 0.0, 0
            for c in range(3):
                ch = components[s, c]
                if ch < 0 or i_all[ch, st.SEEN] == 0 or rates[i_all[ch, st.RATE]] != rate:
                    continue
                k0 = i_all[ch, st.SEG_K0]
                if k < k0 or k >= k0 + i_all[ch, st.N]:
                    continue
                n += 1
                a2 += mring[ch, st.M_ACC, slot] ** 2
                v2 += mring[ch, st.M_VEL, slot] ** 2
                j2 += mring[ch, st.M_JMA, slot] ** 2
                d2 += mring[ch, st.M_DISP, slot] ** 2
                clip_n = i_all[ch, st.CLIP_N]
                if clip_n >= 0 and k - k0 >= clip_n and k - k0 < clip_n + clip_s * rate:
                    si[s, st.V_CLIP] = 1
            sf[s, st.S_PGA2] = max(sf[s, st.S_PGA2], a2)
            sf[s, st.S_PGV2] = max(sf[s, st.S_PGV2], v2)
            sf[s, st.S_PGD2] = max(sf[s, st.S_PGD2], d2)
            si[s, st.V_N] = max(si[s, st.V_N], n)
            _insert(top[s, top_n[s, 0]], rank, math.sqrt(j2))
            if math.floor((k + 1) / rate) > math.floor(k / rate):
                _close_second(s, k, rate, si, sf, trail, top, top_n, merged, out_i[n_out], out_f[n_out])
                n_out += 1
        if end >= begin:
            si[s, st.V_K] = end
    return n_out
