"""A station's minute of `station_second` in a few hundred bytes.

Every value becomes a 16-bit code, 0 for missing, exact enough for curves on a screen:

* peaks: logarithmic from 1e-10 to 1e6 in steps of 0.056 %, so within 0.03 %; zero stays zero;
* intensities: in hundredths, from -10;
* latency: by its inverse hyperbolic sine, within 0.04 %, either sign;
* trust: in thousandths; state: the number of a name.

The codes of a minute stand field by field, high bytes before low bytes, compressed by zlib.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

from seiswarn.store.series_schema import HEALTH_FIELDS, MOTION_FIELDS

SECONDS = 60
FIELDS = (*MOTION_FIELDS, *HEALTH_FIELDS)
N_FIELDS = len(FIELDS)
_LEVEL = 6  # of zlib: a fifth smaller than level 1 for these; compressing costs little against writing

_PEAKS = [k for k, name in enumerate(FIELDS) if name in ("pga", "pgv")]
_INTENSITIES = [k for k, name in enumerate(FIELDS) if name.startswith("intensity")]
_LATENCY = FIELDS.index("latency_s")
_TRUST = FIELDS.index("trust")
_STATE = FIELDS.index("state")
_DECADES_BELOW, _PER_DECADE = 10.0, 4096.0
_LOWEST_INTENSITY, _PER_UNIT = 10.0, 100.0
_LATENCY_UNIT_S, _PER_ASINH = 1e-3, 1500.0
_MIDDLE = 32768.0

F64 = npt.NDArray[np.float64]


def pack(values: F64) -> list[bytes]:
    """Rows of minutes as bytes.

    Parameters
    ----------
    values
        (n, N_FIELDS, 60), in the order of `FIELDS`; NaN is missing; states are numbers from 0.
    """
    codes = np.empty(values.shape, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        peaks = values[:, _PEAKS]
        codes[:, _PEAKS] = np.where(
            peaks > 0, np.maximum((np.log10(peaks) + _DECADES_BELOW) * _PER_DECADE, 2.0), peaks * 0.0 + 1.0
        )
        codes[:, _INTENSITIES] = (values[:, _INTENSITIES] + _LOWEST_INTENSITY) * _PER_UNIT + 1.0
        codes[:, _LATENCY] = np.arcsinh(values[:, _LATENCY] / _LATENCY_UNIT_S) * _PER_ASINH + _MIDDLE
        codes[:, _TRUST] = values[:, _TRUST] * 1000.0 + 1.0
        codes[:, _STATE] = values[:, _STATE] + 1.0
    known = np.isfinite(codes)
    whole = np.zeros(codes.shape, np.uint16)
    whole[known] = np.clip(np.round(codes[known]), 1.0, 65535.0).astype(np.uint16)
    planes = np.stack((whole >> 8, whole & 0xFF), axis=2).astype(np.uint8)  # (n, N_FIELDS, 2, 60)
    return [zlib.compress(row.tobytes(), _LEVEL) for row in planes]


def unpack(data: bytes) -> F64:
    """One minute, (N_FIELDS, 60), from bytes of `pack`. Raises ValueError when they are none."""
    try:
        raw = zlib.decompress(data)
    except zlib.error as error:
        raise ValueError(f"no packed minute: {error}") from error
    if len(raw) != 2 * N_FIELDS * SECONDS:
        raise ValueError(f"no packed minute: {len(raw)} bytes")
    planes = np.frombuffer(raw, np.uint8).reshape(N_FIELDS, 2, SECONDS).astype(np.uint16)
    whole = planes[:, 0] << 8 | planes[:, 1]
    codes = whole.astype(np.float64)
    values = np.empty_like(codes)
    peaks = codes[_PEAKS]
    values[_PEAKS] = np.where(peaks == 1.0, 0.0, 10.0 ** (peaks / _PER_DECADE - _DECADES_BELOW))
    values[_INTENSITIES] = (codes[_INTENSITIES] - 1.0) / _PER_UNIT - _LOWEST_INTENSITY
    values[_LATENCY] = np.sinh((codes[_LATENCY] - _MIDDLE) / _PER_ASINH) * _LATENCY_UNIT_S
    values[_TRUST] = (codes[_TRUST] - 1.0) / 1000.0
    values[_STATE] = codes[_STATE] - 1.0
    values[whole == 0] = np.nan
    return values
