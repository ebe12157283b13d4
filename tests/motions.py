"""What ground-motion models give, without the frame around them."""

from __future__ import annotations

import numpy as np

from seiswarn.shaking.distance import Paths
from seiswarn.shaking.gmpe import GMPES
from seiswarn.shaking.gmpe.base import GroundMotion
from seiswarn.shaking.params import Params


def motions(name: str, magnitude: float, distance_km, vs30_mps, off_strike_rad=None, depth_km=10.0, **params):
    """`GroundMotion` of the model called `name`: every distance of the path is `distance_km`."""
    r = np.asarray(distance_km, dtype=np.float64)
    model = GMPES[name](Params(gmpe=name, **params))
    paths = Paths(r, r, r, r, off_strike_rad, depth_km)
    made: GroundMotion = model.motions(magnitude, paths, model.site_terms(np.asarray(vs30_mps)))
    return made
