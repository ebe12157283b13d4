"""Subscribes to the core's output, stamps what arrives, and writes it down when told to end.

python benchmarks/national_subscriber.py ENDPOINT FILE
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import msgspec
import zmq

from seiswarn.bus import unpack

WANTED = ("motion", "pick")


def main() -> None:
    endpoint, path = sys.argv[1], Path(sys.argv[2])
    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: ended.append(number))
    socket = zmq.Context().socket(zmq.SUB)
    socket.set(zmq.RCVHWM, 0)
    for topic in WANTED:
        socket.subscribe(topic)
    socket.connect(endpoint)
    came: list[tuple[int, list[bytes]]] = []
    while not ended:
        if socket.poll(100):
            came.append((time.time_ns(), socket.recv_multipart()))
    frames = [unpack(parts) for _, parts in came]
    last: dict[str, int] = {}
    missed = 0
    for frame in frames:
        missed += frame.header.seq - last.get(frame.header.stream, 0) - 1
        last[frame.header.stream] = frame.header.seq
    arrived = {
        "stamps": [stamp for stamp, _ in came],
        "payloads": [frame.payload for frame in frames],
        "missed": missed,
    }
    path.write_bytes(msgspec.msgpack.encode(arrived))


if __name__ == "__main__":
    main()
