"""The thread that archives: killed, without space, without permission, too slow; never in the way."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from archive import made
from archive.made import record, samples
from seiswarn.ingest.live import Received
from seiswarn.ingest.miniseed import Record, parse_records
from seiswarn.reasons import Reason
from seiswarn.runtime.archiving import Archiving
from seiswarn.store.sds_params import Params
from seiswarn.store.sds_prune import day_files
from seiswarn.store.sds_record import chain

PLENTY = Params(min_free_gb=0.0, fsync_s=0.1)


def until(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """1 MiB of memory as a disk."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True
    )
    if done.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.processes
def test_killed_in_the_middle_of_writing(tmp_path: Path) -> None:
    """Whatever stands in the files after kill -9 is whole, and the next life goes on behind it."""
    first = 0
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, made.__file__, str(tmp_path), str(first), "20"],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(Path(made.__file__).parent.parent)},
        )
        assert process.stdout is not None
        last = 0
        while last < first + 60 or len(list(day_files(tmp_path))) < 20:
            last = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        first = max(0, last - 40)  # what no core had journaled comes again
    for path, _ in day_files(tmp_path):
        data = path.read_bytes()
        heads = [head for _, head in chain(data)]
        assert sum(head.n_bytes for head in heads) >= len(data) - 511
        keys = [head.key for head in heads]
        assert len(keys) == len(set(keys))
        for item in parse_records(data[: 512 * len(heads)]):
            assert isinstance(item, Record)
            k = round((item.t0_ns - made.T0) / (made.N * made.NS / made.RATE_HZ))
            assert item.samples == samples(k).astype("<i4").tobytes()
    assert len(list(day_files(tmp_path))) == 20


def test_full_disk_is_said_and_costs_nothing_once_there_is_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(900_000))
    archiving = Archiving(small_disk / "sds", PLENTY, time.time_ns, turn_s=0.02)
    archiving.start()
    for k in range(0, 400, 20):
        archiving.keep([Received(record("S001", j), 0) for j in range(k, k + 20)])
        time.sleep(0.01)
    until(lambda: any(reason is Reason.DISK_FULL for reason, _ in archiving.troubles()))
    written = archiving.counters()["archive_records"]
    assert 0 < written < 400
    (path,) = [p for p, _ in day_files(small_disk)]
    assert path.stat().st_size == 512 * written  # whole records only
    ballast.unlink()
    until(lambda: not archiving.troubles())
    until(lambda: archiving.counters()["archive_records"] == 400)
    archiving.close()
    assert path.read_bytes() == b"".join(record("S001", k) for k in range(400))


def test_full_queue_drops_and_counts(tmp_path: Path) -> None:
    (tmp_path / "sds").write_text("a file where the folder should be")
    params = Params(min_free_gb=0.0, queue_mb=1.0)
    archiving = Archiving(tmp_path / "sds", params, time.time_ns, turn_s=0.02)
    archiving.start()
    records = [Received(record("S001", k), 0) for k in range(2500)]
    archiving.keep(records)
    assert archiving.counters()["archive_dropped"] == 2500 - 1_000_000 // 512
    until(
        lambda: {reason for reason, _ in archiving.troubles()} == {Reason.BUFFER_FULL, Reason.ARCHIVE_FAILED}
    )
    (tmp_path / "sds").unlink()
    until(lambda: archiving.counters()["archive_records"] == 1_000_000 // 512)
    archiving.keep([Received(record("S001", 2500), 0)])
    until(lambda: not archiving.troubles())
    archiving.close()
    assert archiving.counters()["archive_waiting_bytes"] == 0


def test_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root there is no permission to lack: a read-only mount stands in for it."""
    (tmp_path / "sds").mkdir()
    if os.getuid() == 0:
        command = ["mount", "-t", "tmpfs", "-o", "size=1m,ro", "tmpfs", str(tmp_path / "sds")]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("mounting is not allowed here")
    else:
        (tmp_path / "sds").chmod(0o500)
    try:
        archiving = Archiving(tmp_path / "sds", PLENTY, time.time_ns, turn_s=0.02)
        archiving.start()
        archiving.keep([Received(record("S001", 0), 0)])
        until(lambda: any(reason is Reason.ARCHIVE_FAILED for reason, _ in archiving.troubles()))
    finally:
        if os.getuid() == 0:
            subprocess.run(["umount", "-l", str(tmp_path / "sds")], check=True)
        (tmp_path / "sds").chmod(0o700)
    until(lambda: archiving.counters()["archive_records"] == 1)
    assert not archiving.troubles()
    archiving.close()


def test_space_left_to_others(tmp_path: Path) -> None:
    archiving = Archiving(tmp_path, Params(min_free_gb=10**6), time.time_ns, turn_s=0.02)
    archiving.start()
    archiving.keep([Received(record("S001", 0), 0)])
    until(lambda: any("min_free_gb" in text for _, text in archiving.troubles()))
    archiving.close()
    assert not list(day_files(tmp_path))


def test_file_size_limit_is_a_full_disk(tmp_path: Path) -> None:
    """The write that crosses the limit is short, the next one fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        archiving = Archiving(tmp_path, PLENTY, time.time_ns, turn_s=0.02)
        archiving.start()
        archiving.keep([Received(record("S001", k), 0) for k in range(40)])
        until(lambda: any(reason is Reason.DISK_FULL for reason, _ in archiving.troubles()))
        (path,) = [p for p, _ in day_files(tmp_path)]
        until(lambda: path.stat().st_size == 10_000 // 512 * 512)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    until(lambda: archiving.counters()["archive_records"] == 40)
    archiving.close()
    assert path.read_bytes() == b"".join(record("S001", k) for k in range(40))


def test_late_records_are_known_by_the_whole_file(tmp_path: Path) -> None:
    """Far older than what is remembered: looked up by columns of headers, in both versions of miniSEED."""
    for version in (2, 3):
        root = tmp_path / str(version)
        archiving = Archiving(root, PLENTY, time.time_ns, turn_s=0.02)
        archiving.start()
        records = [Received(record("S001", k, version=version), 0) for k in range(3000)]
        archiving.keep(records)
        until(lambda archiving=archiving: archiving.counters()["archive_records"] == 3000)
        archiving.keep(records[:700])
        archiving.keep([Received(record("S001", 3000, version=version), 0)])
        archiving.close()
        told = archiving.counters()
        assert (told["archive_records"], told["archive_duplicates"]) == (3001, 700)


def test_too_old_for_a_warning_is_kept(tmp_path: Path) -> None:
    archiving = Archiving(tmp_path, PLENTY, time.time_ns, turn_s=0.02)
    archiving.start()
    archiving.keep([Received(record("S001", 0), 0, old=True)])
    archiving.close()
    assert [len(p.read_bytes()) for p, _ in day_files(tmp_path)] == [512]
