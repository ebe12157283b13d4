"""When the records of a file end, from their headers alone: nothing is decoded.

Runs of miniSEED 2 records of one length with blockette 1000 in its usual place, which is nearly
everything that telemetry sends, are read as columns; anything else record by record by libmseed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pymseed.clib import clibmseed, ffi

from seiswarn.ingest.miniseed import HEADER
from seiswarn.timebase import NS

I64 = npt.NDArray[np.int64]

UNKNOWN_NS = -(2**62)  # before all times
_ONE_BY_ONE = 1024  # records read by libmseed before columns are tried again
_ALL = 1 << 40
_WORTHWHILE = 16  # records in a run that is read as columns
# Fixed section of the data header and blockette 1000: SEED 2.4, chapter 8.
_FIELDS = {
    "quality": ("u1", 6),
    "year": (">u2", 20),
    "day": (">u2", 22),
    "hour": ("u1", 24),
    "minute": ("u1", 25),
    "second": ("u1", 26),
    "fraction": (">u2", 28),  # 0.1 ms
    "count": (">u2", 30),
    "factor": (">i2", 32),
    "multiplier": (">i2", 34),
    "activity": ("u1", 36),
    "correction": (">i4", 40),  # 0.1 ms
    "blockette": (">u2", 48),
    "exponent": ("u1", 54),  # of 2: record length
}
_HEAD_BYTES = 56
_CORRECTED = 0x02  # activity flag: the correction is already in the time
_QUALITIES = tuple(b"DRQM")


def index(view: memoryview, at_once: int, overlap: int) -> Iterator[tuple[I64, I64, int]]:
    """The records of `view` from front to back, up to `at_once` at a time.

    Parameters
    ----------
    overlap
        whole portions are cut short by as many records, which the next one begins with: whoever
        looks at what follows a record has it in the same portion.

    Yields
    ------
    offsets, last_ns, stop
        (n,) where each begins, with what is damaged before the first one or behind it taken into
        a record; time of its last sample, `UNKNOWN_NS` when that cannot be told; where the
        portion ends.
    """
    offset = 0
    while offset < len(view):
        offsets, last_ns, stop = _columns(view, offset, at_once + overlap)
        if len(offsets) < _WORTHWHILE:
            offsets, last_ns, stop = _one_by_one(view, offset, min(at_once, _ONE_BY_ONE))
        elif len(offsets) == at_once + overlap:
            stop = int(offsets[at_once]) if overlap else stop
            offsets, last_ns = offsets[:at_once], last_ns[:at_once]
        yield offsets, last_ns, stop
        offset = stop


def _columns(view: memoryview, offset: int, at_most: int) -> tuple[I64, I64, int]:
    """The regular records from `offset` on, up to the first that is none."""
    nothing = np.zeros(0, dtype=np.int64)
    if len(view) < offset + _HEAD_BYTES or not 6 < view[offset + 54] < 20:
        return nothing, nothing, offset
    length = 1 << view[offset + 54]
    n = min((len(view) - offset) // length, at_most)
    if n == 0:
        return nothing, nothing, offset
    head = _heads(view, offset, length, n)
    year, day, factor = head["year"], head["day"], head["factor"]
    regular = np.isin(head["quality"], _QUALITIES) & (head["blockette"] == 1000)
    regular &= (head["exponent"] == view[offset + 54]) & (head["count"] > 0) & (factor != 0)
    regular &= (year >= 1900) & (year <= 2100) & (day >= 1) & (day <= 366)
    regular &= (head["hour"] < 24) & (head["minute"] < 60) & (head["second"] <= 60)
    n = n if regular.all() else int(np.argmin(regular))
    if n and not _begins(view, offset + length * n):
        n -= 1  # bytes are missing in it, or follow it: not for here
    offsets = offset + length * np.arange(n, dtype=np.int64)
    return offsets, _last_ns(head[:n]), offset + length * n


def _heads(view: memoryview, offset: int, length: int, n: int) -> npt.NDArray[np.void]:
    """The fixed headers of `n` records of one length."""
    kind = np.dtype(
        {
            "names": list(_FIELDS),
            "formats": [form for form, _ in _FIELDS.values()],
            "offsets": [at for _, at in _FIELDS.values()],
            "itemsize": length,
        }
    )
    return np.frombuffer(view, kind, n, offset)


def _begins(view: memoryview, offset: int) -> bool:
    """Whether a record may begin at `offset`, or the file ends there."""
    return offset == len(view) or HEADER.match(view, offset) is not None


def _last_ns(head: npt.NDArray[np.void]) -> I64:
    """Times (n,) of the last samples by the fixed headers, in ns."""
    return _times(head)[1]


def _times(head: npt.NDArray[np.void]) -> tuple[I64, I64, npt.NDArray[np.float64]]:
    """Times (n,) of the first and the last samples by the fixed headers, in ns, and rates in Hz."""
    years = (head["year"].astype(np.int64) - 1970).astype("datetime64[Y]")
    days = years.astype("datetime64[D]").astype(np.int64) + head["day"] - 1
    seconds = 60 * (60 * head["hour"].astype(np.int64) + head["minute"]) + head["second"]
    tenths = head["fraction"].astype(np.int64)
    tenths += np.where(head["activity"] & _CORRECTED, 0, head["correction"])
    factor, multiplier = head["factor"].astype(np.float64), head["multiplier"].astype(np.float64)
    rate = np.where(factor > 0, factor, -1.0 / factor)
    multiplier[multiplier == 0] = 1.0
    rate *= np.where(multiplier > 0, multiplier, -1.0 / multiplier)
    length = np.rint((head["count"].astype(np.float64) - 1.0) * NS / rate).astype(np.int64)
    first: I64 = (86_400 * days + seconds) * NS + tenths * 100_000
    return first, first + length, rate


def _one_by_one(view: memoryview, offset: int, at_most: int) -> tuple[I64, I64, int]:
    """Records of any kind from `offset` on, by libmseed, without their samples."""
    offsets: list[int] = []
    times: list[int] = []
    begin, end = offset, len(view)
    source = ffi.from_buffer(view)
    record = clibmseed.msr3_init(ffi.NULL)
    holder = ffi.new("MS3Record **", record)
    try:
        while offset < end and len(offsets) < at_most:
            failed = clibmseed.msr3_parse(source + offset, end - offset, holder, 0, 0)
            if failed or not _begins(view, offset + record.reclen):
                # A record that others begin in would be cut in two with them: it stays with the one before.
                following = HEADER.search(view, offset + 1)
                offset = following.start() if following else end
                continue
            offsets.append(offset)
            known = record.samplecnt > 0 and 0.001 <= record.samprate < 1e6
            length = round((record.samplecnt - 1) * NS / record.samprate) if known else 0
            last = record.starttime + length
            times.append(last if -(2**61) < last < 2**61 else UNKNOWN_NS)
            offset += record.reclen
    finally:
        clibmseed.msr3_free(holder)
        ffi.release(source)
    if not offsets:
        return np.array([begin]), np.array([UNKNOWN_NS]), end
    offsets[0] = begin
    return np.array(offsets, dtype=np.int64), np.array(times, dtype=np.int64), offset


class Spans(NamedTuple):
    """Whole records of a file: where they begin, their bytes, times of first and last samples, rates.

    All are (n,); offsets, lengths and times in ns are int64.
    """

    offsets: I64
    lengths: I64
    first_ns: I64
    last_ns: I64
    rate_hz: npt.NDArray[np.float64]


def spans(view: memoryview) -> Spans:
    """The whole records of `view` that have samples, in stored order; anything else is passed over."""
    parts: list[Spans] = []
    offset = 0
    while offset < len(view):
        regular, offset = _regular_spans(view, offset)
        if len(regular.offsets):
            parts.append(regular)
        single, offset = _single_spans(view, offset)
        if len(single.offsets):
            parts.append(single)
    return joined(parts)


def joined(parts: Sequence[Spans]) -> Spans:
    """One after the other, as a copy."""
    if not parts:
        nothing = np.zeros(0, dtype=np.int64)
        return Spans(nothing, nothing, nothing, nothing, np.zeros(0))
    offsets, lengths, first, last = (np.concatenate([part[k] for part in parts]) for k in range(4))
    return Spans(offsets, lengths, first, last, np.concatenate([part.rate_hz for part in parts]))


def _regular_spans(view: memoryview, offset: int) -> tuple[Spans, int]:
    offsets, _, stop = _columns(view, offset, _ALL)
    if not len(offsets):
        return joined(()), offset
    length = (stop - offset) // len(offsets)
    head = _heads(view, offset, length, len(offsets))
    first, last, rate = _times(head)
    return Spans(offsets, np.full(len(offsets), length), first, last, rate), stop


def _single_spans(view: memoryview, offset: int) -> tuple[Spans, int]:
    """Records that are not regular, one by one, until regular ones may follow."""
    found: list[tuple[int, int, int, int, float]] = []
    source = ffi.from_buffer(view)
    record = clibmseed.msr3_init(ffi.NULL)
    holder = ffi.new("MS3Record **", record)
    seen = 0
    try:
        while offset < len(view) and seen < _ONE_BY_ONE:
            if clibmseed.msr3_parse(source + offset, len(view) - offset, holder, 0, 0):
                following = HEADER.search(view, offset + 1)
                offset = following.start() if following else len(view)
                continue
            seen += 1
            n, rate, start = record.samplecnt, record.samprate, record.starttime
            if n > 0 and 0.001 <= rate < 1e6 and -(2**61) < start < 2**61:
                last = start + round((n - 1) * NS / rate)
                found.append((offset, record.reclen, start, last, rate))
            offset += record.reclen
    finally:
        clibmseed.msr3_free(holder)
        ffi.release(source)
    offsets, lengths, first, last = np.array([row[:4] for row in found], dtype=np.int64).reshape(-1, 4).T
    return Spans(offsets, lengths, first, last, np.array([row[4] for row in found])), offset
