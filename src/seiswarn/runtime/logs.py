"""Logs of all processes of the daemon: lines of text or JSON, in files that do not grow for ever.

Every process writes its own file and turns it over itself, so that no line is lost and no other
process has to be told. What a process writes past its logger (a traceback at its death, a library
that aborts) is caught by the supervisor in a file beside it: see `Child`.
"""

from __future__ import annotations

import logging
import sys
from collections import OrderedDict
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, TextIO

import msgspec

from seiswarn.config_parts import Log
from seiswarn.runtime import clock
from seiswarn.timebase import MS, iso

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
BURST, WITHIN_S = 10, 60.0  # so many lines of one sort in this time; more tell nobody anything (a choice)
MAX_SORTS = 1000
SUPERVISOR = "supervisor"


def log_folder(params: Log, run_folder: Path) -> Path:
    """Where the log files of a run are."""
    return Path(params.folder) if params.folder else run_folder / "log"


class Lines(logging.Formatter):
    """Records as lines of text or JSON, with time in UTC, level, process, logger and message."""

    def __init__(self, process: str, *, as_json: bool) -> None:
        super().__init__()
        self._process, self._json = process, as_json

    def format(self, record: logging.LogRecord) -> str:
        t = iso(round(record.created * 1000) * MS, 3)
        message = record.getMessage()
        repeated = getattr(record, "left_out", 0)
        if repeated:
            message += f" ({repeated} more like this were left out)"
        trouble = self.formatException(record.exc_info) if record.exc_info else ""
        level = record.levelname.lower()
        if self._json:
            fields: dict[str, Any] = {
                "t": t,
                "level": level,
                "process": self._process,
                "logger": record.name,
                "message": message,
            }
            if trouble:
                fields["exception"] = trouble
            return msgspec.json.encode(fields).decode()
        # One line is one record: a message that brings line ends of others could pose as several.
        text = f"{t} {level:7} {self._process} {record.name}: {' '.join(message.splitlines())}"
        return f"{text}\n{trouble}" if trouble else text


class Sparing(logging.Filter):
    """Lets lines of one sort (logger and message without its values) through a few times a minute.

    The next one that is let through says how many were left out.
    """

    def __init__(self, now_s: Callable[[], float] = clock.monotonic_s) -> None:
        super().__init__()
        self._now_s = now_s
        # begin of the interval, let through in it, left out in it
        self._sorts: OrderedDict[tuple[str, int, str], list[float]] = (
            OrderedDict()
        )  # begin, let through, left out

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith(f"seiswarn.{SUPERVISOR}"):
            return True  # its sentences are few, and each is another one
        key = (record.name, record.levelno, str(record.msg))
        now = self._now_s()
        kept = self._sorts.setdefault(key, [now, 0.0, 0.0])
        self._sorts.move_to_end(key)
        if len(self._sorts) > MAX_SORTS:
            self._sorts.popitem(last=False)
        if now - kept[0] >= WITHIN_S:
            record.left_out = int(kept[2])
            kept[:] = [now, 0.0, 0.0]
        if kept[1] >= BURST:
            kept[2] += 1
            return False
        kept[1] += 1
        return True


class Turning(RotatingFileHandler):
    """A file that is turned over by size; a disk that is full costs lines, never the process."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - as logging calls it
        """Nowhere is left to say it: the checks tell of a full disk."""


def handler_of(params: Log, folder: Path, process: str, stream: TextIO | None = None) -> logging.Handler:
    """Where the lines of a process go: its file in the log folder, or `stream`."""
    handler: logging.Handler
    if params.to == "stderr":
        handler = logging.StreamHandler(stream or sys.stderr)
    else:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handler = Turning(
                folder / f"{process}.log",
                maxBytes=round(params.max_mb * 1e6),
                backupCount=params.keep,
                encoding="utf-8",
                delay=True,
            )
        except OSError:
            handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Lines(process, as_json=params.format == "json"))
    handler.addFilter(Sparing())
    return handler


def set_up_process(params: Log, folder: Path, process: str, stream: TextIO | None = None) -> None:
    """Let everything that is logged in this process go where the configuration says."""
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler_of(params, folder, process, stream))
    # What libraries have to say to those who debug them would bury what we have (numba above all).
    root.setLevel(max(LEVELS[params.level], logging.INFO))
    logging.getLogger("seiswarn").setLevel(LEVELS[params.level])
    logging.captureWarnings(True)


class SupervisorLog:
    """The sentences of the supervisor: kept in its log, and told on the console.

    To a console of JSON they go as JSON, too. Whatever level is set, none of them is left out: each is
    about a process that starts, dies or cannot work.
    """

    def __init__(self, params: Log, folder: Path, say: Callable[[str], None]) -> None:
        self._say = say
        self._params = params
        self._log = logging.Logger(f"seiswarn.{SUPERVISOR}", logging.INFO)  # of its own: no other hears it
        self._handler = handler_of(params, folder, SUPERVISOR)
        self._log.addHandler(self._handler)
        self._console = Lines(SUPERVISOR, as_json=True)

    def __call__(self, sentence: str) -> None:
        record = self._log.makeRecord(self._log.name, logging.INFO, "", 0, "%s", (sentence,), None)
        self._log.handle(record)
        if self._params.to == "stderr":
            return  # it is there already
        self._say(self._console.format(record) if self._params.format == "json" else sentence)

    def close(self) -> None:
        self._log.removeHandler(self._handler)
        self._handler.close()
