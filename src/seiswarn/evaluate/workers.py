"""Work shared out over processes, each watched for itself.

A pool of the standard library gives up everything when one of its processes dies. Here a process
that dies costs the one task it was at, and another takes its place.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

_LEAVE_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a task has no result."""

    sentence: str


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    line: Connection
    task: int


def share_out(
    work: Callable[[Any], Any], tasks: Sequence[Any], n_jobs: int, *, first_alone: bool = False
) -> Iterator[tuple[int, Any]]:
    """`work(task)` for each task in up to `n_jobs` new processes.

    Parameters
    ----------
    work
        a function at the top of a module, which the processes can import.
    first_alone
        start one process until it has its first result, for instance to compile for all of them.

    Yields the index of a task and its result, or a `Failure`, as they come.
    """
    waiting = deque(range(len(tasks)))
    crew: list[_Worker] = []
    n_done = 0
    try:
        while waiting or crew:
            limit = 1 if first_alone and not n_done else n_jobs
            while waiting and len(crew) < limit:
                crew.append(_hire(work))
                _hand_over(crew[-1], waiting.popleft(), tasks)
            ready = set(wait([w.line for w in crew]))
            for worker in [w for w in crew if w.line in ready]:
                result, lives = _answer(worker)
                done = worker.task
                if lives and waiting:
                    _hand_over(worker, waiting.popleft(), tasks)
                else:
                    crew.remove(worker)
                    _dismiss(worker)
                n_done += 1
                yield done, result
    finally:
        for worker in crew:
            worker.process.terminate()
            _dismiss(worker)


def _hire(work: Callable[[Any], Any]) -> _Worker:
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(work, theirs), daemon=True)
    process.start()
    theirs.close()  # so that the end of the process is the end of the line
    return _Worker(process, mine, -1)


def _hand_over(worker: _Worker, index: int, tasks: Sequence[Any]) -> None:
    worker.task = index
    with suppress(OSError):  # of one that has died: its line tells when it is listened to
        worker.line.send(tasks[index])


def _answer(worker: _Worker) -> tuple[Any, bool]:
    """The result of a worker that has something to say, and whether it lives on."""
    try:
        return worker.line.recv(), True
    except (EOFError, OSError):
        worker.process.join(_LEAVE_WITHIN_S)
        return Failure(f"the process died: {_how(worker.process.exitcode)}"), False


def _how(code: int | None) -> str:
    if code is None:
        return "it closed its line"
    if code < 0:
        return f"{signal.Signals(-code).name}"
    return f"exit code {code}"


def _dismiss(worker: _Worker) -> None:
    worker.line.close()
    worker.process.join(_LEAVE_WITHIN_S)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()
    worker.process.close()


def _serve(work: Callable[[Any], Any], line: Connection) -> None:
    """In the process: tasks in, results out, until the line ends."""
    # Ctrl-C at a terminal reaches all processes; the one that started this one sees to it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            task = line.recv()
        except EOFError:
            return
        try:
            result = work(task)
        except Exception as error:  # noqa: BLE001 - one broken task must not end the others
            result = Failure(f"{type(error).__name__}: {error}")
        try:
            line.send(result)
        except OSError:
            return  # nobody waits for it any more
