"""Waveforms taken back out of an input journal, for record sections and reviews."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import numpy.typing as npt

from seiswarn.blocks import columns
from seiswarn.messages import PacketBlock, Slice, decode
from seiswarn.timebase import sample_offset_ns

Waveforms = dict[str, list[tuple[int, float, npt.NDArray[np.generic]]]]


def waveforms(
    records: Iterable[tuple[int, bytes]],
    *,
    t0_ns: int,
    t1_ns: int,
    channels: Collection[str] | None = None,
) -> Waveforms:
    """The packets of an input journal that overlap [`t0_ns`, `t1_ns`), per channel, oldest first.

    Parameters
    ----------
    records
        A `JournalReader`, or its `records(...)`.
    channels
        FDSN source identifiers to keep; None keeps all.

    Returns
    -------
    dict
        Channel, in sorted order, to a list of (t0_ns, rate_hz, counts); each array (n_samples,).
    """
    found: Waveforms = {}
    for _, payload in records:
        message = decode(payload)
        if not isinstance(message, Slice):
            continue
        for block in message.blocks:
            _gather(block, t0_ns, t1_ns, channels, found)
    return {channel: sorted(found[channel], key=lambda piece: piece[0]) for channel in sorted(found)}


def _gather(
    block: PacketBlock, t0_ns: int, t1_ns: int, channels: Collection[str] | None, found: Waveforms
) -> None:
    """Add the packets of a block that overlap the time asked for."""
    c = columns(block)
    for k in np.flatnonzero((c.rate_hz > 0.0) & (c.t0_ns < t1_ns)).tolist():  # NaN is refused too
        channel, t0, rate = block.channels[k], int(c.t0_ns[k]), float(c.rate_hz[k])
        if channels is not None and channel not in channels:
            continue
        if t0 + sample_offset_ns(int(c.n_samples[k]), rate) > t0_ns:
            # A copy, so that the block with all other channels can go.
            counts = c.samples[c.offsets[k] : c.offsets[k + 1]].copy()
            found.setdefault(channel, []).append((t0, rate, counts))
