"""STA/LTA alone, recursive, for many channels at once: for triggers without the rest of the stage.

The recursion and its start are those of obspy, bit for bit, so that both trigger at the same
samples. The stage's own picker (`detect`) averages alike but weighs its first samples equally.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from seiswarn.jit import inner, kernel
from seiswarn.waveform.state import F64, I64

NAME = "sta_lta"
REFERENCE = "Withers et al. (1998), BSSA 88, 95-106, p. 98; obspy.signal.trigger.recursive_sta_lta"
VERIFIED = True  # tests/waveform/test_sta_lta.py: obspy

LANES = 16  # channels in a block
CHUNK = 64  # samples in a block
ENERGY, STA, LTA = range(3)  # rows of a block; each begins with the sample before the block
PACKET, AT, CHANNEL = range(3)  # rows of the lane table
SEEN, TRIGGERED, BUSY = range(3)  # columns of a channel
C_STA, C_LTA, C_ON, C_OFF, C_WARM = range(5)  # settings: two weights, two ratios, samples before a ratio
_NEARLY = 1.0 - 1e-12  # a product may round otherwise than the division that decides

_u = np.uint64


@inner
def _average(x: F64, y: F64, weight: float, lanes: int, n: int) -> None:
    """Row `y` becomes weight x + (1 - weight) y, in obspy's order of operations."""
    one, rest = _u(lanes), 1.0 - weight
    for i in range(_u(0), _u(n * lanes)):
        y[i + one] = weight * x[i + one] + rest * y[i]


@inner
def _reached(sta: F64, lta: F64, ratio: float, lanes: int, n: int) -> int:
    """How many samples may have reached `ratio`."""
    one, least = _u(lanes), ratio * _NEARLY
    count = 0
    for i in range(_u(0), _u(n * lanes)):
        count += 1 if sta[i + one] >= least * lta[i + one] else 0
    return count


@inner
def _scan(m: int, n: int, ch: int, work: F64, state: I64, settings: F64, edges: I64, found: int) -> int:
    """The edges of one lane, sample by sample; returns their number so far."""
    first, triggered = state[ch, SEEN], state[ch, TRIGGERED]
    for t in range(n):
        i = (t + 1) * LANES + m
        ratio = work[STA, i] / work[LTA, i] if first + t >= settings[C_WARM] else 0.0
        if triggered == 0 and ratio >= settings[C_ON]:
            triggered = 1
            edges[found, 0], edges[found, 1], edges[found, 2] = ch, first + t, 1
            found += 1
        elif triggered == 1 and not ratio >= settings[C_OFF]:
            triggered = 0
            edges[found, 0], edges[found, 1], edges[found, 2] = ch, first + t - 1, 0
            found += 1
    state[ch, TRIGGERED] = triggered
    return found


@inner
def _fill(
    lane: I64, following: int, channels: I64, offsets: I64, samples: Any, work: F64, state: I64, averages: F64
) -> tuple[int, int]:
    """Give idle lanes the next packets, load a block; returns (next packet, samples of the block)."""
    n = 0
    for m in range(LANES):
        # A channel's next packet waits until the one before it is worked off.
        if lane[PACKET, m] < 0 and following < channels.size and state[channels[following], BUSY] == 0:
            ch = channels[following]
            lane[PACKET, m], lane[AT, m], lane[CHANNEL, m] = following, offsets[following], ch
            work[STA, m], work[LTA, m] = averages[ch, 0], averages[ch, 1]
            state[ch, BUSY] = 1
            following += 1
        if lane[PACKET, m] >= 0:
            left = offsets[lane[PACKET, m] + 1] - lane[AT, m]
            n = min(n, left) if n > 0 else min(int(CHUNK), left)
    for m in range(LANES):
        i = LANES + m
        if lane[PACKET, m] < 0:
            for _ in range(n):
                work[ENERGY, i] = 0.0
                i += LANES
            continue
        begin = lane[AT, m]
        for k in range(begin, begin + n):
            x = float(samples[k])
            work[ENERGY, i] = x * x
            i += LANES
        if state[lane[CHANNEL, m], SEEN] == 0:
            work[ENERGY, LANES + m] = 0.0  # obspy begins with the second sample
    return following, n


