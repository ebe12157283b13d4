from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seiswarn.ingest.mqtt import Broker, MqttSource
from seiswarn.ingest.openeew import Timeline, parse_message, station_of
from seiswarn.reasons import Reason
from sources.handy import NS, T0, HandClock, decoded

N, RATE = 32, 31.25


def axes(k: int) -> dict[str, list[float]]:
    rng = np.random.default_rng(k)
    return {axis: np.round(rng.normal(0.0, 0.2, N), 3).tolist() for axis in "xyz"}


def message(k: int, form: str, device: str = "A8032A4DD5F0") -> dict[str, object]:
    """Message `k` of a sensor, as generations of them send it; `t` is the time of its last sample."""
    last = T0 / NS + (N * (k + 1) - 1) / RATE
    if form == "record":
        return {"device_id": device, **axes(k), "device_t": last, "cloud_t": last + 0.4, "sr": RATE}
    if form == "list":
        traces = [{**axes(k), "t": last, "sr": RATE}]
        return {"device_id": device, "cloud_t": last + 0.4, "traces": traces}
    if form == "object":
        names = {"user": "me", "network": "MX", "station": "CHIA1"}
        return {"device_id": device, "sr": RATE, **names, "device_t": last, "traces": axes(k)}
    return {"d": {"device_id": device, "traces": [axes(k)]}}


def encoded(k: int, form: str, device: str = "A8032A4DD5F0") -> bytes:
    return json.dumps(message(k, form, device)).encode()


def source(**options: object) -> MqttSource:
    return MqttSource(Broker(**options), HandClock())  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["record", "list", "object"])
def test_every_generation_gives_the_same_samples_at_the_same_times(form):
    feed = source()
    for k in range(3):
        feed.hear("traces/a", encoded(k, form))
    records = decoded(feed.take()[0])
    assert len(records) == 9
    name = "MX_CHIA1" if form == "object" else f"OE_{station_of('A8032A4DD5F0')}"
    assert [r.channel for r in records[:3]] == [f"FDSN:{name}_00_B_N_{c}" for c in "ZNE"]
    for k in range(3):
        for r, axis in zip(records[3 * k : 3 * k + 3], "xyz", strict=True):
            assert abs(r.t0_ns - (T0 + round(k * N / RATE * NS))) < 2000  # times are floats of 2e9 s
            assert (r.rate_hz, r.dtype) == (RATE, "f4")
            assert np.allclose(np.frombuffer(r.samples, "<f4"), np.array(axes(k)[axis]) / 100.0, rtol=1e-6)


def test_codes_of_devices():
    assert station_of("004") == "004"
    assert station_of("chia-1") != station_of("chia_1")
    codes = {station_of(f"A8032A4D{k:04X}") for k in range(10_000)}
    assert len(codes) == 10_000
    assert all(re.fullmatch("[A-Z2-7]{8}", c) for c in codes)
    feed = source(devices=(("A8032A4DD5F0", "HOME"),), network="XY", channels=("HNE", "HNN", "HNZ"))
    feed.hear("traces/a", encoded(0, "list"))
    assert [r.channel for r in decoded(feed.take()[0])] == [f"FDSN:XY_HOME_00_H_N_{c}" for c in "ENZ"]


def test_messages_without_a_time_need_the_time_of_arrival():
    feed = source()
    feed.hear("a", encoded(0, "cloud"))
    records, refused = feed.take()
    assert (records, [r.reason for r in refused]) == ([], [Reason.CLOCK_ANCIENT])
    clock = HandClock()
    feed = MqttSource(Broker(times="arrival"), clock)
    for k in range(20):
        clock.ns = T0 + round((k + 1) * N / RATE * NS) + (k * 7919 % 300) * 1_000_000
        feed.hear("a", encoded(k, "cloud"))
    starts = [r.t0_ns for r in decoded(feed.take()[0])][::3]
    assert np.ptp(np.diff(starts)) <= 2000, "late arrivals make neither gaps nor overlaps"
    assert feed.take()[1] == []


def test_a_timeline_begins_anew_after_a_gap():
    line = Timeline()
    first = line.by_arrival(T0, N, RATE)
    assert line.by_arrival(T0 + 10 * NS, N, RATE) - first == 10 * NS


def test_what_comes_twice_counts_once():
    feed = source()
    for k in (0, 1, 1, 0, 2):
        feed.hear("a", encoded(k, "list"))
    assert len(feed.take()[0]) == 9
    assert feed.links()[0].counters["repeated"] == 2


def test_retained_messages_are_old_by_definition():
    feed = source()
    feed.hear("a", encoded(0, "list"), retained=True)
    records, refused = feed.take()
    assert (records, [r.reason for r in refused]) == ([], [Reason.CLOCK_ANCIENT])


def changed(**changes: object) -> bytes:
    return json.dumps({**message(0, "record"), **changes}).encode()


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[]",
        b"3",
        b"null",
        b"[" * 100_000,
        b'{"device_id": "a"}',
        changed(device_id=""),
        changed(device_id=7),
        changed(x=[1.0]),
        changed(x=[]),
        changed(x="1,2,3"),
        changed(x=[None] * N),
        changed(x=[True] * N),
        changed(x=[1e300] * N),
        changed(sr=0),
        changed(sr="31.25"),
        changed(device_t="now"),
        changed(device_t=-5),
        changed(device_t=1e300),
        changed(traces=[]),
        changed(traces=[{}] * 1000),
        changed(traces="none"),
        json.dumps(message(0, "record")).replace("31.25", "NaN").encode(),
        b'{"x": "' + b"a" * (1 << 20) + b'"}',
    ],
)
def test_nonsense_is_refused_and_costs_nothing_else(payload):
    feed = source()
    feed.hear("traces/a", payload)
    feed.hear("traces/a", encoded(0, "record"))
    records, refused = feed.take()
    assert [r.reason for r in refused] == [Reason.CORRUPT_RECORD]
    assert len(records) == 3


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["d", "device_id", "traces", "x", "y", "z", "t", "sr"]), inner)
        ),
        max_leaves=12,
    )
)
def test_no_json_raises(value):
    source().hear("a", json.dumps(value).encode())


def test_ten_seconds_of_history_in_one_message():
    whole = {axis: [v for k in range(10) for v in axes(k)[axis]] for axis in "xyz"}
    payload = {"device_id": "004", "sr": RATE, "device_t": T0 / NS, "traces": whole}
    (trace,) = parse_message(json.dumps(payload).encode())
    assert trace.axes.shape == (3, 320)
    feed = source()
    feed.hear("a", json.dumps(payload).encode())
    records = decoded(feed.take()[0])
    assert sum(r.n_samples for r in records) == 960
