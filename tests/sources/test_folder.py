from __future__ import annotations

import json
import os
import random
from pathlib import Path

import numpy as np
import pytest

from seiswarn.ingest import folder_tree
from seiswarn.ingest.folder import FolderSource, Watch
from seiswarn.ingest.folder_tree import Tree
from seiswarn.ingest.live import Received
from seiswarn.reasons import Reason
from seiswarn.runtime.live_clock import WallClock
from sources.handy import NS, T0, HandClock, Taking, decoded, record
from sources.test_knet import made


class Turning:
    """A folder source that the test turns by hand."""

    def __init__(self, path: Path, states: Path | None = None, **watch: object) -> None:
        self.clock = HandClock()
        self.path = path
        path.mkdir(exist_ok=True)
        options = {"existing": "read", "backfill_s": 1e6, "settle_s": 5.0, **watch}
        self.source = FolderSource(Watch(path, **options), self.clock, states)  # type: ignore[arg-type]
        self.taking = Taking(self.source)

    def turn(self, n: int = 3, seconds: float = 0.2) -> list[Received]:
        """What came in some turns."""
        before = len(self.taking.records)
        for _ in range(n):
            self.source.turn()
            self.taking.take()
            self.clock.s += seconds
        return self.taking.records[before:]

    @property
    def refused(self) -> list[tuple[str, Reason]]:
        return [(r.subject, r.reason) for r in self.taking.refused]


def put(path: Path, *records: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(b"".join(records))


def test_files_that_grow_by_any_pieces_give_every_record_once(tmp_path):
    t = Turning(tmp_path / "in")
    data = b"".join(record(k) for k in range(40))
    rng, at = random.Random(3), 0
    while at < len(data):
        piece = rng.randrange(1, 2000)
        put(t.path / "2023/XX/AAA/day.mseed", data[at : at + piece])
        at += piece
        t.turn(1)
    t.turn()
    assert b"".join(t.taking.payloads) == data
    assert t.refused == []
    assert [r.seq for r in t.taking.records] == [512 * (k + 1) for k in range(40)]


def test_half_a_record_waits_and_is_complained_of_once(tmp_path):
    t = Turning(tmp_path / "in")
    put(t.path / "a", record(0), record(1)[:200])
    assert [r.payload for r in t.turn()] == [record(0)]
    t.turn(10, 1.0)
    t.turn(10, 1.0)
    assert t.refused == [("a", Reason.CORRUPT_RECORD)]
    put(t.path / "a", record(1)[200:])
    assert [r.payload for r in t.turn()] == [record(1)]


def test_renamed_in_and_hidden_until_then(tmp_path):
    t = Turning(tmp_path / "in")
    put(t.path / "a.part", record(0))
    put(t.path / ".b", record(1))
    assert t.turn() == []
    (t.path / "a.part").rename(t.path / "a")
    (t.path / ".b").rename(t.path / "b")
    assert sorted(r.payload for r in t.turn()) == sorted([record(0), record(1)])


def test_foreign_and_empty_files_are_named_once_and_left_alone(tmp_path):
    t = Turning(tmp_path / "in", after="delete")
    (t.path / "notes.txt").write_text("nothing to see " * 20)
    (t.path / "empty").touch()
    (t.path / "big.bin").write_bytes(b"\xff" * 100_000)
    t.turn(20, 1.0)
    put(t.path / "notes.txt", b"and more of it")
    t.turn(20, 1.0)
    assert sorted(t.refused) == [("big.bin", Reason.FOREIGN_FILE), ("notes.txt", Reason.FOREIGN_FILE)]
    assert (t.path / "notes.txt").exists()
    assert t.taking.records == []


def test_a_file_removed_in_mid_read_and_another_of_its_name(tmp_path):
    t = Turning(tmp_path / "in")
    put(t.path / "a", record(0), record(1)[:100])
    t.turn()
    (t.path / "a").unlink()
    t.turn()
    assert t.refused == [("a", Reason.CORRUPT_RECORD)]
    put(t.path / "a", record(5), record(6))
    assert [r.payload for r in t.turn()] == [record(5), record(6)]
    put(t.path / "new", record(7))
    os.replace(t.path / "new", t.path / "a")
    assert [r.payload for r in t.turn()] == [record(7)]


def test_damage_inside_costs_what_is_damaged(tmp_path):
    t = Turning(tmp_path / "in")
    put(t.path / "a", record(0), b"garbage" * 50, record(1))
    assert [r.payload for r in t.turn()] == [record(0), record(1)]
    assert t.refused == [("a", Reason.CORRUPT_RECORD)]


def test_a_restart_reads_nothing_twice_and_leaves_nothing_out(tmp_path):
    states = tmp_path / "states"
    t = Turning(tmp_path / "in", states)
    put(t.path / "a", record(0), record(1), record(2)[:50])
    t.turn()
    t.source.close()
    put(t.path / "a", record(2)[50:])
    put(t.path / "b", record(9))
    again = Turning(tmp_path / "in", states)
    assert sorted(r.payload for r in again.turn()) == sorted([record(2), record(9)])


def test_what_was_not_journaled_is_read_again(tmp_path):
    states = tmp_path / "states"
    t = Turning(tmp_path / "in", states)
    t.taking = Taking(t.source, safe=False)
    put(t.path / "a", record(0), record(1))
    t.turn()
    t.source.safe({"a": 512})
    t.source.close()
    assert [r.payload for r in Turning(tmp_path / "in", states).turn()] == [record(1)]


def test_a_file_that_is_another_is_read_whole_though_its_inode_is_the_same(tmp_path):
    states = tmp_path / "states"
    t = Turning(tmp_path / "in", states)
    put(t.path / "a", record(0), record(1))
    t.turn()
    t.source.close()
    (t.path / "a").write_bytes(record(3) + record(4) + record(5))
    assert len(Turning(tmp_path / "in", states).turn()) == 3


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b'{"format": 99}', b"\xff\xfe", b'{"format": 1, "files": 3}']
)
def test_states_that_cannot_be_read_are_said_and_all_counts_as_new(tmp_path, text):
    states = tmp_path / "states"
    t = Turning(tmp_path / "in", states)
    put(t.path / "a", record(0))
    t.turn()
    t.source.close()
    (state,) = states.glob("folder-*.json")
    assert json.loads(state.read_bytes())["format"] == 1
    state.write_bytes(text)
    again = Turning(tmp_path / "in", states)
    assert len(again.turn()) == 1
    assert "every file counts as new" in again.source.links()[0].detail


