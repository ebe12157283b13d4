"""Where points go: the embedded database and the server, each with the journal position it has reached."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from seiswarn.errors import SeiswarnError, StoreError
from seiswarn.publish.sinks.file import write_atomically
from seiswarn.runtime import clock
from seiswarn.store.influx import Writer
from seiswarn.store.influx_http import InfluxServer
from seiswarn.store.influx_lines import Lines
from seiswarn.store.series_params import Params
from seiswarn.store.series_points import Health, Point, SecondColumns
from seiswarn.store.series_sqlite import FILE, Progress, SeriesDatabase

SPOOL_FOLDER = "series-spool"
PROGRESS_FILE = "series-influx.json"
GATHER_S = 1.0  # lines wait this long for others to go with
RETRY_S = 5.0
MAX_MINUTES = 120  # of data that wait in memory while the file cannot be written
MAX_POINTS = 200_000
log = logging.getLogger(__name__)


class Outlet(Protocol):
    """One place where points go. `seq` is the last record it took, for `run_id`."""

    seq: int

    def take(self, seconds: SecondColumns, points: Sequence[Point], seq: int, health: Health) -> None: ...

    def tend(self) -> None: ...

    def counters(self) -> dict[str, float]: ...

    def complaints(self) -> tuple[str, ...]: ...

    def close(self) -> int: ...


def open_outlets(
    params: Params, folder: Path, run_id: str, name: str, status: str
) -> tuple[list[Outlet], Health]:
    """All outlets of a configuration, and what the one that is furthest behind knew of the stations."""
    outlets: list[Outlet] = []
    known: list[tuple[int, Health]] = []
    if params.embedded:
        try:
            kept = Embedded(params, folder, run_id, status)
            outlets.append(kept)
            known.append((kept.seq, kept.health))
        except StoreError as error:
            if not params.sends:
                raise
            log.error("%s: measurements go to the server alone", error)
    if params.sends:
        sent = Sent(params, folder, run_id, {"run": name, "status": status})
        outlets.append(sent)
        known.append((sent.seq, sent.health))
    return outlets, min(known, key=lambda k: k[0])[1] if known else Health()


class Embedded:
    """The embedded database. A file that cannot be written is tried again; the journal has the rest.

    Raises
    ------
    StoreError
        When the file cannot be opened, or has not been writable for too long.
    """

    def __init__(self, params: Params, folder: Path, run_id: str, status: str) -> None:
        self._run_id, self._every_s = run_id, params.flush_s
        self._db = SeriesDatabase(
            folder / FILE,
            status,
            retention_days=params.retention_days,
            max_bytes=params.max_mb << 20,
        )
        before = self._db.progress()
        ours = before.run_id == run_id
        self.seq = before.seq if ours else 0
        self.health = _health(before.memory) if ours else Health()
        self._next_s = clock.monotonic_s() + self._every_s
        self._points = 0
        self._failed = 0
        self._trouble = ""

    def take(self, seconds: SecondColumns, points: Sequence[Point], seq: int, health: Health) -> None:
        self._db.take(seconds, points)
        self._points += len(seconds) + len(points)
        self.seq, self.health = max(self.seq, seq), health

    def tend(self) -> None:
        """Write when it is time."""
        if clock.monotonic_s() < self._next_s:
            return
        try:
            self._flush()
            self._next_s = clock.monotonic_s() + self._every_s
        except StoreError as error:
            self._failed += 1
            self._next_s = clock.monotonic_s() + max(RETRY_S, self._every_s)
            self._trouble = f"{error}; measurements wait in memory"
            log.warning("%s", self._trouble)
            minutes, points = self._db.waiting
            if minutes > MAX_MINUTES or points > MAX_POINTS:
                raise

    def _flush(self) -> None:
        memory = msgspec.msgpack.encode(self.health)
        self._db.flush(Progress(self._run_id, self.seq, memory))
        self._trouble = ""

    def counters(self) -> dict[str, float]:
        return {
            "sqlite_points": float(self._points),
            "sqlite_bytes": float(self._db.n_bytes),
            "sqlite_failed": float(self._failed),
        }

    def complaints(self) -> tuple[str, ...]:
        return (self._trouble,) if self._trouble else ()

    def close(self) -> int:
        try:
            self._flush()
        except StoreError as error:
            log.warning("%s: what was not written is in the journal", error)
            return 1
        finally:
            self._db.close()
        return 0


class _Progress(msgspec.Struct, frozen=True, kw_only=True):
    """The file that says how far the server's points are safe, and the memory that goes with it."""

    format: int = 1
    run_id: str = ""
    seq: int = 0
    health: Health = msgspec.field(default_factory=Health)


