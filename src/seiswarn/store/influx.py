"""Measurements to InfluxDB, without losing any when the server is away.

A thread of its own sends batches. New points wait in a bounded queue in memory; what cannot be sent
goes to the spool on disk, and so does everything that comes while the server is away. When it is
back, the spool is sent oldest first, in turn with what is new. A point counts as kept only when it
is written by the server, on disk in the spool, or in the file of points that no server would take;
`kept` says up to which journal record that is so, and a process that was killed goes on there.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from seiswarn.errors import StoreError
from seiswarn.store.influx_http import Answer, Target, Verdict
from seiswarn.store.influx_spool import Spool
from seiswarn.store.series_params import Influx

CLOSE_WITHIN_S = 3.0
SAY_EVERY_S = 60.0
# A batch with many bad lines is cut in two again and again; then what is left is put aside as it is.
MAX_CUTS = 64
RETRY_SPOOL_S = 30.0  # a spool folder that could not be used
log = logging.getLogger(__name__)


class _Waiting(NamedTuple):
    text: bytes
    n_lines: int
    mark: int  # every record up to this one is in here or before


class Writer:
    """Sends lines to a server, in a thread.

    Parameters
    ----------
    make
        makes the way to the server; called in the thread.
    spool_folder
        where batches wait on disk.
    now_s
        a monotonic clock.

    Attributes
    ----------
    trouble
        what is wrong with the server now, in words; empty when nothing is.
    spool_trouble
        why there is no spool; empty when there is one.
    """

    def __init__(
        self, params: Influx, make: Callable[[], Target], spool_folder: Path, now_s: Callable[[], float]
    ) -> None:
        self._params, self._make, self._now_s = params, make, now_s
        self._spool_folder = spool_folder
        self._wake = threading.Condition()
        self._queue: deque[_Waiting] = deque()
        self._queued = 0
        self._closing_s = 0.0  # when to stop trying; 0: not closing
        self._kept = 0
        self._max_lines = params.batch_lines
        self._pause_s = 0.0  # grows with failures
        self._again_s = 0.0  # when to try again; 0: the server is there
        self._said: dict[str, float] = {}
        self.trouble = self.spool_trouble = ""
        self.sent = self.failures = self.rejected = self.dropped = 0
        self._spool: Spool | None = None
        self._spool_again_s = 0.0
        self._open_spool()
        self._thread = threading.Thread(target=self._run, name="influx", daemon=True)
        self._thread.start()

    # --- the side of the process -----------------------------------------------------------

    def put(self, lines: Sequence[str], mark: int) -> None:
        """Take lines; `mark` is the journal record they and all before them reach to. Never waits."""
        size = self._params.batch_lines
        with self._wake:
            for at in range(0, len(lines), size):
                piece = lines[at : at + size]
                last = at + size >= len(lines)
                text = ("\n".join(piece) + "\n").encode()
                self._queue.append(_Waiting(text, len(piece), mark if last else 0))
                self._queued += len(piece)
            if not lines:
                self._queue.append(_Waiting(b"", 0, mark))
            self._wake.notify()

    @property
    def kept(self) -> int:
        """The last journal record whose points, and those of all before, outlive this process."""
        return self._kept

    def has_room(self) -> bool:
        """Whether whoever follows a journal may go on; without a spool always, and points are lost."""
        return self._queued < self._params.queue_points or bool(self.spool_trouble)

    def counters(self) -> dict[str, float]:
        spool = self._spool
        return {
            "influx_up": 0.0 if self.trouble else 1.0,
            "influx_sent": float(self.sent),
            "influx_queue": float(self._queued),
            "influx_failures": float(self.failures),
            "influx_rejected": float(self.rejected),
            "influx_dropped": float(self.dropped + (spool.dropped + spool.damaged if spool else 0)),
            "influx_spool_points": float(spool.n_lines if spool else 0),
            "influx_spool_bytes": float(spool.n_bytes if spool else 0),
            "influx_spool_ok": float(spool is not None),
        }

    def close(self, within_s: float = CLOSE_WITHIN_S) -> int:
        """Send or spool what is left, within a few seconds; returns the points that are neither."""
        with self._wake:
            self._closing_s = self._now_s() + within_s
            self._wake.notify()
        # A request under way may take its whole time; the batch it holds is still first in the queue.
        self._thread.join(within_s + 2.0)
        left = self._queued
        if self._thread.is_alive():
            left = self._rescue()
        elif self._spool is not None:
            self._spool.close()
        return left

    # --- the side of the thread ------------------------------------------------------------

    def _run(self) -> None:
        target = self._make()
        try:
            while self._turn(target):
                pass
        finally:
            target.close()

    def _turn(self, target: Target) -> bool:
        """Send or spool one batch of each kind, or wait for something to do; False at the end."""
        with self._wake:
            if not self._queue and not self._due():
                if self._closing_s:
                    return False
                self._wake.wait(self._wait_s())
        if self._closing_s and self._now_s() >= self._closing_s:
            self._spool_all()
            return False
        if self._again_s and self._now_s() < self._again_s:
            self._spool_all()
            if self._closing_s:
                return False
            if self._queue:
                with self._wake:
                    self._wake.wait(min(0.2, self._wait_s()))
            return True
        if self._queued >= self._params.queue_points and self._spool is not None:
            self._spool_all()  # a server that is too slow
        if not self._resend(target) and self._again_s > self._now_s():
            return True
        new = self._peek()
        if new is not None and self._deliver(target, new.text, new.n_lines):
            self._pop()
        return True

    def _due(self) -> bool:
        """Whether there is something in the spool to be sent now."""
        waits = self._spool is not None and self._spool.n_lines > 0
        return waits and not (self._again_s and self._now_s() < self._again_s) and not self._closing_s

    def _wait_s(self) -> float:
        return max(0.01, min(0.5, self._again_s - self._now_s())) if self._again_s else 0.5

    def _peek(self) -> _Waiting | None:
        """The oldest batches in memory, together as much as one request takes; they stay in the queue."""
        with self._wake:
            if not self._queue:
                return None
            text, n_lines, count = [], 0, 0
            mark = 0
            for waiting in self._queue:
                if count and n_lines + waiting.n_lines > self._max_lines:
                    break
                text.append(waiting.text)
                n_lines, count, mark = n_lines + waiting.n_lines, count + 1, max(mark, waiting.mark)
            self._taken = count
            return _Waiting(b"".join(text), n_lines, mark)

    def _pop(self) -> None:
        """What `_peek` gave is kept elsewhere now."""
        with self._wake:
            for _ in range(self._taken):
                gone = self._queue.popleft()
                self._queued -= gone.n_lines
                self._kept = max(self._kept, gone.mark)

    def _resend(self, target: Target) -> bool:
        """Send the oldest batch of the spool; whether there was one and it is done."""
        spool = self._spool
        batch = spool.first() if spool is not None and not self._closing_s else None
        if spool is None or batch is None or not self._deliver(target, batch.text, batch.n_lines):
            return False
        spool.done()
        return True

    def _deliver(self, target: Target, text: bytes, n_lines: int) -> bool:
        """Send lines, in pieces where that is needed; False when the server cannot take them now."""
        if n_lines == 0:
            return True
        pieces, cuts = _pieces(text, n_lines, self._max_lines)[::-1], 0
        while pieces:
            piece = pieces.pop()
            answer = target.send(piece)
            if answer.verdict is Verdict.WRITTEN:
                self.sent += piece.count(b"\n")
                self._server_is_there()
                continue
            if answer.verdict in (Verdict.LATER, Verdict.REFUSED):
                self._server_is_away(answer)
                return False  # what of it is written already will be written again, which changes nothing
            self._server_is_there()
            count = piece.count(b"\n")
            if answer.verdict is Verdict.TOO_LARGE:
                self._max_lines = max(1, min(self._max_lines, count // 2))
            cuts += 1
            if count > 1 and (answer.verdict is Verdict.TOO_LARGE or cuts <= MAX_CUTS):
                pieces += _pieces(piece, count, (count + 1) // 2)[::-1]
            else:
                self._put_aside(piece, count, answer)
        return True

    def _server_is_there(self) -> None:
        if self.trouble:
            self._say("back", f"{self._params.url} takes measurements again")
            self._said.clear()
        self.trouble, self._again_s, self._pause_s = "", 0.0, 0.0

    def _server_is_away(self, answer: Answer) -> None:
        p = self._params
        self.failures += 1
        self._pause_s = min(p.retry_max_s, 2.0 * self._pause_s if self._pause_s else p.retry_s)
        refused = answer.verdict is Verdict.REFUSED
        pause_s = p.refused_retry_s if refused else max(answer.pause_s, self._pause_s)
        self._again_s = self._now_s() + pause_s
        self.trouble = answer.sentence or "no answer"
        self._say(self.trouble, f"{p.url} does not take measurements: {self.trouble}; they wait in the spool")

    def _put_aside(self, piece: bytes, count: int, answer: Answer) -> None:
        self.rejected += count
        text = piece.decode(errors="replace")
        written = self._spool is not None and self._spool.reject(f"# {answer.sentence}\n{text}")
        where = f"see rejected.txt in {self._spool_folder}" if written else "they are lost"
        self._say("rejected", f"{count} points are refused for good ({answer.sentence}); {where}")

    # --- the spool -------------------------------------------------------------------------

    def _open_spool(self) -> None:
        try:
            self._spool = Spool(self._spool_folder, self._params.spool_mb << 20)
            self.spool_trouble = ""
        except StoreError as error:
            self.spool_trouble = str(error)
            self._spool_again_s = self._now_s() + RETRY_SPOOL_S
            self._say("spool", f"{error}: measurements wait in memory alone, and are lost when that is full")

    def _spool_all(self) -> None:
        """Everything in memory to the disk; without one the oldest goes when the memory is full."""
        if self._spool is None and self._now_s() >= self._spool_again_s:
            self._open_spool()
        while (waiting := self._peek()) is not None:
            if not self._spooled(waiting):
                break
            self._pop()
        self._drop_what_is_too_much()

    def _spooled(self, waiting: _Waiting) -> bool:
        if not waiting.n_lines:
            return True
        spool = self._spool
        if spool is None:
            return False
        before = spool.dropped
        try:
            spool.append(waiting.text, waiting.n_lines)
        except StoreError as error:
            self._say("spool", f"{error}: measurements wait in memory alone, and are lost when that is full")
            self.spool_trouble = str(error)
            return False
        finally:
            if spool.dropped > before:
                self._say(
                    "full", f"the spool is full: the {spool.dropped - before} oldest points are dropped"
                )
        self.spool_trouble = ""
        return True

    def _drop_what_is_too_much(self) -> None:
        lost = 0
        with self._wake:
            while self._queued > self._params.queue_points and len(self._queue) > 1:
                gone = self._queue.popleft()
                self._queued -= gone.n_lines
                lost += gone.n_lines
                self._kept = max(self._kept, gone.mark)
        if lost:
            self.dropped += lost
            self._say("memory", f"no spool and no memory left: {lost} points are dropped")

    def _rescue(self) -> int:
        """The thread hangs in a request: what the queue holds goes to the spool from here."""
        if self._spool is None:
            return self._queued
        with self._wake:
            waiting = list(self._queue)
        left = 0
        for one in waiting:
            left += 0 if self._spooled(one) else one.n_lines
            if left == 0:
                self._kept = max(self._kept, one.mark)
        return left

    def _say(self, subject: str, text: str) -> None:
        """Log, the same not again within a minute."""
        now = self._now_s()
        if now - self._said.get(subject, -SAY_EVERY_S) >= SAY_EVERY_S:
            self._said[subject] = now
            log.warning("%s", text)


def _pieces(text: bytes, n_lines: int, at_most: int) -> list[bytes]:
    """Lines in pieces of no more than `at_most`."""
    if n_lines <= at_most:
        return [text]
    lines = text.splitlines(keepends=True)
    return [b"".join(lines[k : k + at_most]) for k in range(0, len(lines), at_most)]
