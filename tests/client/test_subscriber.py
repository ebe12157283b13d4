from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice

import pytest

from factories import make_alert, make_decision
from seiswarn.bus import Publisher
from seiswarn.client import Loss, Received, Silence, Subscriber
from seiswarn.errors import BusError
from seiswarn.messages import encode
from seiswarn.publish.formats.public import PublicJson, public_warning
from seiswarn.publish.sinks.zmq_pub import Params, ZmqPub
from subscribing import drain, joined

pytestmark = pytest.mark.processes

LOCAL = "tcp://127.0.0.1:*"


@pytest.fixture(params=["json", "msgpack"])
def sink(request: pytest.FixtureRequest) -> Iterator[ZmqPub]:
    sink = ZmqPub(Params(endpoint=LOCAL, encoding=request.param), "s1", run_status="actual")
    yield sink
    sink.close()


def test_warnings_come_once_and_as_they_were_published(sink: ZmqPub) -> None:
    with Subscriber(sink.endpoint) as subscriber:
        joined(sink, subscriber)
        sink.send(make_decision(), 1)
        sink.send(make_alert(revision=1), 2)
        sink.send(make_alert(revision=1), 3)  # at least once means: sometimes twice
        sink.send(make_alert(revision=2, policy="railway"), 4)
        items = drain(subscriber)
    assert all(isinstance(item, Received) for item in items)
    got = [item for item in items if isinstance(item, Received)]
    alerts = [make_alert(revision=1), make_alert(revision=2, policy="railway")]
    assert [item.warning for item in got] == [public_warning(alert) for alert in alerts]
    assert [item.header.origin_seq for item in got] == [2, 4]


def test_only_the_policy_asked_for(sink: ZmqPub) -> None:
    with Subscriber(sink.endpoint, policy="rail") as subscriber:
        joined(sink, subscriber)
        sink.send(make_alert(policy="railway"), 1)
        sink.send(make_alert(policy="public"), 2)
        sink.send(make_alert(policy="rail"), 3)
        assert [i.warning.policy for i in drain(subscriber) if isinstance(i, Received)] == ["rail"]


def test_an_exercise_never_reaches_who_asked_for_the_real_thing() -> None:
    sink = ZmqPub(Params(endpoint=LOCAL), "s1", run_status="exercise")
    try:
        with Subscriber(sink.endpoint) as real, Subscriber(sink.endpoint, status="exercise") as trainee:
            joined(sink, real)
            joined(sink, trainee)
            drain(real)
            sink.send(make_alert(status="exercise"), 1)
            assert [type(i) for i in drain(trainee)] == [Received]
            assert drain(real) == []
    finally:
        sink.close()


def test_losses_are_items_of_their_own() -> None:
    with Publisher(LOCAL, "s1") as publisher, Subscriber(publisher.endpoint) as subscriber:
        joined(publisher, subscriber)
        topic, render = "alert.actual.public", PublicJson().render
        publisher.send(topic, render(make_alert(revision=1)), type="Alert", encoding="json")
        publisher._last[topic] += 2  # as if two had been dropped on the way
        publisher.send(topic, render(make_alert(revision=4)), type="Alert", encoding="json")
        publisher._last[topic] += 1  # and the last one
        publisher.beat(0)
        first, loss, second, tail = drain(subscriber)
        assert isinstance(first, Received)
        assert loss == Loss(stream=topic, count=2)
        assert isinstance(second, Received)
        assert tail == Loss(stream=topic, count=1)
        assert subscriber.missing == 3


def bound_again(endpoint: str, session: str) -> Publisher:
    """ZeroMQ gives a port back some time after the socket is closed."""
    for _ in range(100):
        try:
            return Publisher(endpoint, session)
        except BusError:
            time.sleep(0.02)
    return Publisher(endpoint, session)


def test_a_restarted_publisher_starts_again_without_false_losses() -> None:
    with Publisher(LOCAL, "s1") as publisher:
        endpoint = publisher.endpoint
        subscriber = Subscriber(endpoint)
        joined(publisher, subscriber)
        publisher.send("alert.actual.public", encode(make_alert(revision=1)), type="Alert")
        assert len(drain(subscriber)) == 1
    with subscriber, bound_again(endpoint, "s2") as publisher:
        joined(publisher, subscriber)
        publisher.send("alert.actual.public", encode(make_alert(revision=1)), type="Alert")
        publisher.send("alert.actual.public", encode(make_alert(revision=2)), type="Alert")
        items = drain(subscriber)
        assert [i.warning.revision for i in items if isinstance(i, Received)] == [2]
        assert subscriber.missing == 0


def test_messages_that_cannot_be_read_are_reported_and_the_next_one_still_comes() -> None:
    with Publisher(LOCAL, "s1") as publisher, Subscriber(publisher.endpoint) as subscriber:
        joined(publisher, subscriber)
        topic = "alert.actual.public"
        publisher.send(topic, b"{not json", type="Alert", encoding="json")
        publisher.send(topic, b"\xc1", type="Alert")
        publisher.send(topic, encode(make_decision()), type="Alert")
        publisher._socket.send_multipart([topic.encode(), b"x"])
        publisher.send(topic, encode(make_alert()), type="Alert")
        *bad, good = drain(subscriber)
        assert [i.count for i in bad if isinstance(i, Loss)] == [-1] * 4
        assert isinstance(good, Received)


def test_silence_is_said_once_and_ends_with_a_sign_of_life() -> None:
    with Publisher(LOCAL, "s1") as publisher, Subscriber(publisher.endpoint, silence_s=0.1) as subscriber:
        joined(publisher, subscriber)
        assert next(iter(subscriber)) == Silence(seconds=0.1)
        assert subscriber.poll(0.1) == []
        publisher.beat(0)
        assert drain(subscriber) == []
        assert list(islice(subscriber, 1)) == [Silence(seconds=0.1)]


def test_the_client_is_light() -> None:
    code = (
        "import sys, seiswarn.client; "
        "heavy = {'numba', 'obspy', 'numpy', 'scipy', 'matplotlib', 'lxml', 'seiswarn.runtime'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
