"""Locating a set of picks, and saying which of them agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seiswarn import geo
from seiswarn.source.estimators.point import Location, PointSource, Readings
from seiswarn.source.models import Models
from seiswarn.source.params import Params
from seiswarn.source.records import Memory, PickRecord
from seiswarn.source.traveltime import TravelTimes
from seiswarn.stations import StationTable
from seiswarn.timebase import NS, from_seconds

F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

INLIER_SIGMAS = 3.0
SETTLE_NS = 3 * NS  # a station must have been alive this long before its silence says anything
MAX_SILENT = 30  # stations without a pick that a location asks
MAX_ASKED = 150  # sites looked at for these: near a large event most have a pick, far off few hear it
MAX_S = 10  # S onsets in a location, the earliest
MAX_ORDERS = 256  # sites whose neighbours are known by heart
# S against a 1-D model: soft ground delays it by a second and more where P loses tenths.
S_READING_S = 1.0
# A weak P is read where it leaves the noise: late by what it takes to rise, the later the less it stands out.
EMERGENT_S = 1.5
AMPLITUDE_WINDOW_S = 3.0  # P amplitudes are compared over no longer windows: S is near
MAX_AMPLITUDES = 10
NOISE_RATIO = 2.0  # a displacement that hardly rises above what was there before is no amplitude
DECAY = 1.374  # of P amplitudes with distance (Wu and Zhao 2006)
# A trigger needs an amplitude some 3.5 times the noise (12 in power); a P that is expected 6 times above,
# less one sigma of 0.3 in log10 for radiation and site, should have triggered.
AUDIBLE_LOG = math.log10(6.0) + 0.3
NEAREST_KM = 15.0  # to the source, where only the first station is known


@dataclass(frozen=True, slots=True)
class Fit:
    """A location of a set of picks, and which of them agree with it.

    `with_s` are the sites whose S onset agrees too, `misfits` those whose amplitude is far off or whose
    trace is a pulse and no wave train, `n_missing` the live stations that should have triggered and did
    not.
    """

    location: Location
    t0_ns: int
    records: tuple[PickRecord, ...]
    inliers: tuple[PickRecord, ...]
    with_s: tuple[int, ...]
    misfits: tuple[int, ...]
    rms_s: float
    n_missing: int

    @property
    def triggered_share(self) -> float:
        """Share of the live stations within reach of the picks that have triggered."""
        n = len(self.inliers)
        return n / (n + self.n_missing) if n else 0.0


class Fitter:
    """Locates picks with one travel-time model over one station table."""

    def __init__(self, params: Params, table: StationTable, travel_times: TravelTimes) -> None:
        self._p = params
        self._table = table
        self.models = Models(params, travel_times)
        self._sources = {id(times): PointSource(params, times) for times in self.models.all}
        self.site_stations: dict[int, list[int]] = {}
        for station, site in enumerate(table.st_site.tolist()):
            self.site_stations.setdefault(site, []).append(station)
        self._sites = list(self.site_stations)
        self._leading = [stations[0] for stations in self.site_stations.values()]
        self._neighbours: dict[
            int, tuple[list[int], list[float]]
        ] = {}  # follows from the table alone, so no part of the state

    def fit(
        self,
        records: Sequence[PickRecord],
        near: tuple[float, float] | None,
        memory: Memory,
        s_only: Sequence[PickRecord] = (),
    ) -> Fit:
        """Locate `records` (one per site) and say which agree.

        `near` is the last solution (latitude, longitude), around which alone is searched. `s_only` are
        picks of S at sites that have no P: they help to locate and count for nothing else.
        """
        chosen = sorted(records, key=lambda r: (r.t_ns, r.station))[: self._p.max_picks]
        zero = chosen[0].t_ns
        silent = self._silent({r.site for r in (*records, *s_only)}, chosen, memory)
        heard_s = [r for r in chosen if r.s_trusted]
        s_onsets = [(r.station, r.s_t_ns, r.s_sigma_s) for r in heard_s[:MAX_S]]
        n_own = len(s_onsets)
        s_onsets += [(r.station, r.t_ns, r.sigma_s) for r in s_only[: MAX_S - n_own]]
        readings = self._readings(chosen, s_onsets, silent, zero, memory)
        first = chosen[0].station
        place = near or (float(self._table.st_latitude[first]), float(self._table.st_longitude[first]))
        times = self.models.at(*place)
        location = self._sources[id(times)].locate(readings, near)
        agrees = np.abs(location.residuals_s) <= INLIER_SIGMAS * location.errors_s
        good, of_p = agrees[: len(chosen)], location.residuals_s[: len(chosen)]
        of_s = agrees[len(chosen) : len(chosen) + n_own].tolist()
        inliers = tuple(r for r, ok in zip(chosen, good, strict=True) if ok)
        return Fit(
            location=location,
            t0_ns=zero + from_seconds(location.t0_s),
            records=tuple(chosen),
            inliers=inliers,
            with_s=tuple(r.site for r, ok in zip(heard_s, of_s, strict=False) if ok),
            misfits=(
                *self._misfits(location, readings, chosen),
                *(r.site for r in chosen if r.is_pulse),
            ),
            rms_s=_rms(of_p[good] if good.any() else of_p),
            n_missing=self._n_missing(location, readings, good, times),
        )

    def _readings(
        self,
        chosen: Sequence[PickRecord],
        s_onsets: Sequence[tuple[int, int, float]],
        silent: Sequence[int],
        zero: int,
        memory: Memory,
    ) -> Readings:
        lat, lon = self._table.st_latitude, self._table.st_longitude
        stations = [r.station for r in chosen] + [s for s, _, _ in s_onsets]
        times = [r.t_ns for r in chosen] + [t for _, t, _ in s_onsets]
        sigmas = [math.hypot(r.sigma_s, EMERGENT_S / max(r.snr, 1.0)) for r in chosen] + [
            math.hypot(x, S_READING_S) for _, _, x in s_onsets
        ]
        at = list(silent)
        return Readings(
            latitude=lat[stations],
            longitude=lon[stations],
            n_p=len(chosen),
            t_s=np.array([(t - zero) / NS for t in times]),
            sigma_s=np.array(sigmas),
            log_a=_log_amplitudes(chosen),
            silent_latitude=lat[at],
            silent_longitude=lon[at],
            silent_from_s=np.array([(memory.live_from_ns[s] + SETTLE_NS - zero) / NS for s in at]),
            silent_to_s=np.array([(memory.live_to_ns[s] - zero) / NS for s in at]),
        )

    # --- stations that have not triggered ---------------------------------------------------

    def _silent(self, taken: set[int], chosen: Sequence[PickRecord], memory: Memory) -> list[int]:
        """One live station per site without a pick, of the sites nearest to the first one picked.

        Only stations nearer to the source than the picks are ever held against it, and each
        costs as much work as a pick: so a bounded number of the nearest. Those whose noise would hide
        a P as strong as the picks say are not asked.
        """
        out: list[int] = []
        live, barred = memory.live_to_ns, memory.trust.barred
        order, away = self._nearest(chosen[0].station)
        strength = self._strength(chosen, memory)
        for site, distance in zip(order, away, strict=True):
            if site in taken:
                continue
            asked = self.site_stations[site]
            if (
                barred
            ):  # the silence of a station that is not believed says nothing; when one fell silent, `live`
                asked = [s for s in asked if s not in barred or barred[s][0] == "down"]
                if not asked:
                    continue
            station = max(asked, key=lambda s: (live[s], -s))
            if live[station] and self._audible(station, distance, strength, memory):
                out.append(station)
                if len(out) == MAX_SILENT:
                    break
        return out

    def _strength(self, chosen: Sequence[PickRecord], memory: Memory) -> float:
        """Median log10 of the picks' amplitudes in the picking band, taken back to 1 km; NaN if not known."""
        lat, lon, first = self._table.st_latitude, self._table.st_longitude, chosen[0].station
        known = [r for r in chosen if r.snr > 0.0 and memory.noise_mps2[r.station] > 0.0]
        if not known:
            return math.nan
        at = [r.station for r in known]
        d = geo.distances_km(float(lat[first]), float(lon[first]), lat[at], lon[at])
        a = np.array([r.snr * memory.noise_mps2[r.station] for r in known])
        return float(np.median(np.log10(a) + DECAY * np.log10(np.hypot(d, NEAREST_KM))))

    def _audible(self, station: int, distance_km: float, strength: float, memory: Memory) -> bool:
        """Whether a station that far from the first one should have triggered."""
        noise = memory.noise_mps2[station]
        if noise <= 0.0 or math.isnan(strength):
            return True
        expected = strength - DECAY * math.log10(math.hypot(distance_km, NEAREST_KM))
        return expected - math.log10(noise) > AUDIBLE_LOG

    def _nearest(self, station: int) -> tuple[list[int], list[float]]:
        """The sites nearest to a station, and how far they are."""
        site = int(self._table.st_site[station])
        found = self._neighbours.get(site)
        if found is None:
            if len(self._neighbours) >= MAX_ORDERS:
                self._neighbours.clear()
            lead, lat, lon = self._leading, self._table.st_latitude, self._table.st_longitude
            here = self.site_stations[site][0]
            away = geo.distances_km(float(lat[here]), float(lon[here]), lat[lead], lon[lead])
            order = np.argsort(away, kind="stable")[:MAX_ASKED]
            found = [self._sites[k] for k in order.tolist()], away[order].tolist()
            self._neighbours[site] = found
        return found

    def _n_missing(self, location: Location, r: Readings, good: Bools, times: TravelTimes) -> int:
        """How many live stations within the distance of the fitting picks should have triggered by now."""
        if not good.any() or not r.silent_to_s.size:
            return 0
        far = float(location.distances_km[: r.n_p][good].max())
        d = geo.distances_km(location.latitude, location.longitude, r.silent_latitude, r.silent_longitude)
        tt, _ = times.times(d, location.depth_km)
        due = location.t0_s + tt
        return int(
            np.sum(
                (d < far)
                & (r.silent_from_s < due)
                & (due + 1.0 + self._p.model_error_share * tt < r.silent_to_s)
            )
        )

    # --- amplitudes --------------------------------------------------------------------------

    def _misfits(self, location: Location, r: Readings, chosen: Sequence[PickRecord]) -> tuple[int, ...]:
        """Sites whose P amplitude is off by ten times and more against the others, distance allowed for."""
        known = np.flatnonzero(np.isfinite(r.log_a))
        if known.size < 2:
            return ()
        hypocentral = np.hypot(location.distances_km[known], location.depth_km)
        level = r.log_a[known] + DECAY * np.log10(np.maximum(hypocentral, 1.0))
        off = np.abs(level - np.median(level)) > 1.0
        return tuple(chosen[k].site for k in known[off].tolist())


def _rms(x: F64) -> float:
    return float(np.sqrt(np.mean(x**2)))


def _log_amplitudes(chosen: Sequence[PickRecord]) -> F64:
    """log10 of Pd over one window for the first of `chosen` that have it, NaN for the others."""
    pd = [{w: a for w, a, clipped in r.windows if not clipped and w <= AMPLITUDE_WINDOW_S} for r in chosen]
    out = np.full(len(chosen), np.nan)
    usable = [(r, windows) for r, windows in zip(chosen, pd, strict=True) if windows]
    if len(usable) < 2:
        return out
    # The longest window that two thirds of them have seen: long ones tell more, more stations too.
    longest = sorted((max(windows) for _, windows in usable), reverse=True)
    window = longest[max(1, math.ceil(2 * len(longest) / 3) - 1)]
    n = 0
    for k, (r, windows) in enumerate(zip(chosen, pd, strict=True)):
        a = windows.get(window, 0.0)
        if a > NOISE_RATIO * r.noise_d_m and n < MAX_AMPLITUDES:
            out[k] = math.log10(a)
            n += 1
    return out
