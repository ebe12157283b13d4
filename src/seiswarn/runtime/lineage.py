"""Whether a run may go on where an earlier one stopped.

A snapshot and a journal mean something only to the same stages with the same parameters, stations
and versions. After an upgrade or a change of these, a daemon must begin a new run instead of
stumbling over the old one: its journals are moved aside, nothing is deleted.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec

from seiswarn import __version__
from seiswarn.config import Config
from seiswarn.errors import StoreError
from seiswarn.messages import Status
from seiswarn.runtime.files import INPUT
from seiswarn.runtime.spec import SourceSpec
from seiswarn.store.journal import JournalReader

DECISIVE = ("numpy", "numba", "msgspec", "pymseed")  # whose versions may change a bit of a result
EARLIER = "earlier"


def fingerprint(config: Config, sources: Sequence[SourceSpec], status: Status) -> str:
    """A short text that is equal for runs that may continue each other: speed, shards and ways out do not."""
    still = [msgspec.structs.replace(source, speed=0.0) for source in sources]
    waveform = msgspec.structs.replace(config.waveform, shards=1)
    run = (config.run.clock, config.run.epoch)
    where = (config.shaking, config.targets, config.places, config.grid)
    parts = (waveform, config.health, config.source, *where, config.audiences, config.reports, *run)
    digest = hashlib.sha256()
    for part in (status, config.runtime.slice_ms, __version__, *map(version, DECISIVE), *parts, *still):
        digest.update(msgspec.json.encode(part, order="sorted") + b"\n")
    for file in _station_files(config.stations.paths):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _station_files(paths: Sequence[str]) -> list[Path]:
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            found += sorted(p for p in path.rglob("*") if p.is_file())
        elif path.is_file():
            found.append(path)
    return found


def set_aside(folder: Path, print_now: str) -> Path | None:
    """Move the journals of a run that cannot be continued into a folder of their own; where to."""
    journal = folder / INPUT
    if not journal.exists():
        return None
    try:
        with JournalReader(journal) as reader:
            metadata = reader.metadata
    except StoreError:
        metadata = {}  # not even a head that can be read
    if metadata.get("fingerprint") == print_now:
        return None
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", str(metadata.get("run_id") or "unknown"))
    place = folder / EARLIER / name
    number = 1
    while place.exists():
        number += 1
        place = folder / EARLIER / f"{name}.{number}"
    place.mkdir(parents=True)
    (folder / INPUT).parent.rename((place / INPUT).parent)
    return place
