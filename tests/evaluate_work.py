"""What new processes do in tests of `seiswarn.evaluate`: they can import this, being on the path of tests."""

from __future__ import annotations

import os
import signal
from typing import Any

from seiswarn.evaluate.heard import Heard
from seiswarn.evaluate.metrics import figures


def work(n: int) -> int:
    """Ten times the number, but for three that fail each in a way of its own."""
    if n == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    if n == 4:
        raise ValueError("four")
    if n == 5:
        os._exit(7)
    return 10 * n


def judged_but_killed(work: Any) -> dict[str, Any]:
    """Instead of replaying: silence, and the end of the process in set b."""
    if work.task.set_id == "b":
        os.kill(os.getpid(), signal.SIGKILL)
    heard = Heard(key="", catalogue=(), reached=(), n_stations=3, data_s=60.0)
    return figures(work.task.set_id, heard, work.rules)
