"""The posterior of straight ruptures in many directions (see `line`), from likelihoods side by side."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from seiswarn.jit import inner, kernel
from seiswarn.source.estimators.line_kernels import sides_of

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

LN10 = math.log(10.0)
SHORTEST_KM = 2.0  # length of the rupture that reaches nowhere: half a cell to either side
FAR_BELOW = 12.0  # ruptures e^12 less likely than the best count for nothing
# Columns of what is known of a direction.
EVIDENCE, POINT, BACK, AHEAD, LENGTH, LENGTH2, MAGNITUDE, MAGNITUDE2, BEST, BEST_BACK, BEST_AHEAD, NODES = (
    range(12)
)
N_COLUMNS = 12


@inner
def _combine(
    sides: F64,
    tops: F64,
    reaches_km: F64,
    log_width: F64,
    log10_length: F64,
    magnitudes: F64,
    prior: F64,
    log_length_prior: float,
    best_so_far: float,
    run: F64,
    out: F64,
    at: int,
) -> float:
    """Sum over both reaches and magnitude for one direction; returns the best log-posterior of a node so far.

    `prior` is (m0, s0, length as magnitude: intercept, slope, sigma, sigma of the motion as magnitude).
    """
    n_reach, n_magnitude = reaches_km.size, magnitudes.size
    m0, s0, at_1_km, slope, s_length, s_motion = prior[0], prior[1], prior[2], prior[3], prior[4], prior[5]
    v0, vl, ve = s0 * s0, s_length * s_length, s_motion * s_motion
    # The magnitude of the length and that of the motion are normal about a common, normal one.
    cll, cee = v0 + vl, v0 + ve
    det = cll * cee - v0 * v0
    ill, iee, ile = cee / det, cll / det, -v0 / det
    norm = -0.5 * math.log(det) + log_length_prior
    total = 1.0 / v0 + 1.0 / vl + 1.0 / ve
    point, point_norm = -math.inf, -0.5 * math.log(cee)
    for side in range(2):
        for i in range(n_reach):
            tops[side, i] = -math.inf
            for m in range(n_magnitude):
                tops[side, i] = max(tops[side, i], sides[side, i, m])
    for m in range(n_magnitude):
        de = magnitudes[m] - m0
        value = sides[0, 0, m] + sides[1, 0, m] - 0.5 * de * de / cee + point_norm
        point = max(point, value)
    total_point = 0.0
    for m in range(n_magnitude):
        de = magnitudes[m] - m0
        value = sides[0, 0, m] + sides[1, 0, m] - 0.5 * de * de / cee + point_norm
        total_point += math.exp(value - point)
    for c in range(N_COLUMNS):
        out[at, c] = 0.0
    out[at, POINT] = point + math.log(total_point)
    best, mass, nodes = best_so_far, 0.0, 0
    out[at, BEST] = -math.inf
    for i in range(n_reach):
        for j in range(n_reach):
            dl = at_1_km + slope * log10_length[i, j] - m0
            base = norm + log_width[i] + log_width[j] - 2.0 * LN10 * log10_length[i, j]
            # No node of these reaches comes above this: the term of the length alone, at its best motion.
            if base - 0.5 * dl * dl / cll + tops[0, i] + tops[1, j] < best - FAR_BELOW:
                continue
            nodes += n_magnitude
            peak = -math.inf
            for m in range(n_magnitude):
                de = magnitudes[m] - m0
                value = base + sides[0, i, m] + sides[1, j, m]
                value -= 0.5 * (ill * dl * dl + 2.0 * ile * dl * de + iee * de * de)
                run[m] = value
                peak = value if value > peak else peak
            if peak < best - FAR_BELOW:
                continue
            if peak > out[at, BEST]:
                out[at, BEST], out[at, BEST_BACK], out[at, BEST_AHEAD] = peak, reaches_km[i], reaches_km[j]
            if peak > best:
                shrink = math.exp(best - peak)
                mass *= shrink
                for c in range(BACK, MAGNITUDE2 + 1):
                    out[at, c] *= shrink
                best = peak
            w, first, second = 0.0, 0.0, 0.0
            for m in range(n_magnitude):
                if run[m] > best - FAR_BELOW:
                    this = math.exp(run[m] - best)
                    mu = (m0 / v0 + (m0 + dl) / vl + magnitudes[m] / ve) / total
                    w += this
                    first += this * mu
                    second += this * mu * mu
            length = max(reaches_km[i] + reaches_km[j], SHORTEST_KM)
            mass += w
            out[at, BACK] += w * reaches_km[i]
            out[at, AHEAD] += w * reaches_km[j]
            out[at, LENGTH] += w * length
            out[at, LENGTH2] += w * length * length
            out[at, MAGNITUDE] += first
            out[at, MAGNITUDE2] += second
    out[at, EVIDENCE] = best + math.log(mass) if mass > 0.0 else -math.inf
    if mass > 0.0:
        for c in range(BACK, MAGNITUDE2 + 1):
            out[at, c] /= mass
    out[at, NODES] = nodes
    return best


@kernel
def score_directions(
    north_km: F64,
    east_km: F64,
    depth_km: float,
    observed: F64,
    weight: F64,
    both_ways: F64,
    s_sure_km: F64,
    s_may_km: F64,
    slow: float,
    fast: float,
    which: I64,
    tables: F64,
    per_root: float,
    strikes_rad: F64,
    offsets_km: F64,
    log_prior: F64,
    reaches_km: F64,
    log_width: F64,
    log10_length: F64,
    magnitudes: F64,
    prior: F64,
    log_length_prior: float,
    floor: float,
    best: float,
    sides: F64,
    tops: F64,
    run: F64,
    out: F64,
) -> float:
    """Posterior of ruptures in many directions; returns the best log-posterior of a node.

    Parameters
    ----------
    north_km, east_km
        (n,) stations on the tangent plane, from the epicentre.
    observed
        (n,) weighted sum of the logarithms of the peaks, of which `tables[which]` says what to expect.
    weight
        (n,) how much of an independent observation each is.
    both_ways
        (n,) 1, or 0 where the peak is a lower bound only.
    s_sure_km, s_may_km
        (n,) how far S waves have gone: those whose strong motion is over, and any.
    slow, fast
        by how much ruptures are slower than S waves, at most and at least.
    strikes_rad, offsets_km, log_prior
        (d,) directions: strike, distance of the line from the epicentre, logarithm of their prior mass.
    reaches_km, log_width
        (r,) how far a rupture may go to either side, and the logarithm of the width of these cells.
    log10_length
        (r, r) logarithm of the length in km, by reach back and ahead; at least of `SHORTEST_KM`.
    floor
        what one station can cost at most.
    best
        best log-posterior known from earlier directions; those far below it are not looked at.
    sides, tops, run
        (2, 2r, m), (2, r), (m,) scratch.
    out
        (d, N_COLUMNS) filled; EVIDENCE and POINT without `log_prior`.
    """
    for d in range(strikes_rad.size):
        sides_of(
            north_km, east_km, depth_km, observed, weight, both_ways, s_sure_km, s_may_km, slow, fast,
            which, tables, per_root, strikes_rad[d], offsets_km[d], reaches_km, floor, sides, run,
        )  # fmt: skip
        found = _combine(
            sides,
            tops,
            reaches_km,
            log_width,
            log10_length,
            magnitudes,
            prior,
            log_length_prior,
            best - log_prior[d],
            run,
            out,
            d,
        )
        best = max(best, found + log_prior[d])
    return best
