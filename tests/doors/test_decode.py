"""Decoding in bulk says what decoding record by record says."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seiswarn.blocks import packets_of
from seiswarn.ingest import decode as bulk
from seiswarn.ingest.decode import decode
from seiswarn.ingest.miniseed import Damage, Record, parse_records
from seiswarn.reasons import Reason

INT16, INT32, FLOAT32, FLOAT64, STEIM1, STEIM2 = 1, 3, 4, 5, 10, 11
KINDS = (
    (INT32, "int32"),
    (FLOAT32, "float32"),
    (FLOAT64, "float64"),
    (STEIM1, "int32"),
    (STEIM2, "int32"),
    (STEIM2, "int32"),
)


def bulk_items(data: bytes) -> tuple[list[Record], list[Damage]]:
    blocks, damages = decode(data, 77, "exercise")
    packets = [p for b in blocks for p in packets_of(b)]
    assert {(p.t_seen_ns, p.status) for p in packets} <= {(77, "exercise")}
    return [Record(p.channel, p.t0_ns, p.rate_hz, p.dtype, p.samples) for p in packets], damages


def one_by_one(data: bytes) -> tuple[list[Record], list[Damage]]:
    items = list(parse_records(data))
    return [r for r in items if isinstance(r, Record)], [d for d in items if isinstance(d, Damage)]


@pytest.fixture(scope="module")
def pieces(packer, noise) -> list[bytes]:
    """Records of all versions, lengths and encodings, and some that give no packet."""
    found: list[bytes] = []
    for version in (2, 3):
        for encoding, dtype in KINDS:
            for reclen in (256, 512, 1024):
                channel = f"FDSN:XX_S{len(found)}_00_H_N_Z"
                options = {"version": version, "encoding": encoding, "reclen": reclen}
                found += packer(noise[:700].astype(dtype), channel=channel, **options)[:3]
    plain = packer(noise[:90], encoding=INT32)[0]
    text, empty, other = bytearray(plain), bytearray(plain), bytearray(packer(noise)[0])
    text[52] = 0
    empty[30:32] = bytes(2)
    other[20:22] = struct.pack(">H", 1980)
    rateless = packer(noise[:100], rate_hz=100.0)[0]
    rateless = rateless[:32] + bytes(4) + rateless[36:]
    return [*found, bytes(text), bytes(empty), bytes(other), rateless]


@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_bulk_says_what_one_by_one_says(pieces, data) -> None:
    steps = st.tuples(
        st.integers(0, len(pieces) - 1),
        st.sampled_from(["whole"] * 6 + ["flip", "cut", "junk", "steim"]),
        st.integers(0, 1023),
        st.integers(1, 255),
    )
    out = b""
    for index, what, at, mask in data.draw(st.lists(steps, max_size=12)):
        piece = bytearray(pieces[index])
        if what == "flip":
            piece[at % len(piece)] ^= mask
        elif what == "steim":
            piece[-1 - at % (len(piece) // 2)] ^= mask
        elif what == "cut":
            del piece[at % len(piece) :]
        elif what == "junk":
            piece = bytearray(np.random.default_rng(at).bytes(mask))
        out += bytes(piece)
    assert bulk_items(out) == one_by_one(out)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.sampled_from([0.0, 0.02, 0.3]))
def test_a_network_with_some_damage(packer, noise, seed, share) -> None:
    rng = np.random.default_rng(seed)
    stored = [bytearray(packer(noise[k : k + 100], channel=f"FDSN:XX_A{k}__H_N_Z")[0]) for k in range(60)]
    for k in np.flatnonzero(rng.random(60) < share):
        stored[k][rng.integers(0, 512)] ^= rng.integers(1, 256)
    data = b"".join(stored)
    assert bulk_items(data) == one_by_one(data)


def test_short_passes_join(packer, noise, monkeypatch) -> None:
    monkeypatch.setattr(bulk, "_MAX_ROWS", 3)
    broken = bytearray(packer(noise)[2])
    broken[300] ^= 0x20
    data = b"".join([*packer(noise), bytes(broken), *packer(noise, reclen=4096), *packer(noise, version=3)])
    assert bulk_items(data) == one_by_one(data)
    assert max(len(b.channels) for b in decode(data, 0)[0]) == 3


def test_every_flipped_bit_of_a_head(packer, noise) -> None:
    first, second, third = packer(noise)[:3]
    for bit in range(8 * 72):
        broken = bytearray(second)
        broken[bit // 8] ^= 1 << (bit % 8)
        data = first + bytes(broken) + third
        assert bulk_items(data) == one_by_one(data)


def test_both_byte_orders_of_a_header(packer, noise) -> None:
    """A little-endian header, as some data loggers write it, with big-endian Steim frames swapped too."""
    raw = packer(noise)[0]
    swapped = bytearray(raw)
    for at, form in fields():
        swapped[at : at + struct.calcsize(form)] = struct.pack(
            "<" + form, *struct.unpack_from(">" + form, raw, at)
        )
    swapped[53] = 0
    frames = np.frombuffer(raw[64:], ">u4").astype("<u4").tobytes()
    swapped[64:] = frames
    assert len(one_by_one(bytes(swapped))[0]) == 1
    data = raw + bytes(swapped) + raw
    assert bulk_items(data) == one_by_one(data)
    assert len(bulk_items(data)[0]) == 3


def fields() -> Iterator[tuple[int, str]]:
    yield from ((20, "H"), (22, "H"), (28, "H"), (30, "H"), (32, "h"), (34, "h"), (40, "i"))
    yield from ((44, "H"), (46, "H"), (48, "H"), (50, "H"))


def test_times_by_place(packer, noise) -> None:
    stored = packer(noise)[:3]
    (block,), _ = decode(b"".join(stored), lambda offsets: 1000 + offsets)
    assert [p.t_seen_ns for p in packets_of(block)] == [1000, 1512, 2024]


def test_equal_names_are_one_object(packer, noise) -> None:
    data = b"".join(packer(noise))
    (one,), (two,) = decode(data, 0)[0], decode(data, 0)[0]
    assert len({id(name) for name in (*one.channels, *two.channels)}) == 1


def test_nothing_in_nothing_out() -> None:
    assert decode(b"", 0) == ([], [])
    assert [d.reason for d in decode(bytes(2000), 0)[1]] == [Reason.CORRUPT_RECORD]


@pytest.mark.events
@pytest.mark.parametrize("name", ["ridgecrest2019_m7.1", "hawaii2019"])
def test_recorded_archives(events_dir, name) -> None:
    files = sorted(p for folder in events_dir.glob(f"{name}*") for p in folder.rglob("*.mseed"))
    assert files
    for file in files[:20]:
        data = file.read_bytes()[: 1 << 20]
        assert bulk_items(data) == one_by_one(data)
