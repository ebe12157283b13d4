"""From station magnitudes to the magnitude of the event, by Bayes.

Each station's value is normal around what it *can* see: the true magnitude up to the saturation
of its window, and no more beyond. Short windows therefore never pull a great earthquake down,
and long ones decide. The prior is Gutenberg-Richter, down to one sigma below the median reading
and level from there: it may shade readings but never explain them away. (A heavy-tailed
likelihood loses against an exponential prior that goes on for ever: one station alone, or two that
disagree, would always be an M 1 with an outlier, and no M 1 triggers a network.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seiswarn.messages import Magnitude

F64 = npt.NDArray[np.float64]

GRID: F64 = np.arange(0.0, 9.51, 0.05)
STUDENT_NU = 4.0
SYSTEMATIC_SIGMA = 0.2  # of the relation for one event (stress drop, region): not averaged away by stations


@dataclass(frozen=True, slots=True)
class StationValue:
    """One station's magnitude: value, sigma, saturation magnitude, and what it came from."""

    station: str
    kind: str
    value: float
    sigma: float
    saturation: float
    window_s: float


def fuse(values: Sequence[StationValue], b_value: float) -> Magnitude | None:
    """Posterior mean and sigma of the magnitude; None without values."""
    if not values:
        return None
    m = np.array([v.value for v in values])
    sigma = np.array([v.sigma for v in values])
    saturation = np.array([v.saturation for v in values])
    # The saturation point is no hard wall: an event whose readings mostly exceed theirs has it higher by the
    # median excess. One reading does not move it, or the largest of many saturated ones would decide.
    wall = saturation + max(0.0, float(np.median(m - saturation)))
    seen = np.minimum(GRID[None, :], wall[:, None])
    r2 = ((m[:, None] - seen) / sigma[:, None]) ** 2
    log_post = -0.5 * (STUDENT_NU + 1.0) * np.log1p(r2 / STUDENT_NU).sum(axis=0)
    lowest = float(np.median(m) - np.median(sigma))
    log_post -= b_value * math.log(10.0) * np.maximum(GRID, lowest)
    w = np.exp(log_post - log_post.max())
    w /= w.sum()
    mean = float(w @ GRID)
    spread = math.sqrt(float(w @ (GRID - mean) ** 2))
    kinds = {v.kind for v in values}
    return Magnitude(
        value=mean,
        sigma=math.hypot(spread, SYSTEMATIC_SIGMA),
        kind="Mpd" if kinds == {"Mpd"} else "Mdisp" if kinds == {"Mdisp"} else "Mpd+Mdisp",
        n_stations=len(values),
        saturated=bool(np.median(saturation) < mean + spread),
    )
