"""The live runtime for the command line: a run from a configuration, an archive played live."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from seiswarn.config import Config
from seiswarn.config_doors import Ingest, IngestArchive, IngestRecords, IngestSynthetic, Live
from seiswarn.config_parts import PublishFile, PublishZmq
from seiswarn.errors import UsageError
from seiswarn.messages import Heartbeat, Status
from seiswarn.runtime import clock
from seiswarn.runtime.files import DATABASE
from seiswarn.runtime.lineage import fingerprint, set_aside
from seiswarn.runtime.logs import SupervisorLog, log_folder
from seiswarn.runtime.notify import Announcer
from seiswarn.runtime.series_token import without_token
from seiswarn.runtime.signals import Signals
from seiswarn.runtime.spec import ProcessSpec, SinkSpec, SourceKind, SourceSpec
from seiswarn.runtime.supervisor import Say, Supervisor, local_endpoints
from seiswarn.store.series_params import Influx
from seiswarn.timebase import iso

PUBLIC_ENDPOINT = PublishZmq().endpoint
DATABASES = (f"{DATABASE}*", "outbox-*.sqlite*", "series.sqlite*", "series-influx.json", "stations.json")
_KINDS: dict[type[Ingest], SourceKind] = {
    IngestArchive: "archive",
    IngestRecords: "records",
    IngestSynthetic: "synthetic",
}

NOT_RELOADED = ("run", "ingest", "publish", "runtime", "log", "series", "archive", "web")

OnBeat = Callable[[Heartbeat], None]


def run_live(
    config: Config,
    out_dir: Path | None = None,
    *,
    say: Say = lambda text: None,
    reread: Callable[[], Config] | None = None,
    signals: Signals | None = None,
) -> int:
    """Run the daemon a configuration describes until its sources end or a signal comes.

    A run goes on where the journals in `out_dir` (default: runtime.folder) stand. On SIGHUP the
    configuration is read again by `reread`, and its stations and thresholds are taken over. `signals`
    are handlers that were set before.

    Returns
    -------
    int
        0 when it ended as told, 1 when something failed for good, 2 when it cannot run as asked.

    Raises
    ------
    UsageError
        When the configuration has no source.
    """
    folder = Path(out_dir or config.runtime.folder)
    sources = config_sources(config)
    if not sources:
        raise UsageError("nothing to run: the configuration has no [[ingest]]")
    status = config.run.status
    earlier = set_aside(folder, fingerprint(config, sources, status))
    if earlier is not None:
        say(f"versions, stations or parameters have changed: a new run begins, the last one is in {earlier}")
    planned = plan(config, folder, sources, config_sinks(config, folder), status)
    return _supervise(planned, say, None, reread, signals)


def replay_live(
    path: Path,
    config: Config,
    out_dir: Path,
    *,
    speed: float | None = 1.0,
    packet_s: float | None = 0.5,
    latency_s: float = 0.0,
    status: Status = "test",
    endpoint: str | None = None,
    say: Say = lambda text: None,
    on_beat: OnBeat | None = None,
) -> int:
    """Play an archive through the real processes, into a fresh `out_dir`.

    Parameters
    ----------
    speed
        times real time; None or 0: as fast as the core can take it.
    packet_s
        length of a packet; None plays the records as stored.
    endpoint
        where alerts are published; default the first [[publish]] of kind zmq, else `PUBLIC_ENDPOINT`.
    on_beat
        called with every heartbeat of a process: progress.

    Returns
    -------
    int
        Exit code, as of `run_live`.
    """
    if not path.exists():
        raise UsageError(f"{path}: no such folder; give a folder with miniSEED and StationXML files")
    clear(out_dir)
    source = SourceSpec(
        name="archive",
        kind="archive",
        path=str(path.resolve()),
        packet_s=packet_s or 0.0,
        latency_s=latency_s,
        speed=speed or 0.0,
    )
    public = endpoint or next(
        (p.endpoint for p in config.publish if isinstance(p, PublishZmq)), PUBLIC_ENDPOINT
    )
    sinks = [
        SinkSpec(name="zmq", kind="zmq", endpoint=public),
        SinkSpec(name="file", kind="file", path=str(out_dir.resolve())),
    ]
    # What was long ago is no measurement of today: a replay keeps its series in its own folder.
    series = msgspec.structs.replace(config.series, influx=Influx())
    config = msgspec.structs.replace(config, series=series)
    return _supervise(plan(config, out_dir, [source], sinks, status), say, on_beat)


def config_sources(config: Config) -> list[SourceSpec]:
    """The [[ingest]] entries as sources, named by kind and position."""
    sources = []
    for k, entry in enumerate(config.ingest):
        if isinstance(entry, Live):
            kind_name = str(entry.__struct_config__.tag)
            sources.append(SourceSpec(name=f"{kind_name}-{k + 1}", kind="live", entry=k))
            continue
        kind = _KINDS[type(entry)]
        spec = SourceSpec(
            name=f"{kind}-{k + 1}", kind=kind, entry=k, latency_s=entry.latency_s, speed=entry.speed
        )
        if not isinstance(entry, IngestRecords):
            spec = msgspec.structs.replace(spec, packet_s=entry.packet_s)
        if not isinstance(entry, IngestSynthetic):
            spec = msgspec.structs.replace(spec, path=entry.path)
        sources.append(spec)
    return sources


def config_sinks(config: Config, folder: Path) -> list[SinkSpec]:
    """The [[publish]] entries as sinks; without one of a kind, the run's folder or the usual endpoint."""
    sinks: list[SinkSpec] = []
    for entry in config.publish:
        if isinstance(entry, PublishFile):
            sink = SinkSpec(
                name=entry.name or "file",
                kind="file",
                path=entry.path,
                keep=True,
                cap=entry.cap,
                report=entry.report,
            )
        else:
            sink = SinkSpec(
                name=entry.name or "zmq", kind="zmq", endpoint=entry.endpoint, encoding=entry.encoding
            )
        sinks.append(
            msgspec.structs.replace(
                sink, production=entry.production, allow=entry.allow, audiences=entry.audiences
            )
        )
    kinds = {sink.kind for sink in sinks}
    if "zmq" not in kinds:
        sinks.append(SinkSpec(name="zmq-public", kind="zmq", endpoint=PUBLIC_ENDPOINT))
    if "file" not in kinds:
        sinks.append(SinkSpec(name="run-folder", kind="file", path=str(folder.resolve()), keep=True))
    return sinks


