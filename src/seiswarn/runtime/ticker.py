"""How far the core may close slices: the one place that decides what "now" is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from seiswarn.messages import Tick
from seiswarn.timebase import MS, NS

PATIENCE_NS = 300 * MS  # a live source that lags the others by more holds nobody up
SILENCE_NS = 2 * NS  # without a tick of any source, time goes on this far behind the clock


class Ticker(Protocol):
    """Says until when everything has come. A source without ticks of its own needs one with a clock."""

    def take(self, source: str, tick: Tick) -> None: ...

    @property
    def due_ns(self) -> int | None:
        """Slices that end at or before this may be closed; None: none yet."""
        ...

    @property
    def ended(self) -> bool:
        """Nothing will follow."""
        ...


class SourceTicks:
    """Time by the sources' own ticks alone: recorded data, played by ingest processes.

    Time is where the slowest source is; a source that has ended holds nobody up.
    """

    def __init__(self, sources: Iterable[str]) -> None:
        self._at: dict[str, int | None] = dict.fromkeys(sources)
        self._ended: set[str] = set()

    def take(self, source: str, tick: Tick) -> None:
        self._at[source] = max(tick.t_seen_ns, self._at[source] or tick.t_seen_ns)
        if tick.last:
            self._ended.add(source)

    @property
    def due_ns(self) -> int | None:
        running = [at for source, at in self._at.items() if source not in self._ended]
        if not running:
            return max((at for at in self._at.values() if at is not None), default=None)
        known = [at for at in running if at is not None]
        return min(known) if len(known) == len(running) else None

    @property
    def ended(self) -> bool:
        return len(self._ended) == len(self._at)


class LiveTicks:
    """Time by the ticks of live sources, which share a clock; none of them holds up the others.

    Parameters
    ----------
    now_ns
        the clock by which time goes on when no source ticks at all, as when all their processes are
        being started again; None: it stands still then.
    """

    def __init__(self, sources: Iterable[str], now_ns: Callable[[], int] | None = None) -> None:
        self._at: dict[str, int] = {}
        self._names = set(sources)
        self._ended: set[str] = set()
        self._now_ns = now_ns

    def take(self, source: str, tick: Tick) -> None:
        self._at[source] = max(tick.t_seen_ns, self._at.get(source, 0))
        if tick.last:
            self._ended.add(source)

    @property
    def due_ns(self) -> int | None:
        if not self._at:
            return None
        newest = max(self._at.values())
        running = [at for source, at in self._at.items() if source not in self._ended]
        due = max(min(running, default=newest), newest - PATIENCE_NS)
        return due if self._now_ns is None else max(due, self._now_ns() - SILENCE_NS)

    @property
    def ended(self) -> bool:
        return self._ended == self._names
