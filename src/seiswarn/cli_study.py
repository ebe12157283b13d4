"""Commands that look at runs, recordings and networks: evaluate, plan, explain. `cli` registers them.

Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from seiswarn.cli_words import as_packet, insist_on_writable, read_config, say

PIPED_WIDTH = 110  # of lines that go to no terminal


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
        packet_s=as_packet(packet),
        latency=parse_latency(latency, seed),
        n_jobs=jobs or len(os.sched_getaffinity(0)),
        keep_in=keep,
        rules=Rules(min_magnitude=min_magnitude, lead_intensity=lead_intensity),
    )
    settings = read_config(config)
    insist_on_writable(json, html)
    with _sets_done() as done:
        result = judge(paths, settings, options, done)
    if json is not None:
        write_json(json, result)
    if html is not None:
        from seiswarn.evaluate.page import page

        html.write_bytes(page(result))
    for line in lines(result["sets"]):
        say(line)
    for skipped in result["skipped"]:
        say(f"Skipped {skipped['id']}: it {skipped['reason']}.")
    say(sentence(result["overall"]))
    if result["overall"]["failed"]:
        raise typer.Exit(1)


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

    insist_on_writable(out, json)
    for line in run(
        read_config(config), out, json, depth_km=depth_km, magnitude=magnitude, latency_s=latency,
        packet_s=packet, delivery_s=delivery, policy=policy, draws=draws, max_nodes=nodes,
        spacing_km=spacing_km, margin_km=margin_km, sites_file=add_stations, sites=site or (),
        n_jobs=jobs or len(os.sched_getaffinity(0)),
    ):  # fmt: skip
        say(line)


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

    insist_on_writable(html)
    console = Console()
    colour = console.is_terminal and not console.no_color
    for line in tell(
        run, event, audience=audience, at=at, every=every, html=html, as_json=json,
        width=console.width if console.is_terminal else PIPED_WIDTH, colour=colour,
    ):  # fmt: skip
        say(line)
