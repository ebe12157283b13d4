"""Append-only journals of checksummed records: the memory that survives a crash.

One format, used twice: the *input* journal (`journal/input.jrn`) holds every `Slice` before it is
handled, the *output* journal (`journal/output.jrn`) every message the core emitted. A record's
sequence number counts from 1 and is the position of a message for every consumer.

Layout, all little-endian. Each record is a 24-byte head and its payload::

    magic 4s | length u32 | seq u64 | crc32 of payload u32 | crc32 of the 20 bytes before u32

The first record has the magic ``SWJH``, seq 0 and a msgpack map ``{format, metadata}``; all
others ``SWJR``. The head has its own checksum so that a damaged length is never mistaken for
a record cut off at the end of the file, which would silently drop all records after it.

An `append` hands its bytes to the kernel before it returns, so a killed process loses
nothing; what a power failure may take is set by `sync`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, NamedTuple

import msgspec

from seiswarn.errors import JournalCorrupt, JournalFull, StoreError
from seiswarn.reasons import Reason

INPUT_NAME = "journal/input.jrn"
OUTPUT_NAME = "journal/output.jrn"
FORMAT = 1
MAX_RECORD_BYTES = 1 << 30

_HEAD = struct.Struct("<4sIQI")  # what the head checksum covers
_CRC = struct.Struct("<I")
_HEAD_BYTES = _HEAD.size + _CRC.size
_FILE_MAGIC = b"SWJH"
_RECORD_MAGIC = b"SWJR"
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

Sync = Literal["none", "interval", "always"]


class Position(NamedTuple):
    """A place between two records: the byte `offset` and the `seq` of the record before it."""

    offset: int
    seq: int


Records = list[tuple[int, bytes]]


class _FileHead(NamedTuple):
    """Where the head of a file ends, what the writer noted there, and the number of the first record."""

    end: int
    metadata: dict[str, Any]
    first_seq: int


def _beside(path: Path) -> Path:
    """Where the next file of a journal is made before it takes its name."""
    return path.with_name(f".{path.name}.next")


class _Torn(Exception):
    """The bytes at hand end before the record does."""


def _head(magic: bytes, seq: int, payload: bytes | memoryview) -> bytes:
    head = _HEAD.pack(magic, len(payload), seq, zlib.crc32(payload))
    return head + _CRC.pack(zlib.crc32(head))


def _file_head(metadata: dict[str, Any], first_seq: int) -> list[bytes]:
    head = msgspec.msgpack.encode({"format": FORMAT, "metadata": metadata, "first": first_seq})
    return [_head(_FILE_MAGIC, 0, head), head]


def _next_record(
    stream: BinaryIO, path: str, offset: int, size: int, *, skip: bool = False
) -> tuple[bytes, int, bytes, int]:
    """Magic, seq, payload and end of the record at `offset`, where `stream` stands.

    `size` is the file's; with `skip` the payload stays unread and empty.
    """
    raw = stream.read(_HEAD_BYTES)
    if len(raw) < _HEAD_BYTES:
        raise _Torn
    magic, length, seq, crc = _HEAD.unpack_from(raw)
    if zlib.crc32(raw[: _HEAD.size]) != _CRC.unpack_from(raw, _HEAD.size)[0]:
        # After a power failure the last blocks may be zeros that were never written.
        if not raw.strip(b"\0") and not stream.read().strip(b"\0"):
            raise _Torn
        raise JournalCorrupt(path, offset, "the record head fails its checksum")
    end = offset + _HEAD_BYTES + length
    if end > size:
        raise _Torn
    if skip:
        stream.seek(end)
        return magic, seq, b"", end
    payload = stream.read(length)
    if zlib.crc32(payload) != crc:
        if end == size:
            raise _Torn
        raise JournalCorrupt(path, offset, f"record {seq} fails its checksum")
    return magic, seq, payload, end


class JournalReader:
    """Reads a journal from any record on, also one that is still growing.

    A record cut off at the end of the file is not an error: reading stops before it, `torn`
    becomes `Reason.TORN_RECORD`, and a later call goes on from there.

    Parameters
    ----------
    path
        The journal file. It must exist; it may be empty as yet.

    Raises
    ------
    StoreError
        The file cannot be opened.
    JournalCorrupt
        From any reading method: a record that is not the last fails its checksum, or the
        sequence has a hole.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = str(path)
        self.torn: Reason | None = None
        try:
            self._stream: BinaryIO = open(self.path, "rb", buffering=1 << 20)  # noqa: SIM115
        except OSError as error:
            raise StoreError(f"{self.path}: cannot read the journal: {error.strerror}") from error

    def __enter__(self) -> JournalReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._stream.close()

    @property
    def first_seq(self) -> int:
        """Number of the first record of this file: 1, unless it goes on from an earlier one."""
        size = self._size()
        self._stream.seek(0)
        try:
            return self._file_head(size).first_seq
        except _Torn:
            return 1

    @property
    def begin(self) -> Position:
        """The position before the first record. Raises StoreError when there is no head yet."""
        size = self._size()
        self._stream.seek(0)
        try:
            head = self._file_head(size)
        except _Torn as torn:
            raise StoreError(f"{self.path}: has no head yet") from torn
        return Position(head.end, head.first_seq - 1)

    @property
    def metadata(self) -> dict[str, Any]:
        """What the writer noted at the head of the file; empty while there is no head yet."""
        size = self._size()
        self._stream.seek(0)
        try:
            return self._file_head(size).metadata
        except _Torn:
            return {}

    def read_from(self, offset: int = 0, *, max_records: int | None = None) -> tuple[Records, int]:
        """Whole records from byte `offset` (0: the first) on, and the offset to go on from.

        For a follower of a growing file: call again with the offset returned.
        """
        records: Records = []
        for position, payload in self._scan(offset, 0):
            records.append((position.seq, payload))
            offset = position.offset
            if max_records is not None and len(records) >= max_records:
                break
        return records, offset

    def records(self, *, from_seq: int = 1, offset: int = 0) -> Iterator[tuple[int, bytes]]:
        """(seq, payload) of every whole record from `from_seq` on; earlier payloads stay unread."""
        for position, payload in self._scan(offset, from_seq):
            yield position.seq, payload

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        return self.records()

    def positions(self, *, offset: int = 0) -> Iterator[Position]:
        """The position after every whole record from `offset` on; payload checksums are verified."""
        for position, _ in self._scan(offset, 0):
            yield position

    def is_file(self, path: str | os.PathLike[str]) -> bool:
        """Whether `path` is still the name of the file that is read. Raises OSError when there is none."""
        return os.path.samestat(os.fstat(self._stream.fileno()), os.stat(path))

    def _size(self) -> int:
        # Seeking from the end also drops the buffer, whose bytes a writer may have replaced since.
        return self._stream.seek(0, os.SEEK_END)

    def _file_head(self, size: int) -> _FileHead:
        magic, _, payload, end = _next_record(self._stream, self.path, 0, size)
        try:
            head = msgspec.msgpack.decode(payload, type=dict[str, Any])
            version, metadata = head["format"], head["metadata"]
        except (msgspec.MsgspecError, KeyError) as error:
            raise JournalCorrupt(self.path, 0, "no journal head") from error
        if magic != _FILE_MAGIC:
            raise JournalCorrupt(self.path, 0, "this is no journal")
        if version != FORMAT:
            raise StoreError(f"{self.path}: journal format {version}; this version reads format {FORMAT}")
        return _FileHead(end, metadata, int(head.get("first", 1)))

    def _scan(self, offset: int, from_seq: int) -> Iterator[tuple[Position, bytes]]:
        size = self._size()
        self.torn = None
        previous: int | None = None
        try:
            if offset == 0:
                self._stream.seek(0)
                head = self._file_head(size)
                offset, previous = head.end, head.first_seq - 1
            while offset < size:
                self._stream.seek(offset)
                skip = previous is not None and previous + 1 < from_seq
                start = offset
                magic, seq, payload, offset = _next_record(self._stream, self.path, start, size, skip=skip)
                if magic != _RECORD_MAGIC or (previous is not None and seq != previous + 1):
                    raise JournalCorrupt(self.path, start, f"record {seq} follows record {previous}")
                previous = seq
                if seq >= from_seq:
                    yield Position(offset, seq), payload
        except _Torn:
            self.torn = Reason.TORN_RECORD


