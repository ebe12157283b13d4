"""The checks that go on while the daemon runs: what is wrong now, said once when it begins and ends.

What can be told from the heartbeats is looked at in the supervisor's loop; what may wait for a disk
is looked at in a thread, so that a file system that hangs holds up nobody.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from seiswarn.messages import LinkState
from seiswarn.runtime import clock
from seiswarn.runtime.child import Child
from seiswarn.runtime.clock_state import clock_state
from seiswarn.runtime.spec import ProcessSpec
from seiswarn.runtime.stations_file import read_stations
from seiswarn.runtime.status import StatusFinding
from seiswarn.timebase import NS

LOOK_EVERY_S = 5.0
SLOW_EVERY_S = 30.0
SLOW_HANGS_S = 60.0
MIN_FREE_BYTES = 1 << 30  # as `seiswarn check`: an hour of a nation's records (a choice)
AWAY_S = 10.0  # a connection that is made anew within this is nothing to tell (a choice)
RESTARTS, RESTARTS_WITHIN_S = 3, 3600.0
MAX_CLOCK_ERROR_S = 0.5  # of the kernel's bound; picks at two stations are compared to a tenth of that
MAX_NAMED = 5
STALE_STATIONS_S = 180.0  # three full reports of station health


class Trouble(NamedTuple):
    """Something that is wrong now; `key` is what makes it the same trouble the next time."""

    key: str
    subject: str
    sentence: str
    warning: bool = False


class Watch:
    """What is wrong with a daemon, kept up to date by `turn`.

    Parameters
    ----------
    say
        called with a sentence when something begins or ends to be wrong.
    """

    def __init__(self, spec: ProcessSpec, say: Callable[[str], None]) -> None:
        self._spec, self._say = spec, say
        self._next_s = self._slow_s = 0.0
        self._slow: tuple[Trouble, ...] = ()
        self._thread: threading.Thread | None = None
        self._now: dict[str, StatusFinding] = {}

    @property
    def findings(self) -> tuple[StatusFinding, ...]:
        """What is wrong, what came first first."""
        return tuple(self._now.values())

    def turn(self, children: Sequence[Child], problem: str = "") -> bool:
        """Look when it is due; whether it was. `problem` is why the status could not be written."""
        now = clock.monotonic_s()
        if now < self._next_s:
            return False
        self._next_s = now + LOOK_EVERY_S
        self._look_aside(now)
        found = [*process_troubles(children), *link_troubles(_links(children), clock.now_ns()), *self._slow]
        if self._thread is not None and now - self._slow_s > SLOW_HANGS_S:
            text = f"looking at the disk has taken more than {SLOW_HANGS_S:g} s: a file system hangs"
            found.append(Trouble("disk:hangs", "disk", text))
        if problem:
            found.append(Trouble("status", "status", f"the status cannot be written: {problem}"))
        self._tell(found)
        return True

    def _look_aside(self, now: float) -> None:
        """Have the thread look; one that hangs is not joined by a second one."""
        if self._thread is not None and not self._thread.is_alive():
            self._thread = None
        if self._thread is None and now - self._slow_s >= SLOW_EVERY_S:
            self._slow_s = now
            self._thread = threading.Thread(target=self._look, name="watch", daemon=True)
            self._thread.start()

    def _look(self) -> None:
        self._slow = (
            *disk_troubles(folders(self._spec)),
            *clock_troubles(),
            *station_troubles(Path(self._spec.folder), self._spec.config.health.enabled),
        )

    def _tell(self, found: Iterable[Trouble]) -> None:
        """Say what is new and what is over."""
        t_ns = clock.now_ns()
        before, self._now = self._now, {}
        for trouble in found:
            known = before.pop(trouble.key, None)
            self._now[trouble.key] = StatusFinding(
                key=trouble.key,
                subject=trouble.subject,
                sentence=trouble.sentence,
                warning=trouble.warning,
                since_ns=known.since_ns if known else t_ns,
            )
            if known is None:
                self._say(f"{trouble.subject}: {trouble.sentence}")
        for past in before.values():
            self._say(f"{past.subject}: no longer so: {past.sentence}")


def folders(spec: ProcessSpec) -> list[Path]:
    """Where the daemon writes day and night."""
    influx = spec.config.series.influx
    archive = getattr(spec.config, "archive", None)
    found = [spec.folder, getattr(archive, "path", ""), influx.spool_folder if influx.url else ""]
    return [Path(path) for path in dict.fromkeys(found) if path]


def disk_troubles(places: Iterable[Path]) -> list[Trouble]:
    """File systems with little room left."""
    found: dict[int, Trouble] = {}
    for place in places:
        there = next((p for p in (place, *place.parents) if p.exists()), None)
        if there is None:
            continue
        try:
            free, device = shutil.disk_usage(there).free, there.stat().st_dev
        except OSError as error:
            found[len(found)] = Trouble(f"disk:{place}", "disk", f"{place}: {error.strerror}")
            continue
        if free < MIN_FREE_BYTES:
            text = f"{free / 1e9:.2f} GB free under {place}: make room before the journal is given up"
            found.setdefault(device, Trouble(f"disk:{place}", "disk", text))
    return list(found.values())


def clock_troubles() -> list[Trouble]:
    """A clock that nobody keeps, or badly."""
    state = clock_state()
    if state is None or (state.kept and state.max_error_s <= MAX_CLOCK_ERROR_S):
        return []
    if not state.kept:
        text = "nobody keeps this computer's clock (unsynchronised, says the kernel): run chrony or the like"
    else:
        text = f"this computer's clock may be wrong by {state.max_error_s:.1f} s: look at its time server"
    return [Trouble("clock", "clock", text, warning=True)]


def station_troubles(folder: Path, enabled: bool) -> list[Trouble]:
    """Where no event is possible for lack of trusted stations."""
    told = read_stations(folder) if enabled else None
    if told is None or not told.blind:
        return []
    return [Trouble("network", "network", told.blind)]


def process_troubles(children: Sequence[Child]) -> list[Trouble]:
    """Processes that die again and again, say that something is wrong, or leave alerts undelivered."""
    found = []
    for child in children:
        name, n = child.name, child.recent_deaths(RESTARTS_WITHIN_S)
        if n >= RESTARTS:
            text = f"{name} has died {n} times within an hour; its log says why"
            found.append(Trouble(f"restarts:{name}", "process", text))
        if child.beat is None or not child.running:
            continue
        counters = child.beat.counters
        for complaint in child.beat.complaints:
            found.append(Trouble(f"complaint:{name}:{_sort(complaint)}", name, complaint))
        if counters.get("unjournaled"):
            text = "the journal was given up: warnings go on, nothing of them is kept; make room and restart"
            found.append(Trouble("journal", "journal", text))
        if child.spec.kind == "publish" and counters.get("pending") and _failing(counters):
            text = f"{counters['pending']:.0f} alerts wait for {name}, which fails; its log says why"
            found.append(Trouble(f"sink:{name}", "sink", text))
        if child.spec.kind == "store" and counters.get("behind", 0) > 0 and counters.get("failed", 0) > 0:
            text = f"the database cannot be written: {counters['behind']:.0f} records wait"
            found.append(Trouble("database", "database", text))
    return found


def _failing(counters: dict[str, float]) -> bool:
    return any(value > 0 for name, value in counters.items() if name.endswith(("failed", "failures")))


def _sort(complaint: str) -> str:
    """A complaint without its figures: which may change without making it another one."""
    return "".join(c for c in complaint if not c.isdigit())[:80]


def link_troubles(links: Iterable[LinkState], now_ns: int) -> list[Trouble]:
    """Sources that are away or silent, and stations from which nothing comes."""
    found = []
    for link in links:
        away_s = (now_ns - link.since_ns) / NS
        if link.state in ("connecting", "refused") and away_s > AWAY_S:
            why = f" ({link.detail})" if link.detail else ""
            found.append(Trouble(f"source:{link.name}", "source", f"{link.name} is away{why}"))
        elif link.state == "silent":
            found.append(
                Trouble(f"source:{link.name}", "source", f"{link.name} is connected and sends nothing")
            )
        elif link.quiet:
            named = ", ".join(link.quiet[:MAX_NAMED])
            more = f" and {len(link.quiet) - MAX_NAMED} more" if len(link.quiet) > MAX_NAMED else ""
            text = f"{link.name} sends nothing of {named}{more}"
            found.append(Trouble(f"quiet:{link.name}", "source", text, warning=True))
    return found


def _links(children: Sequence[Child]) -> list[LinkState]:
    return [link for c in children if c.beat is not None and c.running for link in c.beat.links]
