"""Recordings as a SeedLink server releases them: records in order of the time at which they are due.

A feed is any iterable of `Released`, or of pairs of a time and a record.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from seiswarn.blocks import DTYPES
from seiswarn.errors import UsageError
from seiswarn.ingest.archive import Archive
from seiswarn.ingest.headers import I64, UNKNOWN_NS, index
from seiswarn.ingest.miniseed import HEADER
from seiswarn.ingest.pack import Packer
from seiswarn.messages import PacketBlock
from seiswarn.serve.header import Header, header_and_length, split_source_id
from seiswarn.timebase import NS, from_seconds

_HEAD_BYTES = 4096  # looked at to tell what a file is
_CHUNK = 1 << 16  # records whose headers are read at a time
_RECLENS = tuple(1 << k for k in range(7, 17))  # of miniSEED 2, SEED 2.4 chapter 8, as far as libmseed packs


class Released(NamedTuple):
    """A record, and the data time at which it is let out. Without a header, it is read from the record."""

    t_ns: int
    record: bytes
    header: Header | None = None


def streams_of(archive: Archive) -> list[tuple[str, str]]:
    """Station and stream of each channel of `archive`, for `Ring.declare`.

    Channels whose names are no FDSN source identifiers cannot be asked for and are left out.
    """
    found = []
    for channel in archive.channels:
        try:
            found.append(split_source_id(channel))
        except ValueError:
            continue
    return found


def packets(
    archive: Archive, packet_s: float, *, latency_s: float = 0.0, reclen: int = 512, version: int = 2
) -> Iterator[Released]:
    """The samples of `archive` in records of `packet_s` seconds, due at their last sample plus `latency_s`.

    Samples and times are those of the archive. A packet that needs more than one record of `reclen`
    bytes comes as several, due together.

    Raises
    ------
    UsageError
        When the length of packets or records, or the latency, makes no sense.
    """
    if version == 2 and reclen not in _RECLENS:
        raise UsageError(
            f"a record has {_RECLENS[0]}, {2 * _RECLENS[0]}, ... {_RECLENS[-1]} bytes, not {reclen}"
        )
    blocks = archive.blocks(packet_s, latency_s)
    return _packed(blocks, Packer(reclen, version), str(version))


def _packed(blocks: Iterator[PacketBlock], packer: Packer, format: str) -> Iterator[Released]:
    names: dict[str, tuple[str, str] | None] = {}
    for block in blocks:
        t0 = np.frombuffer(block.t0_ns, "<i8").tolist()
        seen = np.frombuffer(block.t_seen_ns, "<i8").tolist()
        rates = np.frombuffer(block.rate_hz, "<f8").tolist()
        counts = np.frombuffer(block.n_samples, "<i4").tolist()
        samples = np.frombuffer(block.samples, DTYPES[block.dtype])
        end = 0
        for channel, t0_ns, t_ns, rate_hz, n in zip(block.channels, t0, seen, rates, counts, strict=True):
            begin, end = end, end + n
            if channel not in names:
                names[channel] = _name(channel)
            name = names[channel]
            if name is None:
                continue
            header = Header(*name, t0_ns, t0_ns + round(n * NS / rate_hz), format)
            records = packer.pack(channel, t0_ns, rate_hz, samples[begin:end], block.dtype)
            if len(records) == 1:
                yield Released(t_ns, records[0], header)
            else:
                yield from (Released(t_ns, record) for record in records)


def _name(channel: str) -> tuple[str, str] | None:
    try:
        return split_source_id(channel)
    except ValueError:
        return None


@dataclass(slots=True)
class Stored:
    """The records of an archive, byte for byte. Build it with `stored`."""

    views: list[memoryview]
    file: I64  # (n,) index of `views`
    begin: I64  # (n,) offsets
    end: I64
    due_ns: I64
    latency_ns: int = 0
    skipped: int = 0  # stretches of bytes that are no record, or are dated outside the archive

    def __iter__(self) -> Iterator[Released]:
        columns = (self.due_ns, self.file, self.begin, self.end)
        for t_ns, k, begin, end in zip(*(c.tolist() for c in columns), strict=True):
            found = 0
            for record, header in _records(self.views[k], begin, end):
                # Beside damage, there may be more than the record that the time is of.
                t_ns = t_ns if not found else max(t_ns, header.end_ns + self.latency_ns)
                yield Released(t_ns, record, header)
                found += 1
            self.skipped += not found


def _records(view: memoryview, begin: int, end: int) -> Iterator[tuple[bytes, Header]]:
    """The records among the bytes of `view` between `begin` and `end`."""
    found = HEADER.search(view, begin, end)
    while found is not None:
        begin = found.start()
        try:
            header, length = header_and_length(view[begin:end])
        except ValueError:
            length = 1
        else:
            yield bytes(view[begin : begin + length]), header
        found = HEADER.search(view, begin + length, end)


def stored(archive: Archive, *, latency_s: float = 0.0) -> Stored:
    """The records as they are stored, each due at its last sample plus `latency_s`, whatever is in them.

    Files are mapped, not read. Records dated outside what `open_archive` took for the recording are
    left out.

    Raises
    ------
    UsageError
        When the latency makes no sense.
    """
    if not 0.0 <= latency_s < float("inf"):
        raise UsageError(f"latency must be zero or more seconds, not {latency_s}")
    views: list[memoryview] = []
    rows: list[tuple[I64, I64, I64, I64]] = []
    for path in _files(archive.path):
        with path.open("rb") as stream:
            view = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
        for offsets, last_ns, stop in index(view, _CHUNK, 0):
            rows.append((np.full(len(offsets), len(views)), offsets, np.append(offsets[1:], stop), last_ns))
        views.append(view)
    file, begin, end, last = (np.concatenate(c) for c in zip(*rows, strict=True))
    good = (last != UNKNOWN_NS) & (last >= archive.start_ns) & (last <= archive.end_ns)
    order = np.flatnonzero(good)[np.lexsort((begin[good], file[good], last[good]))]
    latency_ns = from_seconds(latency_s)
    columns = (file[order], begin[order], end[order], last[order] + latency_ns)
    return Stored(views, *columns, latency_ns, int((~good).sum()))


def _files(path: Path) -> list[Path]:
    """Files that begin like records, or have some near their beginning."""
    if path.is_file():
        return [path]
    found = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
    return [p for p in found if p.suffix.lower() not in (".xml", ".stationxml") and _holds_records(p)]


def _holds_records(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return HEADER.search(stream.read(_HEAD_BYTES)) is not None
    except OSError:
        return False
