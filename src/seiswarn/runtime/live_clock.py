"""What time it is in a live run: by this computer, or by the data.

Times never go back: a computer whose clock is set back goes on in the old time, and says so, since
an event under way cannot be unseen. Set forward, it is followed at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from seiswarn.runtime import clock
from seiswarn.timebase import NS, from_seconds, iso

STEP_S = 0.5  # a smaller difference is what a time server corrects by slewing
TOLD_FOR_S = 60.0  # after the clock was set, or has caught up
ANCHOR_AHEAD_S = 3600.0  # records further ahead than this of all others are not believed to tell the time

ClockKind = Literal["wall", "data"]


class RunClock(Protocol):
    """The time of a live run, and the clocks a source may use."""

    speed: float

    def now_ns(self) -> int: ...

    def monotonic_s(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...

    def hear(self, last_sample_ns: int) -> None:
        """A record that ends with this sample has come."""
        ...

    def complaint(self) -> str:
        """What is wrong with the clock; empty when nothing is."""
        ...


class WallClock:
    """The clock of this computer, which may be set by somebody."""

    speed = 1.0

    def __init__(
        self,
        wall_ns: Callable[[], int] = clock.now_ns,
        mono_s: Callable[[], float] = clock.monotonic_s,
    ) -> None:
        self._wall_ns, self._mono_s = wall_ns, mono_s
        self._at_ns, self._at_s = wall_ns(), mono_s()
        self._last_ns = self._at_ns
        self._complaint = ""
        self._set_s = self._at_s  # when it was last set

    def now_ns(self) -> int:
        """Wall-clock time; never goes back."""
        wall, mono = self._wall_ns(), self._mono_s()
        expected = self._at_ns + from_seconds(mono - self._at_s)
        off_s = (wall - expected) / NS
        if off_s < -STEP_S:
            self._complaint = (
                f"this computer's clock was set back by {-off_s:.1f} s; times go on by the old one, "
                "restart seiswarn when the new one is right"
            )
            self._set_s = mono
            now = expected
        else:
            if off_s > STEP_S:
                self._complaint = f"this computer's clock was set forward by {off_s:.1f} s at {iso(wall, 0)}"
                self._set_s = mono
            elif self._complaint and mono - self._set_s > TOLD_FOR_S:
                self._complaint = ""
            now = wall
            self._at_ns, self._at_s = wall, mono
        self._last_ns = max(self._last_ns, now)
        return self._last_ns

    def monotonic_s(self) -> float:
        return self._mono_s()

    def sleep(self, seconds: float) -> None:
        clock.sleep(seconds)

    def hear(self, last_sample_ns: int) -> None:
        """The data do not change what this computer believes."""

    def complaint(self) -> str:
        return self._complaint


class FollowedClock:
    """Time by the newest data: old recordings served as if they were new, for tests and exercises.

    The newest sample says what time it is, and time runs on from there `speed` times as fast as the
    wall clock; 0 before the first record.
    """

    def __init__(self, speed: float = 1.0, mono_s: Callable[[], float] = clock.monotonic_s) -> None:
        self.speed = speed
        self._mono_s = mono_s
        self._at_ns, self._at_s = 0, 0.0
        self._last_ns = 0

    def now_ns(self) -> int:
        """Data time; never goes back."""
        if not self._at_ns:
            return 0
        now = self._at_ns + from_seconds((self._mono_s() - self._at_s) * self.speed)
        self._last_ns = max(self._last_ns, now)
        return self._last_ns

    def monotonic_s(self) -> float:
        return self._mono_s()

    def sleep(self, seconds: float) -> None:
        clock.sleep(seconds)

    def hear(self, last_sample_ns: int) -> None:
        """A record that ends with this sample has come: it cannot be earlier than that."""
        ahead = last_sample_ns - self.now_ns()
        if ahead > 0 and (not self._at_ns or ahead < ANCHOR_AHEAD_S * NS):
            self._at_ns, self._at_s = last_sample_ns, self._mono_s()

    def complaint(self) -> str:
        return ""


def open_clock(kind: ClockKind, speed: float) -> RunClock:
    """The clock a configuration asks for."""
    return WallClock() if kind == "wall" else FollowedClock(speed)
