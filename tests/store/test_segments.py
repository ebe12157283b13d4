"""Journals of several files: numbers go on, readers follow, what a crash leaves is put right."""

from __future__ import annotations

from pathlib import Path

import pytest

from seiswarn.errors import JournalCorrupt
from seiswarn.explain.reading import Journal
from seiswarn.store.journal import JournalReader, JournalWriter, Position
from seiswarn.store.segments import beginning_with, closed, closed_name, forget, latest_records, records


def fill(path: Path, cuts: list[int], n: int) -> None:
    """Records 1 to n, the journal going on in a new file after each number in `cuts`."""
    with JournalWriter(path, metadata={"run": "x"}) as writer:
        for k in range(1, n + 1):
            assert writer.append(b"%d" % k) == k
            if k in cuts:
                writer.rotate(closed_name(path, writer.first_seq))


def test_records_go_on_over_files(tmp_path: Path) -> None:
    path = tmp_path / "input.jrn"
    fill(path, [3, 7], 10)
    assert [s.first_seq for s in closed(path)] == [1, 4]
    assert list(records(path)) == [(k, b"%d" % k) for k in range(1, 11)]
    assert [seq for seq, _ in records(path, 6)] == [6, 7, 8, 9, 10]
    with JournalReader(path) as reader:
        assert reader.first_seq == 8
        assert reader.metadata == {"run": "x"}
        assert reader.begin.seq == 7
    with JournalWriter(path) as writer:
        assert writer.append(b"11") == 11


def test_closed_file_is_read_to_its_end_by_who_has_it_open(tmp_path: Path) -> None:
    path = tmp_path / "input.jrn"
    with JournalWriter(path) as writer:
        writer.append(b"1")
        reader = JournalReader(path)
        found, offset = reader.read_from(0)
        writer.append(b"2")
        writer.rotate(closed_name(path, 1))
        writer.append(b"3")
        assert not reader.is_file(path)
        assert reader.read_from(offset)[0] == [(2, b"2")]
        reader.close()
    assert found == [(1, b"1")]


def test_crash_between_the_two_renamings(tmp_path: Path) -> None:
    path = tmp_path / "input.jrn"
    fill(path, [2], 2)
    path.rename(tmp_path / ".input.jrn.next")
    with JournalWriter(path) as writer:
        assert writer.position.seq == 2
        assert writer.append(b"3") == 3


def test_a_missing_file_in_between_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "input.jrn"
    fill(path, [2, 4], 6)
    with JournalReader(path) as reader:
        begin = reader.begin
    with pytest.raises(JournalCorrupt), JournalWriter(path, after=Position(begin.offset, 2)):
        pass


def test_oldest_files_go_first_and_the_growing_one_never(tmp_path: Path) -> None:
    path = tmp_path / "input.jrn"
    fill(path, [3, 6, 9], 10)
    beside = tmp_path / "snapshot-000000000001.bin"
    beside.write_bytes(b"")
    sizes = sum(s.path.stat().st_size for s in closed(path)) + path.stat().st_size
    assert forget(path, sizes, "snapshot-{seq}.bin") == 0
    assert forget(path, sizes - 1, "snapshot-{seq}.bin") == 1
    assert not beside.exists()
    assert [s.first_seq for s in closed(path)] == [4, 7]
    assert [seq for seq, _ in records(path)] == [4, 5, 6, 7, 8, 9, 10]
    assert forget(path, 0) == 2
    assert [seq for seq, _ in records(path)] == [10]
    first = beginning_with(path, 2)
    assert first is not None
    assert first.first_seq == 10


def test_latest_records_reach_back_as_far_as_asked(tmp_path: Path) -> None:
    path = tmp_path / "input.jrn"
    fill(path, [3, 6], 8)
    assert [seq for seq, _ in latest_records(path, 1)] == [7, 8]
    assert [seq for seq, _ in latest_records(path, path.stat().st_size + 1)] == [4, 5, 6, 7, 8]
    assert len(list(latest_records(path, 1 << 30))) == 8


def test_explain_reads_all_files_and_finds_places_again(tmp_path: Path) -> None:
    path = tmp_path / "output.jrn"
    fill(path, [3, 7], 10)
    whole = list(Journal(path).entries())
    assert [payload for _, payload in whole] == [b"%d" % k for k in range(1, 11)]
    for k, (place, _) in enumerate(whole):
        assert list(Journal(path).entries(place)) == whole[k:]
