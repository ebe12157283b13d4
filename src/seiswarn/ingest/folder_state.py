"""How far each file of a folder has been read and made safe, kept in a file."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec

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
        begins_anew = "every file counts as new"
        try:
            head = msgspec.json.decode(path.read_bytes())
            version = head.get("format") if isinstance(head, dict) else None
            if version != FORMAT:
                self.problem = f"{path.name} is of another version ({version}): {begins_anew}"
                return
            found = msgspec.convert(head, _File)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            self.problem = f"{path.name} cannot be read ({error}): {begins_anew}"
            return
        self.marks, self.known = dict(found.files), True

    def save(self) -> None:
        """Write the marks when they have changed: a whole file or none."""
        if self._path is None or (self.known and not self._changed):
            return
        data = msgspec.json.encode(_File(format=FORMAT, folder=self._folder, files=self.marks))
        beside = self._path.with_name(f".{self._path.name}.part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(data)
            os.replace(beside, self._path)
        except OSError as error:
            self.problem = (
                f"{self._path.name} cannot be written ({error.strerror}); a restart would read again"
            )
            return
        self._changed, self.known = False, True
        if "written" in self.problem:
            self.problem = ""
