"""`seiswarn serve-seedlink`: an archive played to SeedLink clients."""

from __future__ import annotations

import asyncio
import signal
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from seiswarn.errors import ServerError, UsageError
from seiswarn.ingest.archive import Archive, open_archive
from seiswarn.serve.feed import Released, packets, stored, streams_of
from seiswarn.serve.play import play
from seiswarn.serve.ring import DEFAULT_BYTES, Ring
from seiswarn.serve.seedlink_server import PORT, Server
from seiswarn.timebase import iso

_UNITS = {"kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says. `packet_s` None sends records as stored, `speed` None as fast as can be."""

    host: str = "127.0.0.1"
    port: int = PORT
    speed: float | None = 1.0
    packet_s: float | None = 0.5
    latency_s: float = 0.0
    reclen: int = 512
    version: int = 2  # of miniSEED
    ring: str = ""
    start_ns: int | None = None
    wait: bool = False
    stay: bool = False
    organization: str = "seiswarn"
    tls: ssl.SSLContext | None = None
    users: Path | None = None


def ring_of(text: str) -> Ring:
    """A ring of so many records ("100000") or bytes ("64MB"). Raises UsageError on anything else."""
    if not text:
        return Ring(max_bytes=DEFAULT_BYTES)
    number, unit = (text[:-2], text[-2:]) if text[-2:] in _UNITS else (text, "")
    if not number.isdigit() or int(number) < 1:
        raise UsageError(f"--ring is a number of records, or of bytes such as 64MB, not {text!r}")
    if unit:
        return Ring(max_bytes=int(number) * _UNITS[unit])
    return Ring(max_bytes=1 << 62, max_records=int(number))


def tls_context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """The server side of TLS, None without a certificate. Raises UsageError when the files do not do."""
    if certificate is None:
        if key is not None:
            raise UsageError("--tls-key needs --tls-cert")
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one, too
        raise UsageError(f"{certificate}: cannot be used as a certificate ({error})") from error
    return context


def read_users(path: Path) -> dict[str, str]:
    """Passwords by name from lines ``name:password``; empty lines and those with # are passed over.

    Raises
    ------
    UsageError
        When the file cannot be read, holds none, or one that AUTH cannot say.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({error})") from error
    users = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, password = line.strip().partition(":")
        if not colon or not name or not password or " " in line.strip():
            raise UsageError(f"{path}, line {number}: not of the form name:password, without blanks")
        users[name] = password
    if not users:
        raise UsageError(f"{path}: no line of the form name:password")
    return users


def serve(path: Path, options: Options, say: Callable[[str], None]) -> None:
    """Serve the archive at `path` until it has been played, or a signal comes.

    Raises
    ------
    ArchiveError
        When there is nothing to serve.
    UsageError
        When an option makes no sense.
    ServerError
        When the address cannot be had.
    """
    ring = ring_of(options.ring)
    users = read_users(options.users) if options.users is not None else {}
    archive = open_archive(path)
    if options.start_ns is not None and options.start_ns > archive.end_ns:
        raise UsageError(f"--start {iso(options.start_ns, 0)}: the data end at {iso(archive.end_ns, 0)}")
    for station, stream in streams_of(archive):
        ring.declare(station, stream, str(options.version))
    ring.closed = options.packet_s is not None  # stored records may be of other kinds, too
    server = Server(
        ring,
        options.host,
        options.port,
        organization=options.organization,
        tls=options.tls,
        users=users,
        tell=say,
    )
    asyncio.run(_serve(server, archive, options, say))


def _feed(archive: Archive, options: Options) -> Iterable[Released]:
    if options.packet_s is None:
        return stored(archive, latency_s=options.latency_s)
    return packets(
        archive,
        options.packet_s,
        latency_s=options.latency_s,
        reclen=options.reclen,
        version=options.version,
    )


async def _serve(server: Server, archive: Archive, options: Options, say: Callable[[str], None]) -> None:
    feed = _feed(archive, options)
    try:
        await server.open()
    except OSError as error:
        address = f"{server.host}:{server.port}"
        raise ServerError(f"cannot listen on {address}: {error.strerror or error}") from error
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    speed = "as fast as they are taken" if options.speed is None else f"at speed {options.speed:g}"
    say(
        f"serving {len(server.ring.stations)} stations, {len(archive.channels)} channels of {archive.path} "
        f"on {server.host}:{server.port} {speed}; "
        f"data from {iso(archive.start_ns, 3)} to {iso(archive.end_ns, 3)} UTC"
    )
    played = loop.create_task(_play(server, feed, archive, options))
    stop = loop.create_task(stopped.wait())
    try:
        await asyncio.wait({played, stop}, return_when=asyncio.FIRST_COMPLETED)
        if played.done():
            played.result()  # raises what went wrong
            if options.stay:
                say("all data are out; the server stays until it is stopped")
                await stopped.wait()
    finally:
        played.cancel()
        stop.cancel()
        await server.close("was closed: the server stops")
        _say_end(server, say, stopped.is_set())


async def _play(server: Server, feed: Iterable[Released], archive: Archive, options: Options) -> None:
    if options.wait:
        await server.someone()
    # The data clock starts with the data, not with the first packet: that one is due when it is full.
    start_ns = archive.start_ns if options.start_ns is None else options.start_ns
    await play(server, feed, options.speed, start_ns=start_ns)
    server.finish()
    if not options.stay:
        await server.drained()


def _say_end(server: Server, say: Callable[[str], None], stopped: bool) -> None:
    n, counts = server.ring.next_seq - 1, server.counts
    dropped = sum(count for name, count in counts.items() if name.startswith("dropped_"))
    why = "stopped" if stopped else "everything has been served"
    text = f"{why}: {n} records released, {counts['packets']} packets sent to {counts['connections']} clients"
    if dropped:
        text += f", {dropped} of them dropped"
    if counts["unconverted"]:
        text += f"; {counts['unconverted']} packets had no form that their client takes"
    say(text)
