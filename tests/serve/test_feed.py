"""Recordings as records in order of release: sample by sample what is stored, never before its time."""

from __future__ import annotations

import numpy as np
import pytest
from pymseed import MS3Record

from seiswarn.errors import UsageError
from seiswarn.ingest.archive import open_archive
from seiswarn.ingest.pack import Packer
from seiswarn.serve.feed import packets, stored, streams_of
from seiswarn.serve.header import read_header
from seiswarn.serve.repack import convert
from seiswarn.timebase import NS
from serving import RATE_HZ, T0, counts, make_records, samples_of, write_archive


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("packet_s", [0.5, 1.0, 7.0])
def test_packets_hold_the_samples_of_the_archive(tmp_path, packet_s: float, version: int) -> None:
    truth = write_archive(tmp_path / "a")
    archive = open_archive(tmp_path / "a")
    found = list(packets(archive, packet_s, latency_s=0.25, version=version))
    times = [r.t_ns for r in found]
    assert times == sorted(times)
    for item in found:
        header = read_header(item.record)
        assert item.header is None or item.header == header
        last_ns = header.end_ns - round(NS / RATE_HZ)
        assert item.t_ns >= last_ns + NS // 4, "not before its last sample has been there"
        if item.header is not None:
            assert item.t_ns == last_ns + NS // 4
            assert header.end_ns - header.start_ns <= packet_s * NS
    got = samples_of([r.record for r in found])
    assert got.keys() == truth.keys()
    for channel, (t0_ns, x) in got.items():
        np.testing.assert_array_equal(x, truth[channel])
        assert t0_ns == T0 + int(channel[11]) * 137_000_000
    assert sorted(streams_of(archive)) == sorted({(r.header or read_header(r.record))[:2] for r in found})


def test_stored_records_are_byte_for_byte_the_files(tmp_path) -> None:
    write_archive(tmp_path / "a")
    (tmp_path / "a" / "notes.md").write_text("not a record")
    (tmp_path / "a" / "empty.mseed").write_bytes(b"")
    feed = stored(open_archive(tmp_path / "a"), latency_s=1.0)
    found = list(feed)
    files = {p.name: p.read_bytes() for p in (tmp_path / "a").glob("XX*.mseed")}
    assert sum(map(len, files.values())) == sum(len(r.record) for r in found)
    for item in found:
        assert item.header == read_header(item.record)
        assert item.t_ns == item.header.end_ns - round(NS / RATE_HZ) + NS
    assert [r.t_ns for r in found] == sorted(r.t_ns for r in found)
    for name, data in files.items():
        mine = [r.record for r in found if f"{r.header.station}_{r.header.stream}.mseed" == name]
        assert b"".join(mine) == data
    assert feed.skipped == 0


def test_damage_and_strays_among_stored_records_cost_themselves(tmp_path) -> None:
    good = make_records(1, 60)
    packer = Packer(512, 2)
    stray = packer.pack("FDSN:XX_S000_00_H_H_Z", T0 + 10**9 * NS, RATE_HZ, counts(1), "i4")
    data = (
        b"junk" + b"".join(good[:100]) + b"\xff" * 77 + b"".join(good[100:]) + b"".join(stray) + good[0][:200]
    )
    (tmp_path / "all.mseed").write_bytes(data)
    for where in (tmp_path, tmp_path / "all.mseed"):
        found = [r.record for r in stored(open_archive(where))]
        assert sorted(found) == sorted(good)


def test_lengths_that_make_no_sense(tmp_path) -> None:
    write_archive(tmp_path / "a", 1, 2)
    archive = open_archive(tmp_path / "a")
    for options in ({"reclen": 500}, {"reclen": 64}, {"latency_s": -1.0}, {"latency_s": float("nan")}):
        with pytest.raises(UsageError):
            list(packets(archive, 0.5, **options))
    with pytest.raises(UsageError):
        list(packets(archive, 0.0))
    with pytest.raises(UsageError):
        stored(archive, latency_s=-1.0)


@pytest.mark.parametrize(("dtype", "kind"), [(np.int32, "i4"), (np.float32, "f4"), (np.float64, "f8")])
def test_packer_keeps_samples_of_every_type(dtype: type, kind: str) -> None:
    x = (np.random.default_rng(3).uniform(-1.0, 1.0, 300) * 2e9).astype(dtype)  # steps too large for Steim2
    for version in (2, 3):
        records = Packer(512, version).pack("FDSN:XX_A__H_N_Z", T0 + 123_456_000, 200.0, x, kind)
        parts = [MS3Record.parse(r, unpack_data=True) for r in records]
        np.testing.assert_array_equal(np.concatenate([p.np_datasamples.copy() for p in parts]), x)
        assert parts[0].starttime == T0 + 123_456_000
        assert {p.formatversion for p in parts} == {version}


def test_conversion_there_and_back() -> None:
    for record in make_records(1, 3):
        (as_3,) = convert(record, 3)
        assert read_header(as_3) == read_header(record)._replace(format="3")
        (back,) = convert(as_3, 2, 512)
        assert samples_of([back]).keys() == samples_of([record]).keys()
        np.testing.assert_array_equal(
            MS3Record.parse(back, unpack_data=True).np_datasamples.copy(),
            MS3Record.parse(record, unpack_data=True).np_datasamples.copy(),
        )


def test_a_long_record_becomes_several_of_512_bytes() -> None:
    x = counts(60)
    (long,) = Packer(16384, 2).pack("FDSN:XX_A__H_N_Z", T0, RATE_HZ, x, "i4")
    parts = convert(long, 2, 512)
    assert len(parts) > 3
    assert {len(p) for p in parts} == {512}
    np.testing.assert_array_equal(samples_of(list(parts))["FDSN:XX_A__H_N_Z"][1], x)
    assert convert(b"no record", 2, 512) == ()
