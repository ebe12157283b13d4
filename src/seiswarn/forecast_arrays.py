"""The columns of a forecast as arrays, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seiswarn.forecast_field import ForecastField

Floats = npt.NDArray[np.floating[Any]]  # float32 out of a message, float64 on the way into one
U8 = npt.NDArray[np.uint8]

FLOATS = (
    "distance_km",
    "intensity",
    "intensity_sigma",
    "intensity_source",
    "intensity_wavefield",
    "pga_mps2",
    "pgv_mps",
    "p_s",
    "s_s",
)


@dataclass(frozen=True, slots=True)
class FieldArrays:
    """The columns of a `ForecastField` as read-only arrays (n,); `exceed` is (n, thresholds)."""

    distance_km: Floats
    intensity: Floats
    intensity_sigma: Floats
    intensity_source: Floats
    intensity_wavefield: Floats
    pga_mps2: Floats
    pgv_mps: Floats
    p_s: Floats
    s_s: Floats
    basis: U8
    exceed: Floats

    @property
    def n(self) -> int:
        return len(self.intensity)


def arrays_of(field: ForecastField) -> FieldArrays:
    """Views of the columns, without copying. Raises ValueError when their lengths do not fit `n`."""
    columns: dict[str, Any] = {name: np.frombuffer(getattr(field, name), np.dtype("<f4")) for name in FLOATS}
    basis = np.frombuffer(field.basis, np.uint8)
    exceed = np.frombuffer(field.exceed, np.dtype("<f4"))
    if any(len(column) != field.n for column in (*columns.values(), basis)):
        raise ValueError(f"columns of a forecast of {field.n} places have other lengths")
    width = len(exceed) // field.n if field.n else 0
    return FieldArrays(basis=basis, exceed=exceed.reshape(field.n, width), **columns)


def field_of(places: str, arrays: FieldArrays) -> ForecastField:
    """The columns of arrays, rounded to float32."""
    floats = {name: _bytes(getattr(arrays, name)) for name in FLOATS}
    return ForecastField(
        n=arrays.n,
        places=places,
        basis=np.ascontiguousarray(arrays.basis, dtype=np.uint8).tobytes(),
        exceed=_bytes(arrays.exceed),
        **floats,
    )


def _bytes(column: Floats) -> bytes:
    return np.ascontiguousarray(column, dtype=np.dtype("<f4")).tobytes()
