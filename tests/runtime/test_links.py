from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seiswarn.blocks import blocks_of
from seiswarn.errors import BusError
from seiswarn.ingest.base import Sealed
from seiswarn.messages import DataError, Packet, PacketBlock, Slice, Tick
from seiswarn.runtime.frames import Ack, Frame, cut_frames, hello, pack, pack_ack, unpack, unpack_ack
from seiswarn.runtime.links import MAX_FLIGHT, Incoming, Outgoing
from seiswarn.runtime.slicer import Slicer
from seiswarn.runtime.ticker import SourceTicks
from seiswarn.timebase import MS

STEP = 20 * MS


def packet(*t_seen_ns: int) -> PacketBlock:
    (block,) = blocks_of(
        Packet(
            channel="FDSN:XX_AAA__H_N_Z",
            t0_ns=0,
            rate_hz=100.0,
            samples=bytes(4),
            t_seen_ns=t,
            status="test",
        )
        for t in t_seen_ns
    )
    return block


def refusal(t_seen_ns: int) -> DataError:
    return DataError(t_seen_ns=t_seen_ns, subject="x", reason="EMPTY", status="test")


def frame(seq: int) -> Frame:
    return Frame(seq, (packet(seq * STEP),), Tick(t_seen_ns=seq * STEP))


# --- frames --------------------------------------------------------------------------------


@given(
    st.lists(st.integers(0, 3_000), max_size=40).map(sorted),
    st.integers(0, 50),
    st.booleans(),
)
def test_frames_make_the_slices_of_a_plain_replay(times_ms: list[int], start_ms: int, told: bool) -> None:
    times = [(start_ms + t) * MS + 1 for t in times_ms]
    packets = [packet(t) for t in times]
    errors = [refusal(start_ms * MS)] if told else []
    plain, live = Slicer(STEP, "test"), Slicer(STEP, "test")
    expected: list[Slice] = []
    plain.add(errors, start_ms * MS)
    for t, p in zip(times, packets, strict=True):
        expected += plain.advance(t - 1)
        plain.add([p], t)
    now = times[-1] if times else start_ms * MS
    end = -(-now // STEP) * STEP
    expected += plain.advance(end)
    made: list[Slice] = []
    frames = list(cut_frames(errors, packets, start_ms * MS, STEP))
    for f in frames:
        live.add(f.items, f.tick.t_seen_ns, ("s", f.seq))
        made += live.advance(f.tick.t_seen_ns)
    strip = [Slice(t_seen_ns=s.t_seen_ns, blocks=s.blocks, errors=s.errors, status=s.status) for s in made]
    assert strip == expected
    assert [f.seq for f in frames] == list(range(1, len(frames) + 1))
    assert [f.tick.last for f in frames] == [False] * (len(frames) - 2) + [True, True]
    assert not frames[-1].items
    marks = [dict(s.marks)["s"] for s in made if s.marks]
    assert marks == sorted(marks)


def test_a_mark_stands_in_the_slice_that_ends_its_frame() -> None:
    slicer = Slicer(STEP, "test")
    slicer.add([packet(5)], STEP, ("s", 1))
    slicer.add([packet(STEP + 1)], 2 * STEP, ("s", 2))
    assert [s.marks for s in slicer.advance(STEP)] == [(("s", 1),)]
    assert [s.marks for s in slicer.advance(2 * STEP)] == [(("s", 2),)]


def test_what_is_sealed_is_opened_when_its_frame_is_due() -> None:
    opened: list[int] = []

    def sealed(t_ns: int) -> Sealed:
        return Sealed(t_ns, lambda: opened.append(t_ns) or [packet(t_ns), refusal(t_ns)])

    frames = list(cut_frames([], [packet(5), sealed(STEP), sealed(2 * STEP)], 0, STEP))
    assert opened == []
    assert [f.weight for f in frames] == [1, 0, 0]
    assert frames[0].opened() == Frame(1, (packet(5), packet(STEP), refusal(STEP)), Tick(t_seen_ns=STEP))
    assert opened == [STEP]
    assert frames[1].opened().weight == 2
    assert frames[2].opened() is frames[2]


def test_a_block_over_several_slices_makes_several_frames() -> None:
    frames = list(cut_frames([], [packet(5, STEP + 1, 6)], 0, STEP))
    assert [f.weight for f in frames] == [2, 1, 0]
    assert [f.tick.t_seen_ns for f in frames] == [STEP, 2 * STEP, 2 * STEP]


def test_frames_go_over_the_wire_whole() -> None:
    sent = Frame(7, (packet(3), refusal(4)), Tick(t_seen_ns=20, last=True))
    assert unpack(pack(sent, 5)) == (sent, 5)
    assert unpack(hello()) == (None, 0)
    ack = Ack(incarnation="a", done=3, want=5, nack=True)
    assert unpack_ack(pack_ack(ack)) == ack


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [b"x", b"y", b"z"],
        [(1).to_bytes(8, "little"), bytes(8), b"garbage"],
        [(1).to_bytes(8, "little"), bytes(8), b"\x90"],  # an empty list: no tick
        pack(frame(1), 1)[:2],
    ],
)
def test_foreign_frames_are_refused(parts: list[bytes]) -> None:
    with pytest.raises(BusError):
        unpack(parts)


