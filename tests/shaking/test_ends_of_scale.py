"""Whatever observed motion adds or takes away, a forecast stays on its scale."""

import numpy as np
import pytest
from tests.scenario.life_cycle import WAVE
from tests.shaking_work import at, columns, estimate, forecasts, grid_table, motions, onset, stage_of, target

from seiswarn.shaking.conversion import CONVERSIONS

TABLE = grid_table(5, 20.0)
SOFT = (target("Soft", 0.0, 1.0, vs30_mps=150.0), target("Away", 0.0, 300.0))


@pytest.mark.parametrize("conversion", sorted(CONVERSIONS))
@pytest.mark.parametrize("located", [True, False])
@pytest.mark.parametrize(("pga", "magnitude"), [(60.0, 8.5), (0.03, 6.5)])
def test_forecasts_stay_between_the_ends_of_their_scale(conversion, located, pga, magnitude):
    stage, said = stage_of(SOFT, TABLE, conversion=conversion), []
    for t in range(2, 60):
        given = [onset(TABLE, k, p) for k, p in WAVE.items() if t - 1 < p <= t]
        given += [estimate(t + 0.2, magnitude, revision=t - 3)] if located and t >= 4 else []
        rows = [(k, float(t), pga, pga / 8.0) for k, p in WAVE.items() if t > p]
        said += stage.handle(at(t + 0.2), [*given, motions(TABLE, rows, t)])
    lowest, highest = CONVERSIONS[conversion].VALID["intensity"]
    made = forecasts(said)
    assert made or not located
    for f in made:
        intensity = np.asarray(columns(f).intensity)
        assert (intensity <= highest).all()
        assert ((intensity >= lowest) | (intensity == 0.0)).all()
        assert f.max_intensity <= highest
