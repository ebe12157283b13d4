"""Whole miniSEED records out of bytes that come in pieces of any length, with any damage.

The same records come out however the bytes are cut: nothing is decided before the bytes that
decide it have come.
"""

from __future__ import annotations

from typing import NamedTuple

from pymseed.clib import clibmseed, ffi

from seiswarn.ingest.miniseed import HEADER, judge

MAX_RECORD = 1 << 17  # bytes; 128 KiB hold 9 s of the fastest station hundreds of times: more is damage
HEAD_BYTES = 64  # enough to tell that a record begins, not always how long it is
_KEEP = 8  # bytes by which a header is recognised: as many may be a header cut in two


class Whole(NamedTuple):
    """A whole record, and the number of bytes up to its end since the beginning."""

    payload: bytes
    end: int


class Skipped(NamedTuple):
    """Bytes that are in no record: `offset` and `length` since the beginning."""

    offset: int
    length: int


class Cutter:
    """Bytes in, whole records out. `offset` is the byte of the stream at which it goes on."""

    def __init__(self, offset: int = 0) -> None:
        self.offset = offset
        self._rest = bytearray()
        self._skipped_from: int | None = None
        self._last = False

    @property
    def waiting(self) -> int:
        """Bytes of a record that is not whole yet."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[Whole | Skipped]:
        """What has become whole with `data`; damage is told when the next record begins."""
        self._rest += data
        found: list[Whole | Skipped] = []
        at = 0
        view = bytes(self._rest)
        while True:
            length = self._length(view, at)
            if length == 0:
                break
            if length < 0:
                at = self._skip(view, at)
                continue
            if self._skipped_from is not None:
                begin = self._skipped_from
                found.append(Skipped(begin, self.offset + at - begin))
                self._skipped_from = None
            at += length
            found.append(Whole(view[at - length : at], self.offset + at))
        self.offset += at
        self._rest = bytearray(view[at:])
        return found

    def end(self) -> list[Whole | Skipped]:
        """What is left when nothing follows."""
        self._last = True
        found = self.feed(b"")
        begin = self.offset if self._skipped_from is None else self._skipped_from
        length = self.offset + len(self._rest) - begin
        self.offset += len(self._rest)
        self._rest.clear()
        self._skipped_from, self._last = None, False
        return [*found, Skipped(begin, length)] if length else found

    def _skip(self, view: bytes, at: int) -> int:
        """Where a record may begin behind `at`."""
        if self._skipped_from is None:
            self._skipped_from = self.offset + at
        following = HEADER.search(view, at + 1)
        return following.start() if following else max(at + 1, len(view) - _KEEP + 1)

    def _length(self, view: bytes, at: int) -> int:
        """Bytes of the record at `at`; 0: more has to come, -1: no record begins there."""
        left = len(view) - at
        if left < _KEEP:
            return 0
        if HEADER.match(view, at) is None:
            return -1
        if left < HEAD_BYTES:
            return 0
        length = _detected(view, at)
        if length < 0 or length > MAX_RECORD or (length == 0 and left > MAX_RECORD):
            return -1
        if length == 0 or left < length:
            return 0
        return self._unless_cut(view, at, length)

    def _unless_cut(self, view: bytes, at: int, length: int) -> int:
        """`length`, unless another record begins inside: it was hit, or bytes are missing.

        A record that is mostly padding decodes all the same: only this look tells.
        """
        inner = HEADER.search(view, at + 1, at + length)
        while inner is not None:
            begin = inner.start()
            whole = _detected(view, begin) if len(view) - begin >= HEAD_BYTES else 0
            if not self._last and 0 <= whole <= MAX_RECORD and (not whole or begin + whole > len(view)):
                return 0  # the bytes that tell have not come yet
            if 0 < whole <= len(view) - begin and judge(memoryview(view), begin, whole)[0] is not None:
                return -1
            inner = HEADER.search(view, begin + 1, at + length)
        return length


def _detected(view: bytes, at: int) -> int:
    """Bytes of the record at `at` by its header; 0: not to be told yet, -1: it is none."""
    version = ffi.new("uint8_t *")
    with ffi.from_buffer(view) as source:
        return int(clibmseed.ms3_detect(source + at, len(view) - at, version))
