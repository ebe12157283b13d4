"""miniSEED 2 and 3, bytes in, records out. No sockets, no files.

Damaged bytes cost only themselves: the parser resumes at the next record header it can find,
so every record that is whole comes out. Decoding is libmseed's (pymseed); on top of it this
module checks what libmseed only warns about, the last-sample word of Steim frames, since one
flipped bit in a difference is a step in the ground motion, which looks like an earthquake.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
import pymseed

from seiswarn.messages import SampleType
from seiswarn.reasons import Reason

# libmseed otherwise allocates and frees 1 MiB per decoded record: 2 to 3 times slower.
pymseed.set_prealloc_block_size(0)

# A fixed header as libmseed detects it: sequence number, quality, and a blank (version 2); or
# the signature with the version number (version 3).
HEADER = re.compile(rb"[0-9 \x00]{6}[DRQM][ \x00]|MS\x03")
STEIM = frozenset((10, 11))  # encoding numbers of SEED 2.4, appendix B
_TEXT = 0
_DTYPES: dict[str, SampleType] = {"i": "i4", "f": "f4", "d": "f8"}
_ERRORS = (pymseed.MiniSEEDError, ValueError, OverflowError)


class Record(msgspec.Struct, frozen=True, gc=False):
    """One decoded record: `samples` are little-endian, type `dtype`, the first at `t0_ns`."""

    channel: str  # FDSN source identifier
    t0_ns: int
    rate_hz: float
    dtype: SampleType
    samples: bytes

    @property
    def n_samples(self) -> int:
        return len(self.samples) // (8 if self.dtype == "f8" else 4)


class Damage(msgspec.Struct, frozen=True):
    """Bytes that gave no usable record: where, how many, and why."""

    offset: int
    length: int
    reason: Reason
    detail: str
    channel: str = ""  # when the header could still be read


def is_miniseed(head: bytes) -> bool:
    """True when `head` (the first 8 bytes or more of a file) begins like a record."""
    return HEADER.match(head) is not None


def parse_records(data: bytes | memoryview, *, check_last_sample: bool = True) -> Iterator[Record | Damage]:
    """Every whole record in `data` in stored order, and a `Damage` for each stretch in between.

    Parameters
    ----------
    data
        any number of records of any lengths, with any damage.
    check_last_sample
        refuse Steim records whose last sample is not the one stored in their first frame.

    Notes
    -----
    A record that does not decode, or whose bytes hold the header of another whole record (its
    length field was hit, or bytes are missing), is damage up to that next header. Records of
    logs (text), without samples, or without a sampling rate are reported as `Damage` with their
    own reasons. A flipped bit in a station code or a time stays inside the format: what follows
    from it is for the `Doorkeeper` and the waveform stage to see. Raises nothing on bad data.
    """
    view = memoryview(data)
    offset, usual_length = 0, 0
    while offset < len(view):
        item, length, problem = judge(view, offset, usual_length, check_last_sample)
        if item is None:
            damage = up_to_next(view, offset, usual_length, problem, check_last_sample)
            yield damage
            offset += damage.length
            continue
        yield item if isinstance(item, Record) else msgspec.structs.replace(item, offset=offset)
        usual_length = length
        offset += length


def judge(
    view: memoryview, offset: int, usual_length: int, check: bool = True
) -> tuple[Record | Damage | None, int, str]:
    """What begins at `offset`, its length, and what is wrong when it is no whole record."""
    item, length, problem = _parse_one(view[offset:], check)
    # The two ways in which a damaged record can hide a whole one unnoticed.
    suspect = item is not None and (length != usual_length or not _self_checking(view[offset:]))
    if suspect and record_inside(view, offset, length):
        return None, 0, "another record begins inside it"
    return item, length, problem


def up_to_next(view: memoryview, offset: int, usual_length: int, problem: str, check: bool = True) -> Damage:
    """The damage at `offset`, up to the next whole record."""
    end = offset
    while end < len(view):
        following = HEADER.search(view, end + 1)
        end = following.start() if following else len(view)
        if following and judge(view, end, usual_length, check)[0] is not None:
            break
    return Damage(offset, end - offset, Reason.CORRUPT_RECORD, problem)


def _parse_one(view: memoryview, check: bool) -> tuple[Record | Damage | None, int, str]:
    """The record at the start of `view`, its length, and what is wrong when there is none."""
    try:
        raw = pymseed.MS3Record.parse(view, unpack_data=True)
        length, encoding = raw.reclen, raw.encoding
        channel, kind, rate = raw.sourceid, raw.sampletype, raw.samprate
        dtype = _DTYPES.get(kind or "")
        if raw.samplecnt <= 0:
            return Damage(0, length, Reason.EMPTY, "a record without samples", channel), length, ""
        if encoding == _TEXT or kind == "t":
            return Damage(0, length, Reason.NOT_SEISMIC, "a log record (text)", channel), length, ""
        if dtype is None or raw.numsamples != raw.samplecnt:
            return None, 0, f"encoding {encoding} cannot be decoded"
        samples = bytes(raw.datasamples)
        t0_ns = raw.starttime
    except _ERRORS as error:
        return None, 0, str(error)
    if check and encoding in STEIM and not _last_sample_agrees(view, samples):
        return None, 0, "the last sample differs from the one stored in the first Steim frame"
    if not 0.0 < rate < float("inf"):
        return Damage(0, length, Reason.BAD_RATE, f"sampling rate {rate} Hz", channel), length, ""
    return Record(channel, t0_ns, rate, dtype, samples), length, ""


def _last_sample_agrees(view: memoryview, samples: bytes) -> bool:
    """Compare with word XN of the first Steim frame (SEED 2.4, appendix B), in either byte order."""
    if bytes(view[:3]) == b"MS\x03":
        return True  # version 3 carries a CRC over everything
    begin = int.from_bytes(view[44:46], "big")
    if not 48 <= begin < 4096 or begin % 4:  # a little-endian header
        begin = int.from_bytes(view[44:46], "little")
    stored = bytes(view[begin + 8 : begin + 12])
    last = samples[-4:]
    return last in (stored, stored[::-1])


def _self_checking(view: memoryview) -> bool:
    """True for records whose samples are guarded: by a CRC (version 3) or as Steim frames."""
    return bytes(view[:3]) == b"MS\x03" or (len(view) > 52 and view[52] in STEIM)  # blockette 1000


def record_inside(view: memoryview, offset: int, length: int) -> bool:
    """True when another whole record begins inside the `length` bytes at `offset`."""
    inner = HEADER.search(view, offset + 1, offset + length)
    while inner is not None:
        if _parse_one(view[inner.start() :], True)[0] is not None:
            return True
        inner = HEADER.search(view, inner.start() + 1, offset + length)
    return False
