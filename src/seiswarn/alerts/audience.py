"""What a forecast means to one audience: values, levels and area at its targets."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seiswarn.alerts.params import Level, Params
from seiswarn.forecast_arrays import FieldArrays
from seiswarn.intensity import A_SLOPE
from seiswarn.messages import Forecast
from seiswarn.targets import TargetTable
from seiswarn.timebase import NS

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
B1 = npt.NDArray[np.bool_]

GAL = 100.0  # cm/s^2 per m/s^2


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A forecast as one audience reads it, (n,) each over its own targets.

    `value` in the audience's measure (intensity or gal), `epicentre` likewise; `arrays` the columns;
    `s_ns` arrival of S.
    """

    forecast: Forecast
    arrays: FieldArrays
    value: F64
    s_ns: I64
    epicentre: float

    @property
    def n(self) -> int:
        return len(self.value)


class Audience:
    """One audience's targets and levels. Pure: the same forecast always reads the same."""

    def __init__(self, params: Params, targets: TargetTable) -> None:
        self.params = params
        mine = [
            (not params.kinds or t.kind in params.kinds) and (not params.lines or t.line in params.lines)
            for t in targets.targets
        ]
        self.rows: I64 = np.flatnonzero(np.array(mine, dtype=np.bool_)).astype(np.int64)
        self.targets = tuple(targets.targets[k] for k in self.rows.tolist())
        self._whole = len(self.rows) == len(targets.targets)
        self._from = np.array([level.at_least for level in params.levels], dtype=np.float64)

    @property
    def threshold(self) -> float:
        """Where the area begins, in the measure.

        An audience that no shaking is too weak for has none: its area begins where targets are listed, or,
        in PGA, at the lowest level. Else every target of a nation would stand in each of its warnings.
        """
        p = self.params
        if p.measure == "pga":
            return p.min_pga_gal or (p.levels[0].at_least if p.levels else 0.0)
        least = min(rule.min_intensity for rule in p.rules) if p.rules else p.min_intensity
        return least or p.list_from

    def read(self, forecast: Forecast, arrays: FieldArrays) -> Reading:
        """The forecast at the targets of this audience."""
        mine = arrays if self._whole else _at(arrays, self.rows)
        pga = self.params.measure == "pga"
        value = (GAL * mine.pga_mps2 if pga else mine.intensity).astype(np.float64)
        epicentre = GAL * forecast.epicentral_pga_mps2 if pga else forecast.epicentral_intensity
        s_s = np.asarray(mine.s_s, dtype=np.float64)
        s_ns = forecast.origin_time_ns + np.rint(NS * s_s).astype(np.int64)
        return Reading(forecast, mine, value, s_ns, epicentre)

    def rank(self, value: F64) -> I64:
        """(n,) number of the level of each value: 0 below the lowest, 1 the lowest."""
        return np.searchsorted(self._from, value, side="right").astype(np.int64)

    def holding(self, value: F64, margin: float, told: I64) -> I64:
        """(n,) levels with hysteresis: one that was told is left only `margin` degrees below its
        beginning.
        """
        return np.maximum(self.rank(value), np.minimum(told, self.rank(self.raised(value, margin))))

    def raised(self, value: F64, degrees: float) -> F64:
        """Values so many degrees of intensity higher; PGA by GB/T 17742-2020, equation (A.5)."""
        if self.params.measure == "pga":
            return value * 10.0 ** (degrees / A_SLOPE)
        return value + degrees

    def level(self, rank: int) -> Level | None:
        """The level of a number; None for 0."""
        return self.params.levels[rank - 1] if rank > 0 else None

    def rank_of(self, name: str) -> int:
        """The number of a level; 0 for a name that is none."""
        return next((k for k, level in enumerate(self.params.levels, 1) if level.name == name), 0)

    def nearest_km(self, reading: Reading | None) -> float:
        """Epicentral distance of the nearest target; infinite when there is none."""
        if reading is None or not reading.n:
            return math.inf
        return float(np.min(reading.arrays.distance_km))


def _at(arrays: FieldArrays, rows: I64) -> FieldArrays:
    """The columns of some rows."""
    return FieldArrays(**{name: getattr(arrays, name)[rows] for name in arrays.__dataclass_fields__})
