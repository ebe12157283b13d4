"""What an ingest process does with a live source: records in, frames to the core, marks back.

Each turn takes what has come, decodes it in bulk and sends it as one frame that ends on the grid of
slices. Where nothing comes, a frame with a tick alone says so. A record is safe when the core has
journaled its frame; only then may the source forget that it was sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec
import numpy as np
import zmq

from seiswarn.bus import Link, connect
from seiswarn.errors import BusError
from seiswarn.ingest.decode import decode
from seiswarn.ingest.live import LiveSource, Received, Refused
from seiswarn.ingest.miniseed import Damage
from seiswarn.ingest.tally import Tally
from seiswarn.messages import DataError, PacketBlock, Status, Tick
from seiswarn.reasons import Reason
from seiswarn.runtime.frames import Frame, hello, pack, unpack_ack
from seiswarn.runtime.links import Outgoing
from seiswarn.runtime.live_clock import RunClock
from seiswarn.runtime.processes.base import LifeSign, StopRequest
from seiswarn.runtime.slicer import TICK_NS
from seiswarn.timebase import NS, sample_offset_ns

HELLO_AFTER_S = 0.5  # without an acknowledgement
LEAVE_AFTER_S = 3.0  # told to stop, for the acknowledgements of what is on its way
LEAST_TURN_S = 0.02  # however fast data time runs: smaller frames cost more than they hasten
KEPT_AFTER_S = 3.0  # the archive writes once a second
REPORT_NS = 10 * NS
MAX_MARKS = 100_000  # frames whose records are not known to be safe


class Keeper(Protocol):
    """Who else gets every record as received: the archive. It never waits, and knows what troubles it."""

    def keep(self, records: Sequence[Received]) -> None: ...

    def troubles(self) -> Sequence[tuple[Reason, str]]: ...

    def counters(self) -> Mapping[str, float]: ...


class Receiver:
    """Frames of one live source.

    Parameters
    ----------
    endpoint, name
        of the core, and of this source there.
    step_ns
        length of a slice.
    keeper
        gets every record as received, those too that are too old for a warning.
    """

    def __init__(
        self,
        source: LiveSource,
        run_clock: RunClock,
        *,
        endpoint: str,
        name: str,
        status: Status,
        step_ns: int,
        max_items: int,
        keeper: Keeper | None = None,
    ) -> None:
        self.source, self.name, self.status = source, name, status
        self._clock, self._keeper = run_clock, keeper
        # Frames end on the grid of slices, and on a coarser one where data time runs fast.
        self._step_ns = step_ns * max(1, round(LEAST_TURN_S * run_clock.speed * NS / step_ns))
        self._fast = run_clock.speed > 1.0
        self._out = Outgoing(max_items)
        self._seq = 0  # of the last frame made
        self._tick_ns = 0
        self._marks: deque[tuple[int, float, dict[str, int]]] = deque(maxlen=MAX_MARKS)
        self._tally = Tally(status, REPORT_NS)
        self._waiting: list[Received] = []
        self._heard_s = 0.0
        self.counters = dict.fromkeys(("records", "packets", "damaged", "old", "frames"), 0.0)
        hwm = Link(send_hwm=1000, receive_hwm=1000, linger_ms=0)
        self._socket = connect(zmq.DEALER, endpoint, None, hwm, identity=name)

    def run(self, stop: StopRequest, life: LifeSign) -> None:
        """Receive until told to stop, or until the source has ended; what was sent is waited for."""
        self.source.start()
        leave_s: float | None = None
        while True:
            if stop and leave_s is None:
                self.source.close()
                leave_s = self._clock.monotonic_s() + LEAVE_AFTER_S
            idle = self._out.idle and not self._waiting
            if leave_s is not None and (idle or self._clock.monotonic_s() > leave_s):
                break
            self._listen(self._wait_s())
            self._turn()
            self._send()
            ended = self.source.ended and leave_s is None
            if self._out.finished:
                break
            state = "ready" if self._out.greeted else "waiting"
            life.give(
                "ended" if ended else state,
                self._clock.now_ns(),
                self._counters,
                links=self.source.links,
                complaints=self._complaints(),
            )
        life.give("finished", self._clock.now_ns(), self._counters)

    # --- one turn --------------------------------------------------------------------------------

    def _wait_s(self) -> float:
        """Until the end of the slice under way."""
        now = self._clock.now_ns()
        if not now:
            return 0.02
        left_ns = self._step_ns - now % self._step_ns
        return max(0.001, left_ns / NS / self._clock.speed)

    def _turn(self) -> None:
        """Make a frame of what has come, when anything has or a tick is due."""
        if not self._out.greeted:
            return
        if self._out.full:
            return  # the source waits, or drops its oldest and counts them
        taken, refused = self.source.take()
        self.counters["records"] += len(taken)
        self.counters["old"] += sum(r.old for r in taken)
        items: list[PacketBlock | DataError] = self._refusals(refused)
        if self._keeper is not None:
            self._keeper.keep(taken)
            items += self._troubles(self._keeper)
        records = self._until_tick(taken)
        blocks = self._decode([r for r in records if not r.old], items)
        now = self._clock.now_ns()
        if not now:
            return
        tick = now // self._step_ns * self._step_ns
        if self.source.ended:
            tick += self._step_ns
        if not (blocks or items or records or self.source.ended) and tick - self._tick_ns < TICK_NS:
            return
        self._tick_ns = max(tick, self._tick_ns)
        self._seq += 1
        marks = {r.stream: r.seq for r in records if r.seq}
        if marks:
            self._marks.append((self._seq, self._clock.monotonic_s(), marks))
        last = self.source.ended and not (blocks or records or self._waiting)
        self._out.push(Frame(self._seq, (*blocks, *items), Tick(t_seen_ns=self._tick_ns, last=last)))
        self.counters["frames"] += 1

    def _until_tick(self, taken: Sequence[Received]) -> list[Received]:
        """What waits and was seen up to the tick of this turn; the rest would wait at the core.

        A frame is journaled as a whole, or it comes again: no part of it may be of the slice under way.
        """
        records = [*self._waiting, *taken]
        now = self._clock.now_ns()
        self._waiting = []
        if self._fast or self.source.ended or not now:
            return records
        tick = now // self._step_ns * self._step_ns
        self._waiting = [r for r in records if tick < r.t_seen_ns <= now]
        return [r for r in records if not tick < r.t_seen_ns <= now] if self._waiting else records

    def _decode(self, records: Sequence[Received], items: list[PacketBlock | DataError]) -> list[PacketBlock]:
        if not records:
            return []
        edges = np.cumsum([0, *(len(r.payload) for r in records)])
        seen = np.array([r.t_seen_ns for r in records], dtype=np.int64)

        def at(offsets: np.ndarray) -> np.ndarray:
            return seen[np.searchsorted(edges, offsets, side="right") - 1]

        blocks, damages = decode(b"".join([r.payload for r in records]), at, self.status)
        for damage in damages:
            record = records[int(np.searchsorted(edges, damage.offset, side="right")) - 1]
            items.extend(self._damage(damage, record))
        self.counters["packets"] += sum(len(b.channels) for b in blocks)
        newest = max((_newest_ns(b) for b in blocks), default=0)
        if newest:
            self._clock.hear(newest)
        if self._fast:  # one slice a frame
            now = self._clock.now_ns() // self._step_ns * self._step_ns
            blocks = [_seen(block, now, every=True) for block in blocks]
        elif not seen.all():  # time is by the data, and had not begun
            now = self._clock.now_ns()
            blocks = [_seen(block, now) for block in blocks]
        return blocks

    def _damage(self, damage: Damage, record: Received) -> list[DataError]:
        self.counters["damaged"] += 1
        subject = damage.channel or record.stream or self.name
        return self._say(record.t_seen_ns, subject, damage.reason, damage.detail)

    def _refusals(self, refused: Sequence[Refused]) -> list[PacketBlock | DataError]:
        items: list[PacketBlock | DataError] = []
        for r in refused:
            items.extend(self._say(r.t_seen_ns, r.subject, r.reason, r.detail))
        complaint = self._clock.complaint()
        if complaint:
            items.extend(self._say(self._clock.now_ns(), "clock", Reason.CLOCK_STEP, complaint))
        return items

    def _say(self, t_seen_ns: int, subject: str, reason: Reason, detail: str) -> list[DataError]:
        error = self._tally.refuse(t_seen_ns or self._clock.now_ns(), subject, reason, detail)
        return [] if error is None else [error]

    def _troubles(self, keeper: Keeper) -> list[DataError]:
        found = [(reason, text) for reason, text in keeper.troubles()]
        return [e for reason, text in found for e in self._say(self._clock.now_ns(), "archive", reason, text)]

    # --- the link --------------------------------------------------------------------------------

    def _listen(self, timeout_s: float) -> None:
        """Take acknowledgements; ask for one when none came for a while."""
        if self._socket.poll(max(1, round(timeout_s * 1000))):
            while True:
                try:
                    ack = unpack_ack(self._socket.recv(zmq.NOBLOCK))
                except zmq.Again:
                    break
                except BusError:
                    continue
                if not self._out.greeted:
                    # Frames of an earlier life of this process may be journaled: numbers go on behind them.
                    self._seq = ack.want - 1
                self._out.take(ack)
                self._heard_s = self._clock.monotonic_s()
            self._safe()
        if self._clock.monotonic_s() - self._heard_s > HELLO_AFTER_S:
            self._heard_s = self._clock.monotonic_s()
            self._post(hello())

    def _safe(self, *, at_end: bool = False) -> None:
        """Tell the source what is journaled; with an archive, only what that has had the time to write.

        After a kill the source then brings again what the archive may lack; what the core and the archive
        have already they leave out.
        """
        until_s = self._clock.monotonic_s()
        if self._keeper is not None and not at_end:
            until_s -= KEPT_AFTER_S
        marks: dict[str, int] = {}
        while self._marks and self._marks[0][0] <= self._out.done and self._marks[0][1] <= until_s:
            marks.update(self._marks.popleft()[2])
        if marks:
            self.source.safe(marks)

    def _send(self) -> None:
        for frame in self._out.due():
            if not self._post(pack(frame, self._out.oldest)):
                break

    def _post(self, parts: list[bytes]) -> bool:
        try:
            self._socket.send_multipart(parts, zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def _complaints(self) -> tuple[str, ...]:
        complaint = self._clock.complaint()
        troubles = self._keeper.troubles() if self._keeper is not None else ()
        return (*((complaint,) if complaint else ()), *(f"archive: {text}" for _, text in troubles))

    def _counters(self) -> dict[str, float]:
        return self.counters | {
            "resent": float(self._out.resent),
            "dropped": float(self._out.dropped),
            "acknowledged": float(self._out.done),
            **(self._keeper.counters() if self._keeper is not None else {}),
        }

    def close(self) -> None:
        """Stop receiving. Whoever keeps records has to write what it holds."""
        self._safe(at_end=True)
        self.source.close()
        self._socket.close()


def _newest_ns(block: PacketBlock) -> int:
    """The last sample of all packets of a block."""
    t0 = np.frombuffer(block.t0_ns, "<i8")
    k = int(np.argmax(t0))
    rate = float(np.frombuffer(block.rate_hz, "<f8")[k])
    n = int(np.frombuffer(block.n_samples, "<i4")[k])
    return int(t0[k]) + sample_offset_ns(max(n - 1, 0), rate)


def _seen(block: PacketBlock, now_ns: int, *, every: bool = False) -> PacketBlock:
    """The block with the times that could not be told before; with `every` all at one time."""
    seen = np.frombuffer(block.t_seen_ns, "<i8")
    told = np.where(every | (seen == 0), now_ns, seen).astype("<i8").tobytes()
    return msgspec.structs.replace(block, t_seen_ns=told)
