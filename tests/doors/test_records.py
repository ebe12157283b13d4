"""Records as they came: released by their headers, decoded when their time has come."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seiswarn.blocks import columns, packets_of
from seiswarn.errors import UsageError
from seiswarn.ingest import headers, records
from seiswarn.ingest.headers import UNKNOWN_NS, index
from seiswarn.ingest.miniseed import Record, parse_records
from seiswarn.ingest.records import believed, open_records
from seiswarn.messages import DataError, PacketBlock
from seiswarn.reasons import Reason
from seiswarn.timebase import NS, sample_offset_ns

T0 = 1_700_000_000 * NS
STEP = NS // 50


def last_ns(record: Record) -> int:
    return record.t0_ns + sample_offset_ns(record.n_samples - 1, record.rate_hz)


def arrivals(packer, noise, n_stations=5, seconds=20, **options) -> list[bytes]:
    """One record of a second after the other, each station at its own moment."""
    return [
        packer(
            noise[50 * s + k : 50 * s + k + 100],
            channel=f"FDSN:XX_S{k}_00_H_N_Z",
            t0_ns=T0 + s * NS + k * 130_000_000,
            **options,
        )[0]
        for s in range(seconds)
        for k in range(n_stations)
    ]


def play(path, latency_s=0.0, step_ns=STEP):
    """(end of slice, what is in it) of a whole file."""
    return [(s.t_seen_ns, s.open()) for s in open_records(path).blocks(latency_s, "test", step_ns)]


def packets_in(slices):
    return [p for _, items in slices for b in items if isinstance(b, PacketBlock) for p in packets_of(b)]


@pytest.mark.parametrize("options", [{}, {"version": 3}, {"reclen": 1024}, {"encoding": 3}])
@pytest.mark.parametrize("latency_s", [0.0, 0.3])
def test_each_record_comes_at_its_last_sample(packer, noise, tmp_path, options, latency_s) -> None:
    stored = arrivals(packer, noise, **options)
    path = tmp_path / "a.mseed"
    path.write_bytes(b"".join(stored))
    slices = play(path, latency_s)
    ends = [end for end, _ in slices]
    assert ends[:-1] == sorted(set(ends[:-1]))
    found = packets_in(slices)
    truth = [r for raw in stored for r in parse_records(raw)]
    assert [(p.channel, p.t0_ns, p.samples) for p in found] == [
        (r.channel, r.t0_ns, r.samples) for r in truth
    ]
    late_ns = round(latency_s * NS)
    # A header tells times to 0.1 ms, blockette 1001 more.
    assert all(abs(p.t_seen_ns - last_ns(r) - late_ns) < 100_000 for p, r in zip(found, truth, strict=True))
    for end, items in slices:
        for block in items:
            seen = columns(block).t_seen_ns
            assert end - STEP < seen.min() <= seen.max() <= end
    file = open_records(path)
    assert abs(file.start_ns - last_ns(truth[0])) < 100_000
    assert abs(file.end_ns - last_ns(truth[-1])) < 100_000


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_chunks_and_damage_lose_nothing(packer, noise, data, tmp_path_factory) -> None:
    """Whatever the portions in which headers are read. Behind a cut record one whole one may be lost."""
    stored = [bytearray(r) for r in arrivals(packer, noise, 4, 12)]
    stored[20:24] = [bytearray(r) for r in arrivals(packer, noise, 4, 2, version=3)[4:]]
    stored[30:30] = [bytearray(r) for r in arrivals(packer, noise, 2, 8, reclen=256)[-6:]]
    whole = [bytes(r) for r in stored]
    hit = data.draw(st.lists(st.integers(0, len(stored) - 1), max_size=3, unique=True))
    for k in hit:
        what = data.draw(st.sampled_from(["cut", "head", "body"]))
        at = data.draw(st.integers(0, len(stored[k]) - 1))
        if what == "cut":
            del stored[k][at:]
        else:
            stored[k][at % 48 if what == "head" else at] ^= data.draw(st.integers(1, 255))
    raw = b"".join(stored)
    path = tmp_path_factory.mktemp("records") / "a.mseed"
    path.write_bytes(raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "_CHUNK", data.draw(st.sampled_from([16, 20, 1000])))
        patch.setattr(headers, "_ONE_BY_ONE", data.draw(st.sampled_from([1, 5, 1000])))
        found = packets_in(play(path))
    sound = [r for k, r in enumerate(whole) if k not in hit and k - 1 not in hit]
    expected = [r for raw in sound for r in parse_records(raw)]
    keys = iter([(p.channel, p.t0_ns, p.samples) for p in found])
    assert all((r.channel, r.t0_ns, r.samples) in keys for r in expected)  # in this order
    assert len(found) <= len(whole)
    assert [p.t_seen_ns for p in found] == sorted(p.t_seen_ns for p in found)


def test_columns_and_libmseed_agree(packer, noise, monkeypatch) -> None:
    stored = []
    for k, rate in enumerate([100.0, 20.0, 1.0, 0.1, 250.0, 0.25, 40.0]):
        t0 = T0 + k * 86_400 * 97 * NS + 123_400_000
        stored += packer(noise[k : k + 60], rate_hz=rate, t0_ns=t0)[:1] * 3
    corrected = bytearray(stored[0])
    corrected[40:44] = (-12_345).to_bytes(4, "big", signed=True)
    applied = bytearray(corrected)
    applied[36] |= 2
    raw = b"".join([*stored, bytes(corrected), bytes(applied)])
    fast = list(index(memoryview(raw), 1000, 0))
    monkeypatch.setattr(headers, "_WORTHWHILE", 10**9)
    slow = list(index(memoryview(raw), 1000, 0))
    assert len(fast) == len(slow) == 1
    assert np.array_equal(fast[0][0], slow[0][0])
    assert np.abs(fast[0][1] - slow[0][1]).max() < 100_000
    assert fast[0][1][-2] - fast[0][1][-1] == -1_234_500_000


def test_late_records_are_seen_when_they_come(packer, noise, tmp_path) -> None:
    stored = arrivals(packer, noise, 3, 30)
    late = stored.pop(0)
    stored.insert(60, late)
    path = tmp_path / "a.mseed"
    path.write_bytes(b"".join(stored))
    found = packets_in(play(path))
    assert found[60].t_seen_ns == found[59].t_seen_ns
    assert found[60].t_seen_ns - found[60].t0_ns > 19 * NS


@pytest.mark.parametrize("place", [0, 1, 40, 58, 59])
def test_a_clock_years_ahead_does_not_release_the_rest(packer, noise, tmp_path, place) -> None:
    stored = arrivals(packer, noise, 3, 20)
    stored[place] = packer(noise[:100], t0_ns=T0 + 9000 * 86_400 * NS)[0]
    path = tmp_path / "a.mseed"
    path.write_bytes(b"".join(stored))
    found = packets_in(play(path))
    assert len(found) == 60
    assert found[-1].t_seen_ns < T0 + 25 * NS
    assert open_records(path).end_ns < T0 + 25 * NS


def test_a_pause_of_hours_is_believed() -> None:
    times = T0 + np.arange(50) * NS
    times[20:] += 5 * 3600 * NS
    assert np.array_equal(believed(times), times)
    wrong = times.copy()
    wrong[30] += 86_400 * NS
    assert np.flatnonzero(believed(wrong) == UNKNOWN_NS).tolist() == [30]


def test_damage_is_named_and_counted(packer, noise, tmp_path) -> None:
    stored = arrivals(packer, noise, 2, 30)
    for k in (10, 11, 40):
        broken = bytearray(stored[k])
        broken[120] ^= 0x20
        stored[k] = bytes(broken)
    path = tmp_path / "a.mseed"
    path.write_bytes(b"junk at the beginning" + b"".join(stored))
    errors = [e for _, items in play(path) for e in items if isinstance(e, DataError)]
    assert {(e.subject, e.reason) for e in errors} == {("a.mseed", Reason.CORRUPT_RECORD)}
    assert sum(e.count for e in errors) == 4
    assert "21 bytes at 0" in errors[0].detail


def test_what_is_no_record_file(tmp_path) -> None:
    for name, content in (("empty", b""), ("junk", b"x" * 5000)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UsageError):
            open_records(tmp_path / name)
    with pytest.raises(UsageError):
        open_records(tmp_path / "nowhere")


def test_senseless_latency(packer, noise, tmp_path) -> None:
    path = tmp_path / "a.mseed"
    path.write_bytes(packer(noise)[0])
    with pytest.raises(UsageError):
        open_records(path).blocks(-1.0)
