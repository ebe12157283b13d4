"""Samples of a block into the seconds of their stations, and into the search for S."""

from __future__ import annotations

import math

from seiswarn.jit import inner
from seiswarn.waveform import state as st
from seiswarn.waveform import traces as tr
from seiswarn.waveform.pickers.s_onset import (
    MAX_S,
    OVERCONFIDENT,
    R_ONSET,
    R_SIGMA,
    R_SNR,
    begin,
    follow,
    meet,
)
from seiswarn.waveform.pwindow import P_CH, P_NOISE_D, P_OF, P_POLARITY, P_SIGMA_S, P_SNR, P_T0
from seiswarn.waveform.seconds import close_second, skip_to
from seiswarn.waveform.state import F32, F64, I64, Channels, Search, Stations, Traces
from seiswarn.waveform.station_traces import BAND, BASE, Q_A, Q_GA, Q_GV, Q_J, Q_M, Q_U, Q_V, WA, S
from seiswarn.waveform.tables import N_PICKS, PickRows, SecondRows


@inner
def _second_of(k: int, rate: float) -> int:
    """The second of UTC that sample `k` belongs to: the largest with second * rate <= k."""
    second = int(math.floor(k / rate))
    if math.ceil((second + 1) * rate) <= k:
        second += 1
    return second


@inner
def accumulate(
    q: int, s: int, first: int, n: int, mask: int, rate: float, hold_n: int, components: I64, scale: F64,
    chan: Channels, trc: Traces, sta: Stations, sea: Search, work: F64, sums: F64, onset: F64,
    picks: PickRows, secs: SecondRows, acc: int,
) -> None:  # fmt: skip
    """Add `n` samples of one lane to the seconds of its station, closing those that end."""
    si, sf = sta.si[s], sta.sf[s]
    if mask == 7:
        _look_for_s(
            q, components[s, 1], first, n, rate, sea.sring[s], sea.ssi[s], sea.ssf[s], work, onset, picks
        )
    t = 0
    while True:
        second = _second_of(first + t, rate)
        if second != si[st.V_SEC]:
            if si[st.V_MASK]:
                close_second(s, rate, hold_n, components, chan, trc, sta, secs)
            skip_to(s, second, sta)
        if t == n:
            return
        begin_k = int(math.ceil(second * rate))
        stop = min(n, int(math.ceil((second + 1) * rate)) - first)
        si[st.V_MASK] |= mask
        _peaks(q, t, stop, sums, sf)
        _scalars(q, components[s], t, stop, mask, work, acc, scale, chan.cf, trc.mf, sf)
        jma = sta.jsec[s, 0]
        for u in range(t, stop):
            jma[first + u - begin_k] = sums[Q_J, u * tr.STATIONS + q]
        t = stop


@inner
def _look_for_s(
    q: int,
    ch: int,
    first: int,
    n: int,
    rate: float,
    ring: F32,
    ssi: I64,
    ssf: F64,
    work: F64,
    onset: F64,
    picks: PickRows,
) -> None:
    """Keep what S is looked for in; after a P onset, look."""
    size = ring.shape[1]
    slot = int(first % size)
    i = 2 * tr.LANES + q
    for _ in range(n):
        ring[0, slot] = work[S, i]
        ring[1, slot] = work[S, i + tr.STATIONS]
        ring[2, slot] = work[S, i + 2 * tr.STATIONS]
        i += tr.LANES
        slot = slot + 1 if slot + 1 < size else 0
    if ssi[st.SI_ON] == 1 and ssi[st.SI_NEXT] < first:
        ssi[st.SI_ON] = 0  # a component has been missing since: the ring holds none of that time
    while ssi[st.SI_ON] == 1 or ssi[st.SI_QUEUED] > 0:
        known_k = ssi[st.SI_QUEUE + 1] if ssi[st.SI_QUEUED] > 0 else first + n
        if ssi[st.SI_ON] == 1:
            if ssi[st.SI_NEXT] == 0:
                begin(ssi[st.SI_P], rate, ring, ssi, ssf)
            found = follow(min(known_k + 1, first + n), rate, ring, ssi, ssf, onset[0], onset[1])
            if found:
                _s_pick(ch, rate, ssi, onset[1], picks)
            if found or ssi[st.SI_NEXT] - ssi[st.SI_P] >= MAX_S * rate:
                ssi[st.SI_ON] = 0
        if known_k >= first + n:
            return
        meet(ssi)
        if known_k < first:
            ssi[st.SI_ON] = 0  # likewise


