from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seiswarn.ingest.miniseed import Damage, Record, parse_records
from seiswarn.reasons import Reason

INT32, FLOAT32, FLOAT64, STEIM1, STEIM2 = 3, 4, 5, 10, 11


def split(data: bytes, **options):
    items = list(parse_records(data, **options))
    return [r for r in items if isinstance(r, Record)], [d for d in items if isinstance(d, Damage)]


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    ("encoding", "dtype"),
    [(INT32, "int32"), (FLOAT32, "float32"), (FLOAT64, "float64"), (STEIM1, "int32"), (STEIM2, "int32")],
)
def test_encodings_round_trip(packer, noise, version, encoding, dtype) -> None:
    samples = noise.astype(dtype)
    records, damage = split(b"".join(packer(samples, encoding=encoding, version=version)))
    assert damage == []
    assert {r.channel for r in records} == {"FDSN:XX_AAA__H_N_Z"}
    assert b"".join(r.samples for r in records) == samples.tobytes()
    expected = records[0].t0_ns
    for r in records:
        assert abs(r.t0_ns - expected) < 1_000_000
        expected = r.t0_ns + r.n_samples * 10_000_000


@pytest.mark.parametrize("version", [2, 3])
def test_truncated_record_in_the_middle(packer, noise, version) -> None:
    stored = packer(noise, version=version)
    for keep in (0, 1, 30, 60, 64, 128, 300, len(stored[3]) - 1):
        records, damage = split(b"".join([*stored[:3], stored[3][:keep], *stored[4:]]))
        whole = [r for i, s in enumerate(stored) if i != 3 for r in split(s)[0]]
        assert records == whole
        assert len(damage) == (1 if keep else 0)
        assert all(d.reason is Reason.CORRUPT_RECORD and d.length == keep for d in damage)


def test_truncated_int32_record_does_not_swallow_the_next(packer, noise) -> None:
    stored = packer(noise, encoding=INT32)
    records, damage = split(b"".join([stored[0], stored[1][:200], *stored[2:]]))
    expected = [r for i, s in enumerate(stored) if i != 1 for r in split(s)[0]]
    assert [r for r in records if r in expected] == expected
    assert len(damage) + len(records) >= len(expected)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_flips_never_raise_and_cost_only_the_damaged(packer, noise, data) -> None:
    stored = packer(noise)
    index = data.draw(st.integers(0, len(stored) - 1))
    flips = data.draw(st.lists(st.tuples(st.integers(0, 511), st.integers(1, 255)), min_size=1, max_size=6))
    broken = bytearray(stored[index])
    for at, mask in flips:
        broken[at] ^= mask
    records, _ = split(b"".join([*stored[:index], bytes(broken), *stored[index + 1 :]]))
    intact = [r for i, s in enumerate(stored) if i != index for r in split(s)[0]]
    assert [r for r in records if r in intact] == intact
    assert len(records) <= len(stored)


@settings(max_examples=100, deadline=None)
@given(junk=st.binary(max_size=700), cut=st.integers(0, 1536))
def test_junk_and_truncation_never_raise(packer, noise, junk, cut) -> None:
    stored = packer(noise)[:3]
    whole = [r for s in stored[: cut // 512] for r in split(s)[0]]
    records, _ = split(junk + b"".join(stored)[:cut])
    assert [r for r in records if r in whole] == whole
    list(parse_records(junk))


def test_flipped_difference_is_caught(packer, noise) -> None:
    stored = packer(noise)
    broken = bytearray(stored[1])
    broken[300] ^= 0x20
    data = stored[0] + bytes(broken) + stored[2]
    records, damage = split(data)
    assert len(records) == 2
    assert [(d.offset, d.length, d.reason) for d in damage] == [(512, 512, Reason.CORRUPT_RECORD)]
    assert len(split(data, check_last_sample=False)[0]) == 3


def test_record_length_hit_does_not_swallow_the_neighbour(packer, noise) -> None:
    stored = packer(noise)
    for index in (0, 2):
        broken = bytearray(stored[index])
        assert broken[54] == 9  # log2 of the record length in blockette 1000
        broken[54] = 10
        records, _ = split(b"".join([*stored[:index], bytes(broken), *stored[index + 1 :]]))
        assert records == [r for i, s in enumerate(stored) if i != index for r in split(s)[0]]


def test_mixed_record_lengths_are_all_read(packer, noise) -> None:
    data = b"".join(b for reclen in (256, 4096, 512, 1024) for b in packer(noise, reclen=reclen))
    records, damage = split(data)
    assert damage == []
    assert sum(r.n_samples for r in records) == 4 * len(noise)


def test_text_records_are_named(packer, noise) -> None:
    broken = bytearray(packer(noise[:50], encoding=INT32)[0])
    assert broken[52] == INT32
    broken[52] = 0  # text
    records, damage = split(bytes(broken) + packer(noise)[0])
    assert len(records) == 1
    assert [(d.reason, d.channel) for d in damage] == [(Reason.NOT_SEISMIC, "FDSN:XX_AAA__H_N_Z")]


def test_nothing_in_nothing_out() -> None:
    assert list(parse_records(b"")) == []
    assert [d.reason for d in split(b"\0" * 2000)[1]] == [Reason.CORRUPT_RECORD]
    assert split(np.arange(512, dtype=np.uint8).tobytes())[0] == []


def test_no_single_flipped_bit_changes_samples_unnoticed(packer, noise) -> None:
    stored = packer(noise)[1]
    (truth,) = split(stored)[0]
    refused = 0
    for bit in range(8 * len(stored)):
        broken = bytearray(stored)
        broken[bit // 8] ^= 1 << (bit % 8)
        records, damage = split(bytes(broken))
        assert all(r.samples == truth.samples for r in records)
        refused += bool(damage)
    assert refused > 0.8 * 8 * (len(stored) - 64)
