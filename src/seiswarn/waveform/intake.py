"""The first pass over samples: continuity, clipping, flat traces, spikes and steps; then into the ring.

A jump far beyond the usual difference of neighbours is looked at for a moment before anything
else sees it: a lone spike comes back at once, a step stays where it is, ground motion goes on
moving. The look takes less time than the picker waits after a trigger anyway.
"""

from __future__ import annotations

import math

from seiswarn.jit import inner, kernel
from seiswarn.reasons import Flag
from seiswarn.waveform import quality as q
from seiswarn.waveform import state as st
from seiswarn.waveform.artefacts import F_SPIKE, F_STEP, judge
from seiswarn.waveform.state import F64, I64, Channels
from seiswarn.waveform.tables import C_CLIP_S, C_FILL_S, C_FLAT_S, N_NOTED, Slots

BLOCK = 16  # samples per update of the mean difference: on a fixed grid, so that packets do not matter
LEARN_BLOCKS = 4  # blocks before a jump can be told from usual
JUMP = 15.0  # times the mean difference of neighbours: white noise stays below 7 of them in years
MIN_JUMP_MPS2 = 0.01  # 1 gal: smaller artefacts make no intensity
LOOK_S = 0.2
LOOK_N = 8  # least number of samples of a look
TAINTED = -math.inf  # instead of a sum of differences, in a block with a jump
BASELINE_KEPT_S = 60.0  # shorter gaps leave the baseline as it was

F_CLIPPED, F_GAP = int(Flag.CLIPPED), int(Flag.GAP)
F_FLAT, F_DRIFT = int(Flag.FLAT), int(Flag.CLOCK_DRIFT)


@inner
def begin_stretch(ci: I64, cf: F64, ring: F64, t0_ns: int, rate_class: int, rate_hz: float) -> None:
    """Start a channel anew at `t0_ns`; what came before stays in the ring until it is overwritten."""
    k0 = int(math.floor(t0_ns * 1e-9 * rate_hz + 0.5))
    learned = ci[st.N] >= ci[st.CALM_N] and cf[st.LEVEL] > 0.0
    ci[st.CALM_N] = LEARN_BLOCKS * BLOCK
    if ci[st.SEEN] == 1 and ci[st.RATE] == rate_class:
        ci[st.OLD_K0], ci[st.OLD_END] = ci[st.SEG_K0], ci[st.SEG_K0] + ci[st.READY]
        # Baselines go on over a short gap, so what the trace has come to in it is held against the last
        # value. The steps taken out before stay out for good: only so do they never come back.
        if learned and k0 - ci[st.OLD_END] <= BASELINE_KEPT_S * rate_hz:
            ci[st.CALM_N] = 0
            cf[st.LAST] = ring[(ci[st.OLD_END] - 1) % ring.size]  # before a look that the gap cut short
            ring[(k0 - 1) % ring.size] = cf[st.LAST]
    else:
        ci[st.OLD_K0], ci[st.OLD_END] = k0, k0
        ci[st.CLIP_FROM], ci[st.CLIP_K], ci[st.CLIP_OLD] = st.NEVER, st.NEVER, st.NEVER
        cf[st.SHIFT] = 0.0
    ci[st.SEEN] = 1
    ci[st.RATE] = rate_class
    ci[st.SEG_T0] = t0_ns
    ci[st.SEG_K0] = k0
    ci[st.N] = 0
    ci[st.READY] = 0
    ci[st.WORKED] = 0
    ci[st.SUS_N] = -1
    ci[st.RUN] = 0
    ci[st.MOVED_N] = 0
    cf[st.DIFF] = 0.0
    if ci[st.CALM_N] > 0:
        cf[st.LEVEL] = 0.0


@inner
def _learn(n: int, cf: F64, rate_hz: float) -> None:
    """The mean difference of neighbours after a full block that ends with sample `n` - 1."""
    if cf[st.DIFF] < 0.0:
        return
    weight = 1.0 if n <= BLOCK else min(1.0, BLOCK / rate_hz)
    cf[st.LEVEL] += (cf[st.DIFF] / BLOCK - cf[st.LEVEL]) * weight


