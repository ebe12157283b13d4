from __future__ import annotations

import random
import socket
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seiswarn.ingest.shake_udp import HOLD_S, ShakeCast, ShakeUdpSource, Train, parse_datagram
from seiswarn.reasons import Reason
from seiswarn.runtime.live_clock import WallClock
from sources.handy import NS, T0, HandClock, Taking, decoded

# The example of rsudp's documentation, a Shake 1D.
EXAMPLE = (
    b"{'EHZ', 1582315130.292, 14168, 14927, 16112, 17537, 18052, 17477, 15418, 13716, 15604, 17825, 19637,"
    b" 20985, 17325, 10439, 11510, 17678, 20027, 20207, 18481, 15916, 13836, 13073, 14462, 17628, 19388}"
)


def text(k: int, channel: str = "EHZ", rate_hz: float = 100.0, n: int = 25) -> bytes:
    t = T0 / NS + k * n / rate_hz
    values = np.random.default_rng(k).integers(-30_000, 30_000, n)
    return f"{{'{channel}', {t:.3f}, {', '.join(map(str, values))}}}".encode()


def test_the_documented_example():
    datagram = parse_datagram(EXAMPLE)
    assert (datagram.channel, datagram.t0_ns) == ("EHZ", 1_582_315_130_292_000_000)
    assert datagram.samples[:3].tolist() == [14168, 14927, 16112]
    assert (len(datagram.samples), datagram.samples[-1]) == (25, 19388)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        EXAMPLE[:-1],
        EXAMPLE.replace(b"EHZ", b"ehz"),
        EXAMPLE.replace(b"14168", b"1e9"),
        EXAMPLE.replace(b"14168", b"9999999999"),
        b"{'EHZ', 1582315130.292}",
        b"{'EHZ', nan, 1, 2}",
        b"{'EHZ', -5.0, 1, 2}",
        b"\xff" * 1000,
        b"{'EHZ', 1582315130.292" + b", 1" * 5000 + b"}",
    ],
)
def test_nonsense_is_refused_and_costs_nothing_else(data):
    source = ShakeUdpSource(ShakeCast(), HandClock())
    source.hear(data, "10.0.0.1")
    source.hear(EXAMPLE, "10.0.0.1")
    records, refused = source.take()
    assert [r.reason for r in refused] == [Reason.CORRUPT_RECORD]
    assert len(decoded(records)) == 1


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_raise(data):
    ShakeUdpSource(ShakeCast(), HandClock()).hear(data, "10.0.0.1")


def test_senders_have_stations_and_strangers_are_refused():
    cast = ShakeCast(senders=(("10.0.0.1", "R1111"), ("10.0.0.2", "R2222")))
    source = ShakeUdpSource(cast, HandClock())
    for sender in ("10.0.0.1", "10.0.0.2", "10.0.0.3"):
        source.hear(EXAMPLE, sender)
    records, refused = source.take()
    assert [r.channel for r in decoded(records)] == ["FDSN:AM_R1111_00_E_H_Z", "FDSN:AM_R2222_00_E_H_Z"]
    assert [(r.subject, r.reason) for r in refused] == [("10.0.0.3", Reason.UNKNOWN_CHANNEL)]


def test_what_was_overtaken_is_put_back_and_repetition_dropped():
    clock = HandClock()
    source = ShakeUdpSource(ShakeCast(), clock)
    for k in (0, 2, 2, 1, 3, 0):
        source.hear(text(k), "10.0.0.1")
        clock.s += 0.01
    records = decoded(source.take()[0])
    assert [round((r.t0_ns - T0) / NS * 4) for r in records] == [0, 1, 2, 3]
    for k, r in enumerate(records):
        assert np.frombuffer(r.samples, "<i4").tolist() == parse_datagram(text(k)).samples.tolist()
    (link,) = source.links()
    assert (link.counters["repeated"], link.counters["lost"]) == (2, 0)


def test_the_lost_are_not_waited_for():
    train = Train(100.0)
    assert len(train.take(parse_datagram(text(0)), 0.0)) == 1
    assert train.take(parse_datagram(text(3)), 1.0) == []
    assert train.due(1.0 + HOLD_S / 2) == []
    assert len(train.due(1.0 + HOLD_S)) == 1
    assert train.lost == 2


def test_a_clock_that_was_in_the_far_future_does_not_spoil_what_follows():
    train = Train(100.0)
    train.take(parse_datagram(text(1_000_000)), 0.0)
    assert len(train.take(parse_datagram(text(0)), 0.1)) == 1
    assert train.take(parse_datagram(text(2)), 0.2) == [], "a gap is known again"


@pytest.mark.parametrize("rate_hz", [50.0, 100.0, 200.0])
@pytest.mark.parametrize("n", [25, 50])
def test_the_rate_is_found_from_the_spacing(rate_hz, n):
    train, out = Train(), []
    for k in range(5):
        out += train.take(parse_datagram(text(k, rate_hz=rate_hz, n=n)), float(k))
    assert train.rate_hz == rate_hz
    assert len(out) == 5, "nothing is lost while it is looked for"


def test_random_order_and_loss_end_in_order():
    rng = random.Random(7)
    train, out, now = Train(100.0), [], 0.0
    kept = [k for k in range(400) if rng.random() > 0.05]
    sent = sorted(kept, key=lambda k: 0.25 * k + rng.uniform(0.0, 0.05))
    for k in sent:
        now = max(now, 0.25 * k)
        out += train.take(parse_datagram(text(k)), now)
    out += train.due(now + 1.0)
    starts = [d.t0_ns for d in out]
    assert starts == sorted(starts)
    assert len(starts) == len(kept)
    assert train.lost == kept[-1] - kept[0] + 1 - len(kept)


def test_over_a_real_socket_and_with_the_port_taken():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        source = ShakeUdpSource(ShakeCast(host="127.0.0.1", port=port), WallClock())
        taking = Taking(source)
        source.start()
        taking.until(lambda: source.links()[0].state == "refused")
        assert "cannot be opened" in source.links()[0].detail
    try:
        taking.until(lambda: source.links()[0].state == "listening")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            for k in range(20):
                out.sendto(text(k), ("127.0.0.1", port))
                out.sendto(text(k, "ENZ"), ("127.0.0.1", port))
                time.sleep(0.001)
        taking.until(lambda: len(taking.records) >= 40)
    finally:
        source.close()
    assert sorted({r.channel for r in decoded(taking.records)}) == [
        "FDSN:AM_R0000_00_E_H_Z",
        "FDSN:AM_R0000_00_E_N_Z",
    ]
    assert taking.refused == []
