from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from factories import make_alert, make_decision
from seiswarn.bus import Publisher
from seiswarn.errors import SeiswarnError
from seiswarn.messages import Message, encode
from seiswarn.runtime.delivery import Deliveries, Way
from seiswarn.runtime.files import OUTPUT
from seiswarn.runtime.follow import Follower
from seiswarn.store.journal import JournalWriter
from seiswarn.store.sqlite import Database


class Sink:
    NAME = "fake"
    statuses = frozenset({"actual"})
    audiences = frozenset[str]()
    ignores = frozenset[str]()

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.sent: list[int] = []

    def send(self, message: Message, seq: int) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append(seq)

    def close(self) -> None:
        pass


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


Records = list[tuple[int, bytes]]
RECORDS: Records = [
    (1, encode(make_alert(revision=1, status="actual"))),
    (2, encode(make_decision(status="actual"))),
    (3, encode(make_alert(revision=2, status="actual"))),
]


def opened(tmp_path: Path, ways: list[Way], clock: Callable[[], float]) -> Deliveries:
    database = Database(tmp_path / "outbox.sqlite", sinks=[way.name for way in ways])
    database.begin_run("r", "actual")
    return Deliveries(database, "r", ways, clock)


@pytest.mark.parametrize("error", [OSError("no route"), SeiswarnError("no"), ZeroDivisionError("a bug")])
def test_a_failing_sink_is_tried_again_and_stops_no_other(tmp_path: Path, error: Exception) -> None:
    good, bad, clock = Sink(), Sink(error), Clock()
    deliveries = opened(tmp_path, [Way("bad", bad), Way("good", good)], clock)
    deliveries.take(RECORDS)
    assert good.sent == [1, 2, 3]
    assert deliveries.pending == 2
    bad.error = None
    deliveries.retry()
    assert bad.sent == []  # not yet
    clock.now = 5.0
    deliveries.retry()
    assert bad.sent == [1, 3]
    assert deliveries.pending == 0
    assert good.sent == [1, 2, 3]
    deliveries.close()


def test_what_was_pending_when_the_process_died_is_sent_by_the_next(tmp_path: Path) -> None:
    deliveries = opened(tmp_path, [Way("zmq", Sink(OSError("down")))], Clock())
    deliveries.take(RECORDS)
    deliveries.close()
    again = Sink()
    way = Way("zmq", again, known=3)
    deliveries = opened(tmp_path, [way], Clock())
    deliveries.resend(way)
    deliveries.take([*RECORDS, (4, encode(make_alert(revision=3, status="actual")))])
    assert again.sent == [1, 3, 4]
    assert deliveries.pending == 0
    deliveries.close()


def test_an_alert_of_another_status_is_refused_for_good(tmp_path: Path) -> None:
    sink = Sink()
    deliveries = opened(tmp_path, [Way("x", sink)], Clock())
    deliveries.take([(1, encode(make_alert(status="exercise")))])
    assert sink.sent == []
    assert deliveries.pending == 0
    assert deliveries.counters() == {"x_refused": 1.0}
    deliveries.close()


def test_alerts_go_out_although_the_outbox_cannot_be_written(tmp_path: Path) -> None:
    sink = Sink()
    deliveries = opened(tmp_path, [Way("x", sink)], Clock())
    deliveries.take([RECORDS[2]])  # a hole before it: the outbox refuses
    assert sink.sent == [3]
    assert deliveries.counters()["x_unnoted"] == 1.0
    deliveries.close()


@pytest.mark.processes
def test_follower_reads_the_journal_and_what_is_missing_in_it(tmp_path: Path) -> None:
    with Publisher("tcp://127.0.0.1:*", "s") as core:
        follower = Follower(tmp_path, core.endpoint)
        assert follower.run_id == ""
        assert follower.poll(0.0) == []
        with JournalWriter(tmp_path / OUTPUT, metadata={"run_id": "r"}) as journal:
            assert follower.run_id == "r"
            journal.append(b"one")
            assert follower.poll(0.0) == [(1, b"one")]
            for _ in range(250):
                core.beat(0)
                if follower._socket.poll(20):
                    break
            assert follower.poll(0.0) == []  # heartbeats are not ours
            journal.append(b"two")
            core.send("x", b"two", type="X", origin_seq=2)
            core.send("x", b"three", type="X", origin_seq=3)  # the journal was given up here
            core.send("x", b"notice", type="X", origin_seq=0)
            core.send("x", b"five", type="X", origin_seq=5)
            got: Records = []
            for _ in range(20):
                got += follower.poll(0.1)
            assert got == [(2, b"two"), (3, b"three"), (0, b"notice"), (5, b"five")]
            assert follower.lost == 1
        follower.close()
