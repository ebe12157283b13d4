"""The same station from two sources: who brings a sample first is listened to.

A network is often reached twice, by a second server or another link. Only what is newer than all
that came of a channel is let through; the rest is counted per source. A source that falls behind or
fails is made up for by the other without a gap.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from seiswarn.blocks import take
from seiswarn.messages import PacketBlock

# A sample of two sources may differ by rounding of its time: records of miniSEED 2 keep 0.1 ms.
SLOP_NS = 200_000
LATE_NS = 3_600_000_000_000  # a channel whose time falls back by more has had its clock set: it begins anew


class Freshest:
    """Lets through of each channel what no other source has brought before.

    What one and the same source repeats is left to the waveform stage, which knows gaps and overlaps.

    Attributes
    ----------
    dropped
        packets per source that another had brought before.
    """

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        self._ends: dict[str, int] = {}  # by channel: end of the newest packet let through
        self._by: dict[str, str] = {}  # by channel: the source that brought it

    def newer(self, source: str, block: PacketBlock) -> PacketBlock | None:
        """What of a block is new; the block itself when all is, None when nothing."""
        n = len(block.channels)
        t0 = np.frombuffer(block.t0_ns, "<i8")
        rate = np.frombuffer(block.rate_hz, "<f8")
        count = np.frombuffer(block.n_samples, "<i4")
        if not len(t0) == len(rate) == len(count) == n:
            return block  # the doorkeeper refuses it
        with np.errstate(divide="ignore", invalid="ignore"):
            length = np.where(rate > 0.0, count / rate * 1e9, 0.0)
        ends: list[int] = (t0 + np.nan_to_num(length, posinf=0.0).astype(np.int64)).tolist()
        keep: npt.NDArray[np.bool_] = np.ones(n, dtype=np.bool_)
        for k, (channel, end) in enumerate(zip(block.channels, ends, strict=True)):
            known = self._ends.get(channel, 0)
            old = end <= known + SLOP_NS
            if old and known - end < LATE_NS and self._by.get(channel) != source:
                keep[k] = False
                continue
            if not old:
                self._ends[channel], self._by[channel] = end, source
        gone = n - int(keep.sum())
        if not gone:
            return block
        self.dropped[source] += gone
        return take(block, np.flatnonzero(keep)) if gone < n else None
