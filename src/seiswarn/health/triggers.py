"""Picks that became no event: what a station says by itself about how far its picks are to be believed."""

from __future__ import annotations

import msgspec

from seiswarn.timebase import NS

JUDGED_AFTER_NS = 90 * NS  # the source stage keeps a pick for 60 s


class Waiting(msgspec.Struct, frozen=True):
    """A pick of which nobody knows yet what it is of."""

    pick_id: str
    station: int
    t_ns: int
    until_ns: int


class Triggers(msgspec.Struct):
    """Picks that wait to be explained, oldest first, and those that have been."""

    waiting: list[Waiting] = []
    explained: dict[str, int] = {}  # pick_id: when it may be forgotten

    def add(self, pick_id: str, station: int, t_ns: int, now_ns: int) -> None:
        """One more pick."""
        self.waiting.append(Waiting(pick_id, station, t_ns, now_ns + JUDGED_AFTER_NS))

    def explain(self, pick_id: str, now_ns: int) -> None:
        """A pick is of an event."""
        self.explained[pick_id] = now_ns + 2 * JUDGED_AFTER_NS

    def due(self, now_ns: int) -> list[Waiting]:
        """Picks that nothing has explained in time, each once."""
        k = 0
        while k < len(self.waiting) and self.waiting[k].until_ns <= now_ns:
            k += 1
        over, self.waiting = self.waiting[:k], self.waiting[k:]
        out = [w for w in over if w.pick_id not in self.explained]
        if k:
            self.explained = {p: t for p, t in self.explained.items() if t > now_ns}
        return out
