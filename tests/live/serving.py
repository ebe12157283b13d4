"""A SeedLink server with known contents, in a process of its own: killed, stopped and started by tests.

Packet k of station S is determined by S and k alone: `PACKET_S` seconds of samples that count up, from
`epoch` on, there when its last sample is over. A server that starts again holds again what its ring
would hold on disk (``--hold``), or has a fresh ring that begins at number 1.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

import numpy as np
import pymseed

from seiswarn.ingest.miniseed import parse_records  # noqa: F401 - sets the block size of libmseed
from seiswarn.serve.ring import Ring
from seiswarn.serve.seedlink_server import Server

RATE_HZ = 100.0
PACKET_S = 0.25
N = round(RATE_HZ * PACKET_S)
NS = 1_000_000_000


def stations(n: int) -> list[str]:
    return [f"S{k:03d}" for k in range(n)]


def channel(station: str) -> str:
    return f"FDSN:XX_{station}_00_H_N_Z"


def start_ns(epoch_ns: int, k: int) -> int:
    return epoch_ns + k * round(PACKET_S * NS)


def samples(station: str, k: int) -> np.ndarray:
    first = k * N + 1000 * int(station[1:])
    return (np.arange(first, first + N, dtype=np.int32) * 7919) % 10007


def record(station: str, k: int, epoch_ns: int) -> bytes:
    rec = pymseed.MS3Record()
    rec.sourceid, rec.reclen, rec.formatversion = channel(station), 512, 2
    rec.encoding, rec.samprate = pymseed.DataEncoding.STEIM2, RATE_HZ
    rec.starttime = start_ns(epoch_ns, k)
    return next(iter(rec.generate(samples(station, k), "i")))


def spoilt(data: bytes, how: str) -> bytes:
    """A record that is damaged at the server itself."""
    if how == "corrupt":  # in the samples
        return data[:80] + bytes(b ^ 0x5A for b in data[80:100]) + data[100:]
    if how == "header":  # not even a header is left
        return b"\xff" * 48 + data[48:]
    return data[:300]  # truncated


async def serve(args: argparse.Namespace) -> None:
    ring = Ring(max_records=args.ring, first_seq=args.first_seq)
    server = Server(ring, args.host, args.port)
    names = stations(args.stations)
    k = args.from_k
    spoil = dict(item.split(":") for item in args.spoil.split(",") if item)

    def publish(upto: int) -> None:
        nonlocal k
        while k < upto:
            for name in names:
                whole = record(name, k, args.epoch)
                how = spoil.get(f"{name}.{k}")
                out = [(spoilt(whole, how), header(name, k, args.epoch))] if how in KINDS else [(whole, None)]
                if how == "twice":
                    out.append((whole, None))
                server.publish(out)
            k += 1

    def due() -> int:
        return int((time.time_ns() - args.epoch) / (PACKET_S * NS))

    publish(due())  # what the ring on disk has
    await server.open()
    print(f"open {server.port}", flush=True)
    while True:
        publish(due())
        await asyncio.sleep(0.005)


KINDS = ("corrupt", "header", "truncated")


def header(name: str, k: int, epoch_ns: int):
    from seiswarn.serve.header import read_header

    return read_header(record(name, k, epoch_ns))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--epoch", type=int, required=True)
    parser.add_argument("--stations", type=int, default=4)
    parser.add_argument("--from-k", type=int, default=0)
    parser.add_argument("--first-seq", type=int, default=1)
    parser.add_argument("--ring", type=int, default=100_000)
    parser.add_argument("--spoil", default="", help="S000.12:corrupt,S001.14:truncated,S002.9:twice")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
