"""What goes between the waveform stage and its shards: arrays as frames.

Both ends are of one program on one machine and meet in a private folder: arrays go as they lie
in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from seiswarn.bus import MAX_PAYLOAD_BYTES
from seiswarn.stations import StationTable
from seiswarn.waveform.params import Params
from seiswarn.waveform.pwindow import P_CH, W_CH
from seiswarn.waveform.seconds import L_CHANNEL, N_MOTION_F, O_STATION
from seiswarn.waveform.state import F64, I64
from seiswarn.waveform.tables import (
    N_MOTIONS,
    N_PICKS,
    N_QUALITY,
    N_WINDOWS,
    PickRows,
    Rows,
    SecondRows,
    Slots,
)

CHUNK_BYTES = MAX_PAYLOAD_BYTES // 2

# The tables of rows: which of `n` counts them, the column that holds an index of the part (of a station
# in motions, else of a channel), columns of the integer and of the float table.
_KINDS = (
    ("picks", N_PICKS, P_CH, 4, 3),
    ("wins", N_WINDOWS, W_CH, 4, 7),
    ("motions", N_MOTIONS, O_STATION, 4, N_MOTION_F),
    ("quality", N_QUALITY, L_CHANNEL, 5, 4),
)


class _Setup(msgspec.Struct, frozen=True):
    """A part of a network. Columns are those of `StationTable` with the same names."""

    params: Params
    declared_hz: bytes  # of the whole network
    channels: bytes  # indices in the network
    stations: bytes
    ch_station: bytes  # index among `stations`
    ch_component: bytes
    ch_unit: bytes
    ch_gain: bytes
    ch_rate_hz: bytes
    ch_clip_counts: bytes


def pack_part(params: Params, table: StationTable, channels: I64, stations: I64) -> bytes:
    """The channels and stations of one shard, with all it needs to know about them."""
    local = np.searchsorted(stations, table.ch_station[channels])
    return msgspec.msgpack.encode(
        _Setup(
            params,
            table.ch_rate_hz.astype(np.float64).tobytes(),
            channels.tobytes(),
            stations.tobytes(),
            local.astype(np.int32).tobytes(),
            table.ch_component[channels].astype(np.int32).tobytes(),
            table.ch_unit[channels].astype(np.int32).tobytes(),
            table.ch_gain[channels].astype(np.float64).tobytes(),
            table.ch_rate_hz[channels].astype(np.float64).tobytes(),
            table.ch_clip_counts[channels].astype(np.float64).tobytes(),
        )
    )


def unpack_part(data: bytes) -> tuple[Params, StationTable, F64, I64, I64]:
    """Parameters, a table without names and places, rates of the whole network, indices in it."""
    s = msgspec.msgpack.decode(data, type=_Setup)
    channels, stations = (np.frombuffer(b, np.int64) for b in (s.channels, s.stations))
    n_ch, n_st = len(channels), len(stations)
    nowhere = np.full(n_st, np.nan)
    table = StationTable(
        channels=tuple(str(k) for k in channels.tolist()),
        ch_station=np.frombuffer(s.ch_station, np.int32),
        ch_component=np.frombuffer(s.ch_component, np.int32),
        ch_unit=np.frombuffer(s.ch_unit, np.int32),
        ch_gain=np.frombuffer(s.ch_gain, np.float64),
        ch_rate_hz=np.frombuffer(s.ch_rate_hz, np.float64),
        ch_azimuth_deg=np.full(n_ch, np.nan),
        ch_dip_deg=np.full(n_ch, np.nan),
        ch_clip_counts=np.frombuffer(s.ch_clip_counts, np.float64),
        stations=tuple(str(k) for k in stations.tolist()),
        st_latitude=nowhere,
        st_longitude=nowhere,
        st_elevation_m=nowhere,
        st_vs30_mps=nowhere,
        st_site=np.arange(n_st, dtype=np.int32),
    )
    return s.params, table, np.frombuffer(s.declared_hz, np.float64), channels, stations


def work_of(frames: Sequence[bytes], n_coefficients: int) -> tuple[Slots, F64, F64]:
    """The packets of a round, rates and filters, out of what `Shards.process` sends.

    Arrays are copies that may be written to: that is what kernels are compiled for.
    """
    count, channel, t0_ns, rate_class = (np.frombuffer(f, np.int64).copy() for f in frames[:4])
    samples, rates, coef = (np.frombuffer(f, np.float64).copy() for f in frames[4:])
    end = np.cumsum(count)
    slots = Slots(samples, end - count, end, channel, t0_ns, rate_class)
    return slots, rates, coef.reshape(len(rates), n_coefficients, 5)


def pack_rows(rows: Rows, n_packets: int, channels: I64, stations: I64) -> list[bytes]:
    """Rows of so many packets as frames, with the indices of the whole network."""
    frames: list[bytes] = []
    for name, place, column, _, _ in _KINDS:
        n = int(rows.n[place])
        whole = stations if name == "motions" else channels
        group = rows.picks if name in ("picks", "wins") else rows.seconds
        table_i = getattr(group, f"{name}_i")[:n].copy()
        table_i[:, column] = whole[table_i[:, column]]
        frames += [table_i.tobytes(), getattr(group, f"{name}_f")[:n].tobytes()]
    packets = (rows.codes[:n_packets], rows.flags[:n_packets])
    return [*frames, rows.n.tobytes(), rows.declined.tobytes(), *(column.tobytes() for column in packets)]


def rows_of(frames: Sequence[bytes]) -> Rows:
    """Rows out of what `pack_rows` gave."""
    tables: list[Any] = []
    for k, (_, _, _, n_int, n_float) in enumerate(_KINDS):
        tables.append(np.frombuffer(frames[2 * k], np.int64).reshape(-1, n_int))
        tables.append(np.frombuffer(frames[2 * k + 1], np.float64).reshape(-1, n_float))
    n, declined, codes, flags = (np.frombuffer(f, np.int64) for f in frames[2 * len(_KINDS) :])
    return Rows(n, PickRows(n, *tables[:4]), SecondRows(n, *tables[4:]), declined, codes, flags)


def chunks(arrays: dict[str, bytes]) -> list[bytes]:
    """State as frames that the link takes; it may be larger than one message may be."""
    data = msgspec.msgpack.encode(arrays)
    return [data[k : k + CHUNK_BYTES] for k in range(0, len(data), CHUNK_BYTES)]


def join(frames: Sequence[bytes]) -> dict[str, bytes]:
    """State out of `chunks`."""
    return msgspec.msgpack.decode(b"".join(frames), type=dict[str, bytes])
