"""What the health stage remembers: arrays by channel and by station, and the columns in them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seiswarn.errors import InvariantError
from seiswarn.stations import StationTable

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
F64 = npt.NDArray[np.float64]
B1 = npt.NDArray[np.bool_]
NEVER = -(1 << 62)

# Fingerprints of samples are taken over so many second differences: two traces that agree in one of them
# by chance, at 2 bits a sample, do so once in 2^64.
WINDOW = 32
# Each trace that moves puts some twelve fingerprints a second into the table, one at rest none: they stay
# for minutes while a few stations move, and for a second or two while all do, when nobody needs them.
PLACES_PER_CHANNEL = 16

# by channel, integers
C_NEXT, C_GAP_FROM, C_GAP_TO, C_N, C_HASH, C_X1, C_X2 = range(7)
N_CI = 7
# by channel, floats
C_V1, C_V2, C_SHORT, C_LONG, C_COUNT = range(5)
N_CF = 5
# by station, integers: times in ns
(
    S_LAST,  # end of the newest sample
    S_SEEN,  # arrival of the last packet
    S_PACKETS,
    S_FUTURE,  # when data came that were newer than their arrival
    S_JUMPED,  # when data came for times long past and known
    S_SIGN,  # when latency jumped or a gap came
    S_SAME,  # when data were those of another station
    S_SAME_SEEN,  # when a fingerprint was last shared, with whom, and how many in a row
    S_OTHER,
    S_SAME_N,
    S_DATA,  # of the vertical, ns since the last full message
    S_GAPS,
    S_OVERLAPS,
    S_NEW,  # arrival of the last packet with new data
) = range(14)
N_SI = 14
# by station, floats
(
    S_LAT,  # s: smoothed, its mean deviation, the largest since the last full message
    S_JITTER,
    S_LAT_MAX,
    S_GAP_RATE,  # gaps, each forgotten in ten minutes
    S_STALE,  # s of data for times long past since the last new data
    S_LENGTH,  # s: of a packet, smoothed
) = range(6)
N_SF = 6


class Seen(NamedTuple):
    """What the kernel keeps: `ci` (n_ch, N_CI), `cf` (n_ch, N_CF), `ring` (n_ch, WINDOW) second differences;
    `si` (n_st, N_SI), `sf` (n_st, N_SF); the table of fingerprints: hash, station and time of the sample.
    """

    ci: I64
    cf: F64
    ring: I64
    si: I64
    sf: F64
    mark: I64
    mark_station: I64
    mark_ns: I64

    @classmethod
    def of(cls, table: StationTable) -> Seen:
        """Nothing seen yet."""
        n_ch, n_st = table.n_channels, table.n_stations
        places = 1 << max(8, int(np.ceil(np.log2(max(1, PLACES_PER_CHANNEL * n_ch)))))
        ci = np.zeros((n_ch, N_CI), dtype=np.int64)
        ci[:, [C_NEXT, C_GAP_FROM, C_GAP_TO]] = NEVER
        si = np.zeros((n_st, N_SI), dtype=np.int64)
        si[:, [S_LAST, S_SEEN, S_FUTURE, S_JUMPED, S_SIGN, S_SAME, S_SAME_SEEN, S_NEW]] = NEVER
        si[:, S_OTHER] = -1
        return cls(
            ci=ci,
            cf=np.zeros((n_ch, N_CF)),
            ring=np.zeros((n_ch, WINDOW), dtype=np.int64),
            si=si,
            sf=np.zeros((n_st, N_SF)),
            mark=np.zeros(places, dtype=np.int64),
            mark_station=np.full(places, -1, dtype=np.int64),
            mark_ns=np.full(places, NEVER, dtype=np.int64),
        )


def pack(arrays: dict[str, npt.NDArray[np.generic]]) -> dict[str, bytes]:
    """Arrays as bytes."""
    return {name: array.tobytes() for name, array in arrays.items()}


def unpack(data: dict[str, bytes], arrays: dict[str, npt.NDArray[np.generic]]) -> None:
    """Fill arrays with what `pack` made. Raises InvariantError when it is of another network."""
    for name, array in arrays.items():
        held = data.get(name, b"")
        if len(held) != array.nbytes:
            raise InvariantError(f"the snapshot of the health stage was made with other stations ({name})")
        array[...] = np.frombuffer(held, array.dtype).reshape(array.shape)
