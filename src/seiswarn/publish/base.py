"""What a product format and a way out must offer, and the one door every message passes.

Status is never confused: a sink names the statuses it lets through, and `deliver` is the
only caller of `Sink.send`. A production sink lets exercises and tests pass only when told so
by name.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar, Protocol

from seiswarn.errors import InvariantError
from seiswarn.messages import Alert, Decision, Message, Status
from seiswarn.reasons import Reason


class Format(Protocol):
    """Turns messages into bytes for people or machines outside."""

    NAME: ClassVar[str]
    MEDIA_TYPE: ClassVar[str]
    SUFFIX: ClassVar[str]  # of a file, with the dot
    NEEDS: ClassVar[tuple[type[Message], ...]]  # the messages it can render
    VALID: ClassVar[str]
    REFERENCE: ClassVar[str]
    VERIFIED: ClassVar[bool]

    def render(self, message: Message) -> bytes:
        """The product of one message of a type in `NEEDS`."""
        ...


class Sink(Protocol):
    """One way out. `send` may raise OSError or a SeiswarnError: the publisher retries."""

    NAME: ClassVar[str]
    NEEDS: ClassVar[str]
    VALID: ClassVar[str]
    REFERENCE: ClassVar[str]
    VERIFIED: ClassVar[bool]
    statuses: frozenset[Status]
    audiences: frozenset[str]  # whose alerts and decisions it takes; empty: everybody's
    ignores: frozenset[str]  # class names of messages it makes nothing of

    def send(self, message: Message, seq: int) -> None:
        """Send one message; `seq` is its record in the output journal. Sending it again does no harm."""
        ...

    def close(self) -> None: ...


def accepted_statuses(
    run_status: Status, *, production: bool = False, allow: Collection[Status] = ()
) -> frozenset[Status]:
    """The statuses a sink lets through in a run of `run_status`.

    Only the run's own, plus those allowed by name; a production sink does not count the
    run's own unless it is "actual".
    """
    own = set() if production and run_status != "actual" else {run_status}
    return frozenset(own | set(allow))


def status_of(message: Message) -> Status | None:
    """The status a message carries, or None for one that has none (a tick)."""
    return getattr(message, "status", None)


def deliver(sink: Sink, message: Message, seq: int) -> Reason | None:
    """Send `message` unless its status or audience is not the sink's: then the reason, and nothing sent."""
    if not passes(sink, message):
        return Reason.STATUS_MISMATCH
    if not addressed(sink, message):
        return Reason.OTHER_AUDIENCE
    sink.send(message, seq)
    return None


def passes(sink: Sink, message: Message) -> bool:
    """Whether the sink may have this message."""
    status = status_of(message)
    return status is None or status in sink.statuses


def addressed(sink: Sink, message: Message) -> bool:
    """Whether the message is for an audience of this sink."""
    if not sink.audiences or not isinstance(message, Alert | Decision):
        return True
    return message.policy in sink.audiences


def insist(sink: Sink, message: Message) -> None:
    """Called first in every `send`: raises InvariantError if the door was passed by."""
    if not passes(sink, message):
        raise InvariantError(f"sink {sink.NAME} was given a message of status {status_of(message)}")


def alert_key(alert: Alert) -> str:
    """What identifies an alert wherever it goes: ``event/policy/revision``."""
    return f"{alert.event_id}/{alert.policy}/{alert.revision}"
