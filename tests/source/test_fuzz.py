"""Whatever the waveform stage sends, in any order: the source stage goes on, says only numbers, forgets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import pytest

from seiswarn.messages import (
    ChannelQuality,
    DataError,
    Decision,
    EventEstimate,
    Message,
    Motions,
    Pick,
    PWindow,
    Slice,
    encode,
)
from seiswarn.source.params import Params
from seiswarn.source.stage import SourceStage
from seiswarn.source.traveltime import TravelTimes
from seiswarn.stations import StationTable
from seiswarn.timebase import NS, from_seconds
from tests.source.conftest import LAT0, LON0, T0, Feed, Quake, make_table

EXTREMES = (0.0, 5e-324, 1e-12, 1e-6, 1e-3, 1.0, 1e6, 1e30)
BROKEN = (math.nan, math.inf, -math.inf)
PLACES = {"plain": (LAT0, LON0), "date line": (52.0, 179.95), "pole": (89.99, 10.0)}
SLICES = 250
Batches = list[tuple[int, list[Message]]]


def random_table(rng: np.random.Generator, place: tuple[float, float]) -> StationTable:
    """1 to 40 stations, some in one place, some of these at one site, spread over 10 to 300 km."""
    n = int(rng.integers(1, 41))
    spread = 10.0 ** rng.uniform(1.0, 2.5)
    places = rng.uniform(-spread, spread, (n, 2))
    sites = np.arange(n)
    for k in range(1, n):
        if rng.random() < 0.2:
            twin = int(rng.integers(0, k))
            places[k] = places[twin]
            if rng.random() < 0.5:
                sites[k] = sites[twin]
    _, sites = np.unique(sites, return_inverse=True)
    table = make_table([(float(a), float(b)) for a, b in places], sites.tolist())
    return moved(table, place)


def moved(table: StationTable, place: tuple[float, float]) -> StationTable:
    """The same stations around another place: degrees east stretched as there."""
    stretch = math.cos(math.radians(LAT0)) / max(math.cos(math.radians(place[0])), 1e-3)
    table.st_latitude[:] = np.clip(table.st_latitude - LAT0 + place[0], -90.0, 90.0)
    table.st_longitude[:] = (place[1] + stretch * (table.st_longitude - LON0) + 180.0) % 360.0 - 180.0
    return table


class Garbage:
    """Messages about the stations of a table, about times near `now`, as wrong as they may be."""

    def __init__(self, rng: np.random.Generator, table: StationTable, broken: bool) -> None:
        self.rng, self.table, self.broken = rng, table, broken
        self.ids: list[str] = []

    def amount(self) -> float:
        if self.broken and self.rng.random() < 0.05:
            return float(self.rng.choice(BROKEN))
        if self.rng.random() < 0.3:
            return float(self.rng.choice(EXTREMES))
        return float(10.0 ** self.rng.uniform(-7.0, 0.0))

    def station(self) -> int:
        return int(self.rng.integers(0, self.table.n_stations))

    def code(self, station: int) -> str:
        return "XX.NONE..HN" if self.rng.random() < 0.03 else self.table.stations[station]

    def time(self, now_ns: int) -> int:
        if self.rng.random() < 0.05:
            return now_ns + int(self.rng.choice([-86400, -3600, -450, -300, 60, 3600, 20 * 365 * 86400])) * NS
        return now_ns - from_seconds(float(self.rng.uniform(0.0, 15.0)))

    def known(self) -> str:
        if not self.ids or self.rng.random() < 0.1:
            return "nothing"
        return self.ids[max(0, len(self.ids) - 1 - int(self.rng.exponential(10.0)))]

    def pick(self, now_ns: int, t_ns: int | None = None) -> Pick:
        s = self.station()
        t_ns = self.time(now_ns) if t_ns is None else t_ns
        of_s = bool(self.rng.random() < 0.3)
        again = self.known() if self.rng.random() < 0.05 else f"{s}/{t_ns}/{len(self.ids)}"
        if not of_s:
            self.ids.append(again)
        return Pick(
            pick_id=again,
            station=self.code(s),
            channel=self.table.channels[s],
            t_ns=t_ns,
            uncertainty_s=float(self.rng.choice([0.0, 0.01, 0.1, 1.0, 30.0])),
            snr=float(self.rng.choice([0.0, 1.0, 5.0, 30.0, 1e4, 1e12])),
            polarity=int(self.rng.integers(-1, 2)),
            noise_d_m=float(self.rng.choice([0.0, 1e-9, 1e-6, 1e-2])),
            phase="S" if of_s else "P",
            p_pick_id=self.known() if of_s else "",
            t_seen_ns=now_ns,
            status="test",
        )

    def window(self, now_ns: int) -> PWindow:
        length = float(self.rng.choice([0.0, 0.5, 1.0, 2.0, 3.0, 10.0, 1e4]))
        return PWindow(
            pick_id=self.known(),
            station=self.table.stations[self.station()],
            t_ns=now_ns,
            window_s=length,
            pa_mps2=self.amount(),
            pv_mps=self.amount(),
            pd_m=self.amount(),
            tau_c_s=self.amount(),
            tau_p_max_s=self.amount(),
            iv2_m2ps=self.amount(),
            zero_crossings=int(self.rng.integers(0, 50)),
            clipped=bool(self.rng.random() < 0.1),
            t_seen_ns=now_ns,
            status="test",
        )

    def motions(self, now_ns: int) -> Motions:
        rows = np.flatnonzero(self.rng.random(self.table.n_stations) < 0.9).tolist()
        columns = [tuple(self.amount() for _ in rows) for _ in range(5)]
        old = bool(self.rng.random() < 0.2)
        return Motions(
            t_seen_ns=now_ns,
            stations=tuple(self.code(s) for s in rows),
            t_ns=tuple(self.time(now_ns) for _ in rows),
            n_components=(3,) * len(rows),
            pga_mps2=columns[0],
            pgv_mps=columns[1],
            pgd_m=columns[2],
            mechanical_pgd_m=() if old else columns[3],
            wood_anderson_m=() if old else columns[4],
            intensity_gbt=(0.0,) * len(rows),
            intensity_jma=(0.0,) * len(rows),
            clipped=tuple(bool(x) for x in self.rng.random(len(rows)) < 0.05),
            status="test",
        )

    def quality(self, now_ns: int) -> ChannelQuality:
        n = self.table.n_stations
        return ChannelQuality(
            t_seen_ns=now_ns,
            channels=self.table.channels,
            t_ns=(now_ns,) * n,
            offset_counts=(0.0,) * n,
            rms_mps2=(0.0,) * n,
            noise_mps2=tuple(self.amount() for _ in range(n)),
            spikes=(0,) * n,
            clipped=(0,) * n,
            flat_s=(0.0,) * n,
            flags=(0,) * n,
            status="test",
        )

    def some(self, now_ns: int) -> list[Message]:
        """What one slice holds, shuffled; now and then picks all over the network at nearly one moment."""
        rng = self.rng
        out: list[Message] = [self.pick(now_ns) for _ in range(rng.poisson(0.5))]
        if rng.random() < 0.02:
            t = self.time(now_ns)
            apart = float(rng.choice([0.0, 0.01, 1.0, 8.0]))
            out += [self.pick(now_ns, t + from_seconds(float(rng.normal(0, apart)))) for _ in range(25)]
        out += [self.window(now_ns) for _ in range(rng.poisson(1.0))]
        if rng.random() < 0.2:
            out.append(self.motions(now_ns))
        if rng.random() < 0.02:
            out.append(self.quality(now_ns))
        rng.shuffle(out)
        return [Slice(t_seen_ns=now_ns, status="test"), *out]


def garbage(
    rng: np.random.Generator, table: StationTable, broken: bool
) -> Iterator[tuple[int, list[Message]]]:
    """`SLICES` slices, with pauses of up to ten minutes between some."""
    source, now = Garbage(rng, table, broken), T0
    for _ in range(SLICES):
        now += from_seconds(float(rng.uniform(60, 600)) if rng.random() < 0.01 else 0.1)
        yield now, source.some(now)


def finite(value: object) -> bool:
    """Whether all numbers in what a message holds are."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(finite(v) for v in value.values())
    return all(finite(v) for v in value) if isinstance(value, (list, tuple)) else True


