"""miniSEED in bulk: bytes in, blocks out, without a Python object per record.

The same verdicts as `miniseed.parse_records`, to the byte. Whole records are decoded by libmseed
into one array of samples, and what it says of each into one array of heads; all that can be
checked for many records at once is checked there. What is unusual (damage, logs, records without
samples) goes through `miniseed.judge`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pymseed.clib import clibmseed, ffi

from seiswarn.blocks import make_block
from seiswarn.ingest.miniseed import Damage, Record, judge, record_inside, up_to_next
from seiswarn.messages import PacketBlock, SampleType, Status
from seiswarn.reasons import Reason

I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
Seen = int | Callable[[I64], I64]

_MAX_ROWS = 4096  # records in one pass, and in one block
_MAX_NAMES = 200_000  # garbage must not fill the memory
_DTYPES: dict[bytes, SampleType] = {b"i": "i4", b"f": "f4", b"d": "f8"}
_WIDTHS = {b"i": 4, b"f": 4, b"d": 8}
_VERSION_3 = ord("M")  # first byte of a record; a version 2 record begins with a digit or a blank
_ENCODING_AT = 52  # in a fixed header followed by blockette 1000, as `miniseed` looks at it
_FLAGS = clibmseed.MSF_UNPACKDATA | clibmseed.MSF_VALIDATECRC
_HEAD_BYTES = ffi.sizeof("MS3Record")
# The fields of libmseed's record structure that are looked at, where this build has them.
_FIELDS = {
    "reclen": "<i4",
    "sid": "S64",
    "formatversion": "u1",
    "starttime": "<i8",
    "samprate": "<f8",
    "encoding": "i1",
    "numsamples": "<i8",
    "sampletype": "S1",
}
_HEAD = np.dtype(
    {
        "names": list(_FIELDS),
        "formats": list(_FIELDS.values()),
        "offsets": [ffi.offsetof("MS3Record", name) for name in _FIELDS],
        "itemsize": _HEAD_BYTES,
    }
)
_names: dict[bytes, str] = {}


class _Run(NamedTuple):
    """Records decoded one after the other; byte k of `edges` to k + 1 of `raw` are the samples of row k."""

    heads: npt.NDArray[np.void]
    offsets: I64
    edges: I64
    raw: U8
    end: int  # where the run stopped


def decode(
    data: bytes | memoryview, t_seen_ns: Seen, status: Status = "actual"
) -> tuple[list[PacketBlock], list[Damage]]:
    """Every whole record in `data` as packets, in stored order, and what was damaged or of no use.

    Parameters
    ----------
    data
        any number of records of any lengths, versions and encodings, with any damage.
    t_seen_ns
        when they were seen; or a function that gives it for the (n,) byte offsets of n records.

    Returns
    -------
    blocks, damages
        one block per run of records of one sample type (at most 4096 records), and a `Damage`
        for every stretch and record that gave no packet, by offset. Raises nothing on bad data.
    """
    view = memoryview(data)
    blocks: list[PacketBlock] = []
    damages: list[Damage] = []
    offset, usual = 0, 0
    while offset < len(view):
        run = _parse(view, offset, usual)
        if len(run.offsets):
            kept, end = _checked(view, run, usual, damages)
            blocks.extend(_blocks(run, kept, t_seen_ns, status, damages))
            offset = end
            if len(kept):
                usual = int(run.heads["reclen"][kept[-1]])
            if end != run.end or len(run.offsets) == _MAX_ROWS:
                continue
        if offset < len(view):
            offset, usual = _unusual(view, offset, usual, damages)
    damages.sort(key=lambda d: d.offset)
    return blocks, damages


def _parse(view: memoryview, offset: int, usual: int) -> _Run:
    """Decode whole records from `offset` up to the first that is unusual."""
    end = len(view)
    heads = np.empty(min(_MAX_ROWS, (end - offset) // 40 + 1), dtype=_HEAD)
    raw = np.empty(min(4 * (end - offset), 1 << 21) + 4096, dtype=np.uint8)
    head_at, raw_at = _pointer(heads), _pointer(raw)
    offsets: list[int] = []
    edges = [0]
    source = ffi.from_buffer(view)
    record = clibmseed.msr3_init(ffi.NULL)
    holder = ffi.new("MS3Record **", record)
    parse, move, filled, limit = clibmseed.msr3_parse, ffi.memmove, 0, len(raw)
    try:
        while offset < end and len(offsets) < _MAX_ROWS:
            if parse(source + offset, end - offset, holder, _FLAGS, 0):
                break
            count, length = record.numsamples, record.reclen
            width = _WIDTHS.get(record.sampletype)
            if width is None or count <= 0 or count != record.samplecnt:
                break
            if length != usual and record_inside(view, offset, length):
                break
            size = count * width
            if filled + size > limit:
                raw = np.concatenate((raw, np.empty(limit + size, dtype=np.uint8)))
                raw_at, limit = _pointer(raw), len(raw)
            move(raw_at + filled, record.datasamples, size)
            move(head_at, record, _HEAD_BYTES)
            head_at += _HEAD_BYTES
            filled += size
            edges.append(filled)
            offsets.append(offset)
            offset += length
            usual = length
    finally:
        clibmseed.msr3_free(holder)
        ffi.release(source)
    n = len(offsets)
    return _Run(
        heads[:n], np.array(offsets, dtype=np.int64), np.array(edges, dtype=np.int64), raw[:filled], offset
    )


def _pointer(array: npt.NDArray[Any]) -> Any:
    return ffi.cast("char *", ffi.from_buffer(array.view(np.uint8)))


def _checked(view: memoryview, run: _Run, usual: int, damages: list[Damage]) -> tuple[I64, int]:
    """Rows that stand up to checking, and where to go on; the others are noted in `damages`."""
    n = len(run.offsets)
    wrong = np.flatnonzero(~(_last_samples_agree(view, run) & _named(run) & _alone(view, run)))
    keep = np.ones(n, dtype=np.bool_)
    end = run.end
    for k in wrong.tolist():
        if not keep[k]:
            continue
        before = np.flatnonzero(keep[:k])
        length = int(run.heads["reclen"][before[-1]]) if len(before) else usual
        offset = int(run.offsets[k])
        damage = up_to_next(view, offset, length, judge(view, offset, length)[2])
        damages.append(damage)
        after = offset + damage.length
        row = int(np.searchsorted(run.offsets, after))
        keep[k:row] = False
        if row == n or run.offsets[row] != after:
            keep[row:] = False
            end = after
            break
    return np.flatnonzero(keep), end


def _last_samples_agree(view: memoryview, run: _Run) -> npt.NDArray[np.bool_]:
    """`miniseed` explains: the last sample of a Steim record stands in its first frame too."""
    data = np.frombuffer(view, dtype=np.uint8)
    agrees = np.ones(len(run.offsets), dtype=np.bool_)
    encoding = run.heads["encoding"]
    steim = np.flatnonzero((encoding == 10) | (encoding == 11))
    rows = steim[data[run.offsets[steim]] != _VERSION_3]
    if not len(rows):
        return agrees
    at = run.offsets[rows]
    high, low = data[at + 44].astype(np.int64), data[at + 45].astype(np.int64)
    big, little = 256 * high + low, 256 * low + high
    begin = np.where((big < 48) | (big >= 4096) | (big % 4 != 0), little, big)
    stored_at = at + begin + 8
    inside = stored_at + 4 <= len(data)
    word = np.arange(4)
    stored = data[np.where(inside, stored_at, 0)[:, None] + word].view("<u4").ravel()
    last = run.raw[run.edges[rows + 1][:, None] - 4 + word].view("<u4").ravel()
    agrees[rows] = inside & ((stored == last) | (stored.byteswap() == last))
    return agrees


def _alone(view: memoryview, run: _Run) -> npt.NDArray[np.bool_]:
    """Whether no other record begins inside; looked for where nothing guards the samples."""
    data = np.frombuffer(view, dtype=np.uint8)
    # Only a short record of version 3 at the very end reaches less far.
    encoding = data[np.minimum(run.offsets + _ENCODING_AT, len(data) - 1)]
    first = data[run.offsets]
    guarded = (first == _VERSION_3) | (encoding == 10) | (encoding == 11)
    for k in np.flatnonzero(~guarded).tolist():
        guarded[k] = not record_inside(view, int(run.offsets[k]), int(run.heads["reclen"][k]))
    return guarded


def _named(run: _Run) -> npt.NDArray[np.bool_]:
    """Whether each source identifier is text; new ones are remembered, so that equal ones are one object."""
    found = run.heads["sid"].tolist()
    fine = np.ones(len(found), dtype=np.bool_)
    if _names.keys() >= set(found):
        return fine
    if len(_names) > _MAX_NAMES:
        _names.clear()
    for k, sid in enumerate(found):
        try:
            _names.setdefault(sid, sid.decode())
        except UnicodeDecodeError:
            fine[k] = False
    return fine


def _blocks(
    run: _Run, kept: I64, t_seen_ns: Seen, status: Status, damages: list[Damage]
) -> list[PacketBlock]:
    """The kept rows as blocks, one per run of equal sample type."""
    rate = run.heads["samprate"][kept]
    usable = (rate > 0.0) & (rate < np.inf)
    for k in kept[~usable].tolist():
        head = run.heads[k]
        detail = f"sampling rate {float(head['samprate'])} Hz"
        damages.append(
            Damage(
                int(run.offsets[k]), int(head["reclen"]), Reason.BAD_RATE, detail, _names[bytes(head["sid"])]
            )
        )
    rows = kept[usable]
    if not len(rows):
        return []
    kinds = run.heads["sampletype"][rows]
    return [_block(run, part, t_seen_ns, status) for part in _split(rows, kinds[1:] != kinds[:-1])]


def _split(rows: I64, breaks: npt.NDArray[np.bool_]) -> list[I64]:
    return np.split(rows, np.flatnonzero(breaks) + 1) if breaks.any() else [rows]


def _block(run: _Run, rows: I64, t_seen_ns: Seen, status: Status) -> PacketBlock:
    heads, edges = run.heads[rows], run.edges
    pieces = [run.raw.data[edges[p[0]] : edges[p[-1] + 1]] for p in _split(rows, rows[1:] != rows[:-1] + 1)]
    at = run.offsets[rows]
    return make_block(
        [_names[sid] for sid in heads["sid"].tolist()],
        heads["starttime"],
        np.full(len(rows), t_seen_ns) if isinstance(t_seen_ns, int) else t_seen_ns(at),
        heads["samprate"],
        heads["numsamples"],
        b"".join(pieces),
        _DTYPES[bytes(heads["sampletype"][0])],
        status,
    )


def _unusual(view: memoryview, offset: int, usual: int, damages: list[Damage]) -> tuple[int, int]:
    """Note what is at `offset`, no packet; where to go on, and the usual record length then."""
    item, length, problem = judge(view, offset, usual)
    if item is None or isinstance(item, Record):
        damage = up_to_next(view, offset, usual, problem)
        damages.append(damage)
        return offset + damage.length, usual
    damages.append(Damage(offset, item.length, item.reason, item.detail, item.channel))
    return offset + length, length