@inner
def _append(
    x: float,
    ci: I64,
    cf: F64,
    ring: F64,
    slot: int,
    jump: float,
    look_n: int,
    flat_n: int,
    rate_hz: float,
) -> int:
    """One more sample into the ring; returns the flags it raises."""
    flags = 0
    n = ci[st.N]
    x -= cf[st.SHIFT]
    d = abs(x - cf[st.LAST]) if n > 0 or ci[st.CALM_N] == 0 else 0.0
    ring[slot] = x
    cf[st.LAST] = x
    ci[st.N] = n + 1
    if d == 0.0:
        ci[st.RUN] += 1
    else:
        # Noise before is none when the trace lay dead, for long or ever since the stretch began.
        if ci[st.RUN] >= flat_n or ci[st.RUN] == n:
            ci[st.MOVED_N] = n
        ci[st.RUN] = 0
    cf[st.DIFF] += d
    if ci[st.SUS_N] < 0:
        if d > jump and d > JUMP * cf[st.LEVEL] and n >= ci[st.CALM_N]:
            ci[st.SUS_N] = n
            cf[st.DIFF] = TAINTED
        else:
            ci[st.READY] = n + 1
    elif n + 1 - ci[st.SUS_N] >= look_n:
        recent = ci[st.CLIP_K] >= ci[st.SEG_K0] + ci[st.SUS_N]
        flags = judge(ci, cf, ring, rate_hz, recent)
    if (n + 1) % BLOCK == 0:
        # The blocks of a jump must not raise the level by which it is judged.
        if ci[st.SUS_N] < 0:
            _learn(n + 1, cf, rate_hz)
        cf[st.DIFF] = 0.0 if ci[st.SUS_N] < 0 else TAINTED
    return flags


@inner
def _note(event: I64, flags: int) -> None:
    """Enter what was met at a sample into the record of its second."""
    event[st.E_FLAGS] |= flags
    if flags & F_SPIKE:
        event[st.E_SPIKES] += 1
    if flags & F_CLIPPED:
        event[st.E_CLIPPED] += 1


@inner
def _clip(ci: I64, k: int, hold_n: int) -> None:
    """Remember a clipped sample: the start of an episode, or its new end."""
    if k - ci[st.CLIP_K] >= hold_n:
        ci[st.CLIP_OLD], ci[st.CLIP_FROM] = ci[st.CLIP_K], k
    ci[st.CLIP_K] = k


@inner
def is_clipped(ci: I64, first_k: int, last_k: int, hold_n: int) -> bool:
    """Whether a sample was clipped in [first_k, last_k] or within `hold_n` samples before."""
    if ci[st.CLIP_FROM] <= last_k and first_k - ci[st.CLIP_K] < hold_n:
        return True
    return ci[st.CLIP_OLD] <= last_k and first_k - ci[st.CLIP_OLD] < hold_n


@inner
def _plain(
    samples: F64,
    ci: I64,
    cf: F64,
    ring: F64,
    slot: int,
    jump: float,
    clip: float,
    flat_n: int,
    rate: float,
) -> bool:
    """Take samples that lie within one block when nothing about them is unusual; else change nothing.

    The ring is written in any case: who takes them one by one writes the same places again.
    """
    n, run = ci[st.N], ci[st.RUN]
    if ci[st.SUS_N] >= 0 or run >= flat_n or run == n:
        return False
    last, total, largest, highest = cf[st.LAST], cf[st.DIFF], 0.0, 0.0
    for s in range(samples.size):
        raw = samples[s]
        x = raw - cf[st.SHIFT]
        d = abs(x - last)
        last = x
        total += d
        largest = max(largest, d)
        highest = max(highest, abs(raw))
        run = run + 1 if d == 0.0 else 0
        ring[slot + s] = x
    n += samples.size
    if highest >= clip or run >= flat_n or (largest > jump and largest > JUMP * cf[st.LEVEL]):
        return False
    ci[st.N], ci[st.READY], ci[st.RUN] = n, n, run
    cf[st.LAST], cf[st.DIFF] = last, total
    if n % BLOCK == 0:
        _learn(n, cf, rate)
        cf[st.DIFF] = 0.0
    return True


