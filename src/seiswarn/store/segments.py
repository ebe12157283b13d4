"""A journal of many days: closed segments beside the one that grows, and which of them to keep.

The growing segment always has the journal's own name; a closed one carries the number of its first
record, ``input-000000123456.jrn``. Where nothing was ever closed, all of this is one file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from seiswarn.errors import StoreError
from seiswarn.store.journal import JournalReader

_NUMBER = re.compile(r"-(\d{12})$")


class Segment(NamedTuple):
    """A file of a journal and the number of its first record."""

    first_seq: int
    path: Path


def closed_name(path: Path, first_seq: int) -> Path:
    """What a segment of the journal `path` is called once it is closed."""
    return path.with_name(f"{path.stem}-{first_seq:012d}{path.suffix}")


def closed(path: Path) -> list[Segment]:
    """The closed segments of a journal, oldest first."""
    found = []
    for file in path.parent.glob(f"{path.stem}-*{path.suffix}"):
        number = _NUMBER.search(file.stem)
        if number:
            found.append(Segment(int(number[1]), file))
    return sorted(found)


def segments(path: Path) -> list[Segment]:
    """All segments of a journal, oldest first, the growing one last. Raises StoreError."""
    found = closed(path)
    if path.exists():
        with JournalReader(path) as reader:
            found.append(Segment(reader.first_seq, path))
    return found


def beginning_with(path: Path, seq: int) -> Segment | None:
    """The segment that holds record `seq`, or would; the oldest when it is gone. None: no journal."""
    found = segments(path)
    held = [s for s in found if s.first_seq <= seq]
    return held[-1] if held else (found[0] if found else None)


def records(path: Path, from_seq: int = 1) -> Iterator[tuple[int, bytes]]:
    """(seq, payload) of every whole record from `from_seq` on, over all segments that are left.

    Raises
    ------
    StoreError
        When a segment cannot be read.
    """
    begin = beginning_with(path, from_seq)
    for segment in segments(path):
        if begin is None or segment.first_seq < begin.first_seq:
            continue
        with JournalReader(segment.path) as reader:
            yield from reader.records(from_seq=from_seq)


def forget(path: Path, keep_bytes: int, beside: str = "") -> int:
    """Remove the oldest closed segments until all of the journal is at most `keep_bytes`; how many went.

    `beside` is a pattern with ``{seq}`` for a file that goes with each segment.
    """
    old = closed(path)
    sizes = {segment: _size(segment.path) for segment in old}
    total = sum(sizes.values()) + _size(path)
    gone = 0
    for segment in old:
        if total <= keep_bytes:
            break
        try:
            segment.path.unlink(missing_ok=True)
            if beside:
                (path.parent / beside.format(seq=f"{segment.first_seq:012d}")).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{segment.path}: cannot be removed: {error.strerror}") from error
        total -= sizes[segment]
        gone += 1
    return gone


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def latest_records(path: Path, at_least_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Records of the latest segments, as many as make up `at_least_bytes` where there are as many."""
    found = segments(path)
    total = 0
    first = found[-1].first_seq if found else 1
    for segment in reversed(found):
        first = segment.first_seq
        total += _size(segment.path)
        if total >= at_least_bytes:
            break
    return records(path, first)
