"""A folder that fills with files as a live source: miniSEED, or K-NET and KiK-net ASCII.

Files may grow, be renamed into place, lie in any tree below, be removed while they are read. How
far each was read is remembered once it is journaled, so that a restart reads nothing twice and
leaves nothing out.
"""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import ClassVar, Literal

import msgspec

from seiswarn.ingest.cutting import HEAD_BYTES
from seiswarn.ingest.door import Door
from seiswarn.ingest.folder_readers import KnetReader, MiniseedReader, Read, Reading
from seiswarn.ingest.folder_state import FolderState, Mark
from seiswarn.ingest.folder_tree import Seen, Tree
from seiswarn.ingest.live import Clock, Received, Refused
from seiswarn.messages import LinkState
from seiswarn.reasons import Reason
from seiswarn.timebase import from_seconds

FILES_A_TURN = 200  # read in one turn, so that none waits long for all others
SAVE_S = 1.0  # between two writings of the state
MISSING_S = 1.0  # between two tries to read a folder that is not there
DONE = ".done"  # hidden, so that what is in it is not read again

After = Literal["keep", "delete", "move"]


@dataclass(frozen=True, slots=True)
class Watch:
    """What is watched; the fields of [[ingest]] of kind "folder" and "knet"."""

    path: Path
    form: Literal["miniseed", "knet"] = "miniseed"
    poll_s: float = 0.2
    existing: Literal["skip", "read"] = "skip"
    backfill_s: float = 600.0
    settle_s: float = 60.0
    after: After = "keep"


@dataclass(slots=True)
class _File:
    """A file under way."""

    seen: Seen
    reader: Reading
    head: int  # check sum of its first bytes
    handed: int  # bytes whose records have been handed over
    changed_s: float = 0.0
    done: bool = False
    ours: bool = False  # records of it were handed over by this process


