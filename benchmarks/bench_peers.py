"""STA/LTA alone on recorded verticals, packet by packet: obspy's real-time chain, scipy, and ours.

    python benchmarks/bench_peers.py [FOLDER with recorded sets] [--repeats N] [--json FILE]

All verticals of two sets, in packets of 0.5 s, squared, averaged over 0.5 and 10 s. All times are
CPU times of one process, told per sample. Side by side:

* obspy `RtTrace` with its own processes (square, boxcar short and long), on part of the samples;
* obspy `RtTrace` with the recursion registered as a process that keeps its state (scipy `lfilter`);
* scipy alone: `lfilter` with carried state, and `sosfilt` of the same two averages;
* obspy `recursive_sta_lta` on whole traces, when all is over: the reference for trigger times;
* ours, packet by packet with a call each, and with a call for all packets of half a second.

Trigger times of the recursive ways are compared with the reference; a difference ends the benchmark.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from common import Row, cpu_seconds, report
from scipy.signal import lfilter, sosfilt

from seiswarn.waveform.pickers.sta_lta import StaLta

ROOT = Path(__file__).resolve().parent.parent
SETS = ("maras2023_m7.8", "ridgecrest20190707_continuous")
PACKET_S, STA_S, LTA_S = 0.5, 0.5, 10.0
ON, OFF = 5.0, 2.0
BOXCAR_CHANNELS, BOXCAR_S = 8, 60  # obspy's boxcar loops in Python: part of the samples, told per sample
RT_KEPT_S = 60.0  # what an RtTrace holds
Pairs = list[tuple[int, int]]


class Record(NamedTuple):
    """A vertical without gaps: its packets are views of `samples`."""

    samples: np.ndarray
    rate_hz: float

    @property
    def lengths(self) -> tuple[int, int, int]:
        """Samples of a packet, of the short and of the long average."""
        return round(PACKET_S * self.rate_hz), round(STA_S * self.rate_hz), round(LTA_S * self.rate_hz)

    def packets(self) -> list[np.ndarray]:
        step = self.lengths[0]
        return [self.samples[k : k + step] for k in range(0, len(self.samples), step)]


def verticals(folder: Path) -> list[Record]:
    """All verticals of one set, stretch by stretch."""
    from obspy import read

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stream = read(str(folder / "waveforms.mseed"))
    return [
        Record(t.data.astype(np.int32), float(t.stats.sampling_rate))
        for t in stream
        if t.stats.channel[-1] in "ZU" and len(t.data)
    ]


# --- obspy -----------------------------------------------------------------------------------


def reference(records: list[Record]) -> list[Pairs]:
    """Trigger times by obspy on whole traces."""
    from obspy.signal.trigger import recursive_sta_lta, trigger_onset

    out = []
    for r in records:
        _, nsta, nlta = r.lengths
        ratio = recursive_sta_lta(r.samples.astype(np.float64), nsta, nlta)
        out.append([(int(a), int(b)) for a, b in trigger_onset(ratio, ON, OFF)])
    return out


def parts(record: Record) -> list[object]:
    """The packets as obspy traces, made before the clock runs."""
    from obspy import Trace, UTCDateTime

    step, out = record.lengths[0], []
    for k, data in enumerate(record.packets()):
        part = Trace(data.astype(np.float64), {"sampling_rate": record.rate_hz})
        part.stats.starttime = UTCDateTime(2020, 1, 1) + k * step / record.rate_hz
        out.append(part)
    return out


def by_boxcars(record: Record, traces: list[object]) -> int:
    """obspy's own processes; how many samples are above the ratio."""
    from obspy.realtime import RtTrace

    _, nsta, nlta = record.lengths
    short, long = RtTrace(max_length=RT_KEPT_S), RtTrace(max_length=RT_KEPT_S)
    for live, width in ((short, nsta), (long, nlta)):
        live.register_rt_process(np.square)
        live.register_rt_process("boxcar", width=width)
    above = 0
    for part in traces:
        sta = short.append(part, gap_overlap_check=False)
        lta = long.append(part, gap_overlap_check=False)
        above += int(np.count_nonzero(sta.data > ON * lta.data))
    return above


