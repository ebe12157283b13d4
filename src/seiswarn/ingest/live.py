"""What every live source is: records as they come, from outside, day and night.

A live source yields whole miniSEED records, whatever its own format: the core, the archive and a
replay then see the same bytes. It runs in threads of an ingest process of its own, never raises
because of a network or what comes from it, and says in its `links` how each of its servers does.
It knows no clock but the one it is given.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple, Protocol

from seiswarn.messages import LinkState
from seiswarn.reasons import Reason

MAX_BYTES = 64 << 20  # of records that wait in a process: a minute of a nation's stations
KEPT_REFUSALS = 1000


class Clock(Protocol):
    """The clocks of the process that a source runs in."""

    def now_ns(self) -> int:
        """Time to stamp what is received with, ns UTC; never goes back."""
        ...

    def monotonic_s(self) -> float:
        """Seconds on a clock that nobody sets."""
        ...

    def sleep(self, seconds: float) -> None: ...


class Received(NamedTuple):
    """One record as it came.

    Attributes
    ----------
    payload
        miniSEED, one record.
    t_seen_ns
        when it was received.
    stream, seq
        what the server calls the station, and its number there; 0: the server numbers nothing.
    old
        too old to be of use for a warning: for the archive alone.
    """

    payload: bytes
    t_seen_ns: int
    stream: str = ""
    seq: int = 0
    old: bool = False


class Refused(NamedTuple):
    """Something that came and is no record."""

    t_seen_ns: int
    subject: str
    reason: Reason
    detail: str


class LiveSource(Protocol):
    """Anything live data come from."""

    NAME: ClassVar[str]
    NEEDS: ClassVar[str]
    VALID: ClassVar[str]
    REFERENCE: ClassVar[str]
    VERIFIED: ClassVar[bool]

    def start(self) -> None:
        """Begin to receive, in threads."""
        ...

    def take(self) -> tuple[list[Received], list[Refused]]:
        """What has come since the last call. Never waits."""
        ...

    def safe(self, marks: Mapping[str, int]) -> None:
        """Records up to these numbers, by stream, are journaled: they need not be sent again."""
        ...

    def links(self) -> Sequence[LinkState]:
        """How each server or door does."""
        ...

    @property
    def ended(self) -> bool:
        """Nothing will ever follow (the end of standard input)."""
        ...

    def close(self) -> None:
        """Stop receiving; waits for its threads for a moment at most."""
        ...


class Inbox:
    """Records on their way from the threads of a source to the process, bounded in bytes."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._room = threading.Event()
        self._room.set()
        self._records: deque[Received] = deque()
        self._refused: deque[Refused] = deque(maxlen=KEPT_REFUSALS)
        self._bytes = 0
        self.dropped = 0

    def put(self, record: Received) -> None:
        """Add a record; the oldest go and are counted when there is no room."""
        with self._lock:
            self._records.append(record)
            self._bytes += len(record.payload)
            while self._bytes > self._max_bytes and len(self._records) > 1:
                self._bytes -= len(self._records.popleft().payload)
                self.dropped += 1
            if 2 * self._bytes > self._max_bytes:
                self._room.clear()

    def refuse(self, refused: Refused) -> None:
        """Note something that is no record; the last `KEPT_REFUSALS` are kept until `take`."""
        with self._lock:
            self._refused.append(refused)

    def wait_for_room(self, timeout_s: float) -> bool:
        """Whether there is room; for a source whose server can wait, so that nothing is dropped."""
        return self._room.wait(timeout_s)

    @property
    def empty(self) -> bool:
        """Whether no record waits."""
        with self._lock:
            return not self._records

    def take(self) -> tuple[list[Received], list[Refused]]:
        """Everything that waits."""
        with self._lock:
            records, refused = list(self._records), list(self._refused)
            self._records.clear()
            self._refused.clear()
            self._bytes = 0
            self._room.set()
        return records, refused
