"""A spike rings in the filters for seconds: that is no motion that lasts, for one station alone either."""

import numpy as np
import pytest
from tests.scenario.life_cycle import MIDDLE, WAVE, shake
from tests.shaking_work import at, estimate, forecasts, grid_table, motions, onset, stage_of, target
from tests.waveform.conftest import feed, make_table, packets

from seiswarn.messages import EventEstimate, Motions
from seiswarn.shaking.observed import LASTING
from seiswarn.shaking.wavefield import RINGING
from seiswarn.waveform.params import Params as WaveformParams
from seiswarn.waveform.stage import WaveformStage

TABLE = grid_table(5, 20.0)
HERE = (target("At", 0.0, 0.0),)
# PGA and PGV by second as the waveform stage measures them after three samples of 9 m/s^2.
SPIKE = ((9.1, 0.507), (0.645, 0.454), (0.26, 0.174), (0.111, 0.175), (0.021, 0.128), (0.033, 0.040))


# What is too long or too uneven to be cut out as a spike.
SHAPES = ((0.3, 1.0, 0.5, 0.3, 0.1), (0.2, 1.0, 0.2, -0.1), (0.5, 1.0, 0.6, 0.4, 0.3, 0.2, 0.1))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("first", [2000, 2050, 2096])
def test_the_filters_ring_less_than_is_taken_for_ringing(shape, first):
    """Anywhere within a second, on all components or one."""
    table, cuts, n = make_table(), range(100, 3000, 100), len(shape)
    for hit in ((1.0, 1.0, 1.0), (1.0, 0.0, 0.0)):
        counts = np.random.default_rng(1).integers(-100, 100, (3, 3000)).astype(np.int32)
        counts[:, first : first + n] += (5e6 * np.outer(hit, shape)).astype(np.int32)
        stream = [p for name, x in zip(table.channels, counts, strict=True) for p in packets(name, x, cuts)]
        said = feed(WaveformStage(WaveformParams(), table), stream)
        largest = sorted((v for m in said if isinstance(m, Motions) for v in m.pga_gbt_mps2), reverse=True)
        assert largest[0] > 1.0
        assert 0.0 < largest[LASTING - 1] < RINGING * largest[0]


def spike(station, at_s):
    return {
        at_s + k: motions(TABLE, [(station, float(at_s + k), pga, pgv)], at_s + k)
        for k, (pga, pgv) in enumerate(SPIKE)
    }


def test_a_station_that_is_believed_alone_is_not_believed_with_a_spike():
    stage = stage_of(HERE, TABLE, wavefield_min_stations=1)
    rows, said = spike(MIDDLE, 3), []
    for t in range(2, 20):
        given = [onset(TABLE, MIDDLE, 2.2)] if t == 3 else []
        said += stage.handle(at(t + 0.2), [*given, *([rows[t]] if t in rows else [])])
    assert said == []


@pytest.mark.parametrize(("least", "strong"), [(1, {1}), (2, {0}), (3, {0})])
def test_fewer_sites_than_make_an_event_bear_no_witness_of_a_located_one(least, strong):
    """What makes a false location by its picks makes strong motion there too."""
    stage = stage_of(HERE, TABLE, wavefield_min_stations=least)
    one, said = {MIDDLE: 3.0}, []
    for t in range(2, 14):
        given = [onset(TABLE, MIDDLE, 3.0)] if t == 3 else []
        given += [estimate(t + 0.2, 6.5, revision=t - 2)] if t >= 4 else []
        said += stage.handle(at(t + 0.2), [*given, shake(TABLE, t, one)])
    assert not [m for m in said if isinstance(m, EventEstimate)]
    assert {f.n_strong for f in forecasts(said)} - {0} <= strong
    assert forecasts(said)[-1].n_strong in strong


def test_as_many_sites_as_make_an_event_do():
    stage, said = stage_of(HERE, TABLE, wavefield_min_stations=3), []
    for t in range(2, 14):
        given = [onset(TABLE, k, p) for k, p in WAVE.items() if t - 1 < p <= t]
        given += [estimate(t + 0.2, 6.5, revision=t - 2)] if t >= 4 else []
        said += stage.handle(at(t + 0.2), [*given, shake(TABLE, t, WAVE)])
    assert forecasts(said)[-1].n_strong >= 3
