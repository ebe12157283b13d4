from __future__ import annotations

import os
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seiswarn.ingest.stdin import StdinSource
from seiswarn.reasons import Reason
from seiswarn.runtime.live_clock import WallClock
from sources.handy import Taking, record


@pytest.fixture
def pipe():
    read, write = os.pipe()
    ends = {"read": read, "write": write}
    yield ends
    for end in ends.values():
        if end is not None:
            os.close(end)


def feed(ends: dict[str, int | None], pieces: list[bytes]) -> None:
    for piece in pieces:
        os.write(ends["write"], piece)
    os.close(ends["write"])
    ends["write"] = None


def test_records_come_through_and_the_end_is_told_after_the_last(pipe):
    source = StdinSource(WallClock(), pipe["read"])
    taking = Taking(source)
    records = [record(k) for k in range(500)]
    data = b"".join(records)
    source.start()
    pieces = [data[k : k + 777] for k in range(0, len(data), 777)]
    writer = threading.Thread(target=feed, args=(pipe, pieces))
    writer.start()
    try:
        taking.until(lambda: source.ended)
        assert taking.payloads == records, "ended only when all was taken"
        assert taking.refused == []
        assert source.links()[0].detail == "the end of standard input"
    finally:
        writer.join()
        source.close()


def test_damage_in_the_stream_and_half_a_record_at_its_end(pipe):
    source = StdinSource(WallClock(), pipe["read"])
    taking = Taking(source)
    source.start()
    feed(pipe, [record(0), b"a broken pipe, a proxy's error page", record(1), record(2)[:300]])
    try:
        taking.until(lambda: source.ended)
        assert taking.payloads == [record(0), record(1)]
        assert [r.reason for r in taking.refused] == [Reason.CORRUPT_RECORD] * 2
        assert taking.refused[0].detail == "35 bytes at 512 are in no miniSEED record"
        assert taking.refused[1].detail == "300 bytes at 1059 are in no miniSEED record"
    finally:
        source.close()


def test_it_is_open_while_nothing_comes_and_closes_at_once(pipe):
    source = StdinSource(WallClock(), pipe["read"])
    source.start()
    Taking(source).until(lambda: source.links()[0].state == "connected")
    assert not source.ended
    source.close()
    assert not source.ended, "told to stop is not the end"


@settings(max_examples=10, deadline=None)
@given(st.binary(max_size=3000))
def test_no_bytes_raise(data):
    read, write = os.pipe()
    source = StdinSource(WallClock(), read)
    source.start()
    os.write(write, data)
    os.close(write)
    try:
        Taking(source).until(lambda: source.ended)
    finally:
        source.close()
        os.close(read)
