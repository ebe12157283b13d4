"""What an intensity prediction equation is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from seiswarn.shaking.distance import Paths

F64 = npt.NDArray[np.float64]


class Predicted(NamedTuple):
    """Intensity (n,), and its scatter between and within events, (n,) or ()."""

    intensity: F64
    tau: F64
    phi: F64


class Ipe(Protocol):
    """From magnitude and distance straight to intensity; declarations as for ground-motion models.

    SCALE is the NAME of the conversion whose scale it predicts.
    """

    NAME: ClassVar[str]
    SCALE: ClassVar[str]
    NEEDS: ClassVar[tuple[str, ...]]
    VALID: ClassVar[Mapping[str, tuple[float, float]]]
    REFERENCE: ClassVar[str]
    VERIFIED: ClassVar[str]

    def predict(self, magnitude: float, paths: Paths) -> Predicted: ...
