"""Counting what is declined, and saying so at bearable intervals."""

from __future__ import annotations

from collections import Counter

from seiswarn.messages import DataError, Status
from seiswarn.reasons import Reason

MAX_SUBJECTS = 10_000  # further subjects are counted together: garbage must not fill the memory
OTHERS = "(others)"


class Tally:
    """Refusals by subject and reason. `counts` are since the start; depends on data times alone."""

    def __init__(self, status: Status, interval_ns: int) -> None:
        self.counts: Counter[tuple[str, Reason]] = Counter()
        self._status = status
        self._interval_ns = interval_ns
        self._unsaid: Counter[tuple[str, Reason]] = Counter()
        self._said_ns: dict[tuple[str, Reason], int] = {}

    def refuse(self, t_seen_ns: int, subject: str, reason: Reason, detail: str = "") -> DataError | None:
        """Count a refusal; a message when one is due: the first at once, then one per interval."""
        key = (subject, reason)
        if key not in self.counts and len(self.counts) >= MAX_SUBJECTS:
            key = (OTHERS, reason)
        self.counts[key] += 1
        self._unsaid[key] += 1
        said = self._said_ns.get(key)
        if said is not None and t_seen_ns - said < self._interval_ns:
            return None
        self._said_ns[key] = t_seen_ns
        return self._message(t_seen_ns, key, detail)

    def flush(self, t_seen_ns: int) -> list[DataError]:
        """What was counted and not said yet, so that the messages add up at the end."""
        return [self._message(t_seen_ns, key, "until the end") for key in sorted(self._unsaid)]

    def _message(self, t_seen_ns: int, key: tuple[str, Reason], detail: str) -> DataError:
        return DataError(
            t_seen_ns=t_seen_ns,
            subject=key[0],
            reason=key[1],
            detail=detail,
            count=self._unsaid.pop(key),
            status=self._status,
        )
