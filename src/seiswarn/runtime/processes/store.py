"""The store process: follows the output journal and puts everything into the database."""

from __future__ import annotations

import logging
from pathlib import Path

from seiswarn.errors import StoreError
from seiswarn.runtime import clock
from seiswarn.runtime.files import DATABASE
from seiswarn.runtime.follow import LOOK_EVERY_S, Follower
from seiswarn.runtime.processes.base import LifeSign, StopRequest
from seiswarn.runtime.spec import ProcessSpec
from seiswarn.runtime.stations_file import StationsFile
from seiswarn.store.journal import Records
from seiswarn.store.sqlite import Database

RETRY_S = 2.0
MAX_WAITING = 100_000  # records kept while the database cannot be written; then it is too far behind
LAST_LOOK_S = 0.1
log = logging.getLogger(__name__)


class Storing:
    """Takes records into the database, as far as it can be written."""

    def __init__(self, database: Database, run_id: str) -> None:
        self._database = database
        self._run_id = run_id
        self._waiting: Records = []
        self._retry_s = 0.0
        self.failed = 0
        self.seq = database.last_seq(run_id)

    @property
    def behind(self) -> int:
        return len(self._waiting)

    def take(self, records: Records) -> None:
        """Store records and what earlier could not be stored. Raises StoreError when too much waits."""
        self._waiting += [record for record in records if record[0] > self.seq]
        now = clock.monotonic_s()
        if not self._waiting or now < self._retry_s:
            return
        try:
            self.seq = self._database.take(self._run_id, self._waiting)
            self._waiting.clear()
            self._retry_s = 0.0
        except StoreError as error:
            self.failed += 1
            self._retry_s = now + RETRY_S
            log.warning("%d records wait: %s", len(self._waiting), error)
            if len(self._waiting) > MAX_WAITING:
                raise

    def counters(self) -> dict[str, float]:
        return {"seq": float(self.seq), "behind": float(self.behind), "failed": float(self.failed)}


def main(spec: ProcessSpec, stop: StopRequest, life: LifeSign) -> int:
    """Store until told to stop, then everything the journal still has; 1 when something is left over."""
    folder = Path(spec.folder)
    follower = Follower(folder, spec.endpoints.output)
    try:
        while not (run_id := follower.run_id):
            life.give("waiting", 0, {})
            if stop:
                return 0
            clock.sleep(0.05)
        with Database(folder / DATABASE) as database:
            database.begin_run(run_id, spec.status, {"config": spec.config.run.name})
            storing = Storing(database, run_id)
            stations = StationsFile(folder, run_id)
            follower.begin_after(storing.seq)
            while not stop:
                records = follower.poll(LOOK_EVERY_S)
                storing.take(records)
                stations.take(records)
                stations.write(clock.monotonic_s())
                complaints = (stations.problem,) if stations.problem else ()
                life.give("ready", clock.now_ns(), storing.counters, complaints=complaints)
            while records := follower.poll(LAST_LOOK_S):
                storing.take(records)
                stations.take(records)
            storing.take([])
            stations.write(clock.monotonic_s(), at_once=True)
            life.give("left over" if storing.behind else "done", clock.now_ns(), storing.counters)
            return 1 if storing.behind else 0
    finally:
        follower.close()
