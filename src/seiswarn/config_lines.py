"""Where in a TOML text each key stands: what tomllib does not tell."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field

Path = tuple[str | int, ...]  # an int is an index into an array of tables


@dataclass(slots=True)
class KeyLines:
    """Lines (from 1) of keys and tables by path, e.g. ``("publish", 1, "endpoint")``."""

    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """The line of `path`, or of the nearest thing around it; 1 when nothing around is known."""
        while path:
            if path in self.lines:
                return self.lines[path]
            path = path[:-1]
        return 1

    def _add(self, path: Path, line: int) -> None:
        for n in range(1, len(path) + 1):  # a.b.c = 1 also makes the tables a and a.b
            self.lines.setdefault(path[:n], line)


def key_lines(text: str) -> KeyLines:
    """Find all keys and headers of a valid TOML text; what is inside inline values stays unlisted."""
    found = KeyLines()
    counts: dict[Path, int] = {}
    table: Path = ()
    i = 0
    while i < len(text):
        if text[i] in " \t\r\n":
            i += 1
            continue
        if text[i] == "#":
            i = _line_end(text, i)
            continue
        line = text.count("\n", 0, i) + 1
        if text[i] == "[":
            end = _until(text, i, "]")
            double = text.startswith("[[", i)
            names = _names(text[i + 1 + double : end])
            table = _resolve(names, counts, array=double)
            found._add(table, line)
            i = _line_end(text, end)
        else:
            end = _until(text, i, "=")
            found._add(table + tuple(_names(text[i:end])), line)
            i = _value_end(text, end + 1)
    return found


def _names(key: str) -> list[str]:
    """The parts of a dotted, perhaps quoted key; tomllib itself takes it apart."""
    names: list[str] = []
    inner: object = tomllib.loads(f"{key.strip()} = 0")
    while isinstance(inner, dict):
        ((name, inner),) = inner.items()
        names.append(name)
    return names


def _resolve(names: list[str], counts: dict[Path, int], *, array: bool) -> Path:
    """The path of a header, with the running indices of the arrays of tables it goes through."""
    path: Path = ()
    for k, name in enumerate(names):
        path = (*path, name)
        if array and k == len(names) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _line_end(text: str, i: int) -> int:
    end = text.find("\n", i)
    return len(text) if end < 0 else end


def _until(text: str, i: int, stop: str) -> int:
    """Index of the next `stop` outside quotes."""
    while i < len(text) and text[i] != stop:
        i = _string_end(text, i) if text[i] in "\"'" else i + 1
    return i


def _value_end(text: str, i: int) -> int:
    """Index after a value: the end of its line, or of the bracket or string that runs over lines."""
    depth = 0
    while i < len(text):
        char = text[i]
        if char in "\"'":
            i = _string_end(text, i)
            continue
        if char == "#":
            i = _line_end(text, i)
            continue
        if char == "\n" and depth == 0:
            return i
        depth += (char in "[{") - (char in "]}")
        i += 1
    return i


def _string_end(text: str, i: int) -> int:
    """Index after the string that starts at `i`, of any of TOML's four kinds."""
    quote = text[i]
    mark = quote * 3 if text.startswith(quote * 3, i) else quote
    j = i + len(mark)
    while j < len(text) and not text.startswith(mark, j):
        j += 2 if quote == '"' and text[j] == "\\" else 1
    j += len(mark)
    while len(mark) == 3 and j < len(text) and text[j] == quote:  # quotes just before the closing ones
        j += 1
    return j
