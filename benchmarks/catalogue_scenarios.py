"""The synthetic catalogue: which earthquakes, recorded by which network, with what wrong with it.

Case k of a seed is always the same, however many are asked for, so that a short run is the beginning of a
long one. Magnitudes are spread evenly over M 4 to 8 (Gutenberg-Richter would make nearly all of them M 4),
for every network and place alike; from M 6 on the source is a rupture along a line. One case in fourteen is
a pair: two events 7 s apart in one place, or at the same moment at different places.

What the truth has and the locator does not know: a crust 3 % slower and a deeper Moho than its model,
station delays, travel times off by 2.5 % of themselves (2 % smooth in azimuth, 1.5 % by station: structure
and scatter), site amplification, stress drops off by a factor of 1.6, wrong and dead stations.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
import numpy.typing as npt
from catalogue_networks import LAT0, LON0, NETWORKS, PLACES, Network, epicentre

from seiswarn.geo import azimuth_deg, distance_km, offset_deg
from seiswarn.ingest.synthetic import Scenario
from seiswarn.rupture_distance import rupture_length_km
from seiswarn.source.attenuation import LENGTH_SIGMA
from seiswarn.source.traveltime import MAX_DISTANCE_KM, first_arrivals, lookup
from seiswarn.source.velocity import layers
from seiswarn.timebase import NS

F64 = npt.NDArray[np.float64]
T0_NS = 1_700_000_000 * NS
PAIR_EVERY = 14  # 20 pairs among 280 cases: 300 events
LEAD_S = 25.0  # of noise: longer than the long-term average of the picker
GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)  # steps of this, modulo 1, fill an interval evenly at any length
SMOOTH_ERROR, SCATTER_ERROR = 0.02, 0.015
# Sato and others (2012), see point_source.coda. Without coda P dies away before S comes, and every S is as
# sharp as a new P.
SCATTERING_PER_KM = 0.01
FINITE_FROM = 6.0  # a rupture of 13 km: from here on a line, below a point
STRESS_SCATTER = 0.2  # log10: 0.4 natural units of PGA times 3/2, about tau of BSSA14
CRUST, MOHO_KM = 0.97, 35.0  # of the model located with
# Share of the stations with each fault, drawn for every case anew.
FAULTS = (("dead", 0.03), ("stuck", 0.015), ("late", 0.03), ("clock", 0.01), ("gain", 0.01), ("spiky", 0.015))


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a station. `value`: s after the origin (late), s (clock), a factor (gain)."""

    kind: str
    value: float = 0.0


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One recording: a network, its faults by station index, and one or two earthquakes."""

    index: int
    seed: int
    network: str
    place: str
    events: tuple[Scenario, ...]
    faults: dict[int, Fault]
    pair: str = ""  # "near" 7 s apart in one place, "far" at one moment, "" a single event

    @property
    def duration_s(self) -> float:
        return self.events[0].duration_s


class Earth:
    """The truth's travel times: the locator's model with a slower and thicker crust, no flattening."""

    def __init__(self, model: str = "iasp91", max_depth_km: float = 80.0) -> None:
        tops, vp, vs = layers(model)
        crust = tops < MOHO_KM
        tops = np.where(tops >= MOHO_KM, tops + 3.0, tops)
        self.p, self.s = (self._table(tops, np.where(crust, CRUST * v, v), max_depth_km) for v in (vp, vs))

    @staticmethod
    def _table(tops: F64, v: F64, max_depth_km: float) -> F64:
        depths = np.arange(0.0, max_depth_km + 2.0, 2.0)
        distances = np.arange(0.0, MAX_DISTANCE_KM + 2.0, 2.0)
        out = np.empty((len(depths), len(distances)))
        for k, depth in enumerate(depths):
            first_arrivals(tops, 1.0 / v, float(depth), distances, out[k])
        return out

    def times(self, distance: float, depth_km: float) -> tuple[float, float]:
        """P and S travel times in s."""
        return float(lookup(self.p, distance, depth_km)), float(lookup(self.s, distance, depth_km))


def path_factors(case: Case, event: int, net: Network) -> F64:
    """(n_st,) by what the travel times of an event differ from those of the model, near 1."""
    quake = case.events[event]
    rng = np.random.default_rng((case.seed, case.index, event, 77))
    azimuth = np.radians(
        [
            azimuth_deg(quake.latitude, quake.longitude, float(a), float(b))
            for a, b in zip(net.table.st_latitude, net.table.st_longitude, strict=True)
        ]
    )
    order = np.arange(1, 4)[:, None]
    a, b = rng.standard_normal((2, 3, 1)) / math.sqrt(3.0)
    smooth = (a * np.cos(order * azimuth) + b * np.sin(order * azimuth)).sum(axis=0)
    result: F64 = 1.0 + SMOOTH_ERROR * smooth + SCATTER_ERROR * rng.standard_normal(len(azimuth))
    return result


def cases(seed: int, n_events: int) -> list[Case]:
    """The first cases of the catalogue, at least `n_events` earthquakes."""
    out: list[Case] = []
    told = 0
    while told < n_events:
        out.append(case(seed, len(out)))
        told += len(out[-1].events)
    return out


def case(seed: int, index: int) -> Case:
    """Case `index` of the catalogue with this seed."""
    rng = np.random.default_rng((seed, index))
    pairs_before = (index + PAIR_EVERY // 2) // PAIR_EVERY
    is_pair = index % PAIR_EVERY == PAIR_EVERY // 2
    k = pairs_before if is_pair else index - pairs_before
    name, place = NETWORKS[k % 3], PLACES[k // 3 % 3]
    strata = (0.5 + GOLDEN * (k // 9) + k % 9 / 9.0) % 1.0
    if not is_pair:
        events = (_event(rng, seed, index, name, place, 4.0 + 4.0 * strata),)
        pair = ""
    else:
        pair = "near" if k % 2 == 0 else "far"
        events = _pair(rng, seed, index, name, place, pair)
    n_stations = {"dense": 81, "regional": 64, "coastal": 36}[name]
    return Case(
        index=index, seed=seed, network=name, place=place, events=events,
        faults=_faults(rng, n_stations), pair=pair,
    )  # fmt: skip


def _event(
    rng: np.random.Generator, seed: int, index: int, name: str, place: str, mw: float, after_s: float = 0.0
) -> Scenario:
    north, east = epicentre(name, place, rng)
    return _scenario(rng, seed, 2 * index, (north, east), mw, after_s)


def _depth(rng: np.random.Generator, mw: float) -> float:
    """2 to 60 km, half of them above 12 km, one in seven from 25 km on; large ruptures start at 8 km."""
    deep = rng.random() < 0.15
    depth = rng.uniform(25.0, 60.0) if deep else 2.0 + rng.gamma(2.0, 5.0)
    return float(np.clip(depth, 8.0 if mw > 6.5 else 2.0, 30.0 if mw > 7.0 else 60.0))


def _scenario(
    rng: np.random.Generator, seed: int, number: int, place: tuple[float, float], mw: float, after_s: float
) -> Scenario:
    latitude, longitude = offset_deg(LAT0, LON0, *place)
    rupture_km, strike_deg, behind = _rupture(seed, number, mw)
    return Scenario(
        origin_ns=T0_NS + round(100.0 * after_s) * (NS // 100),  # on the sampling grid
        latitude=round(latitude, 5),
        longitude=round(longitude, 5),
        depth_km=round(_depth(rng, mw), 2),
        mw=round(mw, 2),
        stress_drop_mpa=round(
            float(np.clip(10.0 ** (1.0 + STRESS_SCATTER * rng.standard_normal()), 3.0, 30.0)), 2
        ),
        seed=1_000_000 * seed + number,
        lead_s=LEAD_S + after_s,
        duration_s=LEAD_S + (80.0 if mw > 6.5 else 65.0),
        noise_db=round(float(rng.uniform(-12.0, -2.0)), 1),
        scattering_per_km=SCATTERING_PER_KM,
        rupture_km=rupture_km,
        strike_deg=strike_deg,
        rupture_behind=behind,
    )


def _rupture(seed: int, number: int, mw: float) -> tuple[float, float, float]:
    """Length (km), strike (degrees) and share behind the hypocentre, for M 6 and more; else a point.

    Wells and Coppersmith (1994) with their scatter; any strike; two in five run to one side only.
    """
    rng = np.random.default_rng((seed, number, 3))
    length = rupture_length_km(mw) * 10.0 ** (LENGTH_SIGMA * float(rng.standard_normal()))
    strike, behind, one_sided = float(rng.uniform(0.0, 360.0)), float(rng.random()), rng.random() < 0.4
    if mw < FINITE_FROM:
        return 0.0, 0.0, 0.5
    return round(length, 1), round(strike, 1) % 360.0, 0.0 if one_sided else round(behind, 2)


def _pair(
    rng: np.random.Generator, seed: int, index: int, name: str, place: str, pair: str
) -> tuple[Scenario, ...]:
    """Two events of M 4.5 to 6.4: in one place 7 s apart, or within 2 s at 80 km or more from each other."""
    first = epicentre(name, place, rng)
    m1, m2 = rng.uniform(4.6, 6.4, 2)
    if pair == "near":
        # The second is the larger one: a smaller one is hidden in the S waves of the first.
        m1, m2 = sorted((m1, m2))
        second = (first[0] + rng.uniform(-5.0, 5.0), first[1] + rng.uniform(-5.0, 5.0))
        after_s = 7.0
    else:
        second, after_s = first, float(rng.uniform(0.0, 2.0))
        while math.hypot(second[0] - first[0], second[1] - first[1]) < 80.0:
            second = epicentre(name, PLACES[int(rng.integers(2))], rng)
    a = _scenario(rng, seed, 2 * index, first, float(m1), 0.0)
    b = _scenario(rng, seed, 2 * index + 1, second, float(m2), after_s)
    # One ground: the noise comes with the first. Both last as long as the second needs.
    length = a.duration_s + math.ceil(after_s)
    return (
        msgspec.structs.replace(a, duration_s=length),
        msgspec.structs.replace(b, duration_s=length, noise_db=-300.0),
    )


def _faults(rng: np.random.Generator, n_stations: int) -> dict[int, Fault]:
    found = {}
    for station in range(n_stations):
        draw, value = rng.random(), rng.random()
        for kind, share in FAULTS:
            if draw < share:
                found[station] = Fault(kind, _fault_value(kind, value))
                break
            draw -= share
    return found


def _fault_value(kind: str, u: float) -> float:
    if kind == "late":
        return round(-10.0 + 30.0 * u, 2)  # alive this long after the origin
    if kind == "clock":
        return 3.0 if u < 0.5 else -3.0
    if kind == "gain":
        return (0.01, 0.1, 10.0, 100.0)[int(4.0 * u)]
    return 0.0


def floor_s(quake: Scenario, case: Case, net: Network, earth: Earth, event: int) -> float:
    """When P has reached the fourth station that gives true data, s after the origin (without extras)."""
    factor = path_factors(case, event, net)
    times = []
    for k in range(net.table.n_stations):
        fault = case.faults.get(k)
        d = distance_km(
            quake.latitude, quake.longitude, float(net.table.st_latitude[k]), float(net.table.st_longitude[k])
        )
        t = earth.times(d, quake.depth_km)[0] * float(factor[k]) + float(net.delay_p_s[k])
        if fault is None or (fault.kind == "late" and fault.value + 5.0 < t):
            times.append(t)
    return sorted(times)[3]
