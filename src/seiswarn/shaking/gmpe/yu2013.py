"""Yu, Li and Xiao (2013): elliptical attenuation of PGA and PGV in four regions of China.

Y.-X. Yu, S.-Y. Li and L. Xiao (2013), Development of ground motion attenuation relations for the new seismic
hazard map of China, Technology for Earthquake Disaster Prevention 8(1), 24-33 (in Chinese): the relations
behind the national map of 2015. Along both axes of an ellipse

    ln Y = a + b Ms + c ln(sqrt(R^2 + 15^2) + d exp(e Ms)),

and places on one ellipse shake alike. Numbers as OpenQuake 3.24 has them (`yu_2013`); the paper itself was
not at hand. What differs from OpenQuake, and why: docs/decisions/013-ground-motion-models.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from seiswarn.jit import inner, kernel
from seiswarn.shaking.distance import Paths
from seiswarn.shaking.gmpe.base import CM_PER_M, STANDARD_GRAVITY_MPS2, GroundMotion
from seiswarn.shaking.gmpe.site import over_rock
from seiswarn.shaking.params import Params

F64 = npt.NDArray[np.float64]

DEPTH_KM = 15.0  # taken for every earthquake
UPPER_MS = 6.5  # above it the second pair of a and b
ROCK_VS30_MPS = 500.0  # bedrock in the sense of GB 50011: shear waves faster than 500 m/s
SIGMA_PGA, SIGMA_PGV = 0.5428, 0.6233
# Yu gives the total alone; shared out as between and within the events of BSSA14 above M 5.5.
TAU_PGA, TAU_PGV = 0.5751 * SIGMA_PGA, 0.5311 * SIGMA_PGV
WITHIN_PGA = math.sqrt(SIGMA_PGA**2 - TAU_PGA**2)
WITHIN_PGV = math.sqrt(SIGMA_PGV**2 - TAU_PGV**2)
NON_LINEAR_G = 0.1

# Nodes: major semi-axes of ellipses, ln of epicentral distance, angle between strike and site. A place is
# found between them linearly; against solving the ellipse for each place: within 0.004 in ln.
_AXES_KM = np.geomspace(0.05, 8000.0, 360)
_N_ANGLE, _N_DISTANCE = 19, 180
_LN_FIRST, _LN_LAST = math.log(0.5), math.log(1500.0)
_LN_STEP = (_LN_LAST - _LN_FIRST) / (_N_DISTANCE - 1)
_COS2 = np.cos(np.linspace(0.0, 0.5 * math.pi, _N_ANGLE)) ** 2


class _Axis(NamedTuple):
    """One axis of one region and measure; Y in gal or cm/s."""

    low: tuple[float, float]  # a, b up to Ms 6.5
    high: tuple[float, float]  # a, b above
    c: float
    d: float
    e: float

    def source(self, ms: float) -> float:
        a, b = self.high if ms > UPPER_MS else self.low
        return a + b * ms

    def near(self, ms: float) -> float:
        return self.d * math.exp(self.e * ms)


def _axes(
    major: tuple[float, float], minor: tuple[float, float], *rows: tuple[float, ...]
) -> tuple[_Axis, ...]:
    """Major and minor axis of PGA, then of PGV; `major` and `minor` hold d and e."""
    shapes = major, minor, major, minor
    return tuple(_Axis((r[0], r[1]), (r[2], r[3]), r[4], *s) for r, s in zip(rows, shapes, strict=True))


REGIONS: dict[str, tuple[_Axis, ...]] = {
    "active": _axes(
        (1.772, 0.424),
        (0.825, 0.465),
        (4.1193, 1.656, 7.8269, 1.0856, -2.389),
        (2.2609, 1.6399, 6.003, 1.0649, -2.118),
        (-1.2581, 1.932, 3.013, 1.2742, -2.181),
        (-3.1073, 1.9389, 1.3087, 1.2627, -1.945),
    ),
    "tibet": _axes(
        (2.647, 0.366),
        (0.612, 0.457),
        (5.4901, 1.4835, 8.7561, 0.9453, -2.416),
        (2.3069, 1.4007, 5.6511, 0.8924, -1.854),
        (-0.1472, 1.7618, 3.9422, 1.1293, -2.205),
        (-2.9923, 1.7043, 1.0189, 1.0902, -1.696),
    ),
    "east": _axes(
        (2.088, 0.399),
        (0.944, 0.447),
        (4.5517, 1.5433, 8.1259, 0.9936, -2.315),
        (2.7048, 1.518, 6.3319, 0.9614, -2.004),
        (-0.8349, 1.8193, 3.3051, 1.1799, -2.103),
        (-2.6381, 1.8124, 1.6376, 1.1546, -1.825),
    ),
    "stable": _axes(
        (2.802, 0.295),
        (1.295, 0.331),
        (5.5591, 1.1454, 8.5238, 0.6854, -2.079),
        (3.9445, 1.0833, 6.187, 0.7383, -1.723),
        (0.2139, 1.4283, 3.772, 0.8786, -1.889),
        (-1.3547, 1.3823, 1.5433, 0.9361, -1.559),
    ),
}


@kernel
def fill_table(axes, minor, along, across, cos2, table):  # type: ignore[no-untyped-def]
    """Ln Y by angle and ln distance into `table` (n_angle, n_distance).

    `axes` and `minor` (k,): semi-axes in km of ellipses that shake alike; `along` and `across` (k,): ln Y at
    their ends; in between ln Y goes with the squared cosine of the angle.
    """
    for j in range(table.shape[0]):
        c = cos2[j]
        s = 1.0 - c
        k = 0
        below = -1e30
        at_below = 0.0
        for i in range(table.shape[1]):
            wanted = _LN_FIRST + i * _LN_STEP
            while True:  # distances of the ellipses in this direction grow with their axes
                ln_r = -0.5 * math.log(c / (axes[k] * axes[k]) + s / (minor[k] * minor[k]))
                at = along[k] * c + across[k] * s
                if ln_r >= wanted or k + 1 == len(axes):
                    break
                below = ln_r
                at_below = at
                k += 1
            part = 1.0 if below < -1e29 else (wanted - below) / (ln_r - below)
            table[j, i] = at if part >= 1.0 else at_below + part * (at - at_below)


@inner
def _between(table, row, node, part):  # type: ignore[no-untyped-def]
    """Value of a row of a table between `node` and the next."""
    return (1.0 - part) * table[row, node] + part * table[row, node + 1]


@kernel
def fill_yu(distance, off_strike, terms, rock_a, rock_v, spread, out):  # type: ignore[no-untyped-def]
    """Ln PGA (gal), ln PGV (cm/s) and both phi into `out` (4, n): tables of `fill_table`, and the site.

    `off_strike` (n,) in rad, of any sign; where it has no elements, the tables have one row, which holds for
    every direction, and `spread` (2, n_distance) is their scatter over directions. `terms` (4, n) as of
    `over_rock`.
    """
    known = len(off_strike) == len(distance)
    per_rad = (rock_a.shape[0] - 1) / (0.5 * math.pi)
    last = rock_a.shape[1] - 1
    per_gal = 1.0 / (NON_LINEAR_G * STANDARD_GRAVITY_MPS2 * CM_PER_M)
    for i in range(len(distance)):
        p = (math.log(max(distance[i], 1e-6)) - _LN_FIRST) / _LN_STEP
        p = min(max(p, 0.0), float(last))
        a = min(int(p), last - 1)
        p -= a
        if known:
            q = abs(off_strike[i]) % math.pi
            q = min(q, math.pi - q) * per_rad
            j = min(int(q), rock_a.shape[0] - 2)
            q -= j
            rock = (1.0 - q) * _between(rock_a, j, a, p) + q * _between(rock_a, j + 1, a, p)
            ln_v = (1.0 - q) * _between(rock_v, j, a, p) + q * _between(rock_v, j + 1, a, p)
            out[2, i] = WITHIN_PGA
            out[3, i] = WITHIN_PGV
        else:
            rock = _between(rock_a, 0, a, p)
            ln_v = _between(rock_v, 0, a, p)
            out[2, i] = math.sqrt(WITHIN_PGA**2 + _between(spread, 0, a, p) ** 2)
            out[3, i] = math.sqrt(WITHIN_PGV**2 + _between(spread, 1, a, p) ** 2)
        stress = math.log(1.0 + math.exp(rock) * per_gal)
        out[0, i] = rock + terms[0, i] + terms[1, i] * stress
        out[1, i] = ln_v + terms[2, i] + terms[3, i] * stress


def surface_magnitude(moment_magnitude: float) -> float:
    """Ms of Mw: Cheng, Rong, Magistrale, Chen and Xu (2017), Bull. Seism. Soc. Am. 107(6), 2490-2500."""
    if moment_magnitude < 6.58:
        return (moment_magnitude - 0.59) / 0.86
    return (moment_magnitude + 2.42) / 1.28


def tables(axes: tuple[_Axis, ...], ms: float) -> tuple[F64, F64]:
    """(19, 180) ln PGA (gal) and ln PGV (cm/s) on rock by angle and ln distance at one Ms."""
    made = []
    for major, minor in (axes[:2], axes[2:]):
        a_near, b_near = major.near(ms), minor.near(ms)
        # the end of the minor axis that shakes as the end of the major one, both without the depth
        level = major.source(ms) + major.c * np.log(_AXES_KM + a_near)
        ends = np.maximum(np.exp((level - minor.source(ms)) / minor.c) - b_near, 1e-3)
        along = major.source(ms) + major.c * np.log(np.hypot(_AXES_KM, DEPTH_KM) + a_near)
        across = minor.source(ms) + minor.c * np.log(np.hypot(ends, DEPTH_KM) + b_near)
        table = np.empty((_N_ANGLE, _N_DISTANCE))
        fill_table(_AXES_KM, ends, along, across, _COS2, table)
        made.append(table)
    return made[0], made[1]


class Yu2013:
    """Yu and others (2013): PGA and PGV on rock by distance and direction from the epicentre.

    The growth of the rupture with magnitude is in the relation, so distances are those from the middle of
    the rupture as far as it is known. Strike unknown: the mean of ln Y over all directions, and its spread
    over them as scatter within the event. Ground other than rock: Seyhan and Stewart (2014).
    """

    NAME: ClassVar[str] = "Yu2013"
    NEEDS: ClassVar[tuple[str, ...]] = ("magnitude", "centre_km", "off_strike_rad", "vs30_mps")
    VALID: ClassVar[Mapping[str, tuple[float, float]]] = {
        # Assumed, as the paper was not at hand: Ms 5 to 8.1 (Mw 4.9 to 8), what hazard maps reach to.
        "magnitude": (4.9, 8.0),
        "centre_km": (0.0, 500.0),
        "vs30_mps": (150.0, 1500.0),
    }
    COMPONENT: ClassVar[str] = "geometric_mean"
    REFERENCE: ClassVar[str] = (
        "Yu, Li, Xiao (2013), Technology for Earthquake Disaster Prevention 8(1), 24-33"
    )
    VERIFIED: ClassVar[str] = "tests/golden/yu2013.csv"

    def __init__(self, params: Params) -> None:
        self._axes = REGIONS[params.yu_region]

    def site_terms(self, vs30_mps: F64) -> F64:
        """(4, n) amplification over rock; Vs30 in m/s."""
        return over_rock(vs30_mps, ROCK_VS30_MPS)

    def motions(self, magnitude: float, paths: Paths, terms: F64) -> GroundMotion:
        """Median PGA and PGV with scatter; moment magnitude, distances from the middle of the rupture."""
        rock_a, rock_v = tables(self._axes, surface_magnitude(magnitude))
        off_strike, spread = paths.off_strike_rad, np.zeros((2, 0))
        if off_strike is None:
            rock_a, spread_a = _over_directions(rock_a)
            rock_v, spread_v = _over_directions(rock_v)
            off_strike, spread = np.empty(0), np.stack([spread_a, spread_v])
        out = np.empty((4, len(paths.centre_km)))
        fill_yu(paths.centre_km, off_strike, terms, rock_a, rock_v, spread, out)
        out[:2] -= math.log(CM_PER_M)
        return GroundMotion(out[0], out[1], np.array(TAU_PGA), out[2], np.array(TAU_PGV), out[3])


def _over_directions(table: F64) -> tuple[F64, F64]:
    """(1, n_distance) mean over all directions, and (n_distance,) the standard deviation about it."""
    weights = np.full(_N_ANGLE, 1.0)
    weights[[0, -1]] = 0.5
    mean = weights @ table / weights.sum()
    spread = np.sqrt(weights @ (table - mean) ** 2 / weights.sum())
    return mean[np.newaxis], spread
