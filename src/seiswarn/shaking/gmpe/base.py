"""What a ground-motion model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

STANDARD_GRAVITY_MPS2 = 9.80665  # m/s^2 per g, by definition (3rd CGPM, 1901)
CM_PER_M = 100.0


@dataclass(frozen=True, slots=True)
class GroundMotion:
    """Median motions and their scatter, each of shape (n,).

    `ln_pga` and `ln_pgv` are natural logarithms of m/s^2 and m/s; `tau` is the scatter between
    events, `phi` within one event, the total is ``sqrt(tau**2 + phi**2)``, all in ln units.
    """

    ln_pga: F64
    ln_pgv: F64
    tau_pga: F64
    phi_pga: F64
    tau_pgv: F64
    phi_pgv: F64

    @property
    def sigma_pga(self) -> F64:
        return np.hypot(self.tau_pga, self.phi_pga)

    @property
    def sigma_pgv(self) -> F64:
        return np.hypot(self.tau_pgv, self.phi_pgv)


class Gmpe(Protocol):
    """A ground-motion model: arrays in, arrays out, all places at once.

    NEEDS names the inputs it reads (``magnitude``, ``rjb_km``, ``vs30_mps`` ...), VALID their ranges
    as its authors give them, VERIFIED the golden table it is tested against, "" when there is none.
    """

    NAME: ClassVar[str]
    NEEDS: ClassVar[tuple[str, ...]]
    VALID: ClassVar[Mapping[str, tuple[float, float]]]
    REFERENCE: ClassVar[str]
    VERIFIED: ClassVar[str]

    def __init__(self, region: str, mechanism: str) -> None: ...

    def motions(self, magnitude: float, rjb_km: F64, vs30_mps: F64) -> GroundMotion: ...
