"""What the stations of an event say about its size: peaks chosen, turned into station magnitudes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seiswarn.source.association import Associator, coda_s
from seiswarn.source.fusion import StationValue
from seiswarn.source.magnitude import REGISTRY, tau_c
from seiswarn.source.magnitude.base import F64, MagnitudeRelation, Path, saturation_magnitude
from seiswarn.source.params import Params
from seiswarn.source.records import PEAKS, EventRecord, Memory, PickRecord
from seiswarn.stations import StationTable
from seiswarn.timebase import NS
from seiswarn.trust import tier_weights

MIN_WINDOW_S = 0.5
S_MARGIN = 0.1  # a P window ends this share of S-P, at least, before S is due
MAX_MAGNITUDE_SITES = 40
# A peak that hardly rises above what was there before the onset is not the source's.
MIN_AMPLITUDE_SNR = 2.0
# A peak that still rises, in a window not much longer than the rupture of its magnitude lasts (three times: 2
# log10 3 in `saturation_magnitude`), is a lower bound: by how much more, only the prior says.
GROWING_NS = int(1.5 * NS)
STILL_GROWING = 0.95
P_RELATION = REGISTRY["Mpd"]
S_RELATIONS: tuple[tuple[MagnitudeRelation, int], ...] = tuple(
    (REGISTRY[name], PEAKS.index(REGISTRY[name].AMPLITUDE)) for name in ("Mdisp", "Mpgv", "ML")
)


@dataclass(slots=True)
class _Reading:
    """One amplitude on its way to a magnitude."""

    station: str
    amplitude: float
    epicentral_km: float
    line_km: float
    window_s: float
    grows: bool
    weight: float
    tau_c_s: float = 0.0  # of P amplitudes


class Amplitudes:
    """Station magnitudes of events."""

    def __init__(self, params: Params, table: StationTable, associator: Associator) -> None:
        self._p = params
        self._table = table
        self._associator = associator
        self._tiers = tier_weights(table, params.ordinary_weight)

    def station_values(self, event: EventRecord, memory: Memory) -> list[StationValue]:
        """Values of the nearest fitting sites, each from the sensor there that did not clip.

        A site may say something by each relation: by P until S comes, by the whole wave train from then on.
        """
        standing = memory.fitting(event)
        if not standing:
            return []
        stations = [r.station for r in standing]
        away, _, tp, ts = self._associator.many_arrivals(event, stations)
        line = self._associator.line_distances(event, stations)
        heard_s = max(self._p.s_window_s, coda_s(event.magnitude))
        until_ns = event.t0_ns + ((ts + heard_s) * NS).astype(np.int64)
        found: dict[str, list[_Reading]] = {}
        n = 0
        for k in np.argsort(away, kind="stable").tolist():
            record = standing[k]
            record.until_ns = int(until_ns[k])
            if n == MAX_MAGNITUDE_SITES:
                continue
            for r in itertools.chain((record,), self._associator.twins(record, memory)):
                r.until_ns = record.until_ns
                place = (self._table.stations[r.station], float(away[k]), float(line[k]))
                weight = self._tiers[r.station] * memory.trust.weight(r.station)
                if self._read(event, r, float(tp[k]), float(ts[k]), place, weight, found):
                    n += 1
                    break
        return list(itertools.chain.from_iterable(self._values(kind, found[kind], event) for kind in found))

    def _read(
        self,
        event: EventRecord,
        r: PickRecord,
        tp: float,
        ts: float,
        place: tuple[str, float, float],
        weight: float,
        found: dict[str, list[_Reading]],
    ) -> bool:
        """Put what one sensor says with the others; whether it said anything."""
        if r.is_pulse:
            return False
        code, away, line = place
        s_ns = event.t0_ns + int(ts * NS)
        said = False
        since_s = (r.motion_to_ns - s_ns) / NS
        grows = r.motion_to_ns - r.grew_ns < GROWING_NS
        if since_s >= self._p.s_window_s and not r.clipped:
            for relation, at in S_RELATIONS:
                if r.peaks[at] > MIN_AMPLITUDE_SNR * r.quiet[at]:
                    found.setdefault(relation.NAME, []).append(
                        _Reading(code, r.peaks[at], away, line, since_s, grows, weight)
                    )
                    said = True
        window = r.longest_window(r.p_lasts_s((s_ns - r.t_ns) / NS - S_MARGIN * (ts - tp)))
        if (
            window is not None
            and window[0] >= MIN_WINDOW_S
            and not window[2]
            and window[1] > MIN_AMPLITUDE_SNR * r.noise_d_m
        ):
            found.setdefault(P_RELATION.NAME, []).append(
                _Reading(code, window[1], away, line, window[0], r.pd_grows(window[0]), weight, r.tau_c_s)
            )
            said = True
        return said

    def _values(self, kind: str, readings: list[_Reading], event: EventRecord) -> Iterator[StationValue]:
        """Readings of one relation as station magnitudes."""
        relation = REGISTRY[kind]
        away, line = _column(readings, "epicentral_km"), _column(readings, "line_km")
        path = Path(away, event.depth_km, line if event.line is not None else None)
        m, per_decade = relation.magnitudes(_column(readings, "amplitude"), path)
        for r, value, spread in zip(readings, m.tolist(), per_decade.tolist(), strict=True):
            heard = saturation_magnitude(r.window_s)
            saturation = min(heard, relation.SATURATES_AT)
            if r.grows and value > heard - STILL_GROWING:
                saturation = min(saturation, value)
            yield StationValue(
                station=r.station,
                kind=kind,
                value=value,
                sigma=spread * relation.sigma(r.window_s) * tau_c.trust(r.tau_c_s, value),
                saturation=saturation,
                window_s=r.window_s,
                event_sigma=relation.EVENT_SIGMA,
                window_top=heard,
                weight=r.weight,
            )


def _column(readings: list[_Reading], name: str) -> F64:
    return np.array([getattr(r, name) for r in readings])
