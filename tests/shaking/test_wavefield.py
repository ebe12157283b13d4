"""Strong motion that no located earthquake explains: when it is an event, and when it is not."""

import dataclasses

import msgspec
import numpy as np
import pytest
from tests.scenario.life_cycle import EAST, MIDDLE, NORTH, SOUTH, WAVE, shake
from tests.shaking_work import at, columns, doubt, estimate, forecasts, grid_table, onset, stage_of, target

from seiswarn.forecast_field import Basis
from seiswarn.messages import EventEstimate
from seiswarn.reasons import Flag, Reason
from seiswarn.timebase import NS

TABLE = grid_table(5, 20.0)
HERE = (
    target("At", 0.0, 0.0),
    target("Close", 0.0, 25.0),
    target("Away", -80.0, 0.0),
)  # Away: 40 km from S 2
AT, AWAY, CLOSE = 0, 1, 2  # in the order of the table


def play(onsets, last=30, stage=None, extra=None, first=2, **params):
    """All that is said while motion spreads, per second."""
    stage = stage_of(HERE, TABLE, **params) if stage is None else stage
    said = []
    for t in range(first, last):
        given = [onset(TABLE, k, p) for k, p in onsets.items() if t - 1 < p <= t]
        given += (extra or {}).get(t, [])
        said += stage.handle(at(t + 0.2), [*given, shake(TABLE, t, onsets)])
    return said


def waves(messages):
    return [m for m in messages if isinstance(m, EventEstimate)]


def test_an_event_of_its_own_where_enough_sites_shake_one_after_the_other():
    said = play(WAVE)
    first = waves(said)[0]
    assert (first.state, first.revision, first.grounds, first.magnitude) == ("new", 1, "wavefield", None)
    assert first.event_id.startswith("wf20231114")
    where = first.origin.latitude, first.origin.longitude
    assert where == (TABLE.st_latitude[MIDDLE], TABLE.st_longitude[MIDDLE])  # who shook first
    assert first.origin.time_ns == at(3.0)
    assert first.origin.n_stations >= 3
    assert [m.revision for m in waves(said)] == list(range(1, len(waves(said)) + 1))
    assert waves(said)[-1].origin.n_stations == len(WAVE)


def test_its_forecast_is_plum_around_the_stations_and_nothing_elsewhere():
    f = forecasts(play(WAVE))[-1]
    c = columns(f)
    assert (f.method, f.grounds) == ("PLUM", "wavefield")
    assert (c.intensity > 6.0).tolist() == [True, False, True]
    assert c.intensity[AWAY] == 0.0
    assert c.basis.tolist() == [int(Basis.WAVEFIELD), 0, int(Basis.WAVEFIELD)]
    assert c.pga_mps2[AT] == pytest.approx(2.0, rel=1e-5)  # what was observed, unattenuated
    assert c.pgv_mps[CLOSE] == pytest.approx(0.15, rel=1e-5)
    np.testing.assert_array_equal(c.exceed[AWAY], 0.0)
    assert f.epicentral_pga_mps2 == pytest.approx(2.0)


@pytest.mark.parametrize("least", [2, 3, 4, 5])
def test_it_begins_with_as_many_sites_as_are_asked_for(least):
    first = waves(play(WAVE, wavefield_min_stations=least))[0]
    assert first.origin.n_stations >= least


def test_fewer_sites_are_none():
    two = {k: WAVE[k] for k in (MIDDLE, NORTH)}
    assert play(two, wavefield_min_stations=3) == []
    assert waves(play(two, wavefield_min_stations=2))


def test_a_single_station_is_believed_only_where_one_is_enough():
    alone = {MIDDLE: 3.0}
    assert play(alone, wavefield_min_stations=2) == []
    first = waves(play(alone, wavefield_min_stations=1))[0]
    assert first.origin.n_stations == 1


def test_motion_that_is_not_strong_enough_is_none():
    assert play(WAVE, wavefield_min_intensity=8.0) == []
    assert waves(play(WAVE, wavefield_min_intensity=7.0))


@pytest.mark.parametrize(
    "onsets",
    [
        dict.fromkeys(WAVE, 3.0),  # at one instant
        {k: 3.0 + 15.0 * i for i, k in enumerate(WAVE)},  # too late to be of one wave
        {0: 3.0, 4: 5.0, 24: 7.0},  # 80 km and more apart: nobody vouches
    ],
)
def test_what_does_not_travel_like_a_wave_is_none(onsets):
    assert waves(play(onsets, last=80, wavefield_min_stations=3)) == []


def test_without_picks_there_is_none():
    stage = stage_of(HERE, TABLE)
    said = [m for t in range(2, 30) for m in stage.handle(at(t + 0.2), [shake(TABLE, t, WAVE)])]
    assert said == []


