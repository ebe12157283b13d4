"""THE SPINE: builds the stages in order and hands each slice through them.

No clock, socket, file, thread, randomness or environment in here or below: `run` and `replay`
differ only in who hands over the slices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from seiswarn.messages import Message


class Stage(Protocol):
    """One step of the pipeline: messages in, messages out, all state inside `snapshot()`.

    `handle` gets everything produced so far for this slice, in order: a stage picks what it
    needs and returns only what it adds. `t_seen_ns` is "now", monotone. Same messages, same
    output, always.
    """

    def handle(self, t_seen_ns: int, messages: Sequence[Message]) -> list[Message]: ...

    def snapshot(self) -> bytes: ...

    def restore(self, data: bytes) -> None: ...
