"""Cuts what comes in into slices by the time it was seen.

Slices end on a fixed grid of `t_seen_ns`. A slice is closed when a tick promises that everything
up to its end has come, so the slices depend on the messages alone and not on when they were
read. Where nothing comes, an empty slice goes out every `tick_ns`: silence is data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from seiswarn.blocks import take
from seiswarn.ingest.base import Item
from seiswarn.messages import DataError, PacketBlock, Slice, Status
from seiswarn.timebase import MS, NS

TICK_NS = 200 * MS
# After a quarter of an hour without any data no event is under way: an archive with months between its
# recordings need not be ticked through.
LONG_SILENCE_NS = 900 * NS
SLOW_TICK_NS = 60 * NS
_I8 = np.dtype("<i8")
_FEW_BYTES = 8 * 64  # numpy is the faster one beyond


def slice_end(t_ns: int, step_ns: int) -> int:
    """End of the slice that `t_ns` belongs to: the next point of the grid, or itself."""
    return -(-t_ns // step_ns) * step_ns


def seen_span(block: PacketBlock) -> tuple[int, int] | None:
    """When the first and the last packet of a block were seen; None for an empty or unreadable one."""
    raw = block.t_seen_ns
    if not raw or len(raw) % _I8.itemsize:
        return None
    if len(raw) <= _FEW_BYTES:
        few = memoryview(raw).cast("q").tolist()
        return min(few), max(few)
    seen = np.frombuffer(raw, _I8)
    return int(np.minimum.reduce(seen)), int(np.maximum.reduce(seen))


def within_slices(block: PacketBlock, step_ns: int) -> list[tuple[int, PacketBlock]]:
    """(end of slice, packets seen within it) for the packets of a block, oldest first.

    The block itself when all were seen within one slice, as is usual.
    """
    span = seen_span(block)
    if span is None:
        return []
    first = slice_end(span[0], step_ns)
    if span[1] <= first:
        return [(first, block)]
    seen = np.frombuffer(block.t_seen_ns, _I8)
    ends = -(-seen // step_ns) * step_ns
    return [(int(end), take(block, np.flatnonzero(ends == end))) for end in np.unique(ends)]


class Slicer:
    """Collects blocks of packets and gives out slices.

    Parameters
    ----------
    step_ns
        length of a slice.
    status
        of the run; packets of another status never get this far (see `ingest.base.Doorkeeper`).
    start_ns
        no slice ends at or before this time; None starts with the first item.
    """

    def __init__(self, step_ns: int, status: Status, start_ns: int | None = None) -> None:
        self._step_ns = step_ns
        self._status = status
        self._last_end_ns = start_ns
        self._last_data_ns = start_ns or 0
        self._waiting: dict[int, tuple[list[PacketBlock], list[DataError]]] = {}  # by end of slice
        self._marks: list[tuple[int, str, int]] = []
        self._marked_ns: dict[str, int] = {}  # when the last mark of each source goes

    def add(self, items: Iterable[Item], t_seen_ns: int, mark: tuple[str, int] | None = None) -> None:
        """Take items that were seen at or before `t_seen_ns`, the frame of a source that `mark` names.

        Items that come after their slice was closed go into the next one, their own time unchanged.
        A mark makes no slice of its own: slices depend on the data alone. It goes with the last item of
        its frame, or later: a live source sends what it has seen since the tick too, and a crash in
        between must find that frame still with the source.
        """
        latest = t_seen_ns
        for item in items:
            if isinstance(item, DataError):
                end = slice_end(item.t_seen_ns, self._step_ns)
                self._at(end)[1].append(item)
                latest = max(latest, end)
            else:
                for end, part in within_slices(item, self._step_ns):
                    self._at(end)[0].append(part)
                    latest = max(latest, end)
        if mark is not None:
            source, latest = mark[0], min(latest, t_seen_ns + NS)  # a time that is wrong holds up no source
            self._marked_ns[source] = max(latest, self._marked_ns.get(source, latest))
            self._marks.append((self._marked_ns[source], *mark))

    def _at(self, end: int) -> tuple[list[PacketBlock], list[DataError]]:
        if self._last_end_ns is None:
            self._last_end_ns = end - self._step_ns
        return self._waiting.setdefault(max(end, self._last_end_ns + self._step_ns), ([], []))

    def advance(self, to_ns: int) -> Iterator[Slice]:
        """Close every slice that ends at or before `to_ns`: all seen until then has been added."""
        if self._last_end_ns is None or to_ns < self._last_end_ns + self._step_ns:
            return
        while True:
            due = min(self._waiting) if self._waiting else None
            silent = self._last_end_ns - self._last_data_ns >= LONG_SILENCE_NS
            quiet = self._last_end_ns + (SLOW_TICK_NS if silent else TICK_NS)
            end = quiet if due is None or due > quiet else max(due, self._last_end_ns + self._step_ns)
            if end > to_ns:
                return
            self._last_end_ns = end
            yield self._close(end)

    def _close(self, end_ns: int) -> Slice:
        blocks: list[PacketBlock] = []
        errors: list[DataError] = []
        for due in sorted([due for due in self._waiting if due <= end_ns]):
            more, said = self._waiting.pop(due)
            blocks += more
            errors += said
        if blocks:
            self._last_data_ns = end_ns
        marks: dict[str, int] = {}
        if self._marks:
            marks = {source: seq for due, source, seq in self._marks if due <= end_ns}
            self._marks = [mark for mark in self._marks if mark[0] > end_ns]
        return Slice(
            t_seen_ns=end_ns,
            blocks=tuple(blocks),
            errors=tuple(errors),
            marks=tuple(sorted(marks.items())),
            status=self._status,
        )
