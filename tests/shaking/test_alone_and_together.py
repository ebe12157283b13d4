"""Where one station is believed for one audience, those who ask for more hear what they always heard."""

import pytest
from tests.scenario.life_cycle import MIDDLE, NORTH, WAVE, shake
from tests.shaking_work import at, estimate, forecasts, grid_table, onset, stage_of, target

from seiswarn.messages import EventEstimate

TABLE = grid_table(5, 60.0)  # too far apart to bear each other out
NEAR = grid_table(5, 20.0)
HERE = (target("At", 0.0, 0.0),)
APART = {MIDDLE: 3.0, NORTH: 12.0, 13: 12.5}  # in time for a wave over 60 km


def play(table, onsets, located=False, **params):
    stage, said = stage_of(HERE, table, **params), []
    for t in range(2, 24):
        given = [onset(table, k, p) for k, p in onsets.items() if t - 1 < p <= t]
        if located and t >= 4:
            given.append(estimate(t + 0.2, 6.5, revision=t - 3))
        said += stage.handle(at(t + 0.2), [*given, shake(table, t, onsets)])
    return said


def most_sites(said):
    return max(m.origin.n_stations for m in said if isinstance(m, EventEstimate))


def test_stations_that_nobody_bears_out_count_as_one_however_many():
    assert most_sites(play(TABLE, APART, wavefield_min_stations=1)) == 1


def test_stations_that_bear_each_other_out_count_as_ever():
    one, three = (play(NEAR, WAVE, wavefield_min_stations=n) for n in (1, 3))
    assert most_sites(one) == most_sites(three) == len(WAVE)


@pytest.mark.parametrize(("table", "onsets", "strong"), [(TABLE, APART, 1), (NEAR, WAVE, len(WAVE))])
def test_so_do_witnesses_of_a_located_event(table, onsets, strong):
    said = play(table, onsets, located=True, wavefield_min_stations=1)
    assert max(f.n_strong for f in forecasts(said)) == strong
