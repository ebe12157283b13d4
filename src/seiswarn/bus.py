"""ZeroMQ framing, topics, sequence numbers, heartbeats, security. Used by runtime, sinks and clients.

A message on a PUB socket is three frames: ``topic``, ``header`` (a msgpack map, see `Header`)
and ``payload``, opaque here. Topics are words joined by dots (``alert.actual.public``,
``event``, ``pick``, ``decision``, ``report``, ``health``), so that subscribers choose by prefix.

PUB sockets drop what a slow subscriber cannot take. That is made visible: within one
*session* (one life of a publisher) each *stream* counts its messages from 1. By default a
stream is one topic, so that a prefix subscription never mistakes what it did not ask for for
a loss. A heartbeat on the topic ``heartbeat`` carries the last number of every stream: lost
tails and silence show too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import zmq
import zmq.auth
from zmq.auth.thread import ThreadAuthenticator

from seiswarn.errors import BusError

HEARTBEAT = "heartbeat"
MAX_PAYLOAD_BYTES = 64 << 20

Mode = Literal["open", "curve", "curve-allowlist"]


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What stands beside a payload. `seq` counts from 1 within (`session`, `stream`).

    `origin_seq` is the record of the core's output journal the message comes from, 0 if none:
    where a consumer that lost something may read it again.
    """

    stream: str
    session: str
    seq: int
    type: str
    status: str = "actual"
    t_seen_ns: int = 0
    encoding: str = "msgpack"
    origin_seq: int = 0


class Beat(msgspec.Struct, frozen=True, kw_only=True):
    """Payload of a heartbeat: the last `seq` of each stream of the session."""

    last: dict[str, int]
    state: str = "ready"


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One received message."""

    topic: str
    header: Header
    payload: bytes


class Security(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may connect to an endpoint. Key files are those of `zmq.auth.create_certificates`."""

    mode: Annotated[
        Mode,
        msgspec.Meta(
            description="open: anyone; curve: encrypted, anyone who knows the server key; "
            "curve-allowlist: encrypted, only clients whose public key file is in allow_dir."
        ),
    ] = "open"
    secret_key_file: Annotated[str, msgspec.Meta(description="Own key pair (.key_secret).")] = ""
    server_key_file: Annotated[str, msgspec.Meta(description="Client side: public key of the server.")] = ""
    allow_dir: Annotated[str, msgspec.Meta(description="Server side: folder of public keys allowed.")] = ""


