from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seiswarn.blocks import columns, packets_of
from seiswarn.errors import ArchiveError, UsageError
from seiswarn.ingest.archive import open_archive
from seiswarn.ingest.miniseed import Record
from seiswarn.ingest.recut import cut, merge_records
from seiswarn.reasons import Reason
from seiswarn.timebase import NS, from_seconds, sample_offset_ns

T0 = 1_700_000_000 * NS


def packets_in(blocks):
    return [p for b in blocks for p in packets_of(b)]


def samples_of(packets, dtype="<i4"):
    return np.concatenate([np.frombuffer(p.samples, dtype) for p in packets])


def test_recut_keeps_every_sample_and_time(packer, noise, tmp_path) -> None:
    (tmp_path / "a.mseed").write_bytes(b"".join(packer(noise)))
    archive = open_archive(tmp_path)
    assert archive.channels == ("FDSN:XX_AAA__H_N_Z",)
    assert (archive.start_ns, archive.end_ns) == (T0, T0 + (len(noise) - 1) * 10_000_000)
    for packet_s in (None, 0.5, 0.01, 0.123, 1.0, 1000.0):
        packets = packets_in(archive.blocks(packet_s, 0.25))
        assert np.array_equal(samples_of(packets), noise)
        index = 0
        for p in packets:
            assert p.t0_ns == T0 + index * 10_000_000
            last_ns = p.t0_ns + sample_offset_ns(p.n_samples - 1, p.rate_hz)
            assert p.t_seen_ns == last_ns + 250_000_000
            assert p.status == "test"
            index += p.n_samples
    assert len({p.n_samples for p in packets_in(archive.blocks(0.5))[:-1]}) == 1


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 80), min_size=1, max_size=8),
    gaps_ms=st.lists(st.integers(-300, 300), min_size=8, max_size=8),
    rate=st.sampled_from([20.0, 31.25, 100.0, 200.0]),
    packet_s=st.sampled_from([None, 0.05, 0.5, 3.0]),
    latency=st.floats(0, 5),
)
def test_recut_properties(lengths, gaps_ms, rate, packet_s, latency) -> None:
    rng = np.random.default_rng(1)
    records, t0 = [], T0
    for i, n in enumerate(lengths):
        values = rng.integers(-9, 9, n).astype("<i4")
        records.append(Record(f"FDSN:XX_A{i % 2}__H_N_Z", t0, rate, "i4", values.tobytes()))
        t0 += sample_offset_ns(n, rate) + (gaps_ms[i] * 1_000_000 if i % 2 else 0)
    stretches = merge_records(records)
    packets = packets_in(cut(stretches, packet_s, latency, "exercise"))
    keys = [(p.t_seen_ns, p.channel, p.t0_ns) for p in packets]
    assert keys == sorted(keys)
    assert sum(p.n_samples for p in packets) == sum(lengths)
    for p in packets:
        last_ns = p.t0_ns + sample_offset_ns(p.n_samples - 1, rate)
        assert p.t_seen_ns == last_ns + from_seconds(latency)
        if packet_s is not None:
            assert p.n_samples <= max(1, round(packet_s * rate))
    for channel in {r.channel for r in records}:
        stored = sorted((r.t0_ns, r.samples) for r in records if r.channel == channel)
        cut_up = sorted((p.t0_ns, p.samples) for p in packets if p.channel == channel)
        if packet_s is None:
            assert cut_up == stored
        assert sorted(b"".join(s for _, s in cut_up)) == sorted(b"".join(s for _, s in stored))


