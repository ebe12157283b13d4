"""Counts to ground motion, and from there section by section: the same for verticals and for stations."""

from __future__ import annotations

from seiswarn.jit import inner
from seiswarn.waveform import filters as flt
from seiswarn.waveform import traces as tr
from seiswarn.waveform.state import F64, I64

# First rows of every block: counts in SI, baseline, without it, velocity, acceleration of a velocity sensor,
# displacement.
X, BASE, D, V, A, U = range(6)
ACC = -1  # the row that holds acceleration


@inner
def ground_motion(
    work: F64, sections: tuple[tuple[int, int, int], ...], seen: I64, young: bool, base_n: float, rate: float,
    velocity: bool, coef: F64, lanes: int, n: int,
) -> int:  # fmt: skip
    """All filtered traces of a block out of its first row; returns the row that holds acceleration.

    Parameters
    ----------
    sections
        (row from, row to, section) in order, ACC for the row that holds acceleration.
    seen, young
        (lanes,) samples behind each baseline; whether one of them has seen fewer than `base_n`.
    """
    if young:
        tr.average_from_start(work[X], work[BASE], base_n, seen, lanes, n)
    else:
        tr.average(work[X], work[BASE], 1.0 / base_n, lanes, n)
    tr.subtract(work[X], work[BASE], work[D], lanes, n)
    acc = A if velocity else D
    for x, y, c in sections:
        if y == U and velocity:
            tr.differentiate(work[V], work[A], rate, lanes, n)
            tr.begin_difference(work[X], work[D], work[V], work[A], lanes)
        section = flt.HIGHPASS if y == V and velocity else c
        tr.section(work[acc if x == ACC else x], work[y], coef[section], lanes, n)
    return acc
