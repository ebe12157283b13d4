"""Slices depend on the messages alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from seiswarn.blocks import packets_of
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
            slicer.add([_packet(k, times[k])], times[k])
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
    slicer.add([_packet(0, START + 5)], START + 5, ("source", 7))
    (piece,) = list(slicer.advance(START + NS + STEP))
    assert packets_of(piece.blocks[0])[0].t_seen_ns == START + 5
    assert piece.t_seen_ns == START + NS + STEP
    assert piece.marks == (("source", 7),)


def test_months_of_silence_cost_little() -> None:
    slicer = Slicer(STEP, "actual", START)
    slicer.add([_packet(0, START + 1)], START + 1)
    later = START + 90 * 86400 * NS
    slicer.add([_packet(1, later)], later)
    n = 0
    for piece in slicer.advance(later + STEP):
        n += 1
        last = piece
    assert n < 150_000
    assert last.blocks or last.t_seen_ns >= later
