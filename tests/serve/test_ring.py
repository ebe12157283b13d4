"""Numbers, bounds and what is forgotten."""

from __future__ import annotations

import pytest

from seiswarn.serve.header import Header, read_header, seed_name, split_source_id
from seiswarn.serve.ring import ENTRY_BYTES, Ring, seq_v3
from seiswarn.timebase import NS
from serving import T0, make_records


def header(k: int = 0, station: str = "XX_S000") -> Header:
    return Header(station, "00_H_H_Z", T0 + k * NS, T0 + (k + 1) * NS)


def test_header_of_a_record_in_both_versions() -> None:
    for version in (2, 3):
        found = read_header(make_records(1, 1, "Z", version)[0])
        assert found == Header("XX_S000", "00_H_H_Z", T0, T0 + NS, str(version), "D")


@pytest.mark.parametrize("data", [b"", b"garbage", bytes(600), make_records(1, 1, "Z")[0][:30]])
def test_what_is_no_record_has_no_header(data: bytes) -> None:
    with pytest.raises(ValueError, match="no miniSEED record"):
        read_header(data)


def test_names() -> None:
    assert split_source_id("FDSN:XX_S000__H_H_Z") == ("XX_S000", "_H_H_Z")
    assert seed_name("_H_H_Z") == "--HHZ"
    assert seed_name("00_B_H_1") == "00BH1"
    for wrong in ("XX_S000__H_H_Z", "FDSN:XX_S000", "FDSN:XX_S000__H_H_Z_1"):
        with pytest.raises(ValueError):
            split_source_id(wrong)


def test_numbers_go_on_and_the_oldest_are_forgotten() -> None:
    ring = Ring(max_records=10)
    for k in range(25):
        assert ring.add(bytes([k]), header(k, f"XX_S{k % 3}")).seq == k + 1
    assert (ring.first_seq, ring.next_seq, len(ring)) == (16, 26, 10)
    assert [e.record[0] for e in ring.slice(20, 3)] == [19, 20, 21]
    assert [e.seq for e in ring.slice(24, 100)] == [24, 25]
    # What INFO tells is what is held.
    assert sorted(e.seq for s in ring.streams for e in s.entries) == list(range(16, 26))


def test_bound_in_bytes_holds_over_many_turns() -> None:
    ring = Ring(max_bytes=100_000)
    for k in range(30_000):
        ring.add(bytes(500), header(k))
        assert ring.n_bytes <= 100_000
    assert len(ring) == 100_000 // (500 + ENTRY_BYTES)
    assert [e.seq for e in ring.slice(ring.first_seq, 5)] == list(range(ring.first_seq, ring.first_seq + 5))
    assert len(ring._entries) < 10_000, "forgotten places are given back"


def test_a_record_larger_than_the_bound_is_held_alone() -> None:
    ring = Ring(max_bytes=1000)
    for _ in range(3):
        ring.add(bytes(5000), header())
    assert (len(ring), ring.first_seq) == (1, 3)


@pytest.mark.parametrize(
    ("next_seq", "asked", "means"),
    [
        (101, 50, 50),
        (101, 101, 101),
        (101, 102, 102 - 2**24),  # of another ring
        (2**24 + 5, 3, 2**24 + 3),
        (2**24 + 5, 5, 2**24 + 5),
        (2**24 + 5, 6, 6),  # one turn ago
        (2**24 + 5, 0xFFFFFF, 0xFFFFFF),
        (3 * 2**24, 0, 3 * 2**24),
    ],
)
def test_24_bits_mean_the_latest_number_that_ends_so(next_seq: int, asked: int, means: int) -> None:
    assert Ring(first_seq=next_seq).from_24_bits(asked) == means


def test_numbers_of_version_3_wrap() -> None:
    assert seq_v3(0xFFFFFF) == b"SLFFFFFF"
    assert seq_v3(0x1000000) == b"SL000000"
    assert seq_v3(0x1000010) == b"SL000010"


def test_stations_are_known_before_their_first_packet() -> None:
    ring = Ring()
    ring.declare("XX_A", "_H_H_Z")
    ring.declare("XX_A", "_H_H_N")
    ring.add(make_records(1, 1, "Z")[0])
    assert ring.stations == {"XX_A": 2, "XX_S000": 1}
