from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seiswarn.blocks import blocks_of, make_block, packets_of
from seiswarn.ingest.base import Doorkeeper, Params, as_errors
from seiswarn.ingest.tally import OTHERS
from seiswarn.messages import DataError, Packet
from seiswarn.reasons import Reason
from seiswarn.stations import Refusal
from seiswarn.stationxml import read_station_tables
from seiswarn.timebase import NS, parse_iso

NOW = parse_iso("2024-05-01T00:00:10Z")
ACC, VEL = "FDSN:XX_AAA__H_N_Z", "FDSN:XX_AAA__H_H_Z"


@pytest.fixture
def table(inventory, channel):
    channels = channel("HNZ", gain="1000") + channel("HHZ", gain="-1000", unit="M/S")
    return read_station_tables([inventory({"AAA": channels})], None)


def packet(**changes) -> Packet:
    fields = {
        "channel": ACC,
        "t0_ns": NOW - NS,
        "rate_hz": 100.0,
        "samples": np.arange(-25, 25, dtype="<i4").tobytes(),
        "t_seen_ns": NOW,
    }
    return Packet(**{**fields, **changes})


def admit(door: Doorkeeper, packets: list[Packet]) -> tuple[list[Packet], list[DataError]]:
    admitted, errors = [], []
    for block in blocks_of(packets):
        kept, said = door.admit_block(block)
        admitted += packets_of(kept) if kept else []
        errors += said
    return admitted, errors


def i4(*values: int) -> bytes:
    return np.array(values, "<i4").tobytes()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"channel": VEL}, None),
        ({"channel": "FDSN:XX_ZZZ__H_N_Z"}, Reason.UNKNOWN_CHANNEL),
        ({"channel": ""}, Reason.UNKNOWN_CHANNEL),
        ({"samples": b""}, Reason.EMPTY),
        ({"samples": b"abc"}, Reason.CORRUPT_RECORD),
        ({"samples": i4(1, 2) + b"abc"}, Reason.CORRUPT_RECORD),
        ({"dtype": "f4", "samples": b"12345"}, Reason.CORRUPT_RECORD),
        ({"dtype": "f8", "samples": i4(1, 2, 3)}, Reason.CORRUPT_RECORD),
        ({"rate_hz": 0.0}, Reason.BAD_RATE),
        ({"rate_hz": -100.0}, Reason.BAD_RATE),
        ({"rate_hz": float("nan")}, Reason.BAD_RATE),
        ({"rate_hz": float("inf")}, Reason.BAD_RATE),
        ({"rate_hz": 1000.1}, Reason.BAD_RATE),
        ({"rate_hz": 1e-300}, Reason.BAD_RATE),
        ({"rate_hz": 0.0009}, Reason.BAD_RATE),
        ({"t0_ns": NOW + 86_400 * NS}, Reason.CLOCK_FUTURE),
        ({"t0_ns": NOW + 9 * NS}, None),
        ({"t0_ns": NOW + 10 * NS}, Reason.CLOCK_FUTURE),
        ({"t0_ns": -1}, Reason.CLOCK_ANCIENT),
        ({"t0_ns": -(2**62)}, Reason.CLOCK_ANCIENT),
        ({"t0_ns": 0}, None),
        ({"samples": i4(0, 499_000, -499_000)}, None),
        ({"samples": i4(0, 501_000, 0)}, Reason.IMPLAUSIBLE),
        ({"samples": i4(0, -501_000, 0)}, Reason.IMPLAUSIBLE),
        ({"samples": i4(-(2**31), 0)}, Reason.IMPLAUSIBLE),
        ({"channel": VEL, "samples": i4(49_000, -49_000)}, None),
        ({"channel": VEL, "samples": i4(51_000)}, Reason.IMPLAUSIBLE),
        ({"dtype": "f4", "samples": np.array([1.0, np.nan, 2.0], "<f4").tobytes()}, Reason.IMPLAUSIBLE),
        ({"dtype": "f8", "samples": np.array([1.0, -np.inf], "<f8").tobytes()}, Reason.IMPLAUSIBLE),
        ({"dtype": "f8", "samples": np.array([1.0, 1e300], "<f8").tobytes()}, Reason.IMPLAUSIBLE),
        ({"dtype": "f4", "samples": np.array([1.0, -3.5], "<f4").tobytes()}, None),
        ({"status": "exercise"}, Reason.STATUS_MISMATCH),
    ],
)
def test_reasons(table, changes, reason) -> None:
    door = Doorkeeper(table, "actual")
    offered = packet(**changes)
    assert door.check(offered) is reason
    if len(offered.samples) % np.dtype(offered.dtype).itemsize:
        return  # no block can hold it
    good = packet()
    admitted, errors = admit(door, [good, offered, good])
    assert admitted == [good, offered, good] if reason is None else admitted == [good, good]
    assert [e.reason for e in errors] == ([] if reason is None else [reason])
    assert dict(door.counts) == ({} if reason is None else {(offered.channel, reason): 1})


def test_age_limit(table) -> None:
    old = packet(t0_ns=NOW - 100 * NS)
    assert Doorkeeper(table, "actual").check(old) is None
    assert Doorkeeper(table, "actual", Params(max_age_s=60.0)).check(old) is Reason.CLOCK_ANCIENT


