"""Delivery to sinks: each on its own, alerts at least once.

An alert is sent at once and then noted in the outbox; what a sink did not take stays there and is
tried again until it does. Other messages are sent once and counted when a sink fails. One sink
failing never stops another.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from seiswarn.errors import StoreError
from seiswarn.messages import Alert, DataError, Message, decode, kind_of
from seiswarn.publish.base import Sink, deliver
from seiswarn.reasons import Reason
from seiswarn.store.journal import Records
from seiswarn.store.sqlite import Database

FIRST_RETRY_S = 0.5
LAST_RETRY_S = 30.0
MAX_UNNOTED = 100_000  # records; an outbox that far behind is given up rather than the memory
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Way:
    """A sink with its standing: records up to `known` were sent to it in an earlier life."""

    name: str
    sink: Sink
    known: int = 0
    retry_s: float = 0.0  # monotonic time of the next try, 0 when nothing failed
    wait_s: float = FIRST_RETRY_S
    counts: Counter[str] = field(default_factory=Counter)


class Deliveries:
    """All sinks of one process and their outbox.

    Parameters
    ----------
    now_s
        a monotonic clock, for the pauses between tries.
    """

    def __init__(
        self, database: Database, run_id: str, ways: Sequence[Way], now_s: Callable[[], float]
    ) -> None:
        self._database = database
        self._run_id = run_id
        self._ways = ways
        self._now_s = now_s
        self._unnoted: Records = []  # records the outbox could not take so far
        self._done: list[tuple[str, int, int, Reason | None]] = []
        self.taken = database.last_seq(run_id)

    @property
    def pending(self) -> int:
        """Alerts some sink has not taken yet."""
        states = self._database.outbox_states(self._run_id)
        return sum(count for (_, state), count in states.items() if state == "pending")

    def counters(self) -> dict[str, float]:
        return {f"{w.name}_{what}": float(n) for w in self._ways for what, n in sorted(w.counts.items())}

    def take(self, records: Records) -> None:
        """Send records to every sink that does not know them, then note them in the outbox."""
        for seq, payload in records:
            kind = kind_of(payload)
            takers = [w for w in self._ways if kind not in w.sink.ignores and (seq == 0 or seq > w.known)]
            message = decode(payload) if takers else None
            for way in takers:
                if message is not None:
                    self._send(way, message, seq)
        self._unnoted += [record for record in records if record[0] > self.taken]
        self._note()

    def retry(self) -> None:
        """Try again what is pending, where the pause since the last failure is over."""
        now = self._now_s()
        for way in self._ways:
            if way.retry_s and now >= way.retry_s:
                way.retry_s = 0.0
                self.resend(way)
        if self._unnoted or self._done:
            self._note()

    def resend(self, way: Way) -> None:
        """Send what is pending in the outbox, oldest first, until the sink fails."""
        for due in self._database.pending(self._run_id, way.name, limit=1000):
            if not self._send(way, due.alert, due.seq):
                break
        self._note()

    def _send(self, way: Way, message: Message, seq: int) -> bool:
        """Whether the sink is done with the message."""
        try:
            refused = deliver(way.sink, message, seq)
        except Exception as error:  # noqa: BLE001 - one sink's failure is its own
            way.counts["failed"] += 1
            log.warning("%s: %s of %s: %s", way.name, Reason.SINK_FAILED, type(message).__name__, error)
            if isinstance(message, Alert):
                self._done.append((way.name, seq, 0, Reason.SINK_FAILED))
                way.retry_s = self._now_s() + way.wait_s
                way.wait_s = min(2.0 * way.wait_s, LAST_RETRY_S)
            return False
        if isinstance(message, Alert):
            way.wait_s = FIRST_RETRY_S
            way.counts["alerts" if refused is None else "refused"] += 1
            self._done.append((way.name, seq, message.t_seen_ns, refused))
        elif isinstance(message, DataError) and refused is None and seq == 0:
            way.counts["notices"] += 1
        return True

    def _note(self) -> None:
        """Bring the outbox up to date; without it (a full disk) alerts still go out, and we say so."""
        try:
            self.taken = self._database.take(self._run_id, self._unnoted)
            self._unnoted.clear()
            for name, seq, t_seen_ns, reason in self._done:
                if reason is None:
                    self._database.mark_delivered(self._run_id, name, seq, t_seen_ns)
                elif reason is Reason.SINK_FAILED:
                    self._database.mark_failed(self._run_id, name, seq, reason)
                else:
                    self._database.mark_refused(self._run_id, name, seq, reason)
            self._done.clear()
        except StoreError as error:
            for way in self._ways:
                way.counts["unnoted"] += 1
            log.warning("the outbox cannot be written: %s", error)
            del self._unnoted[:-MAX_UNNOTED]

    def close(self) -> None:
        for way in self._ways:
            try:
                way.sink.close()
            except Exception as error:  # noqa: BLE001 - one sink's failure is its own
                way.counts["failed"] += 1
                log.warning("%s: %s on closing: %s", way.name, Reason.SINK_FAILED, error)
        self._database.close()
