"""What the commands of the command line share: options, what they print, how they fail."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

OUT = Annotated[Path | None, typer.Option("--out", help="Folder for the products.", show_default=False)]
SPEED = Annotated[str, typer.Option(help="'max', or how many times real time, e.g. 1 or 10.")]


def fail(sentence: str, code: int) -> NoReturn:
    print(f"seiswarn: {sentence}", file=sys.stderr)
    raise SystemExit(code)


def say(line: str) -> None:
    """Print a line. All printing comes through here: nobody reading it any more ends no run."""
    reaches(line)


def reaches(line: str) -> bool:
    """Print a line; False when the reader has gone, after which further lines go nowhere."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        # What stands in the buffer, too, has to go somewhere when the interpreter ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return False
    return True


def say_while_heard(line: str) -> None:
    """Print a line; end when the reader has gone."""
    if not reaches(line):
        raise typer.Exit


def run_folder(out: Path | None, default: str, archive: Path | None = None) -> Path:
    """The folder for the products of a replay. Raises UsageError when files of others are in danger."""
    from seiswarn.runtime.files import insist_on_run_folder

    folder = out or Path(default)
    insist_on_run_folder(folder, archive if out is not None else None)
    return folder


def as_speed(text: str) -> float | None:
    """None for "max", else times real time. Raises UsageError on anything else."""
    from seiswarn.errors import UsageError

    if text == "max":
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise UsageError(f"--speed is 'max' or a positive number, not {text!r}")
    return value


def as_packet(text: str) -> float | None:
    """None for "record", else seconds. Raises UsageError on anything else."""
    from seiswarn.errors import UsageError

    if text == "record":
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value <= 60.0:
        raise UsageError(f"--packet is 'record' or a number of seconds up to 60, not {text!r}")
    return value


def as_window(start: str, end: str) -> tuple[int | None, int | None]:
    """Times in ns, None for an empty text. Raises UsageError on anything but times in their order."""
    from seiswarn.errors import UsageError
    from seiswarn.timebase import parse_iso

    times: list[int | None] = []
    for name, text in (("--start", start), ("--end", end)):
        whole = f"{text}T00:00:00" if len(text) == 10 else text
        try:
            times.append(parse_iso(whole.removesuffix("Z") + "Z") if text else None)
        except ValueError as error:
            raise UsageError(f"{name}: {error}") from error
    if times[0] is not None and times[1] is not None and times[0] >= times[1]:
        raise UsageError("--end is not after --start")
    return times[0], times[1]


def read_config(path: Path | None) -> Any:
    from seiswarn.config import default_config, load_config

    return load_config(path) if path is not None else default_config()


def insist_on_writable(*files: Path | None) -> None:
    """Raise UsageError for a file that could not be written after hours of work."""
    from seiswarn.errors import UsageError

    for file in files:
        if file is not None and (file.is_dir() or not file.resolve().parent.is_dir()):
            raise UsageError(f"{file}: cannot be written; its folder has to exist")
