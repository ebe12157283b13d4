"""Bundled 1-D velocity models as stacks of thin homogeneous layers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from seiswarn.errors import UsageError

F64 = npt.NDArray[np.float64]

# Nodes (depth km, Vp km/s, Vs km/s), linear between, doubled at discontinuities, down to 410 km.
MODELS: dict[str, tuple[tuple[float, float, float], ...]] = {  # see also `nodes_of`
    # Kennett and Engdahl (1991), Geophys. J. Int. 105, 429-465, table 2.
    "iasp91": (
        (0.0, 5.80, 3.36),
        (20.0, 5.80, 3.36),
        (20.0, 6.50, 3.75),
        (35.0, 6.50, 3.75),
        (35.0, 8.04, 4.47),
        (77.5, 8.045, 4.485),
        (120.0, 8.05, 4.50),
        (165.0, 8.175, 4.509),
        (210.0, 8.30, 4.518),
        (210.0, 8.30, 4.522),
        (410.0, 9.03, 4.870),
    ),
    # Kennett, Engdahl and Buland (1995), Geophys. J. Int. 122, 108-124, table 1.
    "ak135": (
        (0.0, 5.80, 3.46),
        (20.0, 5.80, 3.46),
        (20.0, 6.50, 3.85),
        (35.0, 6.50, 3.85),
        (35.0, 8.04, 4.48),
        (77.5, 8.045, 4.49),
        (120.0, 8.05, 4.50),
        (165.0, 8.175, 4.509),
        (210.0, 8.30, 4.518),
        (210.0, 8.30, 4.523),
        (410.0, 9.03, 4.871),
    ),
    # Southern California: Hadley and Kanamori (1977), GSA Bulletin 88, 1469-1478, as the regional network
    # uses it (Hutton, Woessner and Hauksson 2010, BSSA 100, 423-446); Vp/Vs 1.73. Its mantle is that of
    # iasp91 from 77.5 km.
    "socal": (
        (0.0, 5.5, 3.18),
        (5.5, 5.5, 3.18),
        (5.5, 6.3, 3.64),
        (16.0, 6.3, 3.64),
        (16.0, 6.7, 3.87),
        (32.0, 6.7, 3.87),
        (32.0, 7.8, 4.51),
        (77.5, 8.045, 4.51),
        (120.0, 8.05, 4.51),
        (210.0, 8.30, 4.522),
        (410.0, 9.03, 4.870),
    ),
    # Taiwan: the gradients of the early-warning program of the Central Weather Administration (tcpd).
    "taiwan": (
        (0.0, 5.10298, 2.9105),
        (40.0, 7.76658, 4.3705),
        (40.0, 7.98759, 4.3705),
        (50.0, 8.03329, 4.7355),
        (410.0, 9.67849, 5.4804),
    ),
}

LAYER_KM = 5.0
Nodes = tuple[tuple[float, float, float], ...]


def nodes_of(name: str, own: Sequence[tuple[str, Nodes]] = ()) -> Nodes:
    """The nodes of a model, of those given or a bundled one.

    Raises UsageError for an unknown model, and for one that is none.
    """
    known = {**MODELS, **dict(own)}
    if name not in known:
        raise UsageError(f"unknown velocity model {name!r}: choose one of {', '.join(sorted(known))}")
    nodes = known[name]
    depths = [depth for depth, _, _ in nodes]
    if len(nodes) < 2 or depths[0] != 0.0 or depths != sorted(depths):
        raise UsageError(
            f"velocity model {name!r}: depths have to begin at 0 km and grow, in two nodes or more"
        )
    if any(not 0.0 < vs < vp for _, vp, vs in nodes):
        raise UsageError(f"velocity model {name!r}: Vs has to lie between 0 and Vp everywhere")
    return nodes


def layers(name: str, own: Sequence[tuple[str, Nodes]] = ()) -> tuple[F64, F64, F64]:
    """Tops (km), Vp and Vs (km/s) of homogeneous layers no thicker than 5 km; raises UsageError as
    `nodes_of`.
    """
    tops, vp, vs = [], [], []
    nodes = nodes_of(name, own)
    for (z0, p0, s0), (z1, p1, s1) in itertools.pairwise(nodes):
        if z1 == z0:
            continue
        n = max(1, int(np.ceil((z1 - z0) / LAYER_KM)))
        for k in range(n):
            mid = (k + 0.5) / n
            tops.append(z0 + (z1 - z0) * k / n)
            vp.append(p0 + (p1 - p0) * mid)
            vs.append(s0 + (s1 - s0) * mid)
    return np.array(tops), np.array(vp), np.array(vs)
