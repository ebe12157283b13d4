"""The plain way, as a yardstick: four picks, least squares at 10 km depth, the mean of Pd magnitudes.

Listens to the same picks and P windows as the source stage. Four picks at different stations within 20 s
that a source explains with an RMS below 1 s are an event. It takes in further picks that come within 3 s of
when they should, and stations that have spoken are not asked again for a minute. The place is the minimum of
least squares over a grid (10, then 2, then 0.5 km) within 200 km of the first station, the magnitude the mean
of Wu and Zhao (2006) over the longest windows up to 3 s, both brought up to date once a second. It states no
uncertainty.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from catalogue_tracks import Revision, Track

from seiswarn.geo import DEG_KM, distances_km
from seiswarn.messages import Message, Pick, PWindow
from seiswarn.source.traveltime import TravelTimes, lookup_many
from seiswarn.stations import StationTable
from seiswarn.timebase import NS

F64 = npt.NDArray[np.float64]
N_PICKS, WINDOW_NS = 4, 20 * NS
MAX_RMS_S, TOLERANCE_S = 1.0, 3.0
ASIDE_NS = 60 * NS
DEPTH_KM, WINDOW_S = 10.0, 3.0
RADIUS_KM, STEPS_KM = 200.0, (10.0, 2.0, 0.5)
MIN_MAGNITUDE = 4.0  # warned of from here on, as by the policy beside it


def wu_zhao_2006(pd_m: float, hypocentral_km: float) -> float:
    """Wu and Zhao (2006), GRL 33, L16312: log10 Pd = -3.463 + 0.729 M - 1.374 log10 R, Pd in cm, R in km.

    Written here again, so that the yardstick stays while what it measures changes.
    """
    return (math.log10(100.0 * pd_m) + 3.463 + 1.374 * math.log10(hypocentral_km)) / 0.729


@dataclass
class _Event:
    track: Track
    picks: dict[int, Pick] = field(default_factory=dict)  # by station
    latitude: float = 0.0
    longitude: float = 0.0
    t0_ns: int = 0
    told_ns: int = 0
    dirty: bool = True


class Baseline:
    """Listens to picks and windows; `tracks` are the events so far."""

    def __init__(self, table: StationTable, travel_times: TravelTimes) -> None:
        self._table, self._p = table, travel_times.p
        self._pool: list[tuple[int, Pick]] = []
        self._pd_m: dict[str, float] = {}
        self._active: list[_Event] = []
        self.tracks: list[Track] = []

    def handle(self, now_ns: int, messages: Sequence[Message]) -> None:
        fresh = False
        for message in messages:
            if isinstance(message, PWindow):
                if message.window_s <= WINDOW_S:
                    self._pd_m[message.pick_id] = message.pd_m
            elif isinstance(message, Pick) and message.phase == "P":
                station = self._table.station_index[message.station]
                if not self._join(station, message):
                    self._pool.append((station, message))
                    fresh = True
        self._active = [e for e in self._active if now_ns - e.t0_ns < ASIDE_NS]
        if fresh:
            self._nucleate(now_ns)
        for event in self._active:
            if now_ns - event.told_ns >= NS:
                self._tell(event, now_ns)

    def _join(self, station: int, pick: Pick) -> bool:
        for event in self._active:
            if station in event.picks:
                return True
            at = np.array([self._table.st_latitude[station]]), np.array([self._table.st_longitude[station]])
            due = self._times(event.latitude, event.longitude, *at)[0]
            if abs((pick.t_ns - event.t0_ns) / NS - due) < TOLERANCE_S:
                event.picks[station] = pick
                event.dirty = True
                return True
        return False

    def _nucleate(self, now_ns: int) -> None:
        self._pool = [(s, p) for s, p in self._pool if now_ns - p.t_ns < WINDOW_NS]
        first: dict[int, Pick] = {}
        for station, pick in self._pool:
            first.setdefault(station, pick)
        if len(first) < N_PICKS:
            return
        event = _Event(Track(f"baseline-{len(self.tracks) + 1}"), first)
        if self._locate(event) > MAX_RMS_S:
            return
        self._pool = []
        self._active.append(event)
        self.tracks.append(event.track)
        self._tell(event, now_ns)

    def _times(self, latitude: float, longitude: float, st_lat: F64, st_lon: F64) -> F64:
        out = np.empty(len(st_lat))
        lookup_many(self._p, distances_km(latitude, longitude, st_lat, st_lon), DEPTH_KM, out)
        return out

    def _locate(self, event: _Event) -> float:
        """Least squares over the grid; returns the RMS of the residuals in s."""
        stations = np.array(list(event.picks))
        st_lat, st_lon = self._table.st_latitude[stations], self._table.st_longitude[stations]
        base = min(p.t_ns for p in event.picks.values())
        onset = np.array([(p.t_ns - base) / NS for p in event.picks.values()])
        k = int(np.argmin(onset))
        lat, lon, half = float(st_lat[k]), float(st_lon[k]), RADIUS_KM
        t0 = rms = 0.0
        for step in STEPS_KM:
            off = np.arange(-half, half + step, step)
            lats = np.repeat(lat + off / DEG_KM, len(off))
            lons = np.tile(lon + off / (DEG_KM * np.cos(np.radians(lat))), len(off))
            tt = np.empty((len(stations), len(lats)))
            for j in range(len(stations)):
                lookup_many(
                    self._p, distances_km(float(st_lat[j]), float(st_lon[j]), lats, lons), DEPTH_KM, tt[j]
                )
            left = onset[:, None] - tt
            sd = left.std(axis=0)
            best = int(np.argmin(sd))
            lat, lon, rms, t0 = (
                float(lats[best]),
                float(lons[best]),
                float(sd[best]),
                float(left[:, best].mean()),
            )
            half = 1.5 * step
        event.latitude, event.longitude, event.t0_ns = lat, lon, base + round(t0 * NS)
        event.dirty = False
        return rms

    def _tell(self, event: _Event, now_ns: int) -> None:
        event.told_ns = now_ns
        if event.dirty:
            self._locate(event)
        stations = np.array(list(event.picks))
        away = distances_km(
            event.latitude,
            event.longitude,
            self._table.st_latitude[stations],
            self._table.st_longitude[stations],
        )
        found = [
            wu_zhao_2006(self._pd_m[p.pick_id], math.hypot(float(d), DEPTH_KM))
            for p, d in zip(event.picks.values(), away, strict=True)
            if self._pd_m.get(p.pick_id, 0.0) > 0.0
        ]
        if not found:
            return
        value = float(np.mean(found))
        event.track.revisions.append(
            Revision(
                t_ns=now_ns, t0_ns=event.t0_ns, latitude=event.latitude, longitude=event.longitude,
                depth_km=DEPTH_KM, m=value, n_stations=len(stations),
            )
        )  # fmt: skip
        if event.track.alert_ns is None and value >= MIN_MAGNITUDE:
            event.track.alert_ns = now_ns
