"""Commands that serve data to others. `cli` registers them.

Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seiswarn.cli_words import SPEED, as_packet, as_speed, say


def serve_seedlink(
    path: Annotated[Path, typer.Argument(help="Folder with miniSEED files, or one such file.")],
    speed: SPEED = "1",
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 for all of this machine.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 18000,
    packet: Annotated[
        str, typer.Option(help="Seconds per packet, or 'record' to send the stored records as they are.")
    ] = "0.5",
    reclen: Annotated[int, typer.Option(help="Bytes of a record; SeedLink 3 clients get 512.")] = 512,
    format: Annotated[int, typer.Option(min=2, max=3, help="Version of miniSEED of repacked records.")] = 2,
    latency: Annotated[
        float, typer.Option(min=0.0, help="Seconds from a packet's last sample to its release.")
    ] = 0.0,
    ring: Annotated[
        str,
        typer.Option(
            help="How much is held for clients that come back: records, or bytes such as 64MB.",
            show_default="256 MiB",
        ),
    ] = "",
    start: Annotated[
        str, typer.Option(help="Begin at this data time, ISO 8601 UTC.", show_default="first sample")
    ] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Begin when a client asks for data.")] = False,
    stay: Annotated[
        bool, typer.Option("--stay", help="Go on serving what is held after the last record.")
    ] = False,
    organization: Annotated[str, typer.Option(help="Who runs the server, told to clients.")] = "seiswarn",
    tls_cert: Annotated[
        Path | None, typer.Option(help="Certificate (PEM) for encrypted connections.", show_default=False)
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(help="Its key, unless it is in the same file.", show_default=False)
    ] = None,
    auth: Annotated[
        Path | None,
        typer.Option(
            help="File of lines name:password; data are then for clients that say AUTH.", show_default=False
        ),
    ] = None,
) -> None:
    """Serve recorded data to SeedLink clients (versions 3 and 4) as if they came now.

    A record is released when data time reaches its last sample plus the latency; data keep their own
    times. It ends when everything has been released and the clients that are connected have got it.
    """
    from seiswarn.errors import UsageError
    from seiswarn.serve.command import Options, serve, tls_context
    from seiswarn.timebase import parse_iso

    try:
        start_ns = parse_iso(start) if start else None
    except ValueError as error:
        raise UsageError(f"--start: {error}") from error
    options = Options(
        host=host,
        port=port,
        speed=as_speed(speed),
        packet_s=as_packet(packet),
        latency_s=latency,
        reclen=reclen,
        version=format,
        ring=ring,
        start_ns=start_ns,
        wait=wait,
        stay=stay,
        organization=organization,
        tls=tls_context(tls_cert, tls_key),
        users=auth,
    )
    serve(path, options, say)
