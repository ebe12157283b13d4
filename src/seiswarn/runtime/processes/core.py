"""The core process: frames in, slices through the pipeline, messages out."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import msgspec
import zmq

from seiswarn.bus import Bound, Link, Publisher
from seiswarn.errors import BusError, UsageError
from seiswarn.ingest.base import Item
from seiswarn.ingest.freshest import Freshest
from seiswarn.messages import Message, PacketBlock, Tick, encode
from seiswarn.publish.sinks.file import write_atomically
from seiswarn.publish.sinks.zmq_pub import topic_of
from seiswarn.reasons import Reason
from seiswarn.runtime import clock
from seiswarn.runtime.files import RUN_FILE
from seiswarn.runtime.frames import Ack, Frame, pack_ack, unpack
from seiswarn.runtime.links import Incoming
from seiswarn.runtime.processes.base import LifeSign, StopRequest
from seiswarn.runtime.reload import Built, Reload, hand_over
from seiswarn.runtime.session import Session
from seiswarn.runtime.shards import OpenedStage
from seiswarn.runtime.slicer import Slicer, seen_span
from seiswarn.runtime.sources import open_sources
from seiswarn.runtime.spec import ProcessSpec
from seiswarn.runtime.suspects import suspect_line
from seiswarn.runtime.ticker import LiveTicks, SourceTicks, Ticker
from seiswarn.runtime.timing import StageTimes
from seiswarn.runtime.warm import compile_aside, warm
from seiswarn.timebase import NS, from_seconds, iso

ACK_EVERY_S = 0.1
ACK_AT_MOST_EVERY_S = 0.005
FRAMES_PER_TURN = 64  # then acknowledgements and heartbeats get their chance
log = logging.getLogger(__name__)


class Core:
    """One incarnation of the core.

    Raises
    ------
    UsageError
        When the sources cannot be opened or do not go together.
    """

    def __init__(self, spec: ProcessSpec, life: LifeSign) -> None:
        self._spec = spec
        self._life = life
        started_s = clock.monotonic_s()
        self._incarnation = f"{os.getpid()}-{clock.now_ns()}"
        self.counters: dict[str, float] = dict.fromkeys(
            ("packets", "refused", "frames", "repeated", "lost_frames", "handle_ms_max", "messages"), 0.0
        )
        aside = compile_aside()
        setup, feeds = open_sources(spec.sources, spec.config, spec.status)
        self._setup, self._feeds = setup, feeds
        life.give("loaded", 0, {})
        self._waveform = OpenedStage(setup.params.waveform, setup.table)
        pipeline = setup.pipeline(self._waveform.stage)
        warm(pipeline, aside)
        self._times = StageTimes()
        pipeline.observe = self._times.observe
        life.give("warm", 0, {})
        # An outlet that lags loses wake-ups, never messages: followers read the journal.
        self._out = Publisher(spec.endpoints.output, self._incarnation)
        self._facts = setup.facts()
        metadata = self._metadata()
        self._session = Session(
            pipeline,
            Path(spec.folder),
            metadata,
            self._outlet,
            snapshot_ns=from_seconds(spec.config.runtime.snapshot_s),
            keep_on=True,
            segment_bytes=spec.config.runtime.journal_file_mb << 20,
            keep_bytes=spec.config.runtime.journal_keep_mb << 20,
        )
        self._doorkeeper = setup.doorkeeper()
        self._slicer = Slicer(setup.step_ns, setup.status, pipeline.t_seen_ns or None)
        names = [source.name for source in spec.sources]
        self._ticker: Ticker = self._time(names)
        self._incoming = {name: Incoming(self._session.marks.get(name, 0)) for name in names}
        # One live source alone brings nothing that another had brought before.
        self._freshest = Freshest() if len(names) > 1 and not feeds else None
        self._last_packet_ns = 0
        self._drained = False
        self._reload = Reload(spec)
        self._acked_s = 0.0
        self._beat_s = 0.0
        self._stepped = False
        self._door = Bound(zmq.ROUTER, spec.endpoints.input, link=Link(send_hwm=1000, receive_hwm=1000))
        self.counters["setup_s"] = round(clock.monotonic_s() - started_s, 3)
        self._write_facts()

    def _metadata(self) -> dict[str, Any]:
        """What the journals note of the run at their heads."""
        return {
            "run_id": self._spec.run_id,
            "fingerprint": self._spec.fingerprint,
            "status": self._setup.status,
            "config_hash": self._facts["config_hash"],
        }

    def _time(self, names: list[str]) -> Ticker:
        """Live sources share a clock, by which time goes on without them; recorded ones make the time."""
        if self._feeds:
            return SourceTicks(names)
        return LiveTicks(names, clock.now_ns if self._spec.config.run.clock == "wall" else None)

    # --- the loop --------------------------------------------------------------------------

    def run(self, stop: StopRequest) -> None:
        """Work until told to stop; a last look at what has come meanwhile, then a snapshot."""
        while not stop:
            self._turn(ACK_EVERY_S)
            if stop.reload:
                stop.reload = False
                self._reload.begin()
            built = self._reload.ready(self._session.pipeline)
            if built is not None:
                self._take_over(built)
        while self._turn(0.05):
            pass
        self._session.save()
        self._write_facts()
        self._give("stopped")

    def _turn(self, timeout_s: float) -> bool:
        """Wait for frames and handle them; whether any came."""
        door = self._door.socket
        came = bool(door.poll(round(1000 * timeout_s)))
        for _ in range(FRAMES_PER_TURN if came else 0):
            try:
                identity, *parts = door.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            self._receive(identity, parts)
        if self._ticker.ended and not self._drained:
            self._finish()
        elif not came:
            self._advance()
        self._acknowledge()
        self._give("done" if self._drained else "ready")
        return came

    def _receive(self, identity: bytes, parts: list[bytes]) -> None:
        name = identity.decode(errors="replace")
        incoming = self._incoming.get(name)
        if incoming is None:
            self._refuse(name, Reason.UNKNOWN_CHANNEL, "no source of this run")
            return
        try:
            frame, oldest = unpack(parts)
        except BusError as error:
            self._refuse(name, Reason.CORRUPT_RECORD, str(error))
            return
        if frame is None:
            incoming.patience_over()
            self._answer(name)
            return
        lost = incoming.accept(frame.seq, oldest)
        if lost is None:
            self.counters["repeated"] += 1
            if incoming.objects(frame.seq):
                self._answer(name, nack=True)
            return
        if lost:
            self.counters["lost_frames"] += lost
            text = f"{lost} frames of this source are lost"
            self._refuse(name, Reason.SEQUENCE_GAP, text, frame.tick.t_seen_ns)
        self._handle(name, frame)

    def _handle(self, name: str, frame: Frame) -> None:
        begun = clock.perf_s()
        items: list[Item] = []
        for item in frame.items:
            items.extend(self._admit(name, item, frame.tick) if isinstance(item, PacketBlock) else (item,))
        # The end of a source is not marked: after a crash it has to be said again.
        ends = frame.tick.last and not frame.items
        mark = None if ends else (name, frame.seq)
        self._slicer.add(items, frame.tick.t_seen_ns, mark)
        self._ticker.take(name, frame.tick)
        self.counters["frames"] += 1
        if self._ticker.ended:
            return  # the last slice takes what the doorkeeper has not said yet: see _finish
        self._advance()
        spent = 1000.0 * (clock.perf_s() - begun)
        self.counters["handle_ms_max"] = max(self.counters["handle_ms_max"], spent)

    def _advance(self) -> None:
        """Handle the slices whose time is over."""
        due_ns = self._ticker.due_ns
        if due_ns is not None:
            for piece in self._slicer.advance(due_ns):
                self._times.step(self._session.step, piece)
                self._stepped = True

    def _take_over(self, built: Built) -> None:
        """Let a new pipeline stand in, between two slices."""
        old, before = self._session.pipeline, self._setup.table
        hand_over(old, before, built)
        self._spec = msgspec.structs.replace(built.spec, run_id=self._spec.run_id)
        self._setup, self._facts = built.setup, built.setup.facts()
        self._reload.keep(built)
        self._session.stand_in(built.pipeline, self._metadata())
        self._doorkeeper = built.setup.doorkeeper()
        self._waveform.close()
        self._waveform = built.waveform
        self._reload.applied(built, before)
        self._write_facts()

    def _admit(self, source: str, block: PacketBlock, tick: Tick) -> list[Item]:
        offered, span = len(block.channels), seen_span(block)
        if span is not None:
            self._last_packet_ns = max(self._last_packet_ns, span[1])
        admitted, errors = self._doorkeeper.admit_block(block, tick.t_seen_ns)
        self.counters["packets"] += offered
        self.counters["refused"] += offered - (len(admitted.channels) if admitted else 0)
        # After the doorkeeper: a time that cannot be must not shut out the other sources.
        if admitted is not None and self._freshest is not None:
            admitted = self._freshest.newer(source, admitted)
        return [*errors] if admitted is None else [admitted, *errors]

    def _refuse(self, subject: str, reason: Reason, detail: str, t_seen_ns: int | None = None) -> None:
        now = self._session.pipeline.t_seen_ns if t_seen_ns is None else t_seen_ns
        error = self._doorkeeper.refuse(now, subject, reason, detail)
        if error is not None and now:
            self._slicer.add((error,), now)

    def _finish(self) -> None:
        """All sources have ended: silence until every event has ended too."""
        end_ns = self._ticker.due_ns
        if end_ns is None:
            return
        unsaid_ns = self._last_packet_ns or end_ns
        self._slicer.add(self._doorkeeper.flush(unsaid_ns), unsaid_ns)
        for piece in self._session.drain(self._slicer, end_ns):
            self._session.step(piece)
            self._give("draining")
        self._session.save()
        self._drained = True
        self._write_facts()
        self._acked_s = 0.0  # tell the sources at once

    # --- saying so -------------------------------------------------------------------------

    def _outlet(self, message: Message, seq: int) -> None:
        self.counters["messages"] += 1
        line = suspect_line(message)
        if line is not None:
            log.warning("%s", line)
        # Followers read the journal: what stands there is only announced, so that nothing heavy waits for
        # one that draws a report meanwhile.
        session: Session | None = getattr(self, "_session", None)  # none yet while it recovers
        journaled = seq > 0 and not (session is not None and session.unjournaled)
        self._out.send(
            topic_of(message),
            b"" if journaled else encode(message),
            type=type(message).__name__,
            status=self._spec.status,
            t_seen_ns=getattr(message, "t_seen_ns", 0),
            origin_seq=seq,
        )

    def _acknowledge(self) -> None:
        now = clock.monotonic_s()
        wait = ACK_AT_MOST_EVERY_S if self._stepped else ACK_EVERY_S
        if now - self._acked_s < wait:
            return
        if not self._stepped:
            for incoming in self._incoming.values():
                incoming.patience_over()
        self._acked_s, self._stepped = now, False
        for name in self._incoming:
            self._answer(name)

    def _answer(self, name: str, *, nack: bool = False) -> None:
        ack = Ack(
            incarnation=self._incarnation,
            done=self._session.marks.get(name, 0),
            want=self._incoming[name].last + 1,
            nack=nack,
            finished=self._drained,
        )
        # A source that does not read, or is not there, is not waited for: the next one will do.
        self._door.socket.send_multipart([name.encode(), pack_ack(ack)], zmq.NOBLOCK)

    def _give(self, state: str) -> None:
        now_ns = self._session.pipeline.t_seen_ns
        complaints = (self._reload.detail,) if self._reload.detail else ()
        if self._life.give(state, now_ns, self._counts, complaints=complaints):
            self._out.beat(now_ns, state=state, status=self._spec.status)

    def _counts(self) -> dict[str, float]:
        return (
            self.counters
            | self._times.counters()
            | {
                "slices": float(self._session.n_slices),
                "recovered": float(self._session.recovered),
                "n_out": float(self._session.pipeline.n_out),
                "reloads": float(self._reload.done),
                "reloads_failed": float(self._reload.failed),
                "unjournaled": float(bool(self._session.unjournaled)),
                **self._known(),
            }
        )

    def _known(self) -> dict[str, float]:
        """Packets by source that another had brought before."""
        dropped = self._freshest.dropped if self._freshest is not None else {}
        return {f"known_{name}": float(n) for name, n in dropped.items()}

    def _write_facts(self) -> None:
        """run.json: enough to repeat the run, and what came of it."""
        sources: list[dict[str, Any]] = [
            {"name": spec.name, "start": iso(feed.start_ns), "end": iso(feed.end_ns)}
            for spec, feed in zip(self._spec.sources, self._feeds, strict=False)
        ] or [{"name": spec.name} for spec in self._spec.sources]
        run = {
            **self._facts,
            "run_id": self._spec.run_id,
            "live": True,
            "finished": self._drained,
            "sources": sources,
            "counts": {**self.counters, "slices": self._session.n_slices},
            "timings": {"data_s": max((f.end_ns - f.start_ns for f in self._feeds), default=0) / NS},
        }
        text = msgspec.json.format(msgspec.json.encode(run), indent=2)
        try:
            write_atomically(Path(self._spec.folder) / RUN_FILE, text + b"\n")
        except OSError:
            self.counters["unwritten_facts"] = self.counters.get("unwritten_facts", 0.0) + 1

    def close(self) -> None:
        self._door.close()
        self._out.close()
        self._session.close()
        self._waveform.close()


def main(spec: ProcessSpec, stop: StopRequest, life: LifeSign) -> int:
    """Run the core until told to stop."""
    if not spec.sources:
        raise UsageError("a run needs a source: give [[ingest]] in the configuration")
    core = Core(spec, life)
    try:
        core.run(stop)
    finally:
        core.close()
    return 0
