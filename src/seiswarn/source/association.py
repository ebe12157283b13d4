"""Which picks belong together: fitting picks to events, and finding new events in the pool."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from seiswarn import geo
from seiswarn.reasons import Reason
from seiswarn.source.evidence import MOST_LOG, false_per_year, log_binomial, p_apart_s
from seiswarn.source.fitting import Fit, Fitter
from seiswarn.source.params import Params
from seiswarn.source.records import EventRecord, Memory, PickRecord
from seiswarn.source.suspects import FAR_RMS_S, SURE_BURST, from_afar, is_teleseism, simultaneous
from seiswarn.source.traveltime import TravelTimes, arrival, arrivals
from seiswarn.stations import StationTable
from seiswarn.timebase import NS

F64 = npt.NDArray[np.float64]

MAX_POOL = 400  # waiting picks, the newest, that a search looks through
CODA_S = 30.0  # after S an M 5 goes on triggering this long; grows and shrinks with magnitude
CODA_GROWTH = 0.3  # log10 of that duration per unit of magnitude
# S is (Vp/Vs)^3 = 5.2 times as strong as P in the mean (far field of a double couple, Aki and Richards
# 2002, eq. 4.32), and motion falls as R^1.374 (Wu and Zhao 2006): S reaches 3.3 times as far.
S_TO_P = 3.0**1.5
S_REACH = S_TO_P ** (1.0 / 1.374)
FRESH_SNR = 4.0 * S_TO_P  # four times more than S stands out of P: no later phase does that
SHARP_S = 5.0  # times that, where S comes when it should
PAIR_REACH = 1.5  # two stations of one source may be this much farther apart than it is from the first
SPLIT_S, SPLIT_KM = 15.0, 150.0  # a candidate this close to a known event is that event, unless it cannot be
SURE_SITES, SURE_KM = 6, 20.0  # an event known this well says what it can have made
OTHER_SITES = 3  # picks that it cannot
MANY_SITES = 8  # a wave that crosses so many as a plane one from afar needs no location
S_TOLERANCE_S = 1.5  # S is late on soft ground
S_LATE_SHARE = 0.04  # of its travel time


def coda_s(magnitude: float) -> float:
    """How long after S an event of this magnitude goes on triggering, in s."""
    return float(CODA_S * 10.0 ** (CODA_GROWTH * (max(magnitude, 3.0) - 5.0)))


def s_tolerance_s(travel_s: float) -> float:
    """How far an S may be from where a 1-D model expects it, in s."""
    return S_TOLERANCE_S + S_LATE_SHARE * travel_s


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a search in the pool came to: a fit, or the reason why there is no event."""

    fit: Fit | None
    reason: Reason | None
    n_sites: int
    detail: str
    faulty: tuple[PickRecord, ...] = ()  # picks that no earthquake made
    n_fits: int = 1  # locations that it took


