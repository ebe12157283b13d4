"""Decoding no more than is needed, and what other versions wrote."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seiswarn.explain.seen import (
    AlertSeen,
    DecisionSeen,
    EstimateWithArrivals,
    ForecastSeen,
    PickSeen,
    name_of,
)
from seiswarn.messages import Message, Tick, encode
from tests.explain.conftest import make_forecast, motions
from tests.factories import make_alert, make_decision, make_estimate, make_pick, make_report

KINDS: list[tuple[Message, Any]] = [
    (make_pick(), PickSeen),
    (make_decision(transitions=("new",)), DecisionSeen),
    (make_estimate(), EstimateWithArrivals),
    (make_alert(level="red"), AlertSeen),
    (make_forecast(3.0), ForecastSeen),
]


@pytest.mark.parametrize("message", [m for m, _ in KINDS] + [make_report(), motions(5), Tick(t_seen_ns=1)])
def test_the_type_is_found_without_decoding(message: Message) -> None:
    assert name_of(encode(message)).decode() == type(message).__name__


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x81\xa1a\x01", b"\x81\xa4type\xc3", b"\xde", b"x" * 30])
def test_what_is_no_message_has_no_type(data: bytes) -> None:
    assert name_of(data) == b""


def test_the_type_is_found_wherever_it_stands() -> None:
    later = msgspec.msgpack.encode({"event_id": "e", "type": "Decision"})
    assert name_of(later) == b"Decision"


@pytest.mark.parametrize(("message", "kind"), KINDS)
def test_fields_are_those_of_the_message(message: Message, kind: Any) -> None:
    seen = msgspec.msgpack.decode(encode(message), type=kind)
    for name in kind.__struct_fields__:
        mine, theirs = getattr(seen, name), getattr(message, name)
        if not isinstance(mine, msgspec.Struct | tuple):
            assert mine == theirs, name
    assert len(getattr(seen, "targets", ())) == len(getattr(message, "targets", ()))


def test_fields_of_other_versions_are_left_out_or_filled_in() -> None:
    old = {
        "type": "Decision",
        "event_id": "e",
        "policy": "public",
        "t_seen_ns": 5,
        "action": "ponder",
        "mood": [1, 2],
    }
    seen = msgspec.msgpack.decode(msgspec.msgpack.encode(old), type=DecisionSeen)
    assert (seen.action, seen.level, seen.transitions) == ("ponder", "", ())
