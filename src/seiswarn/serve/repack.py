"""Records in another version of miniSEED or another length, with the same samples and times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pymseed

from seiswarn.messages import SampleType

V3_BYTES = 512  # the one length of a record in SeedLink 3
STEIM2, INT32, FLOAT32, FLOAT64 = 11, 3, 4, 5  # SEED 2.4, blockette 1000, field 3
_KINDS: dict[SampleType, tuple[str, int]] = {"i4": ("i", STEIM2), "f4": ("f", FLOAT32), "f8": ("d", FLOAT64)}
_LARGEST = 1 << 20  # bytes; of a record that has to stay one
_ERRORS = (pymseed.MiniSEEDError, ValueError, OverflowError)


class Packer:
    """Packs samples of any channel into records of one version and length.

    Integers become Steim2, or plain integers where a difference needs more than its 30 bits.
    Version 2 keeps times to a microsecond, version 3 to a nanosecond.
    """

    def __init__(self, reclen: int = V3_BYTES, version: int = 2) -> None:
        self._record = pymseed.MS3Record()
        self._record.reclen, self._record.formatversion = reclen, version

    def pack(
        self, channel: str, t0_ns: int, rate_hz: float, samples: npt.NDArray[np.generic], dtype: SampleType
    ) -> list[bytes]:
        """The records that hold `samples` (n,) of `channel`, the first of them at `t0_ns`."""
        record = self._record
        kind, encoding = _KINDS[dtype]
        record.sourceid, record.starttime, record.samprate = channel, t0_ns, rate_hz
        record.encoding = encoding
        try:
            return list(record.generate(samples, kind))
        except pymseed.MiniSEEDError:
            if encoding != STEIM2:
                raise
            record.encoding = INT32
            return list(record.generate(samples, kind))


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