class Recursion:
    """Recursive STA/LTA of squared samples with carried state, by `lfilter` or by `sosfilt`."""

    def __init__(self, nsta: int, nlta: int, sections: bool = False) -> None:
        self._weights = 1.0 / nsta, 1.0 / nlta
        self._state = [np.zeros((1, 2)) if sections else np.zeros(1) for _ in self._weights]
        self._nlta, self._seen, self._sections = nlta, 0, sections
        if sections:
            self._sos = [np.array([[w, 0.0, 0.0, 1.0, -(1.0 - w), 0.0]]) for w in self._weights]
        else:
            self._ba = [(np.array([w]), np.array([1.0, -(1.0 - w)])) for w in self._weights]

    def __call__(self, energy: np.ndarray) -> np.ndarray:
        if self._seen == 0:
            energy = energy.copy()
            energy[0] = 0.0  # obspy begins with the second sample
        out = []
        for k in range(2):
            if self._sections:
                y, self._state[k] = sosfilt(self._sos[k], energy, zi=self._state[k])
            else:
                y, self._state[k] = lfilter(*self._ba[k], energy, zi=self._state[k])
            out.append(y)
        ratio = np.zeros(len(energy))
        warm = max(0, min(len(energy), self._nlta - self._seen))
        np.divide(out[0], out[1], out=ratio, where=out[1] > 0)
        ratio[:warm] = 0.0
        self._seen += len(energy)
        return ratio


class Edges:
    """Triggers out of ratios that come packet by packet."""

    def __init__(self) -> None:
        self.pairs: Pairs = []
        self._on, self._n = -1, 0

    def take(self, ratio: np.ndarray) -> None:
        if self._on >= 0 or ratio.max() >= ON:
            for k, value in enumerate(ratio.tolist(), start=self._n):
                if self._on < 0 and value >= ON:
                    self._on = k
                elif self._on >= 0 and value < OFF:
                    self.pairs.append((self._on, k - 1))
                    self._on = -1
        self._n += len(ratio)

    def end(self) -> Pairs:
        return self.pairs + ([(self._on, self._n - 1)] if self._on >= 0 else [])


def by_rttrace(record: Record, traces: list[object]) -> Pairs:
    """obspy's real-time trace with the recursion as its process."""
    from obspy.realtime import RtTrace

    _, nsta, nlta = record.lengths
    live, edges = RtTrace(max_length=RT_KEPT_S), Edges()
    live.register_rt_process(np.square)
    live.register_rt_process(Recursion(nsta, nlta))
    for part in traces:
        edges.take(live.append(part, gap_overlap_check=False).data)
    return edges.end()


def by_scipy(record: Record, sections: bool) -> Pairs:
    _, nsta, nlta = record.lengths
    recursion, edges = Recursion(nsta, nlta, sections), Edges()
    for data in record.packets():
        x = data.astype(np.float64)
        edges.take(recursion(x * x))
    return edges.end()


# --- ours ------------------------------------------------------------------------------------

Fed = tuple[np.ndarray, np.ndarray, np.ndarray]


def feeds(records: list[Record], members: list[int], together: bool) -> list[Fed]:
    """What each call is given, made before the clock runs: all packets of half a second, or one."""
    packets = [records[k].packets() for k in members]
    calls: list[list[tuple[int, np.ndarray]]] = []
    for t in range(max(len(p) for p in packets)):
        now = [(ch, p[t]) for ch, p in enumerate(packets) if t < len(p)]
        calls.extend([now] if together else [[one] for one in now])
    return [
        (
            np.array([ch for ch, _ in call]),
            np.cumsum([0, *(len(data) for _, data in call)]),
            np.concatenate([data for _, data in call]),
        )
        for call in calls
    ]


