"""SeedLink as it fails: servers killed, hung, begun anew, and records damaged, cut short and sent twice.

Each test states what must have arrived: every packet that the server still holds, each once, the
other stations undisturbed, within 3 s of the server's return.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from live.collecting import GO, STOP, Collecting, Serving, whole
from live.serving import PACKET_S
from seiswarn.ingest.seedlink import Server

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("seedlink")]
RETURN_S = 3.0


@pytest.fixture(params=["3", "4"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def epoch_ns() -> int:
    return time.time_ns() - 2_000_000_000


@pytest.fixture
def server(epoch_ns: int) -> Iterator[Serving]:
    serving = Serving(epoch_ns)
    yield serving
    serving.kill()


def source(server: Serving, version: str, **more: object) -> Server:
    return Server(server.host, server.port, stations=("XX_*",), version=version, **more)  # type: ignore[arg-type]


def began(collecting: Collecting, epoch_ns: int) -> int:
    return collecting.first_k(epoch_ns)


def first_after(collecting: Collecting, at: float) -> float:
    """Seconds from `at` until the first record came after it."""
    return min(t for t, _ in list(collecting.received) if t > at) - at


def test_killed_server_costs_nothing_that_it_still_holds(
    server: Serving, version: str, epoch_ns: int
) -> None:
    with Collecting([source(server.start(), version)]) as got:
        first = began(got, epoch_ns)
        time.sleep(1.0)
        server.kill()
        got.wait_for(lambda: got.seen_states[-1][1] == "connecting", 5.0)
        time.sleep(3.0)
        back = time.time()
        server.start()
        got.wait_for(lambda: any(t > back for t, _ in got.received), 10.0)
        assert first_after(got, back) < RETURN_S
        until = int((time.time_ns() - epoch_ns) / 1e9 / PACKET_S)
        got.wait_for(lambda: got.last_k(epoch_ns) >= until, 10.0)
        packets = got.packets(epoch_ns)
        assert sorted(packets) == ["S000", "S001", "S002", "S003"]
        for counts in packets.values():
            whole(counts, first, until)
        assert [s for _, s, _ in got.seen_states if s == "connected"]


def test_hung_server_is_left_and_met_again(server: Serving, version: str, epoch_ns: int) -> None:
    with Collecting([source(server.start(), version, silent_s=1.5)]) as got:
        first = began(got, epoch_ns)
        server.signal(STOP)
        got.wait_for(lambda: got.seen_states[-1][1] == "connecting", 10.0)
        time.sleep(2.0)
        back = time.time()
        server.signal(GO)
        got.wait_for(lambda: any(t > back for t, _ in got.received), 10.0)
        assert first_after(got, back) < RETURN_S
        until = int((time.time_ns() - epoch_ns) / 1e9 / PACKET_S)
        got.wait_for(lambda: got.last_k(epoch_ns) >= until, 10.0)
        for counts in got.packets(epoch_ns).values():
            whole(counts, first, until)


def test_fresh_ring_is_read_from_its_beginning(server: Serving, version: str, epoch_ns: int) -> None:
    with Collecting([source(server.start(first_seq=5000), version)]) as got:
        first = began(got, epoch_ns)
        server.kill()
        last = got.last_k(epoch_ns)
        time.sleep(2.0)
        begin = int((time.time_ns() - epoch_ns) / 1e9 / PACKET_S) - 2  # what came meanwhile is lost
        assert begin > last
        server.start(first_seq=1, from_k=begin)
        until = begin + 12
        got.wait_for(lambda: got.last_k(epoch_ns) >= until, 10.0)
        for counts in got.packets(epoch_ns).values():
            whole(counts, first, last)
            whole(counts, begin, until)
        assert not [k for k in got.packets(epoch_ns)["S000"] if last < k < begin]


@pytest.mark.parametrize("how", ["corrupt", "header", "truncated", "twice"])
def test_one_bad_record_costs_itself_alone(version: str, epoch_ns: int, how: str) -> None:
    bad = 20
    server = Serving(epoch_ns, spoil=f"S001.{bad}:{how}").start()
    try:
        with Collecting([source(server, version)]) as got:
            first = began(got, epoch_ns)
            assert first < bad
            until = bad + 12
            got.wait_for(lambda: got.last_k(epoch_ns) >= until, 20.0)
            packets = got.packets(epoch_ns)
            for name, counts in packets.items():
                whole(counts, first, until, (bad,) if name == "S001" and how != "twice" else ())
            repeated = got.source.links()[0].counters.get("duplicates", 0.0)
            assert repeated >= (how == "twice")
    finally:
        server.kill()


def test_state_carries_over_a_restart_of_the_client(
    server: Serving, version: str, epoch_ns: int, tmp_path: Path
) -> None:
    server.start()
    with Collecting([source(server, version)], tmp_path) as got:
        first = began(got, epoch_ns)
        time.sleep(0.6)
    time.sleep(1.5)
    with Collecting([source(server, version)], tmp_path) as more:
        until = int((time.time_ns() - epoch_ns) / 1e9 / PACKET_S)
        more.wait_for(lambda: more.last_k(epoch_ns) >= until, 10.0)
        one, two = got.packets(epoch_ns), more.packets(epoch_ns)
        for name, counts in one.items():
            whole(counts + two[name], first, until)


def test_two_servers_fail_by_themselves(epoch_ns: int, version: str) -> None:
    servers = [Serving(epoch_ns, stations=2).start(), Serving(epoch_ns, stations=2).start()]
    try:
        with Collecting([source(s, version) for s in servers]) as got:
            began(got, epoch_ns)
            servers[0].kill()
            at = time.time()
            got.wait_for(lambda: got.source.links()[0].state == "connecting", 5.0)
            assert got.source.links()[1].state == "connected"
            time.sleep(1.0)
            name = f"{servers[1].host}:{servers[1].port} "
            later = [t for t, r in got.received if r.stream.startswith(name) and t > at]
            assert max(b - a for a, b in itertools.pairwise(later)) < 1.0
    finally:
        for server in servers:
            server.kill()
