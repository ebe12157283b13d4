"""What a station's second of data comes to: the row of motions that is written when it ends."""

from __future__ import annotations

import math

from seiswarn.jit import inner
from seiswarn.reasons import Flag
from seiswarn.waveform import state as st
from seiswarn.waveform.intake import is_clipped
from seiswarn.waveform.intensity import (
    intensity_gbt,
    intensity_jma,
    intensity_mmi,
    keep_largest,
    level_exceeded,
)
from seiswarn.waveform.state import F64, I64, Channels, Stations, Traces
from seiswarn.waveform.tables import N_MOTIONS, N_QUALITY, SecondRows

# Columns of a motion row and of a quality row.
O_STATION, O_T, O_NCOMP, O_FLAGS = range(4)
O_PGA, O_PGV, O_PGD, O_GBT, O_JMA, O_MMI, O_GA, O_GV, O_ARIAS, O_CAV, O_WA, O_PM = range(12)
N_MOTION_F = O_PM + 1
L_CHANNEL, L_T, L_SPIKES, L_CLIPPED, L_FLAGS = range(5)
L_OFFSET, L_RMS, L_NOISE, L_FLAT_S = range(4)

QUALITY_S = 10  # seconds of UTC per row of quality
GRAVITY_MPS2 = 9.80665  # standard gravity, CGPM 1901

SETTLE_S = 10.0  # after the start of a stretch filters have not forgotten that there was nothing before

F_CLIPPED, F_FLAT, F_MIXED = int(Flag.CLIPPED), int(Flag.FLAT), int(Flag.MIXED_RATES)
F_SETTLING = int(Flag.SETTLING)


@inner
def _take_events(ch: int, second: int, events: I64, mi_all: I64) -> int:
    """Flags that intake has raised on a channel in `second`; the record is cleared."""
    event, mi = events[ch, second % st.EVENT_S], mi_all[ch]
    flags = event[st.E_FLAGS]
    mi[st.Q_SPIKES] += event[st.E_SPIKES]
    mi[st.Q_CLIPPED] += event[st.E_CLIPPED]
    mi[st.Q_FLAT] = max(mi[st.Q_FLAT], event[st.E_FLAT])
    mi[st.Q_FLAGS] |= flags
    event[:] = 0
    return flags


@inner
def _close_channel(ch: int, second: int, mi: I64, mf: F64, rate: float, secs: SecondRows) -> None:
    """A channel's second into its quality interval; the row of the interval when that ends."""
    quiet = mf[st.S_BAND2] / rate
    mf[st.Q_QUIET2] = quiet if mi[st.Q_COUNT] == 0 else min(mf[st.Q_QUIET2], quiet)
    mf[st.Q_ACC2] += mf[st.S_ACC2]
    mi[st.Q_COUNT] += 1
    mf[st.S_BAND2], mf[st.S_ACC2] = 0.0, 0.0
    if (second + 1) % QUALITY_S != 0:
        return
    row = min(secs.n[N_QUALITY], len(secs.quality_i) - 1)
    secs.n[N_QUALITY] += 1
    li, lf = secs.quality_i[row], secs.quality_f[row]
    li[L_CHANNEL], li[L_T] = ch, second + 1
    li[L_SPIKES], li[L_CLIPPED], li[L_FLAGS] = mi[st.Q_SPIKES], mi[st.Q_CLIPPED], mi[st.Q_FLAGS]
    lf[L_OFFSET] = mf[st.Q_LEVEL]
    lf[L_RMS] = math.sqrt(mf[st.Q_ACC2] / (mi[st.Q_COUNT] * rate))
    lf[L_NOISE] = math.sqrt(mf[st.Q_QUIET2])
    lf[L_FLAT_S] = mi[st.Q_FLAT] / rate
    mi[st.Q_COUNT : st.Q_FLAGS + 1] = 0
    mf[st.Q_ACC2] = 0.0


@inner
def _largest(values: F64) -> float:
    out = values[0]
    for k in range(1, values.size):
        out = max(out, values[k])
    return out


