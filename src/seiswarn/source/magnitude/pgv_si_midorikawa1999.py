"""Magnitude from peak velocity: the relation that forecasts it, turned round."""

from __future__ import annotations

import numpy as np

from seiswarn.rupture_distance import MAGNITUDES, mean_ratios
from seiswarn.source import attenuation
from seiswarn.source.magnitude.base import F64, Amplitude, Path

STEP = 0.1
GRID_M: F64 = STEP * np.arange(10, 84, dtype=np.float64)  # flat beyond 8.3


class PeakVelocity:
    """The magnitude at which Si and Midorikawa (1999) expect the observed PGV at the distance to the rupture.

    Where only a point is known the distance is that to the mean of the ruptures possible around it (Thompson
    and Worden 2018), which shrinks as magnitude grows; depth counts down to the top of a rupture as wide as
    Wells and Coppersmith (1994) have it (log10 W = -1.01 + 0.32 M, all). Close to a large rupture PGV hardly
    grows with magnitude: there a station says little, and its sigma says so.

    Fitted to Mw 5.8 to 8.3; below, the relation runs on (VALID_MAGNITUDE), and EVENT_SIGMA is wide.
    """

    NAME = "Mpgv"
    AMPLITUDE: Amplitude = "pgv_mps"
    REFERENCE = attenuation.REFERENCE
    VERIFIED = attenuation.VERIFIED
    VALID_DISTANCE_KM = (0.0, 300.0)
    VALID_MAGNITUDE = (5.8, 8.3)
    EVENT_SIGMA = 0.30  # between-event sigma of PGV in BSSA14 (0.35 to 0.40 of ln) over the slope of 0.58
    SATURATES_AT = 8.3

    def magnitudes(self, amplitude: F64, path: Path) -> tuple[F64, F64]:
        x = self._distances(path)
        expected = np.log10(attenuation.pgv_mps(GRID_M[None, :], x, path.depth_km))
        log_a = np.log10(np.maximum(amplitude, 1e-12))
        m = np.array([np.interp(a, row, GRID_M) for a, row in zip(log_a, expected, strict=True)])
        at = np.clip(np.rint((m - GRID_M[0]) / STEP).astype(int), 1, len(GRID_M) - 2)
        rows = np.arange(len(m))
        slope = (expected[rows, at + 1] - expected[rows, at - 1]) / (2.0 * STEP)
        return m, 1.0 / np.maximum(slope, 0.05)

    def _distances(self, path: Path) -> F64:
        """(n, grid) distances to a rupture of each magnitude."""
        top = np.maximum(0.0, path.depth_km - 0.5 * 10.0 ** (-1.01 + 0.32 * GRID_M))
        if path.line_km is not None:
            return np.hypot(path.line_km[:, None], top[None, :])
        ratios = mean_ratios(path.epicentral_km)
        place = np.clip((GRID_M - MAGNITUDES[0]) / 0.5, 0.0, len(MAGNITUDES) - 1.001)
        low = place.astype(int)
        ratio = ratios[:, low] + (place - low) * (ratios[:, low + 1] - ratios[:, low])
        return np.hypot(path.epicentral_km[:, None] * ratio, top[None, :])

    def sigma(self, window_s: float) -> float:
        """As published, with and between events together."""
        return attenuation.PGV_SIGMA


RELATION = PeakVelocity()
