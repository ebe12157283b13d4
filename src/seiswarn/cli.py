"""The command line: run, replay, evaluate, explain, plan, listen, drill, check, stations, schema, servers.

Nothing heavy is imported before a command needs it, so `seiswarn --help` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from seiswarn import __version__
from seiswarn.cli_data import archive, fetch
from seiswarn.cli_service import check, serve_seedlink, status
from seiswarn.cli_study import evaluate, explain, plan
from seiswarn.cli_words import (
    OUT,
    SPEED,
    as_packet,
    as_speed,
    as_window,
    fail,
    read_config,
    run_folder,
    say,
    say_while_heard,
)


class _Commands(TyperGroup):
    """Ctrl-C ends with a sentence and code 1, before anybody makes something else of it."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            fail("stopped", 1)


app = typer.Typer(
    name="seiswarn",
    cls=_Commands,
    help="Earthquake early warning and rapid intensity reports.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command line; exit codes: 0 ran, 2 bad arguments or configuration, 1 failed."""
    from seiswarn.errors import SeiswarnError, UsageError

    try:
        app()
    except UsageError as error:
        fail(str(error), 2)
    except SeiswarnError as error:
        fail(str(error), 1)
    except KeyboardInterrupt:
        fail("stopped", 1)
    except OSError as error:
        fail(f"{error.filename or 'system'}: {error.strerror or error}", 1)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"seiswarn {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def replay(
    path: Annotated[Path, typer.Argument(help="Folder with miniSEED and StationXML files.")],
    config: Annotated[Path | None, typer.Option(help="Configuration; a generic default without.")] = None,
    out: OUT = None,
    speed: SPEED = "max",
    packet: Annotated[
        str, typer.Option(help="Seconds per packet, or 'record' to keep the stored records.")
    ] = "0.5",
    latency: Annotated[
        float, typer.Option(min=0.0, help="Seconds from a packet's last sample to its arrival.")
    ] = 0.0,
    live: Annotated[
        bool, typer.Option("--live", help="Play the archive through the real processes.")
    ] = False,
    start: Annotated[
        str, typer.Option(help="Only records from this time on, ISO 8601 UTC.", show_default=False)
    ] = "",
    end: Annotated[str, typer.Option(help="Only records up to this time.", show_default=False)] = "",
) -> None:
    """Replay recorded data through the pipeline and leave its products in a folder."""
    packet_s, times = as_packet(packet), as_speed(speed)
    window = as_window(start, end)
    settings = read_config(config)
    folder = run_folder(out, f"seiswarn-{path.resolve().name}", path)
    if live:
        if window != (None, None):
            fail("--start and --end are for replays without --live", 2)
        from seiswarn.runtime.live import replay_live

        code = replay_live(path, settings, folder, speed=times, packet_s=packet_s, latency_s=latency, say=say)
        if code == 0:
            say(f"Played {path} through the real processes; products are in {folder}.")
        raise typer.Exit(code)
    from seiswarn.runtime.setup import archive_run

    setup, feed = archive_run(
        path, settings, packet_s=packet_s, latency_s=latency, status="test", window=window
    )
    _run_and_tell(setup, feed, folder, times, None)


app.command()(evaluate)
app.command()(explain)
app.command()(plan)
app.command("serve-seedlink")(serve_seedlink)
app.command()(check)
app.command()(status)
app.command()(archive)
app.command()(fetch)


