"""The only wall clock. Everything else gets its time from messages."""

from __future__ import annotations

import time

from seiswarn.timebase import NS


def now_ns() -> int:
    """Wall-clock time, ns UTC."""
    return time.time_ns()


def monotonic_s() -> float:
    """Seconds on a clock that never goes back, for durations."""
    return time.monotonic()


def perf_s() -> float:
    """Seconds on the finest clock, for measuring code."""
    return time.perf_counter()


def cpu_s() -> float:
    """Seconds of processor time this process has used."""
    return time.process_time()


def sleep(seconds: float) -> None:
    """Sleep, not at all when `seconds` is not positive."""
    if seconds > 0:
        time.sleep(seconds)


class DataClock:
    """Maps the wall clock to data time: data time runs `speed` times as fast from `start_ns` on.

    Parameters
    ----------
    start_ns
        data time at the moment of creation, ns UTC.
    speed
        1 for real time, N for N times as fast.
    """

    def __init__(self, start_ns: int, speed: float) -> None:
        self._start_ns = start_ns
        self._speed = speed
        self._wall_s = time.monotonic()

    def now_ns(self) -> int:
        """Data time now."""
        return self._start_ns + round((time.monotonic() - self._wall_s) * self._speed * NS)

    def wait_until(self, t_ns: int) -> None:
        """Sleep until data time has reached `t_ns`."""
        sleep((t_ns - self.now_ns()) / NS / self._speed)
