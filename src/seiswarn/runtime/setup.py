"""From a configuration and a source to everything a run is made of."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

import seiswarn
from seiswarn.config import Config, config_hash, resolved
from seiswarn.config_attributes import read_attributes
from seiswarn.errors import ConfigError, UsageError
from seiswarn.grid import GridNodes
from seiswarn.health.params import Params as HealthParams
from seiswarn.ingest.base import Doorkeeper, Item, Sealed, as_errors
from seiswarn.messages import DataError, QuickReport, Status
from seiswarn.pipeline import Params, Pipeline, Waveform
from seiswarn.publish.formats.cap import Params as CapParams
from seiswarn.publish.formats.record_section import Trace, select_traces, window
from seiswarn.publish.formats.report_html import Params as ReportParams
from seiswarn.publish.sinks.file import RunFolder
from seiswarn.runtime.session import INPUT
from seiswarn.runtime.where import where
from seiswarn.shaking.params import Params as ShakingParams
from seiswarn.station_attributes import with_attributes
from seiswarn.station_patterns import matches
from seiswarn.stations import StationTable
from seiswarn.store.segments import latest_records
from seiswarn.store.waveforms import waveforms
from seiswarn.targets import Target, TargetTable
from seiswarn.timebase import MS, NS, from_seconds

if TYPE_CHECKING:
    from seiswarn.ingest.archive import Archive
    from seiswarn.ingest.recut import Latency

SECTION_BYTES = 4 << 30  # of the input journal, the latest, that traces of a report are looked for in
VERSIONED = ("numpy", "numba", "msgspec", "zmq", "pymseed")


@dataclass(frozen=True, slots=True)
class Feed:
    """Blocks of packets in the order of their `t_seen_ns`, and when they begin and end."""

    name: str
    stream: Iterator[Item | Sealed]
    start_ns: int
    end_ns: int
    errors: tuple[DataError, ...] = ()


@dataclass(frozen=True, slots=True)
class Setup:
    """All that a pipeline needs, resolved."""

    config: Config
    table: StationTable
    targets: tuple[Target, ...]
    params: Params
    status: Status
    grid: GridNodes | None = None
    notes: tuple[str, ...] = ()  # about targets and grid: as asked for
    warnings: tuple[str, ...] = ()  # about targets and grid: not as asked for

    def pipeline(self, waveform: Waveform | None = None) -> Pipeline:
        return Pipeline(self.params, self.table, self.targets, waveform, self.grid)

    def doorkeeper(self) -> Doorkeeper:
        return Doorkeeper(self.table, self.status)

    @property
    def step_ns(self) -> int:
        return self.config.runtime.slice_ms * MS

    def facts(self) -> dict[str, Any]:
        """What a run has to be repeated from: configuration, its hash, versions, machine."""
        return {
            "config": resolved(self.config),
            "config_hash": config_hash(self.config),
            "status": self.status,
            "versions": versions(),
            "unverified": unverified(self.params.shaking),
            "machine": {
                "system": platform.system(),
                "processor": platform.machine(),
                "python": platform.python_version(),
            },
            "n_channels": self.table.n_channels,
            "n_stations": self.table.n_stations,
            "n_targets": len(self.targets),
            "targets_digest": TargetTable.of(self.targets).digest,
            "n_nodes": len(self.grid) if self.grid is not None else 0,
        }

    def run_folder(self, folder: Path, *, resume: bool = False, draw_late: bool = False) -> RunFolder:
        """The files of a run, with record sections taken from its input journal."""

        def traces(report: QuickReport) -> Sequence[Trace]:
            return journal_traces(folder / INPUT, report, self.table)

        return RunFolder(
            folder,
            run_status=self.status,
            cap=CapParams(),
            report=ReportParams(),
            resume=resume,
            draw_late=draw_late,
            traces=traces,
        )


def versions() -> dict[str, str]:
    """Versions of seiswarn and of what decides its numbers."""
    import importlib

    found = {"seiswarn": seiswarn.__version__}
    for name in VERSIONED:
        found[name] = str(getattr(importlib.import_module(name), "__version__", "unknown"))
    return found


def unverified(shaking: ShakingParams) -> list[str]:
    """Relations in use that no published value or independent implementation has confirmed."""
    from seiswarn.shaking.relations import Relations
    from seiswarn.source.magnitude import REGISTRY

    sizes = [f"{name}: {r.REFERENCE}" for name, r in sorted(REGISTRY.items()) if not r.VERIFIED]
    return [*sizes, *Relations(shaking).unverified()]


def journal_traces(journal: Path, report: QuickReport, table: StationTable) -> Sequence[Trace]:
    """Vertical traces around an event, out of the input journal of the run."""
    origin = report.estimate.origin
    t0_ns, t1_ns = window(origin, max((p.distance_km for p in report.peaks), default=100.0))
    t1_ns = min(t1_ns, report.t_seen_ns)
    verticals = {c for c in table.channels if c.rsplit("_", 1)[-1] in ("Z", "3", "1")}
    pieces = waveforms(latest_records(journal, SECTION_BYTES), t0_ns=t0_ns, t1_ns=t1_ns, channels=verticals)
    return select_traces(pieces, table, origin, t0_ns, t1_ns)


def stage_params(config: Config) -> Params:
    """The parameters of the stages out of a configuration."""
    return Params(
        waveform=config.waveform,
        health=_health(config),
        source=config.source,
        shaking=_shaking(config),
        audiences=config.audiences,
        reports=config.reports,
    )


def _health(config: Config) -> HealthParams:
    """The settings with the windows of maintenance."""
    settings = msgspec.structs.asdict(config.health)
    return HealthParams(**settings, maintenance=config.maintenance)


def _shaking(config: Config) -> ShakingParams:
    """Motion that no located event explains is looked for at as few stations as any audience asks for."""
    asked = [p.wavefield_stations for p in config.audiences if p.wavefield_stations > 0]
    fewest = min([config.shaking.wavefield_min_stations, *asked])
    return msgspec.structs.replace(config.shaking, wavefield_min_stations=fewest)


def set_up(config: Config, table: StationTable, status: Status) -> Setup:
    """A run over these stations: see `runtime.where` for its targets and its grid. Raises UsageError."""
    table, unused = _attributed(config, table)
    found = where(config, table)
    return Setup(
        config,
        table,
        found.targets,
        stage_params(config),
        status,
        grid=found.grid,
        notes=found.notes,
        warnings=(*found.warnings, *unused),
    )


def _attributed(config: Config, table: StationTable) -> tuple[StationTable, list[str]]:
    """The table with the attributes of the configuration, and what of them or of maintenance is idle."""
    idle = [p for w in config.maintenance for p in w.stations]
    idle = [p for p in idle if not any(matches(code, (p,)) for code in table.stations)]
    unused = [f"maintenance: no station is called {p}" for p in idle]
    if not config.stations.attributes:
        return table, unused
    rows, problems = read_attributes(Path(config.stations.attributes))
    if problems:
        raise ConfigError(problems)
    made, more = with_attributes(table, rows)
    return made, [*unused, *(f"{config.stations.attributes}: no station is called {p}" for p in more)]


def archive_run(
    path: Path,
    config: Config,
    *,
    packet_s: float | None,
    latency_s: float,
    status: Status,
    window: tuple[int | None, int | None] = (None, None),
) -> tuple[Setup, Feed]:
    """A replay folder, or what it has of a window of time, with the metadata of its own time.

    Raises
    ------
    ArchiveError, StationsError, UsageError
        When there is nothing to replay, no usable metadata, or an impossible option.
    """
    from seiswarn.ingest.archive import open_archive

    archive = open_archive(path, window)
    return opened_run(archive, config, packet_s=packet_s, latency=latency_s, status=status)


def opened_run(
    archive: Archive, config: Config, *, packet_s: float | None, latency: Latency, status: Status
) -> tuple[Setup, Feed]:
    """`archive_run` of an archive that is open. Raises StationsError, UsageError."""
    from seiswarn.stationxml import read_station_tables

    paths = [Path(p) for p in config.stations.paths] or list(archive.station_paths)
    table = read_station_tables(paths, archive.start_ns, wanted=archive.channels)
    errors = as_errors([*archive.refusals, *table.refusals], archive.start_ns, status)
    stream = archive.blocks(packet_s, latency, status, config.runtime.slice_ms * MS)
    feed = Feed("archive", stream, archive.start_ns, archive.end_ns, errors)
    return set_up(config, table, status), feed


def records_feed(path: Path, config: Config, *, latency_s: float, status: Status) -> Feed:
    """A file of records as a feed, read only where it begins and ends. Raises UsageError."""
    from seiswarn.ingest.records import open_records

    file = open_records(path)
    late_ns = from_seconds(latency_s)
    stream = file.blocks(latency_s, status, config.runtime.slice_ms * MS)
    return Feed("records", stream, file.start_ns + late_ns, file.end_ns + late_ns)


def records_run(path: Path, config: Config, *, latency_s: float, status: Status) -> tuple[Setup, Feed]:
    """A file of records as a feed, with the stations of the configuration.

    Raises
    ------
    StationsError, UsageError
        When there is nothing to play, or no station metadata.
    """
    from seiswarn.stationxml import read_station_tables

    if not config.stations.paths:
        raise UsageError(f"{path}: records need the stations in [stations] paths")
    feed = records_feed(path, config, latency_s=latency_s, status=status)
    table = read_station_tables([Path(p) for p in config.stations.paths], feed.start_ns)
    return set_up(config, table, status), feed


def synthetic_run(config: Config, *, status: Status) -> tuple[Setup, Feed]:
    """The configured synthetic earthquake as a feed. Raises UsageError when none is configured."""
    from seiswarn.config_doors import IngestSynthetic
    from seiswarn.ingest.synthetic import Scenario, blocks
    from seiswarn.source.traveltime import TravelTimes, lookup
    from seiswarn.stationxml import read_station_tables

    entry = next((e for e in config.ingest if isinstance(e, IngestSynthetic)), None)
    if entry is None:
        raise UsageError('a drill needs an [[ingest]] of kind "synthetic" in its configuration')
    scenario = Scenario(**entry.scenario())
    table = read_station_tables([Path(p) for p in config.stations.paths], scenario.origin_ns)
    model = TravelTimes(
        config.source.velocity_model, config.source.max_depth_km, config.source.velocity_layers
    )
    stream = blocks(
        table,
        scenario,
        packet_s=entry.packet_s or None,
        latency=entry.latency_s,
        status=status,
        p_time=lambda d, z: float(lookup(model.p, d, z)),
        s_time=lambda d, z: float(lookup(model.s, d, z)),
        step_ns=config.runtime.slice_ms * MS,
    )
    start = scenario.origin_ns - round(scenario.lead_s * NS)
    feed = Feed("synthetic", stream, start, start + round(scenario.duration_s * NS))
    return set_up(config, table, status), feed