class FolderSource:
    """Records of the files below a folder."""

    NAME: ClassVar[str] = "folder"
    NEEDS: ClassVar[str] = "a folder that this process may read"
    VALID: ClassVar[str] = "miniSEED 2 and 3 with records up to 128 KiB; K-NET and KiK-net ASCII"
    REFERENCE: ClassVar[str] = "FDSN SEED 2.4; FDSN miniSEED 3; NIED, K-NET ASCII format"
    VERIFIED: ClassVar[bool] = True

    def __init__(self, watch: Watch, clock: Clock, states: Path | None) -> None:
        self._watch, self._clock = watch, clock
        self._door = Door(f"folder {watch.path}", clock)
        self._tree = Tree(watch.path)
        self._lock = threading.Lock()  # of the state, which `safe` shares with the thread
        self._state = FolderState(states, watch.path)
        self._skip_first = watch.existing == "skip" and not self._state.known
        self._files: dict[str, _File] = {}
        self._due: dict[str, None] = {}  # names of files with something to read
        self._unsettled: dict[str, None] = {}  # names of files that may still grow
        self._saved_s = 0.0

    def start(self) -> None:
        self._door.start(self._run)

    def take(self) -> tuple[list[Received], list[Refused]]:
        return self._door.inbox.take()

    def safe(self, marks: Mapping[str, int]) -> None:
        """Streams are the names of files, numbers the bytes read."""
        with self._lock:
            for name, offset in marks.items():
                file = self._files.get(name)
                if file is not None and offset <= file.handed:
                    self._state.set(name, Mark(file.seen.inode, file.head, offset))

    def links(self) -> Sequence[LinkState]:
        link = self._door.link()
        if self._state.problem:
            detail = "; ".join(text for text in (link.detail, self._state.problem) if text)
            link = msgspec.structs.replace(link, detail=detail)
        return (link,)

    @property
    def ended(self) -> bool:
        return False

    def close(self) -> None:
        self._door.close()
        with self._lock:
            self._state.save()

    # --- the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._door.stopping.is_set():
            wait_s = self._watch.poll_s
            try:
                self.turn()
            except OSError as error:
                self._door.say("refused", f"{self._watch.path} cannot be read: {error.strerror or error}")
                wait_s = max(wait_s, MISSING_S)
            if not self._due:
                self._door.stopping.wait(wait_s)

    def turn(self) -> None:
        """Look once and read a bounded number of files. Raises OSError when the folder cannot be read."""
        changed, gone = self._tree.look()
        now_s = self._clock.monotonic_s()
        for name in gone:
            self._forget(name)
        for seen in changed:
            self._note(seen, now_s)
        for name in list(islice(self._due, FILES_A_TURN)):
            if not self._read(name):
                return
        self._settle(now_s)
        self._door.say("connected", f"{len(self._files)} files")
        if now_s - self._saved_s >= SAVE_S:
            self._saved_s = now_s
            with self._lock:
                self._state.save()
        if self._tree.settled:
            self._skip_first = False

    def _note(self, seen: Seen, now_s: float) -> None:
        """A file that is new or has changed."""
        file = self._files.get(seen.name)
        if file is not None and (file.seen.inode != seen.inode or seen.size < file.handed):
            file = None  # another file of this name, or the same begun anew
        if file is None:
            file = self._begin(seen)
            if file is None:
                return
            self._files[seen.name] = file
        file.seen, file.changed_s = seen, now_s
        if not file.done and file.reader.offset < seen.size:
            self._due[seen.name] = None
        self._unsettled[seen.name] = None

    def _begin(self, seen: Seen) -> _File | None:
        """A file seen for the first time; None while it is too short to be told from another."""
        if seen.size < HEAD_BYTES:
            return None
        try:
            with (self._watch.path / seen.name).open("rb") as opened:
                head = zlib.crc32(opened.read(HEAD_BYTES))
        except FileNotFoundError:
            return None
        except OSError as error:
            self._door.refuse(seen.name, Reason.UNREADABLE_FILE, error.strerror or str(error))
            return None
        offset = 0
        with self._lock:
            mark = self._state.marks.get(seen.name)
            same = mark is not None and (mark.inode, mark.head) == (seen.inode, head)
            if mark is not None and same and mark.offset <= seen.size:
                offset = mark.offset
            elif self._skip_first and seen.first:
                offset = seen.size
                self._state.set(seen.name, Mark(seen.inode, head, offset))
                self._door.count("skipped")
            else:
                self._state.drop(seen.name)
        reader: Reading = MiniseedReader(offset) if self._watch.form == "miniseed" else KnetReader(offset)
        return _File(seen, reader, head, offset)

    def _forget(self, name: str) -> None:
        """A file that is gone."""
        file = self._files.pop(name, None)
        self._due.pop(name, None)
        self._unsettled.pop(name, None)
        if file is not None and file.reader.waiting and not file.done:
            detail = f"removed when {file.reader.waiting} bytes of it were not a whole record yet"
            self._door.refuse(name, Reason.CORRUPT_RECORD, detail)
        with self._lock:
            self._state.drop(name)

    def _read(self, name: str) -> bool:
        """Read a part of a file; False when told to stop."""
        if not self._door.wait_for_room():
            return False
        file = self._files[name]
        try:
            with (self._watch.path / name).open("rb") as opened:
                if os.fstat(opened.fileno()).st_ino != file.seen.inode:
                    del self._due[name]  # replaced: the next look says so
                    return True
                opened.seek(file.reader.offset)
                data = opened.read(file.reader.at_once)
        except OSError as error:
            del self._due[name]
            if not isinstance(error, FileNotFoundError):
                self._door.refuse(name, Reason.UNREADABLE_FILE, error.strerror or str(error))
            return True
        read = file.reader.take(data)
        self._hand_over(name, file, read)
        if file.done or not data or file.reader.offset == 0 or file.reader.offset >= file.seen.size:
            del self._due[name]
        return True

    def _hand_over(self, name: str, file: _File, read: Read) -> None:
        for verdict in read.verdicts:
            self._door.refuse(name, verdict.reason, verdict.detail)
        now_ns = self._clock.now_ns()
        limit_ns = now_ns - from_seconds(self._watch.backfill_s) if now_ns else 0
        for record in read.records:
            with self._lock:
                file.handed = max(file.handed, record.end)
            file.ours = True
            self._door.put([record.payload], stream=name, seq=record.end, old=record.last_ns < limit_ns)
        file.done = file.done or read.done

    def _settle(self, now_s: float) -> None:
        """Judge files that have not changed for long, and clear those away that are safe."""
        for name in [n for n in self._unsettled if now_s - self._files[n].changed_s > self._watch.settle_s]:
            file = self._files[name]
            if name in self._due:
                continue
            if not file.done:
                self._hand_over(name, file, file.reader.settle())
            with self._lock:
                mark = self._state.marks.get(name)
            safe = mark is not None and mark.offset == file.handed
            clears = self._watch.after != "keep" and file.ours and not file.reader.waiting
            if clears and not safe:
                continue
            del self._unsettled[name]
            if clears:
                self._clear(name, file)

    def _clear(self, name: str, file: _File) -> None:
        """Remove a file that has been read, or put it aside."""
        path = self._watch.path / name
        try:
            if path.stat().st_size != file.seen.size:
                return  # it has grown: the next look says so
            if self._watch.after == "delete":
                path.unlink()
            else:
                aside = self._watch.path / DONE / name
                aside.parent.mkdir(parents=True, exist_ok=True)
                path.replace(aside)
            self._door.count("cleared")
        except OSError as error:
            self._door.refuse(name, Reason.UNREADABLE_FILE, f"cannot be cleared away: {error.strerror}")
