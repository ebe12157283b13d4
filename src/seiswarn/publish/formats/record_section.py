"""Which waveforms a report shows, and how the many pieces of a journal become whole traces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seiswarn.geo import distances_km
from seiswarn.messages import Origin
from seiswarn.stations import StationTable, Z
from seiswarn.timebase import NS, from_seconds

F64 = npt.NDArray[np.float64]
Pieces = Sequence[tuple[int, float, npt.NDArray[np.generic]]]
MAX_RATE_HZ = 10_000.0


@dataclass(frozen=True, slots=True)
class Trace:
    """A vertical trace for drawing; `samples` in any unit, NaN where data are missing."""

    station: str
    distance_km: float
    t0_ns: int
    rate_hz: float
    samples: F64


def window(origin: Origin, farthest_km: float) -> tuple[int, int]:
    """From 10 s before the origin until S (at 3 km/s or faster) is well past `farthest_km`."""
    return origin.time_ns - 10 * NS, origin.time_ns + from_seconds(30.0 + farthest_km / 3.0)


def select_traces(
    waveforms: Mapping[str, Pieces],
    table: StationTable,
    origin: Origin,
    t0_ns: int,
    t1_ns: int,
    *,
    max_distance_km: float = 300.0,
    max_traces: int = 40,
) -> list[Trace]:
    """One vertical trace per site with data in [`t0_ns`, `t1_ns`), nearest first.

    Parameters
    ----------
    waveforms
        Pieces (t0_ns, rate_hz, counts) per channel, as `seiswarn.store.waveforms.waveforms` gives them.
    max_traces
        With more sites, those are kept that fill the distance range most evenly.
    """
    away = distances_km(origin.latitude, origin.longitude, table.st_latitude, table.st_longitude)
    order = np.argsort(away, kind="stable")
    vertical = table.components()[:, Z]
    found: list[Trace] = []
    sites: set[int] = set()
    for i in order:
        channel, site = int(vertical[i]), int(table.st_site[i])
        if channel < 0 or site in sites or away[i] > max_distance_km:
            continue
        trace = _join(waveforms.get(table.channels[channel], ()), t0_ns, t1_ns)
        if trace is not None:
            rate_hz, samples = trace
            sites.add(site)
            found.append(Trace(table.stations[i], float(away[i]), t0_ns, rate_hz, samples))
    if len(found) <= max_traces:
        return found
    wanted = np.linspace(found[0].distance_km, found[-1].distance_km, max_traces)
    have = np.array([trace.distance_km for trace in found])
    return [found[i] for i in sorted({int(np.argmin(np.abs(have - w))) for w in wanted})]


def _join(pieces: Pieces, t0_ns: int, t1_ns: int) -> tuple[float, F64] | None:
    """Pieces of one channel on one time axis from `t0_ns`; None when there is no data."""
    if not pieces:
        return None
    rate_hz = pieces[0][1]
    if not 0.0 < rate_hz <= MAX_RATE_HZ:
        return None
    joined = np.full(max(1, round((t1_ns - t0_ns) * rate_hz / NS)), np.nan)
    for start_ns, piece_rate_hz, counts in pieces:
        if piece_rate_hz != rate_hz:
            continue
        at = round((start_ns - t0_ns) * rate_hz / NS)
        first, last = max(0, at), min(len(joined), at + len(counts))
        if first < last:
            joined[first:last] = counts[first - at : last - at]
    if not np.isfinite(joined).any():
        return None
    return rate_hz, joined
