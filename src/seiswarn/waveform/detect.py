"""Verticals: motion traces, STA/LTA, onsets and P windows. One call per slice and kind of channel."""

from __future__ import annotations

import math

from seiswarn.jit import inner, kernel
from seiswarn.waveform import filters as flt
from seiswarn.waveform import state as st
from seiswarn.waveform import traces as tr
from seiswarn.waveform.ground_motion import ACC, BASE, D, U, V, ground_motion
from seiswarn.waveform.intake import BASELINE_KEPT_S
from seiswarn.waveform.pickers.aic import aic_onset
from seiswarn.waveform.pickers.s_onset import tell
from seiswarn.waveform.pwindow import grow, open_window
from seiswarn.waveform.state import F32, F64, I64, Channels, Verticals
from seiswarn.waveform.tables import (
    C_AFTER_S,
    C_BASE_S,
    C_BEFORE_S,
    C_CLIP_S,
    C_LTA_S,
    C_MIN_AMP,
    C_MIN_SNR,
    C_OFF,
    C_ON,
    C_REARM_S,
    C_STA_S,
    C_WARM_S,
    N_DECLINED,
    PickRows,
    Scratch,
    Table,
)

# Further rows of the block: picking band (high-pass, then low-pass), its energy, short and long average.
HIGH, BAND, ENERGY, STA, LTA = range(U + 1, U + 6)
N_ROWS = LTA + 1
_SECTIONS = (
    (D, V, flt.INTEGRATE),  # of velocity sensors the high-pass alone
    (V, U, flt.INTEGRATE),
    (ACC, HIGH, flt.PICK_LOW),
    (HIGH, BAND, flt.PICK_HIGH),
)

DECLINED_SNR, DECLINED_WEAK, DECLINED_UNCONFIRMED = range(3)  # counters
CHANNEL, FROM, LEFT, BASED, WARM = range(5)  # rows of the lane table
# The last half of a trigger's signal over the noise before it, in energy: what does not last is no onset.
CONFIRMED = 9.0


@inner
def refine(trig_n: int, n_end: int, ring: F32, rate_hz: float, cfg: F64, work: F64, out: F64) -> int:
    """Onset of the trigger at `trig_n`: fills out = (onset sample, snr, sigma_s, polarity, noise_d).

    Returns -1 when there is a pick, else the index of the counter of why not.
    """
    mask = ring.shape[1] - 1
    start = max(0, trig_n - int(cfg[C_BEFORE_S] * rate_hz))
    n = int(n_end - start)
    x = work[0, :n]
    for k in range(n):
        x[k] = ring[st.R_PICK, (start + k) & mask]
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
    noise2 = max(noise2, 1e-300)
    snr = math.sqrt(sig2 / noise2)
    if snr < cfg[C_MIN_SNR]:
        return DECLINED_SNR
    if peak < cfg[C_MIN_AMP]:
        return DECLINED_WEAK
    if late2 < CONFIRMED * noise2:
        return DECLINED_UNCONFIRMED
    polarity = 0.0
    level = 3.0 * math.sqrt(noise2)
    for k in range(k_on, n):
        if abs(x[k]) > level:
            polarity = 1.0 if x[k] > 0 else -1.0
            break
    quiet = 0.0
    for k in range(k_on):
        quiet = max(quiet, abs(ring[st.R_DISP, (start + k) & mask]))
    out[0] = float(start + k_on)
    out[1] = snr
    out[2] = max(sigma, 0.5) / rate_hz
    out[3] = polarity
    out[4] = quiet
    return -1


@inner
def _triggered(pi: I64, n: int, warm_n: int, sta: float, lta: float, cfg: F64, rate: float) -> bool:
    """STA/LTA at sample `n`; True when a pending trigger has seen enough to be refined."""
    if pi[st.PENDING] == 1:
        if n < pi[st.TRIG_N] + int(cfg[C_AFTER_S] * rate):
            return False
        pi[st.PENDING] = 0
        return True
    if pi[st.TRIG] == 1:
        if sta < cfg[C_OFF] * lta:
            pi[st.TRIG] = 0
        return False
    rested = pi[st.TRIG_N] == 0 or n - pi[st.TRIG_N] >= cfg[C_REARM_S] * rate
    if rested and n - warm_n >= cfg[C_WARM_S] * rate and sta > cfg[C_ON] * lta:
        pi[st.TRIG] = 1
        pi[st.TRIG_N] = n
        pi[st.PENDING] = 1
    return False