def check(out: Sequence[Message]) -> None:
    """What holds of anything the stage may say."""
    revisions: dict[str, int] = {}
    closed: set[str] = set()
    for m in out:
        assert finite(msgspec.to_builtins(m)), m
        if isinstance(m, EventEstimate):
            assert m.event_id not in closed
            assert m.revision == revisions.get(m.event_id, 0) + 1
            assert m.state == "new" if m.revision == 1 else m.state != "new"
            assert m.reasons
            assert -90.0 <= m.origin.latitude <= 90.0
            assert -180.0 <= m.origin.longitude < 180.0
            revisions[m.event_id] = m.revision
            if m.state in ("ended", "cancelled"):
                closed.add(m.event_id)
        elif isinstance(m, Decision):
            assert m.reasons
            assert m.detail
        else:
            assert isinstance(m, DataError)
            assert m.detail


def play(stage: SourceStage, batches: Batches) -> list[Message]:
    return [m for now, batch in batches for m in stage.handle(now, batch)]


def restarted(stage: SourceStage, params: Params, table: StationTable, tt: TravelTimes) -> SourceStage:
    after = SourceStage(params, table, tt)
    after.restore(stage.snapshot())
    return after


def silence(now_ns: int) -> Batches:
    """An hour in which nothing comes."""
    seen = range(now_ns + 5 * NS, now_ns + 3601 * NS, 5 * NS)
    return [(t, [Slice(t_seen_ns=t, status="test")]) for t in seen]