@inner
def close_second(
    s: int,
    rate: float,
    hold_n: int,
    components: I64,
    chan: Channels,
    trc: Traces,
    sta: Stations,
    secs: SecondRows,
) -> None:
    """Write the row of the second under way at station `s`, and those of its channels when due."""
    si, sf, trail = sta.si[s], sta.sf[s], sta.trail[s]
    second, mask = si[st.V_SEC], si[st.V_MASK]
    first_k, last_k = int(math.ceil(second * rate)), int(math.ceil((second + 1) * rate)) - 1
    flags, n_comp = 0, 0
    for c in range(3):
        ch = components[s, c]
        if ch < 0 or chan.ci[ch, st.SEEN] == 0:
            continue
        mine = _take_events(ch, second, chan.events, trc.mi)
        if chan.ci[ch, st.RATE] + 1 != si[st.V_RATE]:
            flags |= F_MIXED
        if mask & (1 << c):
            if is_clipped(chan.ci[ch], first_k, last_k, hold_n):
                mine |= F_CLIPPED
            if last_k - trc.mi[ch, st.M_FROM] < SETTLE_S * rate:
                mine |= F_SETTLING
            n_comp += 0 if mine & F_FLAT else 1
            flags |= mine
            trc.mi[ch, st.Q_FLAGS] |= mine
            _close_channel(ch, second, trc.mi[ch], trc.mf[ch], rate, secs)
    slot = second % st.TRAIL_S
    trail[0, slot], trail[1, slot] = math.sqrt(sf[st.S_PGA2]), math.sqrt(sf[st.S_PGV2])
    trail[2, slot], trail[3, slot] = math.sqrt(sf[st.S_GA2]), math.sqrt(sf[st.S_GV2])
    row = min(secs.n[N_MOTIONS], len(secs.motions_i) - 1)
    secs.n[N_MOTIONS] += 1
    oi, of = secs.motions_i[row], secs.motions_f[row]
    oi[O_STATION], oi[O_T], oi[O_NCOMP], oi[O_FLAGS] = s, second + 1, n_comp, flags
    of[O_PGA], of[O_PGV], of[O_GA], of[O_GV] = trail[0, slot], trail[1, slot], trail[2, slot], trail[3, slot]
    of[O_PGD], of[O_WA] = math.sqrt(sf[st.S_PGD2]), sf[st.S_WA]
    of[O_PM] = math.sqrt(sf[st.S_PM2])
    of[O_GBT] = intensity_gbt(_largest(trail[2]), _largest(trail[3]))
    of[O_MMI] = intensity_mmi(_largest(trail[0]), _largest(trail[1]))
    rank = max(1, int(st.JMA_TOTAL_S * rate))
    keep_largest(sta.jsec[s], rank, sta.jtop[s, slot])
    of[O_JMA] = intensity_jma(math.sqrt(level_exceeded(sta.jtop[s], rank)))
    sta.jsec[s, 0, :] = 0.0
    of[O_ARIAS] = math.pi / (2.0 * GRAVITY_MPS2) * sf[st.S_A2] / rate
    of[O_CAV] = sf[st.S_ABS] / rate
    sf[:] = 0.0
    si[st.V_MASK] = 0


@inner
def skip_to(s: int, second: int, sta: Stations) -> None:
    """Begin `second` at station `s`; what lies between is silence that leaves the last ten seconds."""
    si = sta.si[s]
    away = second - si[st.V_SEC]
    if away <= 0 or away > st.TRAIL_S:
        sta.trail[s, :, :] = 0.0
        sta.jtop[s, :, :] = 0.0
    else:
        for k in range(1, away + 1):
            slot = (si[st.V_SEC] + k) % st.TRAIL_S
            sta.trail[s, :, slot] = 0.0
            sta.jtop[s, slot, :] = 0.0
    si[st.V_SEC] = second


@inner
def forget(s: int, sta: Stations) -> None:
    """Nothing of the past of station `s` counts any more: its rate has changed."""
    sta.si[s, :] = 0
    sta.sf[s, :] = 0.0
    sta.si[s, st.V_SEC] = -1
    skip_to(s, -1, sta)