class Associator:
    """Fits picks to events with one travel-time model over one station table."""

    def __init__(self, params: Params, table: StationTable, travel_times: TravelTimes) -> None:
        self._p = params
        self._table = table
        self.fitter = Fitter(params, table, travel_times)

    # --- picks against events --------------------------------------------------------------

    def arrivals(self, event: EventRecord, station: int) -> tuple[float, float, float]:
        """Epicentral distance (km) and P, S travel times (s) from an event to a station."""
        times = self.fitter.models.at(event.latitude, event.longitude)
        return arrival(
            times.p,
            times.s,
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
        times = self.fitter.models.at(event.latitude, event.longitude)
        arrivals(times.p, times.s, event.latitude, event.longitude, event.depth_km, lat, lon, out)
        return out[0], out[1], out[2], out[3]

    def line_distances(self, event: EventRecord, stations: Sequence[int]) -> F64:
        """(n,) distances (km) of stations to the rupture of an event in map view; zero where it has none."""
        line = event.line
        if line is None:
            return np.zeros(len(stations))
        rows = np.array(stations, dtype=np.int64)
        lat, lon = self._table.st_latitude[rows], self._table.st_longitude[rows]
        return geo.line_distances_km(
            line.latitude_1, line.longitude_1, line.latitude_2, line.longitude_2, lat, lon
        )

    def twins(self, record: PickRecord, memory: Memory) -> list[PickRecord]:
        """Picks of the same onset by other sensors at the site."""
        return [
            memory.picks[pick_id]
            for station in self.fitter.site_stations[record.site]
            if station != record.station
            for pick_id in sorted(memory.by_station.get(station, ()))
            if abs(memory.picks[pick_id].t_ns - record.t_ns) < NS
        ]

    def verdict(self, event: EventRecord, pick: PickRecord) -> tuple[str, float]:
        """How a pick relates to an event: "fits", "S", "late" (coda), "early" or "unrelated".

        With it by how much it is off what "fits" or "S" expects, as a share of what may be.
        """
        distance, tp, ts = self.arrivals(event, pick.station)
        since = (pick.t_ns - event.t0_ns) / NS
        tolerance = 1.0 + self._p.model_error_share * tp + min(5.0, event.major_km / 6.0)
        if distance > 3.0 * self._p.search_radius_km:
            return "unrelated", math.inf
        if abs(since - tp) <= tolerance:
            return "fits", abs(since - tp) / tolerance
        if tp < since and self._explains(event, pick, distance, since, ts):
            off = abs(since - ts) / (s_tolerance_s(ts) + tolerance - 1.0)
            return ("S" if off <= 1.0 else "late"), off
        if -3.0 < since < tp:
            return "early", math.inf
        return "unrelated", math.inf

    def _explains(
        self, event: EventRecord, pick: PickRecord, distance: float, since: float, ts: float
    ) -> bool:
        """Whether S or coda of an event may have made a pick, so that it says nothing of another event.

        Not when the onset stands out of what was before by more than S does of P; just when S is due it may
        stand out by more, where the coda of P has died away. Coda triggers
        where P did; beyond, S alone may, as far as it is as strong as P was at the farthest pick.
        """
        at_s = abs(since - ts) <= s_tolerance_s(ts)
        if pick.snr >= (SHARP_S if at_s else 1.0) * FRESH_SNR:
            return False
        sites = [self.fitter.site_stations[site][0] for site in event.inliers]
        lat, lon = self._table.st_latitude[sites], self._table.st_longitude[sites]
        away = geo.distances_km(event.latitude, event.longitude, lat, lon)
        far = float(away.max()) if sites else 0.0
        if distance <= 1.2 * far:
            return since <= ts + coda_s(event.magnitude)
        reach = S_REACH * math.hypot(far, event.depth_km)
        return math.hypot(distance, event.depth_km) <= reach and abs(since - ts) <= 3.0 + 0.05 * ts

    # --- new events -----------------------------------------------------------------------

    def candidate(self, newest: PickRecord, memory: Memory, now_ns: int, max_fits: int) -> Candidate:
        """Try to make an event of the pool around its newest pick, in one location, or two if it may."""
        best: dict[int, PickRecord] = {}
        for other in self._compatible(newest, [memory.picks[p] for p in memory.pool[-MAX_POOL:]]):
            held = best.get(other.site)
            # Of several at one site the clearest: what comes after P is picked out of its coda.
            if other is newest or held is None or (held is not newest and other.snr > held.snr):
                best[other.site] = other
        burst = simultaneous(list(best.values()), self._table)
        if burst:
            names = ", ".join(self._table.stations[r.station] for r in burst[:6])
            detail = f"{len(burst)} stations at one instant: {names}"
            # An earthquake has the next P in a moment; until it is sure, its picks are kept.
            sure = len(burst) > 3 and len(burst) >= SURE_BURST * len(best)
            gone = tuple(burst) if sure else ()
            return Candidate(None, Reason.TELEMETRY_BURST, len(burst), detail, gone, n_fits=0)
        n = len(best)
        votes = memory.trust.n_votes([r.station for r in best.values()], self._table)
        if votes < self._p.min_stations:
            wanted = f"{n} coherent sites, {self._p.min_stations} wanted"
            if votes < n:
                names = ", ".join(sorted(self._table.stations[r.station] for r in best.values())[:6])
                wanted = f"{n} coherent sites count as {votes}, being in trouble behind one link: {names}"
            return Candidate(None, Reason.TOO_FEW_STATIONS, n, wanted, n_fits=0)
        if n >= MANY_SITES:
            afar = from_afar(list(best.values()), self._table, FAR_RMS_S)
            if afar is not None and is_teleseism(list(best.values()), self._table, FAR_RMS_S):
                return Candidate(None, afar[0], n, afar[1], n_fits=0)
        records = list(best.values())
        found = self._judge(self.fitter.fit(records, None, memory), n, n, memory, now_ns)
        if found.reason is not Reason.POOR_FIT or n < 2 * self._p.min_stations or max_fits < 2:
            return found
        # Two sources at one time fit as one badly: the half around the newest pick may be one of them.
        part = self._around(newest, records)
        again = self._judge(self.fitter.fit(part, None, memory), len(part), n, memory, now_ns)
        return replace(again if again.fit is not None else found, n_fits=2)

    def _around(self, newest: PickRecord, records: Sequence[PickRecord]) -> list[PickRecord]:
        """The half of some picks whose stations are nearest to that of the newest."""
        lat, lon, here = self._table.st_latitude, self._table.st_longitude, newest.station
        at = [r.station for r in records]
        d = geo.distances_km(float(lat[here]), float(lon[here]), lat[at], lon[at])
        return [records[k] for k in np.argsort(d, kind="stable")[: (len(records) + 1) // 2].tolist()]

    def _judge(self, fit: Fit, n: int, of: int, memory: Memory, now_ns: int) -> Candidate:
        """Whether a fit of `n` picks, chosen among so many, is an event, and if not, why."""
        n_in = len(fit.inliers)
        false = false_per_year(fit, memory, self._table, now_ns)
        false *= math.exp(min(log_binomial(of, n), MOST_LOG)) if of > n else 1.0
        if n_in < self._p.min_stations or fit.rms_s > self._p.max_rms_s or 2 * n_in < n:
            detail = f"{n_in} of {n} arrivals fit one source, rms {fit.rms_s:.2f} s"
            return Candidate(None, Reason.POOR_FIT, n, detail)
        afar = from_afar(fit.inliers, self._table, fit.rms_s)
        if afar is not None and (afar[0] is Reason.TELESEISM or self._is_vague(fit)):
            return Candidate(None, afar[0], n, afar[1])
        if self._is_vague(fit):
            detail = f"epicentre known to {fit.location.major_km:.0f} km only"
            return Candidate(None, Reason.OUTSIDE_NETWORK, n, detail)
        if fit.triggered_share < self._p.min_triggered_share:
            detail = f"only {100 * fit.triggered_share:.0f} % of the live sites nearby have triggered"
            return Candidate(None, Reason.QUIET_STATIONS, n, detail)
        if false > self._p.max_false_per_year:
            told = f"{false:.0f}" if false < 1e6 else "millions of"
            detail = f"noise makes {told} such coincidences a year, {n_in} sites"
            wrong = 2 * len(fit.misfits) >= n_in
            return Candidate(
                None, Reason.AMPLITUDES_DISAGREE if wrong else Reason.TOO_FEW_STATIONS, n, detail
            )
        return Candidate(fit, None, n_in, f"{n_in} arrivals fit, rms {fit.rms_s:.2f} s")

    def _is_vague(self, fit: Fit) -> bool:
        return fit.location.major_km > self._p.max_uncertainty_km

    def _compatible(self, newest: PickRecord, others: Sequence[PickRecord]) -> list[PickRecord]:
        """Those of `others` that one source may have made together with the newest."""
        lat, lon = self._table.st_latitude, self._table.st_longitude
        stations = [r.station for r in others]
        here = newest.station
        d = geo.distances_km(float(lat[here]), float(lon[here]), lat[stations], lon[stations])
        apart_s = np.abs(np.array([r.t_ns - newest.t_ns for r in others], dtype=np.float64)) / NS
        good = (d <= PAIR_REACH * self._p.search_radius_km) & (apart_s <= p_apart_s(d))
        return [others[k] for k in np.flatnonzero(good).tolist()]

    def relation(self, fit: Fit, event: EventRecord) -> str:
        """How a candidate stands to a known event: "apart", "other" or "unsure".

        Too far off in place or time to be mistaken for it; too near for that, but the event cannot have made
        its picks, which come before its P; or only a location of both together tells.
        """
        apart_s = (fit.t0_ns - event.t0_ns) / NS
        d = geo.distance_km(fit.location.latitude, fit.location.longitude, event.latitude, event.longitude)
        if abs(apart_s) >= SPLIT_S or d >= SPLIT_KM:
            return "apart"
        if len(event.inliers) < SURE_SITES or event.major_km > SURE_KM:
            return "unsure"
        _, _, tp, _ = self.many_arrivals(event, [r.station for r in fit.inliers])
        after = np.array([(r.t_ns - event.t0_ns) / NS for r in fit.inliers]) - tp
        before = after < -self.tolerance_s(tp) - 1.0
        return "other" if int(before.sum()) >= OTHER_SITES else "unsure"

    def tolerance_s(self, travel_s: F64) -> F64:
        """How far from where a known event expects it P may be and yet be its own, in s."""
        result: F64 = 1.0 + self._p.model_error_share * travel_s
        return result

    def explained(self, event: EventRecord, records: Sequence[PickRecord]) -> int:
        """How many of some picks are P or S of an event."""
        return sum(self.verdict(event, r)[0] in ("fits", "S") for r in records)
