"""Waveforms taken back out of an input journal, for record sections and reviews."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import numpy.typing as npt

from seiswarn.blocks import packets_of
from seiswarn.messages import Slice, decode
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
    dtypes = {"i4": "<i4", "f4": "<f4", "f8": "<f8"}
    found: Waveforms = {}
    for _, payload in records:
        message = decode(payload)
        if not isinstance(message, Slice):
            continue
        for packet in [p for block in message.blocks for p in packets_of(block)]:
            if channels is not None and packet.channel not in channels:
                continue
            if not packet.rate_hz > 0.0 or packet.t0_ns >= t1_ns:  # NaN is refused too
                continue
            if packet.t0_ns + sample_offset_ns(packet.n_samples, packet.rate_hz) <= t0_ns:
                continue
            counts = np.frombuffer(packet.samples, dtype=dtypes[packet.dtype], count=packet.n_samples)
            found.setdefault(packet.channel, []).append((packet.t0_ns, packet.rate_hz, counts))
    return {channel: sorted(found[channel], key=lambda piece: piece[0]) for channel in sorted(found)}
