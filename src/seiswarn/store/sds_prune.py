"""Days of an archive that go: by age, by size, and for want of space; the oldest first, never today."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from seiswarn.store.sds_params import Params
from seiswarn.store.sds_record import DayFile, day_of, parse_name
from seiswarn.timebase import NS

GB = 10**9


class Pruned(NamedTuple):
    """What went, and what is there now."""

    files: int
    gone_bytes: int
    kept_bytes: int
    free_bytes: int


def day_files(root: Path) -> Iterator[tuple[Path, DayFile]]:
    """All day files of an archive, in no order."""
    for folder, _, names in os.walk(root):
        for name in names:
            found = parse_name(name)
            if found is not None:
                yield Path(folder) / name, found


def free_bytes(root: Path) -> int:
    """Space left on the disk of a folder, or of the nearest one above it that exists."""
    while not root.exists() and root != root.parent:
        root = root.parent
    told = os.statvfs(root)
    return told.f_bavail * told.f_frsize


def prune(root: Path, params: Params, now_ns: int) -> Pruned:
    """Remove the days that may go.

    Age counts from `now_ns`. A file that cannot be removed stays and counts as kept. Raises OSError
    when the disk cannot be asked for its space.
    """
    today = day_of(now_ns)
    days: dict[date, list[tuple[Path, int]]] = {}
    total = 0
    for path, found in day_files(root):
        try:
            size = path.stat().st_blocks * 512
        except OSError:
            continue  # removed by another process
        days.setdefault(found.day, []).append((path, size))
        total += size
    free = free_bytes(root)
    files = gone = 0
    oldest_kept = day_of(now_ns - round(params.keep_days * 86_400 * NS)) if params.keep_days else date.min
    may_go = bool(params.keep_days or params.keep_gb)
    for day in sorted(days):
        too_much = bool(params.keep_gb) and total - gone > params.keep_gb * GB
        too_little = may_go and free + gone < params.min_free_gb * GB
        if day >= today or not (day < oldest_kept or too_much or too_little):
            break
        for path, size in days[day]:
            try:
                path.unlink(missing_ok=True)
            except OSError:
                continue
            files += 1
            gone += size
            _remove_empty(path.parent, root)
    return Pruned(files, gone, total - gone, free_bytes(root))


def oldest_name(params: Params, now_ns: int) -> str:
    """``YEAR.DAY`` of yesterday: files of earlier days are seldom written to any more."""
    day = day_of(now_ns) - timedelta(days=1)
    return f"{day.year}.{day.timetuple().tm_yday:03d}"


def _remove_empty(folder: Path, root: Path) -> None:
    """Folders that hold nothing any more, up to the archive's own."""
    while folder != root and root in folder.parents:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
