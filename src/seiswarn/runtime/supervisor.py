"""The supervisor: starts the processes in order, watches them, restarts them, stops them in order.

It does none of the work itself and imports nothing heavy. Order of start: core, ways out and
store, then, when all of these are ready, the sources. Order of stop: the sources; the core, which
handles what it has and takes a snapshot; then the ways out and the store, once they have caught
up with the journal.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import zmq

from seiswarn.bus import Bound, Link
from seiswarn.errors import SeiswarnError
from seiswarn.messages import Heartbeat, decode
from seiswarn.runtime import clock
from seiswarn.runtime.child import DEATHS_WITHIN_S, LAST_BACKOFF_S, Child
from seiswarn.runtime.notify import Announcer
from seiswarn.runtime.spec import NEXT, Endpoints, ProcessSpec, write_spec
from seiswarn.runtime.status import StatusFile
from seiswarn.runtime.watch import Watch

Say = Callable[[str], None]

ORDER = (("core", "publish", "store", "series", "web"), ("ingest",))  # groups of kinds, in the order of start
# Of the journal, or of files: they catch up with it after any death.
FOLLOWERS = ("publish", "store", "series", "web")
STOP_ORDER = (("ingest",), ("core",), FOLLOWERS)
STOP_WITHIN_S = {"ingest": 10.0, "core": 30.0, "publish": 60.0, "store": 30.0, "series": 30.0, "web": 10.0}
START_WITHIN_S = 180.0  # a cold start compiles every kernel
# Drawing a report keeps a way out busy for seconds; it holds up nothing else.
SILENCE_S = {"core": 10.0, "ingest": 10.0, "store": 30.0, "series": 30.0, "web": 30.0, "publish": 60.0}
MAX_IPC_PATH = 100  # sun_path holds 107 bytes; libzmq wants a few
TURN_S = 0.1


def local_endpoints() -> tuple[Path, Endpoints]:
    """A new folder for the sockets of one daemon, short enough for them, and the endpoints in it."""
    folder = socket_folder("control")
    names = {name: f"ipc://{folder / name}" for name in ("input", "output", "control")}
    return folder, Endpoints(**names)


def socket_folder(longest_name: str) -> Path:
    """A new private folder for sockets, short enough for them. Raises SeiswarnError when there is none."""
    for parent in (None, "/tmp"):
        folder = Path(tempfile.mkdtemp(prefix="seiswarn-", dir=parent))
        if len(str(folder / longest_name)) <= MAX_IPC_PATH:
            return folder
        folder.rmdir()
    raise SeiswarnError("no temporary folder has a path short enough for sockets; set TMPDIR")


class Supervisor:
    """Keeps the processes of one daemon alive.

    Parameters
    ----------
    specs
        the processes; their endpoints are those of `local_endpoints`.
    sockets
        the folder of the sockets, removed by `close`.
    say
        called with a sentence when something happens.
    announcer
        tells the service manager how it goes.
    """

    def __init__(
        self, specs: Sequence[ProcessSpec], sockets: Path, say: Say, announcer: Announcer | None = None
    ) -> None:
        self._sockets = sockets
        self._announcer = announcer or Announcer()
        self.status = StatusFile(specs[0], os.getpid())
        self._tell = say
        self._watch_all = Watch(specs[0], self._say)
        self.children = {
            spec.name: Child(spec, silence_s=SILENCE_S[spec.kind], start_s=START_WITHIN_S) for spec in specs
        }
        self._control = Bound(zmq.PULL, specs[0].endpoints.control, link=Link())
        self._groups = 0  # of ORDER, started so far
        self._stopping: int | None = None  # index into STOP_ORDER; -1: begin
        self._stop_until_s = 0.0
        self._exit_code = 0
        self.restarts = 0
        self.on_beat: Callable[[Heartbeat], None] | None = None

    def _say(self, sentence: str) -> None:
        self.status.say(sentence)
        self._tell(sentence)

    # --- the loop --------------------------------------------------------------------------

    def run(self, stop: Callable[[], bool], reload: Callable[[], ProcessSpec | None] = lambda: None) -> int:
        """Until all is done, or `stop` says so; returns the exit code.

        `reload` gives the spec of a core with another configuration when there is one to take over.
        """
        while True:
            # Asked first: told to stop before anything was started, nothing is.
            if stop():
                self.stop("told to stop")
            elif (core := reload()) is not None:
                self.reload(core)
            code = self.step()
            if code is not None:
                return code

    def step(self, timeout_s: float = TURN_S) -> int | None:
        """One turn: hear heartbeats, start, restart, stop what is due. The exit code at the end."""
        self._hear(timeout_s)
        children = list(self.children.values())
        if self._stopping is None:
            if self._watch_all.turn(children, self.status.problem):
                for child in children:
                    child.bound_stderr()
            self.status.findings = self._watch_all.findings
        self.status.write(children, stopping=self._stopping is not None)
        self._announcer.turn(children)
        if self._stopping is not None:
            return self._stop_step()
        self._start_due()
        for child in self.children.values():
            self._watch(child)
            if self._stopping is not None:
                return None
        core = self._of_kinds(("core",))
        if core and all(child.state == "done" for child in core):
            self.stop("all data are handled")
        return None

    def reloading(self) -> None:
        """A configuration is about to be read again."""
        self._announcer.reloading(list(self.children.values()))

    def stayed_as_it_was(self) -> None:
        """Nothing came of it."""
        self._announcer.reloaded()

    def reload(self, core: ProcessSpec) -> None:
        """Have the core take over another configuration, without stopping anything."""
        write_spec(core, NEXT)
        for child in self._of_kinds(("core",)):
            self._say("a new configuration is handed to the core")
            child.hang_up()

    def stop(self, why: str, exit_code: int = 0) -> None:
        """Begin to stop in order."""
        self._exit_code = max(self._exit_code, exit_code)
        if self._stopping is None:
            self._say(f"stopping: {why}")
            self._announcer.stopping(why)
            self._stopping = -1
            self._stop_until_s = 0.0

    def close(self) -> None:
        """End everything at once that still runs."""
        for child in self.children.values():
            child.close()
        self.status.write(list(self.children.values()), stopping=True, at_once=True)
        self._control.close()
        self._announcer.close()
        shutil.rmtree(self._sockets, ignore_errors=True)

    # --- life ------------------------------------------------------------------------------

    def _hear(self, timeout_s: float) -> None:
        socket = self._control.socket
        if not socket.poll(round(1000 * timeout_s)):
            return
        while True:
            try:
                beat = decode(socket.recv(zmq.NOBLOCK))
            except zmq.Again:
                return
            except msgspec.MsgspecError:
                continue
            child = self.children.get(beat.process) if isinstance(beat, Heartbeat) else None
            if child is not None and isinstance(beat, Heartbeat):
                before = child.works
                child.hear(beat)
                if child.works and not before:
                    self._say(f"{child.name} is ready after {child.ready_after_s:.1f} s")
                if self.on_beat is not None:
                    self.on_beat(beat)

    def _start_due(self) -> None:
        now = clock.monotonic_s()
        for child in self.children.values():
            if child.restart_s and now >= child.restart_s:
                self.restarts += 1
                child.start()
        if self._groups == len(ORDER):
            return
        started = [child for kinds in ORDER[: self._groups] for child in self._of_kinds(kinds)]
        if all(child.works or child.state == "waiting" or self._can_wait(child) for child in started):
            for child in self._of_kinds(ORDER[self._groups]):
                child.start()
            self._groups += 1

    def _watch(self, child: Child) -> None:
        """Kill what is stuck, plan a new start for what has died, give up when that does not help."""
        stuck = child.stuck()
        if stuck:
            self._say(f"{child.name} {stuck}: killed")
            child.kill()
        if not child.pid or child.running or child.restart_s:
            return
        if child.exit_code == 0 and child.spec.kind == "ingest":
            return  # played to its end
        if child.exit_code == 2 and not child.has_worked:
            self._say(f"{child.name} cannot run: {child.last_words()}")
            self.stop(f"{child.name} cannot run", 2)
            return
        child.bury()
        happened = child.obituary()
        if child.failing:
            deaths = child.recent_deaths(DEATHS_WITHIN_S)
            happened += f"; it has died {deaths} times within {DEATHS_WITHIN_S:g} s"
            if not self._can_wait(child):
                self._say(f"{happened}: giving up")
                self.stop(f"{child.name} does not stay alive", 1)
                return
            self._say(f"{happened}: the run goes on without it, trying again in {LAST_BACKOFF_S:g} s")
            return
        self._say(f"{happened}; starting it again")
        if child.spec.kind == "core":
            self._recall_ended()

    def _can_wait(self, child: Child) -> bool:
        """Whether the run goes on without a child that dies again and again.

        Warnings need the core and a source; a way out or the store catches up with the journal later.
        """
        if not child.failing or child.spec.kind == "core":
            return False
        if child.spec.kind in FOLLOWERS:
            return True
        others = (other for other in self._of_kinds(("ingest",)) if other is not child)
        return any(not other.failing and (other.running or other.restart_s) for other in others)

    def _recall_ended(self) -> None:
        """A new core asks even the sources that have ended whether they have."""
        for child in self._of_kinds(("ingest",)):
            if child.exit_code == 0 and not child.restart_s:
                child.restart_s = clock.monotonic_s()

    # --- end -------------------------------------------------------------------------------

    def _stop_step(self) -> int | None:
        """Stop group after group; a group that takes too long is killed."""
        at = -1 if self._stopping is None else self._stopping
        group = self._of_kinds(STOP_ORDER[at]) if at >= 0 else []
        late = clock.monotonic_s() > self._stop_until_s
        for child in group:
            if child.works and not child.asked:
                child.ask_to_stop()
            if child.running and late and _only_starts(child):
                self._say(f"{child.name} was still starting: ended")
                child.kill()
            elif child.running and late:
                self._say(f"{child.name} did not stop in time: killed")
                child.kill()
                self._exit_code = max(self._exit_code, 1)
        if any(child.running for child in group):
            return None
        for child in group:
            self._judge(child)
        self._stopping = at + 1
        if self._stopping == len(STOP_ORDER):
            return self._exit_code
        following = self._of_kinds(STOP_ORDER[self._stopping])
        self._stop_until_s = clock.monotonic_s() + max(
            (STOP_WITHIN_S[child.spec.kind] for child in following), default=0.0
        )
        for child in following:
            if child.spec.kind in FOLLOWERS and child.has_worked and child.restart_s:
                child.start()  # once it works it is asked to stop, and catches up
            elif not (child.spec.kind in FOLLOWERS and child.has_worked and not child.works):
                child.ask_to_stop()
        return None

    def _judge(self, child: Child) -> None:
        """A process that ended badly while stopping makes the whole run a failure.

        One that had ended already, its interpreter in its last moments, may fall to our SIGTERM.
        """
        badly = child.exit_code not in (None, 0, -signal.SIGTERM)
        if _only_starts(child) and child.exit_code == -signal.SIGKILL:
            return
        if badly and self._exit_code == 0:
            self._say(f"{child.obituary()} while stopping")
            self._exit_code = 1

    def _of_kinds(self, kinds: Sequence[str]) -> list[Child]:
        return [child for child in self.children.values() if child.spec.kind in kinds]


def _only_starts(child: Child) -> bool:
    """Whether a core has not begun to work in this life: it has nothing yet that could be lost."""
    return child.spec.kind == "core" and not child.works
