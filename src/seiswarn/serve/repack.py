"""Records in another version of miniSEED or another length, with the same samples and times."""

from __future__ import annotations

from collections.abc import Sequence

import pymseed

from seiswarn.ingest.pack import FLOAT32, FLOAT64, INT32, STEIM2

_LARGEST = 1 << 20  # bytes; of a record that has to stay one
_ERRORS = (pymseed.MiniSEEDError, ValueError, OverflowError)


def convert(record: bytes, version: int, reclen: int | None = None) -> Sequence[bytes]:
    """`record` in `version`, as records of `reclen` bytes or, without it, as one; none when it cannot be.

    Quality, flags and extra headers are kept as far as libmseed carries them from one version to
    the other; encodings are kept.
    """
    try:
        raw = pymseed.MS3Record.parse(record, unpack_data=True)
        if raw.samplecnt <= 0 or raw.numsamples != raw.samplecnt:
            return ()
        raw.formatversion = version
        if raw.encoding not in (0, 1, INT32, FLOAT32, FLOAT64, 10, STEIM2):
            raw.encoding = {"i": STEIM2, "f": FLOAT32, "d": FLOAT64}[raw.sampletype]
        raw.reclen = reclen if reclen is not None else _one_record(len(record))
        out = list(raw.generate())
    except (*_ERRORS, KeyError):
        return ()
    return out if reclen is not None or len(out) == 1 else ()


def _one_record(length: int) -> int:
    """A record length, a power of two, that is enough for what had `length` bytes in another version."""
    return min(1 << (2 * length + 127).bit_length(), _LARGEST)
