"""From station magnitudes to the magnitude of the event, by Bayes.

Each station's value is normal around what it *can* see: the true magnitude up to the saturation
of its window, and no more beyond. Short windows therefore never pull a great earthquake down,
and long ones decide. The values of one relation share its error for this event, which no number of stations
averages away; relations are combined as far as they are independent. The prior is Gutenberg-Richter,
down to one sigma below the median reading and level from there: it may shade readings but never explain them
away. (A heavy-tailed likelihood loses against an exponential prior that goes on for ever: one station alone,
or two that disagree, would always be an M 1 with an outlier, and no M 1 triggers a network.)

No magnitude goes beyond what some stations say each for itself (`evidence_cap`): one broken station cannot
make a great earthquake, whatever it shows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seiswarn.messages import Magnitude

F64 = npt.NDArray[np.float64]

STEP = 0.05
GRID: F64 = STEP * np.arange(191, dtype=np.float64)
STUDENT_NU = 4.0
# What the relations err in common for one event (stress drop, region): with it stated sigmas are the 0.3 to
# 0.4 that warning systems reach (docs/accuracy.md).
COMMON_SIGMA = 0.25
LONE_STATION_CAP = 6.5  # what three seconds of one station can tell (`saturation_magnitude`)
CAP_MARGIN = 0.3  # one sigma of a station's value
SURE_STATIONS = 4  # fewer are heard no further than their windows can tell, be they faulty at one time
CAP_SHARE = 4  # one station in so many, at least two, must bear the magnitude out


@dataclass(frozen=True, slots=True)
class StationValue:
    """One station's magnitude: value, sigma, saturation magnitude, and what it came from.

    `event_sigma` is the error that all values of this kind share.
    """

    station: str
    kind: str
    value: float
    sigma: float
    saturation: float
    window_s: float
    event_sigma: float = 0.2
    window_top: float = math.inf  # what a window that long can tell at all
    weight: float = 1.0  # of the station: its tier, and how far it is trusted; widens sigma

    @property
    def own_sigma(self) -> float:
        """Of the value from this station: of n stations of weight 1 / n one speaks as loudly as one of 1."""
        return self.sigma / math.sqrt(self.weight)


def fuse(values: Sequence[StationValue], b_value: float) -> Magnitude | None:
    """Posterior mean and sigma of the magnitude; None without values."""
    if not values:
        return None
    by_kind: dict[str, list[StationValue]] = {}
    for v in values:
        by_kind.setdefault(v.kind, []).append(v)
    log_post = np.zeros(GRID.size)
    for group in by_kind.values():
        log_post += _blurred(_log_likelihood(group), group[0].event_sigma)
    m = np.array([v.value for v in values])
    lowest = float(np.median(m) - np.median([v.own_sigma for v in values]))
    log_post -= b_value * math.log(10.0) * np.maximum(GRID, lowest)
    cap = evidence_cap(values)
    w = np.exp(log_post - log_post.max())
    w /= w.sum()
    mean = float(w @ GRID)
    spread = math.sqrt(float(w @ (GRID - mean) ** 2))
    heard = np.median([v.saturation for v in values])
    return Magnitude(
        value=min(mean, cap),
        sigma=math.hypot(spread, COMMON_SIGMA),
        kind="+".join(kind for kind in KIND_ORDER if kind in by_kind) or "+".join(sorted(by_kind)),
        n_stations=len({v.station for v in values}),
        saturated=bool(heard < mean + spread),
    )


KIND_ORDER = ("Mpd", "Mdisp", "Mpgv", "ML")


def evidence_cap(values: Sequence[StationValue]) -> float:
    """The largest magnitude that stations bear out each for itself.

    A station is taken at the largest of its values. Of those that could tell, enough must say as much;
    windows too short to tell a larger earthquake from this one do not deny it. One station alone is heard up
    to what three seconds can tell.
    """
    best: dict[str, StationValue] = {}
    for v in values:
        if v.station not in best or v.value > best[v.station].value:
            best[v.station] = v
    heard = list(best.values())
    if len(heard) == 1:
        return LONE_STATION_CAP
    ranked = sorted((v.value for v in heard), reverse=True)
    cap = ranked[-1]
    for top in ranked:
        bears = sum(v.value >= top for v in heard)
        denies = sum(v.value < top and v.value + v.own_sigma < v.saturation for v in heard)
        if bears >= max(2, math.ceil((bears + denies) / CAP_SHARE)):
            cap = top
            break
    if len(heard) < SURE_STATIONS:
        cap = min(cap, max(v.window_top for v in values))
    return cap + CAP_MARGIN


def _log_likelihood(group: Sequence[StationValue]) -> F64:
    """Of every magnitude on the grid, given the values of one relation."""
    m = np.array([v.value for v in group])
    sigma = np.array([v.own_sigma for v in group])
    saturation = np.array([v.saturation for v in group])
    # The saturation point is no hard wall: an event whose readings mostly exceed theirs has it higher by the
    # lower median of the excess. One reading does not move it, or the largest of many saturated ones would
    # decide.
    over = sorted((m - saturation).tolist())
    wall = saturation + max(0.0, over[(len(over) - 1) // 2] if len(over) > 1 else 0.0)
    seen = np.minimum(GRID[None, :], wall[:, None])
    r2 = ((m[:, None] - seen) / sigma[:, None]) ** 2
    log_l: F64 = -0.5 * (STUDENT_NU + 1.0) * np.log1p(r2 / STUDENT_NU).sum(axis=0)
    return log_l


def _blurred(log_l: F64, sigma: float) -> F64:
    """Log of the likelihood averaged over a normal error of that sigma in magnitude."""
    reach = max(1, math.ceil(3.0 * sigma / STEP))
    offsets = STEP * np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    peak = log_l.max()
    padded = np.pad(np.exp(log_l - peak), reach, mode="edge")
    mean = np.convolve(padded, kernel / kernel.sum(), mode="valid")
    out: F64 = peak + np.log(np.maximum(mean, 1e-300))
    return out
