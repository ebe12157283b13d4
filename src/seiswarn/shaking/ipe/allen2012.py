"""Allen, Wald and Worden (2012): Modified Mercalli intensity of active crustal regions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from seiswarn.jit import kernel
from seiswarn.shaking.distance import Paths
from seiswarn.shaking.ipe.base import Predicted

F64 = npt.NDArray[np.float64]

# Of the relation with rupture distance, and of its total scatter.
C0, C1, C2, C3 = 3.950, 0.913, -1.107, 0.813
S1, S2, S3_KM = 0.72, 0.23, 44.7
LOWEST, HIGHEST = 1.0, 10.0  # as of the conversion to the same scale
# The total alone is at hand; shared out as between and within the events of BSSA14 above M 5.5 (PGV).
BETWEEN = 0.5311


@kernel
def fill_allen(rrup, base, near, intensity, sigma):  # type: ignore[no-untyped-def]
    """MMI and its total scatter into the last two, (n,) each."""
    for i in range(len(rrup)):
        r2 = rrup[i] * rrup[i]
        value = base + 0.5 * C2 * math.log(r2 + near * near)
        intensity[i] = min(HIGHEST, max(LOWEST, value))
        sigma[i] = S1 + S2 / (1.0 + r2 / (S3_KM * S3_KM))


class Allen2012:
    """Allen, Wald and Worden (2012) with rupture distance; the ground at the site is not an input."""

    NAME: ClassVar[str] = "AWW12"
    SCALE: ClassVar[str] = "MMI"
    NEEDS: ClassVar[tuple[str, ...]] = ("magnitude", "rrup_km")
    VALID: ClassVar[Mapping[str, tuple[float, float]]] = {"magnitude": (5.0, 7.9), "rrup_km": (0.0, 300.0)}
    REFERENCE: ClassVar[str] = "Allen, Wald, Worden (2012), Journal of Seismology 16(3), 409-433"
    VERIFIED: ClassVar[str] = "tests/golden/allen2012.csv"

    def predict(self, magnitude: float, paths: Paths) -> Predicted:
        """MMI at (n,) rupture distances; moment magnitude.

        MMI = c0 + c1 M + c2 ln sqrt(Rrup^2 + (1 + c3 exp(M - 5))^2).
        """
        intensity, sigma = np.empty((2, len(paths.rrup_km)))
        near = 1.0 + C3 * math.exp(magnitude - 5.0)
        fill_allen(paths.rrup_km, C0 + C1 * magnitude, near, intensity, sigma)
        return Predicted(intensity, BETWEEN * sigma, math.sqrt(1.0 - BETWEEN * BETWEEN) * sigma)
