"""An exercise never reaches a way out for actual warnings, and a way out for some reaches nobody else.

At the ways out themselves: a real folder and a real socket with a subscriber of the client library on it,
behind the outbox, with warnings that the real stages made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.scenario.life_cycle import STORIES

from seiswarn.client import Received, Subscriber
from seiswarn.errors import InvariantError
from seiswarn.messages import Alert, Decision, Message, Status, encode
from seiswarn.publish.base import Sink, deliver
from seiswarn.publish.sinks.file import RunFolder
from seiswarn.publish.sinks.zmq_pub import Params, ZmqPub
from seiswarn.reasons import Reason
from seiswarn.runtime.delivery import Deliveries, Way
from seiswarn.store.sqlite import Database
from subscribing import drain, joined

STATUSES: tuple[Status, ...] = ("actual", "exercise", "test")


@cache
def said(story: str, status: Status) -> tuple[Message, ...]:
    """All that the stages took and gave; the status of what came in travels."""
    messages = STORIES[story](status=status).said
    assert {getattr(m, "status", status) for m in messages} == {status}
    return tuple(messages)


def received(subscriber: Subscriber) -> list[tuple[str, str, int, str]]:
    """What came, as (event, audience, revision, status); nothing else may come."""
    items = drain(subscriber)
    assert all(isinstance(item, Received) for item in items)
    return [
        (i.warning.event_id, i.warning.policy, i.warning.revision, i.warning.status)
        for i in items
        if isinstance(i, Received)
    ]


@contextmanager
def socket(run_status: Status, **options: Any) -> Iterator[ZmqPub]:
    sink = ZmqPub(Params(endpoint="tcp://127.0.0.1:*"), "s", run_status=run_status, **options)
    try:
        yield sink
    finally:
        sink.close()


def through(tmp_path: Path, messages: tuple[Message, ...], *sinks: Sink) -> tuple[Deliveries, Database]:
    """Send all of a story through the outbox."""
    ways = [Way(sink.NAME, sink) for sink in sinks]
    database = Database(tmp_path / "outbox.sqlite", sinks=[way.name for way in ways])
    database.begin_run("r", "actual")
    deliveries = Deliveries(database, "r", ways, lambda: 0.0)
    deliveries.take([(seq, encode(m)) for seq, m in enumerate(messages, start=1)])
    return deliveries, database


def alerts_in(messages: tuple[Message, ...]) -> list[Alert]:
    return [m for m in messages if isinstance(m, Alert)]


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


@pytest.mark.processes
@pytest.mark.parametrize("story", ["wave_then_source", "too_large"])
@pytest.mark.parametrize(("run_status", "status"), [("exercise", "exercise"), ("actual", "exercise")])
def test_an_exercise_leaves_nothing_at_ways_out_for_actual_warnings(
    tmp_path: Path, story: str, run_status: Status, status: Status
) -> None:
    messages = said(story, status)
    n = len(alerts_in(messages))
    assert n >= 4
    folder = RunFolder(tmp_path / "run", run_status=run_status, production=True)
    empty = {p: p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file()}
    with socket(run_status, production=True) as zmq, Subscriber(zmq.endpoint) as actual:
        with Subscriber(zmq.endpoint, status=status) as trainee:
            joined(zmq, actual)
            joined(zmq, trainee)
            drain(actual)
            deliveries, database = through(tmp_path, messages, folder, zmq)
            assert received(actual) == []
            assert received(trainee) == []
        assert deliveries.counters() == {"file_refused": n, "zmq_refused": n}
        assert deliveries.pending == 0
        assert database.outbox_states("r") == {("file", "refused"): n, ("zmq", "refused"): n}
        deliveries.close()
    assert {p: p.read_bytes() for p in empty} == empty
    assert list((tmp_path / "run" / "cap").iterdir()) == []
    assert lines(tmp_path / "run", "warnings.jsonl") == []


@pytest.mark.processes
def test_the_same_story_in_earnest_comes_through(tmp_path: Path) -> None:
    """Else the test above would prove nothing."""
    messages = said("wave_then_source", "actual")
    folder = RunFolder(tmp_path / "run", run_status="actual", production=True)
    with socket("actual", production=True) as zmq, Subscriber(zmq.endpoint) as actual:
        joined(zmq, actual)
        deliveries, _ = through(tmp_path, messages, folder, zmq)
        got = received(actual)
        deliveries.close()
    told = [(a.event_id, a.policy, a.revision, "actual") for a in alerts_in(messages)]
    assert got == told
    written = lines(tmp_path / "run", "warnings.jsonl")
    assert [(w["event_id"], w["policy"], w["revision"], w["status"]) for w in written] == told
    assert len(list((tmp_path / "run" / "cap").iterdir())) == len(told)


@pytest.mark.processes
def test_an_exercise_that_is_let_through_by_name_says_so_everywhere(tmp_path: Path) -> None:
    messages = said("wave_then_source", "exercise")
    folder = RunFolder(tmp_path / "run", run_status="exercise", production=True, allow=["exercise"])
    with socket("exercise", production=True, allow=["exercise"]) as zmq:
        with Subscriber(zmq.endpoint) as actual, Subscriber(zmq.endpoint, status="exercise") as trainee:
            joined(zmq, actual)
            joined(zmq, trainee)
            drain(actual)
            deliveries, _ = through(tmp_path, messages, folder, zmq)
            assert received(actual) == []
            assert {status for *_, status in received(trainee)} == {"exercise"}
        deliveries.close()
    assert {w["status"] for w in lines(tmp_path / "run", "warnings.jsonl")} == {"exercise"}
    for path in (tmp_path / "run" / "cap").iterdir():
        assert b"<status>Exercise</status>" in path.read_bytes()


def test_deliver_refuses_and_a_sink_that_is_given_it_all_the_same_stops_the_program(tmp_path: Path) -> None:
    sink = RunFolder(tmp_path, run_status="actual", production=True)
    for status in STATUSES:
        for k, message in enumerate(said("false_alarm", status), start=1):
            refused = deliver(sink, message, k)
            assert refused is (None if status == "actual" else Reason.STATUS_MISMATCH)
            if refused:
                with pytest.raises(InvariantError):
                    sink.send(message, k)
    sink.close()
    assert {w["status"] for w in lines(tmp_path, "warnings.jsonl")} == {"actual"}


@pytest.mark.processes
@pytest.mark.parametrize("mine", [("railway",), ("mine", "public"), ()])
def test_a_way_out_for_some_audiences_gets_theirs_and_everything_that_is_nobodys(
    tmp_path: Path, mine: tuple[str, ...]
) -> None:
    messages = said("two_at_once", "actual")
    told = alerts_in(messages)
    assert {a.policy for a in told} == {"public", "railway", "mine"}
    folder = RunFolder(tmp_path / "run", run_status="actual", audiences=mine)
    with socket("actual", audiences=mine) as zmq, Subscriber(zmq.endpoint) as subscriber:
        joined(zmq, subscriber)
        deliveries, database = through(tmp_path, messages, folder, zmq)
        got = received(subscriber)
        counters, states = deliveries.counters(), database.outbox_states("r")
        deliveries.close()
    wanted = [a for a in told if not mine or a.policy in mine]
    assert [(event, policy, k) for event, policy, k, _ in got] == [
        (a.event_id, a.policy, a.revision) for a in wanted
    ]
    assert [w["policy"] for w in lines(tmp_path / "run", "warnings.jsonl")] == [a.policy for a in wanted]
    decided = {d["policy"] for d in lines(tmp_path / "run", "decisions.jsonl")}
    assert decided == set(mine or ("public", "railway", "mine"))
    events = (tmp_path / "run" / "events.xml").read_text()
    assert "large" in events
    assert "small" in events  # estimates are for everybody
    refused = len(told) - len(wanted)
    assert counters.get("zmq_refused", 0.0) == refused
    assert states.get(("zmq", "refused"), 0) == refused


def test_the_reason_of_a_refusal_is_the_audience_and_status_goes_before(tmp_path: Path) -> None:
    sink = RunFolder(tmp_path, run_status="actual", audiences=("railway",))
    alert = next(a for a in alerts_in(said("two_at_once", "actual")) if a.policy == "public")
    assert deliver(sink, alert, 1) is Reason.OTHER_AUDIENCE
    decision = next(m for m in said("two_at_once", "actual") if isinstance(m, Decision))
    assert decision.policy == "public"
    assert deliver(sink, decision, 2) is Reason.OTHER_AUDIENCE
    assert deliver(sink, msgspec.structs.replace(alert, status="test"), 3) is Reason.STATUS_MISMATCH
    sink.close()
