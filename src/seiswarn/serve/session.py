"""The conversation of a SeedLink server with one client: command lines in, replies out. No sockets.

SeedLink 3 as libslink and SeisComP speak it, SeedLink 4 as the FDSN specifies it
(docs.fdsn.org/projects/seedlink). A session speaks version 3 until it hears ``SLPROTO 4.0``.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from seiswarn.serve.info import About, Connection, error_v4, info_v3, info_v4
from seiswarn.serve.negotiation import Negotiation, Refused, glob
from seiswarn.serve.reader import Reader
from seiswarn.serve.ring import Ring, Stream
from seiswarn.serve.selectors import selector_v4
from seiswarn.serve.words import Lines, TooLong

MAX_REFUSED = 50  # commands in a row: whoever sends so many wrong ones is no SeedLink client
_HTTP = frozenset(("OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "CONNECT"))
_GREETINGS = ("HELLO", "SLPROTO", "USERAGENT", "CAPABILITIES", "ENABLE", "GETCAPABILITIES", "AUTH", "BATCH")
_REQUESTS = ("STATION", "SELECT", "DATA", "FETCH", "TIME", "END", "ENDFETCH")
_COMMANDS = frozenset((*_GREETINGS, *_REQUESTS, "INFO", "CAT", "BYE"))


@dataclass(slots=True)
class Door:
    """Who may come in, and what the session has to know of its surroundings.

    `users` are passwords by name; with any, data are for those who said AUTH. `private` tells that
    the connection is encrypted or does not leave the machine, without which AUTH is refused.
    """

    users: Mapping[str, str] = field(default_factory=dict)
    private: bool = False
    connections: Callable[[], Iterable[Connection]] = tuple
    now_ns: Callable[[], int] = lambda: 0


class Session:
    """What has been agreed with a client so far.

    `put` its bytes, then call `step` until it gives None. `reader` is there once data flow;
    `closing` says why the connection is to be closed after what `step` gave has been sent.
    """

    def __init__(self, ring: Ring, about: About, door: Door) -> None:
        self._ring, self._about, self._door = ring, about, door
        self._lines = Lines()
        self.version = 3
        self.agent = ""
        self.reader: Reader | None = None
        self.closing = ""
        self.ended = False  # the end of a transfer has been said: nothing more may be sent
        self._asked = Negotiation(ring)
        self._named_version = False
        self._extended = False  # EXTREPLY
        self._user = ""
        self._refused = 0  # in a row

    @property
    def n_requests(self) -> int:
        return len(self._asked.requests)

    @property
    def future(self) -> list[int]:
        """Numbers asked for that this ring has not come to: it is not the one the client had."""
        return self._asked.future

    def put(self, data: bytes) -> None:
        """Bytes from the client, cut anywhere."""
        if not self.closing:
            self._lines.put(data)

    def step(self) -> bytes | None:
        """Do the next command and give its reply, which may be empty; None when there is no whole command."""
        if self.closing:
            return None
        try:
            line = self._lines.next()
        except TooLong:
            self._lines.clear()
            return self._leave(
                "sent a line without end", self._error(Refused("LIMIT", "the command is too long"))
            )
        return None if line is None else self._command(line)

    def _leave(self, reason: str, last_words: bytes = b"") -> bytes:
        self.closing = reason
        return b"" if self.reader is not None else last_words

    def _command(self, line: bytes) -> bytes:
        try:
            text = line.decode("ascii")
        except UnicodeDecodeError:
            text = "\x00"
        if not text.replace("\t", " ").isprintable():
            return self._leave(
                "sent bytes that are no command", self._error(Refused("UNSUPPORTED", "no text"))
            )
        words = text.split()
        name = words[0].upper() if words else ""
        known = name in _COMMANDS
        if self.reader is not None and name not in ("INFO", "BYE"):
            return b""  # data flow, and a line between packets would be taken for one
        if self.ended and name != "BYE":
            return b""
        try:
            if not known:
                if name in _HTTP:
                    return self._leave("spoke HTTP", b"ERROR\r\n")
                raise Refused("UNSUPPORTED", "no such command")
            reply: bytes = getattr(self, "_" + name.lower())(words[1:])
        except Refused as refused:
            self._refused += 1
            reply = self._error(refused)
            if self._refused >= MAX_REFUSED:
                return self._leave(f"sent {MAX_REFUSED} commands that are none", reply)
            return reply
        self._refused = 0
        return reply

    def _ok(self) -> bytes:
        return b"OK\r\n"

    def _error(self, refused: Refused) -> bytes:
        if self.version == 4:
            return f"ERROR {refused.code} {refused}\r\n".encode("ascii", "replace")
        return f"ERROR\r{refused}\r\n".encode("ascii", "replace") if self._extended else b"ERROR\r\n"

    def _only(self, version: int) -> None:
        if self.version != version:
            raise Refused("UNSUPPORTED", f"a command of SeedLink {version}; this is SeedLink {self.version}")

    # Greeting

    def _hello(self, words: list[str]) -> bytes:
        return f"{self._about.software}\r\n{self._about.organization}\r\n".encode("ascii", "replace")

    def _slproto(self, words: list[str]) -> bytes:
        if self._named_version or self._asked.requests:
            raise Refused("UNEXPECTED", "the version is named once, before all other commands")
        if words not in (["4.0"], ["3.0"], ["3.1"]):
            raise Refused("UNSUPPORTED", "versions are 3.1 and 4.0")
        self.version, self._named_version = int(words[0][0]), True
        return self._ok()

    def _useragent(self, words: list[str]) -> bytes:
        self.agent = " ".join(words)[:200]
        return self._ok()

    def _capabilities(self, words: list[str]) -> bytes:
        self._only(3)
        self._extended |= "EXTREPLY" in (w.upper() for w in words)
        return self._ok()

    _enable = _capabilities

    def _getcapabilities(self, words: list[str]) -> bytes:
        return f"{' '.join(self._about.capabilities)}\r\n".encode("ascii")

    def _auth(self, words: list[str]) -> bytes:
        self._only(4)
        if not self._door.users:
            raise Refused("UNSUPPORTED", "nobody has to authenticate here")
        if not words or words[0].upper() != "USERPASS":
            raise Refused("UNSUPPORTED", "the type is USERPASS")
        if not self._door.private:
            raise Refused("UNEXPECTED", "passwords are not taken over an open line; use TLS")
        user, password = words[1:] if len(words) == 3 else ("", "")
        expected = self._door.users.get(user)
        same = hmac.compare_digest((expected or "").encode(), password.encode())
        if expected is None or not same:
            raise Refused("AUTH", "wrong name or password")
        self._user = user
        return self._ok()

    def _batch(self, words: list[str]) -> bytes:
        raise Refused("UNSUPPORTED", "every command is answered")

    # Requests

    def _station(self, words: list[str]) -> bytes:
        self._asked.skip()
        if self._door.users and not self._user:
            raise Refused("UNAUTHORIZED", "AUTH comes first")
        self._asked.station(words, self.version)
        return self._ok()

    def _select(self, words: list[str]) -> bytes:
        self._alone()
        self._asked.select(words, self.version)
        return self._ok()

    def _data(self, words: list[str]) -> bytes:
        return self._wanted(words, dialup=False)

    def _fetch(self, words: list[str]) -> bytes:
        return self._wanted(words, dialup=True)

    def _time(self, words: list[str]) -> bytes:
        self._only(3)
        if not 1 <= len(words) <= 2:
            raise Refused("ARGUMENTS", "the form is TIME BEGIN [END]")
        return self._wanted(["ALL", *words], dialup=False)

    def _wanted(self, words: list[str], dialup: bool) -> bytes:
        self._alone()
        self._asked.data(words, self.version, dialup)
        if self._asked.multi:
            return self._ok()
        self.reader = self._asked.reader(self.version)
        return b""  # data follow at once, SeedLink 3 in uni-station mode

    def _alone(self) -> None:
        """SELECT and DATA without STATION, which is uni-station mode of SeedLink 3."""
        if not self._asked.multi:
            if self.version == 4:
                raise Refused("UNEXPECTED", "STATION comes first")
            if self._door.users:
                raise Refused("UNAUTHORIZED", "only for those who can say AUTH")

    def _end(self, words: list[str]) -> bytes:
        self.reader = self._asked.reader(self.version)
        return b""

    def _endfetch(self, words: list[str]) -> bytes:
        self._only(4)
        self._asked.dial_up()
        return self._end(words)

    # Questions

    def _visible(self) -> Iterable[Stream]:
        """What this client may know of: for whom stations are closed, there are none."""
        return () if self._door.users and not self._user else self._ring.streams

    def _info(self, words: list[str]) -> bytes:
        if self.version == 3:
            level = words[0].upper() if words else ""
            return info_v3(level, self._about, self._visible(), self._door.connections(), self._door.now_ns())
        # Named as in SELECT, but for the stations: STATION_PATTERN [STREAM_PATTERN[.FORMAT]]
        try:
            station = glob(words[1] if len(words) > 1 else "*")
            stream = selector_v4(words[2] if len(words) > 2 else "*")
        except (Refused, ValueError) as error:
            return error_v4("ARGUMENTS", str(error), self._about)
        wanted = [s for s in self._visible() if station(s.station) and stream.matches(s)]
        return info_v4(words, self._about, self._door.connections(), wanted)

    def _cat(self, words: list[str]) -> bytes:
        self._only(3)
        stations = sorted({s.station for s in self._visible()})
        rows = [f"{net:<2} {sta:<5} {net}_{sta}\r\n" for net, _, sta in (s.partition("_") for s in stations)]
        return "".join([*rows, "END"]).encode("ascii", "replace")

    def _bye(self, words: list[str]) -> bytes:
        return self._leave("said goodbye")
