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
from seiswarn.messages import DataError, Packet, Tick
from seiswarn.runtime.slicer import TICK_NS

Item = Packet | DataError


class Frame(msgspec.Struct, frozen=True):
    """`items` seen up to `tick.t_seen_ns`; `seq` counts from 1 within a source."""

    seq: int
    items: tuple[Item, ...]
    tick: Tick


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
_items = msgspec.msgpack.Decoder(list[Packet | DataError | Tick])
_ack = msgspec.msgpack.Decoder(Ack)


def cut_frames(
    errors: Sequence[DataError], packets: Iterable[Packet], start_ns: int, step_ns: int
) -> Iterator[Frame]:
    """The frames of a recorded feed, the last one twice: with the last data, and once more alone.

    A core that crashed after it had journaled the last data asks for the frame after them; the
    second one tells it that this was the end.

    Parameters
    ----------
    errors
        what opening the source had to decline, said at `start_ns`.
    packets
        in the order of their `t_seen_ns`.
    step_ns
        length of a slice.
    """
    seq = 0
    end = _slice_end(start_ns, step_ns)
    waiting: list[Item] = list(errors)
    for packet in packets:
        due = _slice_end(packet.t_seen_ns, step_ns)
        if due > end and (waiting or seq):
            seq += 1
            yield Frame(seq, tuple(waiting), Tick(t_seen_ns=end))
            for quiet in range(end + TICK_NS, due, TICK_NS):
                seq += 1
                yield Frame(seq, (), Tick(t_seen_ns=quiet))
            waiting = []
        end = max(end, due)
        waiting.append(packet)
    last = Tick(t_seen_ns=end, last=True)
    yield Frame(seq + 1, tuple(waiting), last)
    yield Frame(seq + 2, (), last)


def _slice_end(t_ns: int, step_ns: int) -> int:
    return -(-t_ns // step_ns) * step_ns


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
