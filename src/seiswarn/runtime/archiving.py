"""The thread of an ingest process that keeps records as received.

Nothing here can hold up a warning: the receiver hands records over and goes on. When they come
faster than the disk takes them, or it takes none, they wait in a bounded queue; what finds no room
there is dropped, counted and said loudly. When there is room again, recording goes on by itself.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seiswarn.ingest.headers import spans
from seiswarn.ingest.live import Received
from seiswarn.reasons import Reason
from seiswarn.runtime import clock
from seiswarn.store.sds import SdsArchive
from seiswarn.store.sds_params import Params
from seiswarn.store.sds_prune import GB, free_bytes, oldest_name, prune
from seiswarn.timebase import NS

FOLDER = "sds"  # in the run folder, where the configuration names none
TURN_S = 1.0  # records of a turn go to their files together
LOOK_S = 600.0  # between looks for days that may go
LOOK_WHEN_FULL_S = 30.0
AT_ONCE_BYTES = 8 << 20  # written in one turn, so that a stop is heard soon
CLOSE_WITHIN_S = 4.0  # less than the supervisor allows a source, beside what the core may take
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def archive_folder(params: Params, folder: Path) -> Path:
    """Where the archive of a run lies."""
    return Path(params.path) if params.path else folder / FOLDER


class Archiving:
    """Keeps the records it is handed, in a thread of its own, from `start` to `close`."""

    def __init__(self, root: Path, params: Params, now_ns: Callable[[], int], turn_s: float = TURN_S) -> None:
        self.root, self._params, self._now_ns, self._turn_s = root, params, now_ns, turn_s
        self._archive = SdsArchive(root, sums_of=_sums)
        self._max_bytes = round(params.queue_mb * 1e6)
        self._lock = threading.Lock()
        self._queue: list[bytes] = []
        self._bytes = 0  # of the queue and of what the thread has in hand
        self._dropped = 0
        self._refusing = False
        self._trouble: tuple[Reason, str] | None = None
        self._pruned_files = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="archive", daemon=True)

    def start(self) -> None:
        self._thread.start()

    # --- for the receiver ------------------------------------------------------------------------

    def keep(self, records: Sequence[Received]) -> None:
        """Take records over; never waits."""
        if not records:
            return
        with self._lock:
            self._refusing = False
            for record in records:
                size = len(record.payload)
                if self._bytes + size > self._max_bytes:
                    self._dropped += 1
                    self._refusing = True
                    continue
                self._queue.append(record.payload)
                self._bytes += size

    def troubles(self) -> tuple[tuple[Reason, str], ...]:
        """What goes wrong now: names and sentences."""
        found = [self._trouble] if self._trouble is not None else []
        if self._refusing:
            told = f"{self._dropped} records were dropped: {self._params.queue_mb:g} MB wait for the disk"
            found.append((Reason.BUFFER_FULL, told))
        return tuple(found)

    def counters(self) -> dict[str, float]:
        counts = self._archive.counts
        return {
            "archive_records": float(counts.written),
            "archive_bytes": float(counts.written_bytes),
            "archive_duplicates": float(counts.duplicates),
            "archive_unreadable": float(counts.unreadable),
            "archive_torn": float(counts.torn_files),
            "archive_dropped": float(self._dropped),
            "archive_waiting_bytes": float(self._bytes),
            "archive_files_removed": float(self._pruned_files),
        }

    def close(self) -> None:
        """Write what waits, force it onto the disk and end the thread, for a few seconds at most."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_WITHIN_S)

    # --- the thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        next_sync = clock.monotonic_s() + self._params.fsync_s
        next_look = 0.0
        left: list[bytes] = []
        while True:
            stopping = self._stop.wait(0.0 if self._backlog(left) else self._turn_s)
            full = self._trouble is not None and self._trouble[0] is Reason.DISK_FULL
            now = clock.monotonic_s()
            if now >= next_look and not stopping:
                self._look()
                next_look = now + (LOOK_WHEN_FULL_S if full else LOOK_S)
            left = self._turn(left)
            if now >= next_sync or stopping:
                self._guarded(self._archive.sync)
                next_sync = now + self._params.fsync_s
            if stopping and (self._trouble is not None or not (left or self._queue)):
                self._archive.close()
                return

    def _backlog(self, left: list[bytes]) -> bool:
        """Whether more waits than one turn writes, and writing works."""
        return self._trouble is None and (bool(left) or self._bytes > AT_ONCE_BYTES)

    def _turn(self, left: list[bytes]) -> list[bytes]:
        """Write some of what waits; what is left over is tried first in the next turn."""
        taken, size = left, sum(map(len, left))
        with self._lock:
            n = 0
            while n < len(self._queue) and size < AT_ONCE_BYTES:
                size += len(self._queue[n])
                n += 1
            taken = taken + self._queue[:n]
            del self._queue[:n]
        short = self._short_of_space()
        if short:
            self._trouble = (Reason.DISK_FULL, short)
            return taken
        remaining, error = self._archive.write(taken) if taken else ([], None)
        with self._lock:
            self._bytes -= size - sum(map(len, remaining))
        if taken or self._trouble is not None:
            self._trouble = None if error is None else _named(self.root, error)
        return remaining

    def _short_of_space(self) -> str:
        """A sentence when so little space is left that recording has to stop; empty otherwise."""
        try:
            free = free_bytes(self.root)
        except OSError:
            return ""  # writing will tell
        if free >= self._params.min_free_gb * GB:
            return ""
        least = self._params.min_free_gb
        return f"{self.root}: {free / GB:.2f} GB are free, archive.min_free_gb is {least:g}: nothing is kept"

    def _look(self) -> None:
        now_ns = self._now_ns()
        if not now_ns:
            return

        def looked() -> None:
            self._pruned_files += prune(self.root, self._params, now_ns).files
            self._archive.forget(oldest_name(self._params, now_ns))

        self._guarded(looked)

    def _guarded(self, what: Callable[[], None]) -> None:
        try:
            what()
        except OSError as error:
            self._trouble = _named(self.root, error)


def _sums(data: bytes) -> npt.NDArray[np.int64]:
    """As `seiswarn.store.sds.sums`, by columns: a tenth of the time."""
    found = spans(memoryview(data))
    n_samples = np.rint((found.last_ns - found.first_ns) * found.rate_hz / NS).astype(np.int64) + 1
    return found.first_ns + n_samples


def _named(root: Path, error: OSError) -> tuple[Reason, str]:
    """An error of the disk as a reason and a sentence."""
    what = error.strerror or str(error)
    if error.errno in _FULL:
        return Reason.DISK_FULL, f"{root}: {what}: records wait, then they are dropped"
    where = error.filename or root
    return Reason.ARCHIVE_FAILED, f"{where}: {what}: records wait, then they are dropped"
