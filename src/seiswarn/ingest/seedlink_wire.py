"""SeedLink as it comes over the wire: the client of `seedlink-client`, made hard to silence.

What is added to it: a record that cannot be read costs itself and not the connection (in SeedLink 3
the length of a packet is known from its record alone); requests that make a polling server answer
at once; the end of patience with a server that says nothing at all.
"""

from __future__ import annotations

import json
import re
import select
from collections.abc import Callable
from typing import Any

from seedlink_client import SeedLink, SeedLinkError, mseed
from seedlink_client import _commands as commands
from seedlink_client._commands import Command
from seedlink_client.protocol import (
    FORMAT_MSEED2,
    HEADSIZE_V3,
    Protocol,
    _RawFrame,
    decode_frame_v3,
    parse_header_v3,
    parse_info_xml,
    parse_reply,
)
from seedlink_client.streams import sort_streams

RECORD_BYTES = 512  # of every record of SeedLink 3, by its manual; some servers have others
LENGTHS = (512, 256, 128, 1024, 2048, 4096)
_SIGNATURE = re.compile(rb"SL(?:[0-9A-Fa-f]{6}|INFO)")
# The head of a packet and of the record in it: no samples look like this by chance.
_PACKET = re.compile(rb"SL[0-9A-Fa-f]{6}(?:[0-9 \x00]{6}[DRQM][ \x00]|MS\x03)")
_CODES = re.compile(rb"[A-Z0-9 ]{7}")
POLL_S = 0.25  # how often a silent connection is looked at
# Asked one by one, two commands a station, a thousand stations at 30 ms are a minute without data.
AT_ONCE = 100  # commands sent before their answers are read: 3 kB, which every socket holds
FEW = 40  # so many are sent one by one: small servers in digitizers may read a line at a time


class Silence(SeedLinkError):
    """A server has said nothing for too long."""


class Declined(SeedLinkError):
    """A server does not give some of the stations asked for."""

    def __init__(self, stations: list[str]) -> None:
        super().__init__(f"the server declines {len(stations)} stations: {', '.join(stations[:5])}")
        self.stations = stations


