"""From components to stations: motion traces, vector peaks per second, real-time intensity.

Works on what the components of a station have in common, in spans in which the same components
are at hand; a component too far behind the others is left out.
"""

from __future__ import annotations

import math

import numpy as np

from seiswarn.jit import inner, kernel
from seiswarn.waveform import filters as flt
from seiswarn.waveform import state as st
from seiswarn.waveform import traces as tr
from seiswarn.waveform.detect import begin_difference
from seiswarn.waveform.intake import BASELINE_KEPT_S
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
from seiswarn.waveform.seconds import close_second, forget, skip_to
from seiswarn.waveform.state import F32, F64, I64, Channels, Search, Stations, Traces
from seiswarn.waveform.tables import (
    C_BASE_S,
    C_CLIP_S,
    C_WAIT_S,
    N_PICKS,
    PickRows,
    Scratch,
    SecondRows,
    Table,
)

# Rows of the block: counts in SI, baseline, without it, velocity, acceleration of a velocity sensor,
# displacement; 0.1 to 10 Hz of acceleration (two sections) and velocity; Kunugi's six sections;
# Wood-Anderson; picking band (two sections); the band of S in velocity (two).
X, BASE, D, V, A, U, GA1, GA, GV1, GV, J1 = range(11)
J = J1 + flt.N_JMA - 1
WA, BAND1, BAND, S1, S = range(J + 1, J + 6)
N_ROWS = S + 1
ACC = -1  # the row that holds acceleration
# From row to row by which section, in this order.
_SECTIONS = (
    (D, V, flt.INTEGRATE),  # of velocity sensors the high-pass alone
    (V, U, flt.INTEGRATE),
    (ACC, GA1, flt.GBT_LOW),
    (GA1, GA, flt.GBT_HIGH),
    (V, GV1, flt.GBT_LOW),
    (GV1, GV, flt.GBT_HIGH),
    (ACC, J1, flt.JMA_FIRST),
    *((J1 + j - 1, J1 + j, flt.JMA_FIRST + j) for j in range(1, flt.N_JMA)),
    (ACC, WA, flt.WOOD_ANDERSON),
    (ACC, BAND1, flt.PICK_LOW),
    (BAND1, BAND, flt.PICK_HIGH),
    (V, S1, flt.S_LOW),
    (S1, S, flt.S_HIGH),
)
Q_A, Q_V, Q_U, Q_GA, Q_GV, Q_J = range(6)  # rows of squared vector sums
N_SUMS = 6
_SUMS = ((Q_A, ACC), (Q_V, V), (Q_U, U), (Q_GA, GA), (Q_GV, GV), (Q_J, J))

STATION, NEXT, STOP, END, MASK = range(5)  # rows of the lane table


@inner
def _reach(components: I64, rate_class: int, wait: int, ci: I64) -> int:
    """The last k that the `components` (3,) of a station may be combined to; -1 when none may yet."""
    newest, oldest, awaited = -1, 1 << 62, False
    for c in range(3):
        ch = components[c]
        if ch >= 0 and ci[ch, st.SEEN] == 0:
            awaited = True
        elif ch >= 0 and ci[ch, st.RATE] == rate_class:
            newest = max(newest, ci[ch, st.SEG_K0] + ci[ch, st.READY] - 1)
            oldest = min(oldest, min(ci[ch, st.SEG_K0], ci[ch, st.OLD_K0]))
    if awaited and newest - oldest < wait:  # at the start a component may only be late
        return -1
    end = newest
    for c in range(3):
        ch = components[c]
        if ch >= 0 and ci[ch, st.SEEN] == 1 and ci[ch, st.RATE] == rate_class:
            last = ci[ch, st.SEG_K0] + ci[ch, st.READY] - 1
            if last >= newest - wait:
                end = min(end, last)
    return end


