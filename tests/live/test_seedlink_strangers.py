"""What may answer at the port of a SeedLink server and is none, and what may lie in its state file."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from live.collecting import Collecting, Serving
from seiswarn.ingest.seedlink import Server
from seiswarn.ingest.seedlink_state import Mark, State
from seiswarn.ingest.seedlink_stations import Offer, matching, offers, where_to_go_on

pytestmark = pytest.mark.xdist_group("seedlink")


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port that accepts and lets `answer` do what it likes with each connection."""
    stopping = threading.Event()
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(0.1)

        def serve() -> None:
            while not stopping.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                connection.settimeout(5.0)
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        stopping.set()
        thread.join()


def html(connection: socket.socket) -> None:
    with closing(connection):
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>no</html>\r\n")


def nothing(connection: socket.socket) -> None:
    with closing(connection):
        time.sleep(4.0)


def garbage(connection: socket.socket) -> None:
    with closing(connection):
        connection.sendall(bytes(range(256)) * 64)


@pytest.mark.parametrize(
    ("answer", "says"), [(html, ""), (nothing, "timed out"), (garbage, "")], ids=["html", "silent", "garbage"]
)
def test_stranger_is_named_and_asked_again(answer: Callable[[socket.socket], None], says: str) -> None:
    with listening(answer) as port, Collecting([Server("127.0.0.1", port)]) as got:
        got.wait_for(lambda: got.source.links()[0].counters.get("reconnects", 0) >= 2, 15.0)
        link = got.source.links()[0]
        assert link.state in ("connecting", "refused")
        assert link.detail
        assert says in link.detail.lower()
        assert not got.received


def test_stations_that_a_server_lacks_are_said(tmp_path: Path) -> None:
    serving = Serving(time.time_ns()).start()
    try:
        server = Server("127.0.0.1", serving.port, stations=("YY_*",))
        with Collecting([server]) as got:
            got.wait_for(lambda: "none of the stations" in got.source.links()[0].detail, 10.0)
            assert "XX_S000" in got.source.links()[0].detail
    finally:
        serving.kill()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (json.dumps({"format": 7, "server": "h:1", "stations": {}}), "another version (7)"),
        ("no json at all", "cannot be read"),
        (json.dumps({"format": 1, "server": "other:1", "stations": {}}), "is of other:1"),
        (json.dumps([1, 2]), "another version"),
        (json.dumps({"format": 1, "server": "h:1", "stations": {"A": "x"}}), "cannot be read"),
    ],
)
def test_state_of_another_version_is_left_alone(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    state = State(path, "h:1")
    assert says in state.problem
    assert not state.marks


def test_state_survives_and_says_when_it_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "state.json"
    state = State(path, "h:1")
    state.marks["XX_A"] = Mark(7, 8)
    state.save()
    assert State(path, "h:1").marks == {"XX_A": Mark(7, 8)}
    (tmp_path / "file").write_text("")
    blocked = State(tmp_path / "file" / "state.json", "h:1")
    blocked.marks["XX_A"] = Mark(1, 2)
    blocked.save()
    assert "cannot be written" in blocked.problem


def test_two_processes_may_share_the_state_of_a_server(tmp_path: Path) -> None:
    """Two [[ingest]] for two networks of one server: neither forgets for the other."""
    path = tmp_path / "state.json"
    first = State(path, "h:1")
    first.marks |= {"XX_A": Mark(1, 1), "YY_B": Mark(1, 1)}
    first.save()
    one, other = State(path, "h:1"), State(path, "h:1")
    one.marks["XX_A"] = Mark(5, 5)
    one.save()
    other.marks["YY_B"] = Mark(7, 7)
    other.save()
    one.marks["XX_A"] = Mark(6, 6)
    one.save()
    assert State(path, "h:1").marks == {"XX_A": Mark(6, 6), "YY_B": Mark(7, 7)}


S = 1_000_000_000


@pytest.mark.parametrize(
    ("offer", "mark", "three", "seq", "why"),
    [
        (Offer(1, 50, 0, 0), None, False, None, "not received before"),
        (Offer(1, 50, 0, 0), Mark(20, 990 * S), False, 20, "goes on"),
        (Offer(30, 50, 0, 0), Mark(20, 990 * S), False, 29, "does not hold all"),
        (Offer(1, 10, 0, 0), Mark(20, 990 * S), False, 0, "began anew"),
        (Offer(1, 900, 995 * S, 999 * S), Mark(20, 990 * S), False, 0, "began anew"),
        (Offer(1, 50, 0, 0), Mark(20, 100 * S), False, None, "too old"),
        (Offer(-1, -1, 0, 0), Mark(20, 990 * S), False, 20, "goes on"),
        # SeedLink 3 counts to 2 ** 24 - 1 and begins again
        (Offer(0xFFFF00, 40, 0, 0), Mark(0xFFFFF0, 990 * S), True, 0xFFFFF0, "goes on"),
        (Offer(0xFFFF00, 40, 0, 0), Mark(30, 990 * S), True, 30, "goes on"),
        (Offer(0xFFFF00, 40, 0, 0), Mark(5000, 990 * S), True, 0xFFFEFF, "began anew"),
    ],
)
def test_where_to_go_on(offer: Offer, mark: Mark | None, three: bool, seq: int | None, why: str) -> None:
    want = where_to_go_on("XX_A", offer, mark, 1000 * S, 600 * S, three)
    assert want.seq == seq
    assert why in want.why


def test_answers_of_both_versions_are_read() -> None:
    three = {
        "seedlink": {
            "station": [
                {
                    "name": "A",
                    "network": "XX",
                    "begin_seq": "00000A",
                    "end_seq": "0000FF",
                    "stream": [{"begin_time": "2019/07/06 03:20:00.0000", "end_time": "2019/07/06 03:21:00"}],
                }
            ]
        }
    }
    four = {
        "station": [
            {
                "id": "XX_A",
                "start_seq": 10,
                "end_seq": 255,
                "stream": [{"start_time": "2019-07-06T03:20:00Z", "end_time": "2019-07-06T03:21:00.0Z"}],
            }
        ]
    }
    assert offers(three) == offers(four) == {"XX_A": Offer(10, 255, 1562383200 * S, 1562383260 * S)}
    assert offers({"station": ["x", {"id": "YY_B"}]}) == {"YY_B": Offer(-1, -1, 0, 0)}
    assert offers({"seedlink": 3}) == {}


def test_patterns() -> None:
    assert matching(["XX_A1", "XX_B1", "YY_A1"], ["XX_A*", "YY_?1"]) == ["XX_A1", "YY_A1"]
