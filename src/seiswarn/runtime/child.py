"""One process of the daemon as the supervisor sees it: started, heard of, dead, started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from contextlib import ExitStack
from pathlib import Path

import msgspec

from seiswarn.messages import Heartbeat
from seiswarn.runtime import clock
from seiswarn.runtime.logs import log_folder
from seiswarn.runtime.spec import ProcessSpec, reads_stdin, write_spec

WORKING = frozenset({"ready", "ended", "draining", "done", "finished", "stopping", "stopped", "left over"})
FIRST_BACKOFF_S = 0.1
LAST_BACKOFF_S = 5.0
MAX_STDERR_BYTES = 4_000_000
MAX_DEATHS, DEATHS_WITHIN_S = 5, 60.0  # more is failing again and again


class Child:
    """A process that is kept alive.

    Parameters
    ----------
    silence_s
        a working process without a heartbeat for this long is stuck.
    start_s
        how long it may take until it works.
    """

    def __init__(self, spec: ProcessSpec, *, silence_s: float, start_s: float) -> None:
        self.spec = spec
        self.name = spec.name
        self._silence_s = silence_s
        self._start_s = start_s
        self._path = write_spec(spec)
        folder = log_folder(spec.config.log, Path(spec.folder))
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / f"{spec.name}.log"  # its own, which it turns over itself
        # What it writes past its logger: a traceback at its death, a library that aborts.
        self._stderr = folder / f"{spec.name}.stderr"
        self._wrote = (0, 0)  # sizes of both at the start of this life
        self._process: subprocess.Popen[bytes] | None = None
        self.heard_s = 0.0
        self.started_s = 0.0
        self.deaths: deque[float] = deque(maxlen=100)
        self.died = 0  # times, since the supervisor began
        self.restart_s = 0.0  # monotonic time of the next start, 0 when none is due
        self.beat: Heartbeat | None = None
        self.ready_after_s = 0.0
        self.has_worked = False  # in this life or an earlier one
        self.asked = False  # to stop

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Of the life that is over; None before it is."""
        return self._process.poll() if self._process is not None else None

    @property
    def state(self) -> str:
        return self.beat.state if self.beat is not None else ""

    @property
    def works(self) -> bool:
        """Past its start."""
        return self.state in WORKING

    @property
    def failing(self) -> bool:
        """Dying again and again: starting it at once again does not help."""
        return self.recent_deaths(DEATHS_WITHIN_S) > MAX_DEATHS

    def start(self) -> None:
        self.beat = None
        self.restart_s = 0.0
        self.asked = False
        self.started_s = self.heard_s = clock.monotonic_s()
        command = [
            sys.executable,
            "-m",
            "seiswarn.runtime.processes",
            self.spec.kind,
            "--spec",
            str(self._path),
        ]
        self.bound_stderr()
        self._wrote = (_size(self._log), _size(self._stderr))
        with ExitStack() as open_now:
            stderr = open_now.enter_context(self._stderr.open("ab"))
            ours: tuple[int, ...] = ()
            if self.spec.config.log.to == "stderr":
                ours = (os.dup(sys.stderr.fileno()),)
                open_now.callback(os.close, *ours)
                command += ["--log-fd", str(*ours)]
            # A group of its own: a Ctrl-C at the terminal is the supervisor's to pass on, in order.
            self._process = subprocess.Popen(
                command,
                # A source that reads the standard input is given ours, as it stands: never two of them.
                stdin=None if reads_stdin(self.spec) else subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                process_group=0,
                pass_fds=ours,
            )

    def bound_stderr(self) -> None:
        """Turn its second file over when it has grown; it is appended to, so that nobody need be told."""
        if _size(self._stderr) <= MAX_STDERR_BYTES:
            return
        try:
            with self._stderr.open("rb") as whole:
                whole.seek(-MAX_STDERR_BYTES // 2, os.SEEK_END)
                tail = whole.read(MAX_STDERR_BYTES // 2)
            self._stderr.with_name(f"{self._stderr.name}.1").write_bytes(tail)
            os.truncate(self._stderr, 0)
        except OSError:
            return

    def hear(self, beat: Heartbeat) -> None:
        """Take a heartbeat."""
        if self._process is None:
            return
        worked = self.works
        self.beat = beat
        self.heard_s = clock.monotonic_s()
        if self.works and not worked:
            self.has_worked = True
            self.ready_after_s = self.heard_s - self.started_s

    def stuck(self) -> str:
        """Why it has to be killed; empty when it has not."""
        if not self.running:
            return ""
        now = clock.monotonic_s()
        if self.works and now - self.heard_s > self._silence_s:
            return f"gave no sign of life for {self._silence_s:g} s"
        if not self.works and now - self.started_s > self._start_s:
            return f"was not ready after {self._start_s:g} s"
        return ""

    def bury(self) -> None:
        """Note a death and when to try again."""
        now = clock.monotonic_s()
        self.deaths.append(now)
        self.died += 1
        growing = FIRST_BACKOFF_S * 2.0 ** (self.recent_deaths(DEATHS_WITHIN_S) - 1)
        self.restart_s = now + (LAST_BACKOFF_S if self.failing else min(growing, LAST_BACKOFF_S))

    def obituary(self) -> str:
        """How it ended, with its last words."""
        words = self.last_words()
        return f"{self.name} {ending(self.exit_code)}" + (f" ({words})" if words else "")

    def recent_deaths(self, within_s: float) -> int:
        now = clock.monotonic_s()
        return sum(now - at <= within_s for at in self.deaths)

    def last_words(self) -> str:
        """The last line it wrote past its logger in this life, else the last of its log."""
        said = _last_line(self._stderr, self._wrote[1])
        if said:
            return said
        line = _last_line(self._log, self._wrote[0])
        try:
            return str(msgspec.json.decode(line)["message"]) if line.startswith("{") else line
        except (msgspec.MsgspecError, KeyError, TypeError):
            return line

    def ask_to_stop(self) -> None:
        self.asked = True
        self._signal(signal.SIGTERM)

    def hang_up(self) -> None:
        """Tell it that there is a new configuration to take over."""
        self._signal(signal.SIGHUP)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def close(self) -> None:
        """End it at once, if it still runs."""
        if self._process is not None:
            self.kill()
            self._process.wait()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _last_line(path: Path, begin: int) -> str:
    """The last line of a file behind `begin`; behind its own begin when it was turned over since."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            begin = begin if begin <= size else 0
            file.seek(max(begin, size - 4096))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].strip() if lines else ""


def ending(code: int | None) -> str:
    """How a process ended, from its exit code."""
    if code is None:
        return "runs"
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with code {code}"