@app.command()
def drill(
    config: Annotated[
        Path | None,
        typer.Argument(help="Configuration with a synthetic [[ingest]]; the bundled one without."),
    ] = None,
    out: OUT = None,
    speed: SPEED = "max",
) -> None:
    """Play an exercise: a synthetic earthquake, marked EXERCISE from the door to the last product."""
    from seiswarn.bundled import bundled
    from seiswarn.runtime.setup import synthetic_run
    from seiswarn.timebase import parse_iso

    times, folder = as_speed(speed), run_folder(out, "seiswarn-drill")
    settings = read_config(config or bundled("configs/drill_guangxi.toml"))
    setup, feed = synthetic_run(settings, status="exercise")
    truth = next(e for e in settings.ingest if hasattr(e, "origin_time"))
    say(
        f"EXERCISE: M {truth.mw:.1f} at {truth.latitude:.2f}°, {truth.longitude:.2f}°, "
        f"{truth.depth_km:.0f} km deep, {truth.origin_time}, "
        f"on {setup.table.n_stations} stations and {len(setup.targets)} targets."
    )
    _run_and_tell(setup, feed, folder, times, parse_iso(truth.origin_time))


def _run_and_tell(setup: Any, feed: Any, folder: Path, speed: float | None, origin_ns: int | None) -> None:
    """Replay with a progress display, then the account."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from seiswarn.runtime.account import account, alert_line
    from seiswarn.runtime.replay import replay as run
    from seiswarn.runtime.setup import unverified
    from seiswarn.timebase import NS, iso

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[now]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("replaying", total=(feed.end_ns - feed.start_ns) / NS, now="")

        def progress(now_ns: int, end_ns: int) -> None:
            bar.update(task, completed=(now_ns - feed.start_ns) / NS, now=f"{iso(now_ns, 1)} UTC")

        summary = run(
            setup,
            feed,
            folder,
            speed=speed,
            progress=progress,
            on_alert=lambda alert: say(alert_line(alert, origin_ns)),
        )
    for line in account(summary.alerts, origin_ns):
        say(line)
    for line in summary.suspects:
        say(line)
    _tell_refusals(summary.counts)
    for relation in unverified(setup.params.shaking):
        say(f"Not verified against published values: {relation}.")
    times = summary.timings
    say(
        f"Replayed {times['data_s']:.0f} s of data in {times['run_s']:.1f} s "
        f"({times['times_real_time']:.0f} times real time); products are in {folder}."
    )


def _tell_refusals(counts: dict[str, int]) -> None:
    if counts.get("DataError"):
        say(f"{counts['DataError']} reports of refused or flagged data; see errors.jsonl.")


@app.command()
def run(
    config: Annotated[Path, typer.Argument(help="Configuration file.")],
    out: OUT = None,
) -> None:
    """Run the daemon: supervisor and processes, until stopped or the sources end."""
    from seiswarn.runtime.signals import Signals

    signals = Signals()  # before anything slow: a SIGHUP without a handler is the end
    from seiswarn.runtime.live import run_live

    settings = read_config(config)
    code = run_live(settings, out, say=say, reread=lambda: read_config(config), signals=signals)
    raise typer.Exit(code)


@app.command()
def listen(
    endpoint: Annotated[
        str, typer.Option(help="PUB endpoint of a running seiswarn.")
    ] = "tcp://127.0.0.1:7720",
    format: Annotated[str, typer.Option(help="'text' or 'json'.")] = "text",
    count: Annotated[int, typer.Option(min=0, help="Stop after so many warnings; 0 is never.")] = 0,
    timeout: Annotated[float, typer.Option(min=0, help="Stop after so many seconds; 0 is never.")] = 0.0,
) -> None:
    """Subscribe to warnings and print them; losses and silence are told too."""
    from seiswarn.client.listen import listen as follow
    from seiswarn.errors import UsageError
    from seiswarn.runtime import clock

    if format not in ("text", "json"):
        raise UsageError(f"--format is 'text' or 'json', not {format!r}")
    heard = follow(
        endpoint,
        say_while_heard,
        now_s=clock.monotonic_s,
        as_json=format == "json",
        count=count or None,
        timeout_s=timeout or None,
    )
    if count and heard < count:
        fail(f"heard {heard} of {count} warnings", 1)


@app.command()
def stations(
    path: Annotated[list[Path] | None, typer.Argument(help="StationXML files, or folders with such.")] = None,
    at: Annotated[str, typer.Option(help="Epoch, ISO 8601 UTC; the latest without.")] = "",
    report: Annotated[
        Path | None, typer.Option(help="Run folder: tell how its stations did instead.")
    ] = None,
    month: Annotated[str, typer.Option(help="YYYY-MM, of the report; all there is without.")] = "",
    day: Annotated[str, typer.Option(help="YYYY-MM-DD, of the report.")] = "",
    csv: Annotated[Path | None, typer.Option(help="Write the report to this file, too.")] = None,
    from_knet: Annotated[
        Path | None,
        typer.Option(help="Write StationXML of the K-NET and KiK-net files in the folders to this file."),
    ] = None,
) -> None:
    """List the stations that can be used, and what can not be used with the reason.

    With --report RUN_FOLDER: completeness, latency and trust of each station instead.
    """
    from seiswarn.errors import UsageError

    if from_knet is not None:
        _stations_from_knet(path or [], from_knet)
        return

    if report is not None:
        _report_stations(report, month, day, csv)
        return
    if not path:
        raise UsageError("give StationXML files, or --report RUN_FOLDER")
    from seiswarn.stationxml import describe, read_station_tables
    from seiswarn.timebase import parse_iso

    try:
        at_ns = parse_iso(at) if at else None
    except ValueError as error:
        raise UsageError(f"--at: {error}") from error
    table = read_station_tables(path, at_ns)
    for row in describe(table):
        say(row.text())
    say(f"{table.n_stations} stations, {table.n_channels} channels usable; {len(table.refusals)} refused.")


def _stations_from_knet(folders: list[Path], out: Path) -> None:
    """StationXML out of headers of K-NET files."""
    from seiswarn.errors import UsageError
    from seiswarn.ingest.knet_stations import read_knet_folder, stationxml

    files = []
    for folder in folders:
        found, refusals = read_knet_folder(folder)
        files += found
        for refusal in refusals:
            say(f"{refusal.subject}: {refusal.reason} {refusal.detail}")
    if not files:
        raise UsageError(
            "there are no K-NET or KiK-net files to take stations from; give folders with such files"
        )
    out.write_bytes(stationxml(files))
    counts = {"station": len({f.station for f in files}), "channel": len({f.channel for f in files})}
    say(", ".join(f"{n} {name}{'s'[: n - 1]}" for name, n in counts.items()) + f" found: {out}")


def _report_stations(folder: Path, month: str, day: str, csv: Path | None) -> None:
    """Tables of completeness and health."""
    from rich.console import Console

    from seiswarn.errors import UsageError
    from seiswarn.runtime.stations_report import HEAD, as_text, rows_from, span, table_of, write_csv

    first, last, period = span(month, day)
    rows, days = rows_from(folder, first, last)
    if not rows:
        known = f"known: {days[0]} to {days[-1]}" if days else "no minute of station health was stored yet"
        raise UsageError(f"{folder}: nothing of {period or 'any day'}; {known}")
    period = period or (days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}")
    console, lines = Console(), table_of(rows)
    if console.is_terminal:
        from rich.table import Table

        table = Table(title=f"Stations, {period}")
        for k, name in enumerate(HEAD):
            table.add_column(name, justify="left" if k < 2 else "right")
        for line in lines:
            table.add_row(*line)
        console.print(table)
    else:
        say(f"Stations, {period}")
        for text in as_text(lines):
            say(text)
    if csv is not None:
        write_csv(csv, rows, period)


@app.command()
def schema(
    internal: Annotated[bool, typer.Option("--internal", help="Every message on the bus.")] = False,
) -> None:
    """Print the JSON Schema of published warnings, or of all messages."""
    import json

    if internal:
        from seiswarn.messages import json_schema

        text = json_schema()
    else:
        from seiswarn.publish.formats.public import public_schema

        text = public_schema()
    say(json.dumps(text, indent=2, sort_keys=True, ensure_ascii=False))
