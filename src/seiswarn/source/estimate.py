"""From an event's picks and peaks to the estimate that is published."""

from __future__ import annotations

import itertools

from seiswarn.messages import (
    Arrival,
    DataError,
    EventEstimate,
    EventState,
    Magnitude,
    Message,
    Origin,
    StationMagnitude,
    Status,
)
from seiswarn.reasons import Reason
from seiswarn.source.amplitudes import Amplitudes
from seiswarn.source.association import Associator
from seiswarn.source.doubts import doubts
from seiswarn.source.fusion import StationValue, fuse
from seiswarn.source.params import Params
from seiswarn.source.records import EventRecord, Memory
from seiswarn.source.rupture import Ruptures
from seiswarn.source.suspects import like_a_blast
from seiswarn.stations import StationTable
from seiswarn.timebase import NS

MAGNITUDE_STEP = 0.02  # smaller changes are no news


class Estimator:
    """Magnitudes and messages for events."""

    def __init__(self, params: Params, table: StationTable, associator: Associator) -> None:
        self._p = params
        self._table = table
        self._associator = associator
        self._amplitudes = Amplitudes(params, table, associator)
        self.ruptures = Ruptures(params, table)

    def update(self, event: EventRecord, memory: Memory, now_ns: int, status: Status) -> list[Message]:
        """An estimate if there is something new to say."""
        values = self._amplitudes.station_values(event, memory)
        magnitude = fuse(values, self._p.gutenberg_richter_b)
        if magnitude is None:
            return []
        event.last_estimate_ns = now_ns
        before = event.line is not None
        self.ruptures.consider(event, magnitude, memory, now_ns)
        line = event.line is not None
        if not event.changed and line == before and abs(magnitude.value - event.magnitude) < MAGNITUDE_STEP:
            return []
        reasons: tuple[str, ...] = (Reason.NEW_STATIONS if event.moved else Reason.LONGER_WINDOWS,)
        if line:
            reasons += (Reason.LINE_SOURCE,)
        if like_a_blast(memory.fitting(event), magnitude.value, event.depth_km, event.t0_ns, event.longitude):
            reasons += (Reason.BLAST,)
        event.changed = event.moved = False
        event.magnitude = magnitude.value
        state: EventState = "update" if event.revision else "new"
        return [self._message(event, state, magnitude, values, reasons, memory, now_ns, status)]

    def closing(
        self,
        event: EventRecord,
        state: EventState,
        reasons: tuple[str, ...],
        memory: Memory,
        now_ns: int,
        status: Status,
    ) -> list[Message]:
        """The last word about an event; nothing if nothing was ever said."""
        if event.revision == 0:
            return []
        values = self._amplitudes.station_values(event, memory)
        magnitude = fuse(values, self._p.gutenberg_richter_b)
        return [self._message(event, state, magnitude, values, reasons, memory, now_ns, status)]

    def doubts(self, event: EventRecord, memory: Memory, now_ns: int, status: Status) -> list[DataError]:
        """Stations whose onsets or peaks this event leaves unexplained, each said once."""
        values = self._amplitudes.station_values(event, memory)
        return doubts(event, memory, self._associator, self._table, self._p, values, now_ns, status)

    # --- message ------------------------------------------------------------------------------

    def _message(
        self,
        event: EventRecord,
        state: EventState,
        magnitude: Magnitude | None,
        values: list[StationValue],
        reasons: tuple[str, ...],
        memory: Memory,
        now_ns: int,
        status: Status,
    ) -> EventEstimate:
        event.revision += 1
        arrivals = self._arrivals(event, memory)
        return EventEstimate(
            event_id=event.event_id,
            revision=event.revision,
            state=state,
            t_seen_ns=now_ns,
            origin=Origin(
                time_ns=event.t0_ns,
                latitude=event.latitude,
                longitude=event.longitude,
                depth_km=event.depth_km,
                time_sigma_s=event.time_sigma_s,
                depth_sigma_km=event.depth_sigma_km,
                ellipse_major_km=event.major_km,
                ellipse_minor_km=event.minor_km,
                ellipse_azimuth_deg=event.azimuth_deg,
                n_stations=len(event.inliers),
                gap_deg=_gap([a.azimuth_deg for a in arrivals]),
                rms_s=event.rms_s,
                n_s=len(event.with_s),
            ),
            magnitude=magnitude,
            arrivals=arrivals,
            station_magnitudes=tuple(
                StationMagnitude(
                    station=v.station,
                    kind=v.kind,
                    value=v.value,
                    window_s=v.window_s,
                    weight=1.0 / v.own_sigma**2,
                )
                for v in values
            ),
            reasons=reasons,
            rupture=event.rupture,
            false_per_year=event.false_per_year,
            status=status,
        )

    def _arrivals(self, event: EventRecord, memory: Memory) -> tuple[Arrival, ...]:
        fits = set(event.inliers)
        records = [memory.picks[pick_id] for pick_id in event.picks.values()]
        table = self._associator.many_arrivals(event, [r.station for r in records])
        out = [
            Arrival(
                pick_id=r.pick_id,
                station=self._table.stations[r.station],
                phase="P",
                t_ns=r.t_ns,
                residual_s=(r.t_ns - event.t0_ns) / NS - tp,
                distance_km=distance,
                azimuth_deg=azimuth,
                weight=1.0 if r.site in fits else 0.0,
            )
            for r, distance, azimuth, tp, _ in zip(records, *(c.tolist() for c in table), strict=True)
        ]
        return tuple(sorted(out, key=lambda a: (a.t_ns, a.station)))


def _gap(azimuths_deg: list[float]) -> float:
    """Largest azimuthal gap in degrees; 360 for fewer than two stations."""
    if len(azimuths_deg) < 2:
        return 360.0
    ordered = sorted(azimuths_deg)
    gaps = [b - a for a, b in itertools.pairwise(ordered)]
    return max([*gaps, ordered[0] + 360.0 - ordered[-1]])
