"""Warnings of strong motion alone: until the earthquake is located, and none of what only looks like it."""

from __future__ import annotations

import pytest

from seiswarn.messages import Decision, EventEstimate, Forecast
from tests.scenario.life_cycle import (
    EAST,
    MIDDLE,
    NORTH,
    TREMBLING,
    Play,
    audience,
    shake,
    wave_then_source,
)
from tests.shaking_work import motions, onset, target


def test_motion_alone_warns_and_hands_over_to_the_earthquake_once_it_is_located():
    play = wave_then_source()
    wave = play.of("public")[0].event_id
    assert wave.startswith("wf")
    for name in ("public", "railway"):
        assert play.transitions(name, wave) == [("new",), ("final",)]
        last = play.of(name, wave)[-1]
        assert (last.reasons, last.continues) == (("SUPERSEDED",), "located")
        assert {a.continues for a in play.of(name, "located")} == {wave}
        first = play.of(name, wave)[0]
        assert (first.grounds, first.magnitude.kind) == ("wavefield", "unknown")
        # never without a warning in between
        assert play.alerts.index(play.of(name, "located")[0]) < play.alerts.index(last)
    assert play.of("public", wave)[0].targets[0].method == "PLUM"
    ended = [m for m in play.said if isinstance(m, EventEstimate) and m.event_id == wave]
    assert [m.revision for m in ended] == list(range(1, len(ended) + 1))
    assert (ended[-1].state, ended[-1].continues) == ("ended", "located")
    assert {m.magnitude for m in ended} == {None}


def test_a_railway_is_warned_on_site_from_one_trusted_station_sooner_than_others():
    play = wave_then_source()
    on_site, later = play.of("railway")[0], play.of("public")[0]
    assert on_site.origin.n_stations == 1
    assert later.origin.n_stations == 3
    assert on_site.t_seen_ns < later.t_seen_ns
    assert [t.name for t in on_site.targets if t.level_rank] == ["K0"]  # not the section 90 km away
    held = next(d for d in play.decisions if d.policy == "public")
    assert held.reasons == ("TOO_FEW_STATIONS",)


def quiet(play: Play, messages) -> None:
    for t, given in messages:
        play.step(t, *given)
    assert play.alerts == []
    assert not [m for m in play.said if isinstance(m, Forecast | Decision)]


def both() -> list:
    return [audience(name="public"), audience("railway", name="railway")]


K0 = (target("K0", 2.0, 3.0, kind="railway"),)


def test_a_burst_at_one_instant_never_warns():
    """All stations of a link with the same pulse at once: no wave travels so."""
    play = Play([audience(name="public"), audience("railway", name="railway")], K0, wavefield_min_stations=3)
    burst = dict.fromkeys(range(25), 5.0)
    steps = []
    for t in range(5, 30):
        heard = [onset(play.table, k, 5.0) for k in burst] if t == 5 else []
        steps.append((t + 0.2, [*heard, shake(play.table, t, burst)]))
    quiet(play, steps)


@pytest.mark.parametrize("least", [1, 3])
def test_a_spike_of_one_second_never_warns(least):
    play = Play(both(), K0, wavefield_min_stations=least)
    steps = [
        (
            t + 0.2,
            [onset(play.table, MIDDLE, 5.0)] * (t == 5)
            + [motions(play.table, [(MIDDLE, float(t), *((8.0, 0.6) if t == 6 else TREMBLING))], t)],
        )
        for t in range(5, 30)
    ]
    quiet(play, steps)


def test_motion_without_an_onset_never_warns():
    """What grows out of nothing, without a P, is traffic or a fault."""
    play = Play(both(), K0, wavefield_min_stations=1)
    quiet(play, [(t + 0.2, [shake(play.table, t, {MIDDLE: 5.0})]) for t in range(5, 30)])


def test_one_station_is_not_enough_where_three_are_asked_for():
    play = Play(both(), K0, wavefield_min_stations=3)
    onsets = {MIDDLE: 5.0, NORTH: 7.2}
    steps = []
    for t in range(5, 30):
        heard = [onset(play.table, k, p) for k, p in onsets.items() if t - 1 < p <= t]
        steps.append((t + 0.2, [*heard, shake(play.table, t, onsets)]))
    quiet(play, steps)
    onsets[EAST] = 32.0  # half a minute later: not of the same wave
    quiet(
        play,
        [
            (t + 0.2, [onset(play.table, EAST, 32.0)] * (t == 32) + [shake(play.table, t, onsets)])
            for t in range(30, 45)
        ],
    )
