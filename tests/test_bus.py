from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
import zmq.auth
from hypothesis import given
from hypothesis import strategies as st

from seiswarn.bus import (
    HEARTBEAT,
    Bound,
    Frame,
    Header,
    Link,
    Publisher,
    Receiver,
    Security,
    SequenceWatch,
    beat_of,
    connect,
    pack,
    unpack,
)
from seiswarn.errors import BusError

pytestmark = pytest.mark.processes


def joined(publisher: Publisher, receiver: Receiver, tries: int = 250) -> None:
    """Beat until the subscription has reached the publisher."""
    for _ in range(tries):
        publisher.beat(0)
        if receiver.receive(0.02) is not None:
            break
    else:
        raise AssertionError("the subscriber never joined")
    while receiver.receive(0.05) is not None:
        pass


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher("tcp://127.0.0.1:*", "s1") as publisher:
        yield publisher


def must(receiver: Receiver) -> Frame:
    frame = receiver.receive(5.0)
    assert frame is not None
    return frame


def test_messages_arrive_numbered_and_chosen_by_prefix(publisher: Publisher) -> None:
    with Receiver(publisher.endpoint, ["alert.actual"]) as receiver:
        joined(publisher, receiver)
        publisher.send("alert.actual.public", b"1", type="Alert", t_seen_ns=7, origin_seq=70)
        publisher.send("alert.exercise.public", b"2", type="Alert", status="exercise")
        publisher.send("pick", b"3", type="Pick")
        publisher.send("alert.actual.public", b"4", type="Alert")
        first, second = must(receiver), must(receiver)
        assert (first.topic, first.payload, first.header.seq) == ("alert.actual.public", b"1", 1)
        assert (first.header.t_seen_ns, first.header.origin_seq, first.header.session) == (7, 70, "s1")
        assert (second.payload, second.header.seq) == (b"4", 2)
        publisher.beat(9)
        beat = must(receiver)
        assert beat.topic == HEARTBEAT
        assert beat_of(beat).last == {"alert.actual.public": 2, "alert.exercise.public": 1, "pick": 1}
        assert receiver.receive(0.0) is None


def test_a_dropped_message_is_seen_by_its_number(publisher: Publisher) -> None:
    watch = SequenceWatch(["alert"])
    with Receiver(publisher.endpoint, ["alert"]) as receiver:
        joined(publisher, receiver)
        for payload in (b"1", b"2", b"3", b"4"):
            publisher.send("alert.x", payload, type="Alert")
        got = [must(receiver) for _ in range(4)]
        del got[1:3]  # what a full queue would have dropped
        missing = [watch.see(f.header.stream, f.header.seq, f.header.session) for f in got]
        assert missing == [0, 2]
        assert watch.missing == 2


def test_a_slow_subscriber_loses_visibly_and_never_blocks_the_publisher() -> None:
    # Both queues together hold far less than what is sent, and the network buffers are small.
    with Publisher("tcp://127.0.0.1:*", "s", link=Link(send_hwm=10, linger_ms=0)) as publisher:
        watch = SequenceWatch()
        with Receiver(publisher.endpoint, link=Link(receive_hwm=10, linger_ms=0)) as receiver:
            joined(publisher, receiver)
            for _ in range(400):
                publisher.send("m", bytes(100_000), type="M")
            received = missing = 0
            while (frame := receiver.receive(0.3)) is not None:
                received += 1
                missing += watch.see(frame.header.stream, frame.header.seq, frame.header.session)
            publisher.beat(0)
            beat = must(receiver)
            missing += sum(watch.beat(beat_of(beat).last, beat.header.session).values())
            assert missing > 0
            assert received + missing == 400


def test_watch_first_sight_sets_the_mark_and_heartbeats_show_lost_tails() -> None:
    watch = SequenceWatch(["alert"])
    assert watch.see("alert.a", 5) == 0  # joined late: not a loss
    assert watch.see("alert.a", 6) == 0
    assert watch.see("alert.a", 6) == 0
    assert watch.repeated == 1
    assert watch.beat({"alert.a": 9, "alert.b": 4, "pick": 100}) == {"alert.a": 3}
    assert watch.beat({"alert.a": 9, "alert.b": 4, "pick": 200}) == {}
    assert watch.see("alert.b", 5) == 0
    assert watch.see("alert.c", 3) == 2  # began after a heartbeat that did not name it
    assert watch.missing == 5


