"""Raspberry Shake's UDP datacast as a live source.

A Shake sends a datagram of text per channel and quarter of a second: the channel, the time of the
first sample in seconds since 1970, and counts. It numbers nothing and sends nothing twice, so a
datagram that is lost is a gap; one that overtook another is put back in its place.
"""

from __future__ import annotations

import re
import socket
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from seiswarn.ingest.door import Door
from seiswarn.ingest.live import Clock, Received, Refused
from seiswarn.ingest.pack import SourcePacker
from seiswarn.messages import LinkState
from seiswarn.reasons import Reason
from seiswarn.timebase import NS, sample_offset_ns

MAX_DATAGRAM = 65_535
MAX_SAMPLES = 4000  # in one datagram; a quarter of a second has 25 to 50
BUFFER_BYTES = 1 << 22  # asked of the system for what waits: some seconds of a hundred Shakes
WAIT_S = 0.05  # between two looks at what is held back, and whether to stop
HOLD_S = 0.1  # for a datagram that others overtook; a local network turns few around, and by less
RETRY_S = 1.0  # of opening the port
JUMP_NS = 60 * NS  # back by more than this, the clock of a Shake was set
RECENT = 64  # datagrams of a channel by which repetition is known: 16 s
MAX_CHANNELS = 5000  # garbage must not fill the memory
# Rates that a digitiser has: what the spacing of datagrams (their times are in ms) must lead to.
NOMINAL_HZ = (20.0, 40.0, 50.0, 80.0, 100.0, 125.0, 200.0, 250.0, 500.0)
RATE_SHARE = 0.02  # by which two spacings may be off: 5 ms in a quarter of a second
_TEXT = re.compile(
    rb"\{\s*'([A-Z0-9]{3})'\s*,\s*(\d{1,11})(?:\.(\d{1,9}))?\s*((?:,\s*-?\d{1,10}\s*)+)\}\s*\x00*"
)


class Datagram(NamedTuple):
    """What one datagram says: `samples` are (n,) counts, the first at `t0_ns`."""

    channel: str
    t0_ns: int
    samples: npt.NDArray[np.int32]


def parse_datagram(data: bytes) -> Datagram:
    """The content of a datagram.

    Format as sent by Raspberry Shake OS (manual, "UDP data cast") and read by rsudp:
    ``{'EHZ', 1582315130.292, 14168, 14927, ...}``. Raises ValueError with what is wrong.
    """
    match = _TEXT.fullmatch(data)
    if match is None:
        raise ValueError(f"no datagram of a Raspberry Shake: {data[:40]!r}")
    values = match[4].split(b",")[1:]
    if len(values) > MAX_SAMPLES:
        raise ValueError(f"{len(values)} samples in one datagram")
    counts = np.array([int(v) for v in values], dtype=np.int64)
    if np.abs(counts).max() > 2**31 - 1:
        raise ValueError("a count needs more than 32 bits")
    t0_ns = int(match[2]) * NS + int((match[3] or b"0").ljust(9, b"0"))
    return Datagram(match[1].decode(), t0_ns, counts.astype(np.int32))


class Train:
    """Datagrams of one channel put in order. `rate_hz` 0: to be found from their spacing."""

    def __init__(self, rate_hz: float = 0.0) -> None:
        self.rate_hz = rate_hz
        self.lost = self.repeated = 0  # datagrams, since somebody counted them
        self._next_ns = 0  # where the datagram after the last one begins
        self._held: dict[int, tuple[float, Datagram]] = {}
        self._seen: OrderedDict[int, None] = OrderedDict()

    @property
    def holds(self) -> bool:
        """Whether anything is held back."""
        return bool(self._held)

    def take(self, datagram: Datagram, now_s: float) -> list[Datagram]:
        """The datagrams that may go on now, in order of time."""
        if datagram.t0_ns in self._seen:
            self.repeated += 1
            return []
        self._seen[datagram.t0_ns] = None
        if len(self._seen) > RECENT:
            self._seen.popitem(last=False)
        self._held[datagram.t0_ns] = (now_s, datagram)
        return self.due(now_s)

    def due(self, now_s: float) -> list[Datagram]:
        """Those that need not or must not wait longer."""
        if not self.rate_hz and not self._find_rate():
            return []
        out: list[Datagram] = []
        while self._held:
            begin = min(self._held)
            came_s, datagram = self._held[begin]
            half_ns = NS / self.rate_hz / 2.0
            ahead_ns = begin - self._next_ns
            if self._next_ns and ahead_ns > half_ns:
                if now_s - came_s < HOLD_S:
                    break
                self.lost += round(ahead_ns / sample_offset_ns(len(datagram.samples), self.rate_hz))
            del self._held[begin]
            end = begin + sample_offset_ns(len(datagram.samples), self.rate_hz)
            # One that claims a far future must not make all that follow look late for ever.
            self._next_ns = end if end < self._next_ns - JUMP_NS else max(self._next_ns, end)
            out.append(datagram)
        return out

    def _find_rate(self) -> bool:
        """Set the rate when two successive spacings lead to the same one."""
        starts = sorted(self._held)
        rates = []
        for a, b in pairwise(starts):
            rate = len(self._held[a][1].samples) * NS / (b - a)
            rates.append(next((f for f in NOMINAL_HZ if abs(rate / f - 1.0) < RATE_SHARE), 0.0))
        for one, two in pairwise(rates):
            if one and one == two:
                self.rate_hz = one
                return True
        if len(starts) > RECENT:
            del self._held[starts[0]]
        return False


