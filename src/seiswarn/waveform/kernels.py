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
from seiswarn.waveform.pwindow import grow, open_window
from seiswarn.waveform.state import F32, F64, I64

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
    i[st.TRIG_N] = 0  # counted in samples of the stretch, as N is: an old one would keep the channel deaf
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
def _condition(
    raw: float,
    f: F64,
    i: I64,
    z: F64,
    c: F64,
    scale: float,
    velocity: bool,
    base_n: float,
    rate: float,
    mr: F32,
) -> tuple[float, float, float]:
    """One sample of counts to acceleration, velocity, displacement; the ring of `vectors` is fed."""
    k = i[st.N]
    x = raw * scale
    f[st.BASE] += (x - f[st.BASE]) / min(base_n, k + 1.0)
    x -= f[st.BASE]
    if velocity:
        v = _biquad(c[flt.HIGHPASS], z[0], x)
        a = (v - f[st.PREV_V]) * rate if k > 0 else 0.0
        f[st.PREV_V] = v
    else:
        a = x
        v = _biquad(c[flt.INTEGRATE], z[0], a)
    u = _biquad(c[flt.INTEGRATE], z[1], v)
    jma = a
    for m in range(flt.N_JMA):
        jma = _biquad(c[flt.JMA_FIRST + m], z[8 + m], jma)
    slot = (i[st.SEG_K0] + k) & (mr.shape[1] - 1)
    mr[st.M_ACC, slot] = _biquad(c[flt.GBT_HIGH], z[5], _biquad(c[flt.GBT_LOW], z[4], a))
    mr[st.M_VEL, slot] = _biquad(c[flt.GBT_HIGH], z[7], _biquad(c[flt.GBT_LOW], z[6], v))
    mr[st.M_JMA, slot] = jma
    mr[st.M_DISP, slot] = u
    i[st.N] = k + 1
    return a, v, u


@njit(cache=True, nogil=True, inline="always")
def _detect(f: F64, i: I64, k: int, energy: float, cfg: F64, rate: float) -> bool:
    """STA/LTA on one sample of energy; True when a pending trigger has seen enough to be refined."""
    f[st.STA] += (energy - f[st.STA]) / min(max(1.0, cfg[C_STA_S] * rate), k + 1.0)
    f[st.LTA] += (energy - f[st.LTA]) / min(max(1.0, cfg[C_LTA_S] * rate), k + 1.0)
    if i[st.PENDING] == 1:
        if k < i[st.TRIG_N] + int(cfg[C_AFTER_S] * rate):
            return False
        i[st.PENDING] = 0
        return True
    if i[st.TRIG] == 1:
        if f[st.STA] < cfg[C_OFF] * f[st.LTA]:
            i[st.TRIG] = 0
        return False
    rested = i[st.TRIG_N] == 0 or k - i[st.TRIG_N] >= cfg[C_REARM_S] * rate
    if rested and k >= cfg[C_WARM_S] * rate and f[st.STA] > cfg[C_ON] * f[st.LTA]:
        i[st.TRIG] = 1
        i[st.TRIG_N] = k
        i[st.PENDING] = 1
    return False


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
    clip_s = cfg[C_CLIP_S]
    for p in range(channel.size):
        ch, rc = channel[p], rate_class[p]
        f, i, z, mr, c, rate = f_all[ch], i_all[ch], z_all[ch], mring[ch], coef[rc], rates[rc]
        n = offsets[p + 1] - offsets[p]
        code, skip, fill = q.admit(i, t0_ns[p], n, rc, rate, cfg[C_FILL_S])
        codes[p] = code
        if code == q.DROPPED or code == q.STALE:
            continue
        if code == q.FIRST or code == q.RESET or code == q.RATE_CHANGED:
            reset_channel(f, i, z, t0_ns[p], rc, rate)
        base_n, scale, velocity = max(1.0, cfg[C_BASE_S] * rate), 1.0 / gain[ch], unit[ch] == 1
        station = z_station[ch]
        zr = zring[max(station, 0)]
        zmask = zr.shape[1] - 1
        for s in range(skip - fill, n):
            raw = f[st.LAST] if s < skip and fill > 0 else samples[offsets[p] + s]
            k = i[st.N]
            if abs(raw) >= clip_counts[ch]:
                i[st.CLIP_N] = k
                clipped[ch] += 1
            f[st.LAST] = raw
            a, v, u = _condition(raw, f, i, z, c, scale, velocity, base_n, rate, mr)
            if station < 0:
                continue
            b = _biquad(c[flt.PICK_HIGH], z[3], _biquad(c[flt.PICK_LOW], z[2], a))
            zs = k & zmask
            zr[st.R_PICK, zs] = b
            zr[st.R_ACC, zs] = a
            zr[st.R_VEL, zs] = v
            zr[st.R_DISP, zs] = u
            if i[st.PW_ON] == 1:
                n_wins = grow(ch, k, a, v, u, f, i, windows_s, rate, clip_s, wins_i, wins_f, n_wins)
            if not _detect(f, i, k, b * b, cfg, rate):
                continue
            why = refine(f, i, zr, rate, cfg, work, refined)
            if why >= 0:
                declined[why] += 1
                i[st.TRIG] = 0
                continue
            n_wins = open_window(
                ch, k, f, i, zr, refined, windows_s, rate, clip_s,
                picks_i[n_picks], picks_f[n_picks], wins_i, wins_f, n_wins,
            )  # fmt: skip
            n_picks += 1
    return n_picks, n_wins
