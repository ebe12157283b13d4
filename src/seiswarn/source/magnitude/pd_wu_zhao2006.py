"""Magnitude from the peak displacement of P on the vertical."""

from __future__ import annotations

import math

import numpy as np

from seiswarn.source.magnitude.base import F64, Amplitude, Path


class WuZhao2006:
    """log10 Pd = -3.463 + 0.729 M - 1.374 log10 R +- 0.305, Pd in cm, R hypocentral in km.

    Wu and Zhao (2006), Geophys. Res. Lett. 33, L16312, doi 10.1029/2006GL026871: southern California,
    first 3 s of P, 0.075 Hz high-pass displacement; sigma 0.18 for event means with M < 6.5. What
    saturates is the window, not the relation.
    """

    NAME = "Mpd"
    AMPLITUDE: Amplitude = "pd_m"
    REFERENCE = "Wu and Zhao (2006), GRL 33, L16312"
    VERIFIED = True  # tests/golden/magnitude_pd.csv
    VALID_DISTANCE_KM = (0.0, 200.0)
    EVENT_SIGMA = 0.18
    SATURATES_AT = math.inf

    SIGMA_LOG = 0.305
    SLOPE = 0.729

    def magnitudes(self, amplitude: F64, path: Path) -> tuple[F64, F64]:
        pd_cm = 100.0 * np.maximum(amplitude, 1e-12)
        r = np.maximum(path.hypocentral_km, 1.0)
        m = (np.log10(pd_cm) + 3.463 + 1.374 * np.log10(r)) / self.SLOPE
        return m, np.full(m.shape, 1.0 / self.SLOPE)

    def sigma(self, window_s: float) -> float:
        """As published at 3 s and more; shorter windows, outside the calibration, count less."""
        return self.SIGMA_LOG + 0.07 * max(0.0, 3.0 - window_s)


RELATION = WuZhao2006()