@inner
def _packet(
    samples: F64, skip: int, fill: int, ci: I64, cf: F64, ring: F64, events: I64, jump: float, clip: float,
    rate: float, cfg: F64,
) -> int:  # fmt: skip
    """The samples of one admitted packet into the ring of its channel; returns the flags raised."""
    size = ring.size
    flat_n = int(cfg[C_FLAT_S] * rate)
    raised = 0
    last = cf[st.LAST] + cf[st.SHIFT]
    s, singly_until = skip - fill, skip
    while s < samples.size:
        if s >= singly_until:
            slot = int((ci[st.SEG_K0] + ci[st.N]) % size)
            m = min(samples.size - s, min(BLOCK - ci[st.N] % BLOCK, size - slot))
            if _plain(samples[s : s + m], ci, cf, ring, slot, jump, clip, flat_n, rate):
                s += m
                continue
            singly_until = s + m
        # A short gap is bridged by a straight line.
        x = (
            samples[s]
            if s >= skip
            else last + (samples[skip] - last) * (s + fill - skip + 1.0) / (fill + 1.0)
        )
        raised |= _single(x, ci, cf, ring, events, jump, clip, rate, cfg)
        s += 1
    return raised


@inner
def _single(
    x: float, ci: I64, cf: F64, ring: F64, events: I64, jump: float, clip: float, rate: float, cfg: F64
) -> int:
    """One sample into the ring, with a look at everything it may be; returns the flags raised."""
    flags, look_n = 0, max(LOOK_N, int(LOOK_S * rate))
    flat_n, hold_n = int(cfg[C_FLAT_S] * rate), int(cfg[C_CLIP_S] * rate)
    k = ci[st.SEG_K0] + ci[st.N]
    if abs(x) >= clip:
        _clip(ci, k, hold_n)
        flags = F_CLIPPED
    jumped_n = ci[st.SUS_N]
    flags |= _append(x, ci, cf, ring, int(k % ring.size), jump, look_n, flat_n, rate)
    if ci[st.RUN] >= flat_n:
        flags |= F_FLAT
    if flags != 0:
        if flags & (F_SPIKE | F_STEP):
            k = ci[st.SEG_K0] + jumped_n
        event = events[int(math.floor(k / rate)) % st.EVENT_S]
        _note(event, flags)
        if flags & F_FLAT:
            event[st.E_FLAT] = ci[st.RUN]
    return flags


@kernel
def intake(
    first: int,
    slots: Slots,
    rates: F64,
    cfg: F64,
    jump_counts: F64,
    clip_counts: F64,
    chan: Channels,
    n_rows: I64,
    codes: I64,
    flags: I64,
) -> int:
    """Take packets from `first` on; returns the index after the last one taken.

    Fills `codes` (continuity, see `quality`) and `flags` per packet. Stops before a packet that begins
    a new stretch while samples of the old one are not worked off.
    """
    for p in range(slots.channel.size):  # what was taken before has been worked off since
        chan.ci[slots.channel[p], st.WORKED] = chan.ci[slots.channel[p], st.READY]
    for p in range(first, slots.channel.size):
        ch, rc = slots.channel[p], slots.rate_class[p]
        ci, cf, rate = chan.ci[ch], chan.cf[ch], rates[rc]
        n = slots.end[p] - slots.begin[p]
        code, skip, fill = q.admit(ci, slots.t0_ns[p], n, rc, rate, cfg[C_FILL_S])
        if code == q.FIRST or code == q.RESET or code == q.RATE_CHANGED:
            if ci[st.SEEN] == 1 and ci[st.WORKED] < ci[st.READY]:
                return p
            begin_stretch(ci, cf, chan.ring[ch], slots.t0_ns[p], rc, rate)
        codes[p], flags[p] = code, 0
        if code == q.DROPPED or code == q.STALE:
            n_rows[N_NOTED] += 1
            continue
        raised = 0
        if code == q.RESET or code == q.FILLED:
            raised = F_GAP
        elif code == q.DRIFTED:
            raised = F_DRIFT
        if raised:
            k = ci[st.SEG_K0] + ci[st.N]
            _note(chan.events[ch, int(math.floor(k / rate)) % st.EVENT_S], raised)
        raised |= _packet(
            slots.samples[slots.begin[p] : slots.end[p]], skip, fill, ci, cf, chan.ring[ch],
            chan.events[ch], jump_counts[ch], clip_counts[ch], rate, cfg,
        )  # fmt: skip
        flags[p] = raised
        n_rows[N_NOTED] += 1 if code >= q.FILLED or raised != 0 else 0
    return slots.channel.size
