"""A SeedLink server, versions 3 and 4: the packets of a `Ring` to any number of clients.

Everything happens in one event loop and at once: a packet that is added is in the hands of the
operating system before anything else is done. Nothing is polled.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from seiswarn import __version__
from seiswarn.runtime import clock
from seiswarn.serve.client import Client
from seiswarn.serve.header import Header
from seiswarn.serve.info import About, Connection
from seiswarn.serve.ring import Ring

PORT = 18000  # of SeedLink, in the clear
_SWEEP_S = 5.0  # between two looks for clients that do not move
_CAPABILITIES = ("SLPROTO:4.0", "SLPROTO:3.1", "CAP", "EXTREPLY", "NSWILDCARD", "TIME")
_BACKLOG = 256


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how many. All of them are choices.

    `stall_s`: a client that has taken nothing for so long, though packets wait for it, is dropped;
    `silence_s`: one that has not asked for data and says nothing; `end_s`: one that stays after END.
    """

    clients: int = 256
    stall_s: float = 60.0
    silence_s: float = 600.0
    end_s: float = 10.0


def _tell_nobody(sentence: str) -> None:
    pass


class Server:
    """Serves `ring`. All methods belong to the event loop that `open` was awaited in.

    Parameters
    ----------
    ring
        what is served; add to it through `publish`.
    host, port
        where to listen; port 0 takes a free one, see `port` after `open`.
    organization
        who runs the server: the second line of HELLO.
    tls
        a server context for encrypted connections only.
    users
        passwords by name. With any, data are for clients of SeedLink 4 that said AUTH.
    tell
        gets a sentence for each client that comes, begins and goes.
    """

    def __init__(
        self,
        ring: Ring,
        host: str = "127.0.0.1",
        port: int = PORT,
        *,
        organization: str = "seiswarn",
        tls: ssl.SSLContext | None = None,
        users: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        tell: Callable[[str], None] = _tell_nobody,
    ) -> None:
        self.ring, self.host, self.port = ring, host, port
        self.users = dict(users or {})
        self.limits = limits or Limits()
        self.counts: Counter[str] = Counter()
        self._tls, self._tell = tls, tell
        self._clients: list[Client] = []
        self._moved = asyncio.Event()
        self._listening: asyncio.Server | None = None
        self._sweeping: asyncio.Task[None] | None = None
        offered = (*_CAPABILITIES, *(("AUTH:USERPASS",) if self.users else ()))
        # The form is fixed by SeedLink 4 (HELLO), and clients of version 3 read the number.
        software = f"SeedLink v4.0 (seiswarn/{__version__}) :: {' '.join(offered)}"
        self.about = About(software, organization, self.now_ns(), offered)

    @staticmethod
    def now_ns() -> int:
        return clock.now_ns()

    async def open(self) -> None:
        """Listen. Raises OSError when the address cannot be had."""
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(
            lambda: Client(self), self.host, self.port, ssl=self._tls, backlog=_BACKLOG
        )
        self.port = self._listening.sockets[0].getsockname()[1]
        self._sweeping = loop.create_task(self._sweep())

    async def close(self, reason: str = "was closed: the server stops", patience_s: float = 2.0) -> None:
        """Stop listening, send what is on its way, for `patience_s` at most, and close all connections."""
        if self._listening is not None:
            self._listening.close()
        if self._sweeping is not None:
            self._sweeping.cancel()
        for client in list(self._clients):
            client.leave(reason)
        until = clock.monotonic_s() + patience_s
        while self._clients and clock.monotonic_s() < until:
            await self._movement(until - clock.monotonic_s())
        for client in list(self._clients):
            client.leave(reason, at_once=True)
        await asyncio.sleep(0)

    def publish(self, records: Iterable[tuple[bytes, Header | None]]) -> None:
        """Add records to the ring and send them to all who want them.

        Raises
        ------
        ValueError
            For a record without a header that has none of its own; those before it are published.
        """
        try:
            for record, header in records:
                self.ring.add(record, header)
        finally:
            for client in list(self._clients):
                client.pump()

    def finish(self) -> None:
        """Nothing will be published any more: transfers that wait for the end of a time window end."""
        self.ring.finished = True
        for client in list(self._clients):
            client.pump()

    @property
    def streaming(self) -> list[Client]:
        """Clients that have asked for data and have not had the end of them."""
        return [c for c in self._clients if c.streaming and not c.session.ended]

    def connections(self) -> list[Connection]:
        """What is known of each client."""
        return [c.as_connection() for c in self._clients]

    async def someone(self) -> None:
        """Wait until a client has asked for data."""
        while not any(c.streaming for c in self._clients):
            await self._movement(None)

    async def room(self, share: float = 0.5) -> None:
        """Wait until every client has got the older part of a ring that is full to more than `share`.

        For data that could come faster than clients take them. A client that does not move is dropped
        after a while, so this ends.
        """
        while self.ring.used > share:
            enough = self.ring.first_seq + round((1.0 - share) * len(self.ring)) + 1
            if all(c.session.reader is None or c.session.reader.seq >= enough for c in self.streaming):
                return
            await self._movement(_SWEEP_S)

    async def drained(self) -> None:
        """Wait until all clients have got everything that they asked for, or are gone."""
        while any(
            c.waiting_bytes or (c.session.reader is not None and c.session.reader.seq < self.ring.next_seq)
            for c in self.streaming
        ):
            await self._movement(0.05)

    async def _movement(self, seconds: float | None) -> None:
        """Wait until a client has moved, or for so long."""
        self._moved.clear()
        try:
            await asyncio.wait_for(self._moved.wait(), seconds)
        except TimeoutError:
            return

    # What clients report

    def moved(self) -> None:
        self._moved.set()

    def entered(self, client: Client) -> None:
        self.counts["connections"] += 1
        if len(self._clients) >= self.limits.clients:
            self.counts["refused"] += 1
            client.leave(f"is one too many: {self.limits.clients} are connected", at_once=True)
            return
        self._clients.append(client)
        self._tell(f"client {client.name} connected")

    def begun(self, client: Client) -> None:
        n = client.session.n_requests
        self._tell(f"client {client.name} asks for data, SeedLink {client.session.version}, {n} requests")
        for number in client.session.future:
            self._tell(
                f"client {client.name} asked for packet {number}, which is yet to come: sent the oldest"
            )
        self.moved()

    def dropped(self, client: Client, kind: str, reason: str) -> None:
        """Close the connection of a client that has to go, counted as `kind`."""
        self.counts[f"dropped_{kind}"] += 1
        client.leave(reason, at_once=True)

    def left(self, client: Client, reason: str) -> None:
        self._tell(f"client {client.name} {reason}; {client.sent} packets sent")

    def gone(self, client: Client) -> None:
        if client in self._clients:
            self._clients.remove(client)
            self.counts["packets"] += client.sent
            if client.session.reader is not None:
                self.counts["unconverted"] += client.session.reader.unconverted
        self.moved()

    async def _sweep(self) -> None:
        """Drop clients that have stopped moving."""
        limits = self.limits
        while True:
            await asyncio.sleep(min(_SWEEP_S, limits.stall_s / 2.0))
            now_s = clock.monotonic_s()
            for client in list(self._clients):
                still_s = client.still_s(now_s)
                if client.waiting_bytes and still_s > limits.stall_s:
                    self.dropped(client, "stalled", f"took nothing for {still_s:.0f} s")
                elif client.session.ended and still_s > limits.end_s:
                    client.leave("stayed after the end")
                elif not client.streaming and still_s > limits.silence_s:
                    self.dropped(client, "silent", f"said nothing for {still_s:.0f} s")
