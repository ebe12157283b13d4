"""Which stations were recording when an earthquake reached them, and which show its P.

The rules are those of the table of recorded sets: a station is good for early warning when its record
begins 4.5 s or more before P and its vertical shows a rise of energy to more than 4 times the noise
near the P time of iasp91.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from seiswarn.blocks import DTYPES
from seiswarn.evaluate.catalogue import Quake
from seiswarn.evaluate.heard import Reached
from seiswarn.geo import distances_km
from seiswarn.ingest.recut import Stretch
from seiswarn.source.traveltime import MAX_DISTANCE_KM, TravelTimes
from seiswarn.stations import StationTable, Z
from seiswarn.timebase import NS, from_seconds

F64 = npt.NDArray[np.float64]
UNKNOWN_DEPTH_KM = 10.0  # where a catalogue gives none: mid-crust, as catalogues fix it themselves
SHALLOW_KM, DEEPEST_KM = 50.0, 700.0  # of travel-time tables: most need only the smaller
BEFORE_S, AFTER_S = 4.5, 1.0  # of P that a record has to hold
RISE = 4.0  # of energy over noise
NOISE_S = 15.0  # looked at before P for the noise
EARLY_S, LATE_S = 2.0, 4.0  # P may come so much before and after its predicted time
LOW_HZ, HIGH_HZ = 1.0, 10.0  # where P of local earthquakes stands out; below are microseisms


def reached(quake: Quake, table: StationTable, stretches: Sequence[Stretch]) -> tuple[Reached, ...]:
    """Each station within the travel-time tables, nearest first."""
    depth_km = UNKNOWN_DEPTH_KM if quake.depth_km is None else min(max(quake.depth_km, 0.0), DEEPEST_KM)
    distance = distances_km(quake.latitude, quake.longitude, table.st_latitude, table.st_longitude)
    p_s, s_s = _model(SHALLOW_KM if depth_km <= SHALLOW_KM else DEEPEST_KM).times(distance, depth_km)
    verticals = _verticals(table, stretches)
    rows = []
    for k in np.argsort(distance, kind="stable").tolist():
        if distance[k] > MAX_DISTANCE_KM:
            break
        p_ns = quake.time_ns + from_seconds(float(p_s[k]))
        held = _holding(verticals.get(k, []), p_ns)
        recording = held is not None and _holds(held, p_ns, BEFORE_S, AFTER_S)
        rows.append(
            Reached(
                station=table.stations[k],
                site=int(table.st_site[k]),
                distance_km=round(float(distance[k]), 3),
                p_s=round(float(p_s[k]), 3),
                s_s=round(float(s_s[k]), 3),
                at_p=held is not None,
                recording=recording,
                saw_p=recording and held is not None and energy_rises(held, p_ns),
            )
        )
    return tuple(rows)


@lru_cache(maxsize=2)
def _model(max_depth_km: float) -> TravelTimes:
    return TravelTimes("iasp91", max_depth_km)


def _verticals(table: StationTable, stretches: Sequence[Stretch]) -> dict[int, list[Stretch]]:
    """The stretches of the vertical of each station."""
    found: dict[int, list[Stretch]] = {}
    for stretch in stretches:
        channel = table.channel_index.get(stretch.channel)
        if channel is not None and table.ch_component[channel] == Z and stretch.n_samples:
            found.setdefault(int(table.ch_station[channel]), []).append(stretch)
    return found


def _holding(stretches: Sequence[Stretch], t_ns: int) -> Stretch | None:
    return next((s for s in stretches if _holds(s, t_ns, 0.0, 0.0)), None)


def _holds(stretch: Stretch, t_ns: int, before_s: float, after_s: float) -> bool:
    first_ns = int(stretch.times_ns[0])
    last_ns = first_ns + round((stretch.n_samples - 1) * NS / stretch.rate_hz)
    return first_ns <= t_ns - from_seconds(before_s) and t_ns + from_seconds(after_s) <= last_ns


def energy_rises(stretch: Stretch, p_ns: int) -> bool:
    """Whether a second near `p_ns` has `RISE` times the energy of the noise before, at 1 to 10 Hz."""
    from scipy.signal import butter, sosfilt

    rate = stretch.rate_hz
    high_hz = min(HIGH_HZ, 0.4 * rate)
    if high_hz <= 1.5 * LOW_HZ:
        return False
    since_s = (p_ns - int(stretch.times_ns[0])) / NS
    first, end = (max(0, round((since_s + dt) * rate)) for dt in (-NOISE_S, LATE_S))
    samples = np.frombuffer(stretch.samples, DTYPES[stretch.dtype])[first:end].astype(np.float64)
    n_noise = round(since_s * rate) - first - round(EARLY_S * rate)
    second = round(rate)
    if n_noise < second or len(samples) < n_noise + second:
        return False
    samples -= samples[:n_noise].mean()
    band = butter(2, (LOW_HZ, high_hz), "bandpass", fs=rate, output="sos")
    energy: F64 = np.square(sosfilt(band, samples))
    # The filter starts from rest: its first half second is no noise level, where there is more.
    noise = energy[min(second // 2, n_noise // 2) : n_noise].mean()
    means = np.convolve(energy[n_noise:], np.full(second, 1.0 / second), mode="valid")
    return bool(means.max() > RISE * noise)
