"""The state of all channels and stations as arrays, one row each; columns have names.

Everything a kernel carries from packet to packet lives here and nowhere else, so that a
snapshot is a copy of these arrays.

Samples are numbered twice: `n` counts from the start of a stretch without gaps; `k` is the
number since 1970 at the sampling rate, so that components of a station line up.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seiswarn.errors import InvariantError
from seiswarn.stations import StationTable

F64 = npt.NDArray[np.float64]
F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]

# --- channels: what came (intake) -----------------------------------------------------------
# SEG_T0, SEG_K0: time and k of the first sample of the stretch; N: samples received; READY: samples that
# may be worked on (fewer while a jump is looked at); OLD_K0, OLD_END: the stretch before, as k.
# SUS_N: first sample of the jump looked at, -1; CALM_N: no jump is looked at before this n.
# WORKED: READY when the kernels behind have last run.
# CLIP_FROM, CLIP_K: k of the first and last clipped sample of an episode; CLIP_OLD: last of the one before.
# RUN: equal values in a row; MOVED_N: n at which a trace that did not move last began to.
(
    SEEN, RATE, SEG_T0, SEG_K0, N, READY, OLD_K0, OLD_END, SUS_N, CALM_N, CLIP_FROM, CLIP_K, CLIP_OLD,
    RUN, MOVED_N, WORKED,
) = range(16)  # fmt: skip
N_CI = 16
NEVER = -(1 << 62)
# LAST: the last value (counts, steps taken out); SHIFT: steps taken out; LEVEL: mean absolute difference
# of neighbours; DIFF: sum of those of the block under way.
LAST, SHIFT, LEVEL, DIFF = range(4)
N_CF = 4

# --- channels: vectors ----------------------------------------------------------------------
# M_NEXT: k that follows what the traces hold, which began at M_FROM in the stretch that began at M_SEG;
# M_N: samples behind the baseline.
M_NEXT, M_SEG, M_FROM, M_RATE, M_N, Q_COUNT, Q_SPIKES, Q_CLIPPED, Q_FLAT, Q_FLAGS = range(10)
N_MI = 10
# Of the second: squares of acceleration and of the picking band; of the quality interval: squares of
# acceleration, least mean square of a second in the picking band, last baseline in counts.
S_ACC2, S_BAND2, Q_ACC2, Q_QUIET2, Q_LEVEL = range(5)
N_MF = 5
# Per channel and second, on a ring of EVENT_S seconds: what intake has met there.
E_FLAGS, E_SPIKES, E_CLIPPED, E_FLAT = range(4)
EVENT_S = 64

# --- verticals: detection and P window ------------------------------------------------------
# DONE: n of the next sample to look at in the stretch that began at P_SEG; BASE_N: samples behind the
# baseline; BASE_K: k of the last of them; WARM_N: n from which noise has been averaged;
# PW_AT: n of the next sample of the P window.
(
    P_SEG, P_RATE, DONE, WARM_N, BASE_N, BASE_K, TRIG, TRIG_N, PENDING, PW_ON, PW_START, PW_NEXT, PW_T0,
    PW_SIGN, PW_CROSS, PW_AT,
) = range(16)  # fmt: skip
N_PI = 16
TP_X, TP_D, PW_PA, PW_PV, PW_PD, PW_U2, PW_V2, PW_TP = range(8)
N_PF = 8
# Rows of the ring of a vertical: band-passed, acceleration, velocity, displacement.
R_PICK, R_ACC, R_VEL, R_DISP = range(4)

# --- stations -------------------------------------------------------------------------------
# V_K: k of the last sample combined; V_SEC: the second under way; V_MASK: components in it.
V_K, V_RATE, V_SEC, V_MASK = range(4)
N_SI = 4
S_PGA2, S_PGV2, S_PGD2, S_GA2, S_GV2, S_A2, S_ABS, S_WA, S_PM2 = range(9)
N_SF = 9

# --- stations: looking for S ------------------------------------------------------------------
# SI_P: k of the P onset; SI_NEXT: k of the next sample; SI_SIZE, SI_BINS, SI_IN: samples of a bin, full bins,
# samples in the one under way; SI_TRIG: k of the trigger, -1; SI_REACH: samples to look back; SI_ON: 1 while
# looking; SI_REST: no new search for a P onset before this k; SI_T0, SI_SNR: the P onset in ns, its ratio
# in thousandths. P onsets not yet met: how many, then each with onset k, k when known, ns, ratio.
(
    SI_ON,
    SI_P,
    SI_NEXT,
    SI_SIZE,
    SI_BINS,
    SI_IN,
    SI_TRIG,
    SI_REACH,
    SI_REST,
    SI_T0,
    SI_SNR,
    SI_QUEUED,
    SI_QUEUE,
) = range(13)
S_QUEUE = 4
N_SSI = SI_QUEUE + 4 * S_QUEUE
# Noise before P, ratio at the trigger, bin under way, then sums to the end of each bin.
SF_NOISE_H, SF_NOISE_Z, SF_SNR, SF_BIN_H, SF_BIN_Z, SF_H = range(6)
S_BINS = 64
SF_Z = SF_H + S_BINS + 1
N_SSF = SF_Z + S_BINS + 1

JMA_TOTAL_S = 0.3  # the level exceeded this long in total is JMA's measure
TRAIL_S = 10  # real-time intensity looks back over this many whole seconds
DEFAULT_RATE_HZ = 100.0
UNDECLARED_RATE_HZ = 250.0
SLOWEST_RATE_HZ = 20.0  # an undeclared slower rate may fill the ring with more seconds
PIECE_S = 2.0  # longer packets are worked off in pieces, so that the ring holds what is not combined yet


def _pow2(n: float) -> int:
    return 1 << max(4, int(np.ceil(np.log2(n))))


def fastest_hz(declared_hz: F64, most_hz: float) -> float:
    """The highest rate to make room for, given the declared ones (0: not declared), at most `most_hz`."""
    declared = declared_hz[declared_hz > 0]
    fastest = float(declared.max()) if len(declared) else DEFAULT_RATE_HZ
    # Metadata that give no rate must not shut out a channel: room for what is usual.
    if len(declared) < len(declared_hz):
        fastest = max(fastest, UNDECLARED_RATE_HZ)
    return min(most_hz, max(fastest, DEFAULT_RATE_HZ))


class Channels(NamedTuple):
    """What came, per channel."""

    ci: I64
    cf: F64
    ring: F64
    events: I64


class Traces(NamedTuple):
    """What the vectors carry, per channel."""

    mi: I64
    mf: F64
    mtail: F64


class Verticals(NamedTuple):
    """What the picker carries, per station."""

    pi: I64
    pf: F64
    ptail: F64
    zring: F32


class Stations(NamedTuple):
    """Seconds under way and the last ten, per station."""

    si: I64
    sf: F64
    trail: F64
    jsec: F32
    jtop: F32


class Search(NamedTuple):
    """Looking for S, per station."""

    ssi: I64
    ssf: F64
    sring: F32


_GROUPS = (Channels, Traces, Verticals, Stations, Search)
ARRAYS = tuple(name for group in _GROUPS for name in group._fields)
CHANNEL_ARRAYS = frozenset(Channels._fields + Traces._fields)  # the others: per station


def _touched(shape: int | tuple[int, ...], dtype: npt.DTypeLike = np.float64) -> npt.NDArray[Any]:
    """Zeros in memory that is there: a gigabyte first touched by the first slice stalls that for 2 s."""
    out = np.empty(shape, dtype=dtype)
    out.fill(0)
    return out


class WaveformState:
    """Arrays for the channels and stations of `table`, sized for rates up to `max_rate_hz`.

    `declared_hz` are the declared rates of the whole network, of which `table` may be a part.
    """

    def __init__(
        self, table: StationTable, declared_hz: F64, max_rate_hz: float, ring_s: float, s_ring_s: float,
        wait_s: float, n_ptr: int, n_mtr: int,
    ) -> None:  # fmt: skip
        self.max_rate_hz = max_rate_hz
        declared = declared_hz[declared_hz > 0]
        n_ch, n_st, rate = table.n_channels, table.n_stations, self.max_rate_hz
        self.ci: I64 = _touched((n_ch, N_CI), dtype=np.int64)
        self.cf: F64 = _touched((n_ch, N_CF))
        self.ring: F64 = _touched((n_ch, int((wait_s + 2 * PIECE_S) * rate) + 1))
        slowest = min(float(declared.min()) if len(declared) else rate, rate)
        self.seconds_held = int(self.ring.shape[1] / min(slowest, SLOWEST_RATE_HZ)) + 3
        self.events: I64 = _touched((n_ch, EVENT_S, 4), dtype=np.int64)
        self.mi: I64 = _touched((n_ch, N_MI), dtype=np.int64)
        self.mf: F64 = _touched((n_ch, N_MF))
        self.mtail: F64 = _touched((n_ch, n_mtr, 2))
        self.pi: I64 = _touched((n_st, N_PI), dtype=np.int64)
        self.pf: F64 = _touched((n_st, N_PF))
        self.ptail: F64 = _touched((n_st, n_ptr, 2))
        self.zring: F32 = _touched((n_st, 4, _pow2(ring_s * rate)), dtype=np.float32)
        self.si: I64 = _touched((n_st, N_SI), dtype=np.int64)
        self.sf: F64 = _touched((n_st, N_SF))
        self.trail: F64 = _touched((n_st, 4, TRAIL_S))  # PGA, PGV and both in the GB/T band, by second
        # JMA: squared filtered accelerations of the second under way; the largest of the last ones.
        self.jsec: F32 = _touched((n_st, 1, int(np.ceil(rate))), dtype=np.float32)
        self.jtop: F32 = _touched((n_st, TRAIL_S, max(1, int(JMA_TOTAL_S * rate))), dtype=np.float32)
        self.ssi: I64 = _touched((n_st, N_SSI), dtype=np.int64)
        self.ssf: F64 = _touched((n_st, N_SSF))
        self.sring: F32 = _touched((n_st, 3, int(s_ring_s * rate)), dtype=np.float32)
        self.ci[:, CLIP_FROM : CLIP_OLD + 1] = NEVER
        # Small groups: numba takes long to compile functions that are handed many arrays at once.
        self.channels = Channels(self.ci, self.cf, self.ring, self.events)
        self.traces = Traces(self.mi, self.mf, self.mtail)
        self.verticals = Verticals(self.pi, self.pf, self.ptail, self.zring)
        self.stations = Stations(self.si, self.sf, self.trail, self.jsec, self.jtop)
        self.search = Search(self.ssi, self.ssf, self.sring)

    def snapshot(self) -> dict[str, bytes]:
        return {name: getattr(self, name).tobytes() for name in ARRAYS}

    def restore(self, data: dict[str, bytes]) -> None:
        for name in ARRAYS:
            mine = getattr(self, name)
            theirs = np.frombuffer(data[name], dtype=mine.dtype)
            if theirs.size != mine.size:
                raise InvariantError(
                    f"snapshot of {name} is for other stations ({theirs.size} != {mine.size})"
                )
            mine[...] = theirs.reshape(mine.shape)
