"""`seiswarn check --live`: everything that can be looked at only where and when the daemon is to run."""

from __future__ import annotations

from pathlib import Path

from seiswarn.config import Config
from seiswarn.runtime import clock
from seiswarn.runtime.check_machine import machine_findings
from seiswarn.runtime.check_sources import source_findings
from seiswarn.runtime.console import alive, look
from seiswarn.runtime.finding import Finding
from seiswarn.stations import StationTable
from seiswarn.store.influx_http import InfluxServer, Verdict

REFUSALS_NAMED = 5


def live_findings(config: Config, table: StationTable | None, seconds: float, ntp: str) -> list[Finding]:
    """All of it; `table` is None when the station metadata cannot be read.

    Parameters
    ----------
    seconds
        how long to receive from the sources.
    ntp
        a time server to ask, empty: none.
    """
    return [
        *_daemon(config),
        *machine_findings(config, ntp),
        *(refusal_findings(table) if table is not None else ()),
        *source_findings(config, table, seconds),
        *influx_findings(config),
    ]


def _daemon(config: Config) -> list[Finding]:
    """Another daemon with the same run folder would be in the way."""
    seen = look(Path(config.runtime.folder), clock.now_ns())
    if not alive(seen) or seen.status is None:
        return []
    text = f"a daemon runs in {config.runtime.folder} (process {seen.status.pid}): its ports are taken"
    return [Finding("daemon", True, text, warning=True, do="`seiswarn status` tells how it does")]


def refusal_findings(table: StationTable) -> list[Finding]:
    """Metadata that cannot be used, with the reasons."""
    refused = table.refusals
    if not refused:
        return [Finding("metadata", True, "no station metadata are refused")]
    named = "; ".join(f"{r.subject} ({r.detail or r.reason})" for r in refused[:REFUSALS_NAMED])
    more = f"; and {len(refused) - REFUSALS_NAMED} more" if len(refused) > REFUSALS_NAMED else ""
    text = f"{len(refused)} channels or stations are refused: {named}{more}"
    return [Finding("metadata", True, text, warning=True, do="`seiswarn stations` lists them all")]


def influx_findings(config: Config) -> list[Finding]:
    """Whether the database takes measurements with this token: asked by a write of nothing."""
    series = config.series
    if not series.enabled or not series.influx.url:
        return []
    server = InfluxServer(series.influx)
    try:
        answer = server.send(b"\n")
    finally:
        server.close()
    url = series.influx.url
    if answer.verdict in (Verdict.WRITTEN, Verdict.BAD):  # no points in it: what it says of that is no matter
        return [Finding("series", True, f"{url} is there and accepts the token")]
    if answer.verdict is Verdict.REFUSED:
        do = "look at token, org and bucket of [series.influx]"
        return [Finding("series", False, f"{url} refuses: {answer.sentence}", do=do)]
    do = "look at the url and whether the server runs; until then measurements wait in the spool"
    return [Finding("series", False, f"{url} cannot be written: {answer.sentence}", do=do)]
