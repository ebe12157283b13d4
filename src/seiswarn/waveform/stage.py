"""The waveform stage: packets in; picks, growing-window measures, motions and qualities out.

A slice is one kernel call (`kernels.process`). Python only gathers the samples and wraps the rows
that come back.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from seiswarn.blocks import columns
from seiswarn.messages import Message, PacketBlock, Slice, Status
from seiswarn.reasons import Flag, Reason
from seiswarn.stations import UNIT_VELOCITY, StationTable, Z
from seiswarn.waveform import detect, filters, kernels, quality, rows, vectors
from seiswarn.waveform import state as st
from seiswarn.waveform import traces as tr
from seiswarn.waveform.declined import Declined
from seiswarn.waveform.intake import MIN_JUMP_MPS2
from seiswarn.waveform.params import Params
from seiswarn.waveform.pickers.s_onset import RING_S as S_RING_S
from seiswarn.waveform.slots import gather, join, rounds
from seiswarn.waveform.state import F64, I64, WaveformState
from seiswarn.waveform.tables import N_DECLINED, N_NOTED, Plan, Rows, Scratch, Slots, Table

# Lengths of the growing P windows: dense while a warning is made, then one a second.
WINDOWS_S: F64 = np.array([0.5 * k for k in range(1, 9)] + [float(k) for k in range(5, 21)])

SAME_RATE = 1e-3  # rates this close, relatively, are one
MAX_RATES = 64  # distinct rates of one network; more are noise in headers
LEAST_RATE_HZ = 1.0

_DECLINE_REASONS = (Reason.LOW_SNR, Reason.TOO_WEAK, Reason.NOT_CONFIRMED)
_FLAG_REASONS = (
    (Flag.CLIPPED, Reason.CLIPPED),
    (Flag.SPIKE, Reason.SPIKE),
    (Flag.STEP, Reason.STEP),
    (Flag.FLAT, Reason.DEAD),
)


def _table(table: StationTable) -> Table:
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


class WaveformStage:
    """Picks and ground-motion measures of all channels of a `StationTable`."""

    def __init__(self, params: Params, table: StationTable) -> None:
        self._p = p = params
        self._stations = table
        self._table = _table(table)
        ring_s = p.refine_before_s + p.refine_after_s + 0.5
        self._state = WaveformState(
            table, p.max_rate_hz, ring_s, S_RING_S, p.component_wait_s, detect.N_ROWS, vectors.N_ROWS
        )
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
            onset=np.zeros((3, self._state.zring.shape[2])),
            kind=np.zeros(table.n_stations, dtype=np.int64),
        )
        self._rates: list[float] = []
        self._rate_of: dict[float, int] = {}
        self._rates_array: F64 = np.zeros(0)
        self._coef: F64 = np.zeros((0, filters.N_SECTIONS, 5))
        self._declined = Declined()
        self._plan = Plan(
            rate_hz=np.full(table.n_channels, np.nan),
            rate_class=np.zeros(table.n_channels, dtype=np.int64),
            classes=np.zeros(table.n_channels, dtype=np.int64),
            verticals=np.zeros(table.n_channels, dtype=np.int64),
            stations=np.zeros(table.n_stations, dtype=np.int64),
            counts=np.zeros(2, dtype=np.int64),
            station_turn=np.zeros(table.n_stations, dtype=np.int64),
            turn=np.zeros(1, dtype=np.int64),
        )
        self._room_for = (16, 1024, 8)
        self._rows = rows.room_for(*self._room_for, len(WINDOWS_S), self._state.seconds_held)

    def warm_picker(self) -> None:
        """Compile or load the kernels of intake and verticals; leaves nothing behind."""
        none, no_time = np.zeros(0, dtype=np.int64), np.zeros(0)
        kernels.plan(none, no_time, none, none, self._table, self._plan)
        kernels.take_and_pick(
            0, Slots(no_time, none, none, none, none, none), none, *self._any_rate(), self._cfg, WINDOWS_S,
            self._table, self._state, self._scratch, self._rows,
        )  # fmt: skip

    def warm_vectors(self) -> None:
        """Compile or load the kernel of vectors; leaves nothing behind."""
        none = np.zeros(0, dtype=np.int64)
        kernels.combine(
            none, *self._any_rate(), self._cfg, self._table, self._state, self._scratch, self._rows
        )

    def _any_rate(self) -> tuple[F64, F64]:
        p, rate_hz = self._p, st.DEFAULT_RATE_HZ
        coef = filters.design(rate_hz, p.highpass_hz, p.pick_low_hz, p.pick_high_hz)
        return np.array([rate_hz]), coef[None]

    # --- one slice -------------------------------------------------------------------------

    def handle(self, t_seen_ns: int, messages: Sequence[Message]) -> list[Message]:
        out: list[Message] = []
        for message in messages:
            if isinstance(message, Slice):
                if message.blocks:
                    self._blocks(message.blocks, t_seen_ns, message.status, out)
                out.extend(self._declined.report(t_seen_ns, message.status))
        return out

    def _blocks(
        self, blocks: Sequence[PacketBlock], t_seen_ns: int, status: Status, out: list[Message]
    ) -> None:
        parts = [self._slots(block) for block in blocks]
        slots, rate_hz = _in_order(parts)
        if self._is_regular(slots, rate_hz):
            out.extend(self._process(slots, t_seen_ns, status))
            return
        known = [self._known(block, *part) for block, part in zip(blocks, parts, strict=True)]
        for slots in rounds(gather(known), self._rates_array):
            self._concerned(slots.channel)
            out.extend(self._process(slots, t_seen_ns, status))

    def _slots(self, block: PacketBlock) -> tuple[Slots, F64]:
        """A block with indices for names, -1 for unknown ones, and its rates; classes are to be found."""
        c = columns(block)
        index = self._stations.channel_index
        channel = np.array([index.get(name, -1) for name in block.channels], dtype=np.int64)
        samples = c.samples.astype(np.float64)
        classes = self._plan.classes[: len(channel)]
        # Copies, because kernels are compiled for arrays that may be written to.
        t0_ns, rate_hz = c.t0_ns.copy(), c.rate_hz.copy()
        return Slots(samples, c.offsets[:-1], c.offsets[1:], channel, t0_ns, classes), rate_hz

    def _is_regular(self, slots: Slots, rate_hz: F64) -> bool:
        """Whether a block can be taken as it stands; fills the plan when it can."""
        if len(slots.channel) > len(self._plan.classes):
            return False
        planned = kernels.plan(slots.channel, rate_hz, slots.begin, slots.end, self._table, self._plan)
        return bool(planned == kernels.REGULAR)

    def _known(self, block: PacketBlock, slots: Slots, rate_hz: F64) -> Slots:
        """A block with rate classes; channel -1 where a packet is declined."""
        channel = slots.channel
        rate_class = self._rate_classes(channel, rate_hz)
        for k in np.flatnonzero((channel < 0) | (slots.end <= slots.begin) | (rate_class < 0)).tolist():
            reason = Reason.BAD_RATE
            if channel[k] < 0:
                reason = Reason.UNKNOWN_CHANNEL
            elif slots.end[k] <= slots.begin[k]:
                reason = Reason.EMPTY
            self._declined.count(block.channels[k], reason)
            channel[k] = -1
        good = channel >= 0
        self._plan.rate_hz[channel[good]] = rate_hz[good]
        self._plan.rate_class[channel[good]] = rate_class[good]
        return slots._replace(rate_class=rate_class)

    def _concerned(self, channel: I64) -> None:
        """Fill the plan with the verticals and stations among channels."""
        verticals = np.unique(channel[self._table.z_station[channel] >= 0])
        stations = np.unique(self._table.station[channel])
        self._plan.verticals[: len(verticals)] = verticals
        self._plan.stations[: len(stations)] = stations
        self._plan.counts[:] = len(verticals), len(stations)

    def _process(self, slots: Slots, t_seen_ns: int, status: Status) -> list[Message]:
        n_verticals, n_stations = self._plan.counts.tolist()
        out = self._room(len(slots.channel), len(slots.samples), n_stations)
        kernels.process(
            slots, self._plan.verticals[:n_verticals], self._plan.stations[:n_stations], self._rates_array,
            self._coef, self._cfg, WINDOWS_S, self._table, self._state, self._scratch, out,
        )  # fmt: skip
        counts = rows.check_room(out)
        if counts[N_NOTED] or counts[N_DECLINED]:
            self._note(slots.channel, out)
        return rows.messages(out, counts, self._stations, t_seen_ns, status)

    def _room(self, n_packets: int, n_samples: int, n_stations: int) -> Rows:
        """Rows for a slice of this size: those of the last slice while they are enough."""
        need = (n_packets, n_samples, n_stations)
        if any(n > have for n, have in zip(need, self._room_for, strict=True)):
            packets, samples, stations = (
                max(2 * n, have) for n, have in zip(need, self._room_for, strict=True)
            )
            self._room_for = packets, samples, stations
            self._rows = rows.room_for(*self._room_for, len(WINDOWS_S), self._state.seconds_held)
        self._rows.n[:] = 0
        return self._rows

    # --- rates ----------------------------------------------------------------------------------

    def _rate_classes(self, channel: I64, rate_hz: F64) -> I64:
        """(n,) indices of the filters of each packet's rate, -1 where it cannot be used.

        Records state a rate within rounding or clock drift of the declared one (99.9999 for 100 Hz):
        that is the declared one, or every drift would be a rate change.
        """
        declared = self._stations.ch_rate_hz[channel]
        close = (channel >= 0) & (declared > 0) & (np.abs(rate_hz - declared) <= SAME_RATE * declared)
        used = np.where(close, declared, rate_hz)
        if len(used) and used[0] == used[-1] and np.all(used == used[0]):
            return np.full(len(used), self._class_of(float(used[0])), dtype=np.int64)
        return np.array([self._class_of(r) for r in used.tolist()], dtype=np.int64)

    def _class_of(self, rate_hz: float) -> int:
        known = self._rate_of.get(rate_hz, -1)
        if known < 0 and self._learn_rate(rate_hz):
            known = self._rate_of[rate_hz]
        return known

    def _learn_rate(self, rate_hz: float) -> bool:
        if not LEAST_RATE_HZ <= rate_hz <= self._state.max_rate_hz or len(self._rates) >= MAX_RATES:
            return False
        p = self._p
        table = filters.design(rate_hz, p.highpass_hz, p.pick_low_hz, p.pick_high_hz)
        self._rate_of[rate_hz] = len(self._rates)
        self._rates.append(rate_hz)
        self._rates_array = np.array(self._rates)
        self._coef = np.concatenate([self._coef, table[None]])
        return True

    # --- what was declined -----------------------------------------------------------------------

    def _note(self, channel: I64, out: Rows) -> None:
        """Count what continuity, intake and the picker declined or flagged."""
        names = self._stations.channels
        codes, flags = out.codes[: len(channel)], out.flags[: len(channel)]
        for k in np.flatnonzero(codes >= quality.FILLED).tolist():
            self._declined.count(names[channel[k]], quality.REASON_OF_CODE[int(codes[k])])
        for k in np.flatnonzero(flags).tolist():
            for flag, reason in _FLAG_REASONS:
                if int(flags[k]) & flag:
                    self._declined.count(names[channel[k]], reason)
        if out.declined.any():
            for reason, n in zip(_DECLINE_REASONS, out.declined.tolist(), strict=True):
                if n:
                    self._declined.count("picker", reason, n)
            out.declined[:] = 0

    # --- state -------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode((self._state.snapshot(), self._rates, self._declined.snapshot()))

    def restore(self, data: bytes) -> None:
        arrays, rates, declined = msgspec.msgpack.decode(
            data, type=tuple[dict[str, bytes], list[float], list[tuple[str, str, int, int]]]
        )
        self._state.restore(arrays)
        # The state names rates by their place in this list: those learned before must go.
        self._rates, self._rate_of = [], {}
        self._rates_array, self._coef = self._rates_array[:0], self._coef[:0]
        for rate in rates:
            self._learn_rate(rate)
        self._plan.rate_hz[:] = np.nan
        self._declined.restore(declined)


def _in_order(parts: Sequence[tuple[Slots, F64]]) -> tuple[Slots, F64]:
    """The packets of a slice and their rates ordered by channel, packets of a channel as they came."""
    if len(parts) == 1:
        slots, rate_hz = parts[0]
    else:
        slots = join([part for part, _ in parts])
        rate_hz = np.concatenate([rate for _, rate in parts])
    channel = slots.channel
    if len(channel) > 1 and (channel[1:] < channel[:-1]).any():
        order = np.argsort(channel, kind="stable")
        samples, begin, end, channel, t0_ns, classes = slots
        return Slots(samples, begin[order], end[order], channel[order], t0_ns[order], classes), rate_hz[order]
    return slots, rate_hz
