"""The exception tree.

    SeiswarnError                 anything seiswarn raises on purpose
      UsageError                  what the user asked for cannot be done (exit code 2)
        ConfigError               a configuration with its problems, all at once
        StationsError             no usable station metadata
        ArchiveError              a replay folder that holds nothing to replay
      InvariantError              a promise of the program was broken: stop loudly, never go on
      StoreError                  journal or database
        JournalCorrupt            a record in the middle of a journal fails its checksum
        JournalFull               the disk under the journal is full
      BusError                    ZeroMQ endpoints and frames
      ServerError                 a server of ours that cannot serve

Bad *data* is never an exception outside the parser that met it: it becomes a counted
`messages.DataError` with a named reason.
"""

from __future__ import annotations

from dataclasses import dataclass


class SeiswarnError(Exception):
    """Root of all errors raised on purpose."""


class UsageError(SeiswarnError):
    """The request cannot be carried out as asked; the message says what to do."""


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing wrong in a configuration file, and where."""

    file: str
    line: int  # 1-based; 0 when the place is unknown
    key: str  # dotted, e.g. "alerts.min_intensity"
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        hint = f" ({self.suggestion})" if self.suggestion else ""
        return f"{where}: {self.key}: {self.message}{hint}"


class ConfigError(UsageError):
    """A configuration that cannot be used, with every problem found in it."""

    def __init__(self, problems: list[ConfigProblem]) -> None:
        self.problems = problems
        count = len(problems)
        head = f"{count} problem{'s' if count != 1 else ''} in the configuration"
        super().__init__("\n".join([head, *(f"  {p}" for p in problems)]))


class StationsError(UsageError):
    """Station metadata that leave no usable channel."""


class ArchiveError(UsageError):
    """A replay folder that holds nothing to replay."""


class InvariantError(SeiswarnError):
    """A promise of the program itself was broken; going on would be worse than stopping."""


class StoreError(SeiswarnError):
    """Journal or database trouble."""


class JournalCorrupt(StoreError):
    """A journal record fails its checksum and is not the torn last one."""

    def __init__(self, path: str, offset: int, detail: str) -> None:
        self.path, self.offset, self.detail = path, offset, detail
        super().__init__(f"{path}: corrupt record at byte {offset}: {detail}")


class JournalFull(StoreError):
    """No space is left under the journal."""


class BusError(SeiswarnError):
    """A ZeroMQ endpoint or frame that cannot be used."""


class ServerError(SeiswarnError):
    """A server of ours that cannot serve, e.g. since its address is taken."""
