"""``python -m seiswarn.runtime.processes KIND --spec FILE``: one process of the daemon."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from seiswarn.errors import SeiswarnError, UsageError
from seiswarn.runtime.logs import log_folder, set_up_process
from seiswarn.runtime.processes.base import LifeSign, StopRequest, die_with_parent, limit_files
from seiswarn.runtime.spec import ProcessSpec, read_spec

Main = Callable[[ProcessSpec, StopRequest, LifeSign], int]
KINDS = ("core", "ingest", "publish", "store", "series", "web")


def run() -> int:
    """Exit code of the process: 0 stopped as told, 2 cannot be done as asked, 1 anything else."""
    parser = argparse.ArgumentParser(prog="seiswarn.runtime.processes")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--spec", type=Path, required=True)
    parser.add_argument("--log-fd", type=int, help="where lines go that go to no file")
    given = parser.parse_args()
    try:
        spec = read_spec(given.spec)
        stream = os.fdopen(given.log_fd, "w", encoding="utf-8") if given.log_fd is not None else None
        set_up_process(spec.config.log, log_folder(spec.config.log, Path(spec.folder)), spec.name, stream)
        die_with_parent(spec.parent_pid)
        limit_files(spec.max_file_bytes)
        stop = StopRequest()
        life = LifeSign(spec)
        life.give("starting", 0, {})
        main: Main = import_module(f"seiswarn.runtime.processes.{given.kind}").main
        try:
            return main(spec, stop, life)
        finally:
            life.close()
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except SeiswarnError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(run())
