"""Point or line: which source is believed for a large event, from the peaks at its stations so far."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from seiswarn.messages import Magnitude
from seiswarn.source.estimators.line import LineSource
from seiswarn.source.estimators.line_peaks import Epicentre, Peaks
from seiswarn.source.params import Params
from seiswarn.source.records import PEAKS, EventRecord, Memory
from seiswarn.stations import StationTable
from seiswarn.timebase import NS

MIN_MAGNITUDE = 6.3  # below, ruptures are some ten kilometres long (Wells and Coppersmith 1994)
MIN_SITES = 6
EVERY_NS = NS  # peaks come once a second
# What the magnitude was made from are peaks of the same stations: as a prior it counts for less.
PRIOR_SIGMA = 0.4
# A line that is believed is given up when it is hardly likelier than a point any more.
GIVEN_UP = 2.0
PGA, PGV = PEAKS.index("pga_mps2"), PEAKS.index("pgv_mps")


class Ruptures:
    """Fits a line to the peaks of an event and says whether it is believed."""

    def __init__(self, params: Params, table: StationTable) -> None:
        self._source = LineSource(params.line)
        self._table = table

    def warm(self) -> None:
        """Load the kernels."""
        self._source.warm()

    def consider(self, event: EventRecord, magnitude: Magnitude, memory: Memory, now_ns: int) -> None:
        """Bring `event.rupture` up to date, at most once a second."""
        held = event.line is not None
        if (magnitude.value < MIN_MAGNITUDE and not held) or len(event.inliers) < MIN_SITES:
            event.rupture = None if not held else event.rupture
            return
        if now_ns - event.rupture_ns < EVERY_NS:
            return
        event.rupture_ns = now_ns
        peaks = self._peaks(event, memory)
        epicentre = Epicentre(
            event.latitude,
            event.longitude,
            event.depth_km,
            event.major_km,
            event.minor_km,
            event.azimuth_deg,
        )
        line = self._source.fit(peaks, epicentre, magnitude.value, max(PRIOR_SIGMA, magnitude.sigma))
        if line is None:
            event.rupture = None
            return
        rupture = line.rupture()
        if held and not rupture.believed and rupture.log_odds > GIVEN_UP:
            rupture = msgspec.structs.replace(rupture, believed=True)
        event.rupture = rupture

    def _peaks(self, event: EventRecord, memory: Memory) -> Peaks:
        """Largest motions since P at the sites that fit."""
        records = [r for r in memory.fitting(event) if r.motion_to_ns]
        rows = np.array([r.station for r in records], dtype=np.int64)
        return Peaks(
            latitude=self._table.st_latitude[rows],
            longitude=self._table.st_longitude[rows],
            pga_mps2=np.array([r.peaks[PGA] or math.nan for r in records]),
            pgv_mps=np.array([r.peaks[PGV] or math.nan for r in records]),
            until_s=np.array([(r.motion_to_ns - event.t0_ns) / NS for r in records]),
            at_least=np.array([r.clipped for r in records], dtype=np.bool_),
        )