def test_sensors_at_one_site_count_once():
    site = TABLE.st_site.copy()
    site[[NORTH, EAST, SOUTH]] = site[MIDDLE]
    table = dataclasses.replace(TABLE, st_site=site)
    stage = stage_of(HERE, table, wavefield_min_stations=3)
    four = {k: WAVE[k] for k in (MIDDLE, NORTH, EAST, SOUTH)}
    assert play(four, stage=stage) == []


@pytest.mark.parametrize("reason", [Reason.SUSPECT_GAIN, Reason.CALIBRATION_PULSE, Reason.NOISY_STATION])
def test_doubted_stations_bear_no_witness(reason):
    three = {k: WAVE[k] for k in (MIDDLE, NORTH, EAST)}
    assert waves(play(three, wavefield_min_stations=3))
    said = play(three, extra={2: [doubt(TABLE, NORTH, 2.0, str(reason))]}, wavefield_min_stations=3)
    assert said == []


def test_rows_that_may_be_no_motion_bear_no_witness():
    stage = stage_of(HERE, TABLE)
    for t in range(2, 30):
        m = shake(TABLE, t, WAVE)
        given = [onset(TABLE, k, p) for k, p in WAVE.items() if t - 1 < p <= t]
        m = msgspec.structs.replace(m, flags=(int(Flag.STEP),) * len(m.stations))
        assert stage.handle(at(t + 0.2), [*given, m]) == []


def test_what_a_located_earthquake_explains_is_no_event_of_its_own():
    located = {2: [estimate(2.2, 6.5)]}
    assert waves(play(WAVE, extra=located)) == []
    far = {2: [estimate(2.2, 6.5, where=(400.0, 0.0))]}  # its P is not there for a minute
    assert waves(play(WAVE, extra=far))


def test_it_ends_as_what_has_been_located():
    last = waves(play(WAVE, extra={15: [estimate(15.2, 6.5)]}))[-1]
    assert (last.state, last.continues) == ("ended", "e1")


def test_it_ends_when_nothing_moves_any_more_though_nothing_is_heard():
    """A wave that nobody ended would take the next earthquake at its stations for its own."""
    stage = stage_of(HERE, TABLE)
    play(WAVE, last=20, stage=stage)
    said = [m for t in range(20, 40) for m in stage.handle(at(t + 0.2), [])]
    (end,) = waves(said)
    assert (end.state, end.continues) == ("ended", "")
    assert end.t_seen_ns <= at(19.0 + 11.2)
    again = waves(play({k: p + 300.0 for k, p in WAVE.items()}, stage=stage, first=302, last=320))
    assert again[0].state == "new"
    assert again[0].event_id != end.event_id
    assert again[0].origin.time_ns == at(303.0)


def test_a_second_wave_far_away_is_another_event():
    table = grid_table(9, 40.0)
    one, other = {0: 3.0, 1: 9.0, 9: 9.5}, {80: 4.0, 79: 10.0, 71: 10.5}
    stage = stage_of(HERE, table, wavefield_min_stations=3)
    said = []
    for t in range(2, 25):
        onsets = one | other
        given = [onset(table, k, p) for k, p in onsets.items() if t - 1 < p <= t]
        said += stage.handle(at(t + 0.2), [*given, shake(table, t, onsets)])
    assert len({m.event_id for m in waves(said)}) == 2


@pytest.mark.parametrize("status", ["actual", "exercise", "test"])
def test_the_status_is_that_of_the_data(status):
    stage, said = stage_of(HERE, TABLE), []
    for t in range(2, 45):
        given = [onset(TABLE, k, p) for k, p in WAVE.items() if t - 1 < p <= t]
        given += [shake(TABLE, t, WAVE)] if t < 30 else []
        said += stage.handle(at(t + 0.2), [msgspec.structs.replace(m, status=status) for m in given])
    assert {m.status for m in said} == {status}
    assert waves(said)[-1].state == "ended"
    assert at(1.0) - at(0.0) == NS


def test_a_pick_that_comes_late_and_alone_brings_its_status():
    """It begins a wave in a slice without motion, while another one stands."""
    stage, corner = stage_of(HERE, TABLE, wavefield_min_stations=1), 24
    onsets = {MIDDLE: 3.0, corner: 43.0}  # too late to be of the first wave
    for t in range(2, 51):
        heard = [onset(TABLE, MIDDLE, 3.0, status="exercise")] * (t == 3)
        moved = msgspec.structs.replace(shake(TABLE, t, onsets), status="exercise")
        stage.handle(at(t + 0.2), [*heard, moved])
    said = waves(stage.handle(at(50.5), [onset(TABLE, corner, 43.0, status="exercise")]))
    assert [(m.state, m.status) for m in said] == [("new", "exercise")]
