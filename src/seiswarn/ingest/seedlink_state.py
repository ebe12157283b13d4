"""How far each station of a server has been received and made safe, kept in a file.

A record counts as received when the core has journaled it: what a crash takes is asked for again.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from seiswarn.ingest.state_file import read_state, write_state

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
        found, self.problem = read_state(path, _File, FORMAT, begins_anew)
        if found is None:
            return
        if found.server != self._server:
            self.problem = f"{path.name} is of {found.server}: {begins_anew}"
            return
        self.marks = dict(found.stations)
        self._saved = dict(found.stations)
        self._read_first = dict(found.stations)

    def _others(self, path: Path) -> dict[str, Mark]:
        """What the file holds now; nothing when it cannot be read."""
        found, _ = read_state(path, _File, FORMAT, "")
        return found.stations if found is not None and found.server == self._server else {}

    def save(self) -> None:
        """Write the marks when they have changed: a whole file or none.

        Another process may receive other stations of the same server: its marks stay.
        """
        if self._path is None or self.marks == self._saved:
            return
        ours = {name: mark for name, mark in self.marks.items() if self._read_first.get(name) != mark}
        stations = {**self._read_first, **self._others(self._path), **ours}
        content = _File(format=FORMAT, server=self._server, stations=stations)
        problem = write_state(self._path, content, "a restart would lose data")
        if problem:
            self.problem = problem
            return
        self._saved = dict(self.marks)
        if "written" in self.problem:
            self.problem = ""
