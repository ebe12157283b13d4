"""Shaking at many places as columns: what a `Forecast` carries. Light: `forecast_arrays` makes arrays of it.

A struct per place would cost more than forecasting it. Columns are little-endian float32 (six or seven
digits; an intensity is good to one), in the order of the table of places that `places` names (the name of a
grid says its rows, columns, first node and steps).
"""

from __future__ import annotations

from enum import IntFlag

import msgspec


class Basis(IntFlag):
    """How the forecast of one place came about; bits may combine."""

    SOURCE = 1  # a located earthquake with a magnitude
    LINE = 2  # distances are to a rupture of length
    CORRECTED = 4  # moved towards what stations nearby have observed
    WAVEFIELD = 8  # the motion observed nearby decides (PLUM)
    OUTSIDE = 128  # outside the range of validity of a relation: extrapolated


class ForecastField(msgspec.Struct, frozen=True, kw_only=True):
    """What `n` places must expect.

    `intensity` is what is forecast, in the scale of the message; `intensity_source` that by magnitude and
    distance alone, `intensity_wavefield` the largest observed around (0: nothing was); `p_s` and
    `s_s` are arrivals in seconds after the origin; `basis` has one byte per place, bits of `Basis`;
    `exceed` the probability of reaching each threshold of the message, place by place.
    """

    n: int
    places: str  # digest of the table of places
    distance_km: bytes
    intensity: bytes
    intensity_sigma: bytes
    intensity_source: bytes
    intensity_wavefield: bytes
    pga_mps2: bytes
    pgv_mps: bytes
    p_s: bytes
    s_s: bytes
    basis: bytes
    exceed: bytes = b""
