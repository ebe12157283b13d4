"""The packets a SeedLink server holds: the newest ones, numbered, up to a bound.

Numbers count all packets of the server, not those of a station, so that one number resumes a request
by wildcards too. They begin at 1 and never repeat; SeedLink 3 shows their last 24 bits.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterable, Sequence

from seiswarn.serve.header import Header, read_header, seed_name

DEFAULT_BYTES = 256 << 20  # choice: 326,000 records of 512 bytes, 2 minutes of 1,000 stations at 3/s
ENTRY_BYTES = 310  # what an entry takes beside its record, measured with CPython 3.11
_SIZES = struct.Struct("<IQ")  # length of the payload, sequence number: SeedLink 4, data transfer
_MASK_V3 = 0xFFFFFF  # sequence numbers of SeedLink 3 have 24 bits
_COMPACT = 4096  # forgotten places in front before they are given back


class Stream:
    """One station's stream in one format, and what the ring holds of it."""

    __slots__ = ("before", "behind", "entries", "format", "seed", "station", "stream", "subformat")

    def __init__(self, station: str, stream: str, format: str, subformat: str) -> None:
        self.station, self.stream = station, stream
        self.format, self.subformat = format, subformat
        self.seed = seed_name(stream)
        self.entries: deque[Entry] = deque()
        code = station.encode("ascii")
        # The parts of a SeedLink 4 packet header that are alike for all packets of the stream.
        self.before = b"SE" + format.encode("ascii") + subformat.encode("ascii")
        self.behind = bytes([len(code)]) + code


class Entry:
    """A numbered packet. `parts` are what SeedLink 3 sends of it, once somebody wanted them."""

    __slots__ = ("end_ns", "head", "parts", "record", "seq", "start_ns", "stream")

    def __init__(self, seq: int, stream: Stream, start_ns: int, end_ns: int, record: bytes) -> None:
        self.seq, self.stream = seq, stream
        self.start_ns, self.end_ns = start_ns, end_ns
        self.record = record
        self.head = stream.before + _SIZES.pack(len(record), seq) + stream.behind
        self.parts: Sequence[bytes] | None = None


class Ring:
    """The newest packets, numbered.

    Parameters
    ----------
    max_bytes
        of records with what it takes to hold them; older packets are forgotten beyond it.
    max_records
        the same as a number of packets.
    first_seq
        number of the first packet.
    """

    def __init__(
        self, *, max_bytes: int = DEFAULT_BYTES, max_records: int | None = None, first_seq: int = 1
    ) -> None:
        self.max_bytes, self.max_records = max_bytes, max_records
        self.finished = False  # nothing will follow
        self.closed = False  # all streams there will ever be are declared
        self.stations: dict[str, int] = {}  # number of streams by station
        self.n_bytes = 0
        self.newest_ns = 0  # end of the latest data that came
        self._entries: list[Entry | None] = []
        self._base = first_seq  # number of the packet at place 0
        self._gone = 0  # forgotten places in front
        self._streams: dict[tuple[str, str, str, str], Stream] = {}

    def __len__(self) -> int:
        return len(self._entries) - self._gone

    @property
    def first_seq(self) -> int:
        """Number of the oldest packet held; `next_seq` when there is none."""
        return self._base + self._gone

    @property
    def next_seq(self) -> int:
        """Number of the packet that comes next."""
        return self._base + len(self._entries)

    @property
    def streams(self) -> Iterable[Stream]:
        """All streams declared or seen, by the order of their first appearance."""
        return self._streams.values()

    @property
    def used(self) -> float:
        """Share of the bound that is used, 0 to 1: at 1 the oldest packets are being forgotten."""
        by_records = len(self) / self.max_records if self.max_records else 0.0
        return max(self.n_bytes / self.max_bytes, by_records)

    def declare(self, station: str, stream: str, format: str = "2", subformat: str = "D") -> Stream:
        """Make a stream known, perhaps before its first packet: INFO lists it and STATION finds it."""
        key = (station, stream, format, subformat)
        found = self._streams.get(key)
        if found is None:
            found = self._streams[key] = Stream(*key)
            self.stations[station] = self.stations.get(station, 0) + 1
        return found

    def add(self, record: bytes, header: Header | None = None) -> Entry:
        """Number `record` and hold it, forgetting the oldest ones beyond the bound.

        Parameters
        ----------
        record
            the bytes that clients get, whatever they are.
        header
            what is said of it; read from the record without it.

        Raises
        ------
        ValueError
            When no header is given and none can be read.
        """
        h = header if header is not None else read_header(record)
        stream = self._streams.get((h.station, h.stream, h.format, h.subformat))
        if stream is None:
            stream = self.declare(h.station, h.stream, h.format, h.subformat)
        entry = Entry(self.next_seq, stream, h.start_ns, h.end_ns, record)
        self._entries.append(entry)
        stream.entries.append(entry)
        self.n_bytes += len(record) + ENTRY_BYTES
        if h.end_ns > self.newest_ns:
            self.newest_ns = h.end_ns
        while len(self) > 1 and self.used > 1.0:
            self._forget()
        return entry

    def _forget(self) -> None:
        oldest = self._entries[self._gone]
        assert oldest is not None
        self._entries[self._gone] = None
        self._gone += 1
        oldest.stream.entries.popleft()
        self.n_bytes -= len(oldest.record) + ENTRY_BYTES
        if self._gone >= _COMPACT and 2 * self._gone >= len(self._entries):
            del self._entries[: self._gone]
            self._base += self._gone
            self._gone = 0

    def slice(self, seq: int, at_most: int) -> list[Entry]:
        """Up to `at_most` packets from number `seq` on; `seq` has to be held, or the next."""
        begin = seq - self._base
        return self._entries[begin : begin + at_most]  # type: ignore[return-value]

    def from_24_bits(self, low: int) -> int:
        """The largest number not beyond the next one whose last 24 bits are `low`, as SeedLink 3 asks for it.

        0 or less when there has been none: the number is of another ring.
        """
        seq = (self.next_seq & ~_MASK_V3) | (low & _MASK_V3)
        return seq if seq <= self.next_seq else seq - (_MASK_V3 + 1)


def seq_v3(seq: int) -> bytes:
    """Packet header of SeedLink 3 with the last 24 bits of `seq`."""
    return b"SL%06X" % (seq & _MASK_V3)
