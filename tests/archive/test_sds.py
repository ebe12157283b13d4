"""Day files: names, duplicates, torn ends, several writers, what goes when."""

from __future__ import annotations

import multiprocessing
import os
from datetime import date
from pathlib import Path

import obspy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy.clients.filesystem.sds import Client

from archive.made import NS, T0, N, record, samples
from seiswarn.store import sds
from seiswarn.store.sds import SdsArchive
from seiswarn.store.sds_params import Params
from seiswarn.store.sds_prune import day_files, prune
from seiswarn.store.sds_record import chain, day_start_ns, file_name, parse_name, read_head

DAY_NS = 86_400 * NS
NAME = "2023/XX/S001/HNZ.D/XX.S001.00.HNZ.D.2023.318"


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p, _ in day_files(root)}


def test_records_are_kept_as_received_where_sds_wants_them(tmp_path: Path) -> None:
    archive = SdsArchive(tmp_path)
    records = [record("S001", k) for k in range(20)]
    assert archive.write(records) == ([], None)
    archive.close()
    assert contents(tmp_path) == {NAME: b"".join(records)}
    stream = Client(str(tmp_path)).get_waveforms(
        "XX", "S001", "00", "HNZ", obspy.UTCDateTime(ns=T0), obspy.UTCDateTime(ns=T0 + 10 * NS - 1)
    )
    assert [s for tr in stream.merge() for s in tr.data] == [s for k in range(20) for s in samples(k)]


def test_both_versions_of_miniseed(tmp_path: Path) -> None:
    archive = SdsArchive(tmp_path)
    records = [record("S001", k, version=2 + k % 2) for k in range(20)]
    archive.write(records)
    archive.write(records)
    assert contents(tmp_path) == {NAME: b"".join(records)}


