"""The wire: codec round trip, immutability, the pinned schema."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

import factories
from seiswarn.blocks import blocks_of
from seiswarn.messages import (
    DataError,
    Heartbeat,
    Packet,
    Slice,
    Tick,
    decode,
    encode,
    json_schema,
    kind_of,
)

GOLDEN = Path(__file__).parent.parent / "golden" / "messages.schema.json"


@given(
    some.binary(max_size=400),
    some.integers(0, 2**62),
    some.floats(0.01, 1000),
    some.sampled_from(["i4", "f4", "f8"]),
)
def test_packets_survive_the_wire(samples: bytes, t_ns: int, rate: float, dtype: str) -> None:
    packet = Packet(
        channel="FDSN:XX_A__H_N_Z", t0_ns=t_ns, rate_hz=rate, samples=samples, dtype=dtype, t_seen_ns=t_ns
    )
    piece = Slice(t_seen_ns=t_ns, blocks=blocks_of((packet,)), marks=(("a", 3),))
    assert decode(encode(piece)) == piece


def test_every_kind_of_message_survives_the_wire() -> None:
    made = [getattr(factories, name)() for name in dir(factories) if name.startswith("make_")]
    messages = [m for m in made if isinstance(m, msgspec.Struct)]
    assert len(messages) >= 8
    for message in messages:
        payload = encode(message)
        assert msgspec.msgpack.decode(payload, type=type(message)) == message


def test_messages_do_not_change() -> None:
    with pytest.raises(AttributeError):
        Tick(t_seen_ns=1).t_seen_ns = 2  # type: ignore[misc]


def test_damaged_bytes_are_no_message() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(encode(Tick(t_seen_ns=1))[:-1])


def test_schema_is_the_pinned_one() -> None:
    """A change of the wire is a decision: look at the rules in messages.py, then write the file anew."""
    assert json.loads(json.dumps(json_schema())) == json.loads(GOLDEN.read_text())


def test_kind_is_seen_without_decoding() -> None:
    for message in (
        Tick(t_seen_ns=1),
        DataError(t_seen_ns=1, subject="x", reason="GAP"),
        Heartbeat(process="core", t_seen_ns=1, state="ready", counters={"a": 1.0}),
    ):
        assert kind_of(encode(message)) == type(message).__name__
    assert kind_of(b"") == ""
    assert kind_of(b"\x81\xa4type") == ""
    assert kind_of(b"\x81\xa4type\x01") == ""
