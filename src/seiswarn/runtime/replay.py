"""Plain replay: a feed through the pipeline in this process, as fast as wanted.

Only arrival is simulated: event times are never edited, and nothing here reaches a production
sink, because the status of a replay is "test" and of a drill "exercise".
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from seiswarn.ingest.base import Doorkeeper, Item, Sealed
from seiswarn.messages import Alert, DataError, EventEstimate, Message, PacketBlock, Pick
from seiswarn.pipeline import Pipeline
from seiswarn.runtime import clock
from seiswarn.runtime.session import INPUT, OUTPUT, SNAPSHOT, Outlet, Session, Unjournaled
from seiswarn.runtime.setup import Feed, Setup
from seiswarn.runtime.shards import OpenedStage
from seiswarn.runtime.slicer import Slicer, seen_span
from seiswarn.runtime.suspects import suspect_line
from seiswarn.runtime.warm import compile_aside, warm
from seiswarn.timebase import NS, iso

RUN_FILE = "run.json"
PROGRESS_NS = NS // 2

Progress = Callable[[int, int], None]  # data time now, and at the end


@dataclass(slots=True)
class Summary:
    """What a run came to."""

    folder: Path
    alerts: list[Alert] = field(default_factory=list)
    estimates: dict[str, EventEstimate] = field(default_factory=dict)
    suspects: list[str] = field(default_factory=list)  # lines about stations that are doubted
    counts: dict[str, int] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)

    def take(self, message: Message) -> None:
        name = type(message).__name__
        self.counts[name] = self.counts.get(name, 0) + 1
        if isinstance(message, Alert):
            self.alerts.append(message)
        elif isinstance(message, EventEstimate):
            self.estimates[message.event_id] = message
        elif (line := suspect_line(message)) is not None:
            self.suspects.append(line)


def replay(
    setup: Setup,
    feed: Feed,
    folder: Path,
    *,
    speed: float | None = None,
    progress: Progress | None = None,
    on_alert: Callable[[Alert], None] | None = None,
) -> Summary:
    """Run `feed` through a fresh pipeline and leave all products in `folder`.

    Parameters
    ----------
    speed
        times real time; None is as fast as possible.
    progress
        called twice a second of data time with (now, end).
    on_alert
        called with each alert as it is published.

    An interruption leaves the products of what was handled until then whole, without `run.json`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in (INPUT, OUTPUT, SNAPSHOT, RUN_FILE):
        (folder / name).unlink(missing_ok=True)
    started = clock.perf_s()
    aside = compile_aside()
    with closing(OpenedStage(setup.params.waveform, setup.table)) as waveform:
        pipeline = setup.pipeline(waveform.stage)
        warm(pipeline, aside)
        return _replay(setup, pipeline, feed, folder, started, speed, progress, on_alert)


def rehearse(setup: Setup, feed: Feed, outlet: Outlet, *, progress: Progress | None = None) -> int:
    """Run `feed` through a fresh pipeline as `replay` does, and write nothing at all.

    Every message goes to `outlet` with its sequence number. Returns the number of packets.
    """
    aside = compile_aside()
    with closing(OpenedStage(setup.params.waveform, setup.table)) as waveform:
        pipeline = setup.pipeline(waveform.stage)
        warm(pipeline, aside)
        return _run(setup, setup.doorkeeper(), feed, Unjournaled(pipeline, outlet), None, progress)


