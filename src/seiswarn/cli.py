"""The command line: run, replay, evaluate, explain, plan, listen, drill, check, stations, schema.

Nothing heavy is imported before a command needs it, so `seiswarn --help` answers at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from seiswarn import __version__


class _Commands(TyperGroup):
    """Ctrl-C ends with a sentence and code 1, before anybody makes something else of it."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _fail("stopped", 1)


app = typer.Typer(
    name="seiswarn",
    cls=_Commands,
    help="Earthquake early warning and rapid intensity reports.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

OUT = Annotated[Path | None, typer.Option("--out", help="Folder for the products.", show_default=False)]
PIPED_WIDTH = 110  # of lines that go to no terminal
SPEED = Annotated[str, typer.Option(help="'max', or how many times real time, e.g. 1 or 10.")]


def main() -> None:
    """Run the command line; exit codes: 0 ran, 2 bad arguments or configuration, 1 failed."""
    from seiswarn.errors import SeiswarnError, UsageError

    try:
        app()
    except UsageError as error:
        _fail(str(error), 2)
    except SeiswarnError as error:
        _fail(str(error), 1)
    except KeyboardInterrupt:
        _fail("stopped", 1)
    except OSError as error:
        _fail(f"{error.filename or 'system'}: {error.strerror or error}", 1)


def _fail(sentence: str, code: int) -> NoReturn:
    print(f"seiswarn: {sentence}", file=sys.stderr)
    raise SystemExit(code)


def _say(line: str) -> None:
    """Print a line. All printing comes through here: nobody reading it any more ends no run."""
    _reaches(line)


def _reaches(line: str) -> bool:
    """Print a line; False when the reader has gone, after which further lines go nowhere."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        # What stands in the buffer, too, has to go somewhere when the interpreter ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return False
    return True


def _say_while_heard(line: str) -> None:
    """Print a line; end when the reader has gone."""
    if not _reaches(line):
        raise typer.Exit


def _folder(out: Path | None, default: str, archive: Path | None = None) -> Path:
    """The folder for the products of a replay. Raises UsageError when files of others are in danger."""
    from seiswarn.runtime.files import insist_on_run_folder

    folder = out or Path(default)
    insist_on_run_folder(folder, archive if out is not None else None)
    return folder


def _version(wanted: bool) -> None:
    if wanted:
        _say(f"seiswarn {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def _speed(text: str) -> float | None:
    """None for "max", else times real time. Raises UsageError on anything else."""
    from seiswarn.errors import UsageError

    if text == "max":
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise UsageError(f"--speed is 'max' or a positive number, not {text!r}")
    return value


def _packet(text: str) -> float | None:
    """None for "record", else seconds. Raises UsageError on anything else."""
    from seiswarn.errors import UsageError

    if text == "record":
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value <= 60.0:
        raise UsageError(f"--packet is 'record' or a number of seconds up to 60, not {text!r}")
    return value


def _config(path: Path | None) -> Any:
    from seiswarn.config import default_config, load_config

    return load_config(path) if path is not None else default_config()


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
) -> None:
    """Replay recorded data through the pipeline and leave its products in a folder."""
    packet_s, times = _packet(packet), _speed(speed)
    settings = _config(config)
    folder = _folder(out, f"seiswarn-{path.resolve().name}", path)
    if live:
        from seiswarn.runtime.live import replay_live

        code = replay_live(
            path, settings, folder, speed=times, packet_s=packet_s, latency_s=latency, say=_say
        )
        if code == 0:
            _say(f"Played {path} through the real processes; products are in {folder}.")
        raise typer.Exit(code)
    from seiswarn.runtime.setup import archive_run

    setup, feed = archive_run(path, settings, packet_s=packet_s, latency_s=latency, status="test")
    _run_and_tell(setup, feed, folder, times, None)


@app.command()
def evaluate(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH",
            help="Recorded sets (miniSEED, StationXML and the catalogue's event.xml), or folders of such.",
        ),
    ],
    json: Annotated[
        Path | None, typer.Option("--json", help="Write all figures to this file.", show_default=False)
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page with tables and figures.", show_default=False)
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Configuration; a generic default without.")] = None,
    packet: Annotated[
        str, typer.Option(help="Seconds per packet, or 'record' to keep the stored records.")
    ] = "0.5",
    latency: Annotated[
        str,
        typer.Option(
            help="Seconds a packet is under way: '0.5', '0.2..1.5' drawn for each packet, or a CSV file "
            "with columns station,latency_s ('*' is any other station)."
        ),
    ] = "0",
    seed: Annotated[int, typer.Option(min=0, help="Of latencies that are drawn.")] = 1,
    jobs: Annotated[
        int, typer.Option(min=0, help="Processes at a time; 0: one for each processor core.")
    ] = 0,
    keep: Annotated[
        Path | None,
        typer.Option(
            help="Keep what each replay said in this folder, and do not replay again what is there already "
            "(same records, configuration, packets, latency and code).",
            show_default=False,
        ),
    ] = None,
    min_magnitude: Annotated[
        float, typer.Option(help="Earthquakes of the catalogue from here on must be warned of.")
    ] = 4.5,
    lead_intensity: Annotated[
        float,
        typer.Option(min=2.5, max=12.0, help="Lead times also count to this intensity (GB/T 17742)."),
    ] = 6.0,
) -> None:
    """Replay recorded earthquakes, compare with their catalogues, and tell how good the warnings were.

    An earthquake is missed when it has the magnitude, four stations within 200 km that were recording
    saw its P wave, and no alert was within 100 km and 30 s of it. An alert is false when it was near no
    earthquake of the catalogue; so is every alert of a set without event.xml. Times count from the
    catalogue's origin, and are compared with the floor: when P reached the fourth station.

    Exit code 0 when all sets ran, 1 when some could not be.
    """
    from seiswarn.evaluate.command import Options, write_json
    from seiswarn.evaluate.command import evaluate as judge
    from seiswarn.evaluate.latency import parse_latency
    from seiswarn.evaluate.matching import Rules
    from seiswarn.evaluate.table import lines, sentence

    options = Options(
        packet_s=_packet(packet),
        latency=parse_latency(latency, seed),
        n_jobs=jobs or len(os.sched_getaffinity(0)),
        keep_in=keep,
        rules=Rules(min_magnitude=min_magnitude, lead_intensity=lead_intensity),
    )
    settings = _config(config)
    _insist_on_writable(json, html)
    with _sets_done() as done:
        result = judge(paths, settings, options, done)
    if json is not None:
        write_json(json, result)
    if html is not None:
        from seiswarn.evaluate.page import page

        html.write_bytes(page(result))
    for line in lines(result["sets"]):
        _say(line)
    for skipped in result["skipped"]:
        _say(f"Skipped {skipped['id']}: it {skipped['reason']}.")
    _say(sentence(result["overall"]))
    if result["overall"]["failed"]:
        raise typer.Exit(1)


def _insist_on_writable(*files: Path | None) -> None:
    """Raise UsageError for a file that could not be written after hours of work."""
    from seiswarn.errors import UsageError

    for file in files:
        if file is not None and (file.is_dir() or not file.resolve().parent.is_dir()):
            raise UsageError(f"{file}: cannot be written; its folder has to exist")


@contextmanager
def _sets_done() -> Iterator[Any]:
    """What to call with each set that is done: a bar at a terminal, else a line."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("evaluating"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[now]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("sets", total=None, now="")

        def done(result: dict[str, Any], n: int, of: int) -> None:
            bar.update(task, completed=n, total=of, now=result["id"])
            if not console.is_terminal:
                how = "FAILED" if "error" in result else f"{result['cpu_s']:.1f} s"
                print(f"{n} of {of}: {result['id']}, {how}", file=sys.stderr, flush=True)

        yield done


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

    times, folder = _speed(speed), _folder(out, "seiswarn-drill")
    settings = _config(config or bundled("configs/drill_guangxi.toml"))
    setup, feed = synthetic_run(settings, status="exercise")
    truth = next(e for e in settings.ingest if hasattr(e, "origin_time"))
    _say(
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
            on_alert=lambda alert: _say(alert_line(alert, origin_ns)),
        )
    for line in account(summary.alerts, origin_ns):
        _say(line)
    for line in summary.suspects:
        _say(line)
    _tell_refusals(summary.counts)
    for relation in unverified(setup.params.shaking):
        _say(f"Not verified against published values: {relation}.")
    times = summary.timings
    _say(
        f"Replayed {times['data_s']:.0f} s of data in {times['run_s']:.1f} s "
        f"({times['times_real_time']:.0f} times real time); products are in {folder}."
    )


def _tell_refusals(counts: dict[str, int]) -> None:
    if counts.get("DataError"):
        _say(f"{counts['DataError']} reports of refused or flagged data; see errors.jsonl.")


@app.command()
def plan(
    config: Annotated[Path, typer.Argument(help="Configuration file: stations, targets and alert rule.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Write a page with maps and tables.", show_default=False)
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", help="Write all nodes to this file.", show_default=False)
    ] = None,
    depth_km: Annotated[float, typer.Option(help="Of the earthquake.")] = 10.0,
    magnitude: Annotated[float, typer.Option(help="Of the earthquake.")] = 6.0,
    latency: Annotated[float, typer.Option(min=0.0, help="Seconds a packet is under way.")] = 1.0,
    packet: Annotated[float, typer.Option(min=0.02, max=10.0, help="Seconds per packet.")] = 0.5,
    delivery: Annotated[
        float, typer.Option(min=0.0, help="Seconds from the alert to whom it is for; widens the blind zone.")
    ] = 0.0,
    policy: Annotated[
        str, typer.Option(help="Whose alerts count; those of any audience without.", show_default=False)
    ] = "",
    draws: Annotated[
        int, typer.Option(min=1, max=99, help="Of the noise of records; the middle outcome counts.")
    ] = 1,
    nodes: Annotated[int, typer.Option(min=4, max=20_000, help="At most so many nodes.")] = 180,
    spacing_km: Annotated[
        float | None, typer.Option(min=0.1, help="Between nodes, instead of --nodes.", show_default=False)
    ] = None,
    margin_km: Annotated[float, typer.Option(min=0.0, max=500.0, help="Around the stations.")] = 30.0,
    add_stations: Annotated[
        Path | None,
        typer.Option(
            help="Show what stations at the sites in this CSV file (name,latitude,longitude) would change.",
            show_default=False,
        ),
    ] = None,
    site: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME,LAT,LON", help="The same for one site; may be repeated."),
    ] = None,
    jobs: Annotated[
        int, typer.Option(min=0, help="Processes at a time; 0: one for each processor core.")
    ] = 0,
) -> None:
    """Map how soon a network would warn, how far around an epicentre too late, and what stations add."""
    from seiswarn.plan.command import run

    _insist_on_writable(out, json)
    for line in run(
        _config(config), out, json, depth_km=depth_km, magnitude=magnitude, latency_s=latency,
        packet_s=packet, delivery_s=delivery, policy=policy, draws=draws, max_nodes=nodes,
        spacing_km=spacing_km, margin_km=margin_km, sites_file=add_stations, sites=site or (),
        n_jobs=jobs or len(os.sched_getaffinity(0)),
    ):  # fmt: skip
        _say(line)


