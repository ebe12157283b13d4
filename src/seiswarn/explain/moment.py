"""What a run saw and decided around a moment: the answer to "why was there no warning then?"."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import msgspec

from seiswarn.errors import UsageError
from seiswarn.explain.facts import RunFacts
from seiswarn.explain.item import short
from seiswarn.explain.reading import Index, Source, stamp
from seiswarn.explain.seen import (
    AlertHead,
    DecisionSeen,
    ErrorSeen,
    Estimate,
    MotionsSeen,
    PickSeen,
    name_of,
)
from seiswarn.explain.sentences import sentence
from seiswarn.explain.survey import SOURCE, Outline, Survey
from seiswarn.reasons import Reason
from seiswarn.timebase import NS, iso, parse_iso

AROUND_NS = 60 * NS
DAY_NS = 86_400 * NS
MOST_NAMES = 12

_CLOCK = re.compile(r"^(\d\d):(\d\d)(?::(\d\d(?:\.\d{1,9})?))?Z?$")
_decoders: dict[bytes, msgspec.msgpack.Decoder[Any]] = {
    b"EventEstimate": msgspec.msgpack.Decoder(Estimate),
    b"Decision": msgspec.msgpack.Decoder(DecisionSeen),
    b"Alert": msgspec.msgpack.Decoder(AlertHead),
    b"Pick": msgspec.msgpack.Decoder(PickSeen),
    b"DataError": msgspec.msgpack.Decoder(ErrorSeen),
    b"Motions": msgspec.msgpack.Decoder(MotionsSeen),
}


class Moment(msgspec.Struct, kw_only=True):
    """Two minutes of a run. `answer` says in sentences what came of them."""

    t_ns: int
    picks: list[PickSeen] = []
    declined: list[DecisionSeen] = []  # candidates that became no event
    decisions: list[DecisionSeen] = []  # of audiences
    alerts: list[AlertHead] = []
    events: list[str] = []
    refused: Counter[str] = msgspec.field(default_factory=Counter)
    stations: set[str] = msgspec.field(default_factory=set)  # whose motion came in
    largest: float = 0.0  # real-time intensity
    answer: list[str] = []

    def take(self, message: object) -> None:
        """Make use of one message."""
        if isinstance(message, PickSeen):
            self.picks.append(message)
        elif isinstance(message, DecisionSeen):
            candidate = message.policy == SOURCE and not message.event_id
            (self.declined if candidate else self.decisions).append(message)
        elif isinstance(message, AlertHead):
            self.alerts.append(message)
        elif isinstance(message, Estimate):
            if message.event_id not in self.events:
                self.events.append(message.event_id)
        elif isinstance(message, ErrorSeen):
            self.refused[message.reason] += message.count
        elif isinstance(message, MotionsSeen):
            self.stations.update(message.stations)
            self.largest = max(self.largest, max(message.intensity_gbt, default=0.0))


def parse_moment(text: str, first_ns: int) -> int:
    """A time in UTC as nanoseconds: ISO 8601, or the time of day of a run that began at `first_ns`.

    Raises UsageError when it is neither.
    """
    clock = _CLOCK.match(text)
    if clock is not None:
        hours, minutes, rest = clock.groups()
        seconds = round(float(rest or 0.0) * NS)
        t_ns = first_ns - first_ns % DAY_NS + (int(hours) * 3600 + int(minutes) * 60) * NS + seconds
        return t_ns if t_ns >= first_ns - AROUND_NS else t_ns + DAY_NS
    try:
        return parse_iso(text.replace(" ", "T").removesuffix("Z") + "Z")
    except ValueError as error:
        raise UsageError(
            f"--at {text}: not a time in UTC: 2026-03-01T02:00:10Z, or 02:00:10 of the run's first day"
        ) from error


def explain_moment(source: Source, index: Index, survey: Survey, facts: RunFacts, t_ns: int) -> Moment:
    """What happened within a minute of `t_ns`, and what it means."""
    found = Moment(t_ns=t_ns)
    start, end = t_ns - AROUND_NS, t_ns + AROUND_NS
    for _, payload in source.entries(index.before(start)):
        decoder = _decoders.get(name_of(payload))
        if decoder is None:
            continue
        now = stamp(payload)
        if now > end:
            break
        if now < start:
            continue
        try:
            found.take(decoder.decode(payload))
        except msgspec.MsgspecError:
            continue
    found.answer = _answer(found, index, survey, facts)
    return found


def _answer(found: Moment, index: Index, survey: Survey, facts: RunFacts) -> list[str]:
    t = found.t_ns
    if not index.first_ns - AROUND_NS <= t <= survey.last_ns + AROUND_NS:
        span = f"{iso(index.first_ns, 0)} to {iso(survey.last_ns, 0)}"
        return [f"The run knows nothing of {iso(t, 1)}: it goes from {span} (UTC)."]
    out = _alerts(found)
    out += _data(found, facts)
    out += _picks(found, facts)
    out += _candidates(found, facts)
    for event_id in found.events:
        out += _event(survey.events[event_id]) if event_id in survey.events else []
    return out


def _alerts(found: Moment) -> list[str]:
    if not found.alerts:
        return ["No alert was given within a minute of this time."]
    first: dict[tuple[str, str], AlertHead] = {}
    for alert in found.alerts:
        first.setdefault((alert.event_id, alert.policy), alert)
    return [
        f"{a.policy} had alert {a.revision} of {a.event_id} at {iso(a.t_seen_ns, 1)} ({a.kind})."
        for a in first.values()
    ]


def _data(found: Moment, facts: RunFacts) -> list[str]:
    of = f" of {facts.n_stations}" if facts.n_stations else ""
    if not found.stations:
        out = ["No ground motion of any station came in: data were missing, or their channels are unknown."]
    else:
        out = [
            f"Motion of {len(found.stations)}{of} stations came in;"
            f" the largest real-time intensity was {max(found.largest, 0.0):.1f} (GB/T 17742)."
        ]
    if found.refused:
        told = ", ".join(f"{n} times {sentence(reason)}" for reason, n in found.refused.most_common())
        out.append(f"Refused or flagged: {told}.")
    return out


def _picks(found: Moment, facts: RunFacts) -> list[str]:
    names = list(dict.fromkeys(short(p.station) for p in found.picks if p.phase == "P"))
    if not names:
        return ["No station picked a P wave."]
    shown = ", ".join(names[:MOST_NAMES]) + (
        f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    )
    out = [f"{len(names)} station{'s' if len(names) > 1 else ''} picked a P wave: {shown}."]
    missing = facts.min_stations - len(names)
    if missing > 0 and not found.events:
        out.append(
            f"An event takes at least {facts.min_stations} stations: {missing} more would have been needed."
        )
    return out


def _candidates(found: Moment, facts: RunFacts) -> list[str]:
    out: dict[str, int] = {}
    for decision in found.declined:
        text = f"{', and '.join(sentence(r) for r in decision.reasons)} ({decision.detail}"
        missing = facts.min_stations - decision.n_stations
        if Reason.TOO_FEW_STATIONS in decision.reasons and missing > 0:
            text += f": {missing} more needed"
        out[text + ")"] = out.get(text + ")", 0) + 1
    lines = [
        f"Picks were declined as an event{f', {n} times' if n > 1 else ''}: {text}."
        for text, n in out.items()
    ]
    if not lines and found.picks and not found.events:
        lines = ["No candidate event was declined on record; each reason is told once in a while only."]
    return lines


def _event(event: Outline) -> list[str]:
    size = "" if event.largest is None else f", M up to {event.largest:.1f}"
    out = [f"Event {event.event_id} was known (origin {iso(event.estimate.origin.time_ns, 1)}{size})."]
    for name, told in event.audiences.items():
        if told.n_alerts:
            out.append(f"{name} was warned of it at {iso(told.first_ns, 1)}.")
        elif told.decisive is not None:
            out.append(f"{name} was not warned of it: {told.decisive.detail}.")
    return out
