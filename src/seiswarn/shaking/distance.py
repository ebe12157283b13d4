"""Which distance a ground-motion model is given, by the name it has in the configuration."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seiswarn.rupture_distance import mean_rupture_distance_km

F64 = npt.NDArray[np.float64]


def _same(repi_km: F64, magnitude: float) -> F64:
    return repi_km


DISTANCES = {"mean_rupture": mean_rupture_distance_km, "epicentral": _same}
