from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from seiswarn.blocks import blocks_of
from seiswarn.messages import Packet, Slice
from seiswarn.runtime import timing
from seiswarn.runtime.timing import WINDOW, StageTimes

BLOCKS = tuple(blocks_of([Packet(channel="c", t0_ns=0, rate_hz=100.0, samples=b"\0" * 4, t_seen_ns=1)]))


class Clock:
    now = 0.0

    def perf_s(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(timing, "clock", SimpleNamespace(perf_s=made.perf_s))
    return made


def run(times: StageTimes, clock: Clock, took: dict[str, float], blocks: Any = BLOCKS) -> None:
    def handle(piece: Slice) -> None:
        clock.now += 0.010  # the journal
        times.observe("")
        for stage, seconds in took.items():
            clock.now += seconds
            times.observe(stage)

    times.step(handle, Slice(t_seen_ns=1, blocks=blocks))


def test_stages_and_steps_by_themselves(clock: Clock) -> None:
    times = StageTimes()
    assert times.counters() == {}
    for k in range(1, 101):
        run(times, clock, {"waveform": 0.001 * k, "source": 0.002})
    told = times.counters()
    assert told["stage_waveform_ms_p50"] == pytest.approx(51.0, abs=1.1)
    assert told["stage_waveform_ms_p99"] == pytest.approx(99.0, abs=1.1)
    assert told["stage_waveform_ms_max"] == pytest.approx(100.0)
    assert told["stage_source_ms_p99"] == pytest.approx(2.0)
    assert told["step_ms_max"] == pytest.approx(112.0)


def test_slices_without_data_do_not_count_and_old_ones_are_forgotten(clock: Clock) -> None:
    times = StageTimes()
    run(times, clock, {"source": 5.0})
    for _ in range(WINDOW):
        run(times, clock, {"source": 9.0}, blocks=())
    assert times.counters()["stage_source_ms_max"] == 5000.0
    for _ in range(WINDOW):
        run(times, clock, {"source": 0.001})
    assert times.counters()["stage_source_ms_max"] == pytest.approx(1.0)
