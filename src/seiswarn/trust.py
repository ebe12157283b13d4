"""How far stations are to be trusted, as the stages after the health stage remember it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from seiswarn.messages import Message, StationHealth
from seiswarn.stations import ORDINARY, StationTable

BARRED = frozenset({"untrusted", "down", "maintenance"})  # states in which a station has no say
# Faults that have put untrue data among those of before: what was picked from them is taken back.
UNTRUE = frozenset({"IDENTICAL_DATA", "TELECOM_GROUP", "CLOCK_FUTURE", "CLOCK_JUMP", "IMPLAUSIBLE"})


class Trust(msgspec.Struct):
    """By station: what the health stage last said. All are trusted until it says otherwise.

    `barred` holds the stations without a say with their states and reasons, `doubted` those that count for
    less with their weight, both by index.
    """

    barred: dict[int, tuple[str, tuple[str, ...]]] = {}
    doubted: dict[int, float] = {}

    def take(self, messages: Iterable[Message], index: dict[str, int]) -> list[int]:
        """Take in what messages say of stations; returns those that lost their say by it."""
        fallen: list[int] = []
        for message in messages:
            if type(message) is StationHealth:
                rows = zip(message.stations, message.state, message.trust, message.reasons, strict=True)
                for code, state, trust, reasons in rows:
                    station = index.get(code)
                    if station is None:
                        continue
                    if state in BARRED:
                        if station not in self.barred:
                            fallen.append(station)
                        self.barred[station] = (state, reasons)
                    else:
                        self.barred.pop(station, None)
                    if state == "degraded":
                        self.doubted[station] = max(trust, 0.1)
                    else:
                        self.doubted.pop(station, None)
        return fallen

    def weight(self, station: int) -> float:
        """0 to 1: what a station that has a say counts for."""
        return self.doubted.get(station, 1.0)

    def n_votes(self, stations: Sequence[int], table: StationTable) -> int:
        """How many votes stations of different sites have: those in trouble behind one link one together."""
        if not self.doubted:
            return len(stations)
        return len({self._vote(k, table) for k in stations})

    def _vote(self, station: int, table: StationTable) -> tuple[str, int]:
        group = int(table.st_telecom[station])
        return ("link", group) if station in self.doubted and group >= 0 else ("station", station)

    def one_each(self, stations: Sequence[int], table: StationTable) -> list[int]:
        """Positions in `stations` of the first of each vote."""
        if not self.doubted:
            return list(range(len(stations)))
        seen: dict[tuple[str, int], int] = {}
        for at, station in enumerate(stations):
            seen.setdefault(self._vote(station, table), at)
        return list(seen.values())


def tier_weights(table: StationTable, ordinary: float) -> list[float]:
    """(n_st,) what stations count for in a magnitude by what they are: MEMS sensors `ordinary`."""
    return [ordinary if tier == ORDINARY else 1.0 for tier in table.st_tier.tolist()]
