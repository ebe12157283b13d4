"""Which picks belong together: fitting picks to events, and finding new events in the pool."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seiswarn import geo
from seiswarn.reasons import Reason
from seiswarn.source.estimators.point import Location, PointSource, Readings
from seiswarn.source.params import Params
from seiswarn.source.records import EventRecord, Memory, PickRecord
from seiswarn.source.traveltime import TravelTimes, arrival, arrivals
from seiswarn.stations import StationTable
from seiswarn.timebase import NS, from_seconds

F64 = npt.NDArray[np.float64]

SLOWEST_P_KMPS = 4.5  # two picks of one event are no further apart in time than this allows
INLIER_SIGMAS = 3.0
CODA_S = 30.0  # after S an M 5 goes on triggering this long; grows and shrinks with magnitude
CODA_GROWTH = 0.3  # log10 of that duration per unit of magnitude
SETTLE_NS = 3 * NS  # a station must have been alive this long before its silence says anything
MAX_SILENT = 30  # stations without a pick that a location asks
MAX_ORDERS = 256  # sites whose neighbours are known by heart
# S is (Vp/Vs)^3 = 5.2 times as strong as P in the mean (far field of a double couple, Aki and Richards
# 2002, eq. 4.32), and motion falls as R^1.374 (Wu and Zhao 2006): S reaches 3.3 times as far.
S_TO_P = 3.0**1.5
S_REACH = S_TO_P ** (1.0 / 1.374)
FRESH_SNR = 4.0 * S_TO_P  # four times more than S stands out of P: no later phase does that
SPLIT_S, SPLIT_KM = 15.0, 150.0  # a candidate this close to a known event is that event


def coda_s(magnitude: float) -> float:
    """How long after S an event of this magnitude goes on triggering, in s."""
    return float(CODA_S * 10.0 ** (CODA_GROWTH * (max(magnitude, 3.0) - 5.0)))


@dataclass(frozen=True, slots=True)
class Fit:
    """A location of a set of picks, and which of them agree with it."""

    location: Location
    t0_ns: int
    records: tuple[PickRecord, ...]
    inliers: tuple[PickRecord, ...]
    rms_s: float
    triggered_share: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a search in the pool came to: a fit, or the reason why there is no event."""

    fit: Fit | None
    reason: Reason | None
    n_sites: int
    detail: str


