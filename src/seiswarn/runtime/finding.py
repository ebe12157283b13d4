"""What a look at a configuration finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what, whether it is well, and a sentence.

    A warning is told but does not keep a run from starting: it is `ok`.
    """

    subject: str
    ok: bool
    sentence: str
    warning: bool = False

    @property
    def mark(self) -> str:
        """Four letters for the head of a line."""
        return "warn" if self.ok and self.warning else "ok  " if self.ok else "FAIL"
