"""A row per station and day: how complete its data were, how late, and how far it was trusted.

Filled from full `StationHealth` messages, one a minute, in the same transaction as everything else, so that
a record read twice counts once. A row holds sums and a small histogram of latency: a year of 1,200
stations is some 80 MB, a month is read in a fraction of a second.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from seiswarn.messages import HealthState, StationHealth
from seiswarn.timebase import iso

TABLE = """
CREATE TABLE IF NOT EXISTS health_days (
    day TEXT NOT NULL, station TEXT NOT NULL, tier TEXT NOT NULL, seconds REAL NOT NULL,
    data_s REAL NOT NULL, gaps INTEGER NOT NULL, overlaps INTEGER NOT NULL, spikes INTEGER NOT NULL,
    false_triggers INTEGER NOT NULL, ok_s REAL NOT NULL, degraded_s REAL NOT NULL,
    untrusted_s REAL NOT NULL, down_s REAL NOT NULL, maintenance_s REAL NOT NULL,
    latency_max_s REAL NOT NULL, latency BLOB NOT NULL, PRIMARY KEY (day, station)
) WITHOUT ROWID
"""
STATES: tuple[HealthState, ...] = ("ok", "degraded", "untrusted", "down", "maintenance")
# Bins of latency, each a fourth larger than the one before, from 10 ms to over an hour: a quantile is known
# to within an eighth, and a day's minutes fit into 16 bits.
EDGES_S: npt.NDArray[np.float64] = 0.01 * 1.25 ** np.arange(59, dtype=np.float64)
_BIN = np.dtype("<u2")


@dataclass(slots=True)
class Row:
    """What is known of one station (or tier) over some days. `states_s` in the order of `STATES`."""

    name: str
    tier: str
    seconds: float = 0.0
    data_s: float = 0.0
    gaps: int = 0
    overlaps: int = 0
    spikes: int = 0
    false_triggers: int = 0
    states_s: list[float] = field(default_factory=lambda: [0.0] * len(STATES))
    latency_max_s: float = 0.0
    latency: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(EDGES_S) + 1, dtype=np.int64))
    n: int = 0  # stations or days in it

    def add(self, other: Row) -> None:
        """Take another row in."""
        self.seconds += other.seconds
        self.data_s += other.data_s
        self.gaps += other.gaps
        self.overlaps += other.overlaps
        self.spikes += other.spikes
        self.false_triggers += other.false_triggers
        self.states_s = [a + b for a, b in zip(self.states_s, other.states_s, strict=True)]
        self.latency_max_s = max(self.latency_max_s, other.latency_max_s)
        self.latency += other.latency
        self.n += 1

    @property
    def completeness(self) -> float:
        """Share of the time for which data came, 0 to 1."""
        return min(1.0, self.data_s / self.seconds) if self.seconds > 0.0 else 0.0

    def share(self, state: HealthState) -> float:
        """Share of the time in a state, 0 to 1."""
        return self.states_s[STATES.index(state)] / self.seconds if self.seconds > 0.0 else 0.0

    def latency_s(self, quantile: float) -> float:
        """A quantile of the latency by the minute: the geometric middle of its bin; NaN without any."""
        total = int(self.latency.sum())
        if not total:
            return float("nan")
        k = int(np.searchsorted(np.cumsum(self.latency), quantile * total))
        low = EDGES_S[max(0, k - 1)]
        return float(np.sqrt(low * EDGES_S[min(k, len(EDGES_S) - 1)]))


def fold(db: sqlite3.Connection, health: StationHealth) -> None:
    """Add a full message to the rows of its day; what was exercise or test counts as it came."""
    if not health.full:
        return
    day = iso(health.t_seen_ns, 0)[:10]
    held = {
        station: np.frombuffer(blob, _BIN)
        for station, blob in db.execute("SELECT station, latency FROM health_days WHERE day = ?", (day,))
    }
    bins = np.searchsorted(EDGES_S, np.array(health.latency_s))
    empty = np.zeros(len(EDGES_S) + 1, dtype=_BIN)
    rows = []
    for k, station in enumerate(health.stations):
        latency = held.get(station, empty).copy()
        late = health.latency_s[k]
        if late >= 0.0 and health.state[k] != "down" and latency[bins[k]] < np.iinfo(_BIN).max:
            latency[bins[k]] += 1
        times = [health.seconds if state == health.state[k] else 0.0 for state in STATES]
        rows.append(
            (
                day, station, health.tier[k], health.seconds, health.data_s[k], health.gaps[k],
                health.overlaps[k], health.spikes[k], health.false_triggers[k], *times,
                max(0.0, health.latency_max_s[k]), latency.tobytes(),
            )
        )  # fmt: skip
    marks = ", ".join("?" * 16)
    sums = (
        "seconds data_s gaps overlaps spikes false_triggers ok_s degraded_s untrusted_s down_s maintenance_s"
    )
    added = ", ".join(f"{name} = {name} + excluded.{name}" for name in sums.split())
    db.executemany(
        f"INSERT INTO health_days VALUES ({marks}) ON CONFLICT DO UPDATE SET {added}, tier = excluded.tier, "
        "latency_max_s = max(latency_max_s, excluded.latency_max_s), latency = excluded.latency",
        rows,
    )


def rows_of(db: sqlite3.Connection, first: str, last: str) -> list[Row]:
    """A row per station over the days from `first` to `last` (YYYY-MM-DD, both included), by station."""
    found: dict[str, Row] = {}
    for cells in db.execute(
        "SELECT * FROM health_days WHERE day BETWEEN ? AND ? ORDER BY station, day", (first, last)
    ):
        _, station, tier, *sums = cells
        row = found.setdefault(station, Row(station, tier))
        row.tier = tier
        latency = np.frombuffer(sums[12], _BIN).astype(np.int64)
        one = Row(station, tier, states_s=list(sums[6:11]), latency_max_s=sums[11], latency=latency)
        one.seconds, one.data_s, one.gaps, one.overlaps, one.spikes, one.false_triggers = sums[:6]
        row.add(one)
    return list(found.values())


def days_of(db: sqlite3.Connection) -> list[str]:
    """The days of which something is known."""
    return [day for (day,) in db.execute("SELECT DISTINCT day FROM health_days ORDER BY day")]


def by_tier(rows: Iterable[Row], tiers: Sequence[str] = ("datum", "basic", "ordinary")) -> list[Row]:
    """A row for each tier that has stations, and one for all."""
    rows = list(rows)
    out = []
    for tier in tiers:
        mine = [row for row in rows if row.tier == tier]
        if mine:
            out.append(_sum(f"{tier} ({len(mine)})", tier, mine))
    return [*out, _sum(f"all ({len(rows)})", "", rows)] if rows else out


def _sum(name: str, tier: str, rows: Iterable[Row]) -> Row:
    total = Row(name, tier)
    for row in rows:
        total.add(row)
    return total