class Wire(SeedLink):
    """A connection to one server.

    Parameters
    ----------
    monotonic_s
        a clock.
    silent_s
        without a byte for this long the connection is given up.
    ask_s
        every so often the server is asked for its name: a sign of life.
    poke_s
        the same as often as this, because a server that polls sends what it has when it is asked; 0: never.
    stopped
        whether to give up at once.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        monotonic_s: Callable[[], float],
        silent_s: float,
        ask_s: float,
        poke_s: float,
        stopped: Callable[[], bool],
        **options: Any,
    ) -> None:
        super().__init__(host, port, **options)
        self._mono_s = monotonic_s
        self._silent_s = silent_s
        self._ask_s = poke_s or ask_s
        self._stopped = stopped
        self._heard_s = self._asked_s = monotonic_s()
        self._usual = RECORD_BYTES
        self._answer: list[str] = []
        self.hasty = True  # whether many commands may be sent before their answers are read

    def be_patient(self) -> None:
        """Greeted, the server may take its time: a busy one, or one behind a lossy line, is not left."""
        if self._sock is not None:
            self._sock.settimeout(max(self._silent_s, self._timeout or 0.0))

    def negotiate(self) -> None:
        """As the original, with many commands on their way; a station declined costs itself alone.

        Raises
        ------
        Declined
            When stations are declined among many: what was sent behind their names may have been taken
            for others, so the connection is to be made anew without them.
        SeedLinkError
            When the connection is lost, or nothing at all was granted.
        """
        plan = commands.plan_negotiation(
            self.protocol,
            sort_streams(self._streams),
            dialup=False,
            multistation=True,
            resume=True,
            lastpkttime=True,
            batch_active=False,
        )
        *asked, end = plan
        declined = self._many(asked) if self.hasty and len(asked) > FEW else self._one_by_one(asked)
        if len(declined) >= len(self._streams):
            raise SeedLinkError(str(Declined(declined)))
        self._send_command(end)
        self._streaming = True

    def _many(self, asked: list[Command]) -> list[str]:
        declined = []
        for begin in range(0, len(asked), AT_ONCE):
            part = asked[begin : begin + AT_ONCE]
            self._put(part)
            answers = [parse_reply(self._read_line()) for _ in part]
            declined += [
                c.stream_id or "" for c, a in zip(part, answers, strict=True) if c.role == "station" and not a
            ]
        if declined and len(declined) < len(self._streams):
            raise Declined(declined)
        return declined

    def _one_by_one(self, asked: list[Command]) -> list[str]:
        declined: list[str] = []
        for command in asked:
            if command.role != "station" and command.stream_id in declined:
                continue  # it would be taken for the station before
            self._put([command])
            if not parse_reply(self._read_line()) and command.role == "station":
                declined.append(command.stream_id or "")
        return declined

    def _put(self, asked: list[Command]) -> None:
        """Send commands at once; who calls reads their answers."""
        if self._sock is None:
            raise SeedLinkError("the connection is closed")
        try:
            self._sock.sendall(b"".join(c.text.encode("ascii") + c.terminator for c in asked))
        except (OSError, UnicodeEncodeError) as error:
            self.close()
            raise SeedLinkError(f"commands cannot be sent: {error}") from error

    def next_frame(self) -> _RawFrame | None:
        """The next packet; None when `stopped`, or at the end that a server announces.

        Raises
        ------
        SeedLinkError
            When the connection is lost, silent or out of step.
        """
        while not self._has_buffered():
            if self._stopped():
                return None
            now = self._mono_s()
            if now - self._heard_s > self._silent_s:
                raise Silence(f"the server has said nothing for {self._silent_s:g} s")
            if now - self._asked_s >= self._ask_s:
                self._asked_s = now
                self._send_command(commands.info("ID"))
            if self._sock is None:
                raise SeedLinkError("the connection is closed")
            # select() cannot look at descriptors beyond 1023: many servers make many of them
            poll = select.poll()
            poll.register(self._sock, select.POLLIN)
            if poll.poll(1000.0 * min(POLL_S, self._ask_s)):
                break
        frame = self._recv_frame()
        self._heard_s = self._mono_s()
        if frame is None or isinstance(frame, _RawFrame):
            return frame
        raise SeedLinkError(f"the server says: {getattr(frame, 'message', '') or 'ERROR'}")

    def restart_patience(self) -> None:
        """Begin to wait anew: the connection was just made."""
        self._heard_s = self._asked_s = self._mono_s()

    def ask(self, level: str) -> None:
        """Send an INFO request while packets come; its answer comes among them."""
        self._send_command(commands.info(level))

    def answer(self, frame: _RawFrame) -> dict[str, Any] | None:
        """An answer to `ask` when this frame ends one that can be read."""
        self._answer.append(frame.payload.decode("utf-8", errors="replace"))
        if frame.info_continues:
            return None
        text, self._answer = "".join(self._answer), []
        try:
            found = json.loads(text) if self.protocol is Protocol.V4 else parse_info_xml(text)
        except (ValueError, SeedLinkError):
            return None
        return found if isinstance(found, dict) else None

    # --- SeedLink 3 --------------------------------------------------------------------------

    def _recv_frame_v3(self) -> _RawFrame:
        """As the original, for records that do not decode too: those are the doorkeeper's to refuse."""
        header = parse_header_v3(self._take(HEADSIZE_V3))
        payload = self._read_mseed_payload()
        if header.is_info:
            return decode_frame_v3(header, payload)
        return _RawFrame(
            station_id=station_of(payload),
            seqnum=header.seqnum,
            payload_format=FORMAT_MSEED2,
            payload_subformat="D",
            payload=payload,
            info_continues=False,
        )

    def _read_mseed_payload(self) -> bytes:
        """A record by its own length, unless the next packet begins before: then it was cut short."""
        length = self._payload_length()
        self._ensure(length)
        view = self._recv_view[self._recv_start : self._recv_start + length]
        following = _PACKET.search(view)
        return bytes(self._take(following.start() if following else length))

    def _payload_length(self) -> int:
        """How long a record says it is, or must be by where the next packet begins."""
        self._ensure(64)
        try:
            found = mseed.detect_record_length(self._peek(64)) or mseed.detect_record_length(
                self._peek(RECORD_BYTES)
            )
        except SeedLinkError:
            found = None
        if found is not None and found[0] in LENGTHS:
            if found[0] != self._usual and self._misses(found[0]):
                return self._guess()
            self._usual = found[0]
            return found[0]
        return self._guess()

    def _guess(self) -> int:
        """How long a record is that does not say: up to where a packet begins, else as long as usual."""
        for length in sorted({self._usual, *LENGTHS}, key=lambda n: n != self._usual):
            if self._fits(length):
                return length
        return self._usual

    def _misses(self, length: int) -> bool:
        """Whether what has come behind a record of this length is no packet."""
        begin = self._recv_start + length
        return self._recv_end - begin >= HEADSIZE_V3 and not self._fits(length)

    def _fits(self, length: int) -> bool:
        """Whether a packet begins behind a record of this length, among what has come."""
        begin = self._recv_start + length
        return _SIGNATURE.match(bytes(self._recv_view[begin : min(begin + 8, self._recv_end)])) is not None


def station_of(payload: bytes) -> str:
    """``NET_STA`` of a miniSEED record, from its header alone; empty when that is unreadable."""
    if payload[:2] == b"MS":
        sid = payload[40 : 40 + payload[33]] if len(payload) > 40 else b""
        parts = sid.decode("ascii", "replace").removeprefix("FDSN:").split("_")
        return f"{parts[0]}_{parts[1]}" if len(parts) > 1 else ""
    station, network = payload[8:13], payload[18:20]
    if not _CODES.fullmatch(station + network):
        return ""
    return f"{network.decode().strip()}_{station.decode().strip()}"


def last_sample_ns(payload: bytes) -> int:
    """When a record ends, from its header; 0 when that is unreadable."""
    import pymseed

    try:
        record = pymseed.MS3Record.parse(payload, unpack_data=False)
        return int(record.endtime)
    except (pymseed.MiniSEEDError, ValueError):
        return 0