@settings(max_examples=60, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(["i4", "i4", "f4", "f8"]), min_size=1, max_size=7),
    step_ms=st.sampled_from([1, 20, 700]),
    at_once=st.sampled_from([1, 7, 1 << 16]),
    packet_s=st.sampled_from([None, 0.05, 0.5]),
)
def test_blocks_keep_within_slices_and_types(kinds, step_ms, at_once, packet_s) -> None:
    rng = np.random.default_rng(len(kinds))
    step_ns = step_ms * 1_000_000
    records = [
        Record(f"FDSN:XX_A{k}__H_N_Z", T0 + k * 3_000_000, 100.0, kind, values.astype("<" + kind).tobytes())
        for k, kind in enumerate(kinds)
        for values in [rng.integers(-9, 9, 90 + k)]
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seiswarn.ingest.recut._AT_ONCE", at_once)
        blocks = list(cut(merge_records(records), packet_s, 0.25, "test", step_ns))
    got: dict[str, bytes] = {}
    for block in blocks:
        seen = columns(block).t_seen_ns
        assert len(set((-(-seen // step_ns)).tolist())) == 1
        for p in packets_of(block):
            got[p.channel] = got.get(p.channel, b"") + p.samples
    assert got == {r.channel: r.samples for r in records}
    moments = [(int(columns(b).t_seen_ns[0] - 1) // step_ns, b.dtype) for b in blocks]
    if len(set(kinds)) == 1:
        assert len(moments) == len(set(moments))


def test_jitter_of_record_times_is_kept_and_gaps_are_not_bridged() -> None:
    values = np.arange(300, dtype="<i4")
    jitter = 1_300_000  # a tenth of a sample

    def record(first: int, extra_ns: int = 0) -> Record:
        data = values[first : first + 100].tobytes()
        return Record("FDSN:XX_A__H_N_Z", T0 + first * 10_000_000 + extra_ns, 100.0, "i4", data)

    stretches = merge_records([record(0), record(100, jitter), record(200, NS)])
    assert [s.n_samples for s in stretches] == [200, 100]
    packets = sorted(packets_in(cut(stretches, 0.7, 0.0, "test")), key=lambda p: p.t0_ns)
    assert [p.n_samples for p in packets] == [70, 70, 60, 70, 30]
    assert [p.t0_ns - T0 for p in packets][:3] == [0, 700_000_000, 1_400_000_000 + jitter]


def test_duplicates_and_overlaps_pass_through(packer, noise, tmp_path) -> None:
    stored = packer(noise)
    (tmp_path / "a.mseed").write_bytes(b"".join(stored))
    (tmp_path / "b.mseed").write_bytes(b"".join(stored[2:4]))
    packets = packets_in(open_archive(tmp_path).blocks(None))
    assert len(packets) == len(stored) + 2


def test_latency_per_station(packer, noise, tmp_path) -> None:
    for name in ("AAA", "BBB"):
        data = packer(noise, channel=f"FDSN:XX_{name}__H_N_Z")
        (tmp_path / f"{name}.mseed").write_bytes(b"".join(data))
    delay = {"XX.AAA..HN": 0.1, "XX.BBB..HN": 2.0}
    for p in packets_in(open_archive(tmp_path).blocks(0.5, delay.__getitem__)):
        last_ns = p.t0_ns + sample_offset_ns(p.n_samples - 1, p.rate_hz)
        assert p.t_seen_ns - last_ns == from_seconds(
            delay["XX.BBB..HN" if "BBB" in p.channel else "XX.AAA..HN"]
        )


@pytest.mark.parametrize(
    "options", [(0.0, 0.0), (-1.0, 0.0), (float("nan"), 0.0), (0.5, -1.0), (0.5, float("inf"))]
)
def test_senseless_requests(packer, noise, tmp_path, options) -> None:
    (tmp_path / "a.mseed").write_bytes(packer(noise)[0])
    with pytest.raises(UsageError):
        open_archive(tmp_path).blocks(*options)


def test_any_tree_and_names(packer, noise, tmp_path) -> None:
    folder = tmp_path / "2023" / "XX" / "AAA"
    folder.mkdir(parents=True)
    stored = packer(noise)
    (folder / "XX.AAA..HNZ.D.2023.318").write_bytes(b"".join(stored[:2]))
    (folder / "XX.AAA..HNZ.D.2023.319").write_bytes(b"".join(stored[2:]))
    assert np.array_equal(samples_of(packets_in(open_archive(tmp_path).blocks(0.5))), noise)
    single = open_archive(folder / "XX.AAA..HNZ.D.2023.318")
    assert (single.n_records, single.station_paths) == (2, ())


def test_foreign_and_damaged_files_are_listed_only(packer, noise, tmp_path) -> None:
    stored = packer(noise)
    broken = bytearray(stored[1])
    broken[70:90] = b"\xff" * 20
    (tmp_path / "a.mseed").write_bytes(stored[0] + bytes(broken) + stored[2])
    (tmp_path / "video.bin").write_bytes(b"\x00\x01" * 500)
    (tmp_path / "junk.mseed").write_bytes(b"no record at all " * 60)
    (tmp_path / "empty.mseed").write_bytes(b"")
    (tmp_path / "README.md").write_text("words")
    (tmp_path / "stations.xml").write_text("<x/>")
    archive = open_archive(tmp_path)
    assert archive.n_records == 2
    assert sorted((r.subject, r.reason) for r in archive.refusals) == [
        ("a.mseed", Reason.CORRUPT_RECORD),
        ("empty.mseed", Reason.EMPTY),
        ("junk.mseed", Reason.CORRUPT_RECORD),
        ("video.bin", Reason.FOREIGN_FILE),
    ]


def test_nothing_to_replay(tmp_path) -> None:
    with pytest.raises(ArchiveError, match="empty"):
        open_archive(tmp_path)
    with pytest.raises(ArchiveError, match="no such folder"):
        open_archive(tmp_path / "nowhere")
    (tmp_path / "a.mseed").write_bytes(b"x" * 600)
    with pytest.raises(ArchiveError, match=r"no usable miniSEED record in 1 file\n.*CORRUPT_RECORD"):
        open_archive(tmp_path)


def test_wrong_clocks_do_not_stretch_the_archive(packer, tmp_path) -> None:
    noise = np.random.default_rng(3).integers(-(2**28), 2**28, 20_000).astype(np.int32)
    good = packer(noise)
    assert len(good) > 100
    day_ahead = packer(noise[:50], t0_ns=T0 + 86_400 * NS, channel="FDSN:XX_BAD__H_N_Z")
    years_back = packer(noise[:50], t0_ns=T0 - 9_000 * 86_400 * NS, channel="FDSN:XX_OLD__H_N_Z")
    before_1970 = packer(noise[:50], t0_ns=-86_400 * NS, channel="FDSN:XX_PRE__H_N_Z")
    (tmp_path / "a.mseed").write_bytes(b"".join([*years_back, *good, *day_ahead, *before_1970]))
    archive = open_archive(tmp_path)
    assert (archive.start_ns, archive.n_records) == (T0, len(good))
    assert sorted(r.reason for r in archive.refusals) == [
        Reason.CLOCK_ANCIENT,
        Reason.CLOCK_ANCIENT,
        Reason.CLOCK_FUTURE,
    ]


def test_many_event_windows_are_no_strays(packer, noise, tmp_path) -> None:
    windows = [packer(noise[:400], t0_ns=T0 + k * 3 * 86_400 * NS) for k in range(120)]
    (tmp_path / "a.mseed").write_bytes(b"".join(itertools.chain(*windows)))
    archive = open_archive(tmp_path)
    assert archive.refusals == ()
    assert sum(s.n_samples for s in archive.stretches) == 120 * 400


@pytest.mark.events
def test_recorded_archive_is_cut_without_loss(events_dir) -> None:
    archive = open_archive(events_dir / "ridgecrest2019_m7.1")
    assert len(archive.channels) == 36
    assert archive.refusals == ()
    whole = {s.channel: s.samples for s in archive.stretches}
    got = dict.fromkeys(archive.channels, b"")
    last = 0
    for p in packets_in(archive.blocks(0.5, 0.0)):
        assert p.t_seen_ns >= last
        last = p.t_seen_ns
        got[p.channel] += p.samples
    assert got == whole