@inner
def _stretch_at(ci: I64, k: int, size: int) -> tuple[int, int, int]:
    """Start and end of the stretch of a channel that holds `k`, or of the next one; 0, 0, 0 when none."""
    floor = ci[st.SEG_K0] + ci[st.N] - size  # older samples are overwritten
    for start, stop in ((ci[st.OLD_K0], ci[st.OLD_END]), (ci[st.SEG_K0], ci[st.SEG_K0] + ci[st.READY])):
        first = max(start, floor)
        if stop > k and stop > first:
            return start, first, stop
    return 0, 0, 0


@inner
def span(components: I64, k: int, end: int, rate_class: int, ci: I64, size: int) -> tuple[int, int, int]:
    """The next (begin, stop, mask of components) from `k` on in which the same components are at hand."""
    begin = 1 << 62
    for c in range(3):
        ch = components[c]
        if ch >= 0 and ci[ch, st.SEEN] == 1 and ci[ch, st.RATE] == rate_class:
            _, first, stop = _stretch_at(ci[ch], k, size)
            if stop > 0:
                begin = min(begin, max(k, first))
    until, mask = end + 1, 0
    if begin > end:
        return begin, begin, 0
    for c in range(3):
        ch = components[c]
        if ch >= 0 and ci[ch, st.SEEN] == 1 and ci[ch, st.RATE] == rate_class:
            _, first, stop = _stretch_at(ci[ch], begin, size)
            if stop == 0:
                continue
            if first <= begin:
                mask |= 1 << c
                until = min(until, stop)
            else:
                until = min(until, first)
    return begin, until, mask


@inner
def _enter(ci: I64, mi: I64, tail: F64, k: int, rate_class: int, rate: float, size: int) -> None:
    """Meet a channel at `k`: go on when its traces end there, else start them anew (see `detect.enter`)."""
    start, _, _ = _stretch_at(ci, k, size)
    if mi[st.M_NEXT] == k and mi[st.M_SEG] == start and mi[st.M_RATE] == rate_class + 1:
        return
    keep = mi[st.M_RATE] == rate_class + 1 and 0 <= k - mi[st.M_NEXT] <= BASELINE_KEPT_S * rate
    base = tail[BASE, 1]
    tail[:, :] = 0.0
    if keep:
        tail[BASE, :] = base
    else:
        mi[st.M_N] = 0
    mi[st.M_NEXT], mi[st.M_SEG], mi[st.M_RATE], mi[st.M_FROM] = k, start, rate_class + 1, k


@inner
def _trace_block(work: F64, seen: I64, rate: float, velocity: bool, coef: F64, base_s: float, n: int) -> None:
    """All traces of a block out of its first row."""
    lanes, base_n = tr.LANES, max(1.0, base_s * rate)
    young = False
    for m in range(lanes):
        if seen[m] < base_n:
            young = True
    if young:
        tr.average_from_start(work[X], work[BASE], base_n, seen, lanes, n)
    else:
        tr.average(work[X], work[BASE], 1.0 / base_n, lanes, n)
    tr.subtract(work[X], work[BASE], work[D], lanes, n)
    acc = A if velocity else D
    for x, y, c in _SECTIONS:
        if y == U and velocity:
            tr.differentiate(work[V], work[A], rate, lanes, n)
        begin_difference(work, A, lanes)
        section = flt.HIGHPASS if y == V and velocity else c
        tr.section(work[acc if x == ACC else x], work[y], coef[section], lanes, n)


@inner
def _sum_squares(x: F64, out: F64, n: int) -> None:
    """Squared vector sums of eight stations: out[t * 8 + q]."""
    one, two, lanes = np.uint64(tr.STATIONS), np.uint64(2 * tr.STATIONS), np.uint64(tr.LANES)
    for t in range(np.uint64(0), np.uint64(n)):
        i = (t + np.uint64(2)) * lanes
        for q in range(np.uint64(0), np.uint64(tr.STATIONS)):
            out[t * one + q] = (
                x[i + q] * x[i + q] + x[i + one + q] * x[i + one + q] + x[i + two + q] * x[i + two + q]
            )


