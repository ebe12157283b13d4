"""Records out of bytes cut anywhere: the same ones, however the bytes come."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seiswarn.ingest.cutting import MAX_RECORD, Cutter, Skipped, Whole
from seiswarn.ingest.pack import Packer
from sources.handy import T0, record

SHORT = [record(k) for k in range(4)]
LONG = [record(k, "FDSN:XX_LONGER_00_H_N_Z") for k in range(4)]  # version 3
MIXED = [SHORT[0], LONG[0], SHORT[1], SHORT[2], LONG[1], LONG[2], SHORT[3]]


def cut(data: bytes, edges: list[int]) -> list[Whole | Skipped]:
    cutter, found, at = Cutter(), [], 0
    for edge in [*sorted({e % (len(data) + 1) for e in edges}), len(data)]:
        found += cutter.feed(data[at:edge])
        at = edge
    return [*found, *cutter.end()]


def test_records_of_both_versions_come_out_as_they_went_in():
    found = cut(b"".join(MIXED), [])
    assert [f.payload for f in found] == MIXED
    assert [f.end for f in found] == np.cumsum([len(m) for m in MIXED]).tolist()
    assert {m[:2] == b"MS" for m in MIXED} == {True, False}, "the test means both versions"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 10_000), max_size=30))
def test_any_cut_gives_the_same(edges):
    data = b"".join(MIXED)
    assert cut(data, edges) == cut(data, [])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 10_000), max_size=12), st.integers(0, 4000), st.binary(max_size=300))
def test_any_cut_of_damaged_bytes_gives_the_same_and_loses_no_byte(edges, at, junk):
    data = b"".join(MIXED)
    data = data[:at] + junk + data[at + len(junk) // 2 :]
    found = cut(data, edges)
    assert found == cut(data, [])
    pieces = sum(len(f.payload) if isinstance(f, Whole) else f.length for f in found)
    assert pieces == len(data)


@pytest.mark.parametrize(
    "junk", [b"x" * 700, b"<html>nothing here</html>", b"000001D ", b"MS\x03", bytes(513)]
)
def test_it_finds_the_next_record_behind_junk(junk):
    found = cut(SHORT[0] + junk + SHORT[1] + LONG[0], [300, 600, 900])
    assert [f.payload for f in found if isinstance(f, Whole)] == [SHORT[0], SHORT[1], LONG[0]]
    assert [f for f in found if isinstance(f, Skipped)] == [Skipped(len(SHORT[0]), len(junk))]


def test_missing_bytes_cost_one_record_only():
    data = SHORT[0] + SHORT[1][:200] + SHORT[2] + SHORT[3]
    found = cut(data, list(range(0, len(data), 97)))
    assert [f.payload for f in found if isinstance(f, Whole)] == [SHORT[0], SHORT[2], SHORT[3]]


def test_a_length_beyond_all_reason_is_not_waited_for():
    head = bytearray(LONG[0])
    head[36:40] = (1 << 30).to_bytes(4, "little")  # bytes of data, miniSEED 3
    found = cut(bytes(head) + SHORT[0], [])
    assert [f.payload for f in found if isinstance(f, Whole)] == [SHORT[0]]
    (big,) = Packer(16384, 3).pack("FDSN:XX_A__H_N_Z", T0, 100.0, np.zeros(3000, np.float32), "f4")
    assert len(big) < MAX_RECORD
    assert [f.payload for f in cut(big, [100, 5000])] == [big]
