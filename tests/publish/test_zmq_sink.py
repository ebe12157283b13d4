from __future__ import annotations

import json

import pytest

from factories import make_alert, make_decision, make_estimate, make_pick, make_report
from seiswarn.bus import HEARTBEAT, Receiver, beat_of
from seiswarn.errors import InvariantError
from seiswarn.messages import Heartbeat, decode
from seiswarn.publish.base import deliver
from seiswarn.publish.sinks.zmq_pub import Params, ZmqPub, topic_of
from seiswarn.reasons import Reason

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_everything_goes_out_under_its_topic(encoding: str) -> None:
    sink = ZmqPub(
        Params(endpoint="tcp://127.0.0.1:*", encoding=encoding),  # type: ignore[arg-type]
        "s1",
        run_status="actual",
    )
    messages = [make_pick(), make_estimate(), make_decision(), make_alert(), make_report()]
    with Receiver(sink.endpoint) as receiver:
        for _ in range(250):
            sink.beat(5)
            if (frame := receiver.receive(0.02)) is not None:
                break
        assert frame is not None
        assert frame.topic == HEARTBEAT
        while receiver.receive(0.1) is not None:
            pass
        for seq, message in enumerate(messages, start=1):
            assert deliver(sink, message, seq) is None
        assert deliver(sink, make_alert(status="exercise"), 9) is Reason.STATUS_MISMATCH
        sink.beat(6)
        frames = []
        while (frame := receiver.receive(0.3)) is not None:
            frames.append(frame)
    sink.close()
    topics = ["pick", "event", "decision", "alert.actual.public", "report", HEARTBEAT]
    assert [f.topic for f in frames] == topics
    assert beat_of(frames[-1]).last == dict.fromkeys(topics[:-1], 1)
    assert [f.header.origin_seq for f in frames[:-1]] == [1, 2, 3, 4, 5]
    assert frames[3].header.t_seen_ns == make_alert().t_seen_ns
    if encoding == "msgpack":
        assert [decode(f.payload) for f in frames[:-1]] == messages
    else:
        assert json.loads(frames[3].payload)["event_id"] == make_alert().event_id


def test_topics_and_the_status_door() -> None:
    assert topic_of(make_alert(policy="high speed.rail", status="test")) == "alert.test.high_speed_rail"
    assert topic_of(Heartbeat(process="core", t_seen_ns=0, state="ready")) == "health"
    sink = ZmqPub(Params(endpoint="tcp://127.0.0.1:*"), "s", run_status="exercise", production=True)
    try:
        assert deliver(sink, make_alert(status="exercise"), 1) is Reason.STATUS_MISMATCH
        with pytest.raises(InvariantError):
            sink.send(make_alert(), 1)
    finally:
        sink.close()