def by_us(records: list[Record], members: list[int], calls: list[Fed]) -> list[Pairs]:
    _, nsta, nlta = records[members[0]].lengths
    picker = StaLta(len(members), nsta, nlta, ON, OFF)
    told = [edges for call in calls if len(edges := picker.feed(*call))]
    out: list[Pairs] = [[] for _ in members]
    begun: dict[int, int] = {}
    for ch, sample, on in np.concatenate([*told, picker.open()]).tolist():
        if on:
            begun[ch] = sample
        else:
            out[ch].append((begun.pop(ch), sample))
    return out


def same(name: str, found: list[Pairs], truth: list[Pairs]) -> None:
    """End the benchmark when trigger times differ."""
    if found != truth:
        wrong = sum(a != b for a, b in zip(found, truth, strict=True))
        raise SystemExit(f"{name}: triggers of {wrong} of {len(truth)} records differ from obspy's")


def once(work: Callable[[], object]) -> tuple[float, object]:
    begun = time.process_time()
    out = work()
    return time.process_time() - begun, out


def measure(label: str, records: list[Record], repeats: int) -> dict[str, Row]:
    """The rows of one set."""
    n = sum(len(r.samples) for r in records)
    truth = reference(records)
    traces = [parts(r) for r in records]
    rates = sorted({r.rate_hz for r in records})
    groups = [[k for k, r in enumerate(records) if r.rate_hz == rate] for rate in rates]
    per_sample = {
        "obspy recursive_sta_lta, whole traces": cpu_seconds(lambda: reference(records), repeats) / n
    }
    part = [(r, t[: int(BOXCAR_S / PACKET_S)]) for r, t in zip(records, traces, strict=True)][
        :BOXCAR_CHANNELS
    ]
    spent, _ = once(lambda: [by_boxcars(r, t) for r, t in part])
    per_sample["obspy RtTrace, its boxcars"] = spent / sum(len(p.data) for _, t in part for p in t)
    spent, found = once(lambda: [by_rttrace(r, t) for r, t in zip(records, traces, strict=True)])
    same("RtTrace with the recursion", found, truth)
    per_sample["obspy RtTrace, recursion registered"] = spent / n
    for name, sections in (("scipy lfilter", False), ("scipy sosfilt", True)):
        spent, found = once(lambda sections=sections: [by_scipy(r, sections) for r in records])
        if not sections:  # a section of second order rounds otherwise
            same(name, found, truth)
        per_sample[name] = spent / n
    for name, together in (("seiswarn, a call a packet", False), ("seiswarn, a call each 0.5 s", True)):
        calls = [feeds(records, members, together) for members in groups]
        ours: list[Pairs] = [[] for _ in records]
        for members, fed in zip(groups, calls, strict=True):
            for k, found_pairs in zip(members, by_us(records, members, fed), strict=True):
                ours[k] = found_pairs
        same(name, ours, truth)
        per_sample[name] = (
            cpu_seconds(
                lambda calls=calls: [by_us(records, m, c) for m, c in zip(groups, calls, strict=True)],
                repeats,
            )
            / n
        )
    return rows(label, per_sample, sum(map(len, truth)), len(records), n)


def rows(label: str, per_sample: dict[str, float], n_triggers: int, n_records: int, n: int) -> dict[str, Row]:
    out = {
        f"{label}: verticals": Row(n_records, "records", "higher"),
        f"{label}: samples": Row(n, "samples", "higher"),
        f"{label}: triggers compared, all identical": Row(n_triggers, "triggers", "higher"),
    }
    for name, seconds in per_sample.items():
        out[f"{label}: {name}"] = Row(1e-6 / seconds, "M samples/s", "higher")
    best = "seiswarn, a call each 0.5 s"
    for name, seconds in per_sample.items():
        if not name.startswith("seiswarn"):
            out[f"{label}: ratio to {name}"] = Row(seconds / per_sample[best], "times", "higher")
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("events", nargs="?", type=Path, default=ROOT / ".." / "shared" / "events")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: dict[str, Row] = {}
    for name in SETS:
        folder = options.events / name
        if not folder.is_dir():
            raise SystemExit(f"no recorded set {folder}: give the folder that holds it")
        found |= measure(name, verticals(folder), options.repeats)
    report("peers", found, options.json)


if __name__ == "__main__":
    main()
