"""What a magnitude relation declares, and where its stations are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
Amplitude = Literal["pd_m", "mechanical_pgd_m", "pgv_mps", "wood_anderson_m", "tau_c_s"]

SATURATION_M_AT_3S = 6.5
SATURATION_WINDOW_S = 3.0


@dataclass(frozen=True, slots=True)
class Path:
    """From the source to (n,) stations, in km.

    `epicentral_km` and `hypocentral_km` count from the hypocentre; `line_km` is the distance to a rupture in
    map view where one is believed, None where only a point is known. A single station is n = 1.
    """

    epicentral_km: F64
    depth_km: float
    line_km: F64 | None = None

    @property
    def hypocentral_km(self) -> F64:
        return np.hypot(self.epicentral_km, self.depth_km)


class MagnitudeRelation(Protocol):
    """Peak amplitudes at distances to magnitudes.

    `AMPLITUDE` names the measure it wants, in SI; `EVENT_SIGMA` is how far the relation is off for a whole
    event (stress drop, region), one sigma, which no number of stations averages away; beyond `SATURATES_AT`
    the relation only says "at least".
    """

    NAME: str
    AMPLITUDE: Amplitude
    REFERENCE: str
    VERIFIED: bool
    VALID_DISTANCE_KM: tuple[float, float]
    EVENT_SIGMA: float
    SATURATES_AT: float

    def magnitudes(self, amplitude: F64, path: Path) -> tuple[F64, F64]:
        """(n,) magnitudes, and how many units of magnitude a factor of ten in amplitude makes there."""
        ...

    def sigma(self, window_s: float) -> float:
        """One-sigma error of log10 of one station's amplitude from a window of that length."""
        ...


def saturation_magnitude(window_s: float) -> float:
    """The magnitude beyond which a window this long cannot tell one rupture from a larger one.

    A window sees only what the fault did within it. Three seconds saturate at 6.5 (Wu and Zhao
    2006, and the windows compared by Colombelli et al. 2012, BSSA 102, 1390-1402); rupture duration
    grows as 10^(M/2) (Kanamori and Anderson 1975, BSSA 65, 1073-1095), which carries that point over to other
    windows: M = 6.5 + 2 log10(window / 3 s).
    """
    return SATURATION_M_AT_3S + 2.0 * math.log10(max(window_s, 0.1) / SATURATION_WINDOW_S)


def near_source_km(magnitude: F64) -> F64:
    """Added in quadrature to the distance to a large rupture, peaks saturate near it as recorded ones do.

    Yenier and Atkinson (2015), BSSA 105, 1989-2009: log10 h = -0.405 + 0.235 M.
    """
    h: F64 = 10.0 ** (-0.405 + 0.235 * magnitude)
    return h
