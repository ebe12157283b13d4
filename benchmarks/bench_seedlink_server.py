"""How many records our SeedLink server sends: to seedlink-client (versions 3 and 4) and obspy's client.

    python benchmarks/bench_seedlink_server.py [--repeats N] [--json FILE]

The server runs in a process of its own, on loopback. Records hold a second of 100 samples (512 bytes,
Steim2) of 1,000 channels. "backfill": a client fetches what the ring holds, in wall time, which is what
the slower of the two can do. "live": records are added while 1 or 4 sockets read them, none of which
looks at them, in CPU time of the server alone: with headers given, and read from the records. "due":
time from a record's data time to its bytes at a socket, at real time. All records are compared first.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import socket
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from common import Row, report
from seedlink_client import SeedLink
from seedlink_client.protocol import Protocol

from seiswarn.serve.background import Background
from seiswarn.serve.feed import Released
from seiswarn.serve.header import read_header
from seiswarn.serve.repack import Packer
from seiswarn.serve.ring import Ring
from seiswarn.serve.seedlink_server import Server
from seiswarn.timebase import NS

CHANNELS = 1000
T0_NS = 1_700_000_000 * NS
SEED = 20
BACKFILL = 60_000  # records
SLOW = 6_000  # the same for obspy's client
LIVE = 100_000
DUE = 3_000  # records within 6 s
DUE_S = 6.0


def make_records() -> list[bytes]:
    rng, packer = np.random.default_rng(SEED), Packer()
    noise = (rng.standard_normal((CHANNELS, 100)) * 40.0).cumsum(axis=1).round().astype(np.int32)
    ids = [f"FDSN:XX_S{k // 3:03d}_00_H_H_{'ZNE'[k % 3]}" for k in range(CHANNELS)]
    return [packer.pack(name, T0_NS, 100.0, x, "i4")[0] for name, x in zip(ids, noise, strict=True)]


def child(pipe: Any) -> None:
    """The server: told what to do through `pipe`, it answers with seconds of CPU."""
    records = make_records()
    headers = [read_header(r) for r in records]
    with Background(Server(Ring(max_bytes=100 << 20), port=0)) as server:
        pipe.send(server.port)
        while (order := pipe.recv())[0] != "end":
            what, n = order
            told: Any = None
            if what == "fill":
                server.publish([records[k % CHANNELS] for k in range(n)])
            elif what == "clients":
                while len(server.call(lambda: server.server.streaming)) != n:
                    time.sleep(0.01)
            elif what == "due":
                due = np.sort(np.random.default_rng(SEED).integers(0, int(DUE_S * NS), n)).tolist()
                feed = [
                    Released(T0_NS + t, records[k % CHANNELS], headers[k % CHANNELS])
                    for k, t in enumerate(due)
                ]
                told = [(t - due[0]) / NS for t in due]
                server.play(feed, 1.0).result()
            else:
                given = headers if what == "live with headers" else [None] * CHANNELS
                items = (Released(T0_NS, records[k % CHANNELS], given[k % CHANNELS]) for k in range(n))
                begun = time.process_time()
                server.play(items, None).result()
                server.run(server.server.drained())
                told = time.process_time() - begun
            pipe.send(told)


class Serving:
    def __init__(self, pipe: Any, port: int) -> None:
        self.pipe, self.port = pipe, port

    def do(self, what: str, n: int) -> Any:
        self.pipe.send((what, n))
        return self.pipe.recv()


@contextmanager
def serving() -> Any:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=child, args=(theirs,), daemon=True)
    process.start()
    try:
        yield Serving(ours, ours.recv())
        ours.send(("end", 0))
        process.join(10)
    finally:
        process.terminate()


def by_seedlink_client(port: int, version: Protocol, n: int) -> list[bytes]:
    client = SeedLink("127.0.0.1", port, protocol=version, timeout=20)
    client.add_stream("XX_*", seqnum=0)
    client.connect()
    found = []
    for packet in client.collect(reconnect=False):
        found.append(packet.payload)
        if len(found) == n:
            break
    client.close()
    return found


def by_obspy(port: int, n: int) -> list[bytes]:
    from obspy.clients.seedlink.slclient import SLClient

    found: list[bytes] = []

    def take(count: int, packet: Any) -> bool:
        found.append(bytes(packet.msrecord))
        return len(found) == n

    client = SLClient(timeout=30)
    client.slconn.set_sl_address(f"127.0.0.1:{port}")
    client.multiselect = "XX_*:HH?"
    client.begin_time = "2000-01-01"
    client.initialize()
    client.run(packet_handler=take)
    return found


def fastest(work: Callable[[], object], repeats: int) -> float:
    spent = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begun)
    return min(spent)


def backfill(server: Serving, repeats: int) -> dict[str, Row]:
    server.do("fill", BACKFILL)
    truth = make_records()
    ways: dict[str, tuple[Callable[[], list[bytes]], int]] = {
        "seedlink-client v4": (lambda: by_seedlink_client(server.port, Protocol.V4, BACKFILL), BACKFILL),
        "seedlink-client v3": (lambda: by_seedlink_client(server.port, Protocol.V3, BACKFILL), BACKFILL),
        "obspy": (lambda: by_obspy(server.port, SLOW), SLOW),
    }
    rates = {}
    for name, (work, n) in ways.items():
        assert work() == [truth[k % CHANNELS] for k in range(n)], name
        rates[name] = n / fastest(work, repeats)
    rows = {f"backfill {name}": Row(rate, "records/s", "higher") for name, rate in rates.items()}
    for name in ("seedlink-client v4", "seedlink-client v3"):
        rows[f"backfill {name} ratio to obspy"] = Row(rates[name] / rates["obspy"], "times", "higher")
    return rows


def reader(port: int) -> socket.socket:
    """A socket that gets everything from now on, of SeedLink 4."""
    found = socket.create_connection(("127.0.0.1", port))
    found.sendall(b"SLPROTO 4.0\r\nSTATION *\r\nDATA\r\nEND\r\n")
    said = b""
    while len(said) < 12:
        said += found.recv(12 - len(said))
    assert said == b"OK\r\n" * 3
    return found


def live(server: Serving, clients: int, what: str, repeats: int) -> float:
    """CPU seconds of the server per record."""
    spent = []
    size = LIVE * (512 + 17 + len("XX_S000"))
    for _ in range(repeats):
        sockets = [reader(server.port) for _ in range(clients)]
        server.do("clients", clients)
        got = [0] * clients

        def read(k: int, sockets: list[socket.socket] = sockets, got: list[int] = got) -> None:
            while got[k] < size:
                got[k] += len(sockets[k].recv(1 << 20))

        threads = [threading.Thread(target=read, args=(k,), daemon=True) for k in range(clients)]
        for thread in threads:
            thread.start()
        spent.append(server.do(what, LIVE) / LIVE)
        for thread in threads:
            thread.join(60)
        assert got == [size] * clients
        for one in sockets:
            one.close()
        server.do("clients", 0)
    return min(spent)


async def arrivals(port: int) -> list[float]:
    """When each record's last byte came, counted from the first record, s."""
    source, sink = await asyncio.open_connection("127.0.0.1", port)
    sink.write(b"SLPROTO 4.0\r\nSTATION *\r\nDATA\r\nEND\r\n")
    await source.readexactly(12)
    ready.set()
    came = []
    for _ in range(DUE):
        await source.readexactly(17 + 7 + 512)
        came.append(time.monotonic())
    sink.close()
    return [t - came[0] for t in came]


ready = threading.Event()


def due(server: Serving) -> dict[str, Row]:
    found: list[list[float]] = []
    thread = threading.Thread(target=lambda: found.append(asyncio.run(arrivals(server.port))), daemon=True)
    thread.start()
    ready.wait(10)
    server.do("clients", 1)
    expected = server.do("due", DUE)
    thread.join(30)
    late = np.array(found[0]) - np.array(expected)
    late -= late.min()  # the clocks of both processes: the earliest one is taken as on time
    p50, p99 = np.percentile(1e3 * late, [50, 99])
    return {"due to bytes p50": Row(p50, "ms", "lower"), "due to bytes p99": Row(p99, "ms", "lower")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with serving() as server:
        rows = backfill(server, options.repeats)
    with serving() as server:
        for what in ("live with headers", "live without"):
            for clients in (1, 4):
                cost = live(server, clients, what, options.repeats)
                name = f"{what}, {clients} client{'s' * (clients > 1)}"
                rows[f"{name}: CPU"] = Row(1e6 * cost, "us/record", "lower")
        rows |= due(server)
    report("seedlink_server", rows, options.json)


if __name__ == "__main__":
    main()
