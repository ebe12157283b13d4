"""What a SeedLink server has to know of a miniSEED record: whose it is, and when it begins and ends."""

from __future__ import annotations

from typing import NamedTuple

import pymseed

from seiswarn.timebase import NS

_TEXT = 0  # encoding of log records: SEED 2.4, blockette 1000, field 3
_ERRORS = (pymseed.MiniSEEDError, ValueError, OverflowError)


class Header(NamedTuple):
    """Identity and times of a record.

    `station` is ``NET_STA``, `stream` is ``LOC_B_S_SS`` (FDSN source identifiers); `start_ns` the
    time of the first sample, `end_ns` that of the sample after the last one; `format` and
    `subformat` the codes of SeedLink 4 ("2" or "3" for the version of miniSEED; "D" data, "L" log).
    """

    station: str
    stream: str
    start_ns: int
    end_ns: int
    format: str = "2"
    subformat: str = "D"


def split_source_id(source_id: str) -> tuple[str, str]:
    """Station and stream of an FDSN source identifier, e.g. ``FDSN:XX_S001_00_H_H_Z``.

    Raises
    ------
    ValueError
        When it is no such identifier.
    """
    fields = source_id.removeprefix("FDSN:").split("_")
    if len(fields) != 6 or not source_id.startswith("FDSN:"):
        raise ValueError(f"no FDSN source identifier: {source_id!r}")
    return f"{fields[0]}_{fields[1]}", "_".join(fields[2:])


def seed_name(stream: str) -> str:
    """``LLCCC`` of a stream ``LOC_B_S_SS``, blanks of the location as ``-``: what SeedLink 3 selects by."""
    location, *codes = stream.split("_")
    return location.ljust(2, "-") + "".join(codes)


def read_header(record: bytes) -> Header:
    """The header of the record that `record` begins with; nothing is decoded.

    Raises
    ------
    ValueError
        When it is no miniSEED record, or not of an FDSN source identifier.
    """
    return header_and_length(record)[0]


def header_and_length(record: bytes | memoryview) -> tuple[Header, int]:
    """As `read_header`, with the number of bytes of the record."""
    try:
        raw = pymseed.MS3Record.parse(record, validate_crc=False)
        station, stream = split_source_id(raw.sourceid)
        start_ns, n, rate = raw.starttime, raw.samplecnt, raw.samprate
        version, encoding, length = raw.formatversion, raw.encoding, raw.reclen
    except _ERRORS as error:
        raise ValueError(f"no miniSEED record: {error}") from error
    end_ns = start_ns + round(n * NS / rate) if 0.0 < rate < float("inf") else start_ns
    kind = "L" if encoding == _TEXT else "D"
    return Header(station, stream, start_ns, end_ns, str(version), kind), length
