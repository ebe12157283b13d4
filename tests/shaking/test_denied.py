"""What one station alone shows is taken back once others had to feel it and did not."""

from tests.scenario.life_cycle import MIDDLE, WAVE, shake
from tests.shaking_work import at, grid_table, motions, onset, stage_of, target

from seiswarn.messages import EventEstimate

NEAR = grid_table(5, 20.0)
FAR = grid_table(5, 80.0)  # nobody within 50 km
HERE = (target("At", 0.0, 0.0),)
ALONE = {MIDDLE: 3.0}


def play(table, onsets, *, others_live=True, last=40):
    stage, said = stage_of(HERE, table, wavefield_min_stations=1), []
    for t in range(2, last):
        given = [onset(table, k, p) for k, p in onsets.items() if t - 1 < p <= t]
        quiet = [(k, t, 1e-4, 1e-5) for k in range(table.n_stations) if k not in onsets and others_live]
        said += stage.handle(at(t + 0.2), [*given, shake(table, t, onsets), motions(table, quiet)])
    return [m for m in said if isinstance(m, EventEstimate)]


def test_it_is_cancelled_when_live_neighbours_stay_quiet():
    made = play(NEAR, ALONE)
    assert next(m.state for m in made) == "new"
    assert made[-1].state == "cancelled"
    assert made[-1].reasons == ("LONE_STATION",)
    # 20 km at 3 km/s and 5 s after the motion began; and it does not begin again while it lasts
    assert 11.0 < (made[-1].t_seen_ns - made[-1].origin.time_ns) / 1e9 < 16.0
    assert sum(m.state == "new" for m in made) == 1


def test_it_stands_where_nobody_is_near_enough_to_deny_it():
    assert all(m.state != "cancelled" for m in play(FAR, ALONE))


def test_it_stands_where_neighbours_send_nothing():
    assert all(m.state != "cancelled" for m in play(NEAR, ALONE, others_live=False))


def test_it_stands_when_others_feel_it_too():
    assert all(m.state != "cancelled" for m in play(NEAR, WAVE))
