"""What the components of a station have in common: how far they reach, and in which spans.

Pure questions to the state of channels; nothing is changed here.
"""

from __future__ import annotations

from seiswarn.jit import inner
from seiswarn.waveform import state as st
from seiswarn.waveform.state import I64


@inner
def reach(components: I64, rate_class: int, wait: int, ci: I64) -> int:
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
def stretch_at(ci: I64, k: int, size: int) -> tuple[int, int, int]:
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
            _, first, stop = stretch_at(ci[ch], k, size)
            if stop > 0:
                begin = min(begin, max(k, first))
    until, mask = end + 1, 0
    if begin > end:
        return begin, begin, 0
    for c in range(3):
        ch = components[c]
        if ch >= 0 and ci[ch, st.SEEN] == 1 and ci[ch, st.RATE] == rate_class:
            _, first, stop = stretch_at(ci[ch], begin, size)
            if stop == 0:
                continue
            if first <= begin:
                mask |= 1 << c
                until = min(until, stop)
            else:
                until = min(until, first)
    return begin, until, mask


@inner
def kind_of(components: I64, ci: I64, velocity: I64) -> int:
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
