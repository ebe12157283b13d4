"""Signals to the daemon: handlers that are set before anything slow is loaded.

SIGHUP kills a process that has not asked for it, and systemd or an administrator may send one at any
time: so this module imports nothing that takes time.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType


class Signals:
    """SIGINT and SIGTERM ask to stop; a second one is not obeyed faster. Only the main thread may ask.

    SIGHUP asks to read the configuration again.
    """

    def __init__(self) -> None:
        self.came = False
        self.hung_up = False
        self._before = {}
        if threading.current_thread() is threading.main_thread():
            self._before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._hang_up)
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.came = True

    def _hang_up(self, number: int, frame: FrameType | None) -> None:
        self.hung_up = True

    def __call__(self) -> bool:
        return self.came

    def restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
