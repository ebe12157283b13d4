"""Filters over blocks of channels, time-major: the loops in which nearly all time is spent.

A block is a work array (n_rows, (2 + T) * L): each row one trace of L channels (lanes), sample t
of lane l at ``(2 + t) * L + l``. The two samples before the block stand in front of it, so a filter
carries no other state: what a channel keeps between packets is the last two samples of every
trace, its *tail*.

Each loop runs over one flat index with a dependence no nearer than L elements back, which lets the
compiler use the whole width of the machine; indices are unsigned because a signed one might be
negative, which numba would have to ask at every sample. 4.5 times faster than channel by channel;
see docs/decisions/009-time-major-kernels.md.
"""

from __future__ import annotations

import numpy as np

from seiswarn.jit import inner
from seiswarn.waveform.state import F64, I64

LANES = 24  # of a block of stations: three components of eight stations
STATIONS = 8
VERTICALS = 16  # lanes of a block of verticals
CHUNK = 64  # samples per block: rows of this length stay in the second-level cache

IDLE = 1 << 40  # samples seen by a lane that holds nothing

_u = np.uint64


@inner
def section(x: F64, y: F64, c: F64, lanes: int, n: int) -> None:
    """One second-order section (b0, b1, b2, a1, a2) from row `x` to row `y`, direct form I, `n` samples."""
    one, two = _u(lanes), _u(2 * lanes)
    b0, b1, b2, a1, a2 = c[0], c[1], c[2], c[3], c[4]
    for i in range(_u(0), _u(n * lanes)):
        y[i + two] = (b0 * x[i + two] + b1 * x[i + one] + b2 * x[i] - a2 * y[i]) - a1 * y[i + one]


@inner
def average(x: F64, y: F64, weight: float, lanes: int, n: int) -> None:
    """Recursive average y += weight (x - y)."""
    one, two = _u(lanes), _u(2 * lanes)
    for i in range(_u(0), _u(n * lanes)):
        y[i + two] = y[i + one] + weight * (x[i + two] - y[i + one])


@inner
def average_from_start(x: F64, y: F64, length: float, seen: I64, lanes: int, n: int) -> None:
    """Recursive average that weighs all samples alike until it has seen `length` of them.

    `seen` (lanes,) samples each lane has averaged before.
    """
    for t in range(n):
        for lane in range(lanes):
            i = (t + 2) * lanes + lane
            w = 1.0 / min(length, seen[lane] + t + 1.0)
            y[i] = y[i - lanes] + w * (x[i] - y[i - lanes])


@inner
def subtract(x: F64, base: F64, y: F64, lanes: int, n: int) -> None:
    """Row `y` becomes x - base, its first two samples as they are."""
    two = _u(2 * lanes)
    for i in range(_u(0), _u(n * lanes)):
        y[i + two] = x[i + two] - base[i + two]


@inner
def differentiate(x: F64, y: F64, rate_hz: float, lanes: int, n: int) -> None:
    """Backward difference of row `x` times the rate."""
    one, two = _u(lanes), _u(2 * lanes)
    for i in range(_u(0), _u(n * lanes)):
        y[i + two] = (x[i + two] - x[i + one]) * rate_hz


@inner
def begin_difference(x: F64, d: F64, v: F64, a: F64, lanes: int) -> None:
    """No acceleration at the first sample of a trace: nothing stands before it to differ from.

    A trace begins where counts `x`, those without baseline `d` and velocity `v` are all zero before.
    """
    for i in range(lanes, 2 * lanes):
        if x[i] == 0.0 and d[i] == 0.0 and v[i] == 0.0:
            a[i + lanes] = 0.0


@inner
def square(x: F64, y: F64, lanes: int, n: int) -> None:
    """Row `y` becomes x squared."""
    two = _u(2 * lanes)
    for i in range(_u(0), _u(n * lanes)):
        y[i + two] = x[i + two] * x[i + two]


@inner
def above(x: F64, y: F64, factor: float, lanes: int, n: int) -> int:
    """How many samples of row `x` exceed `factor` times row `y`."""
    two = _u(2 * lanes)
    count = 0
    for i in range(_u(0), _u(n * lanes)):
        count += 1 if x[i + two] > factor * y[i + two] else 0
    return count


@inner
def load_tail(work: F64, tail: F64, lane: int, lanes: int) -> None:
    """Put the two samples before the block of one lane in place, all rows."""
    for r in range(tail.shape[0]):
        work[r, lane] = tail[r, 0]
        work[r, lanes + lane] = tail[r, 1]


@inner
def save_tail(work: F64, tail: F64, lane: int, lanes: int, n: int) -> None:
    """Keep the last two samples of one lane after `n` samples, all rows."""
    for r in range(tail.shape[0]):
        tail[r, 0] = work[r, n * lanes + lane]
        tail[r, 1] = work[r, (n + 1) * lanes + lane]


@inner
def load_counts(work: F64, ring: F64, k: int, scale: float, lane: int, lanes: int, n: int) -> None:
    """Samples k ... k + n - 1 of a channel's ring, times `scale`, into the first row of one lane."""
    size = ring.size
    slot = int(k % size)
    i = 2 * lanes + lane
    for _ in range(n):
        work[0, i] = ring[slot] * scale
        i += lanes
        slot += 1
        if slot == size:
            slot = 0


@inner
def silence(work: F64, lane: int, lanes: int, n: int) -> None:
    """Nothing in the first row of an idle lane."""
    i = 2 * lanes + lane
    for _ in range(n):
        work[0, i] = 0.0
        i += lanes


@inner
def clear_tail(work: F64, lane: int, lanes: int) -> None:
    """Forget what stands before the block of one lane."""
    for r in range(work.shape[0]):
        work[r, lane] = 0.0
        work[r, lanes + lane] = 0.0


@inner
def shift(work: F64, lanes: int, n: int) -> None:
    """Move the last two samples of every lane and row before the next block."""
    for r in range(work.shape[0]):
        for i in range(2 * lanes):
            work[r, i] = work[r, n * lanes + i]
