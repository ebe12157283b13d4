"""The health stage: packets, errors, qualities and motions in; how far stations are to be trusted out.

Per slice: one kernel call looks at all packets. Once a second of data, and at once where something cannot
wait, evidence becomes faults (`faults`), faults become trust and states (`standing`). What the stages
after it made of a slice comes back by `learn`: events excuse what they do to stations, and tell which picks
were true.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from seiswarn.blocks import columns
from seiswarn.health import faults, kernels
from seiswarn.health import state as st
from seiswarn.health.cover import Cover
from seiswarn.health.excuses import Excuses
from seiswarn.health.faults import FAULTS, N_HARD, Counts
from seiswarn.health.history import History
from seiswarn.health.params import Params, Window
from seiswarn.health.standing import DEGRADED, STATES, Standing
from seiswarn.health.state import B1, I64, NEVER, Seen, pack, unpack
from seiswarn.health.triggers import Triggers
from seiswarn.messages import (
    ChannelQuality,
    DataError,
    EventEstimate,
    Message,
    Motions,
    PacketBlock,
    Pick,
    SampleType,
    Slice,
    StationHealth,
    Status,
)
from seiswarn.reasons import Reason
from seiswarn.station_moves import Moves
from seiswarn.station_patterns import matches
from seiswarn.stations import TIERS, UNIT_ACCELERATION, StationTable, Z
from seiswarn.timebase import NS, from_seconds

FULL_NS = 60 * NS
OWN_CLOCK_NS = 600 * NS  # our own clock is complained of so often
LEAST_COUNTS = 2.0  # mean second difference below which integer samples are too alike everywhere
# In the picking band: noise of an open input, or of a sensor that resolves no better.
MUTE_COUNTS = 0.5
USUAL_KEPT_S = 86400.0  # over which latency becomes usual
_BITS: dict[SampleType, type[np.signedinteger]] = {"i4": np.int32, "f4": np.int32, "f8": np.int64}


class _State(msgspec.Struct, frozen=True):
    stations: tuple[str, ...]
    arrays: dict[str, bytes]
    triggers: Triggers
    times: dict[str, int]
    told_ns: dict[str, int]


class HealthStage:
    """How far the stations of a table are to be trusted."""

    def __init__(self, params: Params, table: StationTable) -> None:
        self._p = params
        self._table = table
        self._index = table.channel_index
        self._station_of = table.station_index
        self._vertical = table.ch_component == Z
        self._gain = np.full(table.n_stations, np.inf)  # counts per m/s^2 of verticals that show acceleration
        k = np.flatnonzero(self._vertical & (table.ch_unit == UNIT_ACCELERATION))
        self._gain[table.ch_station[k]] = np.abs(table.ch_gain[k])
        self._n_comp = np.maximum(np.bincount(table.ch_station, minlength=table.n_stations), 1).astype(float)
        self._limits = np.array([params.future_s, params.jump_s, params.gap_s])
        self._windows = [(_mask(w, table), *w.span_ns()) for w in params.maintenance]
        self._cover = Cover(table, params.cover_km, params.cover_sites)
        n = table.n_stations
        self._seen = Seen.of(table)
        self._counts = Counts.of(table)
        self._history = History.of(table)
        self._standing = Standing.of(table)
        self._spikes = np.zeros(n, dtype=np.int64)  # since the last full message
        self._false = np.zeros(n, dtype=np.int64)
        self._excuses = Excuses(table)
        self._triggers = Triggers()
        self._t = {"start": NEVER, "judged": NEVER, "second": NEVER, "full": NEVER, "own_clock": NEVER}

    def warm(self) -> None:
        """Compile or load the kernel; leaves nothing behind."""
        none, zero = np.zeros(0, dtype=np.int64), np.zeros(0)
        self._observe(none, none, none, zero, np.zeros(1, dtype=np.int64), zero, none, 0.0)

    # --- one slice ----------------------------------------------------------------------------

    def handle(self, t_seen_ns: int, messages: Sequence[Message]) -> list[Message]:
        if not self._p.enabled:
            return []
        urgent, status = False, "actual"
        for message in messages:
            kind = type(message)
            if kind is Slice:
                status = message.status  # type: ignore[attr-defined]
                for block in message.blocks:  # type: ignore[attr-defined]
                    urgent |= self._packets(block) > 0
            elif kind is Motions:
                self._alive(message)  # type: ignore[arg-type]
            elif kind is ChannelQuality:
                self._quality(message, t_seen_ns)  # type: ignore[arg-type]
            elif kind is DataError:
                urgent |= self._error(message, t_seen_ns)  # type: ignore[arg-type]
            elif isinstance(message, Pick) and message.phase == "P":
                station = self._station_of.get(message.station)
                if station is not None:
                    self._triggers.add(message.pick_id, station, message.t_ns, t_seen_ns)
        if self._t["start"] == NEVER:
            self._t["start"] = self._t["judged"] = self._t["full"] = t_seen_ns
        second = t_seen_ns // NS
        if not urgent and second == self._t["second"]:
            return []
        self._t["second"] = second
        return self._judge(t_seen_ns, status)  # type: ignore[arg-type]

    def learn(self, t_seen_ns: int, messages: Sequence[Message]) -> None:
        """What the other stages made of this slice: events, and doubts about stations."""
        for message in messages if self._p.enabled else ():
            if isinstance(message, EventEstimate):
                self._event(message, t_seen_ns)
            elif isinstance(message, DataError):
                k = {str(Reason.SUSPECT_CLOCK): 0, str(Reason.SUSPECT_GAIN): 1}.get(message.reason)
                station = self._station_of.get(message.subject)
                if k is not None and station is not None:
                    self._counts.doubt_ns[k, station] = t_seen_ns

    # --- evidence -----------------------------------------------------------------------------

    def _packets(self, block: PacketBlock) -> int:
        c = columns(block)
        channel = np.array([self._index.get(name, -1) for name in block.channels], dtype=np.int64)
        bits = c.samples.view(_BITS[block.dtype]).astype(np.int64)
        values = c.samples.astype(np.float64)
        least = LEAST_COUNTS if block.dtype == "i4" else 0.0
        times = c.t0_ns.copy(), c.t_seen_ns.copy(), c.rate_hz.copy()
        return self._observe(channel, *times, c.offsets, values, bits, least)

    def _observe(
        self,
        channel: I64,
        t0_ns: I64,
        seen_ns: I64,
        rate_hz: st.F64,
        offsets: I64,
        values: st.F64,
        bits: I64,
        least: float,
    ) -> int:
        t = self._table
        places = t.ch_station, t.ch_component, t.st_site, t.st_telecom
        return int(
            kernels.observe(
                channel, t0_ns, seen_ns, rate_hz, offsets, values, bits, least, self._limits, *places,
                self._seen,
            )
        )  # fmt: skip

    def _alive(self, motions: Motions) -> None:
        """Motions show that a station lives also where its packets do not pass here."""
        si = self._seen.si
        for code, t_ns in zip(motions.stations, motions.t_ns, strict=True):
            station = self._station_of.get(code)
            if station is not None and si[station, st.S_PACKETS] == 0:
                si[station, st.S_LAST] = max(si[station, st.S_LAST], t_ns)

    def _error(self, error: DataError, now_ns: int) -> bool:
        """Take in what the door said of a channel; whether it cannot wait."""
        channel = self._index.get(error.subject)
        if channel is None:
            return False
        station = int(self._table.ch_station[channel])
        if error.reason == Reason.CLOCK_FUTURE:
            self._seen.si[station, st.S_FUTURE] = now_ns
            return True
        if error.reason == Reason.IMPLAUSIBLE:
            self._counts.implausible_ns[station] = now_ns
            return True
        return False

    def _quality(self, quality: ChannelQuality, now_ns: int) -> None:
        n = len(quality.channels)
        channel = np.fromiter((self._index.get(c, -1) for c in quality.channels), np.int64, n)
        known = channel >= 0
        channel = channel[known]
        station = self._table.ch_station[channel]
        spikes = np.array(quality.spikes, dtype=np.int64)[known]
        clipped = np.array(quality.clipped, dtype=np.int64)[known]
        flat = np.array(quality.flat_s)[known] >= self._p.dead_s
        offset, noise = np.array(quality.offset_counts)[known], np.array(quality.noise_mps2)[known]
        c, calm = self._counts, ~self._excuses.at(now_ns)
        np.add.at(c.spikes, station, spikes)
        np.add.at(self._spikes, station, spikes)
        np.add.at(c.clipped, station, (clipped > 0) & calm[station])
        upright = self._vertical[channel]
        of = station[upright]
        c.flat[of] = flat[upright] & (clipped[upright] == 0)
        c.mute[of] = (noise > 0.0)[upright] & (noise[upright] < MUTE_COUNTS / self._gain[of])
        c.lived[of] += ~flat[upright]
        good = upright & ~flat & calm[station] & (noise > 0.0) & np.isfinite(noise)
        self._history.learn_noise(station[good], noise[good])
        good = calm[station] & np.isfinite(offset)
        self._history.learn_level(channel[good], offset[good])

    # --- events -------------------------------------------------------------------------------

    def _event(self, e: EventEstimate, now_ns: int) -> None:
        """Learn from an event which picks were true, and whom it excuses."""
        if e.state != "cancelled":
            for a in e.arrivals:
                if a.weight > 0.0:
                    self._triggers.explain(a.pick_id, now_ns)
        self._excuses.take(e, now_ns)

    def _false_triggers(self, now_ns: int) -> None:
        for pick in self._triggers.due(now_ns):
            if not self._excuses.covers(pick.station, pick.t_ns):
                self._counts.false[pick.station] += 1.0
                self._false[pick.station] += 1

    # --- judgement ----------------------------------------------------------------------------

    def _judge(self, now_ns: int, status: Status) -> list[Message]:
        p, s, c, t = self._p, self._seen, self._counts, self._t
        elapsed_ns = now_ns - t["judged"]
        t["judged"] = now_ns
        self._false_triggers(now_ns)
        self._forget(elapsed_ns)
        last = np.where(s.si[:, st.S_LAST] == NEVER, t["start"], s.si[:, st.S_LAST])
        down = now_ns - last > from_seconds(p.down_after_s)
        heard = s.si[:, st.S_LAST] != NEVER
        live = ~down & heard
        in_event = self._excuses.at(now_ns)
        faults.mark_jumps(now_ns, p, s, self._n_comp)
        faults.mark_groups(now_ns, p, s, c, self._table, ~in_event)
        least = round(p.history_s / 10.0)
        off = self._history.off_decades(least)
        resolved = self._history.resolved(self._table)
        drifted = self._history.drifted(self._table, p.offset_mps2)
        levels = np.concatenate(
            [
                faults.hard(p, now_ns, s, c, live, resolved),
                faults.soft(p, now_ns, s, c, off, drifted, self._n_comp),
            ]
        )
        faults.spare_swarms(levels, self._table)
        frozen = np.broadcast_to(in_event, (len(FAULTS) - N_HARD, len(live))).copy()
        if faults.wide(off, self._history.n >= least, p):
            frozen[faults.ROW[Reason.NOISE_HIGH] - N_HARD] = True
        maintained = self._maintained(now_ns)
        self._standing.judge(levels, frozen, down, heard, maintained, elapsed_ns, p.recover_s)
        return [*self._own_clock(now_ns, live, status), *self._told(now_ns, status)]

    def _forget(self, elapsed_ns: int) -> None:
        """Rates and what is usual, as time goes by."""
        c, s = self._counts, self._seen
        kept = float(np.exp(-elapsed_ns / NS / faults.RATE_KEPT_S))
        for rate in (c.spikes, c.clipped, c.false):
            rate *= kept
        s.sf[:, st.S_GAP_RATE] *= kept
        known = s.si[:, st.S_PACKETS] >= kernels.JUDGED_PACKETS
        fresh = known & np.isnan(c.usual_latency_s)
        latency = s.sf[:, st.S_LAT]
        c.usual_latency_s[fresh] = latency[fresh]
        follows = known & np.isnan(self._table.st_latency_s)
        share = min(1.0, elapsed_ns / NS / USUAL_KEPT_S)
        c.usual_latency_s[follows] += share * (latency[follows] - c.usual_latency_s[follows])

    def _maintained(self, now_ns: int) -> B1:
        out = np.zeros(self._table.n_stations, dtype=np.bool_)
        for mask, start_ns, end_ns in self._windows:
            if start_ns <= now_ns < end_ns:
                out |= mask
        return out

    # --- messages -----------------------------------------------------------------------------

    def _own_clock(self, now_ns: int, live: B1, status: Status) -> list[Message]:
        """Say it when most stations seem ahead: then it is this machine that is behind."""
        future = now_ns - self._seen.si[:, st.S_FUTURE] <= from_seconds(self._p.hold_s)
        if now_ns - self._t["own_clock"] < OWN_CLOCK_NS or not faults.own_clock(future, live):
            return []
        self._t["own_clock"] = now_ns
        n = int((future & live).sum())
        detail = f"{n} of {int(live.sum())} stations send data of the future: our own clock is slow"
        return [
            DataError(
                t_seen_ns=now_ns, subject="clock", reason=Reason.CLOCK_FUTURE, detail=detail, status=status
            )
        ]

    def _told(self, now_ns: int, status: Status) -> list[Message]:
        standing, t = self._standing, self._t
        full = now_ns - t["full"] >= FULL_NS
        rows = np.arange(len(standing.state)) if full else np.flatnonzero(standing.state != standing.told)
        if not len(rows):
            return []
        standing.told = standing.state.copy()
        s, at = self._seen, rows.tolist()
        n_blind, blind = self._cover.blind(standing.state <= DEGRADED)
        known = s.si[rows, st.S_PACKETS] > 0
        columns: dict[str, Any] = {}
        if full:
            columns = {
                "tier": tuple(TIERS[k] for k in self._table.st_tier.tolist()),
                "seconds": (now_ns - t["full"]) / NS,
                "data_s": tuple((s.si[:, st.S_DATA] / NS).tolist()),
                "latency_max_s": tuple(np.where(known, s.sf[:, st.S_LAT_MAX], -1.0).tolist()),
                "jitter_s": tuple(s.sf[:, st.S_JITTER].tolist()),
                "gaps": tuple(s.si[:, st.S_GAPS].tolist()),
                "overlaps": tuple(s.si[:, st.S_OVERLAPS].tolist()),
                "spikes": tuple(self._spikes.tolist()),
                "false_triggers": tuple(self._false.tolist()),
            }
            t["full"] = now_ns
            s.si[:, [st.S_DATA, st.S_GAPS, st.S_OVERLAPS]] = 0
            s.sf[:, st.S_LAT_MAX] = s.sf[:, st.S_LAT]
            self._spikes[:] = self._false[:] = 0
        return [
            StationHealth(
                t_seen_ns=now_ns,
                full=full,
                stations=tuple(self._table.stations[k] for k in at),
                state=tuple(STATES[k] for k in standing.state[rows].tolist()),
                trust=tuple(np.round(standing.trust[rows], 3).tolist()),
                latency_s=tuple(np.where(known, np.round(s.sf[rows, st.S_LAT], 3), -1.0).tolist()),
                reasons=tuple(standing.reasons(k) for k in at),
                n_sites=self._cover.n_possible,
                n_blind=n_blind,
                blind=blind,
                status=status,
                **columns,
            )
        ]

    # --- state --------------------------------------------------------------------------------

    def _arrays(self) -> dict[str, np.ndarray]:
        named = {
            **{f"seen_{name}": a for name, a in self._seen._asdict().items()},
            **{f"counts_{name}": a for name, a in self._counts._asdict().items()},
            **self._history.arrays(),
            **self._standing.arrays(),
        }
        return {**named, "spikes": self._spikes, "false": self._false, "excused": self._excuses.times}

    def snapshot(self) -> bytes:
        arrays = pack(self._arrays())
        state = _State(self._table.stations, arrays, self._triggers, self._t, self._excuses.told_ns)
        return msgspec.msgpack.encode(state)

    def restore(self, data: bytes) -> None:
        """Replace all state. Raises InvariantError when it is of another network."""
        state = msgspec.msgpack.decode(data, type=_State)
        unpack(state.arrays, self._arrays())
        self._triggers, self._t = state.triggers, state.times
        self._excuses.told_ns = state.told_ns

    def adopt(self, data: bytes, moved: Moves) -> None:
        """Go on from the snapshot of the same network; of another one stations begin without a history.

        Faults hold stations against each other (telecom groups, identical data), so that a part of what is
        known cannot be carried over.
        """
        if not moved.is_identity:
            return
        self.restore(data)


def _mask(window: Window, table: StationTable) -> B1:
    """(n_st,) the stations that a window of maintenance names."""
    return np.array([matches(code, window.stations) for code in table.stations], dtype=np.bool_)
