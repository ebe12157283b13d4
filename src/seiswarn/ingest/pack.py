"""Samples packed into miniSEED records: what makes one kind of record of every source."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pymseed

from seiswarn.messages import SampleType

V3_BYTES = 512  # the one length of a record in SeedLink 3
STEIM2, INT32, FLOAT32, FLOAT64 = 11, 3, 4, 5  # SEED 2.4, blockette 1000, field 3
_KINDS: dict[SampleType, tuple[str, int]] = {"i4": ("i", STEIM2), "f4": ("f", FLOAT32), "f8": ("d", FLOAT64)}
# What fits the fixed header of version 2: SEED 2.4, chapter 8.
_FITS_2 = re.compile(r"FDSN:[^_]{1,2}_[^_]{1,5}_[^_]{0,2}_[^_]_[^_]_[^_]")


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


class SourcePacker:
    """Packs what a source of another format receives: version 2, or 3 where a code is too long for it.

    Version 2 is what every reader of an archive understands; it has no room for stations of more
    than five letters, as K-NET has them.
    """

    def __init__(self, reclen: int = V3_BYTES) -> None:
        self._two, self._three = Packer(reclen, 2), Packer(reclen, 3)

    def pack(
        self, channel: str, t0_ns: int, rate_hz: float, samples: npt.NDArray[np.generic], dtype: SampleType
    ) -> list[bytes]:
        """As of `Packer`. Raises ValueError for what no record can hold: odd codes, times, rates."""
        packer = self._two if _FITS_2.fullmatch(channel) else self._three
        try:
            return packer.pack(channel, t0_ns, rate_hz, samples, dtype)
        except (pymseed.MiniSEEDError, ValueError, OverflowError) as error:
            raise ValueError(f"cannot be packed as miniSEED: {error}") from error
