"""What a ground-motion model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from seiswarn.shaking.distance import Paths
from seiswarn.shaking.params import Params

F64 = npt.NDArray[np.float64]

STANDARD_GRAVITY_MPS2 = 9.80665  # m/s^2 per g, by definition (3rd CGPM, 1901)
CM_PER_M = 100.0


@dataclass(frozen=True, slots=True)
class GroundMotion:
    """Median motions and their scatter, each of shape (n,), the scatter also of shape () if the same for all.

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

    NEEDS names the inputs it reads (``magnitude``, ``rjb_km``, ``vs30_mps`` ...; distances are the
    columns of `Paths`), VALID their ranges as its authors give them, COMPONENT which horizontal motion it
    predicts (a key of `components.OVER_ROTD50`), VERIFIED the golden table it is tested against, "" when
    there is none.

    `site_terms` is what the ground alone decides, (k, n) for Vs30 of shape (n,): sites are fixed and
    forecasts many. `motions` gets it back with every earthquake.
    """

    NAME: ClassVar[str]
    NEEDS: ClassVar[tuple[str, ...]]
    VALID: ClassVar[Mapping[str, tuple[float, float]]]
    COMPONENT: ClassVar[str]
    REFERENCE: ClassVar[str]
    VERIFIED: ClassVar[str]

    def __init__(self, params: Params) -> None: ...

    def site_terms(self, vs30_mps: F64) -> F64: ...

    def motions(self, magnitude: float, paths: Paths, terms: F64) -> GroundMotion: ...
