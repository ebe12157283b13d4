"""Commands about stored waveforms: what an archive holds, and fetching a replay folder. `cli` registers them.

Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from seiswarn.cli_words import as_window, fail, insist_on_writable, say


def archive(
    path: Annotated[Path, typer.Argument(help="Folder of an SDS archive.")],
    gaps: Annotated[bool, typer.Option("--gaps", help="List every gap and overlap.")] = False,
    start: Annotated[str, typer.Option("--from", help="ISO 8601 UTC.", show_default=False)] = "",
    end: Annotated[str, typer.Option("--to", help="ISO 8601 UTC.", show_default=False)] = "",
    csv: Annotated[
        Path | None, typer.Option(help="Write gaps and overlaps to this file.", show_default=False)
    ] = None,
) -> None:
    """Tell what a raw archive holds, per channel: records, time, gaps and overlaps."""
    from seiswarn.runtime.archive_gaps import channels_of, write_gaps

    window = as_window(start, end)
    insist_on_writable(csv)
    found = []
    with _bar("reading headers") as progress:
        for channel in channels_of(path, *window, progress=progress):
            found.append(channel)
            say(channel.text())
            if gaps:
                for gap in channel.gaps:
                    _, kind, begin, until, seconds = gap.row()
                    say(f"  {kind:<8} {begin} to {until}  {seconds} s")
    if csv is not None:
        write_gaps(csv, found)
    n = sum(gap.kind == "gap" for channel in found for gap in channel.gaps)
    say(f"{len(found)} channels, {sum(c.n_records for c in found)} records, {n} gaps.")


def fetch(
    server: Annotated[str, typer.Option(help="Address of an FDSN server, or its name, e.g. EARTHSCOPE.")],
    out: Annotated[Path, typer.Option(help="Folder to fetch into; a second call goes on there.")],
    start: Annotated[str, typer.Option(help="First time, ISO 8601 UTC.", show_default=False)] = "",
    end: Annotated[str, typer.Option(help="Last time.", show_default=False)] = "",
    event: Annotated[
        str, typer.Option(help="Identifier of an event there, in place of times.", show_default=False)
    ] = "",
    before: Annotated[float, typer.Option(min=0.0, help="Seconds before the event.")] = 60.0,
    after: Annotated[float, typer.Option(min=1.0, help="Seconds after the event.")] = 300.0,
    network: Annotated[str, typer.Option(help="Codes with * and ?, separated by commas.")] = "*",
    station: Annotated[str, typer.Option(help="Likewise.")] = "*",
    location: Annotated[str, typer.Option(help="Likewise; -- is the empty one.")] = "*",
    channel: Annotated[str, typer.Option(help="Likewise.")] = "HN?,HH?,BN?,EH?,HL?",
    latitude: Annotated[float | None, typer.Option(help="Of a circle.", show_default=False)] = None,
    longitude: Annotated[float | None, typer.Option(help="Of a circle.", show_default=False)] = None,
    maxradius_km: Annotated[
        float | None, typer.Option(help="Of a circle; around the event without a centre.", show_default=False)
    ] = None,
) -> None:
    """Fetch stations, waveforms and the event from an FDSN server into a folder for replay."""
    from seiswarn.errors import UsageError
    from seiswarn.runtime import clock
    from seiswarn.web.fetch import Request
    from seiswarn.web.fetch import fetch as run

    window = as_window(start, end)
    if bool(event) == (window[0] is not None and window[1] is not None):
        raise UsageError("give --start and --end, or --event")
    if (latitude is None) != (longitude is None):
        raise UsageError("--latitude and --longitude come together")
    if maxradius_km is not None and latitude is None and not event:
        raise UsageError("--maxradius-km needs --latitude and --longitude, or --event")
    request = Request(
        server=server,
        start_ns=window[0] or 0,
        end_ns=window[1] or 0,
        event=event,
        before_s=before,
        after_s=after,
        network=network,
        station=station,
        location=location,
        channel=channel,
        latitude=latitude,
        longitude=longitude,
        maxradius_km=maxradius_km,
    )
    with _bar("fetching") as progress:
        outcome = run(request, out, say=say, sleep=clock.sleep, progress=progress)
    if outcome.empty:
        listed = ", ".join(outcome.empty[:20]) + (" ..." if len(outcome.empty) > 20 else "")
        say(f"The server had nothing for {len(outcome.empty)} of {outcome.channels} channels: {listed}.")
    say(f"{outcome.records} records were fetched into {out}; replay them with: seiswarn replay {out}")
    if outcome.failed:
        for sentence in outcome.failed:
            say(f"Could not be had: {sentence}")
        fail(f"{len(outcome.failed)} requests failed; the same command tries them again", 1)


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal; nothing anywhere else."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
