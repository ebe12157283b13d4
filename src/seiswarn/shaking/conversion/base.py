"""What a conversion from ground motion to intensity is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


class Conversion(Protocol):
    """A relation from PGA and PGV to intensity: arrays in, arrays out.

    NAME is the name of the scale, as it stands in `Forecast.intensity_scale`; the other
    declarations are as for ground-motion models.
    """

    NAME: ClassVar[str]
    NEEDS: ClassVar[tuple[str, ...]]
    VALID: ClassVar[Mapping[str, tuple[float, float]]]
    REFERENCE: ClassVar[str]
    VERIFIED: ClassVar[str]

    def intensity(self, pga_mps2: F64, pgv_mps: F64) -> F64: ...

    def sigma(self, pga_mps2: F64, pgv_mps: F64, sigma_ln_pga: F64, sigma_ln_pgv: F64) -> F64: ...
