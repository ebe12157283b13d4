"""The wavefield method: what is observed around a place will soon be felt there.

PLUM (propagation of local undamped motion): the forecast at a place is the largest real-time intensity
observed within about 30 km, no source needed and no attenuation. Kodera, Y., Y. Yamada, K. Hirano et al.
(2018), The propagation of local undamped motion (PLUM) method, Bull. Seism. Soc. Am. 108(2), 983-1003.

No single instrument is believed by itself: its reading counts only as far as a neighbour, or an
earthquake that has been located, bears it out. The United States' test of PLUM wants 4.0 at one station
and 2.5 at a neighbour (Cochran, E. S., J. Bunn, S. E. Minson et al. (2019), Event detection performance of
the PLUM earthquake early warning algorithm in southern California, Bull. Seism. Soc. Am. 109(4), 1524-1541):
the difference of 1.5 is what a neighbour vouches for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seiswarn.shaking import kernels
from seiswarn.shaking.near import Near

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

VOUCHED = 1.5  # Cochran and others (2019): 4.0 with 2.5
SIGMAS = 2.0  # above what an earthquake forecasts for a station it bears a reading out as far as this


@dataclass(frozen=True, slots=True)
class Wavefield:
    """Intensity observed around each place (0: none), and how far away the station is that decides (km)."""

    intensity: F64
    away_km: F64


def trusted(observed: F64, neighbouring: Near, site: I64, expected: F64) -> F64:
    """How much of each station's intensity is borne out.

    Parameters
    ----------
    observed
        (n_st,) intensity observed, 0 where nothing is.
    neighbouring
        the stations around each station.
    site
        (n_st,) index of the site: sensors side by side do not vouch for each other.
    expected
        (n_st,) what a located earthquake makes likely (its forecast and two sigmas), 0 without one.

    Returns
    -------
    (n_st,) intensity, at most `observed`; 0 where nothing vouches for it.
    """
    around = np.empty(len(observed))
    kernels.neighbours(neighbouring.first, neighbouring.station, site, observed, around)
    vouched = np.where(around > 0.0, around + VOUCHED, 0.0)
    result: F64 = np.minimum(observed, np.maximum(vouched, expected))
    return result


def spread(places: Near, level: F64, ground: F64, radius_km: float) -> Wavefield:
    """What `level` (n_st,), on reference ground, says about places whose ground adds `ground` (n,)."""
    n = len(places.first) - 1
    intensity, away = np.empty(n), np.empty(n)
    kernels.wavefield(
        places.first, places.station, places.distance_km, level, ground, radius_km, intensity, away
    )
    return Wavefield(intensity, away)
