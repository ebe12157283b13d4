"""One bad station, or many silent or late ones: the estimate stays, the suspect is named and nobody else.

Truth is synthetic: 25 stations 20 km apart, an earthquake among them, the same picks and peaks with and
without what is wrong. Bounds hold ten seconds after the first estimate and at the last one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seiswarn.geo import distances_km, offset_deg
from seiswarn.messages import DataError, EventEstimate, Message, Status
from seiswarn.reasons import Reason
from seiswarn.source import doubts
from seiswarn.source.params import Params
from seiswarn.source.records import EventRecord
from seiswarn.source.stage import SourceStage
from seiswarn.source.traveltime import TravelTimes
from seiswarn.stations import StationTable
from seiswarn.timebase import NS
from tests.source.conftest import T0, Feed, Quake, estimates, jittered_grid, make_table

EPICENTRE_KM, MAGNITUDE = 1.5, 0.2  # truth against estimates, ten seconds after the first and later
RUN_S = 100.0


class Judging(SourceStage):
    """A source stage that judges stations, whether or not the stage itself does already."""

    def _advance(self, event: EventRecord, now_ns: int, status: Status, out: list[Message]) -> None:
        super()._advance(event, now_ns, status, out)
        if doubts.due(event, now_ns):
            values = self._estimator._amplitudes.station_values(event, self._m)
            out += doubts.doubts(
                event, self._m, self._associator, self._table, self._p, values, now_ns, status
            )


@dataclass(frozen=True)
class Wrong:
    """What is wrong with stations, by station."""

    errors_s: Mapping[int, float] | None = None
    gains: Mapping[int, float] | None = None
    moved: Mapping[int, tuple[float, float]] | None = None
    polarities: Mapping[int, int] | None = None
    silent: Collection[int] = ()
    late_s: Mapping[int, float] | None = None


@dataclass(frozen=True)
class Outcome:
    histories: list[list[EventEstimate]]
    errors: list[DataError]

    @property
    def named(self) -> set[tuple[str, str]]:
        return {(e.subject, e.reason) for e in self.errors}


def play(table: StationTable, tt: TravelTimes, quake: Quake, wrong: Wrong, seed: int, snr: float) -> Outcome:
    feed = Feed(table, tt, gains=wrong.gains or {}, snr=snr)
    late = wrong.late_s or {}
    heard = [s for s in range(table.n_stations) if s not in wrong.silent]
    feed.quake(
        quake,
        stations=heard,
        seed=seed,
        scatter=0.2,
        errors_s=wrong.errors_s,
        moved=wrong.moved,
        polarities=wrong.polarities,
        late_s=late,
    )
    feed.motions([s for s in heard if s not in late], -60, RUN_S)
    if late:
        feed.motions(sorted(late), -60, RUN_S, late_s=max(late.values()))
    out = feed.run(Judging(Params(), table, tt), RUN_S)
    return Outcome(list(estimates(out).values()), [m for m in out if isinstance(m, DataError)])


def assert_good(outcome: Outcome, quake: Quake) -> None:
    """One event, soon where and as large as it was."""
    (history,) = outcome.histories
    ten = history[0].t_seen_ns + 10 * NS
    for e in (next(e for e in reversed(history) if e.t_seen_ns <= ten), history[-1]):
        assert quake.error_km(e) < EPICENTRE_KM
        assert e.magnitude is not None
        assert e.magnitude.value == pytest.approx(quake.magnitude, abs=MAGNITUDE)


@dataclass(frozen=True)
class Scene:
    seed: int
    table: StationTable
    quake: Quake
    nearest: list[int]  # stations by epicentral distance

    def place(self, station: int, away_km: float, towards_deg: float) -> tuple[float, float]:
        lat, lon = float(self.table.st_latitude[station]), float(self.table.st_longitude[station])
        a = math.radians(towards_deg)
        return offset_deg(lat, lon, away_km * math.cos(a), away_km * math.sin(a))


def scene(seed: int) -> Scene:
    rng = np.random.default_rng(seed)
    table = make_table(jittered_grid(5, 20.0, seed=seed))
    north, east, depth = rng.uniform(-30, 30), rng.uniform(-30, 30), rng.uniform(5, 15)
    quake = Quake(north, east, depth, magnitude=rng.uniform(4.5, 6.2))
    away = distances_km(*quake.place, table.st_latitude, table.st_longitude)
    return Scene(seed, table, quake, np.argsort(away).tolist())


@pytest.fixture(scope="module", params=[0, 1, 2])
def at(request: pytest.FixtureRequest) -> Scene:
    return scene(request.param)


# The rank of the bad station by distance: that of nearly every first location, and one that comes later.
RANKS = (1, 4, 8)


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("off_s", [3.0, -3.0])
def test_a_clock_off_by_three_seconds(at: Scene, rank: int, off_s: float, travel_times: TravelTimes) -> None:
    bad = at.nearest[rank]
    found = play(at.table, travel_times, at.quake, Wrong(errors_s={bad: off_s}), 1, snr=100.0)
    assert_good(found, at.quake)
    assert found.named == {(at.table.stations[bad], Reason.SUSPECT_CLOCK)}
    (error,) = found.errors
    told = re.search(r"onset (\S+) s off at [0-9]+ km, against 0.[0-9] s of [0-9]+ others", error.detail)
    assert told is not None
    assert float(told[1]) == pytest.approx(off_s, abs=0.6)
    assert "wrong clock, coordinates" in error.detail
    assert error.t_seen_ns - T0 < 31 * NS


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("gain", [100.0, 10.0, 0.1, 0.01])
def test_a_gain_wrong_by_ten_and_a_hundred(
    at: Scene, rank: int, gain: float, travel_times: TravelTimes
) -> None:
    bad = at.nearest[rank]
    found = play(at.table, travel_times, at.quake, Wrong(gains={bad: gain}), 1, snr=100.0)
    assert_good(found, at.quake)
    assert found.named == {(at.table.stations[bad], Reason.SUSPECT_GAIN)}
    assert "gain" in found.errors[0].detail


@pytest.mark.parametrize("rank", RANKS)
def test_coordinates_wrong_by_sixty_kilometres(at: Scene, rank: int, travel_times: TravelTimes) -> None:
    """The table says where it is not: nearer to the source than it stands, so its onset comes late."""
    bad = at.nearest[rank]
    outwards = float(np.degrees(np.arctan2(*reversed(_from_source(at, bad)))))
    moved = {bad: at.place(bad, 60.0, outwards)}
    found = play(at.table, travel_times, at.quake, Wrong(moved=moved), 1, snr=100.0)
    assert_good(found, at.quake)
    assert (at.table.stations[bad], Reason.SUSPECT_CLOCK) in found.named
    assert {code for code, _ in found.named} == {at.table.stations[bad]}


def _from_source(at: Scene, station: int) -> tuple[float, float]:
    """North and east of the source, in degrees of arc."""
    lat, lon = at.quake.place
    return (
        float(at.table.st_latitude[station]) - lat,
        (float(at.table.st_longitude[station]) - lon) * math.cos(math.radians(lat)),
    )


def test_swapped_polarity_changes_nothing(at: Scene, travel_times: TravelTimes) -> None:
    up = dict.fromkeys(range(at.table.n_stations), 1)
    right, swapped = (
        play(at.table, travel_times, at.quake, Wrong(polarities=p), 1, snr=100.0)
        for p in (up, up | {at.nearest[1]: -1})
    )
    assert swapped == right
    assert_good(right, at.quake)
    assert right.named == set()


def test_half_the_network_silent(at: Scene, travel_times: TravelTimes) -> None:
    silent = np.random.default_rng(1).permutation(at.table.n_stations)[:12].tolist()
    found = play(at.table, travel_times, at.quake, Wrong(silent=silent), 1, snr=100.0)
    assert_good(found, at.quake)
    assert found.named == set()


def test_a_third_of_the_stations_ten_seconds_late(at: Scene, travel_times: TravelTimes) -> None:
    late = np.random.default_rng(1).permutation(at.table.n_stations)[:8].tolist()
    found = play(at.table, travel_times, at.quake, Wrong(late_s=dict.fromkeys(late, 10.0)), 1, snr=100.0)
    assert_good(found, at.quake)
    assert found.named == set()
    (history,) = found.histories
    assert history[-1].origin.n_stations == at.table.n_stations  # those late are taken in nevertheless


def test_nothing_wrong_names_nobody(at: Scene, travel_times: TravelTimes) -> None:
    found = play(at.table, travel_times, at.quake, Wrong(), 1, snr=100.0)
    assert_good(found, at.quake)
    assert found.errors == []


@settings(max_examples=6, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    rank=st.integers(1, 11),
    what=st.sampled_from(("late", "early", "strong", "weak")),
    snr=st.sampled_from((20.0, 100.0)),
)
def test_whatever_station_is_bad_no_other_is_named(seed: int, rank: int, what: str, snr: float) -> None:
    """With little in the way of noise an onset near S may be S: then nobody is named, never somebody else."""
    at = scene(seed)
    bad = at.nearest[rank]
    wrong = {
        "late": Wrong(errors_s={bad: 3.0}),
        "early": Wrong(errors_s={bad: -3.0}),
        "strong": Wrong(gains={bad: 100.0}),
        "weak": Wrong(gains={bad: 0.01}),
    }[what]
    found = play(at.table, TravelTimes("iasp91", 120.0), at.quake, wrong, seed, snr)
    assert_good(found, at.quake)
    assert {code for code, _ in found.named} <= {at.table.stations[bad]}
    if snr > 62.0:
        assert found.named