@inner
def _second_of(k: int, rate: float) -> int:
    """The second of UTC that sample `k` belongs to: the largest with second * rate <= k."""
    second = int(math.floor(k / rate))
    if math.ceil((second + 1) * rate) <= k:
        second += 1
    return second


@inner
def _accumulate(
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
    total, absolute = sf[st.S_A2], sf[st.S_ABS]
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
    sf[st.S_PGA2], sf[st.S_PGV2], sf[st.S_PGD2], sf[st.S_GA2], sf[st.S_GV2] = pga, pgv, pgd, ga, gv
    sf[st.S_A2], sf[st.S_ABS] = total, absolute


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


@inner
def _next_span(
    q: int,
    rate_class: int,
    rate: float,
    components: I64,
    chan: Channels,
    trc: Traces,
    si: I64,
    lane: I64,
    work: F64,
) -> bool:
    """Put the next span of the station in lane `q` in place; False when it has none."""
    s, size = lane[STATION, q], chan.ring.shape[1]
    begin, stop, mask = span(components[s], lane[NEXT, q], lane[END, q], rate_class, chan.ci, size)
    if mask == 0:
        si[s, st.V_K] = lane[END, q]
        return False
    lane[NEXT, q], lane[STOP, q], lane[MASK, q] = begin, stop, mask
    for c in range(3):
        m = c * tr.STATIONS + q
        if mask & (1 << c):
            ch = components[s, c]
            _enter(chan.ci[ch], trc.mi[ch], trc.mtail[ch], begin, rate_class, rate, size)
            tr.load_tail(work, trc.mtail[ch], m, tr.LANES)
    return True


@inner
def _fill_lanes(
    stations: I64, kinds: I64, following: int, kind: int, rate: float, wait_s: float, components: I64,
    scale: F64, chan: Channels, trc: Traces, sta: Stations, lane: I64, seen: I64, work: F64,
) -> tuple[int, int]:  # fmt: skip
    """Give idle lanes the next stations of a kind; returns (next station, samples of the block)."""
    n, rate_class = 0, kind // 2
    for q in range(tr.STATIONS):
        while lane[STATION, q] < 0 or lane[NEXT, q] == lane[STOP, q]:
            if lane[STATION, q] >= 0:
                if lane[NEXT, q] <= lane[END, q] and _next_span(
                    q, rate_class, rate, components, chan, trc, sta.si, lane, work
                ):
                    break
                lane[STATION, q] = -1
            if following == stations.size:
                break
            s = stations[following]
            following += 1
            if kinds[following - 1] != kind:
                continue
            if sta.si[s, st.V_RATE] != rate_class + 1:
                forget(s, sta)
                sta.si[s, st.V_RATE] = rate_class + 1
            lane[STATION, q], lane[NEXT, q] = s, sta.si[s, st.V_K] + 1
            lane[STOP, q] = lane[NEXT, q]
            lane[END, q] = _reach(components[s], rate_class, int(wait_s * rate), chan.ci)
        if lane[STATION, q] >= 0:
            left = lane[STOP, q] - lane[NEXT, q]
            n = min(n, left) if n > 0 else min(int(tr.CHUNK), left)
    for q in range(tr.STATIONS):
        for c in range(3):
            m = c * tr.STATIONS + q
            if lane[STATION, q] >= 0 and lane[MASK, q] & (1 << c):
                ch = components[lane[STATION, q], c]
                seen[m] = trc.mi[ch, st.M_N]
                tr.load_counts(work, chan.ring[ch], lane[NEXT, q], scale[ch], m, tr.LANES, n)
            else:
                seen[m] = tr.IDLE
                tr.silence(work, m, tr.LANES, n)
    return following, n


@inner
def _kind(components: I64, ci: I64, velocity: I64) -> int:
    """Rate class and unit of a station's vectors, -1 while nothing was heard.

    The rate is the one that two components share; when none do, that of the first.
    """
    first, unit, shared = -1, 0, -1
    for c in range(3):
        ch = components[c]
        if ch < 0 or ci[ch, st.SEEN] == 0:
            continue
        unit = velocity[ch]
        if first < 0:
            first = ci[ch, st.RATE]
        for d in range(c + 1, 3):
            other = components[d]
            if other >= 0 and ci[other, st.SEEN] == 1 and ci[other, st.RATE] == ci[ch, st.RATE]:
                shared = ci[ch, st.RATE]
    if first < 0:
        return -1
    return 2 * (shared if shared >= 0 else first) + unit


@kernel
def advance(
    stations: I64,
    rates: F64,
    coef: F64,
    cfg: F64,
    table: Table,
    chan: Channels,
    trc: Traces,
    sta: Stations,
    sea: Search,
    scratch: Scratch,
    picks: PickRows,
    secs: SecondRows,
) -> None:
    """Work off what the components of `stations` newly have in common, kind (rate and unit) by kind."""
    lane, work, sums, seen = scratch.lane, scratch.block, scratch.sums, scratch.seen
    lane[STATION, :] = -1
    for m in range(tr.LANES):
        tr.clear_tail(work, m, tr.LANES)
    for i in range(stations.size):
        scratch.kind[i] = _kind(table.components[stations[i]], chan.ci, table.velocity)
    kind, following, worked = 0, 0, False
    while kind < 2 * rates.size:
        rate, velocity = rates[kind // 2], kind % 2 == 1
        acc = A if velocity else D
        following, n = _fill_lanes(
            stations,
            scratch.kind,
            following,
            kind,
            rate,
            cfg[C_WAIT_S],
            table.components,
            table.scale,
            chan,
            trc,
            sta,
            lane,
            seen,
            work,
        )
        if n == 0:
            # What one kind leaves in rows that the next does not compute must not reach its tails.
            for m in range(tr.LANES if worked else 0):
                tr.clear_tail(work, m, tr.LANES)
            kind, following, worked = kind + 1, 0, False
            continue
        worked = True
        _trace_block(work, seen, rate, velocity, coef[kind // 2], cfg[C_BASE_S], n)
        for out, row in _SUMS:
            _sum_squares(work[acc if row == ACC else row], sums[out], n)
        for q in range(tr.STATIONS):
            s = lane[STATION, q]
            if s < 0:
                continue
            _accumulate(
                q,
                s,
                lane[NEXT, q],
                n,
                lane[MASK, q],
                rate,
                int(cfg[C_CLIP_S] * rate),
                table.components,
                table.scale,
                chan,
                trc,
                sta,
                sea,
                work,
                sums,
                scratch.onset,
                picks,
                secs,
                acc,
            )
            _leave(q, n, table.components, trc, sta.si, lane, work)
        tr.shift(work, tr.LANES, n)
        for q in range(tr.STATIONS):
            if lane[STATION, q] >= 0 and lane[NEXT, q] == lane[STOP, q]:
                for c in range(3):
                    tr.clear_tail(work, c * tr.STATIONS + q, tr.LANES)


@inner
def _leave(q: int, n: int, components: I64, trc: Traces, si: I64, lane: I64, work: F64) -> None:
    """Move one lane on by `n` samples; keep the state of its channels when its span ends."""
    s = lane[STATION, q]
    lane[NEXT, q] += n
    si[s, st.V_K] = lane[NEXT, q] - 1
    for c in range(3):
        if lane[MASK, q] & (1 << c):
            ch = components[s, c]
            trc.mi[ch, st.M_N] += n
            trc.mi[ch, st.M_NEXT] = lane[NEXT, q]
            if lane[NEXT, q] == lane[STOP, q]:
                tr.save_tail(work, trc.mtail[ch], c * tr.STATIONS + q, tr.LANES, n)
