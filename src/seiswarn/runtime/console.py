"""What `seiswarn status` shows: the files of a run folder as tables, for people.

No process is asked anything: a daemon that hangs, or is dead, is shown as well as one that works.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from seiswarn.runtime.files import DATABASE
from seiswarn.runtime.stations_file import StationsNow, read_stations
from seiswarn.runtime.status import DaemonStatus, ProcessStatus, read_daemon_status
from seiswarn.timebase import NS, iso

FRESH_S = 5.0  # the file is written every second
MAX_SOURCES, MAX_WORST, MAX_EVENTS, MAX_SAID = 20, 10, 5, 8
STATES = ("ok", "degraded", "untrusted", "down", "maintenance")


class Section(NamedTuple):
    """A table; without `head` each row is one sentence."""

    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


class Seen(NamedTuple):
    """All that a run folder tells, at `now_ns`."""

    folder: Path
    now_ns: int
    status: DaemonStatus | None
    stations: StationsNow | None
    events: list[dict[str, Any]]
    alerts: list[dict[str, Any]]
    pending: dict[str, int]


def look(folder: Path, now_ns: int) -> Seen:
    """Read what is there; what is not, or cannot be read, is left out."""
    events, alerts, pending = _database(folder)
    status = read_daemon_status(folder)
    return Seen(folder, now_ns, status, read_stations(folder), events, alerts, pending)


def alive(seen: Seen) -> bool:
    """Whether the daemon works or starts: its status is fresh and its process is there."""
    s = seen.status
    return s is not None and (seen.now_ns - s.t_ns) / NS <= FRESH_S and _is_there(s.pid)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True


def headline(seen: Seen) -> str:
    """The state of the daemon in one sentence."""
    s = seen.status
    if s is None:
        return f"{seen.folder}: no daemon has run here"
    name = f"{s.run} ({s.status})"
    if not alive(seen):
        age = _age((seen.now_ns - s.t_ns) / NS)
        how = "was stopped" if s.stopping else "has ended without saying so"
        if _is_there(s.pid) and not s.stopping:
            how = f"hangs or has ended (process {s.pid})"
        return f"{name} {how}: its last sign of life was at {iso(s.t_ns, 0)}, {age} ago"
    up = _age((seen.now_ns - s.started_ns) / NS)
    if s.stopping:
        return f"{name} is stopping, {up} after its start"
    core = next((p for p in s.processes if p.kind == "core"), None)
    if core is None or core.state in ("", "starting", "loaded", "warm", "dead"):
        return (
            f"{name} is starting, for {up}: the core is {core.state or 'not heard of yet' if core else '?'}"
        )
    return f"{name} runs for {up}"


def as_json(seen: Seen) -> dict[str, Any]:
    """All of it as plain data."""
    import msgspec

    return {
        "alive": alive(seen),
        "headline": headline(seen),
        "status": msgspec.to_builtins(seen.status),
        "stations": msgspec.to_builtins(seen.stations),
        "events": seen.events,
        "alerts": seen.alerts,
        "pending": seen.pending,
    }


def sections(seen: Seen) -> list[Section]:
    """The tables, those without rows left out."""
    s = seen.status
    if s is None:
        return []
    found = [
        Section("Findings", (), [(f"{_mark(f.warning)} {f.subject}: {f.sentence}",) for f in s.findings]),
        Section(
            "Processes", ("process", "state", "up", "restarts", "heard"), list(map(_process, s.processes))
        ),
        Section("Core", (), [(line,) for line in _core(s.processes)]),
        Section("Sources", ("source", "state", "since", "detail", "quiet"), _sources(seen)),
        *_station_sections(seen.stations),
        Section("Events", ("event", "time", "M", "where", "state"), [_event(e) for e in seen.events]),
        Section("Alerts", ("event", "for", "kind", "revision", "made"), [_alert(a) for a in seen.alerts]),
        Section("Ways out", (), [(line,) for line in _ways_out(seen)]),
        Section("Said last", (), [(f"{iso(x.t_ns, 0)} {x.sentence}",) for x in s.said[-MAX_SAID:]]),
    ]
    return [section for section in found if section.rows]


def _mark(warning: bool) -> str:
    return "warn" if warning else "FAIL"


def _process(p: ProcessStatus) -> tuple[str, ...]:
    up = _age(p.up_s) if p.running else "-"
    return p.name, p.state or "starting", up, str(p.restarts), f"{p.beat_age_s:.1f} s ago"


def _core(processes: Iterable[ProcessStatus]) -> list[str]:
    """The figures of the core: how much comes, how old it is, how long a slice takes."""
    core = next((p for p in processes if p.kind == "core"), None)
    if core is None or not core.counters:
        return []
    c = core.counters
    rate = c.get("packets", 0.0) / core.up_s if core.up_s else 0.0
    lines = [
        f"{rate:.0f} packets/s on average, {c.get('packets', 0.0):.0f} in all, "
        f"{c.get('refused', 0.0):.0f} refused; {c.get('messages', 0.0):.0f} messages made",
    ]
    if core.t_seen_ns:
        lines.append(f"data time is {iso(core.t_seen_ns, 1)}")
    step = c.get("step_ms_p99", c.get("stage_step_ms_p99"))
    stages = {k[6:-7]: v for k, v in c.items() if k.startswith("stage_") and k.endswith("_ms_p99")}
    if step is not None:
        stages["step"] = step
    if stages:
        lines.append("99 % of slices within: " + ", ".join(f"{k} {v:.2f} ms" for k, v in stages.items()))
    return lines


def _sources(seen: Seen) -> list[tuple[str, ...]]:
    assert seen.status is not None
    bad_first = sorted(
        seen.status.sources, key=lambda link: (link.state in ("connected", "listening"), link.name)
    )
    rows: list[tuple[str, ...]] = []
    for link in bad_first[:MAX_SOURCES]:
        quiet = ", ".join(link.quiet[:3]) + (
            f" and {len(link.quiet) - 3} more" if len(link.quiet) > 3 else ""
        )
        rows.append((link.name, link.state, iso(link.since_ns, 0), link.detail, quiet))
    if len(bad_first) > MAX_SOURCES:
        rows.append((f"and {len(bad_first) - MAX_SOURCES} more", "", "", "", ""))
    return rows


def _station_sections(now: StationsNow | None) -> list[Section]:
    if now is None or not now.stations:
        return []
    counts = now.by_state()
    told = ", ".join(f"{counts[state]} {state}" for state in STATES if state in counts)
    lines = [(f"{len(now.stations)}: {told} (as of {iso(now.t_seen_ns, 0)})",)]
    if now.blind:
        lines.append((now.blind,))
    worst = [
        (
            s.station,
            s.state,
            f"{s.trust:.2f}",
            f"{s.latency_s:.1f} s" if s.latency_s >= 0 else "-",
            " ".join(s.reasons),
        )
        for s in now.worst(MAX_WORST)
    ]
    return [
        Section("Stations", (), lines),
        Section("Least trusted", ("station", "state", "trust", "latency", "reasons"), worst),
    ]


def _event(e: dict[str, Any]) -> tuple[str, ...]:
    size = f"{e['magnitude']:.1f}" if e["magnitude"] is not None else "-"
    known = e["latitude"] is not None
    where = f"{e['latitude']:.3f} {e['longitude']:.3f}, {e['depth_km'] or 0:.0f} km" if known else "-"
    return str(e["event_id"]), iso(e["time_ns"], 0), size, where, str(e["state"])


def _alert(a: dict[str, Any]) -> tuple[str, ...]:
    return str(a["event_id"]), str(a["policy"]), str(a["kind"]), str(a["revision"]), iso(a["t_seen_ns"], 1)


def _ways_out(seen: Seen) -> list[str]:
    """Publishing, the database, the series, each with what waits."""
    assert seen.status is not None
    lines = []
    for p in seen.status.processes:
        c = p.counters
        if p.kind == "publish":
            lines.append(f"{p.name}: {c.get('pending', 0.0):.0f} alerts wait")
        elif p.kind == "store":
            lines.append(f"{p.name}: at record {c.get('seq', 0.0):.0f}, {c.get('behind', 0.0):.0f} wait")
        elif p.kind == "series":
            figures = ", ".join(f"{k} {v:g}" for k, v in sorted(c.items()) if "spool" in k or k == "behind")
            lines.append(f"{p.name}: {figures or 'nothing waits'}")
        elif p.kind == "ingest":
            figures = ", ".join(f"{k} {v:g}" for k, v in sorted(c.items()) if k.startswith("archive"))
            lines += [f"{p.name}: {figures}"] if figures else []
        lines += [f"{p.name}: {complaint}" for complaint in p.complaints]
    return lines


def _database(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, int]]:
    """The last events and alerts. The database belongs to another process: it is only read."""
    path = folder / DATABASE
    if not path.exists():
        return [], [], {}
    try:
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1.0)
    except sqlite3.Error:
        return [], [], {}
    try:
        db.row_factory = sqlite3.Row
        events = db.execute(
            "SELECT event_id, time_ns, latitude, longitude, depth_km, magnitude, state, status FROM events"
            " ORDER BY time_ns DESC LIMIT ?",
            (MAX_EVENTS,),
        ).fetchall()
        alerts = db.execute(
            "SELECT event_id, policy, kind, revision, status, t_seen_ns FROM alerts"
            " ORDER BY t_seen_ns DESC LIMIT ?",
            (MAX_EVENTS,),
        ).fetchall()
        pending = db.execute(
            "SELECT sink, count(*) FROM outbox WHERE state = 'pending' GROUP BY sink"
        ).fetchall()
        return (
            [dict(row) for row in events],
            [dict(row) for row in alerts],
            {row[0]: row[1] for row in pending},
        )
    except sqlite3.Error:
        return [], [], {}
    finally:
        db.close()


def _age(seconds: float) -> str:
    """A time span for people."""
    if seconds < 120:
        return f"{max(0.0, seconds):.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    if seconds < 172_800:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86_400:.1f} d"


def as_text(seen: Seen) -> list[str]:
    """Headline and tables as lines."""
    lines = [headline(seen)]
    for section in sections(seen):
        lines += ["", section.title]
        if not section.head:
            lines += [f"  {row[0]}" for row in section.rows]
            continue
        table = [section.head, *section.rows]
        widths = [max(len(row[k]) for row in table) for k in range(len(section.head))]
        lines += [
            "  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
            for row in table
        ]
    return lines


def as_rich(seen: Seen) -> Any:
    """The same for a terminal."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    well = alive(seen)
    parts: list[Any] = [Text(headline(seen), style="bold green" if well else "bold red")]
    for section in sections(seen):
        table = Table(title=section.title, title_justify="left", show_header=bool(section.head), box=None)
        for name in section.head or ("",):
            table.add_column(name)
        for row in section.rows:
            style = "red" if {"dead", "untrusted", "down", "refused", "connecting"} & set(row[1:2]) else None
            table.add_row(*(Text(cell) for cell in row), style=style)
        parts += [Text(""), table]
    return Group(*parts)