@inner
def enter(ci: I64, pi: I64, ptail: F64, pf: F64, ssi: I64, rate_hz: float) -> None:
    """Meet a channel: start its traces anew when a new stretch has begun.

    The baseline goes on over a short gap: a stretch that begins amid shaking has none of its own.
    """
    if pi[st.P_SEG] == ci[st.SEG_T0] and pi[st.P_RATE] == ci[st.RATE] + 1:
        return
    away_s = (ci[st.SEG_K0] - pi[st.BASE_K]) / rate_hz
    keep = pi[st.P_RATE] == ci[st.RATE] + 1 and 0.0 <= away_s <= BASELINE_KEPT_S
    base, based = ptail[BASE, 1], pi[st.BASE_N]
    if pi[st.P_RATE] != ci[st.RATE] + 1:
        ssi[:] = 0  # numbers of samples at another rate say nothing any more
    pi[:] = 0
    pf[:] = 0.0
    ptail[:, :] = 0.0
    pi[st.P_SEG] = ci[st.SEG_T0]
    pi[st.P_RATE] = ci[st.RATE] + 1
    if keep:
        ptail[BASE, :] = base
        pi[st.BASE_N] = based


@inner
def _trace_block(
    work: F64, lane: I64, seen: I64, rate: float, velocity: bool, coef: F64, cfg: F64, n: int
) -> int:
    """All traces of a block out of its first row; returns the row that holds acceleration."""
    lanes = tr.VERTICALS
    base_n, sta_n = max(1.0, cfg[C_BASE_S] * rate), max(1.0, cfg[C_STA_S] * rate)
    lta_n = max(1.0, cfg[C_LTA_S] * rate)
    young = False
    for m in range(lanes):
        if lane[BASED, m] < base_n or lane[FROM, m] - lane[WARM, m] < lta_n:
            young = True
    acc = ground_motion(work, _SECTIONS, lane[BASED], young, base_n, rate, velocity, coef, lanes, n)
    tr.square(work[BAND], work[ENERGY], lanes, n)
    if young:
        for m in range(lanes):
            seen[m] = lane[FROM, m] - lane[WARM, m]
        tr.average_from_start(work[ENERGY], work[STA], sta_n, seen, lanes, n)
        tr.average_from_start(work[ENERGY], work[LTA], lta_n, seen, lanes, n)
    else:
        tr.average(work[ENERGY], work[STA], 1.0 / sta_n, lanes, n)
        tr.average(work[ENERGY], work[LTA], 1.0 / lta_n, lanes, n)
    return acc


@inner
def _to_ring(work: F64, acc: int, zr: F32, first: int, m: int, n: int) -> None:
    lanes, mask = tr.VERTICALS, zr.shape[1] - 1
    for t in range(n):
        i, s = (t + 2) * lanes + m, (first + t) & mask
        zr[st.R_PICK, s] = work[BAND, i]
        zr[st.R_ACC, s] = work[acc, i]
        zr[st.R_VEL, s] = work[V, i]
        zr[st.R_DISP, s] = work[U, i]


@inner
def _forget_noise(work: F64, lane: I64, m: int) -> None:
    """Average noise anew from here on: what came before was a dead trace."""
    i = tr.VERTICALS + m
    work[STA, i], work[LTA, i] = 0.0, 0.0
    lane[WARM, m] = lane[FROM, m]


@inner
def _fill_lanes(
    channels: I64,
    following: int,
    kind: int,
    rate: float,
    table: Table,
    chan: Channels,
    vert: Verticals,
    ssi: I64,
    lane: I64,
    work: F64,
) -> tuple[int, int]:
    """Give idle lanes the next channels with something new; returns (next channel, samples of the block)."""
    n = 0
    for m in range(tr.VERTICALS):
        while lane[CHANNEL, m] < 0 and following < channels.size:
            ch = channels[following]
            following += 1
            if 2 * chan.ci[ch, st.RATE] + table.velocity[ch] != kind:
                continue
            s = table.z_station[ch]
            ci, pi = chan.ci[ch], vert.pi[s]
            enter(ci, pi, vert.ptail[s], vert.pf[s], ssi[s], rate)
            if ci[st.READY] > pi[st.DONE]:
                lane[CHANNEL, m], lane[FROM, m] = ch, pi[st.DONE]
                lane[LEFT, m], lane[BASED, m] = ci[st.READY] - pi[st.DONE], pi[st.BASE_N]
                lane[WARM, m] = pi[st.WARM_N]
                tr.load_tail(work, vert.ptail[s], m, tr.VERTICALS)
        if lane[CHANNEL, m] >= 0:
            left = lane[LEFT, m]
            moved = chan.ci[lane[CHANNEL, m], st.MOVED_N]
            if lane[FROM, m] < moved:
                left = min(left, moved - lane[FROM, m])
            elif lane[FROM, m] == moved:
                _forget_noise(work, lane, m)
            n = min(n, left) if n > 0 else min(int(tr.CHUNK), left)
    for m in range(tr.VERTICALS):
        ch = lane[CHANNEL, m]
        if ch >= 0:
            k = chan.ci[ch, st.SEG_K0] + lane[FROM, m]
            tr.load_counts(work, chan.ring[ch], k, table.scale[ch], m, tr.VERTICALS, n)
        else:
            lane[BASED, m], lane[FROM, m], lane[WARM, m] = tr.IDLE, tr.IDLE, 0
            tr.silence(work, m, tr.VERTICALS, n)
    return following, n


