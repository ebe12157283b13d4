"""What is no local earthquake: onsets at one instant, plane waves, picks of one station alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seiswarn.reasons import Reason
from seiswarn.source.records import RATE_KEPT_NS, Memory, PickRecord
from seiswarn.source.suspects import (
    apparent_velocity_kmps,
    disproved,
    from_afar,
    is_teleseism,
    like_a_blast,
    lone,
    simultaneous,
)
from seiswarn.source.traveltime import TravelTimes
from seiswarn.stations import StationTable
from seiswarn.timebase import NS, from_seconds
from tests.source.conftest import T0, jittered_grid, make_table


def record(station: int, t_s: float, **fields: object) -> PickRecord:
    values = {
        "pick_id": f"{station}/{t_s}",
        "station": station,
        "site": station,
        "sigma_s": 0.1,
        "noise_d_m": 0.0,
    }
    return PickRecord(t_ns=T0 + from_seconds(t_s), **(values | fields))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def places() -> list[tuple[float, float]]:
    return jittered_grid(4, 30.0, seed=2)


@pytest.fixture(scope="module")
def table(places: list[tuple[float, float]]) -> StationTable:
    return make_table(places)


def plane(
    places: list[tuple[float, float]], kmps: float, azimuth_deg: float, noise_s: float
) -> list[PickRecord]:
    rng, a = np.random.default_rng(5), np.radians(azimuth_deg)
    return [
        record(k, 60.0 + (n * np.cos(a) + e * np.sin(a)) / kmps + noise_s * rng.standard_normal())
        for k, (n, e) in enumerate(places)
    ]


@pytest.mark.parametrize("kmps", [3.5, 5.0, 7.5, 9.0, 12.0, 25.0])
@pytest.mark.parametrize("azimuth_deg", [0.0, 77.0, 200.0])
def test_velocity_of_a_plane_wave(
    places: list[tuple[float, float]], table: StationTable, kmps: float, azimuth_deg: float
) -> None:
    found, rms = apparent_velocity_kmps(plane(places, kmps, azimuth_deg, 0.05), table)
    assert found == pytest.approx(kmps, rel=0.02)
    assert rms < 0.1


@pytest.mark.parametrize(
    ("kmps", "noise_s", "reason"),
    [
        (3.5, 0.1, None),
        (5.5, 0.1, None),
        (7.5, 0.1, Reason.REGIONAL),
        (15.0, 0.1, Reason.TELESEISM),
        (25.0, 0.3, Reason.TELESEISM),
        (15.0, 1.5, None),  # too ragged to be one front
    ],
)
def test_waves_from_afar(
    places: list[tuple[float, float]], table: StationTable, kmps: float, noise_s: float, reason: Reason | None
) -> None:
    found = from_afar(plane(places, kmps, 40.0, noise_s), table, math.inf)
    assert (None if found is None else found[0]) is reason
    if found is not None:
        assert "km/s" in found[1]


def test_few_or_close_stations_see_no_plane(places: list[tuple[float, float]], table: StationTable) -> None:
    picks = plane(places, 15.0, 40.0, 0.05)
    assert from_afar(picks[:4], table, math.inf) is None
    tight = jittered_grid(3, 8.0, seed=2)
    assert from_afar(plane(tight, 15.0, 40.0, 0.02), make_table(tight), math.inf) is None


def test_a_local_source_is_no_wave_from_afar(
    places: list[tuple[float, float]], table: StationTable, travel_times: TravelTimes
) -> None:
    for north, east in ((0.0, 0.0), (30.0, -20.0), (55.0, 40.0)):
        d = np.array([np.hypot(n - north, e - east) for n, e in places])
        picks = [record(k, float(t)) for k, t in enumerate(travel_times.times(d, 10.0)[0])]
        assert from_afar(picks, table, math.inf) is None


def test_a_ring_around_a_source_is_no_plane_wave() -> None:
    """All at one distance: any steep plane fits, and the point inside fits as well."""
    turn = 2 * np.pi * np.arange(10) / 10
    ring = make_table([(60 * float(np.cos(a)), 60 * float(np.sin(a))) for a in turn])
    rng = np.random.default_rng(4)
    picks = [record(k, 5.0 + 0.08 * float(rng.standard_normal())) for k in range(10)]
    assert is_teleseism(picks, ring, math.inf)
    assert not is_teleseism(picks, ring, 0.02)  # what a point leaves that follows each onset
    assert disproved(picks, ring, 0.02) is None


def test_onsets_at_one_instant_over_many_stations(table: StationTable) -> None:
    burst = [record(k, 1.0 + 0.006 * (k % 4)) for k in range(6)]
    assert [r.station for r in sorted(simultaneous(burst, table), key=lambda r: r.station)] == list(range(6))
    others = [record(k, 3.0 + 1.3 * k) for k in range(6, 11)]
    assert len(simultaneous([*burst, *others], table)) == 6
    many_others = [record(k, 3.0 + 1.3 * k) for k in range(6, 16)]
    assert simultaneous([*burst[:4], *many_others], table) == []  # less than half: chance


@pytest.mark.parametrize(("apart_s", "n"), [(0.0, 2), (0.015, 2), (0.03, 0), (0.5, 0)])
def test_two_onsets_are_at_one_instant_within_samples(table: StationTable, apart_s: float, n: int) -> None:
    assert len(simultaneous([record(0, 1.0), record(5, 1.0 + apart_s)], table)) == n


def test_stations_close_together_may_be_reached_at_one_instant() -> None:
    tight = make_table([(0.0, 0.0), (2.0, 1.0), (1.0, 3.0), (3.0, 3.0)])
    assert simultaneous([record(k, 1.0) for k in range(2)], tight) == []
    assert simultaneous([record(k, 1.0) for k in range(4)], tight) == []


def test_a_local_source_is_hardly_ever_at_one_instant(
    places: list[tuple[float, float]], table: StationTable, travel_times: TravelTimes
) -> None:
    rng = np.random.default_rng(4)
    caught = 0
    for _ in range(200):
        north, east = rng.uniform(-45, 45, 2)
        d = np.array([np.hypot(n - north, e - east) for n, e in places])
        times = travel_times.times(d, 10.0)[0] + 0.05 * rng.standard_normal(len(d))
        picks = sorted((record(k, float(t)) for k, t in enumerate(times)), key=lambda r: r.t_ns)
        caught += bool(simultaneous(picks[:5], table))
    assert caught <= 2


def test_why_a_pick_stays_alone(table: StationTable) -> None:
    memory, now = Memory.of(table), T0 + 100 * NS
    assert lone(record(0, 1.0), memory, table, now)[0] is Reason.LONE_STATION
    memory.rate[1], memory.rated_ns[1] = 40.0 * RATE_KEPT_NS / (3600 * NS) + 1.0, now
    reason, detail = lone(record(1, 1.0), memory, table, now)
    assert reason is Reason.NOISY_STATION
    assert table.stations[1] in detail
    long = [(0.5 * k, 1e-4, False) for k in range(1, 9)]
    pulse = record(2, 1.0, snr=100.0, crossings=1, windows=long)
    assert lone(pulse, memory, table, now)[0] is Reason.CALIBRATION_PULSE
    ringing = record(2, 1.0, snr=100.0, crossings=20, windows=long)
    assert lone(ringing, memory, table, now)[0] is Reason.LONE_STATION


@pytest.mark.parametrize(
    ("polarities", "magnitude", "depth_km", "hour", "expected"),
    [
        ([1] * 6, 2.0, 2.0, 4.0, True),  # noon at 120 degrees east
        ([1] * 5, 2.0, 2.0, 4.0, False),
        ([1] * 6 + [0, 0], 2.0, 2.0, 4.0, True),  # undecided ones say nothing
        ([1] * 6 + [-1], 2.0, 2.0, 4.0, False),
        ([1] * 6, 4.0, 2.0, 4.0, False),
        ([1] * 6, 2.0, 12.0, 4.0, False),
        ([1] * 6, 2.0, 2.0, 16.0, False),  # midnight there
    ],
)
def test_a_blast_pushes_every_station_away_by_day(
    polarities: list[int], magnitude: float, depth_km: float, hour: float, expected: bool
) -> None:
    picks = [record(k, 1.0) for k in range(len(polarities))]
    for pick, polarity in zip(picks, polarities, strict=True):
        pick.polarity = polarity
    assert like_a_blast(picks, magnitude, depth_km, int(hour * 3600) * NS, 120.0) is expected
