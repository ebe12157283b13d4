"""Events that are of one earthquake: one goes on from the other."""

from __future__ import annotations

from collections.abc import Iterable

from seiswarn.messages import Alert, EventEstimate


def chains(messages: Iterable[Alert | EventEstimate]) -> dict[str, str]:
    """For each event the first of those it is one with, in the order of the messages.

    Strong motion that no located earthquake explains is an event of its own, without a magnitude. When it
    is located, one `continues` the other, whichever says so, and both are one.
    """
    root: dict[str, str] = {}
    for m in messages:
        root.setdefault(m.event_id, m.event_id)
        if m.continues:
            other = root.setdefault(m.continues, m.continues)
            mine = root[m.event_id]
            first = next(r for r in root.values() if r in (mine, other))
            for event, r in root.items():
                if r in (mine, other):
                    root[event] = first
    return root
