"""All events of a run, a line each, with what each audience was told."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from seiswarn.explain.reading import Index, Source, stamp
from seiswarn.explain.seen import AlertHead, DecisionSeen, ErrorSeen, Estimate, ForecastHead, name_of
from seiswarn.reasons import Reason

SOURCE = "source"  # who declines candidates, in the place of an audience
SUSPECT = (Reason.SUSPECT_CLOCK, Reason.SUSPECT_GAIN)
MOST_SUSPECTS = 200

_decoders: dict[bytes, msgspec.msgpack.Decoder[Any]] = {
    b"EventEstimate": msgspec.msgpack.Decoder(Estimate),
    b"Decision": msgspec.msgpack.Decoder(DecisionSeen),
    b"Alert": msgspec.msgpack.Decoder(AlertHead),
    b"Forecast": msgspec.msgpack.Decoder(ForecastHead),
    b"DataError": msgspec.msgpack.Decoder(ErrorSeen),
}


class Told(msgspec.Struct):
    """What one audience was told of an event."""

    n_alerts: int = 0
    first_ns: int = 0  # of the first alert
    first_level: str = ""
    top_level: str = ""
    last_kind: str = ""
    last: DecisionSeen | None = None
    decisive: DecisionSeen | None = None  # the last one that says why it is not warned of


class Outline(msgspec.Struct, kw_only=True):
    """An event in a line."""

    event_id: str
    first_ns: int  # seen
    last_ns: int
    estimate: Estimate  # the last
    largest: float | None = None  # magnitude
    max_intensity: float = 0.0
    intensity_scale: str = ""
    last_place: int = 0
    audiences: dict[str, Told] = {}

    @property
    def warned(self) -> bool:
        return any(told.n_alerts for told in self.audiences.values())

    @property
    def rank(self) -> tuple[bool, float, float, int]:
        """What makes an event the one to look at first."""
        return self.warned, self.largest or -9.0, self.max_intensity, -self.first_ns


class Survey(msgspec.Struct):
    """All of a run at a glance."""

    events: dict[str, Outline] = {}
    suspects: dict[tuple[str, str], str] = {}  # station and reason, and a sentence
    declined: Counter[str] = msgspec.field(default_factory=Counter)  # candidates, by reason
    refused: Counter[str] = msgspec.field(default_factory=Counter)  # data, by reason
    counts: Counter[str] = msgspec.field(default_factory=Counter)  # messages, by type
    unreadable: int = 0
    status: str = ""
    last_ns: int = 0

    def take(self, message: object, place: int) -> None:
        """Make use of one message."""
        if isinstance(message, Estimate):
            self._estimate(message, place)
        elif isinstance(message, ErrorSeen):
            self.refused[message.reason] += message.count
            if message.reason in SUSPECT and len(self.suspects) < MOST_SUSPECTS:
                self.suspects[message.subject, message.reason] = message.detail
        elif isinstance(message, DecisionSeen) and message.policy == SOURCE and not message.event_id:
            self.declined.update(message.reasons)
        elif isinstance(message, DecisionSeen | AlertHead | ForecastHead):
            event = self.events.get(message.event_id)
            if event is None:
                return
            event.last_ns, event.last_place = message.t_seen_ns, place
            if isinstance(message, ForecastHead):
                strongest = max(message.max_intensity, message.epicentral_intensity)
                event.max_intensity = max(event.max_intensity, strongest)
                event.intensity_scale = message.intensity_scale
                return
            event.max_intensity = max(event.max_intensity, message.max_intensity)
            told = event.audiences.setdefault(message.policy, Told())
            _alert(told, message) if isinstance(message, AlertHead) else _decision(told, message)

    def _estimate(self, estimate: Estimate, place: int) -> None:
        self.status = self.status or estimate.status
        event = self.events.get(estimate.event_id)
        if event is None:
            event = Outline(
                event_id=estimate.event_id,
                first_ns=estimate.t_seen_ns,
                last_ns=estimate.t_seen_ns,
                estimate=estimate,
                audiences={},
            )
            self.events[estimate.event_id] = event
        event.estimate, event.last_ns, event.last_place = estimate, estimate.t_seen_ns, place
        if estimate.value is not None:
            event.largest = max(estimate.value, event.largest if event.largest is not None else -9.0)


def _alert(told: Told, alert: AlertHead) -> None:
    if not told.n_alerts:
        told.first_ns, told.first_level = alert.t_seen_ns, alert.level
    told.n_alerts += 1
    told.last_kind = alert.kind


def _decision(told: Told, decision: DecisionSeen) -> None:
    told.last = decision
    # That an event has ended is not why nobody was warned of it.
    over = {Reason.EVENT_ENDED, Reason.EVENT_CANCELLED, Reason.SUPERSEDED}
    if decision.action == "hold" and not over.issuperset(decision.reasons):
        told.decisive = decision


def survey(source: Source) -> tuple[Survey, Index]:
    """Read all of a run once. Messages that cannot be decoded are counted and passed over.

    Raises StoreError when the source cannot be read at all.
    """
    found, index = Survey(), Index()
    last = b""
    counts: Counter[bytes] = Counter()
    for place, payload in source.entries():
        index.note(place, payload)
        last = payload
        name = name_of(payload)
        counts[name] += 1
        decoder = _decoders.get(name)
        if decoder is None:
            continue
        try:
            found.take(decoder.decode(payload), place)
        except msgspec.MsgspecError:
            found.unreadable += 1
    index.last_ns = found.last_ns = stamp(last) if last else 0
    found.counts.update({name.decode(errors="replace"): n for name, n in counts.items()})
    return found, index