@dataclass(frozen=True, slots=True)
class ShakeCast:
    """What is listened for; the fields of [[ingest]] of kind "shake_udp".

    `senders` leads from the address of a sender to its station; without any, all is of `station`.
    """

    host: str = "0.0.0.0"
    port: int = 8888
    network: str = "AM"
    station: str = "R0000"
    location: str = "00"
    senders: tuple[tuple[str, str], ...] = ()
    rate_hz: float = 100.0
    silent_s: float = 10.0


class ShakeUdpSource:
    """Records of all Shakes that send to one port."""

    NAME: ClassVar[str] = "shake_udp"
    NEEDS: ClassVar[str] = "Raspberry Shakes whose datacast is sent to this computer"
    VALID: ClassVar[str] = "counts of 32 bits; Raspberry Shake and Boom of any model"
    REFERENCE: ClassVar[str] = "Raspberry Shake manual, UDP data cast; rsudp 2.0 documentation"
    VERIFIED: ClassVar[bool] = True

    def __init__(self, cast: ShakeCast, clock: Clock) -> None:
        self._cast, self._clock = cast, clock
        self._stations = dict(cast.senders)
        self._door = Door(f"shake_udp {cast.host}:{cast.port}", clock, silent_s=cast.silent_s)
        self._packer = SourcePacker()
        self._trains: dict[tuple[str, str], Train] = {}
        self.port = cast.port  # the one that is open, when 0 was asked for

    def start(self) -> None:
        self._door.start(self._run)

    def take(self) -> tuple[list[Received], list[Refused]]:
        return self._door.inbox.take()

    def safe(self, marks: Mapping[str, int]) -> None:
        """Nobody would send a datagram again."""

    def links(self) -> Sequence[LinkState]:
        return (self._door.link(),)

    @property
    def ended(self) -> bool:
        return False

    def close(self) -> None:
        self._door.close()

    def _run(self) -> None:
        while not self._door.stopping.is_set():
            try:
                family = socket.AF_INET6 if ":" in self._cast.host else socket.AF_INET
                with socket.socket(family, socket.SOCK_DGRAM) as opened:
                    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
                    opened.bind((self._cast.host, self._cast.port))
                    opened.settimeout(WAIT_S)
                    self.port = int(opened.getsockname()[1])
                    self._door.say("listening")
                    self._receive(opened)
            except OSError as error:
                self._door.say(
                    "refused", f"UDP port {self._cast.port} cannot be opened: {error.strerror or error}"
                )
                self._door.stopping.wait(RETRY_S)

    def _receive(self, opened: socket.socket) -> None:
        while not self._door.stopping.is_set():
            try:
                data, address = opened.recvfrom(MAX_DATAGRAM)
            except TimeoutError:
                pass
            else:
                self.hear(data, str(address[0]))
            now_s = self._clock.monotonic_s()
            for (station, channel), train in self._trains.items():
                if train.holds:
                    self._pass_on(station, channel, train, train.due(now_s))

    def hear(self, data: bytes, sender: str) -> None:
        """Take one datagram. Never raises because of what is in it."""
        self._door.count("datagrams")
        station = self._stations.get(sender, "") if self._stations else self._cast.station
        if not station:
            detail = f"a datagram from {sender}, which is none of the senders of the configuration"
            self._door.refuse(sender, Reason.UNKNOWN_CHANNEL, detail)
            return
        try:
            datagram = parse_datagram(data)
        except ValueError as error:
            self._door.refuse(f"{station} ({sender})", Reason.CORRUPT_RECORD, str(error))
            return
        key = (station, datagram.channel)
        if key not in self._trains and len(self._trains) >= MAX_CHANNELS:
            self._door.refuse(
                f"{station} ({sender})", Reason.BUFFER_FULL, f"more than {MAX_CHANNELS} channels"
            )
            return
        train = self._trains.setdefault(key, Train(self._cast.rate_hz))
        self._pass_on(*key, train, train.take(datagram, self._clock.monotonic_s()))

    def _pass_on(self, station: str, channel: str, train: Train, datagrams: Sequence[Datagram]) -> None:
        cast = self._cast
        self._door.count("repeated", train.repeated)
        self._door.count("lost", train.lost)
        train.repeated = train.lost = 0
        name = f"FDSN:{cast.network}_{station}_{cast.location}_{'_'.join(channel)}"
        for datagram in datagrams:
            try:
                records = self._packer.pack(name, datagram.t0_ns, train.rate_hz, datagram.samples, "i4")
            except ValueError as error:
                self._door.refuse(name, Reason.CORRUPT_RECORD, str(error))
                continue
            self._door.put(records)
