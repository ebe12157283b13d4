"""A bounded queue of batches on disk, for points a server cannot take now.

Segments of checksummed records in a folder, written at the end of the newest and read at the
beginning of the oldest. Every batch is on the disk (fsync) when `append` returns. Where reading
stands is noted beside the segments; a note that is lost or old means that batches are sent again,
which changes nothing in a database of points.

A record is a head, little-endian, and a payload that zlib has compressed::

    magic 4s | length u32 | lines u32 | crc32 of the payload u32 | crc32 of the 16 bytes before u32
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import zlib
from collections import deque
from pathlib import Path
from typing import NamedTuple

from seiswarn.errors import StoreError

MAGIC = b"SWS1"
SUFFIX = ".spool"
NOTE = "read-to"
LOCK = "lock"
REJECTED = "rejected.txt"
_HEAD = struct.Struct("<4sIII")
_CRC = struct.Struct("<I")
HEAD_BYTES = _HEAD.size + _CRC.size
MAX_RECORD_BYTES = 1 << 28
MAX_REJECTED_BYTES = 16 << 20
# A full spool loses its oldest segment: sixteen of them, so that it loses a sixteenth at a time.
SEGMENTS = 16
MIN_SEGMENT_BYTES = 1 << 16
_LEVEL = 1  # of zlib: eight times smaller for lines, at 150 MB/s


class Batch(NamedTuple):
    """Lines from the spool and how many they are."""

    text: bytes
    n_lines: int


class _Segment:
    def __init__(self, path: Path, n_bytes: int = 0, n_lines: int = 0) -> None:
        self.path, self.n_bytes, self.n_lines = path, n_bytes, n_lines


class Spool:
    """Batches on disk, first in, first out.

    Parameters
    ----------
    folder
        made when it is missing; used by one process at a time.
    max_bytes
        what all segments may hold; to make room for new batches the oldest segment is dropped.

    Attributes
    ----------
    n_bytes, n_lines
        what waits.
    dropped
        lines lost because the spool was full.
    damaged
        lines that could not be read again, as far as they are known.

    Raises
    ------
    StoreError
        When the folder cannot be written, or another process uses it.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self._max_bytes = max_bytes
        self._segment_bytes = max(MIN_SEGMENT_BYTES, max_bytes // SEGMENTS)
        self.dropped = self.damaged = 0
        self._segments: deque[_Segment] = deque()
        self._offset = 0  # of reading, in the oldest segment
        self._number = 0
        self._fd = -1
        self._lock_fd = -1
        self._head: tuple[Batch, int] | None = None  # the oldest batch and where it ends
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock_fd = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._open()
        except OSError as error:
            self.close()
            busy = isinstance(error, BlockingIOError)
            why = "another process is using it" if busy else (error.strerror or str(error))
            raise StoreError(f"{folder}: cannot be used as a spool: {why}") from error

    @property
    def n_lines(self) -> int:
        return sum(segment.n_lines for segment in self._segments)

    @property
    def n_bytes(self) -> int:
        return sum(segment.n_bytes for segment in self._segments) - self._offset

    def append(self, text: bytes, n_lines: int) -> None:
        """Put a batch at the end, safe against a power failure. Raises StoreError, the spool left whole."""
        payload = zlib.compress(text, _LEVEL)
        head = _HEAD.pack(MAGIC, len(payload), n_lines, zlib.crc32(payload))
        data = head + _CRC.pack(zlib.crc32(head)) + payload
        self._make_room(len(data))
        try:
            if self._fd < 0 or self._segments[-1].n_bytes + len(data) > self._segment_bytes:
                self._begin_segment()
            newest = self._segments[-1]
            try:
                done = 0
                while done < len(data):
                    done += os.pwrite(self._fd, data[done:], newest.n_bytes + done)
                os.fsync(self._fd)
            except OSError:
                os.ftruncate(self._fd, newest.n_bytes)
                raise
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) and len(self._segments) > 1:
                self._drop_oldest()  # the disk is fuller than we may be: the next batch finds room
            raise StoreError(f"{self.folder}: cannot write: {error.strerror}") from error
        newest.n_bytes += len(data)
        newest.n_lines += n_lines

    def first(self) -> Batch | None:
        """The oldest batch that can be read, which stays until `done`; None when nothing waits."""
        while self._head is None and self._segments:
            oldest = self._segments[0]
            found = self._read(oldest)
            if found is not None:
                self._head = found
            else:
                self._finish_oldest()
        return self._head[0] if self._head is not None else None

    def done(self) -> None:
        """The batch `first` gave is no longer needed."""
        if self._head is None:
            return
        batch, end = self._head
        self._head, self._offset = None, end
        oldest = self._segments[0]
        oldest.n_lines -= batch.n_lines
        if self._offset >= oldest.n_bytes:
            self._finish_oldest()
        else:
            self._note()

    def reject(self, text: str) -> bool:
        """Put lines nobody will take, with the reason, into a file for people; whether there was room."""
        path = self.folder / REJECTED
        try:
            if path.exists() and path.stat().st_size > MAX_REJECTED_BYTES:
                return False
            with path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError:
            return False
        return True

    def close(self) -> None:
        for name in ("_fd", "_lock_fd"):
            fd = getattr(self, name)
            if fd >= 0:
                os.close(fd)
                setattr(self, name, -1)

    # --- segments --------------------------------------------------------------------------

    def _open(self) -> None:
        """Take over what an earlier life left; the torn end of its last segment is cut off."""
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            if not path.stem.isdecimal():
                continue
            n_bytes, n_lines = _scan(path, 0)
            self._number = max(self._number, int(path.stem))
            if n_bytes == 0 and path.stat().st_size == 0:
                path.unlink()
                continue
            self._segments.append(_Segment(path, path.stat().st_size, n_lines))
        if not self._segments:
            return
        newest = self._segments[-1]
        whole = _scan(newest.path, 0)[0]
        if whole < newest.n_bytes:
            os.truncate(newest.path, whole)
            newest.n_bytes = whole
        self._resume()

    def _resume(self) -> None:
        """Go on reading where the note says."""
        try:
            name, _, offset = (self.folder / NOTE).read_text().partition(" ")
            at = int(offset)
        except (OSError, ValueError):
            return
        while self._segments and self._segments[0].path.name < name:
            self._segments.popleft().path.unlink(missing_ok=True)
        if self._segments and self._segments[0].path.name == name and at <= self._segments[0].n_bytes:
            self._offset = at
            self._segments[0].n_lines = _scan(self._segments[0].path, at)[1]

    def _begin_segment(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._number += 1
        path = self.folder / f"{self._number:010d}{SUFFIX}"
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        self._segments.append(_Segment(path))
        _sync_folder(self.folder)

    def _make_room(self, n_bytes: int) -> None:
        while self._segments and sum(s.n_bytes for s in self._segments) + n_bytes > self._max_bytes:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        # Only what has not been sent yet is lost.
        self.dropped += self._segments[0].n_lines
        self._head = None
        self._remove_oldest()

    def _finish_oldest(self) -> None:
        """The oldest segment holds nothing more that can be read."""
        self.damaged += self._segments[0].n_lines  # none, unless they stand behind a damaged record
        self._remove_oldest()

    def _remove_oldest(self) -> None:
        gone = self._segments.popleft()
        if not self._segments and self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._offset = 0
        gone.path.unlink(missing_ok=True)

    def _read(self, segment: _Segment) -> tuple[Batch, int] | None:
        """The record at which reading stands, or None at the end or where it is damaged."""
        if self._offset >= segment.n_bytes:
            return None
        try:
            with segment.path.open("rb") as file:
                file.seek(self._offset)
                head = file.read(HEAD_BYTES)
                length, n_lines, crc = _head(head)
                payload = file.read(length)
            if zlib.crc32(payload) != crc:
                raise ValueError
            return Batch(zlib.decompress(payload), n_lines), self._offset + HEAD_BYTES + length
        except (OSError, ValueError, zlib.error):
            self._offset = segment.n_bytes  # what follows cannot be told apart: it is given up, counted
            return None

    def _note(self) -> None:
        """Say where reading stands. Not worth a fsync: an old note costs a batch sent twice."""
        path = self.folder / NOTE
        beside = path.with_name(f".{NOTE}.part")
        try:
            beside.write_text(f"{self._segments[0].path.name} {self._offset}")
            beside.replace(path)
        except OSError:
            return


def _head(head: bytes) -> tuple[int, int, int]:
    """Length, lines and checksum in the head of a record. Raises ValueError when it is none."""
    if len(head) < HEAD_BYTES or _CRC.unpack_from(head, _HEAD.size)[0] != zlib.crc32(head[: _HEAD.size]):
        raise ValueError
    magic, length, n_lines, crc = _HEAD.unpack_from(head)
    if magic != MAGIC or length > MAX_RECORD_BYTES:
        raise ValueError
    return length, n_lines, crc


def _scan(path: Path, offset: int) -> tuple[int, int]:
    """Where the last whole record of a segment ends, and the lines from `offset` on."""
    size, n_lines = path.stat().st_size, 0
    with path.open("rb") as file:
        while offset < size:
            file.seek(offset)
            try:
                length, lines, crc = _head(file.read(HEAD_BYTES))
            except ValueError:
                break
            end = offset + HEAD_BYTES + length
            if end > size or (end == size and zlib.crc32(file.read(length)) != crc):
                break
            offset, n_lines = end, n_lines + lines
    return offset, n_lines


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
