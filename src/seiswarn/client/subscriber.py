"""Warnings for integrators, in a few lines::

    from seiswarn.client import Received, Silence, Subscriber

    with Subscriber("tcp://centre:7720", status="actual") as subscriber:
        for item in subscriber:
            if isinstance(item, Received):
                act_on(item.warning)
            elif isinstance(item, Silence):
                raise_the_alarm("no sign of life from the centre")

Each warning comes once, whatever was repeated on the way. What was lost, and a publisher that
went silent, come as items of their own: no news is never mistaken for good news.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import get_args

import msgspec

from seiswarn.bus import (
    HEARTBEAT,
    Frame,
    Header,
    Link,
    Receiver,
    Security,
    SequenceWatch,
    beat_of,
    topic_word,
)
from seiswarn.errors import BusError
from seiswarn.messages import Alert, Status, decode
from seiswarn.publish.formats.public import PublicWarning, public_warning

MAX_REMEMBERED = 10_000  # warnings, for recognising repeats


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A warning, for the first time."""

    warning: PublicWarning
    header: Header


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """`count` messages of `stream` did not arrive (-1: a message came that cannot be read)."""

    stream: str
    count: int
    detail: str = ""


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing came for `seconds`, not even a heartbeat; said once, until something comes again."""

    seconds: float


Item = Received | Loss | Silence


class Subscriber:
    """Warnings from one publisher.

    Parameters
    ----------
    endpoint
        Where the publisher is bound, e.g. ``tcp://centre:7720``. It need not be there yet.
    status
        Which alerts: those of one status, never mixed. None takes all, for displays that show the
        status beside each: never for what acts on them.
    policy
        Only the alerts of one policy; all when empty.
    silence_s
        Seconds without any sign of life after which a `Silence` comes.

    Raises
    ------
    BusError
        The endpoint or the keys cannot be used.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        status: Status | None = "actual",
        policy: str = "",
        silence_s: float = 5.0,
        security: Security | None = None,
        link: Link | None = None,
    ) -> None:
        statuses = get_args(Status) if status is None else (status,)
        prefixes: Sequence[str] = tuple(f"alert.{each}.{topic_word(policy)}" for each in statuses)
        self._status = status
        self._policy = policy
        self._silence_s = silence_s
        self._silent = False
        self.heard = 0  # messages and heartbeats so far
        self._watch = SequenceWatch(prefixes)
        self._seen: dict[tuple[str, str, int], None] = {}
        self._receiver = Receiver(endpoint, prefixes, security=security, link=link)

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._receiver.close()

    @property
    def missing(self) -> int:
        """Messages known to be lost so far."""
        return self._watch.missing

    def __iter__(self) -> Iterator[Item]:
        """Items as they come, without end."""
        while True:
            yield from self.poll(self._silence_s)

    def poll(self, timeout_s: float) -> list[Item]:
        """What one message, or `timeout_s` without any, gives to report; often nothing."""
        try:
            frame = self._receiver.receive(timeout_s)
        except BusError as error:
            return [Loss(stream="", count=-1, detail=str(error))]
        if frame is None:
            if self._silent or timeout_s < self._silence_s:
                return []
            self._silent = True
            return [Silence(seconds=self._silence_s)]
        self._silent = False
        self.heard += 1
        if frame.topic == HEARTBEAT:
            return self._heartbeat(frame)
        return self._message(frame)

    def _heartbeat(self, frame: Frame) -> list[Item]:
        try:
            beat = beat_of(frame)
        except BusError as error:
            return [Loss(stream=HEARTBEAT, count=-1, detail=str(error))]
        lost = self._watch.beat(beat.last, frame.header.session)
        return [Loss(stream=stream, count=count) for stream, count in lost.items()]

    def _message(self, frame: Frame) -> list[Item]:
        header = frame.header
        items: list[Item] = []
        missing = self._watch.see(header.stream, header.seq, header.session)
        if missing:
            items.append(Loss(stream=header.stream, count=missing))
        try:
            warning = _warning(frame)
        except (msgspec.MsgspecError, ValueError) as error:
            return [*items, Loss(stream=header.stream, count=-1, detail=str(error))]
        foreign = self._status is not None and warning.status != self._status
        if foreign or (self._policy and warning.policy != self._policy):
            return items  # a topic prefix also matches longer names
        key = (warning.event_id, warning.policy, warning.revision)
        if key not in self._seen:
            self._seen[key] = None
            if len(self._seen) > MAX_REMEMBERED:
                del self._seen[next(iter(self._seen))]
            items.append(Received(warning=warning, header=header))
        return items


def _warning(frame: Frame) -> PublicWarning:
    if frame.header.encoding == "json":
        return msgspec.json.decode(frame.payload, type=PublicWarning)
    message = decode(frame.payload)
    if not isinstance(message, Alert):
        raise ValueError(f"a {type(message).__name__} under an alert topic")
    return public_warning(message)