def test_foreign_acknowledgement_is_refused() -> None:
    with pytest.raises(BusError):
        unpack_ack(b"\x01")


# --- the link ------------------------------------------------------------------------------


class Core:
    """A core that journals some time after it accepts, and can crash in between."""

    def __init__(self, life: int, journal: list[int]) -> None:
        self.life = str(life)
        self.journal = journal
        self.waiting: list[int] = []
        self.incoming = Incoming(journal[-1] if journal else 0)

    def take(self, f: Frame, oldest: int) -> Ack | None:
        lost = self.incoming.accept(f.seq, oldest)
        if lost is None:
            return self.ack(nack=True) if self.incoming.objects(f.seq) else None
        assert lost == 0
        self.waiting.append(f.seq)
        return None

    def write(self) -> None:
        self.journal += self.waiting
        self.waiting.clear()

    def ack(self, *, nack: bool = False) -> Ack:
        self.incoming.patience_over()
        done = self.journal[-1] if self.journal else 0
        return Ack(incarnation=self.life, done=done, want=self.incoming.last + 1, nack=nack)


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.floats(0.0, 0.4), st.integers(1, 120))
def test_every_frame_reaches_the_journal_once_and_in_order(seed: int, loss: float, n: int) -> None:
    """Whatever is lost on the way, in both directions, and however often the core crashes."""
    rng = random.Random(seed)
    journal: list[int] = []
    life = 1
    core = Core(life, journal)
    out = Outgoing(1000)
    for seq in range(1, n + 1):
        out.push(frame(seq))
    for turn in range(5000):
        if len(journal) == n and out.idle:
            break
        for f in out.due():
            if rng.random() < loss:
                continue
            answer = core.take(f, out.oldest)
            if answer is not None and rng.random() >= loss:
                out.take(answer)
                break
        if rng.random() < 0.5:
            core.write()
        if rng.random() < 0.1 and turn < 200:
            life += 1
            core = Core(life, journal)
        if rng.random() >= loss:
            out.take(core.ack(nack=True))
    assert journal == list(range(1, n + 1))


def test_a_full_ring_drops_the_oldest_and_counts() -> None:
    out = Outgoing(10)
    for seq in range(1, MAX_FLIGHT + 21):
        out.push(frame(seq))
    assert out.dropped == MAX_FLIGHT + 20 - 10
    assert out.oldest == out.dropped + 1
    sent = [f.seq for f in out.due()]
    assert sent == list(range(out.oldest, MAX_FLIGHT + 21))
    core = Incoming()
    assert core.accept(sent[0], out.oldest) == out.dropped  # the core learns how many are lost


def test_a_restarted_ingest_skips_what_is_journaled() -> None:
    out = Outgoing(100)
    assert not out.greeted
    out.take(Ack(incarnation="a", done=5, want=8))
    assert out.greeted
    for seq in range(1, 11):
        out.push(frame(seq))
    assert [f.seq for f in out.due()] == [6, 7, 8, 9, 10]


def test_flight_is_bounded() -> None:
    out = Outgoing(10 * MAX_FLIGHT)
    for seq in range(1, 2 * MAX_FLIGHT):
        out.push(frame(seq))
    assert len(list(out.due())) == MAX_FLIGHT
    out.take(Ack(incarnation="a", done=10, want=MAX_FLIGHT + 1))
    assert [f.seq for f in out.due()] == list(range(MAX_FLIGHT + 1, MAX_FLIGHT + 11))


# --- time ----------------------------------------------------------------------------------


def test_time_is_where_the_slowest_source_is() -> None:
    ticks = SourceTicks(["a", "b"])
    ticks.take("a", Tick(t_seen_ns=50))
    assert ticks.due_ns is None
    ticks.take("b", Tick(t_seen_ns=30))
    assert ticks.due_ns == 30
    ticks.take("b", Tick(t_seen_ns=40, last=True))
    assert ticks.due_ns == 50
    assert not ticks.ended
    ticks.take("a", Tick(t_seen_ns=60, last=True))
    assert ticks.ended
    assert ticks.due_ns == 60
