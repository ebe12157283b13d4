"""How the files of a watched folder are read: piece by piece as miniSEED, or whole as K-NET ASCII."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from seiswarn.ingest.cutting import Cutter, Whole
from seiswarn.ingest.headers import spans
from seiswarn.ingest.knet import KnetError, KnetUnfinished, is_knet, parse_knet
from seiswarn.ingest.pack import SourcePacker
from seiswarn.reasons import Reason
from seiswarn.timebase import sample_offset_ns

AT_ONCE = 1 << 20  # bytes of a file of records
FOREIGN_BYTES = 1 << 16  # without a record in them, a file holds none
MAX_KNET_BYTES = 1 << 25  # 32 MiB; five minutes at 200 Hz take half a megabyte


class Piece(NamedTuple):
    """One record, how many bytes of the file are read with it, and when its last sample was."""

    payload: bytes
    end: int
    last_ns: int


class Verdict(NamedTuple):
    """Something that is wrong with a file."""

    reason: Reason
    detail: str


class Read(NamedTuple):
    """What came out of a file. `done`: nothing more is to be read from it, whatever it grows to."""

    records: list[Piece]
    verdicts: list[Verdict]
    done: bool = False


class Reading(Protocol):
    """One file under way."""

    @property
    def at_once(self) -> int:
        """Bytes to read at most."""
        ...

    @property
    def waiting(self) -> int:
        """Bytes read that are in no record yet."""
        ...

    @property
    def offset(self) -> int:
        """Where to read on."""
        ...

    def take(self, data: bytes) -> Read:
        """Bytes from `offset` on."""
        ...

    def settle(self) -> Read:
        """The file has not changed for long."""
        ...


class MiniseedReader:
    """Records of a file that may grow."""

    at_once = AT_ONCE

    def __init__(self, offset: int) -> None:
        self._cutter = Cutter(offset)
        self._any = offset > 0
        self._told = -1  # bytes read when the file's end was complained of

    @property
    def waiting(self) -> int:
        return self._cutter.waiting

    @property
    def offset(self) -> int:
        return self._cutter.offset + self._cutter.waiting

    def take(self, data: bytes) -> Read:
        records: list[Piece] = []
        verdicts: list[Verdict] = []
        whole: list[Whole] = []
        for item in self._cutter.feed(data):
            if isinstance(item, Whole):
                whole.append(item)
            else:
                text = f"{item.length} bytes at {item.offset} are in no miniSEED record"
                verdicts.append(Verdict(Reason.CORRUPT_RECORD, text))
        self._any = self._any or bool(whole)
        if not self._any and self.offset >= FOREIGN_BYTES:
            return Read([], [Verdict(Reason.FOREIGN_FILE, "no miniSEED in it")], done=True)
        last_ns = _ends([w.payload for w in whole])
        records = [Piece(w.payload, w.end, t) for w, t in zip(whole, last_ns, strict=True)]
        return Read(records, verdicts)

    def settle(self) -> Read:
        if not self._any:
            return Read([], [Verdict(Reason.FOREIGN_FILE, "no miniSEED in it")], done=True)
        if not self.waiting or self._told == self.offset:
            return Read([], [])
        self._told = self.offset
        text = f"ends with {self.waiting} bytes that are no whole record"
        return Read([], [Verdict(Reason.CORRUPT_RECORD, text)])


class KnetReader:
    """The one trace of a file that is read once it is whole."""

    at_once = MAX_KNET_BYTES

    def __init__(self, offset: int) -> None:
        self._done = offset > 0
        self._packer = SourcePacker(4096)
        self._problem = ""
        self.waiting = 0

    @property
    def offset(self) -> int:
        return 0

    def take(self, data: bytes) -> Read:
        if self._done:
            return Read([], [], done=True)
        self.waiting = len(data)
        try:
            trace = parse_knet(data)
            packed = self._packer.pack(trace.channel, trace.t0_ns, trace.rate_hz, trace.samples, "i4")
        except KnetUnfinished as error:
            self._problem = str(error)
            return Read([], [])
        except ValueError as error:
            self.waiting = 0
            foreign = isinstance(error, KnetError) and not is_knet(data)
            reason = Reason.FOREIGN_FILE if foreign else Reason.CORRUPT_RECORD
            return Read([], [Verdict(reason, str(error))], done=True)
        self._done, self.waiting = True, 0
        last_ns = trace.t0_ns + sample_offset_ns(len(trace.samples) - 1, trace.rate_hz)
        # The file is read when its last record is: only that one bears a number.
        ends = [0] * (len(packed) - 1) + [len(data)]
        return Read([Piece(p, end, last_ns) for p, end in zip(packed, ends, strict=True)], [], done=True)

    def settle(self) -> Read:
        if self._done or not self._problem:
            return Read([], [])
        text, self._problem = self._problem, ""
        return Read([], [Verdict(Reason.CORRUPT_RECORD, text)])


def _ends(payloads: list[bytes]) -> list[int]:
    """Times of the last samples, ns; of a record that has none, as if it were new."""
    newest = 2**62
    found = spans(memoryview(b"".join(payloads)))
    by_offset = dict(zip(found.offsets.tolist(), found.last_ns.tolist(), strict=True))
    ends, at = [], 0
    for payload in payloads:
        ends.append(by_offset.get(at, newest))
        at += len(payload)
    return ends
