"""How long the stages of the core take, measured from outside of them.

Stages read no clock: `Pipeline` says through its `observe` hook that one has ended, and this looks
at the clock then. Only slices with data count; the others are over in microseconds and would
hide those that matter.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from seiswarn.messages import Slice
from seiswarn.runtime import clock

# Twenty seconds of a live run with slices of 20 ms: enough for a 99th percentile, and recent.
WINDOW = 1000


class StageTimes:
    """Times of the last slices with data, of every stage and of the whole step."""

    def __init__(self) -> None:
        self._times: dict[str, deque[float]] = {}
        self._steps: deque[float] = deque(maxlen=WINDOW)
        self._since_s = 0.0
        self._counts = False

    def step(self, handle: Callable[[Slice], None], piece: Slice) -> None:
        """Handle a slice and note how long that took, its journals included."""
        self._counts = bool(piece.blocks)
        begun = clock.perf_s()
        handle(piece)
        if self._counts:
            self._steps.append(clock.perf_s() - begun)
            self._counts = False

    def observe(self, stage: str) -> None:
        """A stage has ended; an empty name: the first one begins."""
        if not self._counts:
            return
        now = clock.perf_s()
        if stage:
            times = self._times.get(stage)
            if times is None:
                times = self._times[stage] = deque(maxlen=WINDOW)
            times.append(now - self._since_s)
        self._since_s = now

    def counters(self) -> dict[str, float]:
        """Milliseconds as counters of a heartbeat: step_ms_p50, stage_waveform_ms_p99 and so on."""
        told = _quantiles("step", self._steps)
        for stage, times in self._times.items():
            told |= _quantiles(f"stage_{stage}", times)
        return told


def _quantiles(name: str, times: Iterable[float]) -> dict[str, float]:
    ordered = sorted(times)
    if not ordered:
        return {}
    last = len(ordered) - 1
    at = {"p50": round(0.5 * last), "p99": round(0.99 * last), "max": last}
    return {f"{name}_ms_{which}": round(1000.0 * ordered[k], 4) for which, k in at.items()}