def test_record_across_midnight_goes_to_the_day_of_its_first_sample(tmp_path: Path) -> None:
    k = (day_start_ns(date(2023, 11, 15)) - T0) * 100 // (N * NS) // 1
    archive = SdsArchive(tmp_path)
    n = 7  # so that no record begins at midnight
    long = [record("S001", k * N // n + j, n=n) for j in range(-3, 4)]
    archive.write(long)
    found = contents(tmp_path)
    assert sorted(parse_name(name).day.day for name in found) == [14, 15]
    for name, data in found.items():
        for _, head in chain(data):
            assert file_name(*head[:4], parse_name(name).day) == name
            begin = day_start_ns(parse_name(name).day)
            assert begin <= head.start_ns < begin + DAY_NS


def test_duplicates_are_written_once_even_by_the_next_life(tmp_path: Path) -> None:
    records = [record("S001", k) for k in range(2000)]
    first = SdsArchive(tmp_path)
    first.write(records)
    first.write(records[1990:])
    assert first.counts.duplicates == 10
    second = SdsArchive(tmp_path)
    second.write([*records[1900:], record("S001", 2000)])
    assert second.counts.duplicates == 100
    second.write(records[:50])  # far older than what is remembered
    assert second.counts.duplicates == 150
    assert contents(tmp_path)[NAME] == b"".join([*records, record("S001", 2000)])


def test_late_records_are_not_taken_for_duplicates(tmp_path: Path) -> None:
    archive = SdsArchive(tmp_path)
    archive.write([record("S001", k) for k in range(500, 1000)])
    archive.write([record("S001", k) for k in range(500)])
    assert archive.counts.duplicates == 0
    assert len(list(chain(contents(tmp_path)[NAME]))) == 1000


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(1, 511), n=st.sampled_from([0, 1, 3, 300]), zeros=st.booleans())
def test_torn_end_is_cut_off_and_nothing_else(tmp_path_factory, cut: int, n: int, zeros: bool) -> None:
    root = tmp_path_factory.mktemp("torn")
    whole = b"".join(record("S001", k) for k in range(n))
    path = root / NAME
    path.parent.mkdir(parents=True)
    torn = record("S001", n)[:cut]
    path.write_bytes(whole + (bytes(cut) if zeros else torn))
    archive = SdsArchive(root)
    archive.write([record("S001", n), record("S001", n + 1)])
    assert path.read_bytes() == whole + record("S001", n) + record("S001", n + 1)
    assert archive.counts.torn_bytes == cut
    assert len(archive.notes) == 1


def test_damage_in_the_middle_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.parent.mkdir(parents=True)
    before = record("S001", 0) + b"\xff" * 700 + record("S001", 1)
    path.write_bytes(before)
    archive = SdsArchive(tmp_path)
    archive.write([record("S001", 0), record("S001", 1), record("S001", 2)])
    assert path.read_bytes() == before + record("S001", 2)
    assert archive.counts.torn_bytes == 0


def test_what_is_no_whole_record_is_counted_and_not_kept(tmp_path: Path) -> None:
    good = record("S001", 0)
    archive = SdsArchive(tmp_path)
    archive.write([b"<html>no</html>", good[:300], good + b"x", b"", good, b"\xff" * 512])
    assert contents(tmp_path) == {NAME: good}
    assert archive.counts.unreadable == 5


def test_more_channels_than_descriptors(tmp_path: Path) -> None:
    archive = SdsArchive(tmp_path, open_files=16)
    names = [f"S{s:03d}" for s in range(200)]
    before = len(os.listdir("/proc/self/fd"))
    for k in range(3):
        archive.write([record(name, k) for name in names])
    assert len(os.listdir("/proc/self/fd")) - before <= 16
    archive.sync()
    archive.close()
    assert len(os.listdir("/proc/self/fd")) == before
    assert {len(data) for data in contents(tmp_path).values()} == {3 * 512}
    assert len(contents(tmp_path)) == 200


def _fill(root: str, first: int, barrier: object) -> None:
    archive = SdsArchive(Path(root))
    barrier.wait()  # type: ignore[attr-defined]
    for k in range(first, first + 300, 5):
        archive.write([record("S001", j) for j in range(k, k + 5)])


def test_two_writers_of_one_file(tmp_path: Path) -> None:
    """Each brings records that the other has, too: every one is there once, and whole."""
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(2)
    writers = [context.Process(target=_fill, args=(str(tmp_path), first, barrier)) for first in (0, 150)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    data = contents(tmp_path)[NAME]
    keys = [head.key for _, head in chain(data)]
    assert len(data) == 512 * len(keys)
    assert len(keys) == len(set(keys)) == 450


def test_removed_file_is_made_again(tmp_path: Path) -> None:
    archive = SdsArchive(tmp_path)
    archive.write([record("S001", 0)])
    (tmp_path / NAME).unlink()
    archive.write([record("S001", 1)])
    assert contents(tmp_path) == {NAME: record("S001", 1)}


def test_short_write_leaves_whole_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = SdsArchive(tmp_path)
    archive.write([record("S001", 0)])
    real = os.write
    monkeypatch.setattr(sds.os, "write", lambda fd, data: real(fd, data[:1300]))
    left, error = archive.write([record("S001", k) for k in range(1, 5)])
    assert error is not None
    assert left == [record("S001", 3), record("S001", 4)]
    monkeypatch.undo()
    assert archive.write(left) == ([], None)
    assert contents(tmp_path)[NAME] == b"".join(record("S001", k) for k in range(5))


def filled(root: Path, days: int, size: int = 100_000) -> int:
    """`days` days up to today, one file each; returns now."""
    now = T0 + 100 * DAY_NS
    for back in range(days):
        name = file_name("XX", "S001", "00", "HNZ", date.fromordinal(date(2024, 2, 22).toordinal() - back))
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(bytes(size))
    return now


def days_left(root: Path) -> int:
    return len(list(day_files(root)))


def test_oldest_days_go_by_age_and_by_size_never_today(tmp_path: Path) -> None:
    now = filled(tmp_path, 60)
    assert prune(tmp_path, Params(keep_days=0, keep_gb=0, min_free_gb=10**6), now).files == 0
    assert prune(tmp_path, Params(keep_days=30, keep_gb=0, min_free_gb=0), now).files == 29
    assert days_left(tmp_path) == 31
    prune(tmp_path, Params(keep_days=0, keep_gb=0.00055, min_free_gb=0), now)
    assert days_left(tmp_path) == 5
    assert not (tmp_path / "2023").exists()  # empty folders go, too
    prune(tmp_path, Params(keep_days=5, keep_gb=0.0, min_free_gb=10**6), now)
    assert [found.day for _, found in day_files(tmp_path)] == [date(2024, 2, 22)]


def test_names_that_are_none() -> None:
    for name in ("XX.S.00.HNZ.D.2023.000", "XX.S.00.HNZ.D.2023.400", "XX.S.HNZ.D.2023.001", "stations.xml"):
        assert parse_name(name) is None
    assert parse_name("XX.S..HNZ.D.2024.366").day == date(2024, 12, 31)


def test_codes_that_would_leave_the_archive_are_refused() -> None:
    data = bytearray(record("S001", 0))
    data[8:13] = b"../.."
    with pytest.raises(ValueError, match=r"no miniSEED|codes"):
        read_head(bytes(data))
