"""From what a sensor felt, in m/s^2, to the level of a railway, in gal: PGA keeps its size all the way."""

import msgspec
import pytest

from seiswarn.alerts.params import Params
from seiswarn.alerts.presets import PRESETS
from seiswarn.alerts.stage import AlertsStage
from seiswarn.messages import Alert
from seiswarn.targets import TargetTable
from tests.shaking_work import at, grid_table, motions, onset, stage_of, target

TABLE = grid_table(3, 20.0)
MIDDLE = 4
SECTION = target("K0", 1.0, 1.0, kind="railway")


def first_alarm(pga_mps2, vs30_mps=0.0):
    """The first alarm of a section beside the one station that shakes so strongly."""
    section = msgspec.structs.replace(SECTION, vs30_mps=vs30_mps)
    shaking = stage_of((section,), TABLE, wavefield_min_stations=1)
    railway = msgspec.convert({"name": "railway", **PRESETS["railway"]}, Params)
    alerts = AlertsStage([railway], TargetTable.of([section]))
    for t in range(2, 12):
        given = [onset(TABLE, MIDDLE, 2.5)] if t == 3 else []
        if t >= 3:
            given.append(motions(TABLE, [(MIDDLE, float(t), pga_mps2, pga_mps2 / 15.0)], t))
        messages = [*given, *shaking.handle(at(t + 0.2), given)]
        said = [m for m in alerts.handle(at(t + 0.2), messages) if isinstance(m, Alert)]
        if said:
            return said[0]
    return None


@pytest.mark.parametrize(
    ("pga_mps2", "level"), [(0.5, "I"), (0.79, "I"), (0.81, "II"), (1.19, "II"), (1.3, "III"), (9.0, "III")]
)
def test_levels_of_a_railway_are_in_gal(pga_mps2, level):
    alarm = first_alarm(pga_mps2)
    assert (alarm.grounds, alarm.level, alarm.measure) == ("wavefield", level, "pga")
    assert alarm.targets[0].pga_mps2 == pytest.approx(pga_mps2, rel=1e-6)


def test_below_40_gal_there_is_no_alarm():
    assert first_alarm(0.39) is None
