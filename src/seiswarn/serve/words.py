"""Command lines from the bytes a client sends, and the times and numbers in them."""

from __future__ import annotations

import re

from seiswarn.timebase import NS, parse_iso

MAX_LINE = 1024  # bytes; SeedLink 4 asks for 255, clients with long AUTH words send more
_END = re.compile(rb"[\r\n]")


class TooLong(Exception):
    """A client sent more than `MAX_LINE` bytes without ending the line."""


class Lines:
    """Cuts bytes into lines wherever they were cut on their way. Empty lines are passed over.

    A line ends with CR, LF or both.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()

    def __len__(self) -> int:
        return len(self._bytes)

    def put(self, data: bytes) -> None:
        self._bytes += data

    def clear(self) -> None:
        self._bytes.clear()

    def next(self) -> bytes | None:
        """The next whole line without its end, None when there is none.

        Raises
        ------
        TooLong
            When what stands there is longer than any command.
        """
        while True:
            end = _END.search(self._bytes, 0, MAX_LINE + 1)
            if end is None:
                if len(self._bytes) > MAX_LINE:
                    raise TooLong
                return None
            line = bytes(self._bytes[: end.start()])
            del self._bytes[: end.end()]
            if line.strip():
                return line


def parse_time(text: str) -> int:
    """Ns UTC from ``2024-01-31T12:00:00.5Z`` (SeedLink 4) or ``2024,1,31,12,0,0[,ns]`` (SeedLink 3).

    Raises
    ------
    ValueError
        When it is neither.
    """
    if "," not in text:
        return parse_iso(text if text.endswith(("Z", "+00:00")) else text + "Z")
    fields = text.split(",")
    if len(fields) not in (6, 7):
        raise ValueError(f"not a time: {text!r}")
    year, month, day, hour, minute = (int(f) for f in fields[:5])
    second, _, fraction = fields[5].partition(".")
    iso = f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{int(second):02d}"
    ns = parse_iso(f"{iso}.{fraction[:9]}Z" if fraction else f"{iso}Z")
    more = int(fields[6]) if len(fields) == 7 else 0
    if not 0 <= more < NS:
        raise ValueError(f"not a time: {text!r}")
    return ns + more
