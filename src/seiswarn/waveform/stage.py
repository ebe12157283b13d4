"""The waveform stage: packets in; picks, growing-window measures, motions and qualities out.

A slice is one kernel call (see `engine`). Python only gathers the samples and wraps the rows
that come back.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from seiswarn.blocks import columns
from seiswarn.errors import InvariantError
from seiswarn.messages import Message, PacketBlock, Slice, Status
from seiswarn.reasons import Flag, Reason
from seiswarn.station_moves import Moves
from seiswarn.stations import StationTable
from seiswarn.waveform import filters, kernels, quality, rows
from seiswarn.waveform.declined import Declined
from seiswarn.waveform.engine import WINDOWS_S, Engine, LocalEngine, Part, concerned, network, regroup
from seiswarn.waveform.params import Params
from seiswarn.waveform.slots import gather, join, rounds
from seiswarn.waveform.state import ARRAYS, CHANNEL_ARRAYS, F64, I64
from seiswarn.waveform.tables import N_DECLINED, N_NOTED, Plan, Rows, Slots

__all__ = ["WINDOWS_S", "WaveformStage"]

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


class WaveformStage:
    """Picks and ground-motion measures of all channels of a `StationTable`.

    Parameters
    ----------
    engine
        where the kernels run; here, when None.
    """

    def __init__(self, params: Params, table: StationTable, engine: Engine | None = None) -> None:
        self._p = params
        self._stations = table
        self._table = network(table)
        self._engine: Engine = engine or LocalEngine(params, table)
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

    def warm_picker(self) -> None:
        """Compile or load the kernel of verticals; leaves nothing behind."""
        none = np.zeros(0, dtype=np.int64)
        kernels.plan(none, np.zeros(0), none, none, self._table, self._plan)
        self._engine.warm_picker()

    def warm_rest(self) -> None:
        """Compile or load the other kernels; leaves nothing behind."""
        self._engine.warm_rest()

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
            # Those of joined blocks are copies from before: of the slice before, and not in order.
            slots = slots._replace(rate_class=self._plan.classes[: len(slots.channel)])
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
        verticals, stations = concerned(channel, self._table)
        self._plan.verticals[: len(verticals)] = verticals
        self._plan.stations[: len(stations)] = stations
        self._plan.counts[:] = len(verticals), len(stations)

    def _process(self, slots: Slots, t_seen_ns: int, status: Status) -> list[Message]:
        n_verticals, n_stations = self._plan.counts.tolist()
        out = self._engine.process(
            slots, self._plan.verticals[:n_verticals], self._plan.stations[:n_stations], self._rates_array,
            self._coef,
        )  # fmt: skip
        counts = rows.check_room(out)
        if counts[N_NOTED] or counts[N_DECLINED]:
            self._note(slots.channel, out)
        return rows.messages(out, counts, self._stations, t_seen_ns, status)

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
        if not LEAST_RATE_HZ <= rate_hz <= self._engine.max_rate_hz or len(self._rates) >= MAX_RATES:
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

    # --- state -------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode((self._engine.snapshot(), self._rates, self._declined.snapshot()))

    def restore(self, data: bytes) -> None:
        parts, rates, declined = msgspec.msgpack.decode(
            data, type=tuple[list[Part], list[float], list[tuple[str, str, int, int]]]
        )
        held = (sum(len(p.channels) for p in parts) // 8, sum(len(p.stations) for p in parts) // 8)
        mine = (self._stations.n_channels, self._stations.n_stations)
        if held != mine:
            raise InvariantError(f"snapshot of {held} channels and stations is for others than {mine}")
        self._engine.restore(parts)
        # The state names rates by their place in this list: those learned before must go.
        self._rates, self._rate_of = [], {}
        self._rates_array, self._coef = self._rates_array[:0], self._coef[:0]
        for rate in rates:
            self._learn_rate(rate)
        self._plan.rate_hz[:] = np.nan
        self._declined.restore(declined)

    def adopt(self, data: bytes, moved: Moves) -> None:
        """Go on from the snapshot of another network as far as stations are the same.

        Rings are sized by the fastest rate: where that has changed all stations begin afresh.
        """
        parts, rates, declined = msgspec.msgpack.decode(
            data, type=tuple[list[Part], list[float], list[tuple[str, str, int, int]]]
        )
        every = [np.arange(n, dtype=np.int64) for n in (self._stations.n_channels, self._stations.n_stations)]
        before = [np.arange(n, dtype=np.int64) for n in (moved.n_old_channels, moved.n_old_stations)]
        held, fresh = regroup(parts, *before), regroup(self._engine.snapshot(), *every)
        if any(
            len(held[name]) * len(index) != len(fresh[name]) * n_old
            for name in ARRAYS
            for index, n_old in (
                [(moved.channels, moved.n_old_channels)]
                if name in CHANNEL_ARRAYS
                else [(moved.stations, moved.n_old_stations)]
            )
        ):
            return
        arrays = {name: moved.only(name in CHANNEL_ARRAYS).rows(held[name], fresh[name]) for name in ARRAYS}
        whole = Part(every[0].tobytes(), every[1].tobytes(), arrays)
        self.restore(msgspec.msgpack.encode(([whole], rates, declined)))


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
