"""What the waveform stage says of a storm, kept in files, so that the stages behind it can run again alone.

One file holds a quarter of an hour of slices. The measures of motions are kept as 32-bit floats, and every
run takes them from there, so that a first run and one from the cache are the same.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import numpy as np
from storm_data import Storm

from seiswarn.ingest.base import Doorkeeper
from seiswarn.messages import AnyMessage, ChannelQuality, Motions, Slice
from seiswarn.runtime.slicer import Slicer, seen_span
from seiswarn.timebase import MS, NS
from seiswarn.waveform.stage import WaveformStage

STEP_NS = 20 * MS
FILE_NS = 900 * NS
MADE_BY = ("storm_network.py", "storm_waves.py", "storm_faults.py", "storm_data.py")
_FLOATS = tuple(
    name
    for name in Motions.__struct_fields__
    if name.endswith(("_mps2", "_mps", "_m")) or name.startswith("intensity_")
)


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """Motions as columns; one scalar for what is the same in all rows is left to the compression."""

    motions: Motions  # without its floats
    floats: bytes  # float32, one column after the other


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """One slice after the waveform stage: packets in it, and what was said."""

    t_seen_ns: int
    packets: int
    motions: list[Kept]
    others: list[AnyMessage]


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[list[Piece]] = msgspec.msgpack.Decoder(list[Piece])


def _packed(m: Motions) -> Kept:
    columns = [getattr(m, name) or (0.0,) * len(m.stations) for name in _FLOATS]
    floats = np.array(columns, dtype="<f4")
    return Kept(msgspec.structs.replace(m, **dict.fromkeys(_FLOATS, ())), floats.tobytes())


def unpacked(kept: Kept) -> Motions:
    """The motions again."""
    m = kept.motions
    table = np.frombuffer(kept.floats, "<f4").reshape(len(_FLOATS), -1).tolist()
    return msgspec.structs.replace(m, **{k: tuple(v) for k, v in zip(_FLOATS, table, strict=True)})


def heard(storm: Storm, stage: WaveformStage) -> Iterator[Piece]:
    """The storm through the door, the slicer and the waveform stage, slice by slice."""
    door, slicer, now = Doorkeeper(storm.net.table, "test"), Slicer(STEP_NS, "test"), storm.t0_ns

    def said(part: Slice) -> Piece:
        messages = stage.handle(part.t_seen_ns, [part, *part.errors])
        motions = [_packed(m) for m in messages if isinstance(m, Motions)]
        others = [m for m in messages if not isinstance(m, Motions | ChannelQuality)]
        n = sum(len(block.channels) for block in part.blocks)
        return Piece(part.t_seen_ns, n, motions, [*part.errors, *others])  # type: ignore[list-item]

    for block in storm.blocks():
        first, last = seen_span(block) or (now, now)
        for part in slicer.advance(first - 1):
            yield said(part)
        now = max(now, last)
        admitted, errors = door.admit_block(block, now)
        slicer.add(errors if admitted is None else (admitted, *errors), now)
    for part in slicer.advance(now + 2 * STEP_NS):
        yield said(part)


def name_of(facts: object) -> str:
    """A short name that changes with the facts, and with the code that makes the storm of them."""
    told = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode())
    for name in MADE_BY:
        told.update((Path(__file__).parent / name).read_bytes())
    return told.hexdigest()[:12]


def keep(folder: Path, pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Hand the pieces on and write them to `folder`; "whole" stands there when all are written."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "whole").unlink(missing_ok=True)
    held: list[Piece] = []
    n = 0

    def write() -> None:
        (folder / f"{n:05d}.msgpack.z").write_bytes(zlib.compress(_encoder.encode(held), 1))

    for piece in pieces:
        held.append(piece)
        if piece.t_seen_ns - held[0].t_seen_ns >= FILE_NS:
            write()
            held, n = [], n + 1
        yield piece
    write()
    (folder / "whole").write_text(f"{n + 1} files\n")


def is_whole(folder: Path) -> bool:
    return (folder / "whole").exists()


def read(folder: Path) -> Iterator[Piece]:
    """The pieces kept in a folder."""
    for path in sorted(folder.glob("*.msgpack.z")):
        yield from _decoder.decode(zlib.decompress(path.read_bytes()))
