"""One connection of the SeedLink server: its session, its place in the ring, and what is on its way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from seiswarn.runtime import clock
from seiswarn.serve.info import Connection
from seiswarn.serve.session import Door, Session

if TYPE_CHECKING:
    from seiswarn.serve.seedlink_server import Server

_CHUNK = 128 << 10  # bytes handed to the connection at a time
_HIGH, _LOW = 512 << 10, 128 << 10  # bytes on their way to a client: no more are handed in, and again
_TURN = 8  # chunks, before others have their turn
_LOOPBACK = ("127.", "::1")


class Client(asyncio.Protocol):
    """What the server does for one client. Made by `Server` for each connection.

    A client that does not read is held up by nothing but itself: its packets stay in the ring, and
    only `_HIGH` bytes wait for it.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._paused = False
        self._turning = False  # its next turn is on its way
        self._said = False  # its end has been told
        self.host, self.port = "", 0
        self.since_ns = server.now_ns()
        self.active_s = clock.monotonic_s()  # when it last said or took something
        self._waited = 0  # bytes that waited when last looked
        self.streaming = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.host, self.port = (transport.get_extra_info("peername") or ("unknown", 0))[:2]
        self._transport.set_write_buffer_limits(_HIGH, _LOW)
        self._local = str(self.host).startswith(_LOOPBACK)
        secure = transport.get_extra_info("ssl_object") is not None
        door = Door(
            users=self._server.users,
            private=secure or self._local,
            connections=self._known,
            now_ns=self._server.now_ns,
        )
        self.session = Session(self._server.ring, self._server.about, door)
        self._server.entered(self)

    @property
    def name(self) -> str:
        agent = f" ({self.session.agent})" if self.session.agent else ""
        return f"{self.host}:{self.port}{agent}"

    @property
    def waiting_bytes(self) -> int:
        """Bytes that the system has not taken for this client yet."""
        return self._transport.get_write_buffer_size()

    def still_s(self, now_s: float) -> float:
        """Seconds since it last said or took something, as far as can be told."""
        waiting = self.waiting_bytes
        if waiting < self._waited:
            self.active_s = now_s
        self._waited = waiting
        return now_s - self.active_s

    @property
    def sent(self) -> int:
        """Packets given to the system, or on their way to it."""
        return self.session.reader.sent if self.session.reader is not None else 0

    def as_connection(self) -> Connection:
        session, reader = self.session, self.session.reader
        next_seq = reader.seq if reader is not None else None
        return Connection(
            self.host, self.port, self.since_ns, session.version, session.agent, self.sent, next_seq
        )

    def _known(self) -> list[Connection]:
        """The connections this client is told of: all of them on the server's machine, else its own."""
        return self._server.connections() if self._local else [self.as_connection()]

    def data_received(self, data: bytes) -> None:
        self.active_s = clock.monotonic_s()
        self.session.put(data)
        self._converse()

    def _converse(self) -> None:
        """Answer what was asked, as long as the answers are taken."""
        while not self._paused and not self._transport.is_closing():
            reply = self.session.step()
            if reply is None:
                break
            if reply:
                self._transport.write(reply)
            if self.session.closing:
                self.leave(self.session.closing)
            elif self.session.reader is not None and not self.streaming:
                self.streaming = True
                self._server.begun(self)
                self.pump()
        self.pump()

    def pump(self) -> None:
        """Hand in packets until there are none, or the client has enough to take."""
        reader = self.session.reader
        if reader is None or self.session.ended:
            return
        for _ in range(_TURN):
            if self._transport.is_closing() or (self._paused and not reader.lost):
                return
            data, state = reader.take(_CHUNK)
            if data:
                self.active_s = clock.monotonic_s()
                self._transport.write(data)
            if state == "lost":
                self._server.dropped(self, "slow", f"was too slow: {reader.lost} of its packets are gone")
                return
            if state == "done":
                self.session.ended = True
                self._transport.write(b"END")
                return
            if state == "waiting":
                return
        if not self._turning:
            self._turning = True
            asyncio.get_running_loop().call_soon(self._next_turn)

    def _next_turn(self) -> None:
        self._turning = False
        self.pump()

    def pause_writing(self) -> None:
        self._paused = True
        # Whoever does not take answers asks no more questions.
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._paused = False
        self.active_s = clock.monotonic_s()
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self._converse()
        self._server.moved()

    def leave(self, reason: str, *, at_once: bool = False) -> None:
        """Close the connection: after what is on its way, or at once."""
        if not self._said:
            self._said = True
            self._server.left(self, reason)
        if at_once:
            self._transport.abort()
        else:
            self._transport.close()

    def eof_received(self) -> bool:
        return False  # close when what is on its way has been sent

    def connection_lost(self, error: Exception | None) -> None:
        if not self._said:
            self._said = True
            self._server.left(self, f"lost the connection: {error}" if error else "closed the connection")
        self._server.gone(self)
