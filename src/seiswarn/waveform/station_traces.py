"""The rows of a block of stations, and how each trace follows from others."""

from __future__ import annotations

import numpy as np

from seiswarn.jit import inner
from seiswarn.waveform import filters as flt
from seiswarn.waveform import traces as tr
from seiswarn.waveform.ground_motion import ACC, BASE, A, D, U, V, X, ground_motion
from seiswarn.waveform.state import F64, I64

__all__ = [
    "ACC", "BAND", "BASE", "GA", "GA1", "GV", "GV1", "J1", "N_ROWS", "N_SUMS", "Q_A", "Q_GA", "Q_GV", "Q_J",
    "Q_M", "Q_U", "Q_V", "SUMS", "WA", "A", "BAND1", "D", "J", "M", "S", "S1", "U", "V", "X",
    "sum_squares", "trace_block",
]  # fmt: skip

# Further rows of the block: 0.1 to 10 Hz of acceleration (two sections) and velocity; Kunugi's six sections;
# Wood-Anderson; picking band (two sections); the band of S in velocity (two); JMA's mechanical seismograph.
GA1, GA, GV1, GV, J1 = range(U + 1, U + 6)
J = J1 + flt.N_JMA - 1
WA, BAND1, BAND, S1, S, M = range(J + 1, J + 7)
N_ROWS = M + 1
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
    (ACC, M, flt.MECHANICAL),
)
Q_A, Q_V, Q_U, Q_GA, Q_GV, Q_J, Q_M = range(7)  # rows of squared vector sums
N_SUMS = 7
SUMS = ((Q_A, ACC), (Q_V, V), (Q_U, U), (Q_GA, GA), (Q_GV, GV), (Q_J, J), (Q_M, M))


@inner
def trace_block(work: F64, seen: I64, rate: float, velocity: bool, coef: F64, base_s: float, n: int) -> None:
    """All traces of a block out of its first row."""
    lanes, base_n = tr.LANES, max(1.0, base_s * rate)
    young = False
    for m in range(lanes):
        if seen[m] < base_n:
            young = True
    ground_motion(work, _SECTIONS, seen, young, base_n, rate, velocity, coef, lanes, n)


@inner
def sum_squares(x: F64, out: F64, n: int) -> None:
    """Squared vector sums of eight stations: out[t * 8 + q]."""
    one, two, lanes = np.uint64(tr.STATIONS), np.uint64(2 * tr.STATIONS), np.uint64(tr.LANES)
    for t in range(np.uint64(0), np.uint64(n)):
        i = (t + np.uint64(2)) * lanes
        for q in range(np.uint64(0), np.uint64(tr.STATIONS)):
            out[t * one + q] = (
                x[i + q] * x[i + q] + x[i + one + q] * x[i + one + q] + x[i + two + q] * x[i + two + q]
            )
