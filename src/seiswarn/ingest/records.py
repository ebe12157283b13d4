"""A file of miniSEED records in the order in which they arrived, as a SeedLink client saves them.

Nothing is decoded before its time: the headers alone say when a record is handed in, at its last
sample plus a latency, and never before the record in front of it. The file is mapped, read once
from front to back, and may be larger than the memory.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from seiswarn.errors import UsageError
from seiswarn.ingest.base import Item, Sealed
from seiswarn.ingest.decode import decode
from seiswarn.ingest.headers import I64, UNKNOWN_NS, index
from seiswarn.ingest.recut import STEP_NS
from seiswarn.ingest.tally import Tally
from seiswarn.messages import Status
from seiswarn.timebase import NS, from_seconds

_CHUNK = 1 << 16  # records whose headers are read at a time
_ENDS = 4096  # records looked at to learn when a file begins and ends
_TAIL_BYTES = 1 << 20  # the same for the end of files with records of several lengths
_JUMP_NS = 60 * NS  # further ahead than this, the records that follow have to agree
_WITNESSES = 15
_REPORT_NS = 10 * NS  # least time between two messages on one channel and reason


@dataclass(frozen=True, slots=True)
class RecordFile:
    """A file of records, mapped. Build it with `open_records`."""

    NAME: ClassVar[str] = "records"
    NEEDS: ClassVar[str] = "a file of miniSEED records in order of arrival, and a station table"
    VALID: ClassVar[str] = "records of any length and version; times to 0.1 ms"
    REFERENCE: ClassVar[str] = "FDSN SEED 2.4; FDSN miniSEED 3"
    VERIFIED: ClassVar[bool] = True

    path: Path
    data: mmap.mmap
    start_ns: int  # last sample of the first record
    end_ns: int  # last sample of the last record

    def blocks(
        self, latency_s: float = 0.0, status: Status = "actual", step_ns: int = STEP_NS
    ) -> Iterator[Sealed]:
        """The records seen within each slice of `step_ns`, to be decoded when it has ended.

        Parameters
        ----------
        latency_s
            seconds from the last sample of a record to its arrival.

        Raises
        ------
        UsageError
            When the latency is negative or not finite.
        """
        if not 0.0 <= latency_s < float("inf"):
            raise UsageError(f"latency of {self.path} must be zero or more seconds, not {latency_s}")
        return self._batches(from_seconds(latency_s), status, step_ns)

    def _batches(self, latency_ns: int, status: Status, step_ns: int) -> Iterator[Sealed]:
        view = memoryview(self.data)
        tally = Tally(status, _REPORT_NS)
        now = self.start_ns + latency_ns
        starts = np.zeros(0, dtype=np.int64)  # of records whose slice may not be complete yet
        seen = np.zeros(0, dtype=np.int64)
        passed = 0
        for offsets, last_ns, stop in index(view, _CHUNK, _WITNESSES):
            arrived = np.maximum.accumulate(np.concatenate(([now], believed(last_ns) + latency_ns)))[1:]
            now = int(arrived[-1])
            starts, seen = np.concatenate((starts, offsets)), np.concatenate((seen, arrived))
            ends = -(-seen // step_ns) * step_ns
            cuts = np.flatnonzero(ends[1:] != ends[:-1]) + 1
            for a, b in zip([0, *cuts.tolist()], cuts.tolist(), strict=False):
                work = partial(self._open, tally, status, starts[a : b + 1], seen[a:b])
                yield Sealed(int(ends[a]), work)
            held = int(cuts[-1]) if len(cuts) else 0
            starts, seen = starts[held:], seen[held:]
            self._forget(passed)
            passed = int(starts[0])
            last = stop
        if len(starts):
            end = int(-(-seen[0] // step_ns) * step_ns)
            yield Sealed(end, partial(self._open, tally, status, np.append(starts, last), seen))
            yield Sealed(end, lambda: [*tally.flush(end)])

    def _open(self, tally: Tally, status: Status, edges: I64, seen: I64) -> list[Item]:
        """Decode the bytes between `edges` (n + 1,); the record that begins at edge k was `seen[k]`."""
        begin = int(edges[0])
        starts = edges[:-1] - begin

        def when(offsets: I64) -> I64:
            found: I64 = seen[np.maximum(np.searchsorted(starts, offsets, side="right") - 1, 0)]
            return found

        blocks, damages = decode(memoryview(self.data)[begin : int(edges[-1])], when, status)
        errors = [
            tally.refuse(
                int(when(np.array([d.offset]))[0]),
                d.channel or self.path.name,
                d.reason,
                f"{d.length} bytes at {begin + d.offset}: {d.detail}",
            )
            for d in damages
        ]
        return [*blocks, *(e for e in errors if e is not None)]

    def _forget(self, passed: int) -> None:
        """Let go of the pages before byte `passed`, so that the memory stays bounded."""
        whole = passed - passed % mmap.PAGESIZE
        if whole and hasattr(self.data, "madvise"):
            self.data.madvise(mmap.MADV_DONTNEED, 0, whole)


def believed(last_ns: I64) -> I64:
    """Times (n,) of last samples, with those of broken clocks unknown.

    Arrival goes by the latest time so far, so that one record dated years ahead would release all
    that follow at once. Where a time is more than a minute ahead of all before it, each has to be
    reached, to within that minute, by half of the records that follow (or precede, at the end).
    """
    if len(last_ns) < 2:
        return last_ns
    ahead = np.diff(np.maximum.accumulate(last_ns)) > _JUMP_NS
    if not ahead.any() and last_ns[0] - last_ns[1 : _WITNESSES + 1].max() <= _JUMP_NS:
        return last_ns
    n = len(last_ns)
    places = np.arange(n)
    agree, asked = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    for k in range(1, _WITNESSES + 1):
        after = places + k
        other = np.where(after < n, after, places - k)
        there = other >= 0
        agree += there & (last_ns[other] >= last_ns - _JUMP_NS)
        asked += there
    return np.where(2 * agree >= asked, last_ns, UNKNOWN_NS)


def open_records(path: Path) -> RecordFile:
    """Map a file of records; only its beginning and its end are read.

    Raises
    ------
    UsageError
        When the file cannot be read or holds no record there.
    """
    try:
        with path.open("rb") as stream:
            data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot read the records: {error}") from error
    view = memoryview(data)
    offsets, last_ns, _ = next(index(view, _ENDS, 0))
    length = int(offsets[1] - offsets[0]) if len(offsets) > 1 else len(view)
    regular = (offsets == offsets[0] + length * np.arange(len(offsets))).all() and len(view) % length == 0
    tail = max(0, len(view) - (length * _ENDS if regular else _TAIL_BYTES))
    ending = np.concatenate([last for _, last, _ in index(view[tail:], _ENDS, 0)])
    first, final = (times[times > UNKNOWN_NS] for times in (believed(last_ns), believed(ending)))
    if not len(first) or not len(final):
        raise UsageError(f"{path}: no miniSEED record at its beginning or at its end")
    return RecordFile(path, data, int(first[0]), max(int(first[0]), int(final.max())))
