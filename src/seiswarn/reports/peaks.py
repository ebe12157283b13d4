"""The largest motion of every station during an event, in arrays by station index."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from seiswarn.geo import distances_km
from seiswarn.messages import Motions, Origin, StationPeak
from seiswarn.stations import StationTable

F64 = npt.NDArray[np.float64]

PGA, PGV, GBT, JMA = range(4)  # rows of the array of maxima


def new_maxima(n_stations: int) -> F64:
    """(4, n_st) maxima of nothing yet: -inf."""
    return np.full((4, n_stations), -np.inf)


def add(maxima: F64, motions: Motions, since_ns: int, table: StationTable) -> None:
    """Raise `maxima` by the rows of `motions` that end at or after `since_ns`.

    Stations unknown to the table are passed over: they have no place on a map.
    """
    index = table.station_index
    rows = [
        (index[station], k)
        for k, (station, t_ns) in enumerate(zip(motions.stations, motions.t_ns, strict=True))
        if t_ns >= since_ns and station in index
    ]
    if not rows:
        return
    st, row = np.array(rows, dtype=np.int64).T
    columns = (motions.pga_mps2, motions.pgv_mps, motions.intensity_gbt, motions.intensity_jma)
    for kind, column in enumerate(columns):
        np.maximum.at(maxima[kind], st, np.asarray(column, dtype=np.float64)[row])


def station_peaks(
    maxima: F64, origin: Origin, max_distance_km: float, table: StationTable
) -> tuple[StationPeak, ...]:
    """Peaks of the stations that recorded something, nearest first."""
    distance = distances_km(origin.latitude, origin.longitude, table.st_latitude, table.st_longitude)
    chosen = np.flatnonzero((maxima[PGA] > 0.0) & (distance <= max_distance_km))
    order = chosen[np.argsort(distance[chosen], kind="stable")]
    return tuple(
        StationPeak(
            station=table.stations[i],
            latitude=float(table.st_latitude[i]),
            longitude=float(table.st_longitude[i]),
            distance_km=float(distance[i]),
            pga_mps2=float(maxima[PGA, i]),
            pgv_mps=float(maxima[PGV, i]),
            intensity_gbt=float(maxima[GBT, i]),
            intensity_jma=float(maxima[JMA, i]),
        )
        for i in order.tolist()
    )


class StoredMaxima(msgspec.Struct, frozen=True):
    """An array of maxima as bytes, for snapshots."""

    n_stations: int
    data: bytes

    @classmethod
    def of(cls, maxima: F64) -> StoredMaxima:
        return cls(maxima.shape[1], maxima.tobytes())

    def array(self) -> F64:
        return np.frombuffer(self.data, dtype=np.float64).reshape(4, self.n_stations).copy()
