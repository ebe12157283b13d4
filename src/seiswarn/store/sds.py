"""The raw archive: records as received, appended to day files.

Nothing but whole records is ever left in a file. All records of a turn for one file go out in one
`write` under an advisory lock (`flock`), so that several processes may fill the same archive; what
could not be written whole (full disk) is taken back at once, and what a crash tore is cut off when
the file is next opened. A record that its file holds already is not written again.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seiswarn.store.sds_record import Head, chain, file_of, read_head

I64 = npt.NDArray[np.int64]

TAIL_BYTES = 128 << 10  # looked at when a file is opened again: 256 records of 512 bytes
OPEN_FILES = 256  # of the 1,024 descriptors a process usually has; the rest of a turn are opened in turn
KNOWN_RECORDS = 256  # of each file, newest: two minutes of half-second packets
DEEP_FILES = 64  # whole files whose records are known, for what comes late
DEEP_A_TURN = 5  # such files read in one turn; beyond it a record may be stored twice, which harms nobody
_SYNC_ONE_BY_ONE = 64  # dirty files; more are synchronised with their whole file system


@dataclass(slots=True)
class Counts:
    """What has become of the records."""

    written: int = 0
    written_bytes: int = 0
    duplicates: int = 0
    unreadable: int = 0  # no whole record by its header: not kept, the door reports it
    torn_files: int = 0
    torn_bytes: int = 0
    unsure: int = 0  # written though they may be there already


@dataclass(slots=True)
class _State:
    """What is known of a day file; `size` is what it had when last looked at, -1: never."""

    size: int = -1
    newest_ns: int = -(2**63)
    complete: bool = True  # `recent` has all its records
    recent: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=KNOWN_RECORDS))

    def add(self, key: tuple[int, int]) -> None:
        self.complete &= len(self.recent) < KNOWN_RECORDS
        self.recent.append(key)
        self.newest_ns = max(self.newest_ns, key[0])


class _Deep:
    """All records of a file: 8 bytes each, and those that came since."""

    def __init__(self, keys: I64) -> None:
        self._keys, self._since = np.sort(keys), set[int]()

    def add(self, key: tuple[int, int]) -> None:
        self._since.add(sum(key))

    def __contains__(self, key: tuple[int, int]) -> bool:
        one = sum(key)
        at = int(np.searchsorted(self._keys, one))
        return one in self._since or (at < len(self._keys) and int(self._keys[at]) == one)


def sums(data: bytes) -> I64:
    """First sample (ns) plus number of samples of each record: no two of a channel share it."""
    return np.array([sum(head.key) for _, head in chain(data)], dtype=np.int64)


class SdsArchive:
    """Day files under `root`. Use it from one thread; other processes may have one on the same folder.

    Parameters
    ----------
    sums_of
        as `sums`; a faster one where there is one.
    """

    def __init__(
        self, root: Path, open_files: int = OPEN_FILES, sums_of: Callable[[bytes], I64] = sums
    ) -> None:
        self.root, self._sums_of = Path(root), sums_of
        self.counts = Counts()
        self.notes: deque[str] = deque(maxlen=100)  # sentences on what was repaired
        self._open_files = open_files
        self._descriptors: OrderedDict[str, int] = OrderedDict()
        self._states: dict[str, _State] = {}
        self._deep: OrderedDict[str, _Deep] = OrderedDict()
        self._deep_left = DEEP_A_TURN
        self._dirty: set[str] = set()

    def write(self, records: Iterable[bytes]) -> tuple[list[bytes], OSError | None]:
        """Append records to their files.

        Returns
        -------
        left, error
            records that could not be written, in their order, and the first error that was met.
        """
        self._deep_left = DEEP_A_TURN
        files: dict[str, list[tuple[Head, bytes]]] = {}
        for record in records:
            try:
                head = read_head(record)
            except ValueError:
                self.counts.unreadable += 1
                continue
            if head.n_bytes != len(record):
                self.counts.unreadable += 1
                continue
            files.setdefault(file_of(head), []).append((head, record))
        left: list[bytes] = []
        first: OSError | None = None
        for name, items in files.items():
            if first is not None and _hopeless(first):
                left += [record for _, record in items]
                continue
            n, error = self._append(name, items)
            left += [record for _, record in items[n:]]
            first = first or error
        return left, first

    def sync(self) -> None:
        """Force what was written onto the disk. Raises OSError."""
        if len(self._dirty) > _SYNC_ONE_BY_ONE:
            _sync_file_system(self.root)
        else:
            for name in self._dirty:
                if (self.root / name).exists():
                    os.fsync(self._descriptor(name))
        self._dirty.clear()

    def forget(self, before: str) -> None:
        """Drop what is known of files whose names end in a day before `before` (``YEAR.DAY``)."""
        for name in [n for n in self._states if n[-8:] < before]:
            self._states.pop(name)
            self._close(name)

    def close(self) -> None:
        """Close all files."""
        for name in list(self._descriptors):
            self._close(name)

    # --- one file --------------------------------------------------------------------------------

    def _append(self, name: str, items: list[tuple[Head, bytes]]) -> tuple[int, OSError | None]:
        """Write what is new of `items`; how many of them are done with, and what went wrong."""
        try:
            descriptor = self._descriptor(name)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            return 0, error
        try:
            if os.fstat(descriptor).st_nlink == 0:  # removed by somebody since it was opened
                fcntl.flock(descriptor, fcntl.LOCK_UN)
                self._close(name)
                self._states.pop(name, None)
                descriptor = self._descriptor(name)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            return self._append_locked(name, descriptor, items)
        except OSError as error:
            return 0, error
        finally:
            if self._descriptors.get(name) == descriptor:
                fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _append_locked(
        self, name: str, descriptor: int, items: list[tuple[Head, bytes]]
    ) -> tuple[int, OSError | None]:
        state = self._caught_up(name, descriptor)
        new: list[tuple[int, Head, bytes]] = []
        keys: set[tuple[int, int]] = set()
        duplicates: list[int] = []
        for k, (head, record) in enumerate(items):
            if head.key in keys or self._is_known(name, descriptor, state, head):
                duplicates.append(k)
                continue
            keys.add(head.key)
            new.append((k, head, record))
        n_written, error = _write_whole(descriptor, state.size, [record for _, _, record in new])
        done = new[n_written][0] if n_written < len(new) else len(items)
        self.counts.duplicates += sum(k < done for k in duplicates)
        deep = self._deep.get(name)
        for _, head, record in new[:n_written]:
            state.add(head.key)
            state.size += len(record)
            self.counts.written_bytes += len(record)
            if deep is not None:
                deep.add(head.key)
        self.counts.written += n_written
        if n_written:
            self._dirty.add(name)
        return done, error

    def _caught_up(self, name: str, descriptor: int) -> _State:
        """What the file holds now; a torn end is cut off."""
        size = os.fstat(descriptor).st_size
        state = self._states.get(name)
        if state is not None and state.size == size:
            return state
        if state is None or size < state.size:
            state = self._states[name] = _State()
            self._deep.pop(name, None)
        begin = max(0, state.size, size - TAIL_BYTES)
        if begin != max(state.size, 0):
            state.complete = False
        tail = os.pread(descriptor, size - begin, begin)
        end = 0
        deep = self._deep.get(name)
        for at, head in chain(tail):
            end = at + head.n_bytes
            state.add(head.key)
            if deep is not None:
                deep.add(head.key)
        if end < len(tail) and (end or not begin):
            os.ftruncate(descriptor, begin + end)
            self.counts.torn_files += 1
            self.counts.torn_bytes += len(tail) - end
            self.notes.append(f"{name}: {len(tail) - end} bytes of a torn record cut off")
        elif end < len(tail):
            end = len(tail)  # nothing there is miniSEED: not ours to cut
        state.size = begin + end
        return state

    def _is_known(self, name: str, descriptor: int, state: _State, head: Head) -> bool:
        if head.start_ns > state.newest_ns:
            return False
        if head.key in state.recent:
            return True
        if state.complete:
            return False
        deep = self._deep.get(name)
        if deep is None:
            if not self._deep_left:
                self.counts.unsure += 1
                return False
            self._deep_left -= 1
            deep = self._deep[name] = _Deep(self._sums_of(os.pread(descriptor, state.size, 0)))
            while len(self._deep) > DEEP_FILES:
                self._deep.popitem(last=False)
        return head.key in deep

    # --- descriptors -----------------------------------------------------------------------------

    def _descriptor(self, name: str) -> int:
        found = self._descriptors.get(name)
        if found is not None:
            self._descriptors.move_to_end(name)
            return found
        path = self.root / name
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            found = os.open(path, flags, 0o644)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            found = os.open(path, flags, 0o644)
        self._descriptors[name] = found
        while len(self._descriptors) > self._open_files:
            os.close(self._descriptors.popitem(last=False)[1])
        return found

    def _close(self, name: str) -> None:
        found = self._descriptors.pop(name, None)
        if found is not None:
            os.close(found)


def _write_whole(descriptor: int, size: int, records: list[bytes]) -> tuple[int, OSError | None]:
    """Append records in one call; a part of a record is taken back. How many stand, and the error."""
    if not records:
        return 0, None
    data = b"".join(records)
    try:
        n_bytes = os.write(descriptor, data)
    except OSError as error:
        return 0, error
    if n_bytes == len(data):
        return len(records), None
    whole = n = 0
    while whole + len(records[n]) <= n_bytes:
        whole += len(records[n])
        n += 1
    os.ftruncate(descriptor, size + whole)
    return n, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _hopeless(error: OSError) -> bool:
    """Whether no other file would fare better."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def _sync_file_system(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(descriptor)
