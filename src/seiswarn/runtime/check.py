"""Everything that would keep a configuration from running, looked for before it does."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import zmq

from seiswarn.config import Config, load_config
from seiswarn.config_doors import IngestArchive, IngestRecords, IngestSynthetic
from seiswarn.config_parts import PublishZmq
from seiswarn.errors import ConfigError, SeiswarnError, UsageError
from seiswarn.runtime.check_audiences import audience_findings
from seiswarn.runtime.check_series import series_findings
from seiswarn.runtime.check_targets import target_findings
from seiswarn.runtime.finding import Finding
from seiswarn.stations import StationTable
from seiswarn.timebase import iso, parse_iso

if TYPE_CHECKING:
    from seiswarn.runtime.setup import Setup

MIN_FREE_BYTES = 1 << 30

T = TypeVar("T")


class Live(NamedTuple):
    """How to look at what is outside: seconds to receive for, and a time server to ask (empty: none)."""

    seconds: float = 10.0
    ntp: str = ""


def check_config(path: Path, live: Live | None = None) -> list[Finding]:
    """All findings about the configuration in `path`; stops at a configuration that cannot be read.

    With `live` also about what can be looked at only where it is to run.
    """
    try:
        config = load_config(path)
    except ConfigError as error:
        return [Finding("configuration", False, str(p)) for p in error.problems]
    findings = [Finding("configuration", True, f"{path} is sound; status is {config.run.status}")]
    table = _try(findings, "stations", lambda: _stations(config, findings))
    if table is not None:
        findings += target_findings(path, config, table)
        findings += audience_findings(path, config, table)
        setup = _try(findings, "targets", lambda: _targets(config, table, findings))
        if setup is not None:
            _try(findings, "pipeline", lambda: _pipeline(setup, findings))
    _folder(config, findings)
    _endpoints(config, findings)
    _web(config, findings)
    findings += series_findings(config)
    if live is not None:
        from seiswarn.runtime.check_live import live_findings

        findings += live_findings(config, table, live.seconds, live.ntp)
    return findings


def _try(findings: list[Finding], subject: str, look: Callable[[], T]) -> T | None:
    try:
        return look()
    except SeiswarnError as error:
        findings.append(Finding(subject, False, str(error)))
        return None


def _stations(config: Config, findings: list[Finding]) -> StationTable:
    from seiswarn.stationxml import read_station_tables

    paths = [Path(p) for p in config.stations.paths]
    at_ns: int | None = None
    for entry in config.ingest:
        if isinstance(entry, IngestArchive):
            from seiswarn.ingest.archive import open_archive

            archive = open_archive(Path(entry.path))
            findings.append(Finding("source", True, f"{entry.path} holds {len(archive.channels)} channels"))
            at_ns, paths = archive.start_ns, paths or list(archive.station_paths)
        elif isinstance(entry, IngestRecords):
            from seiswarn.ingest.records import open_records

            file = open_records(Path(entry.path))
            span = f"{iso(file.start_ns, 0)} to {iso(file.end_ns, 0)}"
            findings.append(Finding("source", True, f"{entry.path} holds records of {span}"))
            at_ns = file.start_ns
        elif isinstance(entry, IngestSynthetic):
            at_ns = parse_iso(entry.origin_time)
    if not config.ingest:
        findings.append(Finding("source", False, "no [[ingest]] is configured: nothing would ever come in"))
    if not paths:
        raise UsageError("no station metadata: set [stations] paths")
    table = read_station_tables(paths, at_ns)
    refused = f"; {len(table.refusals)} refused, see `seiswarn stations`" if table.refusals else ""
    findings.append(
        Finding("stations", True, f"{table.n_stations} stations, {table.n_channels} channels usable{refused}")
    )
    least = config.source.min_stations
    sites = len(set(table.st_site.tolist()))
    if sites < least:
        sentence = f"{sites} sites can never make an event: [source] min_stations is {least}"
        findings.append(Finding("network", False, sentence))
    return table


def _targets(config: Config, table: StationTable, findings: list[Finding]) -> Setup:
    """Where the run would forecast, and what had to be decided about it."""
    from seiswarn.runtime.setup import set_up

    setup = set_up(config, table, config.run.status)
    findings += [Finding("targets", True, sentence) for sentence in setup.notes]
    findings += [Finding("targets", True, sentence, warning=True) for sentence in setup.warnings]
    return setup


def _pipeline(setup: Setup, findings: list[Finding]) -> None:
    from seiswarn.runtime import clock
    from seiswarn.runtime.warm import compile_aside, warm

    begun = clock.monotonic_s()
    aside = compile_aside()
    warm(setup.pipeline(), aside)
    seconds = clock.monotonic_s() - begun
    findings.append(Finding("kernels", True, f"compiled or loaded in {seconds:.1f} s"))


def _folder(config: Config, findings: list[Finding]) -> None:
    """Whether the run folder can be written and has room."""
    folder = Path(config.runtime.folder)
    parent = next(p for p in (folder, *folder.parents) if p.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        findings.append(Finding("disk", False, f"{folder} cannot be written: check who owns {parent}"))
        return
    free = shutil.disk_usage(parent).free
    sentence = f"{free / 1e9:.1f} GB free under {folder}"
    findings.append(Finding("disk", free >= MIN_FREE_BYTES, sentence))


def _web(config: Config, findings: list[Finding]) -> None:
    """Whether the port of the web services can be bound."""
    web = config.web
    if not web.enabled:
        return
    where = f"{web.host}:{web.port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(web.host, web.port, type=socket.SOCK_STREAM)[
            0
        ]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        sentence = f"{where} cannot be bound ({error.strerror}): is another seiswarn running?"
        findings.append(Finding("web", False, sentence))
        return
    findings.append(Finding("web", True, f"{where} can be bound"))


def _endpoints(config: Config, findings: list[Finding]) -> None:
    """Whether every public endpoint can be bound."""
    with zmq.Context() as context:
        for entry in config.publish:
            if not isinstance(entry, PublishZmq):
                continue
            socket = context.socket(zmq.PUB)
            socket.linger = 0
            try:
                socket.bind(entry.endpoint)
                findings.append(Finding("sink", True, f"{entry.endpoint} can be bound"))
            except zmq.ZMQError as error:
                sentence = f"{entry.endpoint} cannot be bound ({error}): is another seiswarn running?"
                findings.append(Finding("sink", False, sentence))
            finally:
                socket.close()
