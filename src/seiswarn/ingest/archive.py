"""A replay folder: miniSEED and StationXML in any number, in any tree, under any names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from seiswarn.errors import ArchiveError
from seiswarn.ingest.headers import spans
from seiswarn.ingest.knet import KnetError, is_knet, parse_knet
from seiswarn.ingest.miniseed import HEADER, Record, is_miniseed, parse_records
from seiswarn.ingest.recut import STEP_NS, Latency, Stretch, cut, merge_records
from seiswarn.messages import PacketBlock, Status
from seiswarn.reasons import Reason
from seiswarn.stations import Refusal
from seiswarn.timebase import NS, iso

_MINISEED_SUFFIXES = frozenset((".mseed", ".miniseed", ".mseed3", ".ms", ".msd", ".seed"))
_METADATA_SUFFIXES = frozenset((".xml", ".stationxml"))
# What usually lies beside data; passed over without a word.
_COMPANIONS = frozenset(
    (".md", ".txt", ".csv", ".quakeml", ".json", ".jsonl", ".toml", ".html", ".pdf", ".png", ".gz")
)
_HEAD_BYTES = 4096  # looked at to tell what a file without a telling name is
_DAY_FILE = re.compile(r"\.[A-Z]\.(\d{4})\.(\d{3})$")  # of an SDS archive
_DAY_NS = 86_400 * NS
_STRAY_SILENCE_NS = 6 * 3600 * NS
_STRAY_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Archive:
    """What a replay folder holds, in memory. Build it with `open_archive`."""

    NAME: ClassVar[str] = "archive"
    NEEDS: ClassVar[str] = "a folder with miniSEED and StationXML"
    VALID: ClassVar[str] = "data that fit into memory; 4 bytes per sample"
    REFERENCE: ClassVar[str] = "FDSN SEED 2.4; FDSN miniSEED 3; FDSN StationXML 1.x"
    VERIFIED: ClassVar[bool] = True

    path: Path
    station_paths: tuple[Path, ...]  # for `read_station_tables`
    stretches: tuple[Stretch, ...]
    start_ns: int  # first sample; choose metadata epochs by it
    end_ns: int  # last sample
    refusals: tuple[Refusal, ...] = ()
    n_records: int = 0
    channels: tuple[str, ...] = field(default=())

    def blocks(
        self,
        packet_s: float | None = 0.5,
        latency: Latency = 0.0,
        status: Status = "test",
        step_ns: int = STEP_NS,
    ) -> Iterator[PacketBlock]:
        """The stored samples as they would have arrived, ordered by (`t_seen_ns`, channel, `t0_ns`).

        Parameters
        ----------
        packet_s
            length of a packet in seconds; None sends the records as stored.
        latency
            seconds from the last sample of a packet to its arrival, or a function that gives
            them for a station code.
        status
            what the packets claim to be; a replay is a test unless told otherwise.
        step_ns
            length of a slice, which no block reaches beyond.

        Raises
        ------
        UsageError
            When a length or latency makes no sense.
        """
        return cut(self.stretches, packet_s, latency, status, step_ns)


Window = tuple[int | None, int | None]  # ns; None is no limit


def open_archive(path: Path, window: Window = (None, None)) -> Archive:
    """Read a folder (recursively) or a single miniSEED file; of it the records that overlap `window`.

    miniSEED is recognised by its suffix or its first bytes. Damaged records, unreadable and
    foreign files are listed in `refusals` and cost nothing else. So are records six hours or more
    of silence away from all others and fewer than 2 % of the largest group: a broken clock, no recording.

    Raises
    ------
    ArchiveError
        When the folder does not exist or holds no usable record.
    """
    path = Path(path)
    if not path.exists():
        raise ArchiveError(f"{path}: no such folder; give a folder with miniSEED and StationXML files")
    refusals: list[Refusal] = []
    records: list[Record] = []
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
    else:
        files = [path]
    for file in files:
        if file.suffix.lower() not in _METADATA_SUFFIXES:
            records.extend(_read_miniseed(file, path, refusals, window))
    records = _without_strays(records, refusals)
    if not records:
        raise ArchiveError(_nothing_to_replay(path, len(files), refusals, window))
    stretches = tuple(merge_records(records))
    return Archive(
        path=path,
        station_paths=(path,) if path.is_dir() else (),
        stretches=stretches,
        start_ns=min(int(s.times_ns[0]) for s in stretches),
        end_ns=max(int(s.time_of(np.array([s.n_samples - 1]))[0]) for s in stretches),
        refusals=tuple(refusals),
        n_records=len(records),
        channels=tuple(sorted({s.channel for s in stretches})),
    )


def _read_miniseed(file: Path, root: Path, refusals: list[Refusal], window: Window) -> Iterator[Record]:
    if _of_another_day(file.name, window):
        return
    name = str(file.relative_to(root)) if file != root else str(file)
    try:
        with file.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
            named = file.suffix.lower() in _MINISEED_SUFFIXES
            if is_knet(head):
                yield from _read_knet(head + stream.read(), name, refusals)
                return
            if not named and not is_miniseed(head) and HEADER.search(head) is None:
                if file.suffix.lower() not in _COMPANIONS:
                    refusals.append(Refusal(name, Reason.FOREIGN_FILE, "neither miniSEED nor StationXML"))
                return
            data = head + stream.read()
    except OSError as error:
        refusals.append(Refusal(name, Reason.UNREADABLE_FILE, error.strerror or str(error)))
        return
    if not data:
        refusals.append(Refusal(name, Reason.EMPTY, "an empty file"))
    if window != (None, None):
        data = _inside(data, window)
    for item in parse_records(data):
        if not isinstance(item, Record):
            where = f"{item.length} bytes at {item.offset}: {item.detail}"
            refusals.append(Refusal(f"{name} {item.channel}".strip(), item.reason, where))
        elif item.t0_ns < 0:
            refusals.append(Refusal(f"{name} {item.channel}", Reason.CLOCK_ANCIENT, iso(item.t0_ns)))
        else:
            yield item


def _of_another_day(name: str, window: Window) -> bool:
    """Whether the name of a day file (``....D.YEAR.DAY``) says that nothing in it can be in the window."""
    match = _DAY_FILE.search(name)
    if match is None or not 1 <= int(match[2]) <= 366:
        return False
    day = np.datetime64(f"{match[1]}-01-01", "D").astype(np.int64) + int(match[2]) - 1
    start, end = window
    # A record belongs to the day of its first sample, and may reach into the next one.
    return bool(
        (start is not None and (day + 2) * _DAY_NS <= start) or (end is not None and day * _DAY_NS > end)
    )


def _inside(data: bytes, window: Window) -> bytes:
    """The whole records that overlap the window, by their headers alone."""
    found = spans(memoryview(data))
    keep = np.ones(len(found.offsets), dtype=bool)
    if window[0] is not None:
        keep &= found.last_ns >= window[0]
    if window[1] is not None:
        keep &= found.first_ns <= window[1]
    begins, lengths = found.offsets[keep].tolist(), found.lengths[keep].tolist()
    return b"".join([data[b : b + n] for b, n in zip(begins, lengths, strict=True)])


def _read_knet(data: bytes, name: str, refusals: list[Refusal]) -> Iterator[Record]:
    try:
        trace = parse_knet(data)
    except KnetError as error:
        refusals.append(Refusal(name, Reason.CORRUPT_RECORD, str(error)))
        return
    if trace.t0_ns < 0 or not len(trace.samples):
        refusals.append(Refusal(name, Reason.CLOCK_ANCIENT, iso(trace.t0_ns)))
        return
    yield Record(trace.channel, trace.t0_ns, trace.rate_hz, "i4", trace.samples.astype("<i4").tobytes())


def _without_strays(records: list[Record], refusals: list[Refusal]) -> list[Record]:
    """Leave out records whose clock was wrong: alone in time, far from the rest.

    One record dated ten years off would otherwise make a replay of ten years, and could choose
    the wrong metadata epoch for all the others.
    """
    if len(records) < 2:
        return records
    times = np.array([r.t0_ns for r in records], dtype=np.int64)
    ordered = np.sort(times)
    breaks = np.flatnonzero(np.diff(ordered) > _STRAY_SILENCE_NS) + 1
    clusters = np.split(ordered, breaks)
    main = max(clusters, key=len)
    stray = [c for c in clusters if len(c) < _STRAY_SHARE * len(main)]
    if not stray:
        return records
    kept = []
    for record in records:
        if any(c[0] <= record.t0_ns <= c[-1] for c in stray):
            reason = Reason.CLOCK_FUTURE if record.t0_ns > main[-1] else Reason.CLOCK_ANCIENT
            detail = f"{iso(record.t0_ns)} is far from the rest of the archive"
            refusals.append(Refusal(record.channel, reason, detail))
        else:
            kept.append(record)
    return kept


def _nothing_to_replay(path: Path, n_files: int, refusals: Sequence[Refusal], window: Window) -> str:
    if n_files == 0:
        return f"{path}: the folder is empty; it should hold miniSEED and StationXML files"
    text = f"{path}: no usable miniSEED record in {n_files} file{'s' if n_files != 1 else ''}"
    if window != (None, None):
        begin, end = ("..." if t is None else iso(t, 0) for t in window)
        text += f" between {begin} and {end}"
    return text + "".join(f"\n  {r.subject}: {r.reason} {r.detail}" for r in refusals[:5])
