"""What all processes have in common: a way to be stopped, a sign of life, no life after the parent's."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

import zmq

from seiswarn.bus import Link, connect
from seiswarn.errors import SeiswarnError
from seiswarn.messages import Heartbeat, LinkState, encode
from seiswarn.runtime import clock
from seiswarn.runtime.spec import ProcessSpec

Counters = Mapping[str, float] | Callable[[], Mapping[str, float]]

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class StopRequest:
    """Set by SIGTERM: finish what is at hand and leave. SIGINT is the supervisor's business."""

    def __init__(self) -> None:
        self.requested = False
        self.reload = False  # SIGHUP: a new configuration is there; who cannot take it over ignores it
        signal.signal(signal.SIGHUP, self._hang_up)
        signal.signal(signal.SIGTERM, self._handle)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.requested = True

    def _hang_up(self, number: int, frame: FrameType | None) -> None:
        self.reload = True

    def __bool__(self) -> bool:
        return self.requested


def die_with_parent(parent_pid: int) -> None:
    """Let the kernel kill this process when its parent dies. Raises SeiswarnError if it is dead already."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    insist_on_parent(parent_pid)


def insist_on_parent(parent_pid: int) -> None:
    """Raise SeiswarnError unless the process that started this one still lives."""
    if os.getppid() != parent_pid:
        raise SeiswarnError("the process that started this one is gone")


def limit_files(max_bytes: int) -> None:
    """No file may grow beyond `max_bytes`: writing then fails as on a full disk instead of killing us."""
    if max_bytes:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, max_bytes))


class LifeSign:
    """Heartbeats to the supervisor, and the watch over it."""

    def __init__(self, spec: ProcessSpec) -> None:
        self._spec = spec
        self._every_s = spec.config.runtime.heartbeat_s
        self._next_s = 0.0
        self._state = ""
        self._socket = connect(zmq.PUSH, spec.endpoints.control, None, Link(send_hwm=100, linger_ms=500))

    def give(
        self,
        state: str,
        t_seen_ns: int,
        counters: Counters,
        *,
        links: Callable[[], Sequence[LinkState]] = tuple,
        complaints: Sequence[str] = (),
    ) -> bool:
        """Send a heartbeat when one is due or the state has changed; whether one was sent.

        Counters and links that cost something to make are given as functions.

        Raises SeiswarnError when the supervisor is gone.
        """
        now = clock.monotonic_s()
        if state == self._state and now < self._next_s:
            return False
        insist_on_parent(self._spec.parent_pid)
        self._state, self._next_s = state, now + self._every_s
        beat = Heartbeat(
            process=self._spec.name,
            t_seen_ns=t_seen_ns,
            state=state,
            counters=dict(counters() if callable(counters) else counters),
            links=tuple(links()),
            complaints=tuple(complaints),
            status=self._spec.status,
        )
        try:
            self._socket.send(encode(beat), zmq.NOBLOCK)
        except zmq.Again:
            return False  # a supervisor that does not read is watched by nobody; we go on working
        return True

    def close(self) -> None:
        self._socket.close()
