"""Local magnitude."""

from __future__ import annotations

import numpy as np

from seiswarn.source.magnitude.base import F64, Amplitude, Path

MAGNIFICATION = 2080.0  # static, of the standard seismograph; the same as in `waveform.filters`


class LocalMagnitude:
    """ML = log10 A + 1.11 log10 R + 0.00189 R - 2.09, A in nm on the ground, R hypocentral in km.

    IASPEI (2013), Summary of magnitude working group recommendations, after Hutton and Boore (1987), BSSA 77,
    2074-2094: southern California, A the largest amplitude of a horizontal on a Wood-Anderson seismograph
    over its static magnification, R up to 1,000 km. Other crusts differ by a few tenths, which EVENT_SIGMA
    covers. ML stays behind Mw above about 6.3 (Heaton, Tajima and Mori 1986, Surveys in Geophysics 8, 25-83).
    """

    NAME = "ML"
    AMPLITUDE: Amplitude = "wood_anderson_m"
    REFERENCE = "IASPEI (2013); Hutton and Boore (1987), BSSA 77, 2074-2094"
    VERIFIED = True  # tests/golden/magnitude_ml.csv
    VALID_DISTANCE_KM = (0.0, 1000.0)
    EVENT_SIGMA = 0.25
    SATURATES_AT = 6.3

    def magnitudes(self, amplitude: F64, path: Path) -> tuple[F64, F64]:
        nm = 1e9 * np.maximum(amplitude, 1e-12) / MAGNIFICATION
        r = np.maximum(path.hypocentral_km, 1.0)
        m = np.log10(nm) + 1.11 * np.log10(r) + 0.00189 * r - 2.09
        return m, np.ones(m.shape)

    def sigma(self, window_s: float) -> float:
        """Scatter of station magnitudes in Hutton and Boore (1987), without station terms."""
        return 0.30


RELATION = LocalMagnitude()
