"""Which folders are recorded sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seiswarn.errors import UsageError
from seiswarn.evaluate.catalogue import EVENT_FILE
from seiswarn.ingest.miniseed import is_miniseed

_HEAD_BYTES = 64
_METADATA = frozenset((".xml", ".stationxml"))
_MINISEED = frozenset((".mseed", ".miniseed", ".mseed3", ".ms", ".msd", ".seed"))
NO_WAVEFORMS = "holds no miniSEED"
NO_STATIONS = "holds no StationXML"


@dataclass(frozen=True, slots=True)
class RecordedSet:
    """A replay folder; `skipped` says why it cannot be one, empty when it can."""

    set_id: str
    folder: Path
    skipped: str = ""


def find_sets(paths: Sequence[Path], *, own_stations: bool = True) -> list[RecordedSet]:
    """The sets in `paths`, each of which is one or holds such, at any depth.

    A folder is a set when it holds an event.xml, other metadata or miniSEED itself; what lies below a
    set belongs to it. Identifiers are paths below the folder given, or the name of that folder.

    Parameters
    ----------
    own_stations
        stations come from the set itself; without StationXML it is skipped.

    Raises
    ------
    UsageError
        When a path is no folder, or nowhere is a set.
    """
    found: dict[str, RecordedSet] = {}
    for path in paths:
        if not path.is_dir():
            raise UsageError(f"{path}: no such folder; give recorded sets, or folders that hold such")
        root = path.resolve()
        for folder in _sets_below(root):
            set_id = root.name if folder == root else folder.relative_to(root).as_posix()
            if set_id in found and found[set_id].folder != folder:
                set_id = folder.as_posix().lstrip("/")
            found[set_id] = RecordedSet(set_id, folder, _objection(folder, own_stations))
    if not any(not each.skipped for each in found.values()):
        raise UsageError(_nothing(paths, list(found.values())))
    return list(found.values())


def _sets_below(folder: Path) -> Iterator[Path]:
    """Folders that are sets, or that hold neither sets nor folders: the latter are to be told of."""
    inside = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    folders = [p for p in inside if p.is_dir()]
    if not folders or any(_belongs_to_a_set(p) for p in inside if p.is_file()):
        yield folder
        return
    for below in folders:
        yield from _sets_below(below)


def _belongs_to_a_set(file: Path) -> bool:
    return file.suffix.lower() in _METADATA or _is_waveforms(file)


def _is_waveforms(file: Path) -> bool:
    """By name too: a damaged file is of a broken set, not of none."""
    return file.suffix.lower() in _MINISEED or _starts_as_miniseed(file)


def _starts_as_miniseed(file: Path) -> bool:
    with file.open("rb") as stream:
        return is_miniseed(stream.read(_HEAD_BYTES))


def _objection(folder: Path, own_stations: bool) -> str:
    files = [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")]
    metadata = [p for p in files if p.suffix.lower() in _METADATA]
    if not any(_is_waveforms(p) for p in files if p not in metadata):
        return NO_WAVEFORMS
    if own_stations and not any(p.name != EVENT_FILE for p in metadata):
        return NO_STATIONS
    return ""


def _nothing(paths: Sequence[Path], skipped: Sequence[RecordedSet]) -> str:
    where = ", ".join(str(p) for p in paths)
    text = f"{where}: no set of waveforms and stations to replay"
    return text + "".join(f"\n  {s.set_id}: {s.skipped}" for s in skipped[:5])
