"""One recorded set through the normal pipeline, in the process that calls it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from seiswarn.config import Config
from seiswarn.evaluate.catalogue import EVENT_FILE, read_catalogue
from seiswarn.evaluate.foreseen import places_of, with_stations
from seiswarn.evaluate.heard import Heard, spans_of
from seiswarn.evaluate.keep import HEARD_FILE, keep, kept, run_key
from seiswarn.evaluate.latency import LatencyModel
from seiswarn.targets import TargetTable
from seiswarn.timebase import NS

POINT_FILE = "heard_point.json"
NEVER = 1e9  # of log odds; infinity is no JSON


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded set and how to replay it; with `keep_in` the result stays there and is found again."""

    set_id: str
    folder: Path
    config: Config
    packet_s: float | None = 0.5
    latency: LatencyModel = LatencyModel()
    keep_in: Path | None = None
    kept_as: str = HEARD_FILE


def as_point(task: Task) -> Task:
    """The same set without the line source: every earthquake stays a point.

    A line is believed from `source.line.min_log_odds` on, so that none is from infinity on.
    """
    source = task.config.source
    line = msgspec.structs.replace(source.line, min_log_odds=NEVER)
    config = msgspec.structs.replace(task.config, source=msgspec.structs.replace(source, line=line))
    return msgspec.structs.replace(task, config=config, kept_as=POINT_FILE)


def heard_of(task: Task) -> Heard:
    """What the replay of a set says, from the kept result when nothing has changed since.

    Raises
    ------
    UsageError
        When the set holds nothing to replay, no usable metadata or a broken catalogue.
    """
    if task.keep_in is None:
        return _replayed(task, "")
    feeding = f"packets of {task.packet_s} s, latency {msgspec.to_builtins(task.latency)}"
    key = run_key(task.folder, task.config, feeding)
    place = task.keep_in / task.set_id
    heard = kept(place, key, task.kept_as)
    if heard is None:
        heard = _replayed(task, key)
        keep(place, heard, task.kept_as)
    return heard


def _replayed(task: Task, key: str) -> Heard:
    from seiswarn.evaluate.recording import reached
    from seiswarn.ingest.archive import open_archive
    from seiswarn.runtime import clock
    from seiswarn.runtime.replay import rehearse
    from seiswarn.runtime.setup import opened_run, set_up

    begun_s = clock.cpu_s()
    event_file = task.folder / EVENT_FILE
    catalogue = read_catalogue(event_file) if event_file.exists() else ()
    archive = open_archive(task.folder)
    setup, feed = opened_run(
        archive, task.config, packet_s=task.packet_s, latency=task.latency.latency(), status="test"
    )
    config = with_stations(task.config, setup.table)
    if config is not task.config:
        setup = set_up(config, setup.table, setup.status)
    rows = tuple(reached(quake, setup.table, archive.stretches) for quake in catalogue)
    heard = Heard(
        key=key,
        catalogue=catalogue,
        reached=rows,
        places=places_of(setup.table, TargetTable.of(setup.targets)),
        spans=spans_of(catalogue, rows),
        n_stations=setup.table.n_stations,
        data_s=(feed.end_ns - feed.start_ns) / NS,
    )
    rehearse(setup, feed, heard.take)
    heard.cpu_s = clock.cpu_s() - begun_s
    return heard
