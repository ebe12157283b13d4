"""What a look at a configuration finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what, whether it is well, a sentence, and what to do about it.

    A warning is told but does not keep a run from starting: it is `ok`.
    """

    subject: str
    ok: bool
    sentence: str
    warning: bool = False
    do: str = ""

    @property
    def mark(self) -> str:
        """Four letters for the head of a line."""
        return "warn" if self.ok and self.warning else "ok  " if self.ok else "FAIL"

    def text(self) -> str:
        """All of it in one line."""
        return f"{self.mark}  {self.subject}: {self.sentence}" + (f": {self.do}" if self.do else "")