def run_whole(params: Params, table: StationTable, tt: TravelTimes, batches: Batches, cut: int) -> None:
    """Play and let an hour pass; a stage restarted in the middle says the same, and all is forgotten."""
    stage = SourceStage(params, table, tt)
    before = play(stage, batches[:cut])
    other = restarted(stage, params, table, tt)
    after = play(stage, batches[cut:])
    assert [encode(m) for m in play(other, batches[cut:])] == [encode(m) for m in after]
    check([*before, *after, *play(stage, silence(batches[-1][0]))])
    memory = msgspec.msgpack.decode(stage.snapshot(), strict=False)
    assert stage.active_events == 0
    assert (memory["picks"], memory["by_station"], memory["pool"]) == ({}, {}, [])


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("place", sorted(PLACES))
def test_garbage(place: str, seed: int, travel_times: TravelTimes) -> None:
    rng = np.random.default_rng([seed, sorted(PLACES).index(place)])
    table = random_table(rng, PLACES[place])
    batches = list(garbage(rng, table, broken=seed % 2 == 1))
    run_whole(Params(), table, travel_times, batches, SLICES // 2)


@pytest.mark.parametrize("seed", range(2))
def test_earthquakes_amid_garbage(seed: int, travel_times: TravelTimes) -> None:
    rng = np.random.default_rng([99, seed])
    table = random_table(rng, PLACES["plain"])
    feed = Feed(table, travel_times)
    feed.motions(range(table.n_stations), -20, 0)
    for k in range(3):
        north, east = rng.uniform(-60.0, 60.0, 2)
        t0 = T0 + from_seconds(float(k * rng.uniform(2.0, 20.0)))
        quake = Quake(float(north), float(east), float(rng.uniform(1, 100)), t0, float(rng.uniform(3, 8)))
        feed.quake(quake, seed=seed)
    feed.motions(range(table.n_stations), 0, 40)
    source = Garbage(rng, table, broken=True)
    batches = [
        (now, [*batch, *(source.some(now)[1:] if rng.random() < 0.3 else [])])
        for now, batch in feed.slices(40.0)
    ]
    run_whole(Params(), table, travel_times, batches, len(batches) // 3)
