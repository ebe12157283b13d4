"""What a live check says of the sources: reachable, with the streams expected, and arriving in time.

`FIRST_LOOKS` holds what is asked by kind before anything is received; a kind that is not in it is
received from all the same, and what it says of itself is told.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from seiswarn.config import Config
from seiswarn.config_doors import Ingest, IngestFolder, IngestKnet, IngestMqtt, IngestSeedlink
from seiswarn.errors import SeiswarnError
from seiswarn.ingest.live import LiveSource, Received
from seiswarn.ingest.seedlink import SeedLinkSource
from seiswarn.ingest.seedlink_stations import matching
from seiswarn.messages import LinkState
from seiswarn.runtime import clock
from seiswarn.runtime.check_machine import data_clock_finding
from seiswarn.runtime.check_seedlink import greeting, listed
from seiswarn.runtime.finding import Finding
from seiswarn.runtime.live import config_sources, plan
from seiswarn.runtime.live_clock import WallClock
from seiswarn.runtime.live_sources import open_live
from seiswarn.runtime.spec import SourceSpec
from seiswarn.stations import StationTable
from seiswarn.timebase import NS

NAMED = 5  # stations that are named in a sentence; the rest is counted
LATE_S = 10.0  # a median latency that costs most of a warning (a choice)
TURN_S = 0.05
NOT_OURS = frozenset({"stdin"})  # kinds of which a check would take away what the daemon should get


class First(NamedTuple):
    """What a first look gives: findings, channels the source says it has, links told of already."""

    findings: list[Finding]
    channels: frozenset[str] = frozenset()
    reachable: bool = True
    told: frozenset[str] = frozenset()


FirstLook = Callable[[LiveSource, StationTable | None], First]


def source_findings(config: Config, table: StationTable | None, seconds: float) -> list[Finding]:
    """Of all live sources of a configuration, received from for `seconds`, all at once."""
    entries = [source for source in config_sources(config) if source.kind == "live"]
    if not entries:
        return []
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="seiswarn-check-") as folder:
        opened: list[tuple[SourceSpec, LiveSource]] = []
        for source in entries:
            if _tag(config, source) in NOT_OURS:
                text = f"{source.name}: what comes there is the daemon's to read"
                findings.append(Finding("source", True, text))
                continue
            try:
                opened.append((source, _open(config, source, Path(folder))))
            except SeiswarnError as error:
                findings.append(Finding("source", False, f"{source.name}: {error}"))
        receiving = []
        for source, live in opened:
            look = FIRST_LOOKS.get(_tag(config, source))
            first = look(live, table) if look is not None else First([])
            findings += first.findings
            if first.reachable:
                receiving.append((source, live, first))
        findings += _receive(receiving, config, table, seconds)
    return findings


def _tag(config: Config, source: SourceSpec) -> str:
    """The kind of a source as [[ingest]] names it."""
    return str(config.ingest[source.entry].__struct_config__.tag)


def harmless(door: Ingest) -> Ingest:
    """A source that takes nothing away from the daemon: files stay, and so does a broker's session."""
    if isinstance(door, IngestFolder | IngestKnet):
        return msgspec.structs.replace(door, after="keep")
    if isinstance(door, IngestMqtt):
        # Under its name the broker would turn the daemon out, and give us what is the daemon's.
        return msgspec.structs.replace(door, client_id="")
    return door


def _open(config: Config, source: SourceSpec, folder: Path) -> LiveSource:
    doors = list(config.ingest)
    doors[source.entry] = harmless(doors[source.entry])
    config = msgspec.structs.replace(config, ingest=tuple(doors))
    specs, sockets = plan(config, folder, [source], [], config.run.status)
    sockets.rmdir()
    spec = next(s for s in specs if s.kind == "ingest")
    return open_live(spec, WallClock())


# --- before anything is received -----------------------------------------------------------------


def _seedlink(live: LiveSource, table: StationTable | None) -> First:
    """Every server: there, one of SeedLink, its stations and channels against the metadata."""
    assert isinstance(live, SeedLinkSource)
    findings: list[Finding] = []
    channels: set[str] = set()
    told: set[str] = set()
    reachable = False
    for server in live.servers:
        hello = greeting(server)
        findings.append(hello)
        if not hello.ok:
            told.add(f"seedlink {server.name}")
            continue
        reachable = True
        found, trouble = listed(server)
        if trouble:
            findings.append(Finding("source", False, trouble, do="look at user, password_file and version"))
            continue
        if not found:
            asked = ", ".join(server.stations)
            text = f"{server.name} has no station that {asked} names"
            findings.append(
                Finding("source", False, text, do="look at [[ingest]] stations: NET_STA, * and ?")
            )
            continue
        findings.append(Finding("source", True, f"{server.name} has {len(found)} of the stations asked for"))
        theirs = {c for names in found.values() for c in names}
        channels |= theirs
        findings += metadata_findings(server.name, theirs, table)
        findings += missing_findings(server.name, set(found), server.stations, table)
    return First(findings, frozenset(channels), reachable, frozenset(told))


FIRST_LOOKS: dict[str, FirstLook] = {"seedlink": _seedlink}


