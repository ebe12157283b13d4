"""What an SDS archive has to know of a record, and where its files lie.

Reference: SeisComP Data Structure (SDS) 1.0:
``YEAR/NET/STA/CHAN.TYPE/NET.STA.LOC.CHAN.TYPE.YEAR.DAY``, type D for waveforms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import PurePosixPath
from typing import NamedTuple

import pymseed

from seiswarn.timebase import NS

# As libmseed detects a record: number, quality and blank (version 2), or signature (version 3).
HEADER = re.compile(rb"[0-9 \x00]{6}[DRQM][ \x00]|MS\x03")
_ERRORS = (pymseed.MiniSEEDError, ValueError, OverflowError)
_CODE = re.compile(r"[A-Za-z0-9_-]{1,8}")
_FIRST_DAY, _LAST_DAY = date(1900, 1, 1).toordinal(), date(2200, 1, 1).toordinal()
_DAY_NS = 86_400 * NS
_EPOCH = date(1970, 1, 1).toordinal()
_NAME = re.compile(r"([^.]+)\.([^.]+)\.([^.]*)\.([^.]+)\.D\.(\d{4})\.(\d{3})")


class Head(NamedTuple):
    """Identity, time of the first sample, number of samples and of bytes of a record."""

    network: str
    station: str
    location: str
    channel: str
    start_ns: int
    n_samples: int
    n_bytes: int

    @property
    def key(self) -> tuple[int, int]:
        """What makes it a duplicate of another one of its channel."""
        return self.start_ns, self.n_samples


def read_head(record: bytes | memoryview) -> Head:
    """The head of the record at the front; nothing is decoded.

    Raises
    ------
    ValueError
        It is no miniSEED, or its codes or times cannot stand in the name of a file.
    """
    try:
        raw = pymseed.MS3Record.parse(record, validate_crc=False)
        codes = pymseed.sourceid2nslc(raw.sourceid)
        start_ns, n, length = int(raw.starttime), int(raw.samplecnt), int(raw.reclen)
    except _ERRORS as error:
        raise ValueError(f"no miniSEED record: {error}") from error
    network, station, location, channel = codes
    named = _CODE.fullmatch(network) and _CODE.fullmatch(station) and _CODE.fullmatch(channel)
    if not named or (location and not _CODE.fullmatch(location)):
        raise ValueError(f"codes that cannot name a file: {raw.sourceid}")
    if not _FIRST_DAY <= _EPOCH + start_ns // _DAY_NS < _LAST_DAY:
        raise ValueError(f"{raw.sourceid}: a time outside all centuries of recording")
    return Head(network, station, location, channel, start_ns, n, length)


def day_of(t_ns: int) -> date:
    """The UTC day of a time."""
    return date.fromordinal(_EPOCH + t_ns // _DAY_NS)


def day_start_ns(day: date) -> int:
    """When a day begins."""
    return (day.toordinal() - _EPOCH) * _DAY_NS


def file_of(head: Head) -> str:
    """The file of a record, relative to the archive: that of the day of its first sample."""
    return file_name(*head[:4], day_of(head.start_ns))


def file_name(network: str, station: str, location: str, channel: str, day: date) -> str:
    """The file of a channel and day, relative to the archive."""
    number = (day - date(day.year, 1, 1)).days + 1
    name = f"{network}.{station}.{location}.{channel}.D.{day.year}.{number:03d}"
    return f"{day.year}/{network}/{station}/{channel}.D/{name}"


class DayFile(NamedTuple):
    """A file of the archive, by its name."""

    network: str
    station: str
    location: str
    channel: str
    day: date

    @property
    def codes(self) -> str:
        return ".".join(self[:4])


def parse_name(path: str | PurePosixPath) -> DayFile | None:
    """What the name of a file says; None when it is no file of an SDS archive."""
    match = _NAME.fullmatch(PurePosixPath(path).name)
    if match is None or not 1 <= int(match[6]) <= 366 or int(match[5]) < 1:
        return None
    day = date(int(match[5]), 1, 1) + timedelta(days=int(match[6]) - 1)
    return DayFile(match[1], match[2], match[3], match[4], day)


def chain(data: bytes | memoryview) -> Iterator[tuple[int, Head]]:
    """Whole records in `data` from front to back, each with where it begins; other bytes are passed over."""
    view = memoryview(data)
    at = 0
    while at < len(view):
        head = None
        if HEADER.match(view, at) is not None:
            try:
                head = read_head(view[at:])
            except ValueError:
                head = None
        if head is not None and at + head.n_bytes <= len(view):
            yield at, head
            at += head.n_bytes
            continue
        following = HEADER.search(view, at + 1)
        if following is None:
            return
        at = following.start()