class Sent:
    """The server. Lines gather for a second, then go to the writer's queue."""

    def __init__(self, params: Params, folder: Path, run_id: str, common: dict[str, str]) -> None:
        self._path = folder / PROGRESS_FILE
        before = _progress(self._path)
        ours = before.run_id == run_id
        self._run_id = run_id
        self.seq = before.seq if ours else 0
        self.health = before.health if ours else Health()
        self._saved = self.seq
        self._lines = Lines(common)
        self._gathered: list[str] = []
        self._since_s = 0.0
        self._marks: deque[tuple[int, Health]] = deque()
        self._batch_lines = params.influx.batch_lines
        self._unwritten = 0
        spool = Path(params.influx.spool_folder or folder / SPOOL_FOLDER)
        influx = params.influx
        self._writer = Writer(influx, lambda: InfluxServer(influx), spool, clock.monotonic_s)

    @property
    def has_room(self) -> bool:
        return self._writer.has_room()

    def take(self, seconds: SecondColumns, points: Sequence[Point], seq: int, health: Health) -> None:
        if not self._gathered:
            self._since_s = clock.monotonic_s()
        self._gathered += self._lines.seconds(seconds)
        self._gathered += self._lines.points(points)
        self.seq, self.health = max(self.seq, seq), health
        if len(self._gathered) >= self._batch_lines:
            self._hand_over()

    def tend(self) -> None:
        """Hand over what has gathered, and note how far the points are safe."""
        now = clock.monotonic_s()
        if now - self._since_s < GATHER_S:
            return
        self._since_s = now
        self._hand_over()
        self._note()

    def _hand_over(self) -> None:
        if not self._gathered and self._marks and self._marks[-1][0] == self.seq:
            return
        self._marks.append((self.seq, self.health))
        self._writer.put(self._gathered, self.seq)
        self._gathered = []

    def _note(self) -> None:
        kept, safe = self._writer.kept, None
        while self._marks and self._marks[0][0] <= kept:
            safe = self._marks.popleft()
        if safe is None or safe[0] <= self._saved:
            return
        seq, health = safe
        told = msgspec.json.encode(_Progress(run_id=self._run_id, seq=seq, health=health))
        try:
            write_atomically(self._path, told)
            self._saved = seq
        except OSError:
            self._unwritten += 1  # after a crash more is sent again than need be

    def counters(self) -> dict[str, float]:
        return self._writer.counters() | {"influx_unwritten_progress": float(self._unwritten)}

    def complaints(self) -> tuple[str, ...]:
        told = (self._writer.trouble and f"InfluxDB: {self._writer.trouble}", self._writer.spool_trouble)
        return tuple(text for text in told if text)

    def close(self) -> int:
        self._hand_over()
        left = self._writer.close()
        self._note()
        if left:
            log.error("%d points are neither at the server nor in the spool", left)
        return left


def _health(memory: bytes) -> Health:
    try:
        return msgspec.msgpack.decode(memory, type=Health) if memory else Health()
    except msgspec.MsgspecError:
        return Health()


def _progress(path: Path) -> _Progress:
    """What the file says; nothing when there is none or it is of another version."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_Progress)
    except (OSError, msgspec.MsgspecError, SeiswarnError):
        return _Progress()
    return found if found.format == 1 else _Progress()
