"""One pipeline with its two journals: what the live core and a replay have in common.

Each slice is journaled before it is handled; each message that follows is journaled with its
sequence number before anyone else sees it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from seiswarn.errors import InvariantError, JournalFull
from seiswarn.messages import DataError, Message, Slice, decode, encode
from seiswarn.pipeline import Pipeline
from seiswarn.reasons import Reason
from seiswarn.runtime.files import INPUT, OUTPUT, SNAPSHOT, START_SNAPSHOT
from seiswarn.runtime.slicer import Slicer
from seiswarn.store.journal import JournalReader, JournalWriter, Position
from seiswarn.store.segments import closed_name, forget
from seiswarn.timebase import NS

__all__ = ["INPUT", "OUTPUT", "SNAPSHOT", "Outlet", "Session", "Unjournaled", "drain"]

COMPLAIN_NS = 10 * NS
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NO_JOURNAL = "warnings go on, but a restart would lose the current event"
NO_SNAPSHOT = "warnings go on, but a restart would take longer"
MAX_DRAIN_NS = 900 * NS  # an event that has not ended this long after the last data never will

Outlet = Callable[[Message, int], None]


def drain(pipeline: Pipeline, slicer: Slicer, from_ns: int) -> Iterator[Slice]:
    """Slices of silence after the last data, until every event of `pipeline` has ended."""
    to_ns = from_ns
    yield from slicer.advance(to_ns)
    while pipeline.busy and to_ns - from_ns < MAX_DRAIN_NS:
        to_ns += NS
        yield from slicer.advance(to_ns)


class Unjournaled:
    """Runs slices through a pipeline and keeps nothing of it: what follows is only passed on.

    `outlet` is called with each new message and its sequence number, as that of a `Session`.
    """

    def __init__(self, pipeline: Pipeline, outlet: Outlet) -> None:
        self.pipeline = pipeline
        self._outlet = outlet

    def step(self, piece: Slice) -> None:
        """Handle a slice and pass on what follows."""
        before = self.pipeline.n_out
        for k, message in enumerate(self.pipeline.handle(piece), start=before + 1):
            self._outlet(message, k)

    def drain(self, slicer: Slicer, from_ns: int) -> Iterator[Slice]:
        """Slices of silence after the last data, until every event has ended."""
        return drain(self.pipeline, slicer, from_ns)


class _NoSpace(Exception):
    """The disk is too full for a snapshot."""


def _found(journal: Path, position: Position) -> Position | None:
    """Where a saved position lies in the growing file of a journal; None when that does not reach as far.

    Where the journal has gone on in a new file since, it is the beginning of that.
    """
    if not journal.exists():
        return None
    with JournalReader(journal) as reader:
        if reader.first_seq == position.seq + 1 and position.seq:
            return reader.begin
    return position if journal.stat().st_size >= position.offset else None


class _State(msgspec.Struct, frozen=True):
    """A snapshot file: the pipeline, and how far journals and sources had come then."""

    input: Position
    output: Position
    marks: dict[str, int]
    pipeline: bytes


class Session:
    """Runs slices through a pipeline, with journals in `folder`.

    Parameters
    ----------
    outlet
        called with each new message and its sequence number, after it is journaled.
    snapshot_ns
        how often, in data time, the state is saved; None never.
    keep_on
        go on without a journal when the disk is full, instead of raising.
    hold_bytes
        journals may keep back as much before they write, where nothing has to survive a crash.
    segment_bytes, keep_bytes
        a journal that has grown beyond this goes on in a new file with the next snapshot, and files are
        removed, the oldest first, beyond `keep_bytes` for both journals together; 0: neither.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        folder: Path,
        metadata: dict[str, Any],
        outlet: Outlet,
        *,
        snapshot_ns: int | None = None,
        keep_on: bool = False,
        hold_bytes: int = 0,
        segment_bytes: int = 0,
        keep_bytes: int = 0,
    ) -> None:
        self.pipeline = pipeline
        self._folder = folder
        self._segment_bytes, self._keep_bytes = segment_bytes, keep_bytes
        self.forgotten = 0  # files of journals that were removed
        self._outlet = outlet
        self._snapshot_ns = snapshot_ns
        self._next_snapshot_ns = 0
        self._keep_on = keep_on
        self._complained_ns = 0
        self.unjournaled = ""  # why the journal was given up
        self.marks: dict[str, int] = {}
        self.n_slices = 0
        self.recovered = 0
        state = self._saved()
        # What a snapshot covers was made safe before it: only what follows is read again.
        self._input, self._output = (
            JournalWriter(folder / name, metadata=metadata, after=after, hold_bytes=hold_bytes)
            for name, after in (
                (INPUT, state.input if state else None),
                (OUTPUT, state.output if state else None),
            )
        )
        if self._input.position.seq:
            self._recover(state)

    def step(self, piece: Slice) -> None:
        """Journal a slice, handle it, journal and pass on what follows.

        Raises
        ------
        JournalFull
            When `keep_on` is not set. With it, warnings matter more than the journal: it is given
            up loudly, with a DataError every 10 s of data, and the pipeline goes on.
        """
        self._write(self._input, [encode(piece)])
        before = self.pipeline.n_out
        messages = self._handle(piece)
        self._write(self._output, [encode(m) for m in messages])
        for k, message in enumerate(messages):
            self._outlet(message, before + 1 + k)
        if self.unjournaled:
            self._complain(piece, f"{self.unjournaled}; {NO_JOURNAL}")
        elif self._snapshot_ns is not None:
            # Not with the first slice: that of a nation takes seconds, and the journal covers the beginning.
            if not self._next_snapshot_ns:
                self._next_snapshot_ns = piece.t_seen_ns + self._snapshot_ns
            elif piece.t_seen_ns >= self._next_snapshot_ns:
                self._save_or_complain(piece)

    def _write(self, journal: JournalWriter, payloads: list[bytes]) -> None:
        if not payloads or self.unjournaled:
            return
        try:
            journal.append_many(payloads)
        except JournalFull as error:
            if not self._keep_on:
                raise
            self.unjournaled = str(error)

    def _save_or_complain(self, piece: Slice) -> None:
        try:
            self._save(piece.t_seen_ns)
        except _NoSpace as error:
            self._complain(piece, f"{SNAPSHOT}: {error}; {NO_SNAPSHOT}")

    def _complain(self, piece: Slice, detail: str) -> None:
        if piece.t_seen_ns - self._complained_ns < COMPLAIN_NS:
            return
        self._complained_ns = piece.t_seen_ns
        self._outlet(
            DataError(
                t_seen_ns=piece.t_seen_ns,
                subject=INPUT,
                reason=Reason.DISK_FULL,
                detail=detail,
                status=piece.status,
            ),
            0,
        )

    def drain(self, slicer: Slicer, from_ns: int) -> Iterator[Slice]:
        """Slices of silence after the last data, until every event has ended."""
        return drain(self.pipeline, slicer, from_ns)

    def close(self) -> None:
        self._input.close()
        self._output.close()

    def save(self) -> None:
        """Take a snapshot now, unless there is no journal it could belong to, or no space for it."""
        if self._snapshot_ns is None or self.unjournaled:
            return
        with suppress(_NoSpace):
            self._save(self.pipeline.t_seen_ns)

    def flush(self) -> None:
        self._input.flush()
        self._output.flush()

    def _handle(self, piece: Slice) -> list[Message]:
        self.n_slices += 1
        self.marks.update(piece.marks)
        return self.pipeline.handle(piece)

    def _save(self, t_seen_ns: int) -> None:
        if self._snapshot_ns is not None:
            self._next_snapshot_ns = t_seen_ns + self._snapshot_ns
        self.flush()
        longest = max(self._input.position.offset, self._output.position.offset)
        if self._segment_bytes and longest >= self._segment_bytes:
            self.cut()
            return
        self._write_snapshot()

    def stand_in(self, pipeline: Pipeline, metadata: dict[str, Any]) -> None:
        """Go on with another pipeline, which has taken over from this one, in new files of the journals."""
        self.pipeline = pipeline
        if self.unjournaled:
            return
        try:
            self.cut(metadata)
        except _NoSpace as error:
            # Old and new parameters in one file could not be replayed.
            self.unjournaled = str(error)

    def cut(self, metadata: dict[str, Any] | None = None) -> None:
        """Go on in new files, which begin with a snapshot; what is left of the old ones can be replayed.

        A crash between the two journals, or before the snapshot, costs nothing: the snapshot before says
        how far both had come, and each file the number it begins with.
        """
        self._write_snapshot()
        for journal in (self._input, self._output):
            try:
                journal.rotate(closed_name(Path(journal.path), journal.first_seq), metadata)
            except JournalFull as error:
                raise _NoSpace(str(error)) from error
        self._write_snapshot()
        first = f"{self._input.first_seq:012d}"
        kept = self._folder / START_SNAPSHOT.format(seq=first)
        with suppress(OSError):
            kept.unlink(missing_ok=True)
            os.link(self._folder / SNAPSHOT, kept)
        if self._keep_bytes:
            outputs = self._keep_bytes // 4  # what was said is a fraction of what was heard
            self.forgotten += forget(self._folder / OUTPUT, outputs)
            left = self._keep_bytes - outputs
            self.forgotten += forget(self._folder / INPUT, left, Path(START_SNAPSHOT).name)

    def _write_snapshot(self) -> None:
        positions = self._input.position, self._output.position
        state = msgspec.msgpack.encode(_State(*positions, self.marks, self.pipeline.snapshot()))
        path = self._folder / SNAPSHOT
        beside = path.with_name(f".{path.name}.part")
        try:
            beside.write_bytes(state)
        except OSError as error:
            beside.unlink(missing_ok=True)
            if self._keep_on and error.errno in NO_SPACE:
                raise _NoSpace(error.strerror) from error
            raise
        beside.replace(path)

    def _saved(self) -> _State | None:
        """The last snapshot, unless there is none or the journals do not reach as far."""
        path = self._folder / SNAPSHOT
        if not path.exists():
            return None
        try:
            state = msgspec.msgpack.decode(path.read_bytes(), type=_State)
        except msgspec.MsgspecError:
            return None  # torn, or of another version: the journals hold everything
        input_at = _found(self._folder / INPUT, state.input)
        output_at = _found(self._folder / OUTPUT, state.output)
        if input_at is None or output_at is None:
            return None
        return msgspec.structs.replace(state, input=input_at, output=output_at)

    def _recover(self, state: _State | None) -> None:
        """Go on from the last snapshot and the journals behind it, saying nothing twice."""
        start = Position(0, 0)
        if state is not None:
            self.pipeline.restore(state.pipeline)
            self.marks.update(state.marks)
        with JournalReader(self._folder / OUTPUT) as reader:
            said = dict(reader.records(offset=(state.output if state else start).offset))
        with JournalReader(self._folder / INPUT) as reader:
            for _, payload in reader.records(offset=(state.input if state else start).offset):
                piece = decode(payload)
                if isinstance(piece, Slice):
                    self.recovered += 1
                    self._repeat(piece, said)
        if self._output.position.seq > self.pipeline.n_out:
            raise InvariantError(
                f"{OUTPUT} goes further than {INPUT}, of which a power failure must have cut off the end; "
                "move both away to begin a new run"
            )

    def _repeat(self, piece: Slice, said: dict[int, bytes]) -> None:
        seq = self.pipeline.n_out
        for message in self._handle(piece):
            seq += 1
            payload = encode(message)
            if seq not in said:
                if self._output.append(payload) != seq:
                    raise InvariantError(f"the output journal does not go on at {seq}")
                self._outlet(message, seq)
            elif said[seq] != payload:
                raise InvariantError(f"after recovery message {seq} differs from what was said before")