def metadata_findings(name: str, theirs: set[str], table: StationTable | None) -> list[Finding]:
    """Channels a server has and the station metadata do not know."""
    if not theirs or table is None:
        return []
    unknown = sorted(c for c in theirs if c not in table.channel_index)
    if not unknown:
        return [Finding("metadata", True, f"all {len(theirs)} channels of {name} have metadata")]
    some = _some(map(_short, unknown))
    text = f"{len(unknown)} of {len(theirs)} channels of {name} have no usable metadata: {some}"
    advice = "add their StationXML to [stations] paths; `seiswarn stations` tells what is refused and why"
    half = 2 * len(unknown) >= len(theirs)
    if half:
        text += (
            f": the inventory lacks {'half or more' if len(unknown) < len(theirs) else 'all'} of what comes"
        )
    return [Finding("metadata", not half, text, warning=not half, do=advice)]


def missing_findings(
    name: str, there: set[str], patterns: Sequence[str], table: StationTable | None
) -> list[Finding]:
    """Stations of the metadata that a server should have and has not."""
    if table is None:
        return []
    wanted = set(matching(_stations(table), patterns))
    missing = sorted(wanted - there)
    if not missing:
        return []
    text = f"{name} lacks {len(missing)} of {len(wanted)} stations with metadata: {_some(missing)}"
    advice = "look whether another server has them, or narrow [[ingest]] stations"
    return [Finding("streams", True, text, warning=True, do=advice)]


def _stations(table: StationTable) -> set[str]:
    """NET_STA of all channels of a table."""
    return {"_".join(c.removeprefix("FDSN:").split("_")[:2]) for c in table.channels}


# --- what arrives --------------------------------------------------------------------------------


def _receive(
    receiving: list[tuple[SourceSpec, LiveSource, First]],
    config: Config,
    table: StationTable | None,
    seconds: float,
) -> list[Finding]:
    """Receive from all sources at once and tell what came of each."""
    if not receiving:
        return []
    records: dict[str, list[Received]] = {source.name: [] for source, _, _ in receiving}
    for _, live, _ in receiving:
        live.start()
    until_s = clock.monotonic_s() + seconds
    while clock.monotonic_s() < until_s:
        clock.sleep(TURN_S)
        for source, live, _ in receiving:
            came, _ = live.take()
            records[source.name] += came
    findings: list[Finding] = []
    newest: dict[str, float] = {}
    for source, live, first in receiving:
        links = list(live.links())
        live.close()
        latencies = _latencies(records[source.name])
        findings += [f for link in links if link.name not in first.told for f in link_findings(link)]
        findings += arrival_findings(
            source.name, latencies, first.channels, table, seconds, _quiet_kind(config, source)
        )
        for channel, latency_s in latencies.items():
            station = "_".join(channel.split("_")[:2])
            newest[station] = min(newest.get(station, latency_s), latency_s)
    return findings + data_clock_finding(list(newest.values()), config.run.clock == "wall")


def _quiet_kind(config: Config, source: SourceSpec) -> bool:
    """Whether it is usual that nothing comes for a while: all but servers of streams."""
    return not isinstance(config.ingest[source.entry], IngestSeedlink)


def _latencies(records: Sequence[Received]) -> dict[str, float]:
    """By channel: time from the newest sample to its arrival, s; negative for samples of the future."""
    import pymseed

    last: dict[str, tuple[int, int]] = {}
    for record in records:
        try:
            header = pymseed.MS3Record.parse(record.payload, unpack_data=False)
        except (pymseed.MiniSEEDError, ValueError):
            continue
        end_ns = int(header.endtime)
        if end_ns > last.get(header.sourceid, (0, 0))[0]:
            last[header.sourceid] = (end_ns, record.t_seen_ns)
    return {channel: (seen - end) / NS for channel, (end, seen) in last.items()}


def link_findings(link: LinkState) -> list[Finding]:
    """What a source says of its own connections, where that is not well."""
    if link.state in ("connected", "listening"):
        return []
    detail = f": {link.detail}" if link.detail else ""
    do = "look at what the source connects to"
    return [Finding("source", False, f"{link.name} is {link.state}{detail}", do=do)]


def arrival_findings(
    name: str,
    latencies: dict[str, float],
    channels: frozenset[str],
    table: StationTable | None,
    seconds: float,
    quiet_kind: bool,
) -> list[Finding]:
    """Which of the expected channels came within the time, and how old they were."""
    known = set(table.channel_index) if table is not None else set()
    expected = {c for c in channels if c in known} or set(channels)
    came = set(latencies) & expected if expected else set(latencies)
    if not came:
        text = f"nothing came of {name} within {seconds:g} s"
        if quiet_kind:
            return [Finding("streams", True, text, warning=True, do="look whether anybody sends")]
        do = "look whether the stations send; ask longer by --seconds where records are long"
        return [Finding("streams", False, text, do=do)]
    values = sorted(latencies[c] for c in came)
    middle, worst = statistics.median(values), values[min(len(values) - 1, round(0.95 * len(values)))]
    of = f" of {len(expected)}" if expected else ""
    late = f"latency {middle:.1f} s (95 %: {worst:.1f} s)"
    text = f"{len(came)}{of} channels of {name} came within {seconds:g} s, {late}"
    missing = sorted(expected - came)
    if missing:
        text += f"; nothing of {_some(map(_short, missing))}"
        return [
            Finding(
                "streams", True, text, warning=True, do="look at these stations, or ask longer by --seconds"
            )
        ]
    if middle > LATE_S:
        do = "data this late cost most of a warning: short records, a faster link or server"
        return [Finding("streams", True, text, warning=True, do=do)]
    return [Finding("streams", True, text)]


def _short(channel: str) -> str:
    return channel.removeprefix("FDSN:")


def _some(names: object) -> str:
    listing = list(names)  # type: ignore[call-overload]
    more = f" and {len(listing) - NAMED} more" if len(listing) > NAMED else ""
    return ", ".join(listing[:NAMED]) + more