class JournalWriter:
    """Appends records to a journal; the only writer of its file (a lock sees to that).

    Opening an existing journal verifies it and cuts off a torn last record, which `torn`
    then names. After `JournalFull` the file ends with its last whole record, and a later
    append may succeed again.

    Parameters
    ----------
    path
        The file, created when missing, its folder too.
    metadata
        Free-form facts for the head of a new file (versions, configuration hash).
    sync
        "none": leave it to the kernel; "interval": fsync after every `sync_every` records;
        "always": fsync after every append.
    after
        A position known to be good, from a snapshot: only what follows it is verified.
    hold_bytes
        Records are held back until they are this many bytes together: for a run that nothing has to
        survive. `flush` and `close` write what is held.

    Raises
    ------
    StoreError
        The file cannot be opened, is being written by another process, or is shorter than `after`.
    JournalCorrupt
        A record that is not the last is damaged.
    JournalFull
        There is no space for the head of a new file.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        metadata: dict[str, Any] | None = None,
        sync: Sync = "none",
        sync_every: int = 50,
        after: Position | None = None,
        hold_bytes: int = 0,
    ) -> None:
        self.path = str(path)
        self.torn: Reason | None = None
        self._hold_bytes, self._held_bytes = hold_bytes, 0
        self._held: list[bytes] = []
        self._sync, self._sync_every, self._unsynced = sync, sync_every, 0
        self._fd = -1
        self.metadata = metadata or {}
        self.first_seq = 1
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            beside = _beside(Path(path))
            if beside.exists() and not Path(path).exists():
                beside.rename(path)  # a crash came between the two renamings of `rotate`
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.close()
            busy = isinstance(error, BlockingIOError)
            why = "another process is writing it" if busy else error.strerror
            raise StoreError(f"{self.path}: cannot open the journal: {why}") from error
        try:
            self._offset, self._seq = self._recover(after)
            if self._offset == 0:
                self._write(_file_head(self.metadata, 1))
        except StoreError:
            self.close()
            raise

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def position(self) -> Position:
        """Where the next record will go, and the seq of the last one (0 when there is none)."""
        return Position(self._offset + self._held_bytes, self._seq)

    def append(self, payload: bytes) -> int:
        """Write one record and return its seq. Raises JournalFull or StoreError, the file left whole."""
        return self.append_many((payload,))

    def append_many(self, payloads: Sequence[bytes]) -> int:
        """Write records in one call, all or none; return the seq of the last."""
        pieces: list[bytes] = []
        seq = self._seq
        for payload in payloads:
            if len(payload) > MAX_RECORD_BYTES:
                raise StoreError(f"{self.path}: a record of {len(payload)} bytes is too large")
            seq += 1
            pieces += (_head(_RECORD_MAGIC, seq, payload), payload)
        if pieces:
            self._take(pieces)
        self._seq = seq
        self._unsynced += len(payloads)
        if self._sync == "always" or (self._sync == "interval" and self._unsynced >= self._sync_every):
            self.flush()
        return seq

    def rotate(self, closed_path: str | os.PathLike[str], metadata: dict[str, Any] | None = None) -> None:
        """Close this file under another name and go on in a new one of the old name.

        Numbers go on. A reader that has the old file open can read it to its end.

        Raises
        ------
        JournalFull, StoreError
            When there is no space for a new file, or it cannot be made; the old one goes on.
        """
        self.flush()
        beside = _beside(Path(self.path))
        head = b"".join(_file_head(metadata or self.metadata, self._seq + 1))
        fd = -1
        try:
            fd = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.pwrite(fd, head, 0)
            os.fsync(fd)
            os.rename(self.path, closed_path)
            os.rename(beside, self.path)
        except OSError as error:
            if fd >= 0:
                os.close(fd)
            if error.errno in _NO_SPACE:
                raise JournalFull(f"{self.path}: no space left for a new file") from error
            raise StoreError(f"{self.path}: cannot go on in a new file: {error.strerror}") from error
        os.close(self._fd)
        self._fd, self._offset = fd, len(head)
        self.first_seq = self._seq + 1
        self.metadata = metadata or self.metadata

    def flush(self) -> None:
        """Make everything appended so far survive a power failure too (fsync)."""
        self._release()
        os.fsync(self._fd)
        self._unsynced = 0

    def close(self) -> None:
        """Write what is held and close the file. Raises JournalFull or StoreError, the file closed anyway."""
        if self._fd >= 0:
            try:
                self._release()
            finally:
                os.close(self._fd)
                self._fd = -1

    def _take(self, pieces: list[bytes]) -> None:
        """Write pieces, or hold them while there is room."""
        if not self._hold_bytes:
            self._write(pieces)
            return
        self._held += pieces
        self._held_bytes += sum(map(len, pieces))
        if self._held_bytes >= self._hold_bytes:
            self._release()

    def _release(self) -> None:
        held, self._held, self._held_bytes = self._held, [], 0
        if held:
            self._write(held)

    def _recover(self, after: Position | None) -> Position:
        """The position after the last whole record; what is torn behind it is cut off."""
        size = os.fstat(self._fd).st_size
        good = after or Position(0, 0)
        if size < good.offset:
            raise StoreError(f"{self.path}: {size} bytes long, but {good.offset} were written before")
        if size == 0:
            return good
        with JournalReader(self.path) as reader:
            with suppress(_Torn):
                reader._stream.seek(0)
                head = reader._file_head(size)
                self.metadata, self.first_seq = head.metadata, head.first_seq
                if good.offset == 0:
                    good = Position(head.end, head.first_seq - 1)
            for found in reader.positions(offset=good.offset):
                if found.seq != good.seq + 1:
                    raise JournalCorrupt(self.path, good.offset, f"record {found.seq} follows {good.seq}")
                good = found
        if good.offset < size:
            self.torn = Reason.TORN_RECORD
            os.ftruncate(self._fd, good.offset)
        return good

    def _write(self, pieces: list[bytes]) -> None:
        total = sum(map(len, pieces))
        # One piece costs a copy but bounds the number of buffers (IOV_MAX is 1024).
        data = memoryview(b"".join(pieces))
        done = 0
        try:
            while done < total:
                done += os.pwrite(self._fd, data[done:], self._offset + done)
        except OSError as error:
            os.ftruncate(self._fd, self._offset)
            if error.errno in _NO_SPACE:
                need = f"no space left for a record of {total} bytes; free some before the next start"
                raise JournalFull(f"{self.path}: {need}") from error
            raise StoreError(f"{self.path}: cannot write: {error.strerror}") from error
        self._offset += total
