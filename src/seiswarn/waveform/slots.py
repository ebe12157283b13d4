"""Packets of a slice in the order in which kernels take them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seiswarn.timebase import NS
from seiswarn.waveform.state import F64, I64, PIECE_S
from seiswarn.waveform.tables import Slots


def gather(parts: Sequence[Slots]) -> Slots:
    """All packets of a slice, ordered by channel then time; those with channel -1 are left out."""
    joined = parts[0] if len(parts) == 1 else join(parts)
    channel = joined.channel
    if len(channel) and channel[0] >= 0 and np.all(channel[1:] > channel[:-1]):
        return joined
    order = np.lexsort((joined.t0_ns, channel))
    return _take(joined, order[channel[order] >= 0])


def join(parts: Sequence[Slots]) -> Slots:
    """The packets of several blocks, as they came."""
    shifts = np.cumsum([0] + [len(p.samples) for p in parts[:-1]]).tolist()
    return Slots(
        np.concatenate([p.samples for p in parts]),
        np.concatenate([p.begin + shift for p, shift in zip(parts, shifts, strict=True)]),
        np.concatenate([p.end + shift for p, shift in zip(parts, shifts, strict=True)]),
        np.concatenate([p.channel for p in parts]),
        np.concatenate([p.t0_ns for p in parts]),
        np.concatenate([p.rate_class for p in parts]),
    )


def _take(slots: Slots, rows: I64) -> Slots:
    return Slots(slots.samples, *(column[rows] for column in slots[1:]))


def rounds(slots: Slots, rates: F64) -> list[Slots]:
    """Packets in rounds, so that no channel brings more than 2 * PIECE_S seconds or a gap within one.

    Nearly always one round, the packets themselves. What follows on a gap waits for the next round,
    so that no station is worked off while only a part of its packets has been taken: when it is would
    depend on other stations.
    """
    if not len(slots.channel):
        return []
    number = _stretches(slots, rates)
    if number is None:
        return _pieces(slots, rates)
    each = [_take(slots, np.flatnonzero(number == k)) for k in range(int(number.max()) + 1)]
    return [part for some in each for part in _pieces(some, rates)]


def _stretches(slots: Slots, rates: F64) -> I64 | None:
    """(n,) how many gaps or changes of rate a channel has in this slice before each packet; None: none."""
    same = slots.channel[1:] == slots.channel[:-1]
    if not same.any():
        return None
    rate = rates[slots.rate_class]
    end_ns = slots.t0_ns + np.rint((slots.end - slots.begin) * (NS / rate)).astype(np.int64)
    apart = slots.t0_ns[1:] - end_ns[:-1] > 0.5 * NS / rate[1:]
    breaks = same & (apart | (rate[1:] != rate[:-1]))
    if not breaks.any():
        return None
    total = np.append(0, np.cumsum(breaks))
    number: I64 = total - total[np.searchsorted(slots.channel, slots.channel, side="left")]
    return number


def _pieces(slots: Slots, rates: F64) -> list[Slots]:
    """Packets in rounds of at most 2 * PIECE_S seconds per channel.

    Longer ones are cut; the ring of a channel would not hold them until its station's other
    components have come.
    """
    rate = rates[slots.rate_class]
    seconds = (slots.end - slots.begin) / rate
    starts = np.flatnonzero(np.append(True, slots.channel[1:] != slots.channel[:-1]))
    if np.add.reduceat(seconds, starts).max() <= PIECE_S:
        return [slots]
    step = np.maximum(1, (PIECE_S * rate).astype(np.int64))
    n_pieces = -(-(slots.end - slots.begin) // step)
    owner = np.repeat(np.arange(len(step)), n_pieces)
    first = np.cumsum(n_pieces) - n_pieces
    shift = (np.arange(len(owner)) - first[owner]) * step[owner]
    begin = slots.begin[owner] + shift
    end = np.minimum(begin + step[owner], slots.end[owner])
    pieces = Slots(
        slots.samples,
        begin,
        end,
        slots.channel[owner],
        slots.t0_ns[owner] + np.rint(shift * (NS / rate[owner])).astype(np.int64),
        slots.rate_class[owner],
    )
    before = np.cumsum(end - begin) - (end - begin)
    of_channel = np.searchsorted(pieces.channel, pieces.channel, side="left")
    turn = ((before - before[of_channel]) / (PIECE_S * rate[owner])).astype(np.int64)
    return [_take(pieces, np.flatnonzero(turn == k)) for k in range(int(turn.max()) + 1)]
