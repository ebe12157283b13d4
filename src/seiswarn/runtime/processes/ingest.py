"""An ingest process: plays one recorded source to the core at its own pace, or receives a live one."""

from __future__ import annotations

from collections.abc import Iterator

import zmq

from seiswarn.bus import Link, connect
from seiswarn.errors import BusError
from seiswarn.runtime import clock
from seiswarn.runtime.frames import Frame, cut_frames, hello, pack, unpack_ack
from seiswarn.runtime.links import Outgoing
from seiswarn.runtime.processes.base import LifeSign, StopRequest
from seiswarn.runtime.sources import open_feed
from seiswarn.runtime.spec import LIVE_KINDS, ProcessSpec
from seiswarn.timebase import MS, NS

IDLE_S = 0.2
HELLO_AFTER_S = 0.5  # without an acknowledgement
LEAVE_AFTER_S = 3.0  # told to stop, for the acknowledgements of what is on its way


class Player:
    """Sends the frames of a feed when data time has reached their end.

    The clock starts when the core has answered for the first time, at the first frame it does not
    have yet: a player that was killed goes on where the journal stands.
    """

    def __init__(self, spec: ProcessSpec, life: LifeSign) -> None:
        source = spec.sources[0]
        self._life = life
        self._speed = source.speed
        feed = open_feed(source, spec.config, spec.status)
        self._frames: Iterator[Frame] = cut_frames(
            feed.errors, feed.stream, feed.start_ns, spec.config.runtime.slice_ms * MS
        )
        self._next: Frame | None = next(self._frames)
        self._clock: clock.DataClock | None = None
        self._out = Outgoing(spec.config.runtime.queue_packets)
        self._sent = 0
        self._heard_s = 0.0
        self._socket = _dealer(spec.endpoints.input, source.name)
        self._now_ns = feed.start_ns

    def run(self, stop: StopRequest) -> None:
        """Play to the end, or until told to stop; what has been sent is waited for in either case."""
        leave_s: float | None = None
        while not self._out.finished:
            if stop and leave_s is None:
                self._next = None
                leave_s = clock.monotonic_s() + LEAVE_AFTER_S
            if leave_s is not None and (self._out.idle or clock.monotonic_s() > leave_s):
                return
            self._listen(self._wait_s())
            self._release()
            self._send()
            state = "ready" if self._clock is not None or leave_s is not None else "waiting"
            self._life.give("ended" if self._next is None else state, self._data_ns(), self._counters)
        self._life.give("finished", self._data_ns(), self._counters)

    def _wait_s(self) -> float:
        """How long nothing will be due."""
        if self._clock is None or self._next is None or self._out.full:
            return IDLE_S
        if not self._speed:
            return 0.0
        ahead_s = (self._next.tick.t_seen_ns - self._clock.now_ns()) / NS / self._speed
        return min(IDLE_S, max(0.0, ahead_s))

    def _listen(self, timeout_s: float) -> None:
        """Take acknowledgements; ask for one when none came for a while."""
        # Rounding a wait up costs half a millisecond; rounding it down would spin.
        if self._socket.poll(-(-round(timeout_s * 1e6) // 1000)):
            while True:
                try:
                    self._out.take(unpack_ack(self._socket.recv(zmq.NOBLOCK)))
                    self._heard_s = clock.monotonic_s()
                except zmq.Again:
                    break
                except BusError:
                    continue  # not ours; the next acknowledgement says the same
        if clock.monotonic_s() - self._heard_s > HELLO_AFTER_S:
            self._heard_s = clock.monotonic_s()
            self._post(hello())

    def _release(self) -> None:
        """Move the frames whose time has come into the ring."""
        if not self._out.greeted or self._next is None:
            return
        if self._clock is None:
            while self._next is not None and self._next.seq <= self._out.done:
                self._next = next(self._frames, None)
            if self._next is None:
                return
            self._clock = clock.DataClock(self._next.tick.t_seen_ns, self._speed or 1.0)
        while self._next is not None and not self._out.full:
            if self._speed and self._next.tick.t_seen_ns > self._clock.now_ns():
                return
            self._now_ns = self._next.tick.t_seen_ns
            self._out.push(self._next.opened())
            self._next = next(self._frames, None)

    def _send(self) -> None:
        for frame in self._out.due():
            if not self._post(pack(frame, self._out.oldest)):
                return
            self._sent += 1

    def _post(self, parts: list[bytes]) -> bool:
        try:
            self._socket.send_multipart(parts, zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def _data_ns(self) -> int:
        return self._clock.now_ns() if self._clock is not None and self._speed else self._now_ns

    def _counters(self) -> dict[str, float]:
        return {
            "sent": float(self._sent),
            "resent": float(self._out.resent),
            "dropped": float(self._out.dropped),
            "acknowledged": float(self._out.done),
        }

    def close(self) -> None:
        self._socket.close()


def _dealer(endpoint: str, identity: str) -> zmq.Socket[bytes]:
    return connect(
        zmq.DEALER, endpoint, None, Link(send_hwm=1000, receive_hwm=1000, linger_ms=0), identity=identity
    )


def main(spec: ProcessSpec, stop: StopRequest, life: LifeSign) -> int:
    """Play or receive the source of this process."""
    if spec.sources[0].kind in LIVE_KINDS:
        from seiswarn.runtime.live_sources import receive

        return receive(spec, stop, life)
    player = Player(spec, life)
    try:
        player.run(stop)
    finally:
        player.close()
    return 0
