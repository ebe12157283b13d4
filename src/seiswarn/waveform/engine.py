"""Where the kernels run: the arrays of a network, or of a part of one, and the call per slice.

`WaveformStage` asks an `Engine` for the rows of a slice. `LocalEngine` is the one that computes;
`runtime.shards` spreads the stations over processes with one each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec
import numpy as np

from seiswarn.errors import InvariantError
from seiswarn.stations import UNIT_VELOCITY, StationTable, Z
from seiswarn.waveform import detect, filters, kernels, rows, vectors
from seiswarn.waveform import state as st
from seiswarn.waveform import traces as tr
from seiswarn.waveform.intake import MIN_JUMP_MPS2
from seiswarn.waveform.params import Params
from seiswarn.waveform.pickers.s_onset import LONGEST_S
from seiswarn.waveform.pickers.s_onset import RING_S as S_RING_S
from seiswarn.waveform.state import ARRAYS, CHANNEL_ARRAYS, F64, I64, WaveformState, fastest_hz
from seiswarn.waveform.tables import N_DECLINED, Rows, Scratch, Slots, Table

# Lengths of the growing P windows: dense while a warning is made, then one a second.
WINDOWS_S: F64 = np.array([0.5 * k for k in range(1, 9)] + [float(k) for k in range(5, 21)])


class Part(msgspec.Struct, frozen=True):
    """The state of some channels and stations: their indices (int64) in the network, and their rows."""

    channels: bytes
    stations: bytes
    arrays: dict[str, bytes]


class Engine(Protocol):
    """What runs the kernels over a round of packets and holds their state."""

    @property
    def max_rate_hz(self) -> float: ...

    def process(self, slots: Slots, verticals: I64, stations: I64, rates: F64, coef: F64) -> Rows: ...

    def warm_picker(self) -> None: ...

    def warm_rest(self) -> None: ...

    def snapshot(self) -> list[Part]: ...

    def restore(self, parts: Sequence[Part]) -> None: ...


def regroup(parts: Sequence[Part], channels: I64, stations: I64) -> dict[str, bytes]:
    """The rows of the given channels and stations, in this order, out of any division of a network.

    Raises
    ------
    InvariantError
        When the parts do not hold each of them.
    """
    mine = (channels.tobytes(), stations.tobytes())
    for part in parts:
        if (part.channels, part.stations) == mine:
            return part.arrays
    of_channels = _find(channels, [np.frombuffer(p.channels, np.int64) for p in parts])
    of_stations = _find(stations, [np.frombuffer(p.stations, np.int64) for p in parts])
    out: dict[str, bytes] = {}
    for name in ARRAYS:
        found, counts = of_channels if name in CHANNEL_ARRAYS else of_stations
        stored = b"".join([p.arrays[name] for p in parts])
        if len(stored) % sum(counts) or any(
            len(p.arrays[name]) * sum(counts) != len(stored) * n for p, n in zip(parts, counts, strict=True)
        ):
            raise InvariantError("parts of a snapshot of the waveform stage do not go together")
        out[name] = np.frombuffer(stored, np.uint8).reshape(sum(counts), -1)[found].tobytes()
    return out


def _find(wanted: I64, owned: Sequence[I64]) -> tuple[I64, list[int]]:
    """Where the wanted indices stand among the owned ones, laid end to end, and how many each part has."""
    every = np.concatenate(owned)
    order = np.argsort(every, kind="stable")
    at = np.minimum(np.searchsorted(every[order], wanted), len(every) - 1)
    found: I64 = order[at]
    if not np.array_equal(every[found], wanted):
        raise InvariantError("a snapshot of the waveform stage is for other stations")
    return found, [len(own) for own in owned]


def concerned(channel: I64, table: Table) -> tuple[I64, I64]:
    """The distinct verticals and stations among channels."""
    return np.unique(channel[table.z_station[channel] >= 0]), np.unique(table.station[channel])


def network(table: StationTable) -> Table:
    """The arrays of a network that kernels need."""
    velocity = (table.ch_unit == UNIT_VELOCITY).astype(np.int64)
    rate = np.where(table.ch_rate_hz > 0, table.ch_rate_hz, st.DEFAULT_RATE_HZ)
    components = table.components().astype(np.int64)
    gain = table.ch_gain.astype(np.float64)
    # A jump in velocity is an acceleration of the jump times the rate.
    jump = MIN_JUMP_MPS2 * np.abs(gain) / np.where(velocity == 1, rate, 1.0)
    return Table(
        components=components,
        station=table.ch_station.astype(np.int64),
        z_station=np.where(table.ch_component == Z, table.ch_station, -1).astype(np.int64),
        scale=1.0 / gain,
        velocity=velocity,
        clip_counts=table.ch_clip_counts.astype(np.float64),
        jump_counts=jump,
    )


class LocalEngine:
    """The kernels over all channels of a `StationTable`, in this process.

    Parameters
    ----------
    declared_hz
        declared rates of the whole network when `table` is a part of one: arrays have the same size
        in every part.
    """

    def __init__(self, params: Params, table: StationTable, declared_hz: F64 | None = None) -> None:
        self._params = p = params
        self._table = network(table)
        ring_s = p.refine_before_s + p.refine_after_s + 0.5
        declared = table.ch_rate_hz if declared_hz is None else declared_hz
        self.max_rate_hz = fastest_hz(declared, p.max_rate_hz)
        self._state = WaveformState(
            table, declared, self.max_rate_hz, ring_s, S_RING_S, p.component_wait_s, detect.N_ROWS,
            vectors.N_ROWS,
        )  # fmt: skip
        self._cfg: F64 = np.array(
            [
                p.baseline_s, p.sta_s, p.lta_s, p.trigger_on, p.trigger_off, p.warmup_s, p.rearm_s,
                p.refine_before_s, p.refine_after_s, p.min_pick_snr, p.min_pick_mps2, p.clip_hold_s,
                p.gap_fill_s, p.flat_s, p.component_wait_s,
            ]
        )  # fmt: skip
        lanes = max(tr.LANES, tr.VERTICALS)
        self._scratch = Scratch(
            lane=np.zeros((5, lanes), dtype=np.int64),
            seen=np.zeros(lanes, dtype=np.int64),
            block=np.zeros((max(detect.N_ROWS, vectors.N_ROWS), (tr.CHUNK + 2) * lanes)),
            sums=np.zeros((vectors.N_SUMS, tr.CHUNK * tr.STATIONS)),
            onset=np.zeros((3, max(self._state.zring.shape[2], int(LONGEST_S * self.max_rate_hz) + 8))),
            kind=np.zeros(table.n_stations, dtype=np.int64),
        )
        self._room_for = (16, 1024, 8)
        self._rows = rows.room_for(*self._room_for, len(WINDOWS_S), self._state.seconds_held)
        self._channels: I64 = np.arange(table.n_channels, dtype=np.int64)
        self._stations: I64 = np.arange(table.n_stations, dtype=np.int64)

    def process(self, slots: Slots, verticals: I64, stations: I64, rates: F64, coef: F64) -> Rows:
        """The rows of one round of packets (see `kernels.process`); they hold until the next."""
        out = self._room(len(slots.channel), len(slots.samples), len(stations))
        kernels.process(
            slots, verticals, stations, rates, coef, self._cfg, WINDOWS_S, self._table, self._state,
            self._scratch, out,
        )  # fmt: skip
        return out

    def warm_picker(self) -> None:
        """Compile or load the kernel of verticals; leaves nothing behind."""
        none = np.zeros(0, dtype=np.int64)
        kernels.pick(
            none, *self._any_rate(), self._cfg, WINDOWS_S, self._table, self._state, self._scratch, self._rows
        )

    def warm_rest(self) -> None:
        """Compile or load the other kernels; leaves nothing behind."""
        none = np.zeros(0, dtype=np.int64)
        slots, (rates, coef) = Slots(np.zeros(0), none, none, none, none, none), self._any_rate()
        kernels.take(0, slots, rates, self._cfg, self._table, self._state, self._rows)
        kernels.combine(none, rates, coef, self._cfg, self._table, self._state, self._scratch, self._rows)

    def _any_rate(self) -> tuple[F64, F64]:
        p, rate_hz = self._params, st.DEFAULT_RATE_HZ
        coef = filters.design(rate_hz, p.highpass_hz, p.pick_low_hz, p.pick_high_hz)
        return np.array([rate_hz]), coef[None]

    def _room(self, n_packets: int, n_samples: int, n_stations: int) -> Rows:
        """Rows for a slice of this size: those of the last slice while they are enough."""
        need = (n_packets, n_samples, n_stations)
        if any(n > have for n, have in zip(need, self._room_for, strict=True)):
            packets, samples, stations = (
                max(2 * n, have) for n, have in zip(need, self._room_for, strict=True)
            )
            self._room_for = packets, samples, stations
            self._rows = rows.room_for(*self._room_for, len(WINDOWS_S), self._state.seconds_held)
        if self._rows.n[N_DECLINED]:
            self._rows.declined[:] = 0
        self._rows.n[:] = 0
        return self._rows

    def snapshot(self) -> list[Part]:
        return [Part(self._channels.tobytes(), self._stations.tobytes(), self._state.snapshot())]

    def restore(self, parts: Sequence[Part]) -> None:
        self._state.restore(regroup(parts, self._channels, self._stations))
