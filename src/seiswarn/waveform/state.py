"""The state of all channels and stations as arrays, one row each; columns have names.

Everything a kernel carries from packet to packet lives here and nowhere else, so that a
snapshot is a copy of these arrays.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seiswarn.errors import InvariantError
from seiswarn.stations import StationTable

F64 = npt.NDArray[np.float64]
F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]

# Columns of ChannelState.f (float64).
BASE, LAST, PREV_V, STA, LTA, TP_X, TP_D, PW_PA, PW_PV, PW_PD, PW_U2, PW_V2, PW_TP = range(13)
N_F = 13
# Columns of ChannelState.i (int64).
SEEN, RATE, SEG_T0, SEG_K0, N, TRIG, TRIG_N, PENDING, PW_ON, PW_START, PW_NEXT, PW_T0, CLIP_N = range(13)
N_I = 13
# Filter memories of one channel: which section runs in which slot is fixed in kernels.py.
N_Z = 14
# Rows of the ring of a vertical: band-passed, acceleration, velocity, displacement.
R_PICK, R_ACC, R_VEL, R_DISP = range(4)
# Rows of the motion ring of a channel: GB/T acceleration and velocity, JMA acceleration, displacement.
M_ACC, M_VEL, M_JMA, M_DISP = range(4)
# Columns of StationState.i and .f.
V_K, V_N, V_CLIP, V_RATE = range(4)
S_PGA2, S_PGV2, S_PGD2 = range(3)

TRAIL_S = 10  # real-time intensity looks back over this many whole seconds
DEFAULT_RATE_HZ = 100.0
UNDECLARED_RATE_HZ = 250.0
PIECE_S = 5.0  # longer packets are worked off in pieces, so that the rings hold what is not combined yet


def _pow2(n: float) -> int:
    return 1 << max(4, int(np.ceil(np.log2(n))))


class WaveformState:
    """Arrays for `n_ch` channels and `n_st` stations, sized for rates up to `max_rate_hz`."""

    ARRAYS = ("f", "i", "z", "zring", "mring", "si", "sf", "trail", "top", "top_n")

    def __init__(self, table: StationTable, max_rate_hz: float, ring_s: float, wait_s: float) -> None:
        declared = table.ch_rate_hz[table.ch_rate_hz > 0]
        fastest = float(declared.max()) if len(declared) else DEFAULT_RATE_HZ
        # Metadata that give no rate must not shut out a channel: room for what is usual.
        if not np.all(table.ch_rate_hz > 0):
            fastest = max(fastest, UNDECLARED_RATE_HZ)
        self.max_rate_hz = min(max_rate_hz, max(fastest, DEFAULT_RATE_HZ))
        n_ch, n_st = table.n_channels, table.n_stations
        self.f: F64 = np.zeros((n_ch, N_F))
        self.i: I64 = np.zeros((n_ch, N_I), dtype=np.int64)
        self.z: F64 = np.zeros((n_ch, N_Z, 2))
        self.zring: F64 = np.zeros((n_st, 4, _pow2(ring_s * self.max_rate_hz)))
        self.mring: F32 = np.zeros((n_ch, 4, _pow2((wait_s + PIECE_S) * self.max_rate_hz)), dtype=np.float32)
        self.si: I64 = np.zeros((n_st, 4), dtype=np.int64)
        self.sf: F64 = np.zeros((n_st, 3))
        self.trail: F64 = np.zeros((n_st, 2, TRAIL_S))  # PGA and PGV of the last whole seconds
        k = int(0.3 * self.max_rate_hz) + 1
        self.top: F64 = np.zeros((n_st, TRAIL_S, k))  # largest JMA accelerations of each second, falling
        self.top_n: I64 = np.zeros((n_st, 2), dtype=np.int64)  # row in use, seconds filled

    def snapshot(self) -> dict[str, bytes]:
        return {name: getattr(self, name).tobytes() for name in self.ARRAYS}

    def restore(self, data: dict[str, bytes]) -> None:
        for name in self.ARRAYS:
            mine = getattr(self, name)
            theirs = np.frombuffer(data[name], dtype=mine.dtype)
            if theirs.size != mine.size:
                raise InvariantError(
                    f"snapshot of {name} is for other stations ({theirs.size} != {mine.size})"
                )
            mine[...] = theirs.reshape(mine.shape)
