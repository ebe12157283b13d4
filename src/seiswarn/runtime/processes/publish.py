"""A publish process: follows the output journal and delivers to its sinks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from seiswarn.messages import QuickReport
from seiswarn.publish.base import Sink
from seiswarn.runtime import clock
from seiswarn.runtime.delivery import Deliveries, Way
from seiswarn.runtime.follow import LOOK_EVERY_S, Follower
from seiswarn.runtime.processes.base import LifeSign, StopRequest
from seiswarn.runtime.spec import ProcessSpec, SinkSpec
from seiswarn.store.sqlite import Database

if TYPE_CHECKING:
    from seiswarn.publish.formats.record_section import Trace
    from seiswarn.publish.sinks.zmq_pub import ZmqPub

FOLDER_WAIT_S = 0.05
LAST_LOOK_S = 0.1
GIVE_UP_S = 5.0  # told to stop, for sinks that fail


def open_sink(sink: SinkSpec, spec: ProcessSpec, *, resume: bool) -> Sink:
    """The sink a specification describes."""
    if sink.kind == "zmq":
        from seiswarn.publish.sinks.zmq_pub import Params, ZmqPub

        return ZmqPub(
            Params(endpoint=sink.endpoint, encoding=sink.encoding, security=sink.security),
            f"{spec.run_id}-{os.getpid()}-{clock.now_ns()}",
            run_status=spec.status,
            production=sink.production,
            allow=sink.allow,
            audiences=sink.audiences,
        )
    from seiswarn.publish.formats.cap import Params as CapParams
    from seiswarn.publish.formats.report_html import Params as ReportParams
    from seiswarn.publish.sinks.file import RunFolder

    def traces(report: QuickReport) -> Sequence[Trace]:
        return _traces(spec, report)

    return RunFolder(
        sink.path,
        run_status=spec.status,
        production=sink.production,
        allow=sink.allow,
        audiences=sink.audiences,
        resume=resume,
        cap=msgspec.convert(msgspec.to_builtins(sink.cap), CapParams),
        report=msgspec.convert(msgspec.to_builtins(sink.report), ReportParams),
        traces=traces,
    )


def _traces(spec: ProcessSpec, report: QuickReport) -> Sequence[Trace]:
    """The record section of a report, out of the input journal. Heavy imports only now."""
    from seiswarn.runtime.files import INPUT
    from seiswarn.runtime.setup import journal_traces
    from seiswarn.runtime.sources import open_sources

    setup, _ = open_sources(spec.sources, spec.config, spec.status)
    return journal_traces(Path(spec.folder) / INPUT, report, setup.table)


class Publishing:
    """The sinks of this process, from the state an earlier life left in the outbox."""

    def __init__(self, spec: ProcessSpec, run_id: str, follower: Follower) -> None:
        database = Database(
            Path(spec.folder) / f"outbox-{spec.name}.sqlite", sinks=[sink.name for sink in spec.sinks]
        )
        known = database.begin_run(run_id, spec.status)
        self.ways: list[Way] = []
        self._beating: list[ZmqPub] = []
        for sink in spec.sinks:
            opened = open_sink(sink, spec, resume=sink.keep or known > 0)
            # A folder is whole again once it has seen everything again; it knows what it has.
            self.ways.append(Way(sink.name, opened, known=0 if sink.kind == "file" else known))
            if sink.kind == "zmq":
                self._beating.append(opened)  # type: ignore[arg-type]
        self.deliveries = Deliveries(database, run_id, self.ways, clock.monotonic_s)
        self._follower = follower
        follower.begin_after(self.deliveries.taken)
        for way in self.ways:
            self.deliveries.resend(way)

    def step(self, timeout_s: float) -> bool:
        """Deliver what is new; whether there was anything."""
        records = self._follower.poll(timeout_s)
        if records:
            self.deliveries.take(records)
        self.deliveries.retry()
        return bool(records)

    def beat(self, t_seen_ns: int, state: str) -> None:
        for sink in self._beating:
            sink.beat(t_seen_ns, state)

    def counters(self) -> dict[str, float]:
        return {
            "seq": float(self._follower.seq),
            "lost": float(self._follower.lost),
            "pending": float(self.deliveries.pending),
            **self.deliveries.counters(),
        }


def main(spec: ProcessSpec, stop: StopRequest, life: LifeSign) -> int:
    """Deliver until told to stop, then everything the journal still has; 1 when alerts are left over."""
    follower = Follower(Path(spec.folder), spec.endpoints.output)
    try:
        while not (run_id := follower.run_id):
            life.give("waiting", 0, {})
            if stop:
                return 0
            clock.sleep(FOLDER_WAIT_S)
        publishing = Publishing(spec, run_id, follower)
        try:
            return _publish(publishing, spec.config.runtime.heartbeat_s, stop, life)
        finally:
            publishing.deliveries.close()
    finally:
        follower.close()


def _publish(publishing: Publishing, beat_every_s: float, stop: StopRequest, life: LifeSign) -> int:
    beat_s = 0.0
    while not stop:
        publishing.step(LOOK_EVERY_S)
        now = clock.monotonic_s()
        if now >= beat_s:
            beat_s = now + beat_every_s
            publishing.beat(clock.now_ns(), "ready")
        life.give("ready", clock.now_ns(), publishing.counters)
    while publishing.step(LAST_LOOK_S):
        life.give("stopping", clock.now_ns(), publishing.counters)
    until_s = clock.monotonic_s() + GIVE_UP_S
    while publishing.deliveries.pending and clock.monotonic_s() < until_s:
        publishing.step(LAST_LOOK_S)
        life.give("stopping", clock.now_ns(), publishing.counters)
    publishing.beat(clock.now_ns(), "ended")
    left = publishing.deliveries.pending
    life.give("left over" if left else "done", clock.now_ns(), publishing.counters)
    return 1 if left else 0
