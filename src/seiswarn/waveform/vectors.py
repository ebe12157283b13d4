"""From components to stations: motion traces, vector peaks per second, real-time intensity.

Works on what the components of a station have in common, in spans in which the same components
are at hand; a component too far behind the others is left out.
"""

from __future__ import annotations

from seiswarn.jit import inner, kernel
from seiswarn.waveform import state as st
from seiswarn.waveform import traces as tr
from seiswarn.waveform.accumulate import accumulate
from seiswarn.waveform.intake import BASELINE_KEPT_S
from seiswarn.waveform.seconds import forget
from seiswarn.waveform.spans import kind_of, reach, span, stretch_at
from seiswarn.waveform.state import F64, I64, Channels, Search, Stations, Traces
from seiswarn.waveform.station_traces import (
    ACC,
    BASE,
    N_ROWS,
    N_SUMS,
    SUMS,
    A,
    D,
    sum_squares,
    trace_block,
)
from seiswarn.waveform.tables import C_BASE_S, C_CLIP_S, C_WAIT_S, PickRows, Scratch, SecondRows, Table

__all__ = ["N_ROWS", "N_SUMS", "advance"]

STATION, NEXT, STOP, END, MASK = range(5)  # rows of the lane table


@inner
def _enter(ci: I64, mi: I64, tail: F64, k: int, rate_class: int, rate: float, size: int) -> None:
    """Meet a channel at `k`: go on when its traces end there, else start them anew (see `detect.enter`)."""
    start, _, _ = stretch_at(ci, k, size)
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
            lane[END, q] = reach(components[s], rate_class, int(wait_s * rate), chan.ci)
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
        scratch.kind[i] = kind_of(table.components[stations[i]], chan.ci, table.velocity)
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
        trace_block(work, seen, rate, velocity, coef[kind // 2], cfg[C_BASE_S], n)
        for out, row in SUMS:
            sum_squares(work[acc if row == ACC else row], sums[out], n)
        for q in range(tr.STATIONS):
            s = lane[STATION, q]
            if s < 0:
                continue
            accumulate(
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
