"""All messages about one event, out of the part of a run where they stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from seiswarn.explain.reading import Index, Source
from seiswarn.explain.seen import (
    AlertSeen,
    DecisionSeen,
    ErrorSeen,
    EstimateWithArrivals,
    ForecastSeen,
    PickSeen,
    name_of,
)
from seiswarn.explain.survey import SUSPECT, Outline
from seiswarn.timebase import NS

# Picks wait this long for an event at most: `pool_s` of the source stage is 60 s, and may be raised.
BEFORE_NS = 180 * NS

_decoders: dict[bytes, msgspec.msgpack.Decoder[Any]] = {
    b"EventEstimate": msgspec.msgpack.Decoder(EstimateWithArrivals),
    b"Decision": msgspec.msgpack.Decoder(DecisionSeen),
    b"Alert": msgspec.msgpack.Decoder(AlertSeen),
    b"Forecast": msgspec.msgpack.Decoder(ForecastSeen),
    b"Pick": msgspec.msgpack.Decoder(PickSeen),
    b"DataError": msgspec.msgpack.Decoder(ErrorSeen),
}


@dataclass(slots=True)
class Gathered:
    """Messages about one event, in order. `picks` are all of that time, by their ids."""

    estimates: list[EstimateWithArrivals] = field(default_factory=list)
    forecasts: list[ForecastSeen] = field(default_factory=list)
    decisions: list[DecisionSeen] = field(default_factory=list)
    alerts: list[AlertSeen] = field(default_factory=list)
    picks: dict[str, PickSeen] = field(default_factory=dict)
    suspects: list[ErrorSeen] = field(default_factory=list)

    def take(self, message: object, event_id: str) -> None:
        if isinstance(message, PickSeen):
            self.picks[message.pick_id] = message
        elif isinstance(message, ErrorSeen):
            # The source stage begins what it says of a station with the event that showed it.
            if message.reason in SUSPECT and message.detail.startswith(f"{event_id}:"):
                self.suspects.append(message)
        elif getattr(message, "event_id", "") != event_id:
            return
        elif isinstance(message, EstimateWithArrivals):
            self.estimates.append(message)
        elif isinstance(message, ForecastSeen):
            self.forecasts.append(message)
        elif isinstance(message, DecisionSeen):
            self.decisions.append(message)
        elif isinstance(message, AlertSeen):
            self.alerts.append(message)


def gather(source: Source, index: Index, outline: Outline) -> Gathered:
    """Read again what concerns an event; messages that cannot be decoded are passed over."""
    found = Gathered()
    for place, payload in source.entries(index.before(outline.first_ns - BEFORE_NS)):
        if place > outline.last_place:
            break
        decoder = _decoders.get(name_of(payload))
        if decoder is None:
            continue
        try:
            found.take(decoder.decode(payload), outline.event_id)
        except msgspec.MsgspecError:
            continue
    return found
