"""The parts of the configuration that no stage owns: the run, its doors, its ways out, its processes.

Import-light on purpose: nothing here needs numpy, so that a configuration loads at once. Where a
field belongs to a heavier part (a sink, a source), a test keeps the defaults equal.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from seiswarn.config_doors import Section
from seiswarn.messages import Status
from seiswarn.sections import SECTION_KM
from seiswarn.shaking.params import Params as ShakingParams


class Run(Section, frozen=True, kw_only=True):
    """What this run is."""

    name: Annotated[str, Meta(min_length=1, description="name of this installation or exercise")] = "seiswarn"
    status: Annotated[
        Status,
        Meta(description="stands in every message and product"),
    ] = "test"
    clock: Annotated[
        Literal["wall", "data"],
        Meta(
            description="what time it is for live sources: wall, by this computer; data, by the newest"
            " sample, for old recordings served as if they were new (never with status actual)"
        ),
    ] = "wall"
    clock_speed: Annotated[
        float, Meta(gt=0, le=1000, description="times real time that a clock by the data runs")
    ] = 1.0
    epoch: Annotated[
        str,
        Meta(description="ISO 8601 UTC; station metadata of this time; empty: now, by the data the latest"),
    ] = ""


class Stations(Section, frozen=True, kw_only=True):
    """Where the station metadata are."""

    paths: Annotated[
        tuple[str, ...],
        Meta(description="StationXML files or folders with such, relative to this file"),
    ] = ()
    attributes: Annotated[
        str,
        Meta(
            description="CSV with station (NET.STA or NET.STA.LOC.BI, * and ?), tier (datum, basic,"
            " ordinary), telecom (name of the link a station shares with others), latency_s (to be expected)"
        ),
    ] = ""


class Shaking(ShakingParams, frozen=True, kw_only=True):
    """The shaking stage, the files of its targets and of the ground under them."""

    targets: Annotated[
        str | tuple[str, ...],
        Meta(
            description="file of targets or an array of such, relative to this file: CSV with name, latitude,"
            " longitude and any other key of [[targets]], or GeoJSON (points, lines cut into sections, areas)"
        ),
    ] = ()
    section_km: Annotated[
        float,
        Meta(
            ge=0.1, le=100, description="longest section of a GeoJSON line, where it has no section_km itself"
        ),
    ] = SECTION_KM
    vs30: Annotated[
        str,
        Meta(
            description="file of Vs30 for targets and nodes that give none, relative to this file: CSV with"
            " latitude, longitude, vs30_mps, or a raster (ESRI ASCII .asc, netCDF-3 .grd or .nc)"
        ),
    ] = ""
    vs30_distance_km: Annotated[
        float, Meta(gt=0, le=50, description="how far away the nearest row of a CSV of Vs30 may be")
    ] = 2.0


class Places(Section, frozen=True, kw_only=True):
    """Towns of the gazetteer (GeoNames) near the network as further targets."""

    min_population: Annotated[
        int, Meta(ge=0, description="least number of inhabitants; 0: no places of the gazetteer")
    ] = 0
    unknown_population: Annotated[
        bool, Meta(description="take those too whose inhabitants are not known, in China many towns")
    ] = False
    margin_km: Annotated[
        float, Meta(ge=0, le=2000, description="how far from the nearest station a place may be")
    ] = 200.0
    max_places: Annotated[
        int, Meta(ge=1, le=100_000, description="how many at most; the most populous are taken")
    ] = 3000


class Grid(Section, frozen=True, kw_only=True):
    """Regular nodes over the network, for maps of the forecast."""

    spacing_km: Annotated[float, Meta(ge=0, le=500, description="from node to node; 0: no grid")] = 0.0
    margin_km: Annotated[
        float, Meta(ge=0, le=2000, description="how far the grid reaches around the stations")
    ] = 100.0
    max_nodes: Annotated[
        int, Meta(ge=4, le=1_000_000, description="how many at most; if need be the spacing is widened")
    ] = 10_000


SinkName = Annotated[str, Meta(description="name of this way out in logs and counters; empty: its kind")]
Production = Annotated[
    bool, Meta(description="real receivers listen here: no exercises or tests unless allowed by name")
]
Allow = Annotated[tuple[Status, ...], Meta(description="statuses let through beside the run's own, by name")]

ToAudiences = Annotated[
    tuple[str, ...], Meta(description="audiences whose warnings and decisions go this way; empty: all")
]


class Cap(Section, frozen=True, kw_only=True):
    """Who speaks in CAP messages."""

    sender: Annotated[str, Meta(pattern=r"^[^\s,<&]+$", description="identifier of the sender")] = (
        "seiswarn@localhost"
    )
    sender_name: Annotated[str, Meta(description="name of the agency")] = "seiswarn"
    web: Annotated[str, Meta(description="address of further information")] = ""
    contact: Annotated[str, Meta(description="contact for further information")] = ""
    utc_offset_hours: Annotated[
        float, Meta(ge=-14, le=14, description="local time beside UTC in texts; 0: UTC alone")
    ] = 0.0
    area_intensity: Annotated[
        float, Meta(ge=0, le=12, description="the warned area reaches as far as this intensity")
    ] = 3.0


class Report(Section, frozen=True, kw_only=True):
    """How quick reports look."""

    agency: Annotated[str, Meta(description="name of the agency in the head of the page")] = "seiswarn"
    utc_offset_hours: Annotated[
        float, Meta(ge=-14, le=14, description="local time beside UTC; 0: UTC alone")
    ] = 0.0


class PublishFile(Section, frozen=True, kw_only=True, tag_field="kind", tag="file"):
    """A folder of products: warnings, decisions, picks, CAP, QuakeML, reports."""

    path: Annotated[str, Meta(min_length=1, description="folder, relative to this file")]
    name: SinkName = ""
    production: Production = False
    allow: Allow = ()
    audiences: ToAudiences = ()
    cap: Cap = Cap()
    report: Report = Report()


class PublishZmq(Section, frozen=True, kw_only=True, tag_field="kind", tag="zmq"):
    """A ZeroMQ PUB socket for subscribers."""

    endpoint: Annotated[str, Meta(pattern=r"^(tcp|ipc)://.+", description="where to bind")] = (
        "tcp://127.0.0.1:7720"
    )
    encoding: Annotated[
        Literal["json", "msgpack"], Meta(description="json: the public JSON; msgpack: as inside")
    ] = "json"
    name: SinkName = ""
    production: Production = False
    allow: Allow = ()
    audiences: ToAudiences = ()


Publish = PublishFile | PublishZmq


class Log(Section, frozen=True, kw_only=True):
    """What all processes of the daemon write of what they do."""

    format: Annotated[
        Literal["text", "json"], Meta(description="lines for people, or JSON lines for a collector of logs")
    ] = "text"
    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="the least that is written")
    ] = "info"
    to: Annotated[
        Literal["files", "stderr"],
        Meta(description="files: one for each process; stderr: that of the daemon, e.g. for journald"),
    ] = "files"
    folder: Annotated[
        str, Meta(description="of the files, relative to this file; empty: log in the run folder")
    ] = ""
    max_mb: Annotated[float, Meta(gt=0, description="size at which a file is turned over")] = 10.0
    keep: Annotated[int, Meta(ge=1, le=1000, description="turned files that are kept of each process")] = 5


class Web(Section, frozen=True, kw_only=True):
    """FDSN web services (station, event, dataselect), /metrics and /healthz over HTTP."""

    enabled: Annotated[bool, Meta(description="a process that serves them")] = False
    host: Annotated[
        str, Meta(min_length=1, description="address to listen on; 0.0.0.0 for all of this machine")
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535, description="port to listen on")] = 8080
    shows_tests: Annotated[
        bool, Meta(description="events of tests and exercises, too; they say so in a comment")
    ] = False
    max_seconds: Annotated[
        float, Meta(gt=0, description="longest time window of a request for waveforms")
    ] = 86_400.0
    max_mb: Annotated[float, Meta(gt=0, description="largest answer to a request for waveforms")] = 1024.0


class Runtime(Section, frozen=True, kw_only=True):
    """Processes and their state on disk."""

    slice_ms: Annotated[int, Meta(ge=1, le=1000, description="length of a slice in milliseconds")] = 20
    folder: Annotated[
        str, Meta(min_length=1, description="journal, snapshots and database, relative to this file")
    ] = "run"
    journal_file_mb: Annotated[
        int, Meta(ge=0, description="a journal goes on in a new file beyond this size; 0: one file for ever")
    ] = 1024
    journal_keep_mb: Annotated[
        int,
        Meta(
            ge=0,
            description="size of all journal files beyond which the oldest are removed; 0: none",
        ),
    ] = 20_480
    snapshot_s: Annotated[float, Meta(gt=0, description="seconds between snapshots of the core")] = 30.0
    heartbeat_s: Annotated[float, Meta(gt=0, le=60, description="seconds between heartbeats")] = 1.0
    queue_packets: Annotated[
        int, Meta(gt=0, description="packets that may wait for the core; then the oldest are dropped")
    ] = 20_000