def test_watch_knows_a_restarted_publisher() -> None:
    watch = SequenceWatch()
    watch.see("alert", 10, "s1")
    assert watch.see("alert", 1, "s2") == 0
    assert watch.see("alert", 2, "s2") == 0
    assert watch.see("alert", 3, "s3") == 2  # the first two of the new session went by unseen
    assert watch.beat({"alert": 3, "event": 1}, "s3") == {"event": 1}


@given(kept=st.lists(st.booleans(), min_size=1, max_size=60))
def test_watch_counts_exactly_what_was_dropped(kept: list[bool]) -> None:
    watch = SequenceWatch()
    watch.beat({})
    for seq, keep in enumerate(kept, start=1):
        if keep:
            watch.see("a", seq)
    watch.beat({"a": len(kept)})
    assert watch.missing == kept.count(False)


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [b"a", b"b"],
        [b"a", b"no msgpack", b""],
        [b"\xff", pack("t", Header(stream="t", session="s", seq=1, type="T"), b"")[1], b""],
        [b"a", b"\x80", b""],
    ],
)
def test_foreign_frames_are_refused(frames: list[bytes]) -> None:
    with pytest.raises(BusError):
        unpack(frames)


def test_endpoints_that_cannot_be_used_say_so(publisher: Publisher) -> None:
    with pytest.raises(BusError, match="cannot bind"):
        Publisher(publisher.endpoint, "s2")
    with pytest.raises(BusError, match="cannot connect"):
        Receiver("nonsense")
    with pytest.raises(BusError, match="key file"):
        Publisher("tcp://127.0.0.1:*", "s", security=Security(mode="curve", secret_key_file="missing"))
    with pytest.raises(BusError, match="allow_dir"):
        Publisher("tcp://127.0.0.1:*", "s", security=Security(mode="curve-allowlist"))


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, tuple[str, str]]:
    return {name: zmq.auth.create_certificates(tmp_path, name) for name in ("server", "friend", "stranger")}


def client(keys: dict[str, tuple[str, str]], name: str) -> Security:
    return Security(mode="curve", secret_key_file=keys[name][1], server_key_file=keys["server"][0])


def test_curve_encrypts_and_shuts_out_clients_without_keys(keys: dict[str, tuple[str, str]]) -> None:
    server = Security(mode="curve", secret_key_file=keys["server"][1])
    with Publisher("tcp://127.0.0.1:*", "s", security=server) as publisher:
        with Receiver(publisher.endpoint, security=client(keys, "stranger")) as receiver:
            joined(publisher, receiver)
            publisher.send("alert", b"secret", type="Alert")
            assert must(receiver).payload == b"secret"
        with Receiver(publisher.endpoint) as receiver, pytest.raises(AssertionError, match="never joined"):
            joined(publisher, receiver, tries=50)


def test_an_allow_list_admits_only_who_stands_on_it(keys: dict[str, tuple[str, str]], tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    (allowed / "friend.key").write_bytes(Path(keys["friend"][0]).read_bytes())
    server = Security(mode="curve-allowlist", secret_key_file=keys["server"][1], allow_dir=str(allowed))
    with Publisher("tcp://127.0.0.1:*", "s", security=server) as publisher:
        with Receiver(publisher.endpoint, security=client(keys, "friend")) as receiver:
            joined(publisher, receiver)
        with (
            Receiver(publisher.endpoint, security=client(keys, "stranger")) as receiver,
            pytest.raises(AssertionError, match="never joined"),
        ):
            joined(publisher, receiver, tries=50)


def test_push_and_pull_sockets_come_with_the_same_limits() -> None:
    bound = Bound(zmq.PULL, "tcp://127.0.0.1:*", link=Link(receive_hwm=7, linger_ms=5))
    push = connect(zmq.PUSH, bound.endpoint, None, Link(send_hwm=9, linger_ms=5))
    try:
        assert (bound.socket.get(zmq.RCVHWM), push.get(zmq.SNDHWM), push.get(zmq.LINGER)) == (7, 9, 5)
        push.send(b"x")
        assert bound.socket.poll(5000)
        assert bound.socket.recv() == b"x"
    finally:
        push.close()
        bound.close()
