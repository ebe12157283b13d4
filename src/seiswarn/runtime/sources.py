"""From source specifications to a setup and feeds, the same in every process that opens them."""

from __future__ import annotations

from pathlib import Path

import msgspec

from seiswarn.config import Config
from seiswarn.errors import UsageError
from seiswarn.messages import Status
from seiswarn.runtime import clock
from seiswarn.runtime.setup import Feed, Setup, archive_run, records_feed, records_run, set_up, synthetic_run
from seiswarn.runtime.spec import LIVE_KINDS, SourceSpec
from seiswarn.stationxml import read_station_tables
from seiswarn.timebase import NS, iso, parse_iso

MAX_APART_NS = 3600 * NS  # sources of one run play the same time


def open_source(source: SourceSpec, config: Config, status: Status) -> tuple[Setup, Feed]:
    """The setup a source alone would make, and its feed.

    Raises
    ------
    UsageError
        When the source cannot be opened.
    """
    packet_s = source.packet_s or None
    if source.kind in LIVE_KINDS:
        raise UsageError(f"{source.name} is a live source: it cannot be replayed")
    if source.kind == "archive":
        return archive_run(
            Path(source.path), config, packet_s=packet_s, latency_s=source.latency_s, status=status
        )
    if source.kind == "records":
        return records_run(Path(source.path), config, latency_s=source.latency_s, status=status)
    alone = msgspec.structs.replace(config, ingest=(config.ingest[source.entry],))
    return synthetic_run(alone, status=status)


def open_feed(source: SourceSpec, config: Config, status: Status) -> Feed:
    """What `open_source` says of the feed; for records without reading the station metadata.

    Raises
    ------
    UsageError
        When the source cannot be opened.
    """
    if source.kind == "records":
        return records_feed(Path(source.path), config, latency_s=source.latency_s, status=status)
    return open_source(source, config, status)[1]


def open_sources(sources: tuple[SourceSpec, ...], config: Config, status: Status) -> tuple[Setup, list[Feed]]:
    """One setup for all sources of a run, and their feeds.

    Raises
    ------
    UsageError
        When a source cannot be opened, several sources have no stations in common, or their data
        are of different times.
    """
    if any(source.kind in LIVE_KINDS for source in sources):
        if not all(source.kind in LIVE_KINDS for source in sources):
            raise UsageError(
                "recorded and live sources cannot go into one run, they are of different times: "
                "run them one by one, in folders of their own"
            )
        if not config.stations.paths:
            raise UsageError("live sources bring no station metadata: name StationXML in [stations] paths")
        table = read_station_tables([Path(p) for p in config.stations.paths], live_epoch_ns(config))
        return set_up(config, table, status), []
    if len(sources) == 1:
        setup, feed = open_source(sources[0], config, status)
        return setup, [feed]
    feeds = [open_feed(source, config, status) for source in sources]
    first = min(feeds, key=lambda feed: feed.start_ns)
    last = max(feeds, key=lambda feed: feed.start_ns)
    if last.start_ns - first.start_ns > MAX_APART_NS:
        raise UsageError(
            f"the sources of one run must play the same time: {first.name} starts at "
            f"{iso(first.start_ns, 0)}, {last.name} at {iso(last.start_ns, 0)}; run them one by one"
        )
    if not config.stations.paths:
        raise UsageError("several sources need the stations of all of them in [stations] paths")
    table = read_station_tables([Path(p) for p in config.stations.paths], first.start_ns)
    return set_up(config, table, status), feeds


def live_epoch_ns(config: Config) -> int | None:
    """The time whose station metadata a live run takes; None: the latest there are."""
    if config.run.epoch:
        return parse_iso(config.run.epoch)
    return clock.now_ns() if config.run.clock == "wall" else None