class Link(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of a socket; nothing is left to ZeroMQ's defaults."""

    send_hwm: Annotated[
        int, msgspec.Meta(gt=0, description="Messages queued per subscriber before any are dropped.")
    ] = 20_000
    receive_hwm: Annotated[int, msgspec.Meta(gt=0, description="Messages queued on the receiving side.")] = (
        20_000
    )
    linger_ms: Annotated[int, msgspec.Meta(ge=0, description="How long closing may wait to deliver.")] = 1_000


_encoder = msgspec.msgpack.Encoder()
_header_decoder = msgspec.msgpack.Decoder(Header)
_beat_decoder = msgspec.msgpack.Decoder(Beat)


def pack(topic: str, header: Header, payload: bytes) -> list[bytes]:
    """The frames of one message."""
    return [topic.encode(), _encoder.encode(header), payload]


def topic_word(text: str) -> str:
    """A name as one word of a topic: everything but letters, digits, ``_`` and ``-`` becomes ``_``."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)


def unpack(frames: Sequence[bytes]) -> Frame:
    """The message in frames. Raises BusError when they are none."""
    if len(frames) != 3:
        raise BusError(f"a message has 3 frames, not {len(frames)}")
    try:
        return Frame(topic=frames[0].decode(), header=_header_decoder.decode(frames[1]), payload=frames[2])
    except (UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise BusError(f"frames that are no seiswarn message: {error}") from error


def beat_of(frame: Frame) -> Beat:
    """The heartbeat in a frame. Raises BusError when it is none."""
    try:
        return _beat_decoder.decode(frame.payload)
    except msgspec.MsgspecError as error:
        raise BusError(f"no heartbeat: {error}") from error


@dataclass(slots=True)
class _Session:
    """What is known of one session; `from_start`: an unseen stream has sent nothing so far."""

    from_start: bool
    last: dict[str, int] = field(default_factory=dict)


class SequenceWatch:
    """Counts what a subscriber missed.

    What was sent before the first sign of a session cannot be called lost: the first message
    or heartbeat sets the mark, each later one is held against it.

    Parameters
    ----------
    prefixes
        The topics subscribed to; heartbeat entries of other streams are ignored.
    """

    def __init__(self, prefixes: Iterable[str] = ("",)) -> None:
        self._prefixes = tuple(prefixes)
        self._sessions: dict[str, _Session] = {}
        self.missing = 0
        self.repeated = 0

    def see(self, stream: str, seq: int, session: str = "") -> int:
        """Note one received message; return how many of its stream are missing before it."""
        known = self._session(session)
        last = known.last.get(stream, 0 if known.from_start else seq - 1)
        if seq <= last:
            self.repeated += 1
            return 0
        known.last[stream] = seq
        self.missing += seq - last - 1
        return seq - last - 1

    def beat(self, last: Mapping[str, int], session: str = "") -> dict[str, int]:
        """Note a heartbeat; return the missing count of each stream whose tail was lost."""
        known = self._session(session)
        lost: dict[str, int] = {}
        for stream, seq in last.items():
            if not stream.startswith(self._prefixes):
                continue
            before = known.last.get(stream, 0 if known.from_start else seq)
            if seq > before:
                lost[stream] = seq - before
            known.last[stream] = max(seq, before)
        known.from_start = True  # streams not named so far have yet to send their first
        self.missing += sum(lost.values())
        return lost

    def _session(self, session: str) -> _Session:
        known = self._sessions.get(session)
        if known is None:
            # Of a later session the subscriber could have had everything: it was there.
            known = self._sessions[session] = _Session(from_start=bool(self._sessions))
        return known


class Publisher:
    """A PUB socket that numbers what it sends.

    Parameters
    ----------
    endpoint
        Where to bind, e.g. ``tcp://127.0.0.1:7701`` or ``ipc:///run/seiswarn/out``.
    session
        A name for this life of the publisher, different after each restart.
    """

    def __init__(
        self,
        endpoint: str,
        session: str,
        *,
        security: Security | None = None,
        link: Link | None = None,
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
    ) -> None:
        self.session = session
        self._last: dict[str, int] = {}
        self._bound = Bound(zmq.PUB, endpoint, security=security, link=link, context=context)
        self._socket = self._bound.socket
        self.endpoint = self._bound.endpoint

    def send(
        self,
        topic: str,
        payload: bytes,
        *,
        type: str,
        status: str = "actual",
        t_seen_ns: int = 0,
        encoding: str = "msgpack",
        origin_seq: int = 0,
        stream: str | None = None,
    ) -> int:
        """Send one message and return its number in its stream (the topic by default)."""
        stream = topic if stream is None else stream
        seq = self._last[stream] = self._last.get(stream, 0) + 1
        header = Header(
            stream=stream,
            session=self.session,
            seq=seq,
            type=type,
            status=status,
            t_seen_ns=t_seen_ns,
            encoding=encoding,
            origin_seq=origin_seq,
        )
        self._socket.send_multipart(pack(topic, header, payload))
        return seq

    def beat(self, t_seen_ns: int, *, state: str = "ready", status: str = "actual") -> None:
        """Send a heartbeat: alive, and this far in every stream."""
        payload = _encoder.encode(Beat(last=self._last, state=state))
        header = Header(
            stream="", session=self.session, seq=0, type="Beat", status=status, t_seen_ns=t_seen_ns
        )
        self._socket.send_multipart(pack(HEARTBEAT, header, payload))

    def close(self) -> None:
        """Close, waiting at most `linger_ms` for what is still queued."""
        self._bound.close()

    def __enter__(self) -> Publisher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Receiver:
    """A SUB socket with the prefixes asked for, and the heartbeats."""

    def __init__(
        self,
        endpoint: str,
        prefixes: Iterable[str] = ("",),
        *,
        security: Security | None = None,
        link: Link | None = None,
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
    ) -> None:
        self._socket = connect(zmq.SUB, endpoint, security, link or Link(), context)
        for prefix in (*prefixes, HEARTBEAT):
            self._socket.setsockopt_string(zmq.SUBSCRIBE, prefix)

    def receive(self, timeout_s: float) -> Frame | None:
        """The next message, or None when none came in `timeout_s`. Raises BusError on foreign frames."""
        if not self._socket.poll(round(timeout_s * 1000)):
            return None
        return unpack(self._socket.recv_multipart())

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Bound:
    """A bound socket with its limits and security.

    `endpoint` is the real one, also when the port was left to the system (``tcp://...:*``).
    An authenticator serves a whole ZeroMQ context, so with an allow list the socket gets a
    context of its own.
    """

    def __init__(
        self,
        kind: int,
        endpoint: str,
        *,
        security: Security | None = None,
        link: Link | None = None,
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
    ) -> None:
        security = security or Security()
        self._own: zmq.Context[zmq.Socket[bytes]] | None = None
        self._authenticator: ThreadAuthenticator | None = None
        if security.mode == "curve-allowlist":
            if not security.allow_dir or not Path(security.allow_dir).is_dir():
                raise BusError(f"cannot bind {endpoint}: allow_dir {security.allow_dir!r} is no folder")
            context = self._own = zmq.Context()
            self._authenticator = ThreadAuthenticator(context)
            self._authenticator.start()
            self._authenticator.configure_curve(domain="*", location=security.allow_dir)
        self.socket = _socket(context or zmq.Context.instance(), kind, link or Link())
        try:
            if security.mode != "open":
                self.socket.curve_publickey, self.socket.curve_secretkey = _key_pair(security.secret_key_file)
                self.socket.curve_server = True
            self.socket.bind(endpoint)
        except (zmq.ZMQError, BusError) as error:
            self.close()
            raise BusError(f"cannot bind {endpoint}: {error}") from error
        self.endpoint = self.socket.get_string(zmq.LAST_ENDPOINT)

    def close(self) -> None:
        """Close, waiting at most the linger time for what is still queued."""
        self.socket.close()
        if self._authenticator is not None:
            self._authenticator.stop()
        if self._own is not None:
            self._own.term()


def connect(
    kind: int,
    endpoint: str,
    security: Security | None,
    link: Link,
    context: zmq.Context[zmq.Socket[bytes]] | None = None,
    *,
    identity: str = "",
) -> zmq.Socket[bytes]:
    """A connected socket with limits and security set; it reconnects by itself.

    `identity` is what a ROUTER at the other end knows it by.
    """
    security = security or Security()
    socket = _socket(context or zmq.Context.instance(), kind, link)
    try:
        if identity:
            socket.set_string(zmq.IDENTITY, identity)
        if security.mode != "open":
            socket.curve_publickey, socket.curve_secretkey = _key_pair(security.secret_key_file)
            socket.curve_serverkey = _load_key(security.server_key_file)[0]
        socket.connect(endpoint)
    except (zmq.ZMQError, BusError) as error:
        socket.close(linger=0)
        raise BusError(f"cannot connect to {endpoint}: {error}") from error
    return socket


def _socket(context: zmq.Context[zmq.Socket[bytes]], kind: int, link: Link) -> zmq.Socket[bytes]:
    socket = context.socket(kind)
    socket.set(zmq.SNDHWM, link.send_hwm)
    socket.set(zmq.RCVHWM, link.receive_hwm)
    socket.set(zmq.LINGER, link.linger_ms)
    socket.set(zmq.MAXMSGSIZE, MAX_PAYLOAD_BYTES)
    return socket


def _load_key(path: str) -> tuple[bytes, bytes | None]:
    try:
        return zmq.auth.load_certificate(path)
    except (OSError, ValueError) as error:
        raise BusError(f"key file {path!r}: {error}") from error


def _key_pair(path: str) -> tuple[bytes, bytes]:
    public, secret = _load_key(path)
    if secret is None:
        raise BusError(f"key file {path!r} holds no secret key")
    return public, secret
