"""``python -m seiswarn.runtime.shard ENDPOINT PARENT``: the kernels over a part of the stations.

Answers one request after another (see `shards`) until told to end or its parent has gone.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence

import numpy as np
import zmq

from seiswarn.bus import Link, connect
from seiswarn.errors import SeiswarnError
from seiswarn.runtime.processes.base import insist_on_parent
from seiswarn.runtime.shard_link import chunks, join, pack_rows, unpack_part, work_of
from seiswarn.waveform import filters
from seiswarn.waveform.engine import LocalEngine, Part, concerned, network
from seiswarn.waveform.rows import check_room

LOOK_MS = 1000  # for the parent


class Shard:
    """The state of some stations and the answers about it."""

    def __init__(self, setup: bytes) -> None:
        self._params, self._table, declared, self._channels, self._stations = unpack_part(setup)
        self._engine = LocalEngine(self._params, self._table, declared)
        self._arrays = network(self._table)

    def answer(self, kind: bytes, frames: Sequence[bytes]) -> list[bytes]:
        """What a request is answered with."""
        if kind == b"process":
            slots, rates, coef = work_of(frames, filters.N_SECTIONS)
            verticals, stations = concerned(slots.channel, self._arrays)
            rows = self._engine.process(slots, verticals, stations, rates, coef)
            check_room(rows)
            return [b"rows", *pack_rows(rows, len(slots.channel), self._channels, self._stations)]
        if kind == b"warm":
            self._engine.warm_picker()
            self._engine.warm_rest()
            return [b"ready"]
        if kind == b"snapshot":
            (part,) = self._engine.snapshot()
            return [b"state", *chunks(part.arrays)]
        if kind == b"restore":
            mine = [np.arange(len(own)).tobytes() for own in (self._channels, self._stations)]
            self._engine.restore([Part(mine[0], mine[1], join(frames))])
            return [b"restored"]
        raise SeiswarnError(f"a shard cannot answer {kind!r}")


def serve(endpoint: str, parent_pid: int) -> None:
    """Answer until told to end. Raises SeiswarnError when the parent is gone."""
    # Not told to die with the parent: that would be with the thread that started us, and a reload's ends.
    insist_on_parent(parent_pid)
    # Whoever stops the whole service stops the parent, which still needs our state for a snapshot.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    socket = connect(zmq.PAIR, endpoint, None, Link(send_hwm=64, receive_hwm=64, linger_ms=0))
    shard: Shard | None = None
    try:
        socket.send(b"here")
        while True:
            while not socket.poll(LOOK_MS):
                insist_on_parent(parent_pid)
            kind, *frames = socket.recv_multipart()
            if kind == b"end":
                return
            if kind == b"setup":
                shard = Shard(frames[0])
            elif shard is not None:
                socket.send_multipart(shard.answer(kind, frames))
    finally:
        socket.close()


def main() -> int:
    """Exit code: 0 ended as told, 1 anything else."""
    try:
        serve(sys.argv[1], int(sys.argv[2]))
    except SeiswarnError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
