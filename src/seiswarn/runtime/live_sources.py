"""Live sources as a configuration describes them, and the process that receives one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seiswarn.config_doors import (
    Ingest,
    IngestFolder,
    IngestKnet,
    IngestMqtt,
    IngestSeedlink,
    IngestShakeUdp,
    IngestStdin,
    host_and_port,
    pairs,
)
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
    opener = _OPENERS.get(type(entry))
    if opener is None:
        raise UsageError(f"{spec.sources[0].name} is no live source")
    source: LiveSource = opener(entry, run_clock, Path(spec.folder) / STATES)
    return source


def _seedlink(entry: IngestSeedlink, run_clock: RunClock, states: Path) -> LiveSource:
    from seiswarn.ingest.seedlink import SeedLinkSource, Server

    servers = []
    for text in entry.servers:
        servers.append(
            Server(
                *_address(text, 18000),
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


def _shake_udp(entry: IngestShakeUdp, run_clock: RunClock, states: Path) -> LiveSource:
    from seiswarn.ingest.shake_udp import ShakeCast, ShakeUdpSource

    host, port = _address(entry.listen, 8888)
    cast = ShakeCast(
        host=host,
        port=port,
        network=entry.network,
        station=entry.station,
        location=entry.location,
        senders=pairs(entry.senders) or (),
        rate_hz=entry.rate_hz,
        silent_s=entry.silent_s,
    )
    return ShakeUdpSource(cast, run_clock)


def _folder(entry: IngestFolder | IngestKnet, run_clock: RunClock, states: Path) -> LiveSource:
    from seiswarn.ingest.folder import FolderSource, Watch

    watch = Watch(
        path=Path(entry.path),
        form="knet" if isinstance(entry, IngestKnet) else "miniseed",
        poll_s=entry.poll_s,
        existing=entry.existing,
        backfill_s=entry.backfill_s,
        settle_s=entry.settle_s,
        after=entry.after,
    )
    return FolderSource(watch, run_clock, states)


def _mqtt(entry: IngestMqtt, run_clock: RunClock, states: Path) -> LiveSource:
    from seiswarn.ingest.mqtt import Broker, MqttSource

    host, port = _address(entry.broker, 8883 if entry.tls else 1883)
    broker = Broker(
        host=host,
        port=port,
        topics=entry.topics,
        qos=entry.qos,
        client_id=entry.client_id,
        user=entry.user,
        password=password(entry.password_file),
        tls=entry.tls,
        tls_verify=entry.tls_verify,
        tls_ca=entry.tls_ca,
        network=entry.network,
        location=entry.location,
        channels=entry.channels,
        devices=pairs(entry.devices) or (),
        times=entry.times,
        silent_s=entry.silent_s,
        quiet_s=entry.quiet_s,
    )
    return MqttSource(broker, run_clock)


def _stdin(entry: IngestStdin, run_clock: RunClock, states: Path) -> LiveSource:
    from seiswarn.ingest.stdin import StdinSource

    if os.isatty(0):
        raise UsageError(
            "standard input is a terminal: pipe miniSEED into seiswarn run, e.g. slinktool -o - ..."
        )
    return StdinSource(run_clock, silent_s=entry.silent_s)


# Each is given its [[ingest]], the clock of the run and the folder for states.
_OPENERS: dict[type[Ingest], Callable[[Any, RunClock, Path], LiveSource]] = {
    IngestSeedlink: _seedlink,
    IngestShakeUdp: _shake_udp,
    IngestFolder: _folder,
    IngestKnet: _folder,
    IngestMqtt: _mqtt,
    IngestStdin: _stdin,
}


def _address(text: str, port: int) -> tuple[str, int]:
    address = host_and_port(text, port)
    if address is None:
        raise UsageError(f"{text!r} is no HOST:PORT")
    return address


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
