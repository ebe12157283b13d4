"""The likelihood of straight ruptures, one direction at a time (see `line`).

A station feels only the part of a rupture that has broken and whose S waves have come. Of a straight
rupture that part grows from the epicentre towards the point nearest to the station, and what happens on
the other side of the epicentre changes nothing. So the likelihood is a sum of one over the stations on the
one side, which knows how far the rupture reaches there, and one over those on the other.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from seiswarn.jit import inner, kernel
from seiswarn.source.attenuation import log10_pga, log10_pgv

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

ROOT_2PI = math.sqrt(2.0 * math.pi)


@inner
def felt_km(along_km: float, d2_km2: float, s_km: float, slowness: float) -> float:
    """How far along a rupture has been felt at a station; negative: nothing yet.

    The station lies `along_km` >= 0 along it and at squared distance `d2_km2` from the hypocentre; S waves
    have gone `s_km` since the origin, and the rupture is `slowness` >= 1 times slower. Solves
    `slowness * x + sqrt((along - x)^2 + q^2) = s` with q^2 = d2 - along^2; never beyond `along_km`.
    """
    ahead = s_km * s_km - d2_km2
    if s_km <= 0.0 or ahead < 0.0:
        return -1.0
    lead = slowness * s_km - along_km
    root = lead * lead - (slowness * slowness - 1.0) * ahead
    return min(along_km, ahead / (lead + math.sqrt(max(root, 0.0))))


@kernel
def fill_table(
    magnitudes: F64,
    distances_km: F64,
    top_km: F64,
    depth_km: float,
    weight_pga: float,
    weight_pgv: float,
    out: F64,
) -> None:
    """(n_distance, n_magnitude) expected motion: `weight_pga` log10 PGA + `weight_pgv` log10 PGV.

    `top_km` is the depth of the shallowest part of a rupture of each magnitude.
    """
    for k in range(distances_km.size):
        for m in range(magnitudes.size):
            x = math.sqrt(distances_km[k] * distances_km[k] + top_km[m] * top_km[m])
            value = 0.0
            if weight_pga > 0.0:
                value += weight_pga * log10_pga(magnitudes[m], x, depth_km, 0.0)
            if weight_pgv > 0.0:
                value += weight_pgv * log10_pgv(magnitudes[m], x, depth_km, 0.0)
            out[k, m] = value


@inner
def _row(squared_km2: float, per_root: float, last: int) -> tuple[int, float]:
    """Row of a table whose rows are at (k / per_root)^2 km, and part of the way to the next."""
    at = math.sqrt(math.sqrt(squared_km2)) * per_root
    k = min(int(at), last)
    return k, min(at - k, 1.0)


@inner
def _add(
    low: F64,
    low_next: F64,
    p_low: float,
    high: F64,
    high_next: F64,
    p_high: float,
    observed: float,
    below: float,
    weight: float,
    spread: float,
    floor: float,
    out: F64,
) -> None:
    """Take from each magnitude what a peak costs that should lie between two expected ones."""
    for m in range(out.size):
        a = low[m] + p_low * (low_next[m] - low[m]) - observed
        b = observed - high[m] - p_high * (high_next[m] - high[m])
        a = a if a > 0.0 else 0.0
        b = b if b > 0.0 else 0.0
        z = b + below * a
        cost = 0.5 * z * z + spread
        out[m] -= weight * (cost if cost < floor else floor)


@inner
def sides_of(
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
    strike_rad: float,
    offset_km: float,
    reaches_km: F64,
    floor: float,
    sides: F64,
    run: F64,
) -> None:
    """Log-likelihoods (2, n_reach, n_magnitude) of how far a rupture goes back and ahead.

    The rupture lies `offset_km` to the right of the epicentre. A station does not know reaches apart
    that go beyond what it has felt: its say in all of those is kept with the shortest, and summed at the end.
    """
    n_reach, n_magnitude, last = reaches_km.size, tables.shape[2], tables.shape[1] - 2
    middle = n_magnitude // 2
    sn, cs = math.sin(strike_rad), math.cos(strike_rad)
    for side in range(2):
        for i in range(2 * n_reach):
            for m in range(n_magnitude):
                sides[side, i, m] = 0.0
    for k in range(observed.size):
        along = north_km[k] * cs + east_km[k] * sn
        across = east_km[k] * cs - north_km[k] * sn - offset_km
        side = 1 if along >= 0.0 else 0
        along = abs(along)
        d2 = along * along + across * across + depth_km * depth_km
        sure = felt_km(along, d2, s_sure_km[k], slow)
        may = max(felt_km(along, d2, s_may_km[k], fast), 0.0)
        below = both_ways[k] if sure >= 0.0 else 0.0
        sure = min(max(sure, 0.0), may)
        t = which[k]
        for i in range(n_reach):
            r = reaches_km[i]
            from_sure, from_may = along - min(r, sure), along - min(r, may)
            k1, p1 = _row(from_sure * from_sure + across * across, per_root, last)
            k2, p2, spread = k1, p1, 0.0
            if from_may != from_sure:
                k2, p2 = _row(from_may * from_may + across * across, per_root, last)
                # What to expect lies anywhere between the two: the wider that is, the less it says.
                wide = tables[t, k2, middle] - tables[t, k1, middle]
                spread = math.log(1.0 + max(wide, 0.0) / ROOT_2PI)
            row = i + n_reach if r >= may else i
            _add(
                tables[t, k1], tables[t, k1 + 1], p1, tables[t, k2], tables[t, k2 + 1], p2,
                observed[k], below, weight[k], spread, floor, sides[side, row],
            )  # fmt: skip
            if r >= may:
                break
    for side in range(2):
        for m in range(n_magnitude):
            run[m] = 0.0
        for i in range(n_reach):
            for m in range(n_magnitude):
                run[m] += sides[side, n_reach + i, m]
                sides[side, i, m] += run[m]
