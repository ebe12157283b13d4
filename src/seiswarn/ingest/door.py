"""What the small live sources have in common: an inbox, counters, one thread and what they say of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Literal

from seiswarn.ingest.live import Clock, Inbox, Received, Refused
from seiswarn.messages import LinkState
from seiswarn.reasons import Reason

State = Literal["connected", "connecting", "silent", "refused", "listening"]
ROOM_S = 0.2  # between two looks whether to stop, while there is no room


class Door:
    """The part of a live source that does not depend on what comes in.

    Parameters
    ----------
    name
        of the link, as an operator sees it.
    silent_s
        without data for this long the link is called silent; 0: never.
    """

    def __init__(self, name: str, clock: Clock, *, silent_s: float = 0.0) -> None:
        self.name, self.clock = name, clock
        self.stopping = threading.Event()
        self.inbox = Inbox()
        self._silent_s = silent_s
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._state: State = "connecting"
        self._detail = ""
        self._since_ns = clock.now_ns()
        self._heard_s = clock.monotonic_s()
        self._thread: threading.Thread | None = None

    def start(self, run: Callable[[], None]) -> None:
        """Run a function in a thread until `stopping` is set."""
        self._thread = threading.Thread(target=run, name=self.name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Tell the thread to stop, and wait for it a moment."""
        self.stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=1.0)

    def say(self, state: State, detail: str = "") -> None:
        """Note how the link does; the time counts from when the state changed."""
        with self._lock:
            if state != self._state:
                self._since_ns = self.clock.now_ns()
                self._heard_s = self.clock.monotonic_s()
            self._state, self._detail = state, detail

    def count(self, name: str, n: float = 1) -> None:
        with self._lock:
            self._counts[name] += n  # type: ignore[assignment]

    def put(self, payloads: Iterable[bytes], *, stream: str = "", seq: int = 0, old: bool = False) -> None:
        """Hand over records that have just come."""
        now = self.clock.now_ns()
        n = 0
        for payload in payloads:
            self.inbox.put(Received(payload, now, stream, seq, old))
            n += 1
        with self._lock:
            self._counts["records"] += n
            self._heard_s = self.clock.monotonic_s()

    def refuse(self, subject: str, reason: Reason, detail: str) -> None:
        """Note something that is no record."""
        self.inbox.refuse(Refused(self.clock.now_ns(), subject, reason, detail))
        self.count("refused")

    def wait_for_room(self) -> bool:
        """Wait until the process has taken what came before; False when told to stop."""
        while not self.inbox.wait_for_room(ROOM_S):
            if self.stopping.is_set():
                return False
        return not self.stopping.is_set()

    def link(self, quiet: tuple[str, ...] = ()) -> LinkState:
        now = self.clock.monotonic_s()
        with self._lock:
            works = self._state in ("connected", "listening")
            silent = works and 0.0 < self._silent_s < now - self._heard_s
            counts = {name: float(n) for name, n in self._counts.items()}
            state, detail, since = self._state, self._detail, self._since_ns
        if self.inbox.dropped:
            counts["dropped"] = float(self.inbox.dropped)
        return LinkState(
            name=self.name,
            state="silent" if silent else state,
            since_ns=since,
            detail=detail,
            counters=counts,
            quiet=quiet,
        )