def _replay(
    setup: Setup,
    pipeline: Pipeline,
    feed: Feed,
    folder: Path,
    started: float,
    speed: float | None,
    progress: Progress | None,
    on_alert: Callable[[Alert], None] | None,
) -> Summary:
    """Run `feed` through a warm pipeline; `started`: when setting it up began."""
    facts = setup.facts()
    doorkeeper = setup.doorkeeper()
    sink = setup.run_folder(folder, draw_late=speed is None)
    summary = Summary(folder)
    publishing = 0.0

    def outlet(message: Message, seq: int) -> None:
        nonlocal publishing
        begun = clock.perf_s()
        summary.take(message)
        if isinstance(message, Pick | EventEstimate | DataError) or type(message).__name__ in PUBLISHED:
            sink.send(message, seq)
        if isinstance(message, Alert) and on_alert is not None:
            on_alert(message)
        publishing += clock.perf_s() - begun

    metadata = {"status": setup.status, "config_hash": facts["config_hash"]}
    hold = HOLD_BYTES if speed is None else 0  # who watches a run in real time may read its journals
    # Whatever ends the run, a Ctrl-C or a full disk, the products of what was handled are whole.
    try:
        with closing(Session(pipeline, folder, metadata, outlet, hold_bytes=hold)) as session:
            ready = clock.perf_s()
            n_packets = _run(setup, doorkeeper, feed, session, speed, progress)
    finally:
        ended = clock.perf_s()
        sink.close()
        drawing = clock.perf_s() - ended
    summary.counts |= {"packets": n_packets, "slices": session.n_slices}
    run = ended - ready
    busy = max(1e-9, run - publishing)
    data_s = (feed.end_ns - feed.start_ns) / NS
    summary.timings = {
        "setup_s": ready - started,
        "run_s": run,
        "publish_s": publishing,  # of that, writing products
        "drawing_s": drawing,  # after it, what is only whole at the end: reports, events.xml
        "data_s": data_s,
        "times_real_time": data_s / run,
        "us_per_packet": 1e6 * busy / max(1, n_packets),
    }
    _write_facts(folder, facts, feed, summary)
    return summary


HOLD_BYTES = 1 << 18  # of a journal in a replay: a crash of it is repeated, not recovered from
PUBLISHED = frozenset({"Alert", "Decision", "QuickReport"})


def _run(
    setup: Setup,
    doorkeeper: Doorkeeper,
    feed: Feed,
    session: Session | Unjournaled,
    speed: float | None,
    progress: Progress | None,
) -> int:
    """Hand the feed over slice by slice; returns the number of packets."""
    slicer = Slicer(setup.step_ns, setup.status)
    data_clock = clock.DataClock(feed.start_ns, speed) if speed else None
    slicer.add(feed.errors, feed.start_ns)
    now, n, due = feed.start_ns, 0, 0
    for part in feed.stream:
        first_ns, last_ns = _seen(part, now)
        if data_clock is not None:
            data_clock.wait_until(first_ns)
        for piece in slicer.advance(first_ns - 1):
            session.step(piece)
        if progress is not None and first_ns >= due:
            progress(first_ns, feed.end_ns)
            due = first_ns + PROGRESS_NS
        for item in part.open() if isinstance(part, Sealed) else (part,):
            if isinstance(item, DataError):
                slicer.add((item,), item.t_seen_ns)
                continue
            n += len(item.channels)
            if item is not part:
                last_ns = _seen(item, now)[1]
            now = max(now, last_ns)
            admitted, errors = doorkeeper.admit_block(item, now)
            slicer.add(errors if admitted is None else (admitted, *errors), now)
    slicer.add(doorkeeper.flush(now), now)
    end = -(-now // setup.step_ns) * setup.step_ns
    for piece in session.drain(slicer, end):
        session.step(piece)
    if progress is not None:
        progress(feed.end_ns, feed.end_ns)
    return n


def _seen(part: Item | Sealed, now_ns: int) -> tuple[int, int]:
    """When the first and the last of what is in `part` were seen."""
    if not isinstance(part, PacketBlock):
        return part.t_seen_ns, part.t_seen_ns
    return seen_span(part) or (now_ns, now_ns)


def _write_facts(folder: Path, facts: dict[str, Any], feed: Feed, summary: Summary) -> None:
    """run.json: enough to repeat the run, and what came of it."""
    run = {
        **facts,
        "source": {"name": feed.name, "start": iso(feed.start_ns), "end": iso(feed.end_ns)},
        "counts": dict(sorted(summary.counts.items())),
        "timings": summary.timings,
    }
    text = msgspec.json.format(msgspec.json.encode(run), indent=2)
    (folder / RUN_FILE).write_bytes(text + b"\n")
