"""The sample loops: one call per slice for all its packets, one for all touched stations.

State is structure of arrays, channel axis first (`state`); it is hoisted to locals around the
inner loops; nothing is allocated. The numpy twins stand in tests/reference.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from seiswarn.waveform import filters as flt
from seiswarn.waveform import quality as q
from seiswarn.waveform import state as st
from seiswarn.waveform.pickers.aic import aic_onset
from seiswarn.waveform.state import F32, F64, I64

# Columns of the pick and window rows that the kernel hands back.
P_CH, P_T0, P_POLARITY = range(3)  # integer part of a pick row
P_SNR, P_SIGMA_S, P_NOISE_D = range(3)  # float part
W_CH, W_T0, W_CLIPPED = range(3)
W_S, W_PA, W_PV, W_PD, W_TAU_C, W_TAU_P, W_IV2 = range(7)
DECLINED_SNR, DECLINED_WEAK, DECLINED_UNCONFIRMED = range(3)  # counters

# Indices into the settings vector.
(
    C_BASE_S,
    C_STA_S,
    C_LTA_S,
    C_ON,
    C_OFF,
    C_WARM_S,
    C_REARM_S,
    C_BEFORE_S,
    C_AFTER_S,
    C_MIN_SNR,
    C_MIN_AMP,
    C_FILL_S,
    C_CLIP_S,
) = range(13)


@njit(cache=True, nogil=True, inline="always")
def _biquad(c: F64, z: F64, x: float) -> float:
    y = c[0] * x + z[0]
    z[0] = c[1] * x - c[3] * y + z[1]
    z[1] = c[2] * x - c[4] * y
    return y


@njit(cache=True, nogil=True)
def reset_channel(f: F64, i: I64, z: F64, t0_ns: int, rate_class: int, rate_hz: float) -> None:
    """Start a channel anew at `t0_ns`: no filter memory, no noise level, no open windows."""
    f[:] = 0.0
    z[:] = 0.0
    i[st.N] = 0
    i[st.TRIG] = 0
    i[st.PENDING] = 0
    i[st.PW_ON] = 0
    i[st.CLIP_N] = -1
    i[st.SEEN] = 1
    i[st.RATE] = rate_class
    i[st.SEG_T0] = t0_ns
    i[st.SEG_K0] = np.int64(math.floor(t0_ns * 1e-9 * rate_hz + 0.5))


@njit(cache=True, nogil=True)
def refine(f: F64, i: I64, ring: F64, rate_hz: float, cfg: F64, work: F64, out: F64) -> int:
    """Onset of the pending trigger: fills out = (onset sample, snr, sigma_s, polarity, noise_d).

    Returns -1 when there is a pick, else the index of the counter of why not.
    """
    size = ring.shape[1]
    n_end = i[st.N]  # the next sample to come
    before = int(cfg[C_BEFORE_S] * rate_hz)
    start = max(np.int64(0), i[st.TRIG_N] - before)
    n = int(n_end - start)
    x = work[0, :n]
    for k in range(n):
        x[k] = ring[st.R_PICK, (start + k) & (size - 1)]
    k_on, sigma = aic_onset(x, work[1])
    noise2 = 0.0
    for k in range(k_on):
        noise2 += x[k] * x[k]
    noise2 = noise2 / max(1, k_on)
    sig2, peak, late2 = 0.0, 0.0, 0.0
    half = max(1, (n - k_on) // 2)
    for k in range(k_on, n):
        sig2 += x[k] * x[k]
        peak = max(peak, abs(x[k]))
        if k >= n - half:
            late2 += x[k] * x[k]
    sig2 /= max(1, n - k_on)
    late2 /= half
    # The noise behind the recursive average is the better measure when the window is short.
    noise2 = max(noise2, 1e-300)
    snr = math.sqrt(sig2 / noise2)
    if snr < cfg[C_MIN_SNR]:
        return DECLINED_SNR
    if peak < cfg[C_MIN_AMP]:
        return DECLINED_WEAK
    if late2 < 4.0 * noise2:
        return DECLINED_UNCONFIRMED
    polarity = 0.0
    level = 3.0 * math.sqrt(noise2)
    for k in range(k_on, n):
        if abs(x[k]) > level:
            polarity = 1.0 if x[k] > 0 else -1.0
            break
    quiet = 0.0
    for k in range(k_on):
        quiet = max(quiet, abs(ring[st.R_DISP, (start + k) & (size - 1)]))
    out[0] = float(start + k_on)
    out[1] = snr
    out[2] = max(sigma, 0.5) / rate_hz
    out[3] = polarity
    out[4] = quiet
    return -1


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


@njit(cache=True, nogil=True)
def process(
    samples: F64,
    offsets: I64,
    channel: I64,
    t0_ns: I64,
    rate_class: I64,
    rates: F64,
    coef: F64,
    cfg: F64,
    windows_s: F64,
    gain: F64,
    unit: I64,
    clip_counts: F64,
    z_station: I64,
    f_all: F64,
    i_all: I64,
    z_all: F64,
    zring: F64,
    mring: F32,
    work: F64,
    codes: I64,
    picks_i: I64,
    picks_f: F64,
    wins_i: I64,
    wins_f: F64,
    declined: I64,
    clipped: I64,
) -> tuple[int, int]:
    """Run every packet of a slice through its channel.

    `samples` are the counts of all packets end to end, packet p from offsets[p] to
    offsets[p + 1]; `z_station` is the station of a vertical, -1 for other channels. Fills
    `codes` (continuity, see `quality`), pick and window rows, counters; returns their numbers.
    """
    n_picks, n_wins = 0, 0
    refined = work[2]
    for p in range(channel.size):
        ch = channel[p]
        f, i, z = f_all[ch], i_all[ch], z_all[ch]
        rc = rate_class[p]
        rate = rates[rc]
        c = coef[rc]
        n = offsets[p + 1] - offsets[p]
        code, skip, fill = q.admit(i, t0_ns[p], n, rc, rate, cfg[C_FILL_S])
        codes[p] = code
        if code == q.DROPPED or code == q.STALE:
            continue
        if code == q.FIRST or code == q.RESET or code == q.RATE_CHANGED:
            reset_channel(f, i, z, t0_ns[p], rc, rate)
        sta_n, lta_n = max(1.0, cfg[C_STA_S] * rate), max(1.0, cfg[C_LTA_S] * rate)
        base_n = max(1.0, cfg[C_BASE_S] * rate)
        warm, rearm = cfg[C_WARM_S] * rate, cfg[C_REARM_S] * rate
        after = int(cfg[C_AFTER_S] * rate)
        station = z_station[ch]
        scale = 1.0 / gain[ch]
        is_velocity = unit[ch] == 1
        mask = mring.shape[2] - 1
        zmask = zring.shape[2] - 1
        for s in range(skip - fill, n):
            raw = f[st.LAST] if s < skip and fill > 0 else samples[offsets[p] + s]
            if abs(raw) >= clip_counts[ch]:
                i[st.CLIP_N] = i[st.N]
                clipped[ch] += 1
            f[st.LAST] = raw
            k = i[st.N]
            x = raw * scale
            f[st.BASE] += (x - f[st.BASE]) / min(base_n, k + 1.0)
            x -= f[st.BASE]
            if is_velocity:
                v = _biquad(c[flt.HIGHPASS], z[0], x)
                a = (v - f[st.PREV_V]) * rate if k > 0 else 0.0
                f[st.PREV_V] = v
            else:
                a = x
                v = _biquad(c[flt.INTEGRATE], z[0], a)
            u = _biquad(c[flt.INTEGRATE], z[1], v)
            ga = _biquad(c[flt.GBT_HIGH], z[5], _biquad(c[flt.GBT_LOW], z[4], a))
            gv = _biquad(c[flt.GBT_HIGH], z[7], _biquad(c[flt.GBT_LOW], z[6], v))
            jma = a
            for m in range(flt.N_JMA):
                jma = _biquad(c[flt.JMA_FIRST + m], z[8 + m], jma)
            slot = (i[st.SEG_K0] + k) & mask
            mring[ch, st.M_ACC, slot] = ga
            mring[ch, st.M_VEL, slot] = gv
            mring[ch, st.M_JMA, slot] = jma
            mring[ch, st.M_DISP, slot] = u
            i[st.N] = k + 1
            if station < 0:
                continue
            b = _biquad(c[flt.PICK_HIGH], z[3], _biquad(c[flt.PICK_LOW], z[2], a))
            zs = k & zmask
            zring[station, st.R_PICK, zs] = b
            zring[station, st.R_ACC, zs] = a
            zring[station, st.R_VEL, zs] = v
            zring[station, st.R_DISP, zs] = u
            e = b * b
            f[st.STA] += (e - f[st.STA]) / min(sta_n, k + 1.0)
            f[st.LTA] += (e - f[st.LTA]) / min(lta_n, k + 1.0)
            if i[st.PW_ON] == 1:
                _measure(f, a, v, u, rate)
                if k + 1 - i[st.PW_START] >= windows_s[i[st.PW_NEXT]] * rate:
                    _emit_window(
                        ch,
                        f,
                        i,
                        windows_s[i[st.PW_NEXT]],
                        rate,
                        cfg[C_CLIP_S],
                        wins_i[n_wins],
                        wins_f[n_wins],
                    )
                    n_wins += 1
                    i[st.PW_NEXT] += 1
                    if i[st.PW_NEXT] == windows_s.size:
                        i[st.PW_ON] = 0
            if i[st.PENDING] == 1:
                if k == i[st.TRIG_N] + after:
                    i[st.PENDING] = 0
                    why = refine(f, i, zring[station], rate, cfg, work, refined)
                    if why >= 0:
                        declined[why] += 1
                        i[st.TRIG] = 0
                    else:
                        onset = np.int64(refined[0])
                        t_on = i[st.SEG_T0] + np.int64(math.floor(onset * 1e9 / rate + 0.5))
                        picks_i[n_picks, P_CH] = ch
                        picks_i[n_picks, P_T0] = t_on
                        picks_i[n_picks, P_POLARITY] = np.int64(refined[3])
                        picks_f[n_picks, P_SNR] = refined[1]
                        picks_f[n_picks, P_SIGMA_S] = refined[2]
                        picks_f[n_picks, P_NOISE_D] = refined[4]
                        n_picks += 1
                        i[st.PW_ON] = 1
                        i[st.PW_START] = onset
                        i[st.PW_NEXT] = 0
                        i[st.PW_T0] = t_on
                        for col in range(st.TP_X, st.PW_TP + 1):
                            f[col] = 0.0
                        for m in range(onset, k + 1):
                            ms = m & zmask
                            _measure(
                                f,
                                zring[station, st.R_ACC, ms],
                                zring[station, st.R_VEL, ms],
                                zring[station, st.R_DISP, ms],
                                rate,
                            )
                            if m + 1 - onset >= windows_s[i[st.PW_NEXT]] * rate:
                                _emit_window(
                                    ch,
                                    f,
                                    i,
                                    windows_s[i[st.PW_NEXT]],
                                    rate,
                                    cfg[C_CLIP_S],
                                    wins_i[n_wins],
                                    wins_f[n_wins],
                                )
                                n_wins += 1
                                i[st.PW_NEXT] += 1
            elif i[st.TRIG] == 1:
                if f[st.STA] < cfg[C_OFF] * f[st.LTA]:
                    i[st.TRIG] = 0
            elif (
                k >= warm
                and f[st.STA] > cfg[C_ON] * f[st.LTA]
                and (i[st.TRIG_N] == 0 or k - i[st.TRIG_N] >= rearm)
            ):
                i[st.TRIG] = 1
                i[st.TRIG_N] = k
                i[st.PENDING] = 1
    return n_picks, n_wins
