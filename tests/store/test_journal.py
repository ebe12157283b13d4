from __future__ import annotations

import os
import resource
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seiswarn.blocks import blocks_of
from seiswarn.errors import JournalCorrupt, JournalFull, StoreError
from seiswarn.messages import Packet, Slice, Tick, encode
from seiswarn.reasons import Reason
from seiswarn.store.journal import JournalReader, JournalWriter, Position
from seiswarn.store.waveforms import waveforms

PAYLOADS = [b"first", b"", b"x" * 300, bytes(range(256))]


def write(path: Path, payloads: list[bytes] = PAYLOADS, **options: object) -> list[Position]:
    with JournalWriter(path, **options) as writer:  # type: ignore[arg-type]
        ends = [writer.position]
        for payload in payloads:
            writer.append(payload)
            ends.append(writer.position)
    return ends


def read(path: Path) -> list[tuple[int, bytes]]:
    with JournalReader(path) as reader:
        return list(reader)


def test_what_is_written_is_read_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.jrn"
    write(path, metadata={"config": "abc", "versions": {"seiswarn": "0"}})
    assert read(path) == list(enumerate(PAYLOADS, start=1))
    with JournalReader(path) as reader:
        assert reader.metadata == {"config": "abc", "versions": {"seiswarn": "0"}}
        assert list(reader.records(from_seq=3)) == [(3, PAYLOADS[2]), (4, PAYLOADS[3])]
        assert reader.torn is None


def test_append_many_is_one_write_and_reopening_continues(tmp_path: Path) -> None:
    path = tmp_path / "a.jrn"
    with JournalWriter(path, sync="always") as writer:
        assert writer.append_many(PAYLOADS) == 4
        assert writer.append_many([]) == 4
    with JournalWriter(path, metadata={"ignored": "the head is written once"}, sync="interval") as writer:
        assert writer.torn is None
        assert writer.append(b"more") == 5
        writer.flush()
    assert read(path) == list(enumerate([*PAYLOADS, b"more"], start=1))


def test_a_follower_sees_each_record_once(tmp_path: Path) -> None:
    path = tmp_path / "a.jrn"
    path.touch()
    with JournalReader(path) as reader:
        assert reader.metadata == {}
        records, offset = reader.read_from()
        assert (records, offset) == ([], 0)
        with JournalWriter(path) as writer:
            for i in range(20):
                writer.append(b"%d" % i)
                records, offset = reader.read_from(offset)
                assert records == [(i + 1, b"%d" % i)]
        assert reader.read_from(offset) == ([], offset)
        assert reader.read_from(0, max_records=3)[0] == [(1, b"0"), (2, b"1"), (3, b"2")]


def test_a_half_written_record_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a.jrn"
    write(path)
    whole = path.read_bytes()
    for cut in (len(whole) - 1, len(whole) - 256 - 10):  # in the payload, in the head
        path.write_bytes(whole[:cut])
        with JournalReader(path) as reader:
            records, offset = reader.read_from()
            assert [seq for seq, _ in records] == [1, 2, 3]
            assert reader.torn is Reason.TORN_RECORD
            path.write_bytes(whole)
            assert reader.read_from(offset) == ([(4, PAYLOADS[3])], len(whole))
            assert reader.torn is None


