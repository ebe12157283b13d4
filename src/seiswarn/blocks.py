"""Packets of many channels as columns: how samples travel in bulk, from the door to the kernels.

A `PacketBlock` is what a frame, a slice and the journal hold. Nothing on the way of a sample
makes a Python object per packet; `Packet` itself is for sources and tests that think of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seiswarn.messages import Packet, PacketBlock, SampleType, Status

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]

DTYPES: dict[SampleType, str] = {"i4": "<i4", "f4": "<f4", "f8": "<f8"}
# As objects: numpy takes longer to understand the name of a type than to look at a column.
_SAMPLES = {name: np.dtype(form) for name, form in DTYPES.items()}
_TIME, _RATE, _COUNT = np.dtype("<i8"), np.dtype("<f8"), np.dtype("<i4")


class Columns(NamedTuple):
    """The columns of a block as arrays, views on its bytes (read only).

    `offsets` (n + 1,) are sample indices: packet k is ``samples[offsets[k]:offsets[k + 1]]``.
    """

    t0_ns: I64
    t_seen_ns: I64
    rate_hz: F64
    n_samples: I32
    offsets: I64
    samples: npt.NDArray[np.generic]


def columns(block: PacketBlock) -> Columns:
    """The columns of a block.

    Raises
    ------
    ValueError
        When the columns are not of one length or do not add up to the samples.
    """
    n = len(block.channels)
    t0 = np.frombuffer(block.t0_ns, _TIME)
    seen = np.frombuffer(block.t_seen_ns, _TIME)
    rate = np.frombuffer(block.rate_hz, _RATE)
    count = np.frombuffer(block.n_samples, _COUNT)
    samples = np.frombuffer(block.samples, _SAMPLES[block.dtype])
    if not len(t0) == len(seen) == len(rate) == len(count) == n:
        raise ValueError(f"columns of a block of {n} packets differ in length")
    offsets = np.empty(n + 1, dtype=np.int64)
    offsets[0] = 0
    np.add.accumulate(count, out=offsets[1:])
    if n and (int(np.minimum.reduce(count)) < 0 or offsets[-1] != len(samples)):
        raise ValueError(f"a block of {len(samples)} samples says it holds {offsets[-1]}")
    return Columns(t0, seen, rate, count, offsets, samples)


def make_block(
    channels: Sequence[str],
    t0_ns: I64,
    t_seen_ns: I64,
    rate_hz: F64,
    n_samples: npt.NDArray[np.integer],
    samples: bytes,
    dtype: SampleType = "i4",
    status: Status = "actual",
) -> PacketBlock:
    """A block out of arrays; `samples` are the little-endian counts of all packets end to end."""
    return PacketBlock(
        channels=tuple(channels),
        t0_ns=t0_ns.astype("<i8").tobytes(),
        t_seen_ns=t_seen_ns.astype("<i8").tobytes(),
        rate_hz=rate_hz.astype("<f8").tobytes(),
        n_samples=n_samples.astype("<i4").tobytes(),
        samples=samples,
        dtype=dtype,
        status=status,
    )


def blocks_of(packets: Iterable[Packet]) -> tuple[PacketBlock, ...]:
    """Packets as blocks, one per run of equal sample type and status, in their order."""
    out: list[PacketBlock] = []
    run: list[Packet] = []
    for p in packets:
        if run and (p.dtype, p.status) != (run[0].dtype, run[0].status):
            out.append(_join(run))
            run = []
        run.append(p)
    if run:
        out.append(_join(run))
    return tuple(out)


def _join(run: Sequence[Packet]) -> PacketBlock:
    return make_block(
        [p.channel for p in run],
        np.array([p.t0_ns for p in run], dtype=np.int64),
        np.array([p.t_seen_ns for p in run], dtype=np.int64),
        np.array([p.rate_hz for p in run], dtype=np.float64),
        np.array([p.n_samples for p in run], dtype=np.int32),
        b"".join([p.samples for p in run]),
        run[0].dtype,
        run[0].status,
    )


def packets_of(block: PacketBlock) -> list[Packet]:
    """The packets of a block one by one, for what is not in a hurry."""
    c = columns(block)
    data, width = block.samples, c.samples.itemsize
    edges = (c.offsets * width).tolist()
    rows = zip(block.channels, c.t0_ns.tolist(), c.t_seen_ns.tolist(), c.rate_hz.tolist(), strict=True)
    return [
        Packet(
            channel=channel,
            t0_ns=t0,
            rate_hz=rate,
            samples=data[edges[k] : edges[k + 1]],
            dtype=block.dtype,
            t_seen_ns=seen,
            status=block.status,
        )
        for k, (channel, t0, seen, rate) in enumerate(rows)
    ]


def take(block: PacketBlock, rows: I64) -> PacketBlock:
    """The packets `rows` (rising indices) of a block as a block of their own."""
    if len(rows) == len(block.channels):
        return block
    c = columns(block)
    data, width = block.samples, c.samples.itemsize
    edges = (c.offsets * width).tolist()
    picked = rows.tolist()
    return make_block(
        [block.channels[k] for k in picked],
        c.t0_ns[rows],
        c.t_seen_ns[rows],
        c.rate_hz[rows],
        c.n_samples[rows],
        b"".join([data[edges[k] : edges[k + 1]] for k in picked]),
        block.dtype,
        block.status,
    )
