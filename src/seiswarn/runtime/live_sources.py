"""Live sources as a configuration describes them, and the process that receives one."""

from __future__ import annotations

from pathlib import Path

from seiswarn.config_doors import IngestSeedlink, host_and_port
from seiswarn.errors import UsageError
from seiswarn.ingest.live import LiveSource
from seiswarn.runtime.archiving import Archiving, archive_folder
from seiswarn.runtime.live_clock import RunClock, open_clock
from seiswarn.runtime.processes.base import LifeSign, StopRequest
from seiswarn.runtime.receiver import Receiver
from seiswarn.runtime.spec import ProcessSpec
from seiswarn.timebase import MS

STATES = "sources"  # folder of state files, in the run folder


def open_live(spec: ProcessSpec, run_clock: RunClock) -> LiveSource:
    """The live source of an ingest process. Raises UsageError when it cannot be opened."""
    entry = spec.config.ingest[spec.sources[0].entry]
    states = Path(spec.folder) / STATES
    if isinstance(entry, IngestSeedlink):
        from seiswarn.ingest.seedlink import SeedLinkSource, Server

        servers = []
        for text in entry.servers:
            address = host_and_port(text)
            if address is None:
                raise UsageError(f"{text!r} is no HOST:PORT")
            servers.append(
                Server(
                    *address,
                    stations=entry.stations,
                    selectors=entry.selectors,
                    version=entry.version,
                    tls=entry.tls,
                    tls_verify=entry.tls_verify,
                    user=entry.user,
                    password=password(entry.password_file),
                    backfill_s=entry.backfill_s,
                    silent_s=entry.silent_s,
                    quiet_s=entry.quiet_s,
                    poke_s=entry.poke_s,
                )
            )
        return SeedLinkSource(servers, run_clock, states)
    raise UsageError(f"{spec.sources[0].name} is no live source")


def password(file: str) -> str:
    """The first line of a file; empty without one. Raises UsageError when it cannot be read."""
    if not file:
        return ""
    try:
        return (Path(file).read_text().splitlines() or [""])[0]
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from error


def receive(spec: ProcessSpec, stop: StopRequest, life: LifeSign) -> int:
    """Receive the live source of this process until told to stop."""
    run = spec.config.run
    run_clock = open_clock(run.clock, run.clock_speed)
    source = open_live(spec, run_clock)
    archiving = _open_archive(spec, run_clock)
    receiver = Receiver(
        source,
        run_clock,
        keeper=archiving,
        endpoint=spec.endpoints.input,
        name=spec.sources[0].name,
        status=spec.status,
        step_ns=spec.config.runtime.slice_ms * MS,
        max_items=spec.config.runtime.queue_packets,
    )
    try:
        receiver.run(stop, life)
    finally:
        receiver.close()
        if archiving is not None:
            archiving.close()
    return 0


def _open_archive(spec: ProcessSpec, run_clock: RunClock) -> Archiving | None:
    """The archive that the records of this process go to, at work; None when none is wanted."""
    params = spec.config.archive
    if not params.enabled:
        return None
    archiving = Archiving(archive_folder(params, Path(spec.folder)), params, run_clock.now_ns)
    archiving.start()
    return archiving
