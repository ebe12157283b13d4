"""From an event's picks and peaks to the estimate that is published."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np

from seiswarn.messages import (
    Arrival,
    EventEstimate,
    EventState,
    Magnitude,
    Message,
    Origin,
    StationMagnitude,
    Status,
)
from seiswarn.source.association import Associator, coda_s
from seiswarn.source.fusion import StationValue, fuse
from seiswarn.source.magnitude import REGISTRY
from seiswarn.source.magnitude.base import saturation_magnitude
from seiswarn.source.params import Params
from seiswarn.source.records import EventRecord, Memory, PickRecord
from seiswarn.stations import StationTable
from seiswarn.timebase import NS

MIN_WINDOW_S = 0.5
S_MARGIN_S = 0.1  # a P window ends this share of S-P, at least, before S is due
MAGNITUDE_STEP = 0.02  # smaller changes are no news
MAX_MAGNITUDE_SITES = 40
MIN_DISPLACEMENT_SNR = (
    2.0  # a peak that hardly rises above what was there before the onset is not the source's
)


class Estimator:
    """Magnitudes and messages for events."""

    def __init__(self, params: Params, table: StationTable, associator: Associator) -> None:
        self._p = params
        self._table = table
        self._associator = associator
        self._p_relation = REGISTRY["Mpd"]
        self._s_relation = REGISTRY["Mdisp"]

    def update(self, event: EventRecord, memory: Memory, now_ns: int, status: Status) -> list[Message]:
        """An estimate if there is something new to say."""
        values = self._station_values(event, memory)
        magnitude = fuse(values, self._p.gutenberg_richter_b)
        if magnitude is None:
            return []
        event.last_estimate_ns = now_ns
        if not event.changed and abs(magnitude.value - event.magnitude) < MAGNITUDE_STEP:
            return []
        event.changed = event.moved = False
        event.magnitude = magnitude.value
        return [
            self._message(
                event, "update" if event.revision else "new", magnitude, values, (), memory, now_ns, status
            )
        ]

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
        values = self._station_values(event, memory)
        magnitude = fuse(values, self._p.gutenberg_richter_b)
        return [self._message(event, state, magnitude, values, reasons, memory, now_ns, status)]

    # --- magnitudes ---------------------------------------------------------------------------

    def _station_values(self, event: EventRecord, memory: Memory) -> list[StationValue]:
        """Values of the nearest fitting sites that have one, each from the sensor there that did not clip."""
        standing = [memory.picks[event.picks[site]] for site in event.inliers]
        if not standing:
            return []
        away, _, tp, ts = self._associator.many_arrivals(event, [r.station for r in standing])
        heard_s = max(self._p.s_window_s, coda_s(event.magnitude))
        until_ns = event.t0_ns + ((ts + heard_s) * NS).astype(np.int64)
        values: list[StationValue] = []
        for k in np.argsort(away, kind="stable").tolist():
            record = standing[k]
            record.until_ns = int(until_ns[k])
            if len(values) == MAX_MAGNITUDE_SITES:
                continue
            for r in itertools.chain((record,), self._twins(record, memory)):
                r.until_ns = record.until_ns
                value = self._value(event, r, float(away[k]), float(tp[k]), float(ts[k]))
                if value is not None:
                    values.append(value)
                    break
        return values

    def _twins(self, record: PickRecord, memory: Memory) -> Iterator[PickRecord]:
        """Found only when asked for: few sites have a second sensor."""
        yield from self._associator.twins(record, memory)

    def _value(
        self, event: EventRecord, r: PickRecord, distance: float, tp: float, ts: float
    ) -> StationValue | None:
        hypocentral = math.hypot(distance, event.depth_km)
        code = self._table.stations[r.station]
        s_ns = event.t0_ns + int(ts * NS)
        since_s = (r.motion_to_ns - s_ns) / NS
        floor = MIN_DISPLACEMENT_SNR * r.noise_d_m
        if since_s >= self._p.s_window_s and not r.clipped and r.peak_pgd_m > floor:
            m = self._s_relation.magnitude(r.peak_pgd_m, hypocentral, event.depth_km)
            sigma = self._s_relation.sigma(since_s)
            return StationValue(code, "Mdisp", m, sigma, saturation_magnitude(since_s), since_s)
        window = r.longest_window(r.p_lasts_s((s_ns - r.t_ns) / NS - S_MARGIN_S * (ts - tp)))
        if window is None or window[0] < MIN_WINDOW_S or window[2] or window[1] <= floor:
            return None
        m = self._p_relation.magnitude(window[1], hypocentral, event.depth_km)
        sigma = self._p_relation.sigma(window[0])
        return StationValue(code, "Mpd", m, sigma, saturation_magnitude(window[0]), window[0])

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
            ),
            magnitude=magnitude,
            arrivals=arrivals,
            station_magnitudes=tuple(
                StationMagnitude(
                    station=v.station,
                    kind=v.kind,
                    value=v.value,
                    window_s=v.window_s,
                    weight=1.0 / v.sigma**2,
                )
                for v in values
            ),
            reasons=reasons,
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
