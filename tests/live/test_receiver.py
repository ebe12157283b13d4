"""From records to frames and back: what a live ingest process does, with a core that is played here."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import pytest
import zmq

from live import serving
from seiswarn.blocks import columns
from seiswarn.ingest.live import Received, Refused
from seiswarn.messages import DataError, LinkState, PacketBlock
from seiswarn.reasons import Reason
from seiswarn.runtime.frames import Ack, Frame, pack_ack, unpack
from seiswarn.runtime.live_clock import WallClock
from seiswarn.runtime.receiver import Receiver
from seiswarn.timebase import MS


class Given:
    """A source that gives what a test puts in."""

    NAME: ClassVar[str] = "given"
    NEEDS: ClassVar[str] = ""
    VALID: ClassVar[str] = ""
    REFERENCE: ClassVar[str] = ""
    VERIFIED: ClassVar[bool] = True

    def __init__(self) -> None:
        self.records: list[Received] = []
        self.refused: list[Refused] = []
        self.marks: dict[str, int] = {}
        self.ended = False

    def start(self) -> None: ...

    def take(self) -> tuple[list[Received], list[Refused]]:
        out = self.records, self.refused
        self.records, self.refused = [], []
        return out

    def safe(self, marks: Mapping[str, int]) -> None:
        self.marks.update(marks)

    def links(self) -> Sequence[LinkState]:
        return ()

    def close(self) -> None: ...


class Core:
    """The other end of the link."""

    def __init__(self, endpoint: str) -> None:
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind(endpoint)
        self.frames: list[Frame] = []

    def hear(self) -> None:
        while self.socket.poll(20):
            _, *parts = self.socket.recv_multipart()
            frame, _ = unpack(parts)
            if frame is not None:
                self.frames.append(frame)

    def answer(self, done: int, want: int, incarnation: str = "1") -> None:
        ack = Ack(incarnation=incarnation, done=done, want=want)
        self.socket.send_multipart([b"given-1", pack_ack(ack)])


@pytest.fixture
def link(tmp_path: object) -> Iterator[tuple[Given, Receiver, Core]]:
    endpoint = f"ipc://{tmp_path}/input"
    core, source = Core(endpoint), Given()
    receiver = Receiver(
        source, WallClock(), endpoint=endpoint, name="given-1", status="test", step_ns=20 * MS, max_items=100
    )
    yield source, receiver, core
    receiver.close()
    core.socket.close()


def record(k: int, station: str = "S000", *, old: bool = False, payload: bytes = b"") -> Received:
    now = time.time_ns()
    return Received(payload or serving.record(station, k, now), now, f"srv XX_{station}", k + 1, old)


def turn(receiver: Receiver) -> None:
    receiver._listen(0.02)
    receiver._turn()
    receiver._send()


def greeted(receiver: Receiver, core: Core, done: int = 0) -> None:
    turn(receiver)
    core.hear()
    core.answer(done, done + 1)
    time.sleep(0.05)
    turn(receiver)


def packets(frames: Sequence[Frame]) -> int:
    return sum(len(b.channels) for f in frames for b in f.items if isinstance(b, PacketBlock))


def test_frames_go_on_behind_what_the_core_has(link: tuple[Given, Receiver, Core]) -> None:
    source, receiver, core = link
    source.records = [record(0)]
    turn(receiver)
    core.hear()
    assert not core.frames  # nobody has answered: numbers are not known
    greeted(receiver, core, done=41)
    core.hear()
    assert core.frames[0].seq == 42
    assert packets(core.frames) == 1


def test_marks_are_safe_when_their_frame_is_journaled(link: tuple[Given, Receiver, Core]) -> None:
    source, receiver, core = link
    greeted(receiver, core)
    source.records = [record(0), record(1), record(0, "S001")]
    time.sleep(0.03)
    turn(receiver)
    core.hear()
    assert source.marks == {}
    core.answer(core.frames[-1].seq, core.frames[-1].seq + 1)
    time.sleep(0.05)
    turn(receiver)
    assert source.marks == {"srv XX_S000": 2, "srv XX_S001": 1}


def test_damage_and_refusals_are_named_and_cost_nothing_else(link: tuple[Given, Receiver, Core]) -> None:
    source, receiver, core = link
    greeted(receiver, core)
    source.records = [record(0), record(1, payload=b"\xff" * 512), record(2)]
    source.refused = [Refused(time.time_ns(), "srv XX_S009", Reason.GAP, "too old to go on from")]
    time.sleep(0.03)
    turn(receiver)
    core.hear()
    assert packets(core.frames) == 2
    errors = {(e.subject, e.reason) for f in core.frames for e in f.items if isinstance(e, DataError)}
    assert errors == {("srv XX_S000", "CORRUPT_RECORD"), ("srv XX_S009", "GAP")}


def test_no_frame_holds_what_was_seen_after_its_tick(link: tuple[Given, Receiver, Core]) -> None:
    """Journaled in part only, it would be lost in part, or come twice."""
    source, receiver, core = link
    greeted(receiver, core)
    end = time.monotonic() + 0.5
    n = 0
    while time.monotonic() < end:
        source.records = [record(n)]
        n += 1
        receiver._turn()  # at any time: an acknowledgement wakes the process within a slice
        receiver._send()
        time.sleep(0.005)
    time.sleep(0.03)
    turn(receiver)
    core.hear()
    assert packets(core.frames) == n > 5
    for frame in core.frames:
        seen = [t for b in frame.items if isinstance(b, PacketBlock) for t in columns(b).t_seen_ns.tolist()]
        assert max(seen, default=0) <= frame.tick.t_seen_ns


def test_old_records_are_not_for_the_core(link: tuple[Given, Receiver, Core]) -> None:
    source, receiver, core = link
    greeted(receiver, core)
    source.records = [record(0, old=True), record(1)]
    time.sleep(0.03)
    turn(receiver)
    core.hear()
    assert packets(core.frames) == 1
    assert receiver.counters["old"] == 1


def test_source_is_not_asked_while_nothing_can_be_sent(link: tuple[Given, Receiver, Core]) -> None:
    source, receiver, core = link
    greeted(receiver, core)
    for k in range(150):
        source.records = [record(k)]
        time.sleep(0.021)
        turn(receiver)
        if source.records:
            break
    assert source.records, "a full ring must leave records to the source"
    core.hear()
    core.answer(core.frames[-1].seq, core.frames[-1].seq + 1)
    time.sleep(0.05)
    turn(receiver)
    assert not source.records


def test_silence_is_ticked(link: tuple[Given, Receiver, Core]) -> None:
    _, receiver, core = link
    greeted(receiver, core)
    for _ in range(30):
        turn(receiver)
    core.hear()
    times = [f.tick.t_seen_ns for f in core.frames]
    assert len(times) >= 2
    assert all(not f.items for f in core.frames)
    assert all(t % (20 * MS) == 0 for t in times)
    assert times == sorted(times)