def clear(folder: Path) -> None:
    """Remove what an earlier run left, so that a replay starts from nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in ("journal/*", "sources/*.json", "log/*", *DATABASES):
        for path in folder.glob(pattern):
            path.unlink()


def plan(
    config: Config, folder: Path, sources: Sequence[SourceSpec], sinks: Sequence[SinkSpec], status: Status
) -> tuple[list[ProcessSpec], Path]:
    """The processes of a run and the folder of their sockets: one per source, one per way out.

    A way out has a process of its own because drawing a report takes seconds of processor time,
    which no warning may wait for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sockets, endpoints = local_endpoints()
    base = ProcessSpec(
        name="core",
        kind="core",
        run_id=f"{config.run.name}-{iso(clock.now_ns())}",
        fingerprint=fingerprint(config, sources, status),
        folder=str(folder.resolve()),
        config=without_token(config, folder),
        status=status,
        endpoints=endpoints,
        parent_pid=os.getpid(),
        sources=tuple(sources),
    )
    specs = [base]
    for sink in sinks:
        specs.append(
            msgspec.structs.replace(base, name=f"publish-{sink.name}", kind="publish", sinks=(sink,))
        )
    specs.append(msgspec.structs.replace(base, name="store", kind="store"))
    if config.series.enabled:
        specs.append(msgspec.structs.replace(base, name="series", kind="series"))
    if config.web.enabled:
        specs.append(msgspec.structs.replace(base, name="web", kind="web"))
    for source in sources:
        specs.append(
            msgspec.structs.replace(base, name=f"ingest-{source.name}", kind="ingest", sources=(source,))
        )
    return specs, sockets


def reloaded(
    core: ProcessSpec, reread: Callable[[], Config] | None, note: Say, say: Say
) -> ProcessSpec | None:
    """The spec of a core with the configuration as it stands in its file now; None when it cannot be used.

    Sources, ways out, processes and series stay as they were started: a sentence says so where they differ.
    """

    def tell(sentence: str) -> None:
        note(sentence)
        say(sentence)

    if reread is None:
        tell("told to reload, but there is no configuration file to read again")
        return None
    try:
        config = reread()
    except UsageError as error:
        tell(f"told to reload, but everything stays as it was: {error}")
        return None
    fixed = {name: getattr(core.config, name) for name in NOT_RELOADED}
    changed = [name for name, value in fixed.items() if getattr(config, name) != value]
    if changed:
        tell(f"changes of [{'], ['.join(changed)}] take effect with the next start")
    config = msgspec.structs.replace(config, **fixed)
    print_now = fingerprint(config, core.sources, core.status)
    return msgspec.structs.replace(core, config=config, fingerprint=print_now)


def _supervise(
    planned: tuple[list[ProcessSpec], Path],
    say: Say,
    on_beat: OnBeat | None,
    reread: Callable[[], Config] | None = None,
    signals: Signals | None = None,
) -> int:
    signals = signals or Signals()
    core = planned[0][0]
    tell = SupervisorLog(core.config.log, log_folder(core.config.log, Path(core.folder)), say)
    supervisor = Supervisor(*planned, tell, Announcer())
    supervisor.on_beat = on_beat

    def reload() -> ProcessSpec | None:
        if not signals.hung_up:
            return None
        signals.hung_up = False
        supervisor.reloading()
        spec = reloaded(core, reread, supervisor.status.say, tell)
        if spec is None:
            supervisor.stayed_as_it_was()
        return spec

    try:
        return supervisor.run(signals, reload)
    finally:
        supervisor.close()
        tell.close()
        signals.restore()
