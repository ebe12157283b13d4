"""Magnitude from the peak displacement of the whole wave train, S included."""

from __future__ import annotations

import math

import numpy as np

from seiswarn.source.magnitude.base import F64, Amplitude, Path, near_source_km

GRID_M: F64 = np.arange(4.0, 9.51, 0.05)


class JmaDisplacement:
    """0.87 M = log10 A + 1.0 log10 R + 1.9e-3 R - 5.0e-3 D + 0.98, A in units of 10 micrometres.

    The all-phase magnitude of the early warning of the Japan Meteorological Agency: A is the peak
    of the three-component vector displacement on its mechanical seismograph (period 6 s, damping 0.55, see
    `waveform.filters`), R hypocentral distance in km, D depth in km. Its P-phase
    sister (0.72 M = log10 A + 1.2 log10 R + 5e-4 R - 5e-3 D + 0.46) is found in independent public
    implementations; for this one no second source could be read, so VERIFIED is False and that is
    said wherever it is used. docs/decisions/006-magnitude.md has the check made instead.

    Along a rupture that is believed, R is the distance to it with the near-source term of Yenier and
    Atkinson (2015): the hypocentre may be hundreds of kilometres from what shakes a station.
    """

    NAME = "Mdisp"
    AMPLITUDE: Amplitude = "mechanical_pgd_m"
    REFERENCE = "JMA early-warning all-phase magnitude (Kamigaichi 2004, J. Japan Assoc. Earthq. Eng. 4(3))"
    VERIFIED = False
    VALID_DISTANCE_KM = (0.0, 500.0)
    EVENT_SIGMA = (
        0.25  # not published; the between-event sigma of PGV in BSSA14 (0.35 to 0.4 of ln), 0.16 / 0.87
    )
    # with as much again for what a region adds
    SATURATES_AT = math.inf

    SLOPE = 0.87

    def magnitudes(self, amplitude: F64, path: Path) -> tuple[F64, F64]:
        log_a = np.log10(1e5 * np.maximum(amplitude, 1e-12))
        per_decade = np.full(log_a.shape, 1.0 / self.SLOPE)
        if path.line_km is None:
            r = np.maximum(path.hypocentral_km, 1.0)
            return self._magnitude(log_a, r, path.depth_km), per_decade
        r = np.hypot(path.line_km[:, None], near_source_km(GRID_M)[None, :])
        excess = GRID_M[None, :] - self._magnitude(log_a[:, None], r, path.depth_km)  # grows with magnitude
        return np.array([np.interp(0.0, row, GRID_M) for row in excess]), per_decade

    def _magnitude(self, log_a: F64, r: F64, depth_km: float) -> F64:
        m: F64 = (log_a + np.log10(r) + 1.9e-3 * r - 5.0e-3 * depth_km + 0.98) / self.SLOPE
        return m

    def sigma(self, window_s: float) -> float:
        """Not published with the relation: 0.30, the usual scatter of station amplitudes."""
        return 0.30


RELATION = JmaDisplacement()
