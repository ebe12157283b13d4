"""Messages to whoever subscribes, over a ZeroMQ PUB socket with numbers and heartbeats."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, ClassVar, Literal

import msgspec

from seiswarn.bus import Link, Publisher, Security, topic_word
from seiswarn.messages import (
    Alert,
    ChannelQuality,
    DataError,
    Decision,
    EventEstimate,
    Forecast,
    Heartbeat,
    Message,
    Motions,
    Pick,
    PWindow,
    QuickReport,
    Status,
    encode,
)
from seiswarn.publish.base import accepted_statuses, insist, status_of
from seiswarn.publish.formats.public import PublicJson

TOPICS: dict[type[Message], str] = {
    Pick: "pick",
    PWindow: "window",
    Motions: "motion",
    EventEstimate: "event",
    Forecast: "forecast",
    Decision: "decision",
    QuickReport: "report",
    DataError: "error",
    ChannelQuality: "quality",
    Heartbeat: "health",
}


def topic_of(message: Message) -> str:
    """The topic of a message: ``alert.<status>.<policy>`` for alerts, else one word for its type."""
    if isinstance(message, Alert):
        return f"alert.{message.status}.{topic_word(message.policy)}"
    return TOPICS.get(type(message), type(message).__name__.lower())


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where and how to publish."""

    endpoint: Annotated[str, msgspec.Meta(description="Where to bind; port * lets the system choose.")] = (
        "tcp://127.0.0.1:7720"
    )
    encoding: Annotated[
        Literal["json", "msgpack"],
        msgspec.Meta(description="json: the public JSON; msgpack: messages as they are inside."),
    ] = "json"
    security: Security = Security()
    link: Link = Link()


class ZmqPub:
    """PUB socket sink. At most once by nature: consumers see losses by number and re-read.

    Parameters
    ----------
    session
        A name for this life of the publisher, different after each restart.
    run_status, production, allow
        See `accepted_statuses`.
    audiences
        Whose alerts and decisions are taken; empty: everybody's.
    """

    NAME: ClassVar[str] = "zmq"
    NEEDS: ClassVar[str] = "a free endpoint"
    VALID: ClassVar[str] = "any message"
    REFERENCE: ClassVar[str] = "ZeroMQ RFC 29 (publish-subscribe), RFC 26 (CurveZMQ)"
    VERIFIED: ClassVar[bool] = True

    def __init__(
        self,
        params: Params,
        session: str,
        *,
        run_status: Status,
        production: bool = False,
        allow: Collection[Status] = (),
        audiences: Collection[str] = (),
    ) -> None:
        self.audiences = frozenset(audiences)
        self.ignores: frozenset[str] = frozenset()
        self.statuses = accepted_statuses(run_status, production=production, allow=allow)
        self._status = run_status
        self._json = PublicJson() if params.encoding == "json" else None
        self._publisher = Publisher(params.endpoint, session, security=params.security, link=params.link)
        self.endpoint = self._publisher.endpoint

    def send(self, message: Message, seq: int) -> None:
        insist(self, message)
        payload = self._json.render(message) if self._json else encode(message)
        self._publisher.send(
            topic_of(message),
            payload,
            type=type(message).__name__,
            status=status_of(message) or self._status,
            t_seen_ns=getattr(message, "t_seen_ns", 0),
            encoding="json" if self._json else "msgpack",
            origin_seq=seq,
        )

    def beat(self, t_seen_ns: int, state: str = "ready") -> None:
        """Tell subscribers that we live and how far each stream has come; call it once a second."""
        self._publisher.beat(t_seen_ns, state=state, status=self._status)

    def close(self) -> None:
        self._publisher.close()
