"""The largest motion of every station during an event, in arrays by station index."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import numpy.typing as npt
from numba import njit

import seiswarn.jit  # noqa: F401 - says where compiled kernels are kept
from seiswarn.geo import distances_km
from seiswarn.intensity import intensity_gbt
from seiswarn.messages import Origin, StationPeak
from seiswarn.stations import StationTable

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

# Columns of `Motions` as rows of an array: those of which the largest counts, then those that add up.
COLUMNS = (
    "pga_mps2",
    "pgv_mps",
    "intensity_gbt",
    "intensity_jma",
    "intensity_mmi",
    "pga_gbt_mps2",
    "pgv_gbt_mps",
    "wood_anderson_m",
    "arias_mps",
    "cav_mps",
)
PGA, PGV, GBT, JMA, MMI, PGA_GBT, PGV_GBT, WOOD_ANDERSON, ARIAS, CAV = range(len(COLUMNS))
N_LARGEST = ARIAS


@njit(cache=True, nogil=True)
def raise_peaks(
    peaks: F32, clipped: U8, station: I32, t_ns: I64, row_clipped: U8, values: F32, since_ns: int
) -> None:
    """Raise the peaks by the rows that end at or after `since_ns`.

    Parameters
    ----------
    peaks, clipped
        (n_columns, n_st) peaks and sums so far, -inf: nothing yet; (n_st,) 1 where a clipped row set one.
    station, t_ns, row_clipped, values
        (n,) station index, -1: none; end of the second; whether clipped; (n_columns, n) columns as
        `COLUMNS`, NaN where not given.
    """
    for r in range(station.size):
        s = station[r]
        if s < 0 or t_ns[r] < since_ns:
            continue
        raised = False
        for k in range(N_LARGEST):
            if values[k, r] > peaks[k, s]:
                peaks[k, s] = values[k, r]
                raised = True
        for k in range(N_LARGEST, values.shape[0]):
            if not math.isnan(values[k, r]):
                peaks[k, s] = values[k, r] + max(np.float32(0.0), peaks[k, s])
        if raised and row_clipped[r]:
            clipped[s] = 1


class Peaks:
    """Peaks of all stations for one event."""

    def __init__(self, n_stations: int) -> None:
        self.values: F32 = np.full((len(COLUMNS), n_stations), -np.inf, dtype=np.float32)
        self.clipped: U8 = np.zeros(n_stations, dtype=np.uint8)

    def stations(
        self, origin: Origin, max_distance_km: float, table: StationTable
    ) -> tuple[StationPeak, ...]:
        """Peaks of the stations that recorded something, nearest first."""
        distance = distances_km(origin.latitude, origin.longitude, table.st_latitude, table.st_longitude)
        chosen = np.flatnonzero((self.values[PGA] > 0.0) & (distance <= max_distance_km))
        order = chosen[np.argsort(distance[chosen], kind="stable")]
        return tuple(self._station(i, float(distance[i]), table) for i in order.tolist())

    def _station(self, i: int, distance_km: float, table: StationTable) -> StationPeak:
        v = self.values[:, i].tolist()
        # By the standard the intensity of an event is that of its peaks in the standard's band; where these
        # are not given, the largest value in real time has to do.
        banded = v[PGA_GBT] > -math.inf and v[PGV_GBT] > -math.inf
        return StationPeak(
            station=table.stations[i],
            latitude=float(table.st_latitude[i]),
            longitude=float(table.st_longitude[i]),
            distance_km=distance_km,
            pga_mps2=v[PGA],
            pgv_mps=v[PGV],
            intensity_gbt=float(intensity_gbt(v[PGA_GBT], v[PGV_GBT])) if banded else v[GBT],
            intensity_jma=v[JMA],
            intensity_mmi=_given(v[MMI]),
            pga_gbt_mps2=_given(v[PGA_GBT]),
            pgv_gbt_mps=_given(v[PGV_GBT]),
            arias_mps=_given(v[ARIAS]),
            cav_mps=_given(v[CAV]),
            wood_anderson_m=_given(v[WOOD_ANDERSON]),
            clipped=bool(self.clipped[i]),
        )


def _given(value: float) -> float | None:
    return value if value > -math.inf else None


class StoredPeaks(msgspec.Struct, frozen=True):
    """`Peaks` as bytes, for snapshots."""

    values: bytes
    clipped: bytes

    @classmethod
    def of(cls, peaks: Peaks) -> StoredPeaks:
        return cls(peaks.values.tobytes(), peaks.clipped.tobytes())

    def peaks(self) -> Peaks:
        peaks = Peaks(len(self.clipped))
        peaks.values[...] = np.frombuffer(self.values, dtype=np.float32).reshape(peaks.values.shape)
        peaks.clipped[...] = np.frombuffer(self.clipped, dtype=np.uint8)
        return peaks
