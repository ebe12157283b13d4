"""What time it is in a live run, whoever sets the clock and whichever source hangs."""

from __future__ import annotations

import pytest

from seiswarn.messages import Tick
from seiswarn.runtime.live_clock import FollowedClock, WallClock, open_clock
from seiswarn.runtime.ticker import PATIENCE_NS, SILENCE_NS, LiveTicks
from seiswarn.timebase import NS

T0 = 1_800_000_000 * NS
HOUR_S = 3600.0


class Machine:
    """A computer whose clock can be set."""

    def __init__(self) -> None:
        self.wall, self.mono = T0, 100.0

    def run(self, seconds: float) -> None:
        self.wall += round(seconds * NS)
        self.mono += seconds

    def set(self, seconds: float) -> None:
        self.wall += round(seconds * NS)

    def clock(self) -> WallClock:
        return WallClock(lambda: self.wall, lambda: self.mono)


def test_wall_clock_is_followed() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.run(5.0)
    assert clock.now_ns() == T0 + 5 * NS
    machine.set(-0.01)  # a time server slews
    assert clock.now_ns() == T0 + 5 * NS  # never back
    machine.run(1.0)
    assert clock.now_ns() == T0 + 6 * NS - NS // 100
    assert not clock.complaint()


def test_clock_set_back_an_hour_does_not_turn_time_back() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.run(10.0)
    before = clock.now_ns()
    machine.set(-HOUR_S)
    machine.run(2.0)
    assert clock.now_ns() == before + 2 * NS
    assert "set back by 3600.0 s" in clock.complaint()
    machine.set(HOUR_S)  # it was a mistake
    machine.run(61.0)
    assert clock.now_ns() == before + 63 * NS
    assert not clock.complaint()


def test_clock_set_forward_an_hour_is_followed_and_said() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.set(HOUR_S)
    machine.run(1.0)
    assert clock.now_ns() == T0 + 3601 * NS
    assert "set forward by 3600.0 s" in clock.complaint()
    machine.run(61.0)
    clock.now_ns()
    assert not clock.complaint()


def test_clock_by_the_data_runs_on_from_the_newest_sample() -> None:
    mono = [50.0]
    clock = FollowedClock(20.0, lambda: mono[0])
    assert clock.now_ns() == 0
    clock.hear(T0)
    mono[0] += 1.0
    assert clock.now_ns() == T0 + 20 * NS
    clock.hear(T0 + 10 * NS)  # late data
    assert clock.now_ns() == T0 + 20 * NS
    clock.hear(T0 + 25 * NS)
    assert clock.now_ns() == T0 + 25 * NS
    clock.hear(T0 + 30 * 86400 * NS)  # a station that lives in another month
    assert clock.now_ns() == T0 + 25 * NS
    assert isinstance(open_clock("data", 1.0), FollowedClock)
    assert isinstance(open_clock("wall", 1.0), WallClock)


def tick(t_ns: int, *, last: bool = False) -> Tick:
    return Tick(t_seen_ns=t_ns, last=last)


def test_sources_in_step_are_waited_for_and_a_hanging_one_is_not() -> None:
    ticks = LiveTicks(["a", "b"])
    assert ticks.due_ns is None
    ticks.take("a", tick(T0))
    assert ticks.due_ns == T0
    ticks.take("b", tick(T0 - NS // 10))
    assert ticks.due_ns == T0 - NS // 10
    ticks.take("a", tick(T0 + 10 * NS))
    assert ticks.due_ns == T0 + 10 * NS - PATIENCE_NS


def test_time_goes_on_without_any_source() -> None:
    now = [T0]
    ticks = LiveTicks(["a"], lambda: now[0])
    ticks.take("a", tick(T0))
    now[0] += 60 * NS
    assert ticks.due_ns == T0 + 60 * NS - SILENCE_NS


def test_the_end_is_when_all_have_ended() -> None:
    ticks = LiveTicks(["a", "b"])
    ticks.take("a", tick(T0, last=True))
    assert not ticks.ended
    ticks.take("b", tick(T0 + NS, last=True))
    assert ticks.ended
    assert ticks.due_ns == pytest.approx(T0 + NS)
