"""Continuity of one channel: gaps, overlaps, duplicates. Decided here and only here."""

from __future__ import annotations

import math

import numpy as np

from seiswarn.jit import kernel
from seiswarn.reasons import Reason
from seiswarn.waveform.state import I64, RATE, SEEN, SEG_T0, N

CONTIGUOUS, FIRST, FILLED, RESET, TRIMMED, DROPPED, STALE, RATE_CHANGED, DRIFTED = range(9)

REASON_OF_CODE = {
    FILLED: Reason.GAP,
    RESET: Reason.GAP,
    TRIMMED: Reason.OVERLAP,
    DROPPED: Reason.DUPLICATE,
    STALE: Reason.OUT_OF_ORDER,
    RATE_CHANGED: Reason.RATE_CHANGE,
    DRIFTED: Reason.CLOCK_DRIFT,
}

STALE_S = 60.0  # data this far behind are old data sent late rather than a repetition


@kernel
def admit(
    ci: I64, t0_ns: int, n: int, rate_class: int, rate_hz: float, max_fill_s: float
) -> tuple[int, int, int]:
    """How a packet joins what is known of its channel.

    Parameters
    ----------
    ci
        integer state row of the channel (see `state`), read only.
    t0_ns, n
        first sample and number of samples of the packet.
    rate_class, rate_hz
        its sampling rate.
    max_fill_s
        gaps up to this long are bridged.

    Returns
    -------
    code, skip, fill
        one of the codes above; leading samples to leave out; samples to invent before it.
    """
    if ci[SEEN] == 0:
        return FIRST, 0, 0
    if ci[RATE] != rate_class:
        return RATE_CHANGED, 0, 0
    expected = ci[SEG_T0] + np.int64(math.floor(ci[N] * 1e9 / rate_hz + 0.5))
    offset = (t0_ns - expected) * 1e-9 * rate_hz
    d = int(math.floor(offset + 0.5))
    if d == 0:
        return CONTIGUOUS, 0, 0
    if d == 1:  # a clock that runs apart from the nominal rate does this again and again
        return DRIFTED, 0, 1
    if d == -1 and n > 1:
        return DRIFTED, 1, 0
    if d > 0:
        if d <= max_fill_s * rate_hz:
            return FILLED, 0, d
        return RESET, 0, 0
    if -d < n:
        return TRIMMED, -d, 0
    if -d - n > STALE_S * rate_hz:
        return STALE, n, 0
    return DROPPED, n, 0
