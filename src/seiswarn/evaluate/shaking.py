"""The shaking of one set, station by station: what was felt, and what had been forecast for it.

A row per site whose largest usable sensor holds the whole earthquake and was not dead. What is scored is
the last forecast by then of the event that was warned of first, at the first alert and some seconds after
it, at the sites that S had not reached at that moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seiswarn.evaluate.catalogue import Quake
from seiswarn.evaluate.chains import chains
from seiswarn.evaluate.foreseen import Foreseen, Place
from seiswarn.evaluate.heard import Heard, Reached
from seiswarn.evaluate.lead import observed_s
from seiswarn.evaluate.matching import Rules, by_event, first_ns, nearest
from seiswarn.evaluate.recording import UNKNOWN_DEPTH_KM
from seiswarn.shaking.params import Params
from seiswarn.shaking.relations import Relations, Source
from seiswarn.timebase import from_seconds, seconds

F64 = npt.NDArray[np.float64]
MOMENTS = {"first": 0.0, "at_5s": 5.0, "at_10s": 10.0, "at_20s": 20.0}
METHODS = ("source", "wavefield", "combined")
THRESHOLDS = (3.0, 5.0, 6.0, 7.0)
# A sensor that shows no P, and has felt so much less than the relations say of the catalogue's earthquake,
# was not recording: a normal distribution has one in thirty thousand there.
DEAD_SIGMAS = 4.0
NOTHING = 1.0  # intensity where the wavefield says nothing: the lowest degree
Row = dict[str, Any]


def station_rows(heard: Heard, params: Params, rules: Rules) -> list[Row]:
    """One row per site, by distance; empty without an earthquake in the catalogue.

    Each has `station`, `distance_km`, `observed` (the intensity finally observed), `s_s` (S after the
    origin), `crossed` (seconds after the origin at which the peaks so far made each threshold; None:
    never), `true_source` (the relations' answer for the catalogue's place and magnitude, a point),
    `reached` (for each method and threshold when a forecast first said so, not before the first alert)
    and for each moment of `MOMENTS` the forecasts `source`, `wavefield`, `combined` and the `sigma` of the
    last; None when S was there already or nothing had been said.
    """
    if not heard.catalogue:
        return []
    relations = Relations(params)
    quake, places = heard.catalogue[0], {p.site: k for k, p in enumerate(heard.places)}
    picked: dict[str, list[float]] = {}
    for pick in heard.picks:
        if pick.phase == "S":
            picked.setdefault(pick.station, []).append(seconds(pick.t_ns - quake.time_ns))
    start_ns, said = leading(heard, rules)
    truth = true_source(relations, quake, heard.places)
    rows = []
    for reached, felt in _sensors(heard, relations):
        k = places[reached.site]
        if truth is not None and not reached.saw_p and felt[-1, 1] < truth[0][k] - DEAD_SIGMAS * truth[1][k]:
            continue
        s_s, _ = observed_s(reached, picked.get(reached.station, []))
        rows.append(
            {
                "station": reached.station,
                "distance_km": reached.distance_km,
                "observed": float(felt[-1, 1]),
                "s_s": round(s_s, 3),
                "true_source": None if truth is None else round(float(truth[0][k]), 3),
                "crossed": {f"{t:g}": _crossing(felt, t) for t in THRESHOLDS},
                **_forecast(k, quake, s_s, start_ns, said),
            }
        )
    return rows


def leading(heard: Heard, rules: Rules) -> tuple[int | None, list[Foreseen]]:
    """When the largest earthquake was first warned of, and all forecasts of that event in order of time.

    The event that spoke first, with those that it goes on from or that go on with it.
    """
    root = chains([*heard.alerts, *heard.estimates])
    groups = by_event(heard.alerts, root)
    mine = {e: g for e, g in groups.items() if nearest(g, heard.catalogue, rules) == 0}
    starts = [(t, event) for event, group in mine.items() if (t := first_ns(group)) is not None]
    if not starts:
        return None, []
    start_ns, leader = min(starts)
    said = [f for f in heard.foreseen if root.get(f.event_id, f.event_id) == leader]
    return start_ns, sorted(said, key=lambda f: f.t_seen_ns)


def at_moment(said: Sequence[Foreseen], t_ns: int) -> Foreseen | None:
    """The last forecast by then; one of a located source before one of the wavefield alone."""
    past = [f for f in said if f.t_seen_ns <= t_ns]
    return next((f for f in reversed(past) if f.located), past[-1] if past else None)


def true_source(relations: Relations, quake: Quake, places: Sequence[Place]) -> tuple[F64, F64] | None:
    """Intensity (n,) of the relations with the catalogue's magnitude, place and depth, and its sigma (n,).

    As of a point source: no catalogue here has a rupture.
    """
    if quake.magnitude is None or not places:
        return None
    depth_km = UNKNOWN_DEPTH_KM if quake.depth_km is None else max(quake.depth_km, 0.0)
    source = Source(quake.magnitude, 0.0, quake.latitude, quake.longitude, depth_km)
    columns = (np.array([getattr(p, name) for p in places]) for name in ("latitude", "longitude", "vs30_mps"))
    shaking = relations.at(source, relations.sites(*columns))
    return shaking.intensity, shaking.sigma


def _sensors(heard: Heard, relations: Relations) -> list[tuple[Reached, F64]]:
    """The sensor of each site that felt most among those that hold the earthquake, nearest first.

    Beside it what it felt: seconds after the origin, and intensity of the peaks until then, (n, 2).
    """
    quake, sites = heard.catalogue[0], {p.site for p in heard.places}
    best: dict[int, tuple[Reached, F64]] = {}
    for row in heard.reached[0]:
        felt, span = heard.felt.get(row.station), heard.spans.get(row.station)
        if felt is None or span is None or row.site not in sites or not felt.is_whole(span):
            continue
        intensity = relations.observed(np.array(felt.pga_mps2), np.array(felt.pgv_mps)).round(3)
        grown = np.stack([(np.array(felt.t_ns) - quake.time_ns) / 1e9, np.maximum.accumulate(intensity)], 1)
        if row.site not in best or grown[-1, 1] > best[row.site][1][-1, 1]:
            best[row.site] = (row, grown)
    return sorted(best.values(), key=lambda b: (b[0].distance_km, b[0].station))


def _crossing(felt: F64, threshold: float) -> float | None:
    """Seconds after the origin at which the intensity so far reached `threshold`."""
    k = int(np.searchsorted(felt[:, 1], threshold))
    return round(float(felt[k, 0]), 3) if k < len(felt) else None


def _forecast(k: int, quake: Quake, s_s: float, start_ns: int | None, said: Sequence[Foreseen]) -> Row:
    """The forecasts for place `k`: at each moment, and when they first reached each threshold."""
    never = {f"{t:g}": None for t in THRESHOLDS}
    if start_ns is None:
        return {**dict.fromkeys(MOMENTS), "reached": dict.fromkeys(METHODS, never)}
    found: Row = {}
    for name, dt in MOMENTS.items():
        t_ns = start_ns + from_seconds(dt)
        last = at_moment(said, t_ns)
        late = seconds(t_ns - quake.time_ns) >= s_s
        found[name] = None if late or last is None else _values(last, k)
    times = np.array([max(f.t_seen_ns, start_ns) - quake.time_ns for f in said]) / 1e9
    found["reached"] = {}
    for method in METHODS:
        values = np.array([f.column(method)[k] for f in said])
        found["reached"][method] = {f"{t:g}": _first(times, values >= t) for t in THRESHOLDS}
    return found


def _first(times: F64, yes: npt.NDArray[np.bool_]) -> float | None:
    return round(float(times[np.argmax(yes)]), 3) if yes.any() else None


def _values(last: Foreseen, k: int) -> Mapping[str, float]:
    """A forecast at one place; what is not said is the lowest degree."""
    values = {name: max(NOTHING, round(float(last.column(name)[k]), 3)) for name in METHODS}
    return {**values, "sigma": round(float(last.column("sigma")[k]), 3)}
