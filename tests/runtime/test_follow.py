"""Following a journal of several files: each record once, whatever becomes of the files meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from seiswarn.runtime.files import OUTPUT
from seiswarn.runtime.follow import Follower
from seiswarn.store.journal import JournalWriter
from seiswarn.store.segments import closed_name


@contextmanager
def following(folder: Path) -> Iterator[tuple[JournalWriter, Follower]]:
    with (
        JournalWriter(folder / OUTPUT, metadata={"run_id": "r"}) as writer,
        closing(Follower(folder, f"ipc://{folder}/nobody")) as follower,
    ):
        yield writer, follower


def write(writer: JournalWriter, *numbers: int) -> None:
    for number in numbers:
        assert writer.append(str(number).encode()) == number


def rotate(writer: JournalWriter) -> Path:
    place = closed_name(Path(writer.path), writer.first_seq)
    writer.rotate(place)
    return place


def seqs(follower: Follower) -> list[int]:
    return [seq for seq, _ in follower.poll(0.0)]


@pytest.mark.parametrize("read_between", [False, True])
def test_file_that_is_closed_empty_holds_nobody_up(tmp_path: Path, read_between: bool) -> None:
    """Two reloads before anything was said."""
    with following(tmp_path) as (writer, follower):
        write(writer, 1, 2)
        assert seqs(follower) == [1, 2]
        rotate(writer)
        assert seqs(follower) == []  # stands in the second file, which is empty
        rotate(writer)
        if read_between:
            assert seqs(follower) == []
        write(writer, 3, 4)
        rotate(writer)
        write(writer, 5)
        got = [seq for _ in range(4) for seq in seqs(follower)]
        assert got == [3, 4, 5]
        assert follower.lost == 0


def test_what_was_removed_unread_is_counted(tmp_path: Path) -> None:
    with following(tmp_path) as (writer, follower):
        write(writer, 1)
        assert seqs(follower) == [1]
        rotate(writer)
        write(writer, 2, 3)
        gone = rotate(writer)
        write(writer, 4)
        gone.unlink()
        assert [seq for _ in range(3) for seq in seqs(follower)] == [4]
        assert follower.lost == 2