@settings(max_examples=60, deadline=None)
@given(payloads=st.lists(st.binary(max_size=60), max_size=6), data=st.data())
def test_truncated_anywhere_all_whole_records_before_survive(
    tmp_path_factory: pytest.TempPathFactory, payloads: list[bytes], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("j") / "a.jrn"
    ends = write(path, payloads)
    cut = data.draw(st.integers(0, ends[-1].offset))
    os.truncate(path, cut)
    whole = [p.seq for p in ends[1:] if p.offset <= cut]
    assert [seq for seq, _ in read(path)] == whole
    with JournalWriter(path) as writer:
        clean = cut in [0, *(p.offset for p in ends)]
        assert writer.torn is (None if clean else Reason.TORN_RECORD)
        writer.append(b"again")
    assert [payload for _, payload in read(path)] == [*payloads[: len(whole)], b"again"]


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_flipped_bit_is_never_read_as_data(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("j") / "a.jrn"
    ends = write(path)
    raw = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(raw)
    records: list[tuple[int, bytes]] = []
    corrupt: JournalCorrupt | None = None
    with JournalReader(path) as reader:
        try:
            for record in reader:
                records.append(record)
        except JournalCorrupt as error:
            corrupt = error
        torn = reader.torn
    if corrupt is None:  # only a damaged last record may end the reading quietly
        assert torn is Reason.TORN_RECORD
        assert at >= ends[-2].offset
    else:
        assert corrupt.offset == max(o for o in (0, *(p.offset for p in ends[:-1])) if o <= at)
    assert records == list(enumerate(PAYLOADS, start=1))[: len(records)]
    assert len(records) < len(PAYLOADS)


def test_damage_in_the_middle_stops_the_writer(tmp_path: Path) -> None:
    path = tmp_path / "a.jrn"
    ends = write(path)
    raw = bytearray(path.read_bytes())
    raw[ends[0].offset + 25] ^= 1
    path.write_bytes(raw)
    with pytest.raises(JournalCorrupt) as caught:
        JournalWriter(path)
    assert caught.value.offset == ends[0].offset
    assert str(path) in str(caught.value)
    with JournalWriter(path, after=ends[2]) as writer:  # what a snapshot vouches for is not read again
        assert writer.position == ends[-1]


def test_a_damaged_length_does_not_pass_for_a_torn_record(tmp_path: Path) -> None:
    path = tmp_path / "a.jrn"
    ends = write(path)
    raw = bytearray(path.read_bytes())
    raw[ends[0].offset + 4 : ends[0].offset + 8] = struct.pack("<I", 1 << 20)
    path.write_bytes(raw)
    with pytest.raises(JournalCorrupt):
        read(path)


def test_blocks_of_zeros_after_a_power_failure_are_torn_not_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "a.jrn"
    write(path)
    with path.open("ab") as stream:
        stream.write(bytes(4096))
    with JournalWriter(path) as writer:
        assert writer.torn is Reason.TORN_RECORD
        assert writer.append(b"on") == 5


def test_a_full_disk_is_named_and_leaves_a_whole_file(tmp_path: Path) -> None:
    """A file size limit does to the writer what a full disk does: short write, then an error."""
    path = tmp_path / "a.jrn"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with JournalWriter(path) as writer:
        writer.append(b"kept")
        before = path.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (before + 100, hard))
        try:
            with pytest.raises(JournalFull, match=r"no space .*; free some before the next start$"):
                writer.append(b"y" * 1000)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert path.stat().st_size == before
        assert writer.append(b"after") == 2
    assert read(path) == [(1, b"kept"), (2, b"after")]


def test_short_writes_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: real(fd, bytes(data)[:7], offset))
    write(tmp_path / "a.jrn")
    assert read(tmp_path / "a.jrn") == list(enumerate(PAYLOADS, start=1))


def test_no_space_for_the_file_head(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(JournalFull):
            JournalWriter(tmp_path / "a.jrn")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    write(tmp_path / "a.jrn")  # the same file can be used when there is room


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    alien = tmp_path / "alien"
    alien.write_bytes(b"this is a perfectly ordinary text file, longer than a record head")
    with pytest.raises(JournalCorrupt):
        read(alien)
    with pytest.raises(JournalCorrupt):
        JournalWriter(alien)
    with pytest.raises(StoreError, match="cannot read"):
        JournalReader(tmp_path / "missing.jrn")
    with pytest.raises(StoreError, match="cannot open"):
        JournalWriter(tmp_path)
    with pytest.raises(StoreError, match="bytes long"):
        JournalWriter(tmp_path / "short.jrn", after=Position(500, 3))


def test_two_writers_of_one_file_are_impossible(tmp_path: Path) -> None:
    with JournalWriter(tmp_path / "a.jrn"), pytest.raises(StoreError, match="another process"):
        JournalWriter(tmp_path / "a.jrn")


def test_waveforms_are_cut_from_the_input_journal(tmp_path: Path) -> None:
    def packet(channel: str, second: int, dtype: str = "i4") -> Packet:
        samples = np.arange(second * 10, second * 10 + 10).astype({"i4": "<i4", "f8": "<f8"}[dtype])
        t0 = second * 1_000_000_000
        return Packet(
            channel=channel,
            t0_ns=t0,
            rate_hz=10.0,
            samples=samples.tobytes(),
            dtype=dtype,
            t_seen_ns=t0,  # type: ignore[arg-type]
        )

    path = tmp_path / "input.jrn"
    with JournalWriter(path) as writer:
        for s in (0, 2, 1, 3):
            writer.append(
                encode(Slice(t_seen_ns=s, blocks=blocks_of((packet("FDSN:B", s), packet("FDSN:A", s, "f8")))))
            )
        writer.append(encode(Tick(t_seen_ns=9)))
        odd = Packet(channel="FDSN:B", t0_ns=0, rate_hz=float("nan"), samples=b"", t_seen_ns=0)
        writer.append(encode(Slice(t_seen_ns=9, blocks=blocks_of((odd,)))))
    with JournalReader(path) as reader:
        found = waveforms(reader, t0_ns=1_000_000_000, t1_ns=3_000_000_000)
        only = waveforms(reader, t0_ns=0, t1_ns=10**18, channels={"FDSN:A"})
    assert list(found) == ["FDSN:A", "FDSN:B"]
    assert [t0 for t0, _, _ in found["FDSN:B"]] == [1_000_000_000, 2_000_000_000]
    np.testing.assert_array_equal(found["FDSN:B"][1][2], np.arange(20, 30))
    assert found["FDSN:A"][0][2].dtype == np.float64
    assert [len(v) for v in only.values()] == [4]