@inner
def _leave(ci: I64, pi: I64, ptail: F64, lane: I64, work: F64, m: int, n: int) -> None:
    """Move one lane on by `n` samples; keep its state when nothing is left."""
    lane[FROM, m] += n
    lane[LEFT, m] -= n
    lane[BASED, m] += n
    if lane[LEFT, m] == 0:
        pi[st.DONE], pi[st.BASE_N], pi[st.WARM_N] = lane[FROM, m], lane[BASED, m], lane[WARM, m]
        pi[st.BASE_K] = ci[st.SEG_K0] + lane[FROM, m] - 1
        tr.save_tail(work, ptail, m, tr.VERTICALS, n)


@kernel
def detect(
    channels: I64, rates: F64, coef: F64, cfg: F64, windows_s: F64, table: Table, chan: Channels,
    vert: Verticals, ssi: I64, scratch: Scratch, picks: PickRows, declined: I64,
) -> None:  # fmt: skip
    """Work off what is new on the verticals `channels`, kind (rate and unit) by kind, into `picks`."""
    lanes, lane, work = tr.VERTICALS, scratch.lane, scratch.block
    lane[CHANNEL, :] = -1
    for m in range(lanes):
        tr.clear_tail(work, m, lanes)
    kind, following, worked = 0, 0, False
    while kind < 2 * rates.size:
        rate, velocity = rates[kind // 2], kind % 2 == 1
        following, n = _fill_lanes(channels, following, kind, rate, table, chan, vert, ssi, lane, work)
        if n == 0:
            # What one kind leaves in rows that the next does not compute must not reach its tails.
            for m in range(lanes if worked else 0):
                tr.clear_tail(work, m, lanes)
            kind, following, worked = kind + 1, 0, False
            continue
        worked = True
        acc = _trace_block(work, lane, scratch.seen, rate, velocity, coef[kind // 2], cfg, n)
        crossed = tr.above(work[STA], work[LTA], cfg[C_ON], lanes, n)
        for m in range(lanes):
            ch = lane[CHANNEL, m]
            if ch < 0:
                continue
            s = table.z_station[ch]
            ci, pi, pf, zr = chan.ci[ch], vert.pi[s], vert.pf[s], vert.zring[s]
            _to_ring(work, acc, zr, lane[FROM, m], m, n)
            if crossed > 0 or pi[st.TRIG] == 1 or pi[st.PW_ON] == 1:
                _watch(
                    ch, lane[FROM, m], n, m, lane[WARM, m], ci, pi, pf, zr, rate, cfg, ssi[s],
                    windows_s, work, scratch.onset, picks, declined,
                )  # fmt: skip
            _leave(ci, pi, vert.ptail[s], lane, work, m, n)
        tr.shift(work, lanes, n)
        for m in range(lanes):
            if lane[CHANNEL, m] >= 0 and lane[LEFT, m] == 0:
                lane[CHANNEL, m] = -1
                tr.clear_tail(work, m, lanes)


@inner
def _watch(
    ch: int, first: int, n: int, m: int, warm_n: int, ci: I64, pi: I64, pf: F64, zr: F32, rate: float,
    cfg: F64, ssi: I64, windows_s: F64, work: F64, onset: F64, picks: PickRows, declined: I64,
) -> None:  # fmt: skip
    """Sample by sample through one lane in which something may happen."""
    lanes = tr.VERTICALS
    refined, hold_n = onset[2], int(cfg[C_CLIP_S] * rate)
    for t in range(n):
        k, i = first + t, (t + 2) * lanes + m
        for opened in range(2):  # the window that is open grows; one that opens starts in the past
            if opened:
                if not _triggered(pi, k, warm_n, work[STA, i], work[LTA, i], cfg, rate):
                    break
                why = refine(pi[st.TRIG_N], k + 1, zr, rate, cfg, onset, refined)
                if why >= 0:
                    declined[why] += 1
                    picks.n[N_DECLINED] += 1
                    pi[st.TRIG] = 0
                    break
                open_window(ch, refined, pf, pi, rate, ci, picks)
                tell(ssi, ci[st.SEG_K0] + int(refined[0]), ci[st.SEG_K0] + k, pi[st.PW_T0], refined[1])
            while pi[st.PW_ON] == 1 and pi[st.PW_AT] <= k:
                grow(ch, pi[st.PW_AT], zr, pf, pi, windows_s, rate, ci, hold_n, picks)
                pi[st.PW_AT] += 1
