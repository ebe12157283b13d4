from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from factories import make_alert, make_decision, make_estimate, make_origin, make_pick, make_report
from seiswarn.errors import StoreError
from seiswarn.messages import Message, encode
from seiswarn.store.sqlite import SCHEMA_VERSION, Database

RUN = "run-1"


def journal(*messages: Message) -> list[tuple[int, bytes]]:
    return [(seq, encode(message)) for seq, message in enumerate(messages, start=1)]


RECORDS = journal(
    make_pick(0),
    make_estimate(revision=1, state="new"),
    make_decision(),
    make_alert(revision=1),
    make_estimate(revision=2),
    make_alert(revision=2),
    make_report(),
)


def opened(path: Path, sinks: tuple[str, ...] = ("mqtt", "file")) -> Database:
    database = Database(path / "seiswarn.db", sinks=sinks)
    database.begin_run(RUN, "actual", {"config": "abc"})
    return database


def test_the_output_journal_becomes_tables(tmp_path: Path) -> None:
    with opened(tmp_path) as db:
        assert db.take(RUN, RECORDS) == 7
        assert db.counts(RUN) == {
            "events": 1, "revisions": 2, "decisions": 1, "alerts": 2, "reports": 1, "picks": 1, "outbox": 4
        }  # fmt: skip
        assert db.alerts(RUN) == [make_alert(revision=1), make_alert(revision=2)]
        assert db.alerts(RUN, "another") == []
        assert [e.revision for e in db.estimates(RUN, "sw20260512062804")] == [1, 2]


def test_reading_the_journal_again_changes_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as db:
        db.take(RUN, RECORDS[:4])
        db.take(RUN, RECORDS[:4])
        before = db.counts(RUN)
        db.take(RUN, RECORDS[2:4])
        assert db.counts(RUN) == before
        db.take(RUN, RECORDS)
        assert db.last_seq(RUN) == 7
    with opened(tmp_path) as db:
        assert db.begin_run(RUN, "actual") == 7
        db.take(RUN, RECORDS)
        assert db.counts(RUN)["alerts"] == 2


def test_a_revision_said_twice_by_a_restarted_core_is_sent_once(tmp_path: Path) -> None:
    with opened(tmp_path, ("mqtt",)) as db:
        db.take(RUN, journal(make_alert(revision=1), make_alert(revision=1), make_alert(revision=2)))
        assert [d.alert.revision for d in db.pending(RUN, "mqtt")] == [1, 2]


def test_an_older_revision_never_replaces_a_newer_one(tmp_path: Path) -> None:
    with opened(tmp_path) as db:
        db.take(RUN, journal(make_estimate(revision=5, state="ended"), make_estimate(revision=4)))
    with sqlite3.connect(tmp_path / "seiswarn.db") as raw:
        assert raw.execute("SELECT revision, state FROM events").fetchall() == [(5, "ended")]
    raw.close()


def test_outbox_is_worked_off_in_order_and_per_sink(tmp_path: Path) -> None:
    with opened(tmp_path) as db:
        db.take(RUN, RECORDS)
        assert [d.seq for d in db.pending(RUN, "mqtt")] == [4, 6]
        db.mark_failed(RUN, "mqtt", 4, "SINK_FAILED")
        assert [(d.seq, d.attempts) for d in db.pending(RUN, "mqtt")] == [(4, 1), (6, 0)]
        db.mark_delivered(RUN, "mqtt", 4, 123)
        db.mark_delivered(RUN, "mqtt", 4, 999)  # a second confirmation is no error and changes nothing
        db.mark_refused(RUN, "mqtt", 6, "STATUS_MISMATCH")
        assert db.pending(RUN, "mqtt") == []
        assert [d.seq for d in db.pending(RUN, "file", limit=1)] == [4]
        assert db.outbox_states(RUN) == {
            ("file", "pending"): 2,
            ("mqtt", "delivered"): 1,
            ("mqtt", "refused"): 1,
        }
        with pytest.raises(StoreError, match="never due"):
            db.mark_delivered(RUN, "fax", 4, 1)
    with sqlite3.connect(tmp_path / "seiswarn.db") as raw:
        query = "SELECT delivered_t_seen_ns, attempts FROM outbox WHERE sink = 'mqtt' AND seq = 4"
        assert raw.execute(query).fetchall() == [(123, 2)]
    raw.close()


def test_a_hole_in_the_sequence_is_refused_as_a_whole(tmp_path: Path) -> None:
    with opened(tmp_path) as db:
        with pytest.raises(StoreError, match="record 3 of run run-1 follows record 1"):
            db.take(RUN, [RECORDS[0], RECORDS[2]])
        assert db.last_seq(RUN) == 0
        assert db.counts(RUN)["picks"] == 0
        with pytest.raises(StoreError, match="unknown run"):
            db.take("other", RECORDS)


def test_absurd_values_are_kept_without_harm(tmp_path: Path) -> None:
    odd = make_estimate(origin=make_origin(depth_km=float("nan")), magnitude=None)
    with opened(tmp_path) as db:
        db.take(RUN, journal(odd, make_pick(0, snr=float("inf"))))
        assert db.counts(RUN)["events"] == 1


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from test_sqlite import RECORDS, RUN, opened
from pathlib import Path
db = opened(Path(sys.argv[1]))
db.take(RUN, RECORDS[:4])
def records():
    yield from RECORDS[4:6]
    os.kill(os.getpid(), signal.SIGKILL)
db.take(RUN, records())
"""


@pytest.mark.processes
def test_killed_in_mid_transaction_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": str(here.parent)}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), str(here)], env=environment, timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL
    with opened(tmp_path) as db:
        assert db.last_seq(RUN) == 4
        assert [d.seq for d in db.pending(RUN, "mqtt")] == [4]
        db.mark_delivered(RUN, "mqtt", 4, 5)
        db.take(RUN, RECORDS)
        assert [d.seq for d in db.pending(RUN, "mqtt")] == [6]
        assert [d.seq for d in db.pending(RUN, "file")] == [4, 6]


def test_files_that_are_not_ours_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database at all, but long enough to be read as a header" * 40)
    with pytest.raises(StoreError, match="not a database"):
        Database(tmp_path / "text")
    with pytest.raises(StoreError, match="unable to open"):
        Database(tmp_path / "missing" / "x.db")
    for name, statement, why in (
        ("alien", "CREATE TABLE cakes (taste TEXT)", "another program"),
        ("newer", f"PRAGMA user_version = {SCHEMA_VERSION + 1}", "newer version"),
    ):
        raw = sqlite3.connect(tmp_path / name)
        raw.execute(statement)
        raw.close()
        with pytest.raises(StoreError, match=why):
            Database(tmp_path / name)