@app.command()
def explain(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN|EVENT",
            help="Folder of a run; or an event, looked for in the runs in this folder and right below it.",
        ),
    ],
    event: Annotated[
        str,
        typer.Argument(help="An event of the run; without, the one to look at first.", show_default=False),
    ] = "",
    audience: Annotated[
        str, typer.Option(help="Whose decisions to show; all without.", show_default=False)
    ] = "",
    at: Annotated[
        str,
        typer.Option(
            help="Instead of an event: what was seen and decided within a minute of this time (UTC,"
            " 2026-03-01T02:00:10Z or 02:00:10).",
            show_default=False,
        ),
    ] = "",
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page with the time line.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Leave nothing out and fold nothing.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Tell what a run saw and decided, and why: who was warned of what, who was not, and why not."""
    from rich.console import Console

    from seiswarn.explain.command import run as tell

    _insist_on_writable(html)
    console = Console()
    colour = console.is_terminal and not console.no_color
    for line in tell(
        run, event, audience=audience, at=at, every=every, html=html, as_json=json,
        width=console.width if console.is_terminal else PIPED_WIDTH, colour=colour,
    ):  # fmt: skip
        _say(line)


@app.command()
def run(
    config: Annotated[Path, typer.Argument(help="Configuration file.")],
    out: OUT = None,
) -> None:
    """Run the daemon: supervisor and processes, until stopped or the sources end."""
    from seiswarn.runtime.live import run_live

    raise typer.Exit(run_live(_config(config), out, say=_say))


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
        _say_while_heard,
        now_s=clock.monotonic_s,
        as_json=format == "json",
        count=count or None,
        timeout_s=timeout or None,
    )
    if count and heard < count:
        _fail(f"heard {heard} of {count} warnings", 1)


@app.command()
def check(config: Annotated[Path, typer.Argument(help="Configuration file.")]) -> None:
    """Look for everything that would keep a configuration from running, and say it all."""
    from seiswarn.runtime.check import check_config

    findings = check_config(config)
    for finding in findings:
        _say(f"{finding.mark}  {finding.subject}: {finding.sentence}")
    bad = sum(not f.ok for f in findings)
    if bad:
        _fail(f"{bad} of {len(findings)} checks failed", 2)
    _say(f"All {len(findings)} checks passed.")


@app.command()
def stations(
    path: Annotated[list[Path], typer.Argument(help="StationXML files, or folders with such.")],
    at: Annotated[str, typer.Option(help="Epoch, ISO 8601 UTC; the latest without.")] = "",
) -> None:
    """List the stations that can be used, and what can not be used with the reason."""
    from seiswarn.errors import UsageError
    from seiswarn.stationxml import describe, read_station_tables
    from seiswarn.timebase import parse_iso

    try:
        at_ns = parse_iso(at) if at else None
    except ValueError as error:
        raise UsageError(f"--at: {error}") from error
    table = read_station_tables(path, at_ns)
    for row in describe(table):
        _say(row.text())
    _say(f"{table.n_stations} stations, {table.n_channels} channels usable; {len(table.refusals)} refused.")


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
    _say(json.dumps(text, indent=2, sort_keys=True, ensure_ascii=False))
