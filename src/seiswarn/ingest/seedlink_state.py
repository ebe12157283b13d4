"""How far each station of a server has been received and made safe, kept in a file.

A record counts as received when the core has journaled it: what a crash takes is asked for again.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

FORMAT = 1


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """The last record of a station that is safe: its number at the server, and when it ends."""

    seq: int
    last_ns: int


class _File(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    server: str
    stations: dict[str, Mark]


class State:
    """The marks of one server. `problem` says why a file could not be read or written; empty: all well."""

    def __init__(self, path: Path | None, server: str) -> None:
        self._path, self._server = path, server
        self.marks: dict[str, Mark] = {}
        self.problem = ""
        self._saved: dict[str, Mark] = {}
        self._read_first: dict[str, Mark] = {}
        if path is not None and path.exists():
            self._read(path)

    def _read(self, path: Path) -> None:
        begins_anew = "reception begins with what is new"
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
        if found.server != self._server:
            self.problem = f"{path.name} is of {found.server}: {begins_anew}"
            return
        self.marks = dict(found.stations)
        self._saved = dict(found.stations)
        self._read_first = dict(found.stations)

    def _others(self, path: Path) -> dict[str, Mark]:
        """What the file holds now; nothing when it cannot be read."""
        try:
            found = msgspec.json.decode(path.read_bytes(), type=_File)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return {}
        return found.stations if found.format == FORMAT and found.server == self._server else {}

    def save(self) -> None:
        """Write the marks when they have changed: a whole file or none.

        Another process may receive other stations of the same server: its marks stay.
        """
        if self._path is None or self.marks == self._saved:
            return
        ours = {name: mark for name, mark in self.marks.items() if self._read_first.get(name) != mark}
        stations = {**self._read_first, **self._others(self._path), **ours}
        data = msgspec.json.encode(_File(format=FORMAT, server=self._server, stations=stations))
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(data)
            os.replace(beside, self._path)
        except OSError as error:
            self.problem = (
                f"{self._path.name} cannot be written ({error.strerror}); a restart would lose data"
            )
            return
        self._saved = dict(self.marks)
        if "written" in self.problem:
            self.problem = ""
