"""The line of the log that names a station whose clock, place or gain must be wrong."""

from __future__ import annotations

from seiswarn.messages import DataError, Message
from seiswarn.reasons import Reason

SUSPECT = frozenset({Reason.SUSPECT_CLOCK, Reason.SUSPECT_GAIN})


def suspect_line(message: Message) -> str | None:
    """What to tell an operator of a doubted station; None for every other message."""
    if not isinstance(message, DataError) or message.reason not in SUSPECT:
        return None
    return f"{message.subject}: {message.reason}: {message.detail}"
