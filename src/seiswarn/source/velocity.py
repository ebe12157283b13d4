"""Bundled 1-D velocity models as stacks of thin homogeneous layers."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from seiswarn.errors import UsageError

F64 = npt.NDArray[np.float64]

# Nodes (depth km, Vp km/s, Vs km/s), linear between, doubled at discontinuities, down to 410 km.
MODELS: dict[str, tuple[tuple[float, float, float], ...]] = {
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
}

LAYER_KM = 5.0


def layers(name: str) -> tuple[F64, F64, F64]:
    """Tops (km), Vp and Vs (km/s) of homogeneous layers no thicker than 5 km.

    Raises UsageError for an unknown model.
    """
    if name not in MODELS:
        raise UsageError(f"unknown velocity model {name!r}: choose one of {', '.join(sorted(MODELS))}")
    tops, vp, vs = [], [], []
    nodes = MODELS[name]
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