class Associator:
    """Fits picks to events with one travel-time model over one station table."""

    def __init__(self, params: Params, table: StationTable, travel_times: TravelTimes) -> None:
        self._p = params
        self._table = table
        self._tt = travel_times
        self._source = PointSource(params, travel_times)
        self._site_stations: dict[int, list[int]] = {}
        for station, site in enumerate(table.st_site.tolist()):
            self._site_stations.setdefault(site, []).append(station)
        self._sites = list(self._site_stations)
        self._leading = [stations[0] for stations in self._site_stations.values()]
        self._neighbours: dict[int, list[int]] = {}  # follows from the table alone, so no part of the state

    # --- picks against events --------------------------------------------------------------

    def arrivals(self, event: EventRecord, station: int) -> tuple[float, float, float]:
        """Epicentral distance (km) and P, S travel times (s) from an event to a station."""
        return arrival(
            self._tt.p,
            self._tt.s,
            event.latitude,
            event.longitude,
            event.depth_km,
            self._table.st_latitude[station],
            self._table.st_longitude[station],
        )

    def many_arrivals(self, event: EventRecord, stations: Sequence[int]) -> tuple[F64, F64, F64, F64]:
        """Epicentral distances (km), azimuths (degrees) and P, S times (s) to several stations."""
        rows = np.array(stations, dtype=np.int64)
        lat, lon = self._table.st_latitude[rows], self._table.st_longitude[rows]
        out = np.empty((4, len(rows)))
        arrivals(self._tt.p, self._tt.s, event.latitude, event.longitude, event.depth_km, lat, lon, out)
        return out[0], out[1], out[2], out[3]

    def line_distances(self, event: EventRecord, stations: Sequence[int]) -> F64:
        """(n,) distances (km) of stations to the rupture of an event in map view; zero where it has none."""
        if event.rupture is None:
            return np.zeros(len(stations))
        rows, line = np.array(stations, dtype=np.int64), event.rupture
        lat, lon = self._table.st_latitude[rows], self._table.st_longitude[rows]
        return geo.line_distances_km(
            line.latitude_1, line.longitude_1, line.latitude_2, line.longitude_2, lat, lon
        )

    def twins(self, record: PickRecord, memory: Memory) -> list[PickRecord]:
        """Picks of the same onset by other sensors at the site."""
        return [
            memory.picks[pick_id]
            for station in self._site_stations[record.site]
            if station != record.station
            for pick_id in sorted(memory.by_station.get(station, ()))
            if abs(memory.picks[pick_id].t_ns - record.t_ns) < NS
        ]

    def verdict(self, event: EventRecord, pick: PickRecord) -> str:
        """How a pick relates to an event: "fits", "late" (S or coda), "early" or "unrelated"."""
        distance, tp, ts = self.arrivals(event, pick.station)
        since = (pick.t_ns - event.t0_ns) / NS
        tolerance = 1.0 + self._p.model_error_share * tp + min(5.0, event.major_km / 6.0)
        if distance > 3.0 * self._p.search_radius_km:
            return "unrelated"
        if abs(since - tp) <= tolerance:
            return "fits"
        if tp < since and self._explains(event, pick, distance, since, ts):
            return "late"
        if -3.0 < since < tp:
            return "early"
        return "unrelated"

    def _explains(
        self, event: EventRecord, pick: PickRecord, distance: float, since: float, ts: float
    ) -> bool:
        """Whether S or coda of an event may have made a pick, so that it says nothing of another event.

        Not when the onset stands out of what was before by more than S does of P. Coda triggers
        where P did; beyond, S alone may, as far as it is as strong as P was at the farthest pick.
        """
        if pick.snr >= FRESH_SNR:
            return False
        sites = [self._site_stations[site][0] for site in event.inliers]
        lat, lon = self._table.st_latitude[sites], self._table.st_longitude[sites]
        away = geo.distances_km(event.latitude, event.longitude, lat, lon)
        far = float(away.max()) if sites else 0.0
        if distance <= 1.2 * far:
            return since <= ts + coda_s(event.magnitude)
        reach = S_REACH * math.hypot(far, event.depth_km)
        return math.hypot(distance, event.depth_km) <= reach and abs(since - ts) <= 3.0 + 0.05 * ts

    # --- fits -----------------------------------------------------------------------------

    def fit(self, records: Sequence[PickRecord], near: EventRecord | None, memory: Memory) -> Fit:
        """Locate `records` (one per site) and say which agree."""
        chosen = sorted(records, key=lambda r: (r.t_ns, r.station))[: self._p.max_picks]
        zero = chosen[0].t_ns
        stations = [r.station for r in chosen]
        silent = self._silent({r.site for r in records}, chosen[0].station, memory)
        lat, lon = self._table.st_latitude, self._table.st_longitude
        readings = Readings(
            latitude=lat[stations],
            longitude=lon[stations],
            t_s=np.array([(r.t_ns - zero) / NS for r in chosen]),
            sigma_s=np.array([r.sigma_s for r in chosen]),
            silent_latitude=lat[silent],
            silent_longitude=lon[silent],
            silent_from_s=np.array([(memory.live_from_ns[s] + SETTLE_NS - zero) / NS for s in silent]),
            silent_to_s=np.array([(memory.live_to_ns[s] - zero) / NS for s in silent]),
        )
        location = self._source.locate(readings, (near.latitude, near.longitude) if near else None)
        good = np.abs(location.residuals_s) <= INLIER_SIGMAS * location.errors_s
        inliers = tuple(r for r, ok in zip(chosen, good, strict=True) if ok)
        rms = float(np.sqrt(np.mean(location.residuals_s[good] ** 2))) if good.any() else math.inf
        share = self._triggered_share(location, readings, good)
        return Fit(location, zero + from_seconds(location.t0_s), tuple(chosen), inliers, rms, share)

    def _silent(self, picked_sites: set[int], first: int, memory: Memory) -> list[int]:
        """One live station per site without a pick, of the sites nearest to the `first` one picked.

        Only stations nearer to the source than the picks are ever held against it, and each
        costs as much work as a pick: so a bounded number of the nearest.
        """
        out: list[int] = []
        live = memory.live_to_ns
        for site in self._nearest(first):
            if site in picked_sites:
                continue
            station = max(self._site_stations[site], key=lambda s: (live[s], -s))
            if live[station]:
                out.append(station)
                if len(out) == MAX_SILENT:
                    break
        return out

    def _nearest(self, station: int) -> list[int]:
        """All sites, the nearest to a station first."""
        site = int(self._table.st_site[station])
        found = self._neighbours.get(site)
        if found is None:
            if len(self._neighbours) >= MAX_ORDERS:
                self._neighbours.clear()
            lead, lat, lon = self._leading, self._table.st_latitude, self._table.st_longitude
            here = self._site_stations[site][0]
            away = geo.distances_km(float(lat[here]), float(lon[here]), lat[lead], lon[lead])
            found = [self._sites[k] for k in np.argsort(away, kind="stable")]
            self._neighbours[site] = found
        return found

    def _triggered_share(
        self, location: Location, r: Readings, good: np.ndarray[tuple[int], np.dtype[np.bool_]]
    ) -> float:
        """Share of the live sites, within the distance of the fitting picks, that have triggered."""
        if not good.any():
            return 0.0
        far = float(location.distances_km[good].max())
        d = geo.distances_km(location.latitude, location.longitude, r.silent_latitude, r.silent_longitude)
        tt, _ = self._tt.times(d, location.depth_km) if d.size else (np.zeros(0), None)
        due = location.t0_s + tt
        missing = (
            (d < far) & (r.silent_from_s < due) & (due + 1.0 + self._p.model_error_share * tt < r.silent_to_s)
        )
        hits = int(good.sum())
        return hits / (hits + int(missing.sum()))

    # --- new events -----------------------------------------------------------------------

    def candidate(self, newest: PickRecord, memory: Memory) -> Candidate:
        """Try to make an event of the pool around its newest pick."""
        best: dict[int, PickRecord] = {}
        for other in self._compatible(newest, [memory.picks[p] for p in memory.pool]):
            held = best.get(other.site)
            if held is None or abs(other.t_ns - newest.t_ns) < abs(held.t_ns - newest.t_ns):
                best[other.site] = other
        n = len(best)
        if n < self._p.min_stations:
            return Candidate(
                None, Reason.TOO_FEW_STATIONS, n, f"{n} coherent sites, {self._p.min_stations} wanted"
            )
        fit = self.fit(list(best.values()), None, memory)
        n_in = len(fit.inliers)
        if n_in < self._p.min_stations or fit.rms_s > self._p.max_rms_s:
            detail = f"{n_in} of {n} arrivals fit one source, rms {fit.rms_s:.2f} s"
            return Candidate(None, Reason.POOR_FIT, n, detail)
        if fit.location.major_km > self._p.max_uncertainty_km:
            detail = f"epicentre known to {fit.location.major_km:.0f} km only"
            return Candidate(None, Reason.OUTSIDE_NETWORK, n, detail)
        if fit.triggered_share < self._p.min_triggered_share:
            detail = f"only {100 * fit.triggered_share:.0f} % of the live sites nearby have triggered"
            return Candidate(None, Reason.QUIET_STATIONS, n, detail)
        return Candidate(fit, None, n_in, f"{n_in} arrivals fit, rms {fit.rms_s:.2f} s")

    def _compatible(self, newest: PickRecord, others: Sequence[PickRecord]) -> list[PickRecord]:
        """Those of `others` that one source may have made together with the newest."""
        lat, lon = self._table.st_latitude, self._table.st_longitude
        stations = [r.station for r in others]
        here = newest.station
        d = geo.distances_km(float(lat[here]), float(lon[here]), lat[stations], lon[stations])
        apart_s = np.abs(np.array([r.t_ns - newest.t_ns for r in others], dtype=np.float64)) / NS
        good = (d <= self._p.search_radius_km) & (apart_s <= d / SLOWEST_P_KMPS + 1.0)
        return [others[k] for k in np.flatnonzero(good).tolist()]

    def is_split(self, fit: Fit, event: EventRecord) -> bool:
        """Whether a candidate is only a part of an event already known."""
        d = geo.distance_km(fit.location.latitude, fit.location.longitude, event.latitude, event.longitude)
        return bool(abs(fit.t0_ns - event.t0_ns) / NS < SPLIT_S and d < SPLIT_KM)
