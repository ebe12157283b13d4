"""Commands around the daemon and commands that serve data to others. `cli` registers them.

Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seiswarn.cli_words import SPEED, as_packet, as_speed, fail, read_config, say


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


def status(
    where: Annotated[
        Path, typer.Argument(help="Run folder, or the configuration of the run.", show_default="run")
    ] = Path("run"),
    once: Annotated[bool, typer.Option("--once", help="Show it once, even on a terminal.")] = False,
    json: Annotated[bool, typer.Option("--json", help="All of it as JSON, once.")] = False,
) -> None:
    """Show how the daemon does: processes, sources, stations, events, ways out and what is wrong.

    Exit code 1 when the daemon does not run.
    """
    from rich.console import Console

    from seiswarn.runtime import clock, console

    folder = where
    if where.is_file():
        folder = Path(read_config(where).runtime.folder)
    terminal = Console()
    seen = console.look(folder, clock.now_ns())
    if json:
        import msgspec

        say(msgspec.json.encode(console.as_json(seen)).decode())
    elif once or not terminal.is_terminal:
        for line in console.as_text(seen):
            say(line)
    else:
        from rich.live import Live

        with Live(console.as_rich(seen), console=terminal, screen=True, auto_refresh=False) as live:
            try:
                while True:
                    clock.sleep(1.0)
                    seen = console.look(folder, clock.now_ns())
                    live.update(console.as_rich(seen), refresh=True)
            except KeyboardInterrupt:
                return
    if not console.alive(seen):
        raise typer.Exit(1)


def check(
    config: Annotated[Path, typer.Argument(help="Configuration file.")],
    live: Annotated[
        bool, typer.Option("--live", help="Look at sources, clock, machine and database, too.")
    ] = False,
    seconds: Annotated[float, typer.Option(min=0, help="With --live: how long to receive.")] = 10.0,
    ntp: Annotated[
        str, typer.Option(help="With --live: a time server to ask, HOST or HOST:PORT.", show_default=False)
    ] = "",
) -> None:
    """Look for everything that would keep a configuration from running, and say it all."""
    from rich.console import Console

    from seiswarn.runtime.check import Live, check_config

    findings = check_config(config, Live(seconds, ntp) if live else None)
    terminal = Console()
    if live and terminal.is_terminal:
        from rich.table import Table
        from rich.text import Text

        table = Table("", "looked at", "found", "what to do", show_lines=False)
        styles = {"FAIL": "bold red", "warn": "yellow", "ok  ": "green"}
        for f in findings:
            table.add_row(Text(f.mark, style=styles[f.mark]), f.subject, Text(f.sentence), Text(f.do))
        terminal.print(table)
    else:
        for finding in findings:
            say(finding.text())
    bad = sum(not f.ok for f in findings)
    if bad:
        fail(f"{bad} of {len(findings)} checks failed", 2)
    say(f"All {len(findings)} checks passed.")
