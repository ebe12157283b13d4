"""Counting what was declined, and saying so at a bounded rate."""

from __future__ import annotations

from seiswarn.messages import DataError, Status
from seiswarn.timebase import NS

REPORT_EVERY_NS = 10 * NS


class Declined:
    """Counts per (subject, reason); the first is reported at once, further ones every 10 s."""

    def __init__(self) -> None:
        self._pending: dict[tuple[str, str], int] = {}
        self._last: dict[tuple[str, str], int] = {}

    def count(self, subject: str, reason: str, n: int = 1) -> None:
        key = (subject, reason)
        self._pending[key] = self._pending.get(key, 0) + n

    def report(self, t_seen_ns: int, status: Status) -> list[DataError]:
        """Messages that are due now, in the order of subject and reason."""
        if not self._pending:
            return []
        due = sorted(
            k for k in self._pending if t_seen_ns - self._last.get(k, -REPORT_EVERY_NS) >= REPORT_EVERY_NS
        )
        out = []
        for key in due:
            self._last[key] = t_seen_ns
            out.append(
                DataError(
                    t_seen_ns=t_seen_ns,
                    subject=key[0],
                    reason=key[1],
                    count=self._pending.pop(key),
                    status=status,
                )
            )
        return out

    def snapshot(self) -> list[tuple[str, str, int, int]]:
        keys = sorted(self._pending.keys() | self._last.keys())
        return [(*k, self._pending.get(k, 0), self._last.get(k, 0)) for k in keys]

    def restore(self, rows: list[tuple[str, str, int, int]]) -> None:
        self._pending = {(a, b): n for a, b, n, _ in rows if n}
        self._last = {(a, b): t for a, b, _, t in rows if t}
