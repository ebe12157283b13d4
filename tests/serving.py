"""Records to serve and a raw SeedLink client, for the tests of `seiswarn.serve`."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
from pymseed import MS3Record

from seiswarn.ingest.pack import Packer
from seiswarn.timebase import NS

T0 = 1_600_000_000 * NS  # 2020-09-13T12:26:40Z
RATE_HZ = 100.0


def counts(seconds: int, seed: int = 1) -> np.ndarray:
    """(n,) int32 of brownian noise, as Steim2 likes it."""
    return np.cumsum(np.random.default_rng(seed).integers(-300, 300, seconds * 100)).astype(np.int32)


def make_records(
    stations: int = 2, seconds: int = 5, components: str = "ZNE", version: int = 2, location: str = "00"
) -> list[bytes]:
    """One record per channel and second, in the order of their times."""
    packer = Packer(512, version)
    traces = {
        f"FDSN:XX_S{s:03d}_{location}_H_H_{c}": counts(seconds, 10 * s + k)
        for s in range(stations)
        for k, c in enumerate(components)
    }
    return [
        record
        for second in range(seconds)
        for channel, x in traces.items()
        for record in packer.pack(
            channel, T0 + second * NS, RATE_HZ, x[100 * second : 100 * second + 100], "i4"
        )
    ]


def write_archive(folder: Path, stations: int = 2, seconds: int = 20) -> dict[str, np.ndarray]:
    """A folder with a file for each channel, records filled; the samples by source identifier."""
    folder.mkdir(parents=True, exist_ok=True)
    packer = Packer(512, 2)
    truth = {}
    for s in range(stations):
        for k, c in enumerate("ZNE"):
            channel = f"FDSN:XX_S{s:03d}_00_H_H_{c}"
            truth[channel] = counts(seconds, 10 * s + k)
            # Stations begin at moments of their own.
            records = packer.pack(channel, T0 + s * 137_000_000, RATE_HZ, truth[channel], "i4")
            (folder / f"{channel[5:]}.mseed").write_bytes(b"".join(records))
    return truth


def samples_of(records: list[bytes]) -> dict[str, tuple[int, np.ndarray]]:
    """First time and all samples by source identifier; insists on records that continue each other."""
    found: dict[str, list[MS3Record]] = {}
    for raw in records:
        record = MS3Record.parse(raw, unpack_data=True)
        before = found.setdefault(record.sourceid, [])
        if before:
            period_ns = round(NS / record.samprate)
            last = before[-1]
            assert abs(record.starttime - last.starttime - last.samplecnt * period_ns) < period_ns / 2
        before.append(record)
    return {
        name: (parts[0].starttime, np.concatenate([p.np_datasamples.copy() for p in parts]))
        for name, parts in found.items()
    }


class Raw:
    """A socket that sends lines and reads exactly what is expected."""

    def __init__(self, port: int, timeout_s: float = 10.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout_s)

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, text: str | bytes) -> None:
        self.socket.sendall(text.encode() if isinstance(text, str) else text)

    def read(self, n: int) -> bytes:
        """Exactly `n` bytes; fewer when the server closed before."""
        data = b""
        while len(data) < n:
            try:
                more = self.socket.recv(n - len(data))
            except ConnectionResetError:
                break
            if not more:
                break
            data += more
        return data

    def line(self) -> str:
        data = b""
        while not data.endswith(b"\r\n"):
            more = self.read(1)
            if not more:
                break
            data += more
        return data.decode()

    def ask(self, text: str, end: str = "\r\n") -> str:
        self.send(text + end)
        return self.line()

    def packet_v3(self) -> tuple[bytes, bytes]:
        """Header (8 bytes) and record (512 bytes)."""
        data = self.read(520)
        return data[:8], data[8:]

    def packet_v4(self) -> tuple[str, int, str, bytes]:
        """Format with subformat, number, station, payload."""
        head = self.read(17)
        assert head[:2] == b"SE", head
        size, seq = int.from_bytes(head[4:8], "little"), int.from_bytes(head[8:16], "little")
        station = self.read(head[16]).decode()
        return head[2:4].decode(), seq, station, self.read(size)

    def closed(self) -> bool:
        """Whether the server has closed; waits for it."""
        return self.read(1) == b""
