"""What a magnitude relation declares."""

from __future__ import annotations

import math
from typing import Protocol

SATURATION_M_AT_3S = 6.5
SATURATION_WINDOW_S = 3.0


class MagnitudeRelation(Protocol):
    """A peak amplitude at a hypocentral distance to a magnitude."""

    NAME: str
    REFERENCE: str
    VERIFIED: bool
    VALID_DISTANCE_KM: tuple[float, float]

    def magnitude(self, amplitude_m: float, hypocentral_km: float, depth_km: float) -> float:
        """Magnitude from a peak displacement in m."""
        ...

    def sigma(self, window_s: float) -> float:
        """One-sigma error of one station's magnitude from a window of that length."""
        ...


def saturation_magnitude(window_s: float) -> float:
    """The magnitude beyond which a window this long cannot tell one rupture from a larger one.

    A window sees only what the fault did within it. Three seconds saturate at 6.5 (Wu and Zhao
    2006, and the windows compared by Colombelli et al. 2012, BSSA 102, 1390-1402); rupture duration
    grows as 10^(M/2) (Kanamori and Anderson 1975, BSSA 65, 1073-1095), which carries that point over to other
    windows: M = 6.5 + 2 log10(window / 3 s).
    """
    return SATURATION_M_AT_3S + 2.0 * math.log10(max(window_s, 0.1) / SATURATION_WINDOW_S)
