"""Nanosecond arithmetic. All times are int64 nanoseconds since 1970-01-01 UTC, no leap seconds.

Nothing here reads a clock: that is `runtime/clock.py` alone.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

NS = 1_000_000_000
MS = 1_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)$")


def iso(t_ns: int, digits: int = 9) -> str:
    """Format `t_ns` as ISO 8601 UTC, e.g. ``2019-07-06T03:19:53.040000000Z``.

    `digits` (0 to 9) decimals of a second are kept; the rest is cut off, not rounded.
    """
    whole, frac = divmod(t_ns, NS)
    text = (_EPOCH + timedelta(seconds=whole)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{frac:09d}"[: 20 + digits] + "Z" if digits else f"{text}Z"


def parse_iso(text: str) -> int:
    """Inverse of `iso`: nanoseconds from ISO 8601 UTC text. Raises ValueError on anything else."""
    match = _ISO.match(text)
    if match is None:
        raise ValueError(f"not an ISO 8601 time in UTC (ending in Z): {text!r}")
    whole = datetime.fromisoformat(match[1]).replace(tzinfo=UTC) - _EPOCH
    return (whole.days * 86400 + whole.seconds) * NS + int((match[2] or "0").ljust(9, "0"))


def seconds(dt_ns: int) -> float:
    """Nanoseconds to seconds."""
    return dt_ns / NS


def from_seconds(dt_s: float) -> int:
    """Seconds to nanoseconds, rounded."""
    return round(dt_s * NS)


def sample_offset_ns(n: int, rate_hz: float) -> int:
    """Time from sample 0 to sample `n` at `rate_hz`, in nanoseconds, rounded."""
    return round(n * NS / rate_hz)
