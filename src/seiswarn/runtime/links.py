"""Both ends of the link from an ingest to the core, without sockets.

Go-back-N: the core takes frame after frame in order, says how far its journal has come, and what
it wants next; the ingest keeps what is not journaled yet and goes back when asked. Why not
PUSH/PULL: `docs/decisions/004-ingest-link.md`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from seiswarn.runtime.frames import Ack, Frame

MAX_FLIGHT = 512  # frames sent and not journaled yet; what a crash makes us send again


class Outgoing:
    """The ingest's end: a bounded ring of frames not known to be journaled.

    Parameters
    ----------
    max_items
        how many packets and errors the ring holds. A recorded source waits while it is `full`; a
        live one pushes on, and the oldest frames are dropped and counted in `dropped`.
    """

    def __init__(self, max_items: int) -> None:
        self._max_items = max_items
        self._ring: deque[tuple[Frame, int]] = deque()  # with its weight
        self._held = 0
        self._next = 1  # the next frame to send
        self._incarnation = ""
        self.done = 0
        self.finished = False
        self.dropped = 0
        self.resent = 0

    @property
    def greeted(self) -> bool:
        """Whether a core has answered: frames up to `done` are not needed any more."""
        return bool(self._incarnation)

    @property
    def full(self) -> bool:
        return self._held >= self._max_items or len(self._ring) >= max(MAX_FLIGHT, self._max_items)

    @property
    def oldest(self) -> int:
        """Number of the first frame still here."""
        return self._ring[0][0].seq if self._ring else self.done + 1

    @property
    def idle(self) -> bool:
        """Nothing but ticks is waiting for an acknowledgement."""
        return not self._held

    def push(self, frame: Frame) -> None:
        """Keep a frame until it is journaled; drop the oldest when there is no room."""
        if frame.seq <= self.done:
            return
        while self._ring and self.full:
            gone, weight = self._ring.popleft()
            self._held -= weight
            self.dropped += weight
            self._next = max(self._next, gone.seq + 1)
        weight = frame.weight
        self._ring.append((frame, weight))
        self._held += weight

    def due(self) -> Iterator[Frame]:
        """Frames to send now, in order. A frame counts as sent once the next one is asked for."""
        while self._ring and self._next < self.oldest + min(len(self._ring), MAX_FLIGHT):
            self._next = max(self._next, self.oldest)
            yield self._ring[self._next - self.oldest][0]
            self._next += 1

    def take(self, ack: Ack) -> None:
        """Forget what is journaled; go back when asked, or when the core is a new one."""
        back = ack.nack or ack.incarnation != self._incarnation
        self._incarnation = ack.incarnation
        self.done = max(self.done, ack.done)
        self.finished = self.finished or ack.finished
        while self._ring and self.oldest <= self.done:
            self._held -= self._ring.popleft()[1]
        if back and ack.want < self._next:
            self.resent += self._next - ack.want
            self._next = ack.want
        self._next = max(self._next, self.oldest)


class Incoming:
    """The core's end for one source: what to do with a frame.

    Parameters
    ----------
    last
        the last frame known from the journal.
    """

    def __init__(self, last: int = 0) -> None:
        self.last = last
        self.repeated = 0
        self._nacked = -1

    def accept(self, seq: int, oldest: int) -> int | None:
        """Frames lost before `seq` (0: none) when it is to be taken; None when it is not."""
        if seq == self.last + 1 or (seq == oldest and seq > self.last):
            lost = seq - self.last - 1
            self.last = seq
            self._nacked = -1
            return lost
        self.repeated += seq <= self.last
        return None

    def objects(self, seq: int) -> bool:
        """Whether a frame that was not taken calls for a nack: once per number wanted."""
        if seq <= self.last or self._nacked == self.last:
            return False
        self._nacked = self.last
        return True

    def patience_over(self) -> None:
        """Allow another nack: the last one, or what followed, may be lost."""
        self._nacked = -1