def test_messages_are_rate_limited_and_add_up(table) -> None:
    door = Doorkeeper(table, "actual")
    errors = []
    for k in range(250):  # 25 s, ten a second, and another subject all along
        t = NOW + k * NS // 10
        for name in ("FDSN:XX_ZZZ__H_N_Z", "FDSN:XX_YYY__H_N_Z"):
            errors += admit(door, [packet(channel=name, t_seen_ns=t)])[1]
    one = [e for e in errors if "ZZZ" in e.subject]
    assert [(e.t_seen_ns - NOW) // NS for e in one] == [0, 10, 20]
    assert [e.count for e in one] == [1, 100, 100]
    errors += door.flush(NOW + 25 * NS)
    assert sum(e.count for e in errors) == 500 == door.counts.total()
    assert door.flush(NOW + 26 * NS) == []


def test_refusals_become_counted_messages() -> None:
    refusals = [Refusal("a.mseed", "CORRUPT_RECORD", text) for text in ("first", "second")]
    (error,) = as_errors(refusals, NOW, "test")
    assert (error.subject, error.reason, error.detail, error.count) == (
        "a.mseed",
        "CORRUPT_RECORD",
        "first",
        2,
    )


def test_garbage_names_do_not_fill_the_memory(table, monkeypatch) -> None:
    monkeypatch.setattr("seiswarn.ingest.tally.MAX_SUBJECTS", 5)
    door = Doorkeeper(table, "actual")
    for k in range(20):
        admit(door, [packet(channel=f"FDSN:XX_{k}__H_N_Z")])
    assert len(door.counts) == 6
    assert door.counts[OTHERS, Reason.UNKNOWN_CHANNEL] == 15


EDGE_NS = NOW + 10 * NS - (49 * NS) // 100  # a packet that begins here ends on the last moment let in
RATES = [0.0, math.nan, math.inf, 0.0009, 0.001, 1000.0, 1000.1, -1.0]
TIMES = [NOW - 60 * NS, NOW - 61 * NS, NOW + 9 * NS, NOW + 11 * NS, -1, 0, 2**63 - 1, -(2**63)]
OFFERS = st.fixed_dictionaries(
    {
        "channel": st.sampled_from([ACC] * 6 + [VEL, "FDSN:XX_ZZZ__H_N_Z", ""]),
        "rate_hz": st.sampled_from(
            [100.0] * 6 + [0.0, math.nan, math.inf, 0.0009, 0.001, 1000.0, 1000.1, -1.0]
        ),
        "t0_ns": st.sampled_from(
            [NOW - NS] * 6
            + [NOW - 60 * NS, NOW - 61 * NS, NOW + 9 * NS, NOW + 11 * NS, -1, 0, 2**63 - 1, -(2**63)]
        )
        | st.integers(EDGE_NS - 5000, EDGE_NS + 5000)
        | st.integers(NOW - 60 * NS - 5000, NOW - 60 * NS + 5000),
        "t_seen_ns": st.sampled_from([NOW, NOW, NOW, NOW + 7 * NS, 0]),
        "dtype": st.sampled_from(["i4", "i4", "i4", "f4", "f8"]),
        "status": st.sampled_from(["actual"] * 20 + ["test"]),
        "values": st.lists(
            st.sampled_from([0.0, 1.0, -499_999.0, 500_000.0, 500_001.0, -500_001.0, 49_000.0, 51_000.0])
            | st.integers(-(2**31), 2**31 - 1).map(float),
            max_size=5,
        )
        | st.just([float(k) for k in range(50)]),
        "special": st.sampled_from([None] * 9 + [math.nan, math.inf]),
    }
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(offers=st.lists(OFFERS, max_size=12), age=st.sampled_from([None, 60.0]))
def test_a_block_is_judged_as_its_packets_are(table, offers, age) -> None:
    packets = []
    for offer in offers:
        values, special = offer.pop("values"), offer.pop("special")
        if special is not None and offer["dtype"] != "i4":
            values = [*values, special]
        packets.append(Packet(**offer, samples=np.array(values).astype("<" + offer["dtype"]).tobytes()))
    bulk, single = (Doorkeeper(table, "actual", Params(max_age_s=age)) for _ in range(2))
    admitted, errors = admit(bulk, packets)
    assert admitted == [p for p in packets if single.check(p) is None]
    said = []
    for p in packets:  # each alone
        said += admit(single, [p])[1]
    assert errors == said
    assert bulk.counts == single.counts


def test_a_block_that_is_fine_is_not_copied(table) -> None:
    (block,) = blocks_of([packet(), packet(channel=VEL)])
    kept, errors = Doorkeeper(table, "actual").admit_block(block)
    assert kept is block
    assert errors == []


@pytest.mark.parametrize(
    "changes",
    [
        {"samples": b"abc"},
        {"samples": bytes(12)},
        {"n_samples": b"12345678"},
        {"n_samples": np.array([-1, 11], "<i4").tobytes()},
        {"t0_ns": bytes(8)},
        {"rate_hz": b"x"},
        {"channels": (ACC,)},
    ],
)
def test_a_block_that_cannot_be_read_is_refused(table, changes) -> None:
    i8 = np.array([NOW, NOW])
    block = make_block([ACC, VEL], i8, i8, np.array([100.0, 100.0]), np.array([5, 5]), bytes(40))
    door = Doorkeeper(table, "actual")
    kept, (error,) = door.admit_block(msgspec.structs.replace(block, **changes))
    assert kept is None
    assert (error.subject, error.reason, error.t_seen_ns) == (ACC, Reason.CORRUPT_RECORD, NOW)
    broken = msgspec.structs.replace(block, t_seen_ns=b"")
    assert door.admit_block(broken, NOW + 11 * NS)[1][0].t_seen_ns == NOW + 11 * NS


def test_nothing_in_nothing_out(table) -> None:
    nothing = make_block([], *(np.zeros(0, int) for _ in range(2)), np.zeros(0), np.zeros(0, int), b"")
    assert Doorkeeper(table, "actual").admit_block(nothing) == (nothing, [])
