"""Standard input as a live source: miniSEED bytes that another program pipes in.

``slinktool -o - host:port | seiswarn run seiswarn.toml``. What the program does to stay connected is
its own affair; here the end of the pipe is the end of the source.
"""

from __future__ import annotations

import os
import select
from collections.abc import Mapping, Sequence
from typing import ClassVar

from seiswarn.ingest.cutting import Cutter, Skipped, Whole
from seiswarn.ingest.door import Door
from seiswarn.ingest.live import Clock, Received, Refused
from seiswarn.messages import LinkState
from seiswarn.reasons import Reason

READ_BYTES = 1 << 16
WAIT_S = 0.2  # between two looks whether to stop


class StdinSource:
    """Records of one stream of bytes; `fd` is the file it is read from."""

    NAME: ClassVar[str] = "stdin"
    NEEDS: ClassVar[str] = "a program that writes miniSEED to the pipe"
    VALID: ClassVar[str] = "miniSEED 2 and 3, records up to 128 KiB"
    REFERENCE: ClassVar[str] = "FDSN SEED 2.4; FDSN miniSEED 3"
    VERIFIED: ClassVar[bool] = True

    def __init__(self, clock: Clock, fd: int = 0, silent_s: float = 60.0) -> None:
        self._fd = fd
        self._door = Door("stdin", clock, silent_s=silent_s)
        self._cutter = Cutter()
        self._over = False

    def start(self) -> None:
        self._door.start(self._run)

    def take(self) -> tuple[list[Received], list[Refused]]:
        return self._door.inbox.take()

    def safe(self, marks: Mapping[str, int]) -> None:
        """A pipe sends nothing twice."""

    def links(self) -> Sequence[LinkState]:
        return (self._door.link(),)

    @property
    def ended(self) -> bool:
        """The pipe is closed and all it brought has been taken."""
        return self._over and self._door.inbox.empty

    def close(self) -> None:
        self._door.close()

    def _run(self) -> None:
        door = self._door
        door.say("connected", "reading")
        problem = ""
        while door.wait_for_room():
            try:
                if not select.select([self._fd], [], [], WAIT_S)[0]:
                    continue
                data = os.read(self._fd, READ_BYTES)
            except (OSError, ValueError) as error:
                problem = f"standard input cannot be read: {error}"
                door.refuse("stdin", Reason.UNREADABLE_FILE, problem)
                break
            if not data:
                problem = "the end of standard input"
                break
            door.count("bytes", len(data))
            self._hand_over(self._cutter.feed(data))
        if door.stopping.is_set():
            return
        self._hand_over(self._cutter.end())
        door.say("refused", problem)
        self._over = True

    def _hand_over(self, found: Sequence[Whole | Skipped]) -> None:
        records = []
        for item in found:
            if isinstance(item, Whole):
                records.append(item.payload)
                continue
            detail = f"{item.length} bytes at {item.offset} are in no miniSEED record"
            self._door.refuse("stdin", Reason.CORRUPT_RECORD, detail)
        self._door.put(records)
