"""Whether this computer's clock is kept by anybody: what the kernel knows of its error.

adjtimex(2) with nothing to set: cheap, needs no rights, and works whichever program keeps the time
(chrony, ntpd, systemd-timesyncd, ptp4l), since all of them tell the kernel.
"""

from __future__ import annotations

import ctypes
import sys
from typing import ClassVar, NamedTuple

TIME_ERROR = 5  # of linux/timex.h, as the others
STA_UNSYNC, STA_NANO = 0x0040, 0x2000


class _Timeval(ctypes.Structure):
    _fields_: ClassVar = [("tv_sec", ctypes.c_long), ("tv_usec", ctypes.c_long)]


class _Timex(ctypes.Structure):
    _fields_: ClassVar = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time", _Timeval),
        ("tick", ctypes.c_long),
        ("rest", ctypes.c_byte * 256),
    ]


class ClockState(NamedTuple):
    """What the kernel says: whether the clock is kept, and how wrong it may be, in s."""

    kept: bool
    max_error_s: float


def clock_state() -> ClockState | None:
    """The state of the system clock; None where it cannot be asked."""
    if not sys.platform.startswith("linux"):
        return None
    told = _Timex()
    try:
        code = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(told))
    except (OSError, AttributeError):
        return None
    if code < 0:
        return None
    kept = code != TIME_ERROR and not told.status & STA_UNSYNC
    return ClockState(kept, told.maxerror / 1e6)
