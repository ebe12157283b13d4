"""What the daemon tells systemd: that it is ready, what it does, that it is alive, that it ends.

The protocol is that of sd_notify(3): datagrams of lines NAME=VALUE to the socket that NOTIFY_SOCKET
names. Without that variable nothing is told to anybody. The sign of life goes out only while the core
gives its own, so that systemd starts the daemon again when neither helps any more.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence

from seiswarn.runtime import clock
from seiswarn.runtime.child import Child

READY_ANYWAY_S = 30.0  # a network that is away is no reason to start the daemon again and again
STATUS_EVERY_S = 5.0
CORE_FRESH_S = 10.0  # as long as the supervisor lets a silent core live
CORE_START_S = 190.0  # a cold start compiles every kernel: the supervisor ends it after 180 s
MET = ("connected", "silent", "listening")


class Notifier:
    """Sends lines to the service manager, if there is one. Never raises: a service manager is no duty."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        env = os.environ if environ is None else environ
        path = env.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self._socket: socket.socket | None = None
        self.watchdog_s = _watchdog_s(env)
        self.failed = 0
        if self._address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)

    @property
    def wanted(self) -> bool:
        """Whether anybody listens."""
        return self._socket is not None

    def tell(self, *lines: str) -> None:
        """Send lines in one datagram."""
        if self._socket is None:
            return
        try:
            self._socket.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            self.failed += 1

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _watchdog_s(env: Mapping[str, str]) -> float:
    """Seconds between signs of life the service manager insists on; 0: none."""
    try:
        microseconds = int(env.get("WATCHDOG_USEC", "0"))
        meant = int(env.get("WATCHDOG_PID", "0")) in (0, os.getpid())
    except ValueError:
        return 0.0
    return microseconds / 1e6 if meant else 0.0


class Announcer:
    """Decides from the processes what is told; `turn` is called by the supervisor's loop."""

    def __init__(self, notifier: Notifier | None = None) -> None:
        self._out = notifier or Notifier()
        self._began_s = clock.monotonic_s()
        self._ready = False
        self._reloads: float | None = None  # of the core, when a reload began
        self._reload_s = 0.0
        self._stopping = False
        self._status = ""
        self._status_s = 0.0
        self._life_s = 0.0

    def turn(self, children: Sequence[Child]) -> None:
        """Tell what is due."""
        if not self._out.wanted:
            return
        now = clock.monotonic_s()
        core = next((c for c in children if c.spec.kind == "core"), None)
        sentence = doing(children)
        if not self._ready and not self._stopping and _ready(children, now - self._began_s):
            self._ready = True
            self._out.tell("READY=1", f"STATUS={sentence}", f"MAINPID={os.getpid()}")
            self._status, self._status_s = sentence, now
        if self._reloads is not None and core is not None:
            self._end_reload(core, now)
        if sentence != self._status and now - self._status_s >= STATUS_EVERY_S and not self._stopping:
            self._status, self._status_s = sentence, now
            self._out.tell(f"STATUS={sentence}")
        every_s = self._out.watchdog_s / 4.0
        if every_s and now - self._life_s >= every_s and (self._stopping or core_lives(core)):
            self._life_s = now
            self._out.tell("WATCHDOG=1")

    def reloading(self, children: Sequence[Child]) -> None:
        """A new configuration is about to be read."""
        core = next((c for c in children if c.spec.kind == "core"), None)
        self._reloads, self._reload_s = _reloads(core), clock.monotonic_s()
        self._out.tell("RELOADING=1", f"MONOTONIC_USEC={round(1e6 * clock.monotonic_s())}")

    def reloaded(self) -> None:
        """The reload is over, with whatever result."""
        if self._reloads is not None:
            self._reloads = None
            self._out.tell("READY=1")

    def stopping(self, why: str) -> None:
        if not self._stopping:
            self._stopping = True
            self._out.tell("STOPPING=1", f"STATUS=stopping: {why}")

    def close(self) -> None:
        self._out.close()

    def _end_reload(self, core: Child, now: float) -> None:
        """A reload ends when the core says that it has, or has died of it."""
        told = core.beat is not None and self._reloads is not None and _reloads(core) != self._reloads
        if told or not core.running or now - self._reload_s > CORE_START_S:
            self.reloaded()


def _reloads(core: Child | None) -> float:
    counters = core.beat.counters if core is not None and core.beat is not None else {}
    return counters.get("reloads", 0.0) + counters.get("reloads_failed", 0.0)


def core_lives(core: Child | None) -> bool:
    """Whether the core gives its sign of life, or may still be starting."""
    if core is None or not (core.running or core.restart_s):
        return False
    now = clock.monotonic_s()
    if core.works:
        return now - core.heard_s <= CORE_FRESH_S
    return now - core.started_s <= CORE_START_S


def _ready(children: Sequence[Child], since_s: float) -> bool:
    """Whether the core works, and every source process, and a source is there or long awaited."""
    needed = [c for c in children if c.spec.kind in ("core", "ingest")]
    if not needed or not all(c.works or _played(c) for c in needed):
        return False
    links = [link for c in needed if c.beat is not None for link in c.beat.links]
    return not links or any(link.state in MET for link in links) or since_s > READY_ANYWAY_S


def _played(child: Child) -> bool:
    return child.spec.kind == "ingest" and child.exit_code == 0


def doing(children: Sequence[Child]) -> str:
    """One sentence on the state of everything, without figures that change all the time."""
    works = [c for c in children if (c.works and c.running) or _played(c)]
    links = [link for c in children if c.beat is not None and c.running for link in c.beat.links]
    text = f"{len(works)} of {len(children)} processes work"
    not_working = [c.name for c in children if c not in works]
    if not_working:
        text += f" (not: {', '.join(not_working[:5])})"
    if links:
        text += f", {sum(link.state in MET for link in links)} of {len(links)} connections are there"
    return text
