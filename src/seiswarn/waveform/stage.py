"""The waveform stage: packets in; picks, growing-window measures and motions out.

A slice is two kernel calls: `kernels.process` runs every packet through its channel,
`vectors.combine` advances the vector sums of the stations touched. Python only gathers the
samples and wraps the rows that come back.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from seiswarn.blocks import packets_of
from seiswarn.errors import InvariantError
from seiswarn.messages import Message, Motions, Packet, Pick, PWindow, Slice, Status
from seiswarn.reasons import Reason
from seiswarn.stations import StationTable, Z
from seiswarn.timebase import NS, sample_offset_ns
from seiswarn.waveform import filters, kernels, pwindow, quality, vectors
from seiswarn.waveform import state as st
from seiswarn.waveform.declined import Declined
from seiswarn.waveform.params import Params
from seiswarn.waveform.state import F64, I64, WaveformState

# Lengths of the growing P windows: dense while a warning is made, then one a second.
WINDOWS_S: F64 = np.array([0.5 * k for k in range(1, 9)] + [float(k) for k in range(5, 21)])

SAME_RATE = 1e-3  # rates this close, relatively, are one
MAX_RATES = 64  # distinct rates of one network; more are noise in headers

_DTYPES = {"i4": "<i4", "f4": "<f4", "f8": "<f8"}
_DECLINE_REASONS = (Reason.LOW_SNR, Reason.TOO_WEAK, Reason.NOT_CONFIRMED)


class WaveformStage:
    """Picks and ground-motion measures of all channels of a `StationTable`."""

    def __init__(self, params: Params, table: StationTable) -> None:
        self._p = params
        self._table = table
        ring_s = params.refine_before_s + params.refine_after_s + 0.5
        self._state = WaveformState(table, params.max_rate_hz, ring_s, params.component_wait_s)
        self._components = table.components().astype(np.int64)
        self._z_station: I64 = np.where(table.ch_component == Z, table.ch_station, -1).astype(np.int64)
        self._gain = table.ch_gain.astype(np.float64)
        self._unit = table.ch_unit.astype(np.int64)
        self._cfg: F64 = np.array(
            [
                params.baseline_s,
                params.sta_s,
                params.lta_s,
                params.trigger_on,
                params.trigger_off,
                params.warmup_s,
                params.rearm_s,
                params.refine_before_s,
                params.refine_after_s,
                params.min_pick_snr,
                params.min_pick_mps2,
                params.gap_fill_s,
                params.clip_hold_s,
            ]
        )
        self._rates: list[float] = []
        self._rate_of: dict[float, int] = {}
        self._rates_array: F64 = np.zeros(0)
        self._coef: F64 = np.zeros((0, filters.N_SECTIONS, 5))
        self._work: F64 = np.zeros((3, self._state.zring.shape[2]))
        self._merged: F64 = np.zeros(st.TRAIL_S * self._state.top.shape[2])
        self._declined = Declined()
        self._declines: I64 = np.zeros(3, dtype=np.int64)
        self._clipped: I64 = np.zeros(table.n_channels, dtype=np.int64)

    # --- one slice -------------------------------------------------------------------------

    def handle(self, t_seen_ns: int, messages: Sequence[Message]) -> list[Message]:
        out: list[Message] = []
        for message in messages:
            if isinstance(message, Slice):
                for packets in _pieces([p for block in message.blocks for p in packets_of(block)]):
                    out.extend(self._packets(t_seen_ns, packets, message.status))
                out.extend(self._declined.report(t_seen_ns, message.status))
        return out

    def _packets(self, t_seen_ns: int, packets: Sequence[Packet], status: Status) -> list[Message]:
        known = self._admit(packets)
        if not known:
            return []
        offsets = np.zeros(len(known) + 1, dtype=np.int64)
        np.cumsum([p.n_samples for _, p, _ in known], out=offsets[1:])
        samples = np.empty(offsets[-1])
        for k, (_, p, _) in enumerate(known):
            samples[offsets[k] : offsets[k + 1]] = np.frombuffer(p.samples, dtype=_DTYPES[p.dtype])
        channel = np.array([c for c, _, _ in known], dtype=np.int64)
        s = self._state
        cap = len(known) + int(offsets[-1]) // 8
        wins_cap = 2 * len(known) * len(WINDOWS_S)
        codes = np.zeros(len(known), dtype=np.int64)
        picks_i, picks_f = np.zeros((cap, 3), dtype=np.int64), np.zeros((cap, 3))
        wins_i, wins_f = np.zeros((wins_cap, 3), dtype=np.int64), np.zeros((wins_cap, 7))
        n_picks, n_wins = kernels.process(
            samples,
            offsets,
            channel,
            np.array([p.t0_ns for _, p, _ in known], dtype=np.int64),
            np.array([r for _, _, r in known], dtype=np.int64),
            self._rates_array,
            self._coef,
            self._cfg,
            WINDOWS_S,
            self._gain,
            self._unit,
            self._table.ch_clip_counts,
            self._z_station,
            s.f,
            s.i,
            s.z,
            s.zring,
            s.mring,
            self._work,
            codes,
            picks_i,
            picks_f,
            wins_i,
            wins_f,
            self._declines,
            self._clipped,
        )
        if n_picks > cap or n_wins > wins_cap:
            raise InvariantError("the waveform kernel wrote past its output rows")
        self._note(known, codes)
        out: list[Message] = [self._pick(picks_i[k], picks_f[k], t_seen_ns, status) for k in range(n_picks)]
        out.extend(self._window(wins_i[k], wins_f[k], t_seen_ns, status) for k in range(n_wins))
        motions = self._motions(
            np.unique(self._table.ch_station[channel]).astype(np.int64), t_seen_ns, status
        )
        if motions is not None:
            out.append(motions)
        return out

    def _admit(self, packets: Sequence[Packet]) -> list[tuple[int, Packet, int]]:
        """Packets of known channels with the class of their rate, ordered by channel then time."""
        index = self._table.channel_index
        known = []
        for p in packets:
            c = index.get(p.channel)
            if c is None:
                self._declined.count(p.channel, Reason.UNKNOWN_CHANNEL)
            elif p.n_samples == 0:
                self._declined.count(p.channel, Reason.EMPTY)
            else:
                rate_class = self._rate_class(c, p.rate_hz)
                if rate_class is None:
                    self._declined.count(p.channel, Reason.BAD_RATE)
                else:
                    known.append((c, p, rate_class))
        known.sort(key=lambda item: (item[0], item[1].t0_ns))
        return known

    def _rate_class(self, channel: int, rate_hz: float) -> int | None:
        """Index of a rate's filters; None when it cannot be used.

        Records state a rate within rounding or clock drift of the declared one (99.9999 for 100 Hz):
        that is the declared one, or every drift would be a rate change.
        """
        known = self._rate_of.get(rate_hz)
        declared = float(self._table.ch_rate_hz[channel])
        if declared > 0 and abs(rate_hz - declared) <= SAME_RATE * declared:
            rate_hz, known = declared, self._rate_of.get(declared)
        if known is None and self._learn_rate(rate_hz):
            known = self._rate_of[rate_hz]
        return known

    def _learn_rate(self, rate_hz: float) -> bool:
        if not 1.0 <= rate_hz <= self._state.max_rate_hz or len(self._rates) >= MAX_RATES:
            return False
        p = self._p
        table = filters.design(rate_hz, p.highpass_hz, p.pick_low_hz, p.pick_high_hz)
        self._rate_of[rate_hz] = len(self._rates)
        self._rates.append(rate_hz)
        self._rates_array = np.array(self._rates)
        self._coef = np.concatenate([self._coef, table[None]])
        return True

    # --- rows to messages --------------------------------------------------------------------

    def _pick(self, row_i: I64, row_f: F64, t_seen_ns: int, status: Status) -> Pick:
        ch = int(row_i[pwindow.P_CH])
        station = self._table.stations[self._table.ch_station[ch]]
        t_ns = int(row_i[pwindow.P_T0])
        return Pick(
            pick_id=_pick_id(station, t_ns),
            station=station,
            channel=self._table.channels[ch],
            t_ns=t_ns,
            uncertainty_s=float(row_f[pwindow.P_SIGMA_S]),
            snr=float(row_f[pwindow.P_SNR]),
            polarity=int(row_i[pwindow.P_POLARITY]),
            noise_d_m=float(row_f[pwindow.P_NOISE_D]),
            t_seen_ns=t_seen_ns,
            status=status,
        )

    def _window(self, row_i: I64, row_f: F64, t_seen_ns: int, status: Status) -> PWindow:
        station = self._table.stations[self._table.ch_station[int(row_i[pwindow.W_CH])]]
        t_ns = int(row_i[pwindow.W_T0])
        return PWindow(
            pick_id=_pick_id(station, t_ns),
            station=station,
            t_ns=t_ns,
            window_s=float(row_f[pwindow.W_S]),
            pa_mps2=float(row_f[pwindow.W_PA]),
            pv_mps=float(row_f[pwindow.W_PV]),
            pd_m=float(row_f[pwindow.W_PD]),
            tau_c_s=float(row_f[pwindow.W_TAU_C]),
            tau_p_max_s=float(row_f[pwindow.W_TAU_P]),
            iv2_m2ps=float(row_f[pwindow.W_IV2]),
            clipped=bool(row_i[pwindow.W_CLIPPED]),
            t_seen_ns=t_seen_ns,
            status=status,
        )

    def _motions(self, touched: I64, t_seen_ns: int, status: Status) -> Motions | None:
        s = self._state
        seconds = s.mring.shape[2] // max(1, int(min(self._rates))) + 2
        out_i = np.zeros((len(touched) * seconds, 4), dtype=np.int64)
        out_f = np.zeros((len(touched) * seconds, 5))
        n = vectors.combine(
            touched,
            self._components,
            self._rates_array,
            self._p.component_wait_s,
            self._p.clip_hold_s,
            s.i,
            s.mring,
            s.si,
            s.sf,
            s.trail,
            s.top,
            s.top_n,
            self._merged,
            out_i,
            out_f,
        )
        if n == 0:
            return None
        rows_i, rows_f = out_i[:n].tolist(), out_f[:n].T.tolist()
        return Motions(
            t_seen_ns=t_seen_ns,
            stations=tuple(self._table.stations[r[vectors.O_STATION]] for r in rows_i),
            t_ns=tuple(r[vectors.O_T] * NS for r in rows_i),
            n_components=tuple(r[vectors.O_NCOMP] for r in rows_i),
            pga_mps2=tuple(rows_f[vectors.O_PGA]),
            pgv_mps=tuple(rows_f[vectors.O_PGV]),
            pgd_m=tuple(rows_f[vectors.O_PGD]),
            intensity_gbt=tuple(rows_f[vectors.O_GBT]),
            intensity_jma=tuple(rows_f[vectors.O_JMA]),
            clipped=tuple(bool(r[vectors.O_CLIPPED]) for r in rows_i),
            status=status,
        )

    def _note(self, known: Sequence[tuple[int, Packet, int]], codes: I64) -> None:
        """Count what continuity, clipping and the picker declined or flagged."""
        for k in np.flatnonzero(codes >= quality.FILLED).tolist():
            self._declined.count(known[k][1].channel, quality.REASON_OF_CODE[int(codes[k])])
        for ch in np.flatnonzero(self._clipped).tolist():
            self._declined.count(self._table.channels[ch], Reason.CLIPPED, int(self._clipped[ch]))
        self._clipped[:] = 0
        for k, reason in enumerate(_DECLINE_REASONS):
            if self._declines[k]:
                self._declined.count("picker", reason, int(self._declines[k]))
        self._declines[:] = 0

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
        self._declined.restore(declined)


def _pieces(packets: Sequence[Packet]) -> list[Sequence[Packet]]:
    """`packets` in rounds, none longer than PIECE_S; nearly always one round, the packets themselves."""
    if not packets or all(p.n_samples <= st.PIECE_S * p.rate_hz for p in packets):
        return [packets] if packets else []
    rounds: list[list[Packet]] = []
    for p in packets:
        width = 8 if p.dtype == "f8" else 4
        step = max(1, int(st.PIECE_S * p.rate_hz)) if p.rate_hz > 0 else p.n_samples
        for k, start in enumerate(range(0, p.n_samples, step)):
            piece = msgspec.structs.replace(
                p,
                t0_ns=p.t0_ns + sample_offset_ns(start, p.rate_hz),
                samples=p.samples[start * width : (start + step) * width],
            )
            if k == len(rounds):
                rounds.append([])
            rounds[k].append(piece)
    return [*rounds]


def _pick_id(station: str, t_ns: int) -> str:
    """Content makes the name: the same data give the same identifier in every run."""
    return f"{station}/{t_ns}"
