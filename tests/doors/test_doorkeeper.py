from __future__ import annotations

import numpy as np
import pytest

from seiswarn.ingest.base import OTHERS, Doorkeeper, Params, as_errors
from seiswarn.messages import Packet
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
    good = packet()
    admitted, errors = door.admit([good, offered, good])
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
            errors += door.admit([packet(channel=name, t_seen_ns=t)])[1]
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
    monkeypatch.setattr("seiswarn.ingest.base.MAX_SUBJECTS", 5)
    door = Doorkeeper(table, "actual")
    for k in range(20):
        door.admit([packet(channel=f"FDSN:XX_{k}__H_N_Z")])
    assert len(door.counts) == 6
    assert door.counts[OTHERS, Reason.UNKNOWN_CHANNEL] == 15
