"""Following the core's output: from the journal, woken by what the core publishes.

The journal is the truth; the PUB socket says when to look. Only where the core had to give up its
journal (a full disk) are messages taken from the socket itself.
"""

from __future__ import annotations

from pathlib import Path

import zmq

from seiswarn.bus import Link, connect, unpack
from seiswarn.errors import BusError
from seiswarn.runtime.files import OUTPUT
from seiswarn.store.journal import JournalReader, Records
from seiswarn.store.segments import Segment, beginning_with, segments

LOOK_EVERY_S = 0.2  # also when nothing wakes us
MAX_BATCH = 2000


class Follower:
    """Records of a growing output journal, each once and in order.

    Attributes
    ----------
    seq
        the last record given out.
    lost
        records that neither the journal nor the socket had.
    """

    def __init__(self, folder: Path, endpoint: str) -> None:
        self._path = folder / OUTPUT
        self._segment_seq = 0  # number of the first record of the file that is read
        self._reader: JournalReader | None = None
        self._offset = 0
        self._heard: Records = []  # from the socket, not yet found in the journal
        self.seq = 0
        self.lost = 0
        self._socket = connect(zmq.SUB, endpoint, None, Link())
        self._socket.setsockopt(zmq.SUBSCRIBE, b"")

    def begin_after(self, seq: int) -> None:
        """Begin with the file that holds what follows record `seq`, where the journal has several.

        Records up to `seq` in that file are given out too.
        """
        segment = beginning_with(self._path, seq + 1)
        if segment is not None and segment.first_seq != self._segment_seq:
            self._switch(segment)
            if segment.first_seq > seq + 1:
                self.lost += segment.first_seq - seq - 1

    @property
    def run_id(self) -> str:
        """The run the journal belongs to; empty while there is none."""
        reader = self._open()
        return str(reader.metadata.get("run_id", "")) if reader is not None else ""

    def poll(self, timeout_s: float = LOOK_EVERY_S) -> Records:
        """What is new, after at most `timeout_s`; messages outside the journal carry number 0.

        Raises
        ------
        StoreError
            When the journal cannot be read or is damaged.
        """
        found = self._look()
        if found:
            return found
        if self._socket.poll(round(1000 * timeout_s)):
            self._listen()
        return self._look()

    def _look(self) -> Records:
        reader = self._open()
        records: Records = []
        if reader is not None:
            records, self._offset = reader.read_from(self._offset, max_records=MAX_BATCH)
            if not records and self._is_closed(reader):
                # Closed after it was read: what came in between is in it, then the next file follows.
                records, self._offset = reader.read_from(self._offset, max_records=MAX_BATCH)
                if not records and self._follow():
                    return self._look()
        if records:
            self.seq = records[-1][0]
        if len(records) < MAX_BATCH:
            records += self._unjournaled()
        return records

    def _unjournaled(self) -> Records:
        """What the core said though its journal does not have it: it is written there before it is said."""
        found: Records = []
        for seq, payload in self._heard:
            if seq == 0:
                found.append((seq, payload))
            elif seq > self.seq:
                self.lost += seq - self.seq - 1
                self.seq = seq
                found.append((seq, payload))
        self._heard.clear()
        return found

    def _listen(self) -> None:
        while True:
            try:
                frame = unpack(self._socket.recv_multipart(zmq.NOBLOCK))
            except zmq.Again:
                return
            except BusError:
                continue
            if frame.header.type != "Beat" and frame.payload:  # else it stands in the journal
                self._heard.append((frame.header.origin_seq, frame.payload))

    def _open(self) -> JournalReader | None:
        if self._reader is None and self._path.exists():
            reader = JournalReader(self._path)
            if not reader.metadata:
                reader.close()  # its head is not written yet
                return None
            self._reader, self._segment_seq = reader, reader.first_seq
        return self._reader

    def _is_closed(self, reader: JournalReader) -> bool:
        """Whether the journal goes on in another file."""
        try:
            return not reader.is_file(self._path)
        except OSError:
            return False  # between two names

    def _follow(self) -> bool:
        """Go on with the next file; whether there is one."""
        later, wanted = self._later(), max(self.seq + 1, self._segment_seq)
        if later and later[0].first_seq > wanted:
            later = self._later()  # a file may have been closed while the names were read
        if not later:
            return False
        self._switch(later[0])
        self.lost += max(0, self._segment_seq - wanted)
        return True

    def _later(self) -> list[Segment]:
        """Files that go on behind the one that is read; one that was closed empty shares its number."""
        return [
            s
            for s in segments(self._path)
            if s.first_seq > self._segment_seq or (s.first_seq == self._segment_seq and not self._is_read(s))
        ]

    def _is_read(self, segment: Segment) -> bool:
        try:
            return self._reader is not None and self._reader.is_file(segment.path)
        except OSError:
            return False

    def _switch(self, segment: Segment) -> None:
        reader = JournalReader(segment.path)
        if self._reader is not None:
            self._reader.close()
        self._reader, self._offset = reader, 0
        self._segment_seq = reader.first_seq

    def close(self) -> None:
        self._socket.close()
        if self._reader is not None:
            self._reader.close()
