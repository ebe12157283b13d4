"""Picks of the waveform stage on recorded traces, set against what people picked.

Traces go through `WaveformStage` as live: cut into packets of half a second, each in the slice that
holds its last sample. Test and benchmark share this.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import obspy
from scipy import signal

from seiswarn.blocks import make_block
from seiswarn.messages import Pick, Slice
from seiswarn.stations import StationTable
from seiswarn.timebase import NS, sample_offset_ns
from seiswarn.waveform.params import Params
from seiswarn.waveform.stage import WaveformStage

PACKET_S = 0.5
T0_NS = 1_000_000_000 * NS
MIN_SNR = 5.0
P_MATCH_S = 1.0  # a P pick this near a manual one is that one
S_MATCH_S = 0.5  # closer, since P and S of most of these records are about a second apart
COUNTS_PER_UNIT = 1e6  # arbitrary: the 154 records come without response


@dataclass(frozen=True)
class Trace:
    """One stretch of one channel: samples in counts, acceleration or velocity (`is_velocity`)."""

    station: str  # NET.STA.LOC.BI
    component: str
    t0_ns: int
    rate_hz: float
    counts: np.ndarray
    gain: float
    is_velocity: bool

    @property
    def channel(self) -> str:
        net, sta, loc, code = self.station.split(".")
        return f"FDSN:{net}_{sta}_{loc}_{code[0]}_{code[1]}_{self.component}"


def picks_of(traces: Sequence[Trace], params: Params) -> dict[str, list[Pick]]:
    """All picks by station, in the order they came, of the traces fed together."""
    stage = WaveformStage(params, station_table(traces))
    out: dict[str, list[Pick]] = {t.station: [] for t in traces}
    for bucket in _packets(traces):
        seen = max(end for _, _, _, end in bucket)
        block = make_block(
            [traces[i].channel for i, _, _, _ in bucket],
            np.array([traces[i].t0_ns + sample_offset_ns(a, traces[i].rate_hz) for i, a, _, _ in bucket]),
            np.array([end for _, _, _, end in bucket]),
            np.array([traces[i].rate_hz for i, _, _, _ in bucket]),
            np.array([b - a for _, a, b, _ in bucket]),
            b"".join([traces[i].counts[a:b].astype("<i4").tobytes() for i, a, b, _ in bucket]),
            "i4",
            "test",
        )
        for m in stage.handle(seen, [Slice(t_seen_ns=seen, blocks=(block,), status="test")]):
            if isinstance(m, Pick):
                out[m.station].append(m)
    return out


def _packets(traces: Sequence[Trace]) -> Iterable[list[tuple[int, int, int, int]]]:
    """(trace, first sample, end, time of the end) of all packets, those of each half second together."""
    buckets: dict[int, list[tuple[int, int, int, int]]] = {}
    for i, t in enumerate(traces):
        step = max(1, int(PACKET_S * t.rate_hz))
        for a in range(0, len(t.counts), step):
            b = min(a + step, len(t.counts))
            end = t.t0_ns + sample_offset_ns(b, t.rate_hz)
            buckets.setdefault(int(end // (PACKET_S * NS)), []).append((i, a, b, end))
    for key in sorted(buckets):
        yield buckets[key]


def station_table(traces: Sequence[Trace]) -> StationTable:
    """A table of the channels of the traces: no place, no clip level."""
    first: dict[str, Trace] = {}
    for t in traces:
        first.setdefault(t.channel, t)
    channels = sorted(first)
    stations = sorted({t.station for t in traces})
    n = len(stations)
    return StationTable(
        channels=tuple(channels),
        ch_station=np.array([stations.index(first[c].station) for c in channels], dtype=np.int32),
        ch_component=np.array([_slot(first[c].component) for c in channels], dtype=np.int32),
        ch_unit=np.array([int(first[c].is_velocity) for c in channels], dtype=np.int32),
        ch_gain=np.array([first[c].gain for c in channels]),
        ch_rate_hz=np.array([first[c].rate_hz for c in channels]),
        ch_azimuth_deg=np.zeros(len(channels)),
        ch_dip_deg=np.zeros(len(channels)),
        ch_clip_counts=np.full(len(channels), np.inf),
        stations=tuple(stations),
        st_latitude=np.zeros(n),
        st_longitude=np.zeros(n),
        st_elevation_m=np.zeros(n),
        st_vs30_mps=np.full(n, np.nan),
        st_site=np.arange(n, dtype=np.int32),
    )


def _slot(component: str) -> int:
    return {"Z": 0, "N": 1, "1": 1, "E": 2, "2": 2}[component]


# --- the 154 records -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Record:
    """One station with its manual onsets in seconds after the start, all starting at `T0_NS`."""

    traces: tuple[Trace, ...]
    p_s: float
    s_s: float
    snr: float

    @property
    def station(self) -> str:
        return self.traces[0].station


def read_records(folder: Path) -> list[Record]:
    """The records of ``picks_ncedc_154``, laid side by side at one start time (stations are independent)."""
    stream = obspy.read(folder / "waveforms.mseed")
    by_station: dict[str, list[obspy.Trace]] = {}
    for trace in stream:
        by_station.setdefault(trace.stats.station, []).append(trace)
    out = []
    with (folder / "picks.csv").open(encoding="utf-8") as f:
        for row in csv.DictReader(f):
            start = obspy.UTCDateTime(row["start"])
            traces = tuple(_bare_trace(t) for t in by_station[row["station"]])
            p, s = (obspy.UTCDateTime(row[k]) - start for k in ("p_time", "s_time"))
            vertical = next(t for t in traces if t.component == "Z")
            out.append(Record(traces, p, s, signal_to_noise(vertical, p)))
    return out


def _bare_trace(trace: obspy.Trace) -> Trace:
    """Without response: instrument code N is taken for acceleration, all others for velocity."""
    s = trace.stats
    return Trace(
        f"{s.network or 'XX'}.{s.station}.{s.location}.{s.channel[:2]}",
        s.channel[2],
        T0_NS,
        s.sampling_rate,
        trace.data,
        COUNTS_PER_UNIT,
        s.channel[1] != "N",
    )


def signal_to_noise(vertical: Trace, p_s: float) -> float:
    """Ratio of the rms of 2 s from the manual P on to that of the 5 s before it.

    Of the acceleration, 2 to 20 Hz by a causal two-pole band-pass: the default band of the picker.
    """
    rate = vertical.rate_hz
    x = vertical.counts - np.mean(vertical.counts)
    a = np.gradient(x) * rate if vertical.is_velocity else x
    for corner, kind in ((2.0, "hp"), (20.0, "lp")):
        a = signal.sosfilt(signal.butter(2, corner, kind, fs=rate, output="sos"), a)
    k = round(p_s * rate)
    noise = np.sqrt(np.mean(a[k - int(5 * rate) : k] ** 2))
    return float(np.sqrt(np.mean(a[k : k + int(2 * rate)] ** 2)) / max(noise, 1e-300))


@dataclass
class Score:
    """How picks compare with manual ones. Residuals are pick minus manual, s."""

    n_records: int = 0
    p_residuals: list[float] = field(default_factory=list)
    p_missed: list[str] = field(default_factory=list)
    p_early: int = 0  # P picks before the manual P
    p_at_s: int = 0  # P picks at the manual S
    p_elsewhere: int = 0  # P picks after it that are neither
    n_three: int = 0  # records with three components
    s_residuals: list[float] = field(default_factory=list)  # within S_MATCH_S
    s_false: list[float] = field(default_factory=list)  # the others

    @property
    def p_found(self) -> float:
        return len(self.p_residuals) / self.n_records

    @property
    def s_found(self) -> float:
        return len(self.s_residuals) / self.n_three if self.n_three else 0.0


def score(records: Sequence[Record], picks: dict[str, list[Pick]], min_snr: float = MIN_SNR) -> Score:
    """The records above `min_snr` only; one P and one S of each can be found."""
    out = Score()
    for r in records:
        if r.snr <= min_snr:
            continue
        out.n_records += 1
        times = {ph: [(p.t_ns - T0_NS) / NS for p in picks[r.station] if p.phase == ph] for ph in "PS"}
        near = [t - r.p_s for t in times["P"] if abs(t - r.p_s) <= P_MATCH_S]
        if near:
            out.p_residuals.append(min(near, key=abs))
        else:
            out.p_missed.append(r.station)
        out.p_early += sum(t < r.p_s - P_MATCH_S for t in times["P"])
        late = [t for t in times["P"] if t > r.p_s + P_MATCH_S]
        out.p_at_s += sum(abs(t - r.s_s) <= P_MATCH_S for t in late)
        out.p_elsewhere += sum(abs(t - r.s_s) > P_MATCH_S for t in late)
        if len(r.traces) == 3:
            out.n_three += 1
            residuals = [t - r.s_s for t in times["S"]]
            best = min(residuals, key=abs, default=np.inf)
            out.s_residuals += [best] if abs(best) <= S_MATCH_S else []
            out.s_false += [x for x in residuals if abs(best) > S_MATCH_S or x != best]
    return out
