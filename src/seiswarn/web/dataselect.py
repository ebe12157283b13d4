"""Waveforms out of the raw archive: whole records as received, of all that overlap the times asked for.

Two passes: the headers of the day files say which bytes are wanted and how many they are; then
these bytes are read and sent. A request never holds waveforms in memory.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seiswarn.ingest.headers import Spans, joined, spans
from seiswarn.store.sds_record import day_of, file_name
from seiswarn.timebase import NS
from seiswarn.web.parameters import Line, pattern_of
from seiswarn.web.refusal import Refused

CHUNK = 256 << 10
MAX_FILES = 50_000  # day files of one request
MAX_SCANNED = 64 << 30  # bytes of files whose headers are read for one request
REACH_NS = 6 * 3600 * NS  # no record of what is archived here is longer: 4,096 bytes at 0.1 Hz hold 5 h
_JITTER = 1.5  # of a sample: pieces that are further apart are separated by a gap


class Piece(NamedTuple):
    """Bytes of a file: (n, 2) first and after the last of each run."""

    path: Path
    runs: npt.NDArray[np.int64]

    @property
    def n_bytes(self) -> int:
        return int((self.runs[:, 1] - self.runs[:, 0]).sum())


class Limits(NamedTuple):
    """Of one request: seconds of a time window, bytes of the answer."""

    seconds: float
    n_bytes: int


def select(root: Path, lines: Sequence[Line], values: Mapping[str, Any], limits: Limits) -> list[Piece]:
    """What the lines select, every record once, channel by channel in the order of names and days.

    Raises
    ------
    Refused
        400 for a line without times; 413 for more than the limits.
    """
    wanted: dict[tuple[str, str, str, str], list[tuple[int, int]]] = {}
    for line in lines:
        start, end = _window(line, limits)
        for codes in _channels(root, line, start, end):
            wanted.setdefault(codes, []).append((start, end))
    pieces: list[Piece] = []
    n_bytes = n_files = scanned = 0
    for codes in sorted(wanted):
        found: list[tuple[Path, Spans]] = []
        for day in sorted({day for window in wanted[codes] for day in _days(*window)}):
            path = root / file_name(*codes, day)
            part = _scan(path, wanted[codes])
            if part is None:
                continue
            n_files += 1
            scanned += part[1]
            if n_files > MAX_FILES or scanned > MAX_SCANNED:
                raise Refused(413, "too many stations and days at once; split the request")
            if len(part[0].offsets):
                found.append((path, part[0]))
        found = _pieces_kept(found, values)
        for path, part_spans in found:
            piece = Piece(path, _runs(part_spans))
            n_bytes += piece.n_bytes
            pieces.append(piece)
        if n_bytes > limits.n_bytes:
            raise Refused(413, f"the answer is larger than {limits.n_bytes / 1e6:g} MB; split the request")
    return pieces


def stream(pieces: Sequence[Piece]) -> Iterator[bytes]:
    """The bytes of the pieces; what has been removed meanwhile is left out."""
    for path, runs in pieces:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            for begin, end in runs.tolist():
                for at in range(begin, end, CHUNK):
                    yield os.pread(descriptor, min(CHUNK, end - at), at)
        finally:
            os.close(descriptor)


def _window(line: Line, limits: Limits) -> tuple[int, int]:
    if line.start_ns is None or line.end_ns is None:
        raise Refused(400, "starttime and endtime are needed")
    if line.end_ns - line.start_ns > limits.seconds * NS:
        asked = (line.end_ns - line.start_ns) / NS
        sentence = f"{asked:.0f} s were asked for, at most {limits.seconds:g} s at once; split the request"
        raise Refused(413, sentence)
    return line.start_ns, line.end_ns


def _days(start_ns: int, end_ns: int) -> list[date]:
    """Days whose files may have records of a time: a record belongs to the day of its first sample."""
    first, last = day_of(start_ns - REACH_NS), day_of(end_ns)
    return [first + timedelta(days=k) for k in range((last - first).days + 1)]


def _channels(root: Path, line: Line, start_ns: int, end_ns: int) -> set[tuple[str, str, str, str]]:
    """Channels of the archive that a line selects, by the names of folders and files."""
    patterns = [pattern_of(codes) for codes in line[:4]]
    found = set()
    for year in sorted({str(day.year) for day in _days(start_ns, end_ns)}):
        for network in _folders(root / year, patterns[0]):
            for station in _folders(root / year / network, patterns[1]):
                found |= _channels_of(root / year / network / station, patterns[2], patterns[3])
    return found


def _channels_of(folder: Path, location: Any, channel: Any) -> set[tuple[str, str, str, str]]:
    found = set()
    for sub in _names(folder):
        code, _, kind = sub.rpartition(".")
        if kind != "D" or not channel.fullmatch(code):
            continue
        for name in _names(folder / sub):
            words = name.split(".")
            if len(words) == 7 and words[3] == code and location.fullmatch(words[2]):
                found.add((words[0], words[1], words[2], code))
    return found


def _folders(folder: Path, pattern: Any) -> list[str]:
    return [name for name in _names(folder) if pattern.fullmatch(name)]


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _scan(path: Path, windows: Sequence[tuple[int, int]]) -> tuple[Spans, int] | None:
    """Records of a file that overlap any of the windows, and its size; None without a file."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            view = memoryview(mapped)
            try:
                all_of_it = spans(view)
                keep = np.zeros(len(all_of_it.offsets), dtype=bool)
                for start, end in windows:
                    keep |= (all_of_it.last_ns >= start) & (all_of_it.first_ns <= end)
                chosen = Spans(*(column[keep] for column in all_of_it))  # type: ignore[arg-type]
                return joined([chosen]), len(view)
            finally:
                view.release()
    except (FileNotFoundError, ValueError):  # mmap refuses an empty file
        return None


def _pieces_kept(found: list[tuple[Path, Spans]], values: Mapping[str, Any]) -> list[tuple[Path, Spans]]:
    """Without the continuous pieces that `minimumlength` and `longestonly` leave out."""
    if not found or (values["minimumlength"] <= 0.0 and not values["longestonly"]):
        return found
    whole = joined([part for _, part in found])
    order = np.argsort(whole.first_ns, kind="stable")
    reach = np.maximum.accumulate(whole.last_ns[order])
    step = NS / whole.rate_hz[order]
    apart = whole.first_ns[order][1:] - reach[:-1] > _JITTER * step[1:]
    number = np.concatenate([[0], np.cumsum(apart)])
    begins = np.flatnonzero(np.diff(number, prepend=-1))
    ends = np.append(begins[1:], len(number)) - 1
    seconds = (reach[ends] - whole.first_ns[order][begins] + step[ends]) / NS
    good = seconds >= values["minimumlength"]
    if values["longestonly"]:
        good &= np.arange(len(seconds)) == int(np.argmax(seconds))
    keep = np.zeros(len(number), dtype=bool)
    keep[order] = good[number]
    out, at = [], 0
    for path, part in found:
        mask = keep[at : at + len(part.offsets)]
        at += len(part.offsets)
        if mask.any():
            out.append((path, Spans(*(column[mask] for column in part))))  # type: ignore[arg-type]
    return out


def _runs(part: Spans) -> npt.NDArray[np.int64]:
    """Runs of bytes without a break, (n, 2)."""
    begins, ends = part.offsets, part.offsets + part.lengths
    breaks = np.flatnonzero(begins[1:] != ends[:-1]) + 1
    firsts = np.concatenate([[0], breaks])
    lasts = np.concatenate([breaks, [len(begins)]]) - 1
    return np.stack([begins[firsts], ends[lasts]], axis=1)
