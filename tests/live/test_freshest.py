"""Two sources of one station: every sample once, from whoever brings it first."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seiswarn.blocks import blocks_of, packets_of
from seiswarn.ingest.freshest import Freshest
from seiswarn.messages import Packet, PacketBlock

NS = 1_000_000_000
T0 = 1_700_000_000 * NS


def packet(channel: str, k: int, n: int = 50) -> Packet:
    data = np.arange(n, dtype="<i4").tobytes()
    return Packet(channel=channel, t0_ns=T0 + k * NS // 2, rate_hz=100.0, samples=data, t_seen_ns=T0)


def block(*packets: Packet) -> PacketBlock:
    return blocks_of(packets)[0]


def test_who_is_first_is_let_through() -> None:
    door = Freshest()
    assert door.newer("a", block(packet("X", 0), packet("Y", 0))) is not None
    rest = door.newer("b", block(packet("X", 0), packet("Y", 0), packet("Z", 0)))
    assert rest is not None
    assert rest.channels == ("Z",)
    assert door.newer("b", block(packet("X", 1))) is not None
    assert door.newer("a", block(packet("X", 1))) is None
    assert dict(door.dropped) == {"b": 2, "a": 1}


def test_own_repetitions_are_left_to_the_waveform_stage() -> None:
    door = Freshest()
    for _ in range(3):
        assert door.newer("a", block(packet("X", 0))) is not None
    assert not door.dropped


def test_longer_packet_that_reaches_further_is_let_through() -> None:
    door = Freshest()
    door.newer("a", block(packet("X", 0)))
    assert door.newer("b", block(packet("X", 0, 100))) is not None


def test_clock_set_back_by_an_hour_begins_anew() -> None:
    door = Freshest()
    door.newer("a", block(packet("X", 7200 + 10)))
    assert door.newer("b", block(packet("X", 0))) is not None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), min_size=1, max_size=80))
def test_every_packet_once_whatever_the_order(turns: list[tuple[str, bool]]) -> None:
    """Sources in step of their own, either of which may lose any packet."""
    door, at, kept = Freshest(), {"a": 0, "b": 0}, []
    sent = set()
    newest = -1
    for source, lost in turns:
        k = at[source]
        at[source] += 1
        if lost:
            continue
        sent.add(k)
        got = door.newer(source, block(packet("X", k)))
        kept += [p.t0_ns for p in packets_of(got)] if got is not None else []
        newest = max(newest, k)
    assert len(kept) == len(set(kept))
    assert kept == sorted(kept)
    assert (max(kept, default=T0) - T0) // (NS // 2) == max(sent, default=0)
