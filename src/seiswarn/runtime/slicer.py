"""Cuts what comes in into slices by the time it was seen.

Slices end on a fixed grid of `t_seen_ns`. A slice is closed when a tick promises that everything
up to its end has come, so the slices depend on the messages alone and not on when they were
read. Where nothing comes, an empty slice goes out every `tick_ns`: silence is data.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from seiswarn.blocks import blocks_of
from seiswarn.messages import DataError, Packet, Slice, Status
from seiswarn.timebase import MS, NS

TICK_NS = 200 * MS
# After a quarter of an hour without any data no event is under way: an archive with months between its
# recordings need not be ticked through.
LONG_SILENCE_NS = 900 * NS
SLOW_TICK_NS = 60 * NS


class Slicer:
    """Collects packets and gives out slices.

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
        self._waiting: deque[tuple[int, Packet | DataError]] = deque()
        self._marks: list[tuple[int, str, int]] = []

    def add(
        self, items: Iterable[Packet | DataError], t_seen_ns: int, mark: tuple[str, int] | None = None
    ) -> None:
        """Take items that were seen at or before `t_seen_ns`, the frame of a source that `mark` names.

        Items that come after their slice was closed go into the next one, their own time unchanged.
        A mark makes no slice of its own: slices depend on the data alone.
        """
        for item in items:
            self._waiting.append((self._end(item.t_seen_ns), item))
        if mark is not None:
            self._marks.append((t_seen_ns, *mark))

    def _end(self, t_seen_ns: int) -> int:
        end = -(-t_seen_ns // self._step_ns) * self._step_ns
        if self._last_end_ns is None:
            self._last_end_ns = end - self._step_ns
        return max(end, self._last_end_ns + self._step_ns)

    def advance(self, to_ns: int) -> Iterator[Slice]:
        """Close every slice that ends at or before `to_ns`: all seen until then has been added."""
        if self._last_end_ns is None or to_ns < self._last_end_ns + self._step_ns:
            return
        # A stable sort: within a slice the order of arrival is kept.
        self._waiting = deque(sorted(self._waiting, key=lambda w: w[0]))
        while True:
            due = self._waiting[0][0] if self._waiting else None
            silent = self._last_end_ns - self._last_data_ns >= LONG_SILENCE_NS
            quiet = self._last_end_ns + (SLOW_TICK_NS if silent else TICK_NS)
            end = quiet if due is None or due > quiet else max(due, self._last_end_ns + self._step_ns)
            if end > to_ns:
                return
            self._last_end_ns = end
            yield self._close(end)

    def _close(self, end_ns: int) -> Slice:
        packets: list[Packet] = []
        errors: list[DataError] = []
        while self._waiting and self._waiting[0][0] <= end_ns:
            _, item = self._waiting.popleft()
            if isinstance(item, Packet):
                packets.append(item)
            else:
                errors.append(item)
        if packets:
            self._last_data_ns = end_ns
        marks = {source: seq for due, source, seq in self._marks if due <= end_ns}
        self._marks = [mark for mark in self._marks if mark[0] > end_ns]
        return Slice(
            t_seen_ns=end_ns,
            blocks=blocks_of(packets),
            errors=tuple(errors),
            marks=tuple(sorted(marks.items())),
            status=self._status,
        )
