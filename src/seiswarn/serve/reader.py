"""From the ring to one client: which packets it gets, in which bytes, and when it has had them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from seiswarn.ingest.pack import V3_BYTES
from seiswarn.serve.repack import convert
from seiswarn.serve.ring import Entry, Ring, Stream, seq_v3
from seiswarn.serve.selectors import NATIVE, Request, Requests
from seiswarn.timebase import NS

State = Literal["more", "waiting", "done", "lost"]
_SCAN = 2048  # packets looked at in one go, so that no client holds up the others
_AFTER_NS = 30 * NS  # choice: data this far past a time window end it, though a stream stays behind


class _Want(NamedTuple):
    """How the packets of a stream reach a client; `plain` when all of them do, as they are."""

    request: Request
    filter: str
    plain: bool


class Reader:
    """The place of one client in the ring.

    Parameters
    ----------
    ring
        what is served.
    requests
        what the client asked for.
    version
        3 or 4, of SeedLink.
    dialup
        end with what the ring holds now.
    """

    def __init__(self, ring: Ring, requests: Requests, version: int, dialup: bool) -> None:
        self._ring, self._requests, self._version = ring, requests, version
        starts = [r.start_seq for r in requests.all if r.start_seq is not None]
        self.seq = max(ring.first_seq, min(starts, default=ring.next_seq))
        self._end = ring.next_seq if dialup else None
        windows = [r.until_ns for r in requests.all]
        self._until = max((w for w in windows if w is not None), default=None) if all(windows) else None
        self._wants: dict[Stream, _Want | None] = {}
        self.sent = 0  # packets
        self.unconverted = 0  # packets left out since they have no form that the client takes

    @property
    def lost(self) -> int:
        """Packets that the ring forgot before the client got them."""
        return max(0, self._ring.first_seq - self.seq)

    def take(self, at_least: int) -> tuple[bytes, State]:
        """The next bytes to send, a little more than `at_least` if there are so many, and what comes after.

        "more": call again; "waiting": when packets have come; "done": the end, which the bytes do not
        say yet; "lost": the ring has forgotten what comes next.
        """
        if self.seq < self._ring.first_seq:
            return b"", "lost"
        stop = self._ring.next_seq if self._end is None else self._end
        entries = self._ring.slice(self.seq, min(_SCAN, stop - self.seq))
        out: list[bytes] = []
        size = 0
        for entry in entries:
            want = self._want(entry.stream)
            self.seq += 1
            if want is None or not (want.plain or _inside(entry, want.request)):
                continue
            size += self._put(out, entry, want)
            if size >= at_least:
                break
        if self.seq < stop:
            return b"".join(out), "more"
        return b"".join(out), "done" if self._end is not None or self._window_over() else "waiting"

    def _want(self, stream: Stream) -> _Want | None:
        try:
            return self._wants[stream]
        except KeyError:
            found = self._requests.of(stream)
            want = None
            if found is not None:
                request, name = found
                same = request.since_ns is None and request.until_ns is None
                begun = request.start_seq is not None and request.start_seq <= self.seq
                want = _Want(request, name, same and begun)
            self._wants[stream] = want
            return want

    def _put(self, out: list[bytes], entry: Entry, want: _Want) -> int:
        """Append the packet of `entry`; the bytes it has."""
        before = len(out)
        if self._version == 4:
            self._put_v4(out, entry, want.filter)
        else:
            parts = entry.parts
            if parts is None:
                parts = entry.parts = _parts_v3(entry)
            # A client that lost its connection between the parts of a packet asks for it again.
            out.extend(seq_v3(entry.seq - (k < len(parts) - 1)) + part for k, part in enumerate(parts))
        self.sent += len(out) > before
        self.unconverted += len(out) == before
        return sum(map(len, out[before:]))

    def _put_v4(self, out: list[bytes], entry: Entry, name: str) -> None:
        if name in (NATIVE, entry.stream.format):
            out.append(entry.head)
            out.append(entry.record)
            return
        for record in convert(entry.record, int(name)):
            kind = Stream(entry.stream.station, entry.stream.stream, name, entry.stream.subformat)
            out.append(Entry(entry.seq, kind, entry.start_ns, entry.end_ns, record).head)
            out.append(record)

    def _window_over(self) -> bool:
        """Whether the time windows of all requests lie behind the data."""
        if self._until is None:
            return False
        if self._ring.finished:
            return True
        if self._ring.newest_ns < self._until:
            return False
        # Streams that are known and silent might still come.
        newest = [s.entries[-1].end_ns if s.entries else 0 for s in self._ring.streams if self._want(s)]
        return bool(newest) and (min(newest) >= self._until or max(newest) >= self._until + _AFTER_NS)


def _inside(entry: Entry, request: Request) -> bool:
    """SeedLink 4, DATA: the number is not before the one asked for, and the times meet the window."""
    return (
        (request.start_seq is None or entry.seq >= request.start_seq)
        and (request.since_ns is None or entry.end_ns > request.since_ns)
        and (request.until_ns is None or entry.start_ns < request.until_ns)
    )


def _parts_v3(entry: Entry) -> Sequence[bytes]:
    """The packet as records of miniSEED 2 of 512 bytes; as it is when it claims to be one and is none."""
    if entry.stream.format == "2" and len(entry.record) == V3_BYTES:
        return (entry.record,)
    parts = convert(entry.record, 2, V3_BYTES)
    return parts if parts or entry.stream.format != "2" else (entry.record,)
