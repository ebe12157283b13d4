"""Motions of the last minute, for events that are not yet known: rows gathered into blocks of arrays.

A national network gives 15,000 rows a second. Kept as messages a minute of them takes half a
gigabyte; as arrays of float32 a tenth of that. Blocks are small, so that making one never stalls a slice.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from seiswarn.messages import Motions
from seiswarn.reports.peaks import COLUMNS, Peaks, raise_peaks
from seiswarn.stations import StationTable
from seiswarn.timebase import NS

BLOCK_ROWS = 2048
BLOCK_NS = NS
_NONE = float("nan")


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of motions as bytes of columns: int32, int64, uint8, and float32 for the measures."""

    seen_ns: int  # of the newest
    to_ns: int  # end of the latest second
    station: bytes
    t_ns: bytes
    clipped: bytes
    values: bytes

    def into(self, peaks: Peaks, since_ns: int) -> None:
        """Raise `peaks` by the rows that end at or after `since_ns`."""
        if self.to_ns < since_ns:
            return
        station = np.frombuffer(self.station, dtype=np.int32)
        values = np.frombuffer(self.values, dtype=np.float32).reshape(len(COLUMNS), station.size)
        t_ns = np.frombuffer(self.t_ns, dtype=np.int64)
        clipped = np.frombuffer(self.clipped, dtype=np.uint8)
        raise_peaks(peaks.values, peaks.clipped, station, t_ns, clipped, values, since_ns)


class Open(msgspec.Struct, kw_only=True):
    """Rows that are not yet a block, as lists: extending these is the cheapest that can be done per slice."""

    first_seen_ns: int = 0
    seen_ns: int = 0
    stations: list[str] = []
    t_ns: list[int] = []
    clipped: list[bool] = []
    values: list[list[float]] = msgspec.field(default_factory=lambda: [[] for _ in COLUMNS])

    def add(self, motions: Motions) -> None:
        if not self.stations:
            self.first_seen_ns = motions.t_seen_ns
        self.seen_ns = motions.t_seen_ns
        self.stations.extend(motions.stations)
        self.t_ns.extend(motions.t_ns)
        self.clipped.extend(motions.clipped)
        for name, column in zip(COLUMNS, self.values, strict=True):
            column.extend(getattr(motions, name) or (_NONE,) * len(motions.stations))

    def block(self, index: dict[str, int]) -> Block:
        """The rows as arrays. Stations unknown to the table get no index: they have no place on a map."""
        return Block(
            seen_ns=self.seen_ns,
            to_ns=max(self.t_ns),
            station=np.array([index.get(code, -1) for code in self.stations], dtype=np.int32).tobytes(),
            t_ns=np.array(self.t_ns, dtype=np.int64).tobytes(),
            clipped=np.array(self.clipped, dtype=np.uint8).tobytes(),
            values=np.array(self.values, dtype=np.float32).tobytes(),
        )


class Recent(msgspec.Struct, kw_only=True):
    """The memory: closed blocks, the oldest first, and what is not yet one."""

    blocks: list[Block] = []
    open: Open = msgspec.field(default_factory=Open)

    def add(self, motions: Motions, table: StationTable) -> Iterator[Block]:
        """Take in a message; gives the blocks that are closed by it."""
        if self.open.stations and motions.t_seen_ns - self.open.first_seen_ns >= BLOCK_NS:
            yield from self.close(table)
        self.open.add(motions)
        if len(self.open.stations) >= BLOCK_ROWS:
            yield from self.close(table)

    def close(self, table: StationTable) -> Iterator[Block]:
        """Make a block of what is open, if anything is."""
        if self.open.stations:
            block = self.open.block(table.station_index)
            self.open = Open()
            self.blocks.append(block)
            yield block

    def forget(self, before_ns: int) -> None:
        """Drop the blocks that were seen before that time."""
        while self.blocks and self.blocks[0].seen_ns < before_ns:
            del self.blocks[0]
