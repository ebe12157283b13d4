"""Asking a server for many stations: in few turns, and none of them at the cost of the others."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from seedlink_client.protocol import FORMAT_MSEED2, _RawFrame

from live.collecting import Collecting
from live.serving import record
from seiswarn.ingest.live import Inbox
from seiswarn.ingest.seedlink import Connection, Server
from seiswarn.runtime.live_clock import WallClock

pytestmark = pytest.mark.xdist_group("seedlink")
EPOCH_NS = 1_700_000_000_000_000_000
NAMES = [f"S{k:03d}" for k in range(100)]


class Scripted:
    """A SeedLink server of the simplest kind, which counts how often it is spoken to.

    With `one_line` it takes the first line of what it reads and no more, as small servers do.
    """

    def __init__(self, version: int, declines: str = "", one_line: bool = False, first_seq: int = 1) -> None:
        self.version, self.declines, self.one_line, self.first_seq = version, declines, one_line, first_seq
        self.turns: list[int] = []  # of each connection, until it streams
        self.asked: list[str] = []

    def serve(self, connection: socket.socket) -> None:
        with closing(connection):
            self.turns.append(0)
            granted: list[str] = []
            while True:
                try:
                    text = connection.recv(65536).decode()
                except OSError:
                    return
                if not text:
                    return
                self.turns[-1] += 1
                lines = text.replace("\r\n", "\r").split("\r")[:-1]
                for line in lines[:1] if self.one_line else lines:
                    if line == "END":
                        self.stream(connection, granted)
                        continue
                    connection.sendall(self.answer(line, granted))

    def answer(self, line: str, granted: list[str]) -> bytes:
        if line == "HELLO":
            offer = "SLPROTO:4.0 SLPROTO:3.1" if self.version == 4 else "SLPROTO:3.1"
            return f"SeedLink v{self.version} :: {offer}\r\nhere\r\n".encode()
        if line.startswith("INFO"):
            return self.info()
        if line.startswith("STATION"):
            name = next(n for n in [*NAMES, "?"] if n in line or n == "?")
            self.asked.append(name)
            if name == self.declines:
                return b"ERROR UNAUTHORIZED no\r\n" if self.version == 4 else b"ERROR\r\n"
            granted.append(name)
        return b"OK\r\n"

    def info(self) -> bytes:
        if self.version == 4:
            stations = [{"id": f"XX_{n}", "start_seq": 1, "end_seq": 9} for n in NAMES]
            body = json.dumps({"software": "x", "station": stations}).encode()
            return self.packet(0, "", body, b"JI")
        rows = "".join(
            f'<station name="{n}" network="XX" begin_seq="000001" end_seq="000009"/>' for n in NAMES
        )
        return self.info3(f'<?xml version="1.0"?><seedlink>{rows}</seedlink>'.encode())

    def info3(self, text: bytes) -> bytes:
        head = b"000001D INFO      INFSL" + bytes(20 + 2 + 4 + 4 - 9)
        out = b""
        parts = [text[k : k + 456] for k in range(0, len(text), 456)]
        for k, part in enumerate(parts):
            rec = bytearray(512)
            rec[: len(head)] = head
            rec[20:30] = bytes((2024 >> 8, 2024 & 255, 0, 1, 0, 0, 0, 0, 0, 0))
            rec[30:32] = len(part).to_bytes(2, "big")
            rec[39], rec[44:46], rec[46:48] = 1, (56).to_bytes(2, "big"), (48).to_bytes(2, "big")
            rec[48:56] = (1000).to_bytes(2, "big") + bytes((0, 0, 0, 1, 9, 0))
            rec[56 : 56 + len(part)] = part
            out += (b"SLINFO  " if k == len(parts) - 1 else b"SLINFO *") + bytes(rec)
        return out

    def packet(self, seq: int, station: str, payload: bytes, form: bytes) -> bytes:
        name = station.encode()
        sizes = len(payload).to_bytes(4, "little") + seq.to_bytes(8, "little") + bytes((len(name),))
        return b"SE" + form + sizes + name + payload

    def stream(self, connection: socket.socket, granted: list[str]) -> None:
        for name in granted:
            data = record(name, 0, EPOCH_NS)
            if self.version == 4:
                connection.sendall(self.packet(self.first_seq, f"XX_{name}", data, b"2D"))
            else:
                connection.sendall(b"SL%06X" % self.first_seq + data)


@contextmanager
def scripted(server: Scripted) -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as door:

        def accept() -> None:
            while True:
                try:
                    connection, _ = door.accept()
                except OSError:
                    return
                connection.settimeout(10.0)
                threading.Thread(target=server.serve, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield door.getsockname()[1]
        door.shutdown(socket.SHUT_RDWR)
        thread.join()


def stations_of(got: Collecting) -> set[str]:
    return {r.stream.split("_")[1] for _, r in list(got.received)}


@pytest.mark.parametrize("version", [3, 4])
def test_many_stations_are_asked_for_in_few_turns(version: int) -> None:
    server = Scripted(version)
    with scripted(server) as port, Collecting([Server("127.0.0.1", port)]) as got:
        got.wait_for(lambda: len(stations_of(got)) == len(NAMES), 15.0)
    assert server.turns[0] < 30  # 200 commands; one by one each would be a turn


@pytest.mark.parametrize("version", [3, 4])
def test_station_that_is_declined_costs_no_other(version: int) -> None:
    server = Scripted(version, declines="S007")
    with scripted(server) as port, Collecting([Server("127.0.0.1", port)]) as got:
        got.wait_for(lambda: len(stations_of(got)) == len(NAMES) - 1, 15.0)
        assert "declined: XX_S007" in got.source.links()[0].detail
    assert len(server.turns) == 2


def test_server_that_reads_one_line_at_a_time_is_asked_one_by_one() -> None:
    server = Scripted(3, one_line=True)
    with scripted(server) as port, Collecting([Server("127.0.0.1", port, silent_s=1.0)]) as got:
        got.wait_for(lambda: len(stations_of(got)) == len(NAMES), 30.0)
    assert len(server.turns) == 3


def test_few_stations_of_which_one_is_declined() -> None:
    server = Scripted(4, declines="S002")
    wanted = tuple(f"XX_S00{k}" for k in range(5))
    with scripted(server) as port, Collecting([Server("127.0.0.1", port, stations=wanted)]) as got:
        got.wait_for(lambda: len(stations_of(got)) == 4, 15.0)
    assert len(server.turns) == 1


def test_new_ring_of_a_server_that_does_not_list() -> None:
    """Lower numbers with newer data are taken; those with data known already are not."""
    inbox = Inbox()
    connection = Connection(Server("h"), WallClock(), inbox, None)

    def frame(seq: int, k: int) -> _RawFrame:
        return _RawFrame("XX_S000", seq, FORMAT_MSEED2, "D", record("S000", k, EPOCH_NS), False)

    for k in range(3):
        connection._take(frame(500 + k, k))
    assert len(inbox.take()[0]) == 3
    connection._floor["XX_S000"] = 502
    connection._recent.clear()
    connection._take(frame(501, 1))
    connection._take(frame(1, 3))
    connection._take(frame(2, 4))
    assert [r.seq for r in inbox.take()[0]] == [1, 2]
    assert connection._got["XX_S000"].seq == 2


def test_time_that_cannot_be_does_not_outlive_its_record() -> None:
    connection = Connection(Server("h"), WallClock(), Inbox(), None)
    ahead = record("S000", 0, 4_000_000_000_000_000_000)
    connection._take(_RawFrame("XX_S000", 7, FORMAT_MSEED2, "D", ahead, False))
    assert connection._got["XX_S000"].last_ns <= time.time_ns()