@kernel
def sta_lta(
    channels: I64, offsets: I64, samples: Any, state: I64, averages: F64, settings: F64, lane: I64, work: F64,
    edges: I64,
) -> int:  # fmt: skip
    """Run packets through the averages; returns how many `edges` (n, 3) of triggers were written.

    Packet p holds samples[offsets[p]:offsets[p + 1]] of channel channels[p], none of them empty.
    """
    lane[PACKET, :] = -1
    work[:, :LANES] = 0.0
    following, found = 0, 0
    while True:
        following, n = _fill(lane, following, channels, offsets, samples, work, state, averages)
        if n == 0:
            return found
        _average(work[ENERGY], work[STA], settings[C_STA], LANES, n)
        _average(work[ENERGY], work[LTA], settings[C_LTA], LANES, n)
        some = _reached(work[STA], work[LTA], settings[C_ON], LANES, n) > 0
        for m in range(LANES):
            if lane[PACKET, m] < 0:
                continue
            ch = lane[CHANNEL, m]
            if some or state[ch, TRIGGERED] == 1:
                found = _scan(m, n, ch, work, state, settings, edges, found)
            state[ch, SEEN] += n
            lane[AT, m] += n
            last = n * LANES + m
            work[STA, m], work[LTA, m] = work[STA, last], work[LTA, last]
            if lane[AT, m] == offsets[lane[PACKET, m] + 1]:
                averages[ch, 0], averages[ch, 1] = work[STA, m], work[LTA, m]
                work[STA, m], work[LTA, m] = 0.0, 0.0
                lane[PACKET, m], state[ch, BUSY] = -1, 0


class StaLta:
    """Triggers of `n_channels` channels, from packets of any length in any order of channels.

    Parameters
    ----------
    nsta, nlta
        samples of the short and the long average.
    on, off
        ratios at which a trigger begins and below which it ends; off not above on.

    Raises
    ------
    ValueError
        When the lengths or the ratios do not go together.
    """

    def __init__(self, n_channels: int, nsta: int, nlta: int, on: float, off: float) -> None:
        if not 0 < nsta <= nlta or not 0.0 < off <= on:
            raise ValueError(f"no STA/LTA of {nsta} and {nlta} samples from {on} to {off}")
        self._settings: F64 = np.array([1.0 / nsta, 1.0 / nlta, on, off, nlta])
        self._state: I64 = np.zeros((n_channels, 3), dtype=np.int64)
        self._averages: F64 = np.zeros((n_channels, 2))
        self._lane: I64 = np.zeros((3, LANES), dtype=np.int64)
        self._work: F64 = np.zeros((3, (CHUNK + 1) * LANES))
        self._edges: I64 = np.zeros((0, 3), dtype=np.int64)

    def feed(self, channels: I64, offsets: I64, samples: npt.NDArray[Any]) -> I64:
        """Work off packets; what began or ended is returned.

        Parameters
        ----------
        channels
            (n,) channel of each packet; the packets of one channel follow each other in time.
        offsets
            (n + 1,) packet p holds samples[offsets[p]:offsets[p + 1]].
        samples
            counts of all packets end to end, any type.

        Returns
        -------
        I64
            (k, 3) rows (channel, sample, 1) where a trigger begins, (channel, sample, 0) with the last
            sample of one that has ended; samples count from the channel's first.

        Raises
        ------
        ValueError
            When the columns do not go together or a channel is none of ours.
        """
        n = len(channels)
        if n == 0:
            return self._edges[:0]
        if len(offsets) != n + 1 or offsets[0] < 0 or offsets[-1] > len(samples):
            raise ValueError(f"{n} packets in {len(samples)} samples do not match their offsets")
        lengths = np.diff(offsets)
        if lengths.min() < 0 or channels.min() < 0 or channels.max() >= len(self._state):
            raise ValueError("a packet of negative length, or of an unknown channel")
        if lengths.min() == 0:
            kept = np.flatnonzero(lengths)
            samples = np.concatenate([samples[offsets[k] : offsets[k + 1]] for k in kept] or [samples[:0]])
            channels, offsets = channels[kept], np.concatenate(([0], np.cumsum(lengths[kept])))
        most = int(lengths.sum()) + n
        if len(self._edges) < most:
            self._edges = np.zeros((most, 3), dtype=np.int64)
        found = sta_lta(
            channels, offsets, samples, self._state, self._averages, self._settings, self._lane, self._work,
            self._edges,
        )  # fmt: skip
        return self._edges[:found].copy()

    def open(self) -> I64:
        """(k, 3) rows (channel, last sample, 0) of the triggers that have not ended."""
        channels = np.flatnonzero(self._state[:, TRIGGERED])
        return np.column_stack((channels, self._state[channels, SEEN] - 1, np.zeros_like(channels)))
