"""The series process: follows the output journal and keeps measurements of it.

Points go to the embedded database and, where one is configured, to a server. Each has its own
position in the journal; after a crash reading begins where the one that is furthest behind stands.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import msgspec

from seiswarn.messages import decode
from seiswarn.runtime import clock
from seiswarn.runtime.follow import LOOK_EVERY_S, Follower
from seiswarn.runtime.metrics import read_status
from seiswarn.runtime.processes.base import LifeSign, StopRequest
from seiswarn.runtime.series_outlets import Outlet, Sent, open_outlets
from seiswarn.runtime.spec import ProcessSpec
from seiswarn.store.journal import Records
from seiswarn.store.series_points import Health, PointMaker, SecondColumns, is_wanted, process_points

WAIT_S = 0.05
NICE = 10  # where processors are few, the core comes first
log = logging.getLogger(__name__)


class Measuring:
    """Turns records into points and hands each outlet those it has not had."""

    def __init__(self, outlets: list[Outlet], health: Health) -> None:
        self.outlets = outlets
        self._maker = PointMaker(health)
        self._health = self._maker.told()
        self._begun_at = {id(outlet): outlet.seq for outlet in outlets}  # what each had before this life
        self.seconds = self.points = self.unreadable = 0

    @property
    def seq(self) -> int:
        return min((outlet.seq for outlet in self.outlets), default=0)

    def take(self, records: Records) -> None:
        """Points of records, in their order; records that an outlet already had are not for it."""
        borders = sorted(set(self._begun_at.values()))
        piece: Records = []
        for record in records:
            while borders and record[0] > borders[0]:
                self._take(piece)
                piece = []
                borders.pop(0)
            piece.append(record)
        self._take(piece)

    def _take(self, records: Records) -> None:
        if not records:
            return
        first, last = records[0][0], max(seq for seq, _ in records)
        takers = [o for o in self.outlets if not first or first > self._begun_at[id(o)]]
        if not takers:
            return
        seconds, points = self._maker.take(self._decoded(records))
        self.seconds += len(seconds)
        self.points += len(points)
        if self._maker.changed:
            self._health = self._maker.told()
        for outlet in takers:
            outlet.take(seconds, points, last, self._health)

    def _decoded(self, records: Records) -> list[Any]:
        messages = []
        for _, payload in records:
            if not is_wanted(payload):
                continue
            try:
                messages.append(decode(payload))
            except msgspec.MsgspecError:
                self.unreadable += 1
        return messages

    def processes(self, status: dict[str, Any]) -> None:
        """Points of the daemon's own health: they come from no journal."""
        points = process_points(status)
        for outlet in self.outlets:
            outlet.take(SecondColumns.empty(), points, outlet.seq, self._health)

    def tend(self) -> None:
        for outlet in self.outlets:
            outlet.tend()

    @property
    def has_room(self) -> bool:
        return all(outlet.has_room for outlet in self.outlets if isinstance(outlet, Sent))

    def counters(self) -> dict[str, float]:
        told = {
            "seq": float(self.seq),
            "station_seconds": float(self.seconds),
            "other_points": float(self.points),
            "unreadable": float(self.unreadable),
        }
        for outlet in self.outlets:
            told |= outlet.counters()
        return told

    def complaints(self) -> tuple[str, ...]:
        return tuple(text for outlet in self.outlets for text in outlet.complaints())

    def close(self) -> int:
        """Leave everything safe; returns how much is not."""
        return sum(outlet.close() for outlet in self.outlets)


class _Daemon:
    """Looks at the daemon's status file from time to time."""

    def __init__(self, folder: Path, every_s: float) -> None:
        self._folder, self._every_s = folder, every_s
        self._next_s = 0.0
        self._last_ns = 0

    def look(self) -> dict[str, Any] | None:
        """The status, when it is time and it is another one than the last."""
        if clock.monotonic_s() < self._next_s:
            return None
        self._next_s = clock.monotonic_s() + self._every_s
        status = read_status(self._folder)
        if status is None or status.get("t_ns") == self._last_ns:
            return None
        self._last_ns = status.get("t_ns", 0)
        return status


def main(spec: ProcessSpec, stop: StopRequest, life: LifeSign) -> int:
    """Measure until told to stop, then everything the journal still has; 1 when points are left over."""
    folder, params = Path(spec.folder), spec.config.series
    os.nice(NICE)
    follower = Follower(folder, spec.endpoints.output)
    try:
        while not (run_id := follower.run_id):
            life.give("waiting", 0, {})
            if stop:
                return 0
            clock.sleep(WAIT_S)
        outlets, health = open_outlets(params, folder, run_id, spec.config.run.name, spec.status)
        measuring = Measuring(outlets, health)
        follower.begin_after(measuring.seq)
        daemon = _Daemon(folder, params.process_every_s)
        left = 1
        try:
            _follow(follower, measuring, daemon, stop, life)
        finally:
            left = measuring.close()
        life.give("left over" if left else "done", clock.now_ns(), measuring.counters)
        return 1 if left else 0
    finally:
        follower.close()


def _follow(
    follower: Follower, measuring: Measuring, daemon: _Daemon, stop: StopRequest, life: LifeSign
) -> None:
    def counters() -> dict[str, float]:
        return measuring.counters() | {"lost": float(follower.lost)}

    while True:
        stopping = bool(stop)
        records = follower.poll(LOOK_EVERY_S) if measuring.has_room else []
        measuring.take(records)
        status = daemon.look()
        if status is not None:
            measuring.processes(status)
        measuring.tend()
        life.give("ready", clock.now_ns(), counters, complaints=measuring.complaints())
        if not measuring.has_room:
            clock.sleep(WAIT_S)
        elif stopping and not records:
            return
