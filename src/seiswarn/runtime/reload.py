"""A new configuration into a running core: stations and thresholds, between two slices.

The new pipeline is built beside the old one while that goes on, takes over what is known of the
stations that stay, and stands in when no event is under way. The journals go on in new files, which
begin with its snapshot, so that what follows can be replayed by itself.
"""

from __future__ import annotations

import logging
import threading

from seiswarn.errors import SeiswarnError
from seiswarn.pipeline import Pipeline
from seiswarn.runtime import clock
from seiswarn.runtime.setup import Setup
from seiswarn.runtime.shards import OpenedStage
from seiswarn.runtime.sources import open_sources
from seiswarn.runtime.spec import NEXT, ProcessSpec, read_spec, spec_path, write_spec
from seiswarn.station_moves import Moves, moves
from seiswarn.stations import StationTable

RULING = ".ruling"  # mark of a spec that is being written
log = logging.getLogger(__name__)


class Built:
    """A pipeline that waits for its moment, and what belongs to it."""

    def __init__(self, spec: ProcessSpec, setup: Setup, waveform: OpenedStage, pipeline: Pipeline) -> None:
        self.spec, self.setup, self.waveform, self.pipeline = spec, setup, waveform, pipeline


class Reload:
    """One wish at a time for a new configuration.

    Attributes
    ----------
    detail
        how it stands, for the status; empty: nothing is wished for.
    """

    def __init__(self, spec: ProcessSpec) -> None:
        self._spec = spec
        self._thread: threading.Thread | None = None
        self._built: Built | None = None
        self._again = False
        self.detail = ""
        self.done = 0
        self.failed = 0

    def begin(self) -> None:
        """Build what the next configuration asks for, beside the running core."""
        if self._thread is not None and self._thread.is_alive():
            self._again = True  # what is being prepared is not what is wished for now
            return
        self._again = False
        if self._built is not None:
            self._built.waveform.close()
            self._built = None
        self.detail = "a reload is being prepared"
        self._thread = threading.Thread(target=self._build, name="reload", daemon=True)
        self._thread.start()

    def ready(self, pipeline: Pipeline) -> Built | None:
        """What is to stand in now; None while there is nothing, or an event is under way."""
        if self._again and self._thread is not None and not self._thread.is_alive():
            self.begin()
        built = self._built
        if built is None or self._again:
            return None
        if pipeline.busy:
            self.detail = "a reload waits for the end of the event under way"
            return None
        self._built = None
        return built

    def _build(self) -> None:
        begun = clock.monotonic_s()
        try:
            spec = read_spec(spec_path(self._spec, NEXT))
            setup, _ = open_sources(spec.sources, spec.config, spec.status)
            waveform = OpenedStage(setup.params.waveform, setup.table)
            pipeline = setup.pipeline(waveform.stage)
            pipeline.warm()
        except (SeiswarnError, OSError) as error:
            self.failed += 1
            self.detail = f"a reload failed, everything stays as it was: {error}"
            log.error("%s", self.detail)
            return
        self._built = Built(spec, setup, waveform, pipeline)
        log.warning("a reload is ready after %.1f s", clock.monotonic_s() - begun)

    def keep(self, built: Built) -> None:
        """Let a core that is started again begin with what is about to rule.

        It is what was built, whatever has been wished for since. To be called before the journals go on
        with it: a core with the old configuration could not go on from them.
        """
        path = spec_path(self._spec)
        try:
            write_spec(built.spec, RULING).replace(path)
        except OSError as error:
            log.error("%s cannot be written (%s): a restart of the core alone would fail", path, error)

    def applied(self, built: Built, before: StationTable) -> str:
        """Note that a new configuration rules; a sentence on it."""
        stays = moves(before, built.setup.table).kept
        table = built.setup.table
        new = table.n_stations - stays
        sentence = f"reloaded: {table.n_stations} stations ({new} new or changed, {before.n_stations} before)"
        self._spec = built.spec
        self.done += 1
        self.detail = ""
        log.warning("%s", sentence)
        return sentence


def hand_over(old: Pipeline, before: StationTable, built: Built) -> Moves:
    """Give a new pipeline what the old one knows of the stations that stay."""
    moved = moves(before, built.setup.table)
    built.pipeline.adopt(old.snapshot(), moved)
    built.pipeline.observe = old.observe
    return moved
