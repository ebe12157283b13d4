"""Names of the files in a run folder, and which folder may be one."""

from __future__ import annotations

from pathlib import Path

from seiswarn.errors import UsageError
from seiswarn.store.journal import INPUT_NAME, OUTPUT_NAME

INPUT, OUTPUT = INPUT_NAME, OUTPUT_NAME
SNAPSHOT = "journal/snapshot.bin"
START_SNAPSHOT = "journal/snapshot-{seq}.bin"  # with which a later file of the input journal begins
RUN_FILE = "run.json"
STATUS_FILE = "status.json"
STATIONS_FILE = "stations.json"
DATABASE = "seiswarn.sqlite"
# Any of these says that seiswarn has made the folder: what it wrote there it may remove.
MARKERS = (RUN_FILE, "journal", "warnings.jsonl", "processes/core.json")


def insist_on_run_folder(folder: Path, archive: Path | None = None) -> None:
    """Raise unless a replay may begin in `folder`, where it removes what an earlier one left.

    Parameters
    ----------
    archive
        what is replayed; products do not belong into it.

    Raises
    ------
    UsageError
        When `folder` is no folder, is or lies in `archive`, or holds files and nothing seiswarn made.
    """
    if archive is not None and folder.resolve().is_relative_to(archive.resolve()):
        raise UsageError(f"{folder}: lies in the archive {archive}; give another folder with --out")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder}: is no folder; give another one with --out")
    if any(folder.iterdir()) and not any((folder / name).exists() for name in MARKERS):
        raise UsageError(
            f"{folder}: holds files that no run of seiswarn left; give an empty or a new folder with --out"
        )
