"""How far each file of a folder has been read and made safe, kept in a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from seiswarn.ingest.state_file import read_state, write_state

FORMAT = 1


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """A file and how many of its bytes are journaled. `head` is a check sum of its first bytes."""

    inode: int
    head: int
    offset: int


class _File(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    folder: str
    files: dict[str, Mark]


class FolderState:
    """The marks of one folder. `problem` says why a file could not be read or written; empty: all well.

    `known` tells whether this folder was read before at all.
    """

    def __init__(self, states: Path | None, folder: Path) -> None:
        name = hashlib.sha1(str(folder).encode(), usedforsecurity=False).hexdigest()[:12]
        self._path = states / f"folder-{name}.json" if states is not None else None
        self._folder = str(folder)
        self.marks: dict[str, Mark] = {}
        self.problem = ""
        self.known = False
        self._changed = False
        if self._path is not None and self._path.exists():
            self._read(self._path)

    def set(self, name: str, mark: Mark) -> None:
        self.marks[name] = mark
        self._changed = True

    def drop(self, name: str) -> None:
        if self.marks.pop(name, None) is not None:
            self._changed = True

    def _read(self, path: Path) -> None:
        found, self.problem = read_state(path, _File, FORMAT, "every file counts as new")
        if found is None:
            return
        self.marks, self.known = dict(found.files), True

    def save(self) -> None:
        """Write the marks when they have changed: a whole file or none."""
        if self._path is None or (self.known and not self._changed):
            return
        content = _File(format=FORMAT, folder=self._folder, files=self.marks)
        problem = write_state(self._path, content, "a restart would read again")
        if problem:
            self.problem = problem
            return
        self._changed, self.known = False, True
        if "written" in self.problem:
            self.problem = ""
