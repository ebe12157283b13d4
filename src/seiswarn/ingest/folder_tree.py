"""What changes in a tree of folders, seen by looking again and again, a bounded number of files a turn.

No service of the system is needed, so that it works on network file systems too. A folder is listed
again when its own time has changed, files that grow are looked at in every turn, all others in turn.
"""

from __future__ import annotations

import os
from collections import deque
from itertools import islice
from pathlib import Path
from typing import NamedTuple

LOOKS = 2000  # files and folders a turn: some 10 ms of a local disk
ACTIVE_TURNS = 300  # without growth before a file is looked at in turn: a minute at 0.2 s a turn
_UNFINISHED = (".part", ".partial", ".tmp", ".filepart", ".swp", "~")


class Seen(NamedTuple):
    """A file that is new, or not as it was."""

    name: str  # relative to the folder
    inode: int
    size: int
    mtime_ns: int
    first: bool  # it stood there when the tree was looked at for the first time


class Tree:
    """The files below a folder. Hidden ones and those that are being written under another name are none."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: dict[str, tuple[int, int, int]] = {}
        self._in_folder: dict[str, set[str]] = {}
        self._listed_ns: dict[str, int] = {}  # time of a folder when it was listed, 0: to be listed
        self._folders: deque[str] = deque([""])
        self._fresh: deque[str] = deque()  # files not looked at yet
        self._round: deque[str] = deque()  # all files, next one first
        self._active: dict[str, int] = {}
        self._first = True

    @property
    def settled(self) -> bool:
        """Whether all that stood there at first has been looked at."""
        return not self._first

    def look(self) -> tuple[list[Seen], list[str]]:
        """Files that changed since, ordered by time and name, and names of those that are gone.

        Raises OSError when the folder itself cannot be read.
        """
        gone = self._list_folders()
        changed: list[Seen] = []
        active = list(islice(self._active, LOOKS))
        for name in [*active, *self._some(self._fresh, LOOKS), *self._in_turn(LOOKS)]:
            seen = self._look_at(name)
            # Taken out and put in again, it is the last: when there are many, each has its turn.
            left = self._active.pop(name, 0) - 1
            if seen is not None:
                changed.append(seen)
                left = ACTIVE_TURNS
            if left > 0 and name in self._files:
                self._active[name] = left
        if self._first and not self._fresh and all(self._listed_ns.get(f) for f in self._folders):
            self._first = False
        return sorted(changed, key=lambda s: (s.mtime_ns, s.name)), gone

    def _list_folders(self) -> list[str]:
        """List folders that have changed; the top one in every turn."""
        gone: list[str] = []
        for _ in range(min(LOOKS, len(self._folders))):
            folder = self._folders.popleft()
            path = os.path.join(self._root, folder)
            try:
                time_ns = os.stat(path).st_mtime_ns
                if self._listed_ns.get(folder) != time_ns:
                    gone += self._list(folder, path)
                    # Listed once more next time: what was added within the same tick of its clock.
                    again = folder in self._listed_ns and self._listed_ns[folder] < 0
                    self._listed_ns[folder] = time_ns if again else -1
            except OSError:
                if not folder:
                    self._folders.appendleft(folder)
                    raise
                gone += self._forget_folder(folder)
                continue
            self._folders.append(folder)
        return gone

    def _list(self, folder: str, path: str) -> list[str]:
        names: set[str] = set()
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.endswith(_UNFINISHED):
                    continue
                name = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    if name not in self._listed_ns:
                        self._listed_ns[name] = 0
                        self._folders.append(name)
                elif entry.is_file():
                    names.add(name)
        known = self._in_folder.get(folder, set())
        self._in_folder[folder] = names
        self._fresh.extend(sorted(names - known))
        for name in known - names:
            self._forget(name)
        return sorted(known - names)

    def _forget_folder(self, folder: str) -> list[str]:
        gone = sorted(self._in_folder.pop(folder, set()))
        self._listed_ns.pop(folder, None)
        for name in gone:
            self._forget(name)
        return gone

    def _forget(self, name: str) -> None:
        self._files.pop(name, None)
        self._active.pop(name, None)

    @staticmethod
    def _some(queue: deque[str], n: int) -> list[str]:
        return [queue.popleft() for _ in range(min(n, len(queue)))]

    def _in_turn(self, n: int) -> list[str]:
        names = []
        for name in self._some(self._round, n):
            if name in self._files:
                self._round.append(name)
                if name not in self._active:
                    names.append(name)
        return names

    def _look_at(self, name: str) -> Seen | None:
        try:
            found = os.stat(os.path.join(self._root, name))
        except OSError:
            return None  # gone: the next listing of its folder says so
        now = (found.st_ino, found.st_size, found.st_mtime_ns)
        if self._files.get(name) == now:
            return None
        if name not in self._files:
            self._round.append(name)
        self._files[name] = now
        return Seen(name, *now, self._first)
