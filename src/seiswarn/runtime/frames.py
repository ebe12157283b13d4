"""Frames: what an ingest process sends to the core, one per slice of data.

A frame holds all that was seen within one slice and ends with a tick that promises so. Where
nothing comes, a frame with a tick alone goes out as often as the slicer wants to know. Frames
are numbered from 1 and depend on the feed alone, so that an ingest that starts again makes the
same frames with the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from seiswarn.errors import BusError
from seiswarn.ingest.base import Item, Sealed
from seiswarn.messages import DataError, PacketBlock, Tick
from seiswarn.runtime.slicer import TICK_NS, slice_end, within_slices


class Frame(msgspec.Struct, frozen=True):
    """`items` seen up to `tick.t_seen_ns`; `seq` counts from 1 within a source.

    Nothing `sealed` is in a frame any more when it is sent.
    """

    seq: int
    items: tuple[Item, ...]
    tick: Tick
    sealed: tuple[Sealed, ...] = ()

    @property
    def weight(self) -> int:
        """How many packets and errors are in the frame."""
        return sum(1 if isinstance(item, DataError) else len(item.channels) for item in self.items)

    def opened(self) -> Frame:
        """The frame with what was sealed: it is decoded now."""
        if not self.sealed:
            return self
        found = [item for sealed in self.sealed for item in sealed.open()]
        return Frame(self.seq, (*self.items, *found), self.tick)


class Ack(msgspec.Struct, frozen=True, kw_only=True):
    """The core's answer to a source.

    Attributes
    ----------
    incarnation
        one life of the core: when it changes, everything after `done` is to be sent again.
    done
        last frame that is journaled: the source may forget it.
    want
        the next frame the core takes.
    nack
        something else came: go back to `want`.
    finished
        all sources have ended and everything has been handled.
    """

    incarnation: str
    done: int
    want: int
    nack: bool = False
    finished: bool = False


_encoder = msgspec.msgpack.Encoder()
_items = msgspec.msgpack.Decoder(list[PacketBlock | DataError | Tick])
_ack = msgspec.msgpack.Decoder(Ack)


def cut_frames(
    errors: Sequence[DataError], stream: Iterable[Item | Sealed], start_ns: int, step_ns: int
) -> Iterator[Frame]:
    """The frames of a recorded feed, the last one twice: with the last data, and once more alone.

    A core that crashed after it had journaled the last data asks for the frame after them; the
    second one tells it that this was the end.

    Parameters
    ----------
    errors
        what opening the source had to decline, said at `start_ns`.
    stream
        in the order of their `t_seen_ns`.
    step_ns
        length of a slice.
    """
    seq = 0
    end = slice_end(start_ns, step_ns)
    waiting: list[Item | Sealed] = list(errors)
    for due, part in _parts(stream, step_ns):
        if due > end and (waiting or seq):
            seq += 1
            yield _frame(seq, waiting, Tick(t_seen_ns=end))
            for quiet in range(end + TICK_NS, due, TICK_NS):
                seq += 1
                yield Frame(seq, (), Tick(t_seen_ns=quiet))
            waiting = []
        end = max(end, due)
        waiting.append(part)
    last = Tick(t_seen_ns=end, last=True)
    yield _frame(seq + 1, waiting, last)
    yield Frame(seq + 2, (), last)


def _parts(stream: Iterable[Item | Sealed], step_ns: int) -> Iterator[tuple[int, Item | Sealed]]:
    """What came, no part of it beyond a slice, with the end of the slice."""
    for item in stream:
        if isinstance(item, PacketBlock):
            yield from within_slices(item, step_ns)
        else:
            yield slice_end(item.t_seen_ns, step_ns), item


def _frame(seq: int, parts: Sequence[Item | Sealed], tick: Tick) -> Frame:
    items = tuple(p for p in parts if not isinstance(p, Sealed))
    return Frame(seq, items, tick, tuple(p for p in parts if isinstance(p, Sealed)))


def pack(frame: Frame, oldest: int) -> list[bytes]:
    """A frame as the parts of a ZeroMQ message; `oldest` is the first frame the source still has."""
    payload = _encoder.encode([*frame.items, frame.tick])
    return [frame.seq.to_bytes(8, "little"), oldest.to_bytes(8, "little"), payload]


def hello() -> list[bytes]:
    """A frame that only asks for an acknowledgement."""
    return [bytes(8), bytes(8), b""]


def unpack(parts: Sequence[bytes]) -> tuple[Frame | None, int]:
    """Frame (None for a hello) and oldest number out of the parts. Raises BusError when they are none."""
    if len(parts) != 3 or len(parts[0]) != 8 or len(parts[1]) != 8:
        raise BusError(f"a frame has a number, the oldest number and a payload, not {len(parts)} parts")
    seq, oldest = int.from_bytes(parts[0], "little"), int.from_bytes(parts[1], "little")
    if seq == 0:
        return None, oldest
    try:
        *items, tick = _items.decode(parts[2])
    except (msgspec.MsgspecError, ValueError) as error:
        raise BusError(f"frame {seq} cannot be read: {error}") from error
    if not isinstance(tick, Tick) or any(isinstance(item, Tick) for item in items):
        raise BusError(f"frame {seq} does not end with its one tick")
    return Frame(seq, tuple(i for i in items if not isinstance(i, Tick)), tick), oldest


def pack_ack(ack: Ack) -> bytes:
    """An acknowledgement as one message."""
    return _encoder.encode(ack)


def unpack_ack(payload: bytes) -> Ack:
    """The acknowledgement in a message. Raises BusError when it is none."""
    try:
        return _ack.decode(payload)
    except msgspec.MsgspecError as error:
        raise BusError(f"no acknowledgement: {error}") from error
