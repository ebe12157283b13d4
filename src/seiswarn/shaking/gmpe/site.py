"""Site term of models that know rock alone: Seyhan and Stewart (2014), as in BSSA14.

E. Seyhan and J. P. Stewart (2014), Semi-empirical nonlinear site amplification from NGA-West2 data and
simulations, Earthquake Spectra 30(3), 1241-1256; their coefficients are those of BSSA14, equations (5) to (8)
there.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seiswarn.shaking.gmpe.bssa14 import VS30_MPS, site_rows

F64 = npt.NDArray[np.float64]


def over_rock(vs30_mps: F64, rock_mps: float) -> F64:
    """(4, n) ln amplification over ground of `rock_mps`: linear and f2 of PGA, then of PGV.

    The non-linear part is f2 times ln((rock PGA in g + 0.1) / 0.1). Vs30 is held at 150 and 1500 m/s.
    """
    here, rock = (site_rows(np.clip(v, *VS30_MPS)) for v in (vs30_mps, np.array([rock_mps])))
    return here - rock