@inner
def _s_pick(ch: int, rate: float, ssi: I64, out: F64, picks: PickRows) -> None:
    """Write the row of an S onset; for a while a new P onset here is a later phase."""
    k = int(out[R_ONSET])
    row = min(picks.n[N_PICKS], len(picks.picks_i) - 1)
    pick_i, pick_f = picks.picks_i[row], picks.picks_f[row]
    picks.n[N_PICKS] += 1
    since_ns = int(math.floor((k - ssi[st.SI_P]) * 1e9 / rate + 0.5))
    pick_i[P_CH], pick_i[P_T0], pick_i[P_OF] = ch, ssi[st.SI_T0] + since_ns, ssi[st.SI_T0]
    pick_i[P_POLARITY] = 0
    pick_f[P_SNR], pick_f[P_NOISE_D] = out[R_SNR], 0.0
    pick_f[P_SIGMA_S] = max(OVERCONFIDENT * out[R_SIGMA], 0.5) / rate
    ssi[st.SI_REST] = k + 2 * (k - ssi[st.SI_P])


@inner
def _peaks(q: int, t: int, stop: int, sums: F64, sf: F64) -> None:
    pga, pgv, pgd, ga, gv = sf[st.S_PGA2], sf[st.S_PGV2], sf[st.S_PGD2], sf[st.S_GA2], sf[st.S_GV2]
    total, absolute, mechanical = sf[st.S_A2], sf[st.S_ABS], sf[st.S_PM2]
    for u in range(t, stop):
        i = u * tr.STATIONS + q
        a2 = sums[Q_A, i]
        pga = max(pga, a2)
        total += a2
        absolute += math.sqrt(a2)
        pgv = max(pgv, sums[Q_V, i])
        pgd = max(pgd, sums[Q_U, i])
        ga = max(ga, sums[Q_GA, i])
        gv = max(gv, sums[Q_GV, i])
        mechanical = max(mechanical, sums[Q_M, i])
    sf[st.S_PGA2], sf[st.S_PGV2], sf[st.S_PGD2], sf[st.S_GA2], sf[st.S_GV2] = pga, pgv, pgd, ga, gv
    sf[st.S_A2], sf[st.S_ABS], sf[st.S_PM2] = total, absolute, mechanical


@inner
def _scalars(
    q: int,
    components: I64,
    t: int,
    stop: int,
    mask: int,
    work: F64,
    acc: int,
    scale: F64,
    cf: F64,
    mf_all: F64,
    sf: F64,
) -> None:
    """What is measured component by component: Wood-Anderson peak, squares for the quality."""
    for c in range(3):
        if not mask & (1 << c):
            continue
        ch = components[c]
        mf = mf_all[ch]
        a2, b2, wa = mf[st.S_ACC2], mf[st.S_BAND2], sf[st.S_WA]
        i = (t + 2) * tr.LANES + c * tr.STATIONS + q
        for _ in range(t, stop):
            a2 += work[acc, i] * work[acc, i]
            b2 += work[BAND, i] * work[BAND, i]
            if c > 0:
                wa = max(wa, abs(work[WA, i]))
            i += tr.LANES
        mf[st.S_ACC2], mf[st.S_BAND2], sf[st.S_WA] = a2, b2, wa
        mf[st.Q_LEVEL] = work[BASE, i - tr.LANES] / scale[ch] + cf[ch, st.SHIFT]
