"""What the daemon is doing, in a file of its run folder that anybody may read: `status.json`.

The supervisor writes it every second, whole or not at all. `seiswarn status`, the Prometheus endpoint
and the checks read it; none of them asks a process anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from seiswarn.messages import LinkState
from seiswarn.runtime import clock
from seiswarn.runtime.files import STATUS_FILE
from seiswarn.runtime.spec import Kind, ProcessSpec

if TYPE_CHECKING:
    from seiswarn.runtime.child import Child

WRITE_EVERY_S = 1.0
MAX_SAID = 100  # sentences of the supervisor that are kept


class ProcessStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One process as the supervisor sees it; `t_seen_ns` is its own "now", 0 when it has none."""

    name: str
    kind: Kind
    pid: int
    running: bool
    state: str
    restarts: int
    up_s: float
    beat_age_s: float
    t_seen_ns: int
    counters: dict[str, float]
    complaints: tuple[str, ...] = ()


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence of the supervisor, and when."""

    t_ns: int
    sentence: str


class StatusFinding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong since `since_ns`; a warning does not keep the daemon from warning.

    `key` stays the same as long as the trouble does, while figures in the sentence change.
    """

    key: str
    subject: str
    sentence: str
    since_ns: int
    warning: bool = False


class DaemonStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Everything at `t_ns`. `sources` are the connections of all ingest processes."""

    t_ns: int
    run: str
    run_id: str
    status: str
    pid: int
    started_ns: int
    stopping: bool
    processes: tuple[ProcessStatus, ...]
    sources: tuple[LinkState, ...]
    said: tuple[Said, ...] = ()
    findings: tuple[StatusFinding, ...] = ()
    version: int = 1


class StatusFile:
    """Writes the status of a daemon into its run folder.

    Attributes
    ----------
    findings
        what is wrong, to be written with the rest.
    problem
        why it could not be written the last time; empty: all well.
    """

    def __init__(self, spec: ProcessSpec, pid: int) -> None:
        self._spec, self._pid = spec, pid
        self._path = Path(spec.folder) / STATUS_FILE
        self._started_ns = clock.now_ns()
        self._next_s = 0.0
        self._said: list[Said] = []
        self.problem = ""
        self.findings: tuple[StatusFinding, ...] = ()

    def say(self, sentence: str) -> None:
        """Keep a sentence for whoever asks what has happened."""
        self._said.append(Said(t_ns=clock.now_ns(), sentence=sentence))
        del self._said[:-MAX_SAID]

    def write(self, children: Sequence[Child], *, stopping: bool, at_once: bool = False) -> None:
        """Write the file when it is due. A disk that is full or read-only is nobody's death."""
        now_s = clock.monotonic_s()
        if now_s < self._next_s and not at_once:
            return
        self._next_s = now_s + WRITE_EVERY_S
        beats = [child.beat for child in children if child.beat is not None and child.running]
        status = DaemonStatus(
            t_ns=clock.now_ns(),
            run=self._spec.config.run.name,
            run_id=self._spec.run_id,
            status=self._spec.status,
            pid=self._pid,
            started_ns=self._started_ns,
            stopping=stopping,
            processes=tuple(_process(child, now_s) for child in children),
            sources=tuple(link for beat in beats for link in beat.links),
            said=tuple(self._said),
            findings=self.findings,
        )
        beside = self._path.with_name(f".{self._path.name}.part")
        try:
            beside.write_bytes(msgspec.json.encode(status))
            beside.replace(self._path)
            self.problem = ""
        except OSError as error:
            self.problem = f"{self._path}: {error.strerror}"


def read_daemon_status(folder: Path) -> DaemonStatus | None:
    """The last status in a run folder; None when there is none that can be read."""
    try:
        return msgspec.json.decode((folder / STATUS_FILE).read_bytes(), type=DaemonStatus)
    except (OSError, msgspec.MsgspecError):
        return None


def _process(child: Child, now_s: float) -> ProcessStatus:
    beat = child.beat
    return ProcessStatus(
        name=child.name,
        kind=child.spec.kind,
        pid=child.pid if child.running else 0,
        running=child.running,
        state=child.state if child.running else "ended" if child.exit_code == 0 else "dead",
        restarts=child.died,
        up_s=round(now_s - child.started_s, 1) if child.running else 0.0,
        beat_age_s=round(now_s - child.heard_s, 2),
        t_seen_ns=beat.t_seen_ns if beat is not None else 0,
        counters=dict(beat.counters) if beat is not None else {},
        complaints=beat.complaints if beat is not None and child.running else (),
    )
