"""What is missing in a raw archive, and what is there twice: from the headers of records alone."""

from __future__ import annotations

import csv
import mmap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from seiswarn.errors import UsageError
from seiswarn.ingest.headers import Spans, joined, spans
from seiswarn.store.sds_prune import day_files
from seiswarn.store.sds_record import DayFile, day_start_ns
from seiswarn.timebase import NS, iso

_DAY_NS = 86_400 * NS
_TOLERANCE = 0.5  # of a sample: what clocks jitter by is no gap
HEAD = ("channel", "kind", "start", "end", "seconds")

Progress = Callable[[int, int], None]  # files looked at, and all


class Gap(NamedTuple):
    """A stretch between records of one channel: missing (``gap``), or there more than once (``overlap``)."""

    channel: str
    kind: str
    start_ns: int
    end_ns: int

    @property
    def seconds(self) -> float:
        return (self.end_ns - self.start_ns) / NS

    def row(self) -> tuple[str, str, str, str, str]:
        return self.channel, self.kind, iso(self.start_ns, 6), iso(self.end_ns, 6), f"{self.seconds:.6f}"


@dataclass(slots=True)
class Channel:
    """What an archive has of a channel."""

    name: str
    n_records: int
    first_ns: int
    end_ns: int  # of the last sample's interval
    covered_s: float
    gaps: list[Gap]

    def text(self) -> str:
        n = sum(gap.kind == "gap" for gap in self.gaps)
        lost = sum(gap.seconds for gap in self.gaps if gap.kind == "gap")
        twice = len(self.gaps) - n
        share = 100.0 * self.covered_s / max(1e-9, (self.end_ns - self.first_ns) / NS)
        return (
            f"{self.name:<18} {self.n_records:>8} records  {iso(self.first_ns, 1)} to {iso(self.end_ns, 1)}"
            f"  {share:6.2f} %  {n} gaps ({lost:.1f} s)  {twice} overlaps"
        )


def channels_of(
    root: Path,
    start_ns: int | None = None,
    end_ns: int | None = None,
    progress: Progress = lambda done, total: None,
) -> Iterator[Channel]:
    """The channels of an SDS archive in the order of their names, with their gaps in [`start_ns`, `end_ns`).

    Data before the first and after the last record of a channel are not counted as missing.

    Raises
    ------
    UsageError
        There is no such folder, or no day file in it.
    """
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder; give the folder of an SDS archive")
    by_channel: dict[str, list[tuple[DayFile, Path]]] = {}
    total = 0
    for path, found in day_files(root):
        day_ns = day_start_ns(found.day)
        # A record belongs to the day of its first sample, and may reach into the next one.
        if (end_ns is not None and day_ns >= end_ns) or (
            start_ns is not None and day_ns + 2 * _DAY_NS <= start_ns
        ):
            continue
        by_channel.setdefault(found.codes, []).append((found, path))
        total += 1
    if not total:
        raise UsageError(f"{root}: no day file of an SDS archive (YEAR/NET/STA/CHAN.D/...) in this time")
    done = 0
    for codes in sorted(by_channel):
        parts = []
        for _, path in sorted(by_channel[codes]):
            parts.append(read_spans(path))
            done += 1
            progress(done, total)
        channel = _channel(codes, joined(parts), start_ns, end_ns)
        if channel is not None:
            yield channel


def read_spans(path: Path) -> Spans:
    """The records of a file; none when it is empty or has just been removed."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            view = memoryview(mapped)
            try:
                found = spans(view)
                return joined([found])
            finally:
                view.release()
    except (ValueError, FileNotFoundError):  # mmap refuses an empty file
        return spans(memoryview(b""))


def _channel(name: str, found: Spans, start_ns: int | None, end_ns: int | None) -> Channel | None:
    step = np.rint(NS / found.rate_hz).astype(np.int64)
    after = found.last_ns + step
    inside = np.ones(len(after), dtype=bool)
    if start_ns is not None:
        inside &= after > start_ns
    if end_ns is not None:
        inside &= found.first_ns < end_ns
    if not inside.any():
        return None
    order = np.argsort(found.first_ns[inside], kind="stable")
    first, after, step = found.first_ns[inside][order], after[inside][order], step[inside][order]
    reach = np.maximum.accumulate(after)  # up to where there are data, so far
    jump = first[1:] - reach[:-1]
    gaps = []
    for k in np.flatnonzero(np.abs(jump) > _TOLERANCE * step[1:]).tolist():
        if jump[k] > 0:
            gaps.append(Gap(name, "gap", int(reach[k]), int(first[k + 1])))
        else:
            gaps.append(Gap(name, "overlap", int(first[k + 1]), int(min(reach[k], after[k + 1]))))
    missing = sum(gap.seconds for gap in gaps if gap.kind == "gap")
    begin, end = int(first[0]), int(reach[-1])
    return Channel(name, len(first), begin, end, (end - begin) / NS - missing, gaps)


def write_gaps(path: Path, channels: Sequence[Channel]) -> None:
    """All gaps and overlaps as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEAD)
        for channel in channels:
            writer.writerows(gap.row() for gap in channel.gaps)
