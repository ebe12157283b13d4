"""What a conversion from ground motion to intensity is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


class Converted(NamedTuple):
    """Intensity, (n,), and how much it grows per unit of ln PGA and of ln PGV, (n,) each."""

    intensity: F64
    per_ln_pga: F64
    per_ln_pgv: F64


class Conversion(Protocol):
    """A relation from PGA and PGV to intensity: arrays in, arrays out.

    NAME is the name of the scale, as it stands in `Forecast.intensity_scale`; COMPONENT the motion it is
    made for (a key of `components.OVER_ROTD50`), SCATTER the standard deviation of the intensity about the
    relation, 0 where the intensity is defined by the motion; the other declarations are as for ground-motion
    models.
    """

    NAME: ClassVar[str]
    NEEDS: ClassVar[tuple[str, ...]]
    VALID: ClassVar[Mapping[str, tuple[float, float]]]
    COMPONENT: ClassVar[str]
    SCATTER: ClassVar[float]
    REFERENCE: ClassVar[str]
    VERIFIED: ClassVar[str]

    def convert(self, ln_pga: F64, ln_pgv: F64) -> Converted:
        """Intensity of ln PGA (m/s^2) and ln PGV (m/s), limited to the scale; its growth as if not."""
        ...