def test_what_stood_there_before_may_be_passed_over(tmp_path):
    put(tmp_path / "in" / "old", record(0), record(1))
    t = Turning(tmp_path / "in", existing="skip")
    assert t.turn() == []
    put(t.path / "old", record(2))
    put(t.path / "new", record(3))
    assert sorted(r.payload for r in t.turn()) == sorted([record(2), record(3)])


def test_old_records_are_for_the_archive_alone(tmp_path):
    t = Turning(tmp_path / "in", backfill_s=60.0)
    t.clock.ns = T0 + 100 * NS
    put(t.path / "a", *(record(k) for k in (0, 70, 90)))
    assert [r.old for r in t.turn()] == [True, True, False]


@pytest.mark.parametrize("after", ["delete", "move"])
def test_files_are_cleared_away_once_they_are_safe_and_settled(tmp_path, after):
    t = Turning(tmp_path / "in", after=after)
    t.taking = Taking(t.source, safe=False)
    put(t.path / "sub/a", record(0))
    put(t.path / "torn", record(1), record(2)[:9])
    t.turn(20, 1.0)
    assert (t.path / "sub/a").exists(), "not journaled yet"
    t.source.safe({"sub/a": 512, "torn": 512})
    t.turn(3, 1.0)
    assert not (t.path / "sub/a").exists()
    assert (t.path / ".done/sub/a").exists() == (after == "move")
    assert (t.path / "torn").exists(), "there is something in it that nobody has read"
    assert t.turn(5) == []


def test_a_folder_that_goes_away_and_comes_back(tmp_path):
    source = FolderSource(Watch(tmp_path / "in", poll_s=0.05, existing="read"), WallClock(), None)
    taking = Taking(source)
    source.start()
    try:
        taking.until(lambda: source.links()[0].state == "refused")
        assert "No such file" in source.links()[0].detail
        put(tmp_path / "in" / "a", record(0))
        taking.until(lambda: len(taking.records) == 1)
        assert source.links()[0].state == "connected"
    finally:
        source.close()


def test_many_files_are_looked_at_a_bounded_number_a_turn(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_tree, "LOOKS", 50)
    for k in range(400):
        put(tmp_path / f"{k % 7}/{k:03d}", b"x")
    asked = []
    real = os.stat
    monkeypatch.setattr(os, "stat", lambda path, **more: (asked.append(str(path)), real(path, **more))[1])
    tree, found = Tree(tmp_path), []
    for _ in range(30):
        asked.clear()
        found += tree.look()[0]
        files = [p for p in asked if Path(p).name.isdigit() and len(Path(p).name) == 3]
        assert len(files) <= 3 * 50, "active ones, new ones, and the others in turn"
    assert sorted(s.name for s in found) == sorted(f"{k % 7}/{k:03d}" for k in range(400))
    assert all(s.first for s in found)
    put(tmp_path / "3/new", b"x")
    seen = [s for _ in range(3) for s in tree.look()[0]]
    assert [(s.name, s.first) for s in seen] == [("3/new", False)]


def test_a_file_long_untouched_is_still_seen_to_grow(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_tree, "ACTIVE_TURNS", 2)
    put(tmp_path / "a", b"x")
    tree = Tree(tmp_path)
    for _ in range(10):
        tree.look()
    put(tmp_path / "a", b"y")
    assert [s.size for s in tree.look()[0]] == [2]


def test_knet_files_are_read_when_whole(tmp_path):
    t = Turning(tmp_path / "in", form="knet")
    data = made("U-D")
    put(t.path / "AOM0011801241951.UD", data[:900])
    put(t.path / "readme", b"not one of them, though it is long enough to be looked at: 64 bytes or more")
    assert t.turn() == []
    put(t.path / "AOM0011801241951.UD", data[900:])
    records = decoded(t.turn())
    assert {r.channel for r in records} == {"FDSN:BO_AOM001__H_N_Z"}
    samples = np.concatenate([np.frombuffer(r.samples, "<i4") for r in records])
    assert samples.tolist() == (np.arange(200) * 7 - 400).tolist()
    assert t.refused == [("readme", Reason.FOREIGN_FILE)]
    assert [r.seq for r in t.taking.records][-1] == len(data)
    assert t.turn(10, 1.0) == []


def test_a_knet_file_that_never_becomes_whole_is_complained_of(tmp_path):
    t = Turning(tmp_path / "in", form="knet")
    put(t.path / "a", made()[:-100])
    put(t.path / "b", made(**{"Scale Factor": "much"}))
    t.turn(20, 1.0)
    assert sorted(t.refused) == [("a", Reason.CORRUPT_RECORD), ("b", Reason.CORRUPT_RECORD)]
