"""How surely a set of picks is an earthquake: how often noise alone would do the same.

Every station triggers now and then without an earthquake, the rarer the stronger. If stations err
independently of each other, coincidences that look like this one come as often as the first of them triggers
that strongly anywhere in the network, times the chances that each further one does so within the time in
which its P could have come. An S that fits, and silence where P should have been heard, enter as factors.
The number, in coincidences per year, is what an operator would otherwise set a number of stations for: two
stations that shake at 1 m/s^2 say more than four that hardly move.

Faults that hit many stations at one instant are not independent: `suspects.simultaneous` looks for them
first.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from seiswarn import geo
from seiswarn.source.fitting import Fit
from seiswarn.source.records import RATE_KEPT_NS, Memory, PickRecord
from seiswarn.stations import StationTable
from seiswarn.timebase import NS

F64 = npt.NDArray[np.float64]

YEAR_S = 365.25 * 86400.0
HOUR_S = 3600.0
SLOWEST_P_KMPS = 4.5
FREE = 3  # picks whose times a hypocentre can follow; further ones have to fit
# Recorded noise gave 0.6 to 2.9 picks per hour and channel before the threshold on amplitude
# (docs/waveform.md).
USUAL_PER_HOUR = 3.0
STRONG_PER_S = 1e-5  # however strong: one a day is a blow, a blast, a fault of the line, work at the station
WEAKEST_MPS2 = 5e-4
TRIGGER_RATIO = 6.0  # amplitude over noise of a usual trigger
# S is read after most P; by chance one in three lies within its tolerance.
S_BY_CHANCE = 0.3
MOST_LOG = 700.0  # of what a number can hold
MISSING_COST = 4.0  # one in four stations that should trigger does not (as in the location)


def false_per_year(fit: Fit, memory: Memory, table: StationTable, now_ns: int) -> float:
    """Coincidences of noise per year, in the whole network, that would look as this fit does."""
    believed = [r for r in fit.inliers if r.site not in fit.misfits]
    # Those in trouble behind one link do not err independently of each other: one of them counts.
    believed = [believed[k] for k in memory.trust.one_each([r.station for r in believed], table)]
    if len(believed) < 2:
        return math.inf
    alive = sum(1 for t in memory.live_to_ns if now_ns - t < 60 * NS)
    first = believed[0]
    log_n = math.log(max(alive, 1) * YEAR_S) + math.log(_trigger_rate(first, memory))
    lat, lon = table.st_latitude, table.st_longitude
    at = [r.station for r in believed]
    away = geo.distances_km(float(lat[first.station]), float(lon[first.station]), lat[at], lon[at])
    within = p_apart_s(away)
    for k in range(1, len(believed)):
        window_s = 2.0 * float(within[k]) if k < FREE else 2.0
        log_n += min(0.0, math.log(_trigger_rate(believed[k], memory) * window_s))
    log_n += len(set(fit.with_s) - set(fit.misfits)) * math.log(S_BY_CHANCE)
    log_n += fit.n_missing * math.log(MISSING_COST)
    # Which of the picks at hand were taken: as many ways to find a coincidence.
    log_n += log_binomial(len(fit.records), len(believed))
    return float(np.exp(min(log_n, MOST_LOG)))


def p_apart_s(distance_km: F64) -> F64:
    """How far apart in time, at most, P of one source comes to stations that far from each other."""
    return distance_km / SLOWEST_P_KMPS + 1.0


def _trigger_rate(record: PickRecord, memory: Memory) -> float:
    """How often per second a station triggers as strongly as in this pick: the inverse of amplitude."""
    own = record.picked_before * NS / RATE_KEPT_NS
    usual = (
        max(USUAL_PER_HOUR / HOUR_S, own) / record.weight
    )  # the coda of a large earthquake triggers again and again
    noise = memory.noise_mps2[record.station]
    threshold = max(WEAKEST_MPS2, TRIGGER_RATIO * noise)
    strength = max(record.pa_mps2, record.snr * noise, threshold)
    return max(STRONG_PER_S, usual * threshold / strength)


def log_binomial(n: int, k: int) -> float:
    """Natural logarithm of the ways to choose `k` of `n`."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
