"""Slices depend on the messages alone."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as some

from seiswarn.blocks import blocks_of, packets_of
from seiswarn.messages import Packet, Slice
from seiswarn.runtime.slicer import TICK_NS, Slicer
from seiswarn.timebase import MS, NS

STEP = 20 * MS
START = 1_700_000_000 * NS


def _packet(k: int, t_ns: int) -> Packet:
    return Packet(channel=f"C{k}", t0_ns=t_ns, rate_hz=100.0, samples=b"1234", t_seen_ns=t_ns)


def _run(times: list[int], stops: list[int], end: int) -> list[Slice]:
    """Add packets as time goes on, and advance at `stops` on the way."""
    slicer, out, k = Slicer(STEP, "actual", START), [], 0
    for stop in sorted({*stops, end}):
        while k < len(times) and times[k] <= stop:
            slicer.add(blocks_of([_packet(k, times[k])]), times[k])
            k += 1
        out.extend(slicer.advance(stop))
    return out


MOMENTS = some.lists(some.integers(START + 1, START + 3 * NS), max_size=40)


@given(MOMENTS, MOMENTS)
def test_when_it_is_read_does_not_matter(times: list[int], stops: list[int]) -> None:
    end = START + 4 * NS
    assert _run(sorted(times), stops, end) == _run(sorted(times), [], end)


@given(MOMENTS)
def test_everything_comes_once_in_its_own_slice_and_silence_ticks(times: list[int]) -> None:
    pieces = _run(sorted(times), [], START + 4 * NS)
    ends = [s.t_seen_ns for s in pieces]
    assert ends == sorted(set(ends))
    assert all(b - a <= TICK_NS for a, b in zip([START, *ends], ends, strict=False))
    seen = [(p.t_seen_ns, s.t_seen_ns) for s in pieces for b in s.blocks for p in packets_of(b)]
    assert sorted(t for t, _ in seen) == sorted(times)
    assert all(end - STEP < t <= end for t, end in seen)


def test_what_comes_late_goes_into_the_next_slice() -> None:
    slicer = Slicer(STEP, "actual", START)
    list(slicer.advance(START + NS))
    slicer.add(blocks_of([_packet(0, START + 5)]), START + 5, ("source", 7))
    (piece,) = list(slicer.advance(START + NS + STEP))
    assert packets_of(piece.blocks[0])[0].t_seen_ns == START + 5
    assert piece.t_seen_ns == START + NS + STEP
    assert piece.marks == (("source", 7),)


def test_months_of_silence_cost_little() -> None:
    slicer = Slicer(STEP, "actual", START)
    slicer.add(blocks_of([_packet(0, START + 1)]), START + 1)
    later = START + 90 * 86400 * NS
    slicer.add(blocks_of([_packet(1, later)]), later)
    n = 0
    for piece in slicer.advance(later + STEP):
        n += 1
        last = piece
    assert n < 150_000
    assert last.blocks or last.t_seen_ns >= later


@given(MOMENTS, some.lists(some.integers(0, 40), max_size=6))
def test_a_block_over_several_slices_is_split(times: list[int], cuts: list[int]) -> None:
    """Blocks in any order of time, some of them late, give the slices of their packets one by one."""
    packets = [_packet(k, t) for k, t in enumerate(times)]
    edges = sorted({0, len(packets), *(c for c in cuts if c < len(packets))})
    whole, single = Slicer(STEP, "actual", START + NS), Slicer(STEP, "actual", START + NS)
    for a, b in itertools.pairwise(edges):
        whole.add(blocks_of(packets[a:b]), START)
    for p in packets:
        single.add(blocks_of([p]), START)
    found, expected = (list(s.advance(START + 4 * NS)) for s in (whole, single))
    assert [s.t_seen_ns for s in found] == [s.t_seen_ns for s in expected]
    for a, b in zip(found, expected, strict=True):
        key = [sorted((p.t_seen_ns, p.channel) for k in s.blocks for p in packets_of(k)) for s in (a, b)]
        assert key[0] == key[1]


def test_a_block_within_one_slice_is_taken_as_it_is() -> None:
    slicer = Slicer(STEP, "actual", START)
    (block,) = blocks_of([_packet(0, START + 1), _packet(1, START + STEP)])
    slicer.add([block], START + STEP)
    (piece,) = slicer.advance(START + STEP)
    assert piece.blocks[0] is block


def test_a_mark_is_not_journaled_before_what_its_frame_brought() -> None:
    """A live frame holds what was seen since its tick too: done too soon, a crash would lose it."""
    slicer, tick = Slicer(STEP, "actual", START), START + 5 * STEP
    slicer.add(blocks_of([_packet(0, tick - 1), _packet(1, tick + 3 * MS)]), tick, ("live", 8))
    slicer.add(blocks_of([_packet(2, tick - 1)]), tick, ("live", 9))
    slicer.add(blocks_of([_packet(3, tick - 1)]), tick, ("other", 4))
    seen, marks = set(), dict[str, int]()
    for piece in [*slicer.advance(tick), *slicer.advance(tick + 2 * STEP)]:
        seen |= {p.channel for b in piece.blocks for p in packets_of(b)}
        marks |= dict(piece.marks)
        if piece.t_seen_ns <= tick:
            assert "live" not in marks
    assert seen == {"C0", "C1", "C2", "C3"}
    assert marks == {"live": 9, "other": 4}


def test_a_time_that_is_wrong_holds_up_no_mark() -> None:
    slicer = Slicer(STEP, "actual", START)
    slicer.add(blocks_of([_packet(0, START + 3600 * NS)]), START + STEP, ("live", 1))
    marks = [piece.marks for piece in slicer.advance(START + 2 * NS)]
    assert (("live", 1),) in marks
