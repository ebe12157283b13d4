"""The waveform stage on one core: samples per CPU second, and what each measure takes of them.

    python benchmarks/bench_waveform.py [--repeats N] [--json FILE]

Three-component stations at 100 samples a second, int32 counts: noise, and in the second half of
what is measured a tenth of the stations shake. A sample is one of one component. All times are CPU
times of this process, which has one thread; the first 70 s, in which baselines settle, are run
and told apart. A slice holds one packet of every channel.

The measures' shares are those of their filters, run alone on blocks as the kernels use them.
Beside it scipy runs the same sections with carried state: packet by packet, and all channels of a
slice in one array, which no real feed offers.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from common import Row, cpu_seconds, report
from networks import RATE_HZ, ground, slices, station_table
from scipy.signal import lfilter, sosfilt

from seiswarn.jit import kernel
from seiswarn.messages import Slice
from seiswarn.stations import StationTable
from seiswarn.waveform import detect as det
from seiswarn.waveform import filters as flt
from seiswarn.waveform import kernels, rows, station_traces
from seiswarn.waveform import traces as tr
from seiswarn.waveform.params import Params
from seiswarn.waveform.stage import WaveformStage

SETTLED_S = 70
MEASURED_S = 60
SEISCOMP_PICKER, SEISCOMP_ENVELOPES = 11.6e6, 4.0e6  # samples per CPU second, from files
CASES = (("300 stations, 1 s", 300, 100), ("300 stations, 0.5 s", 300, 50), ("5 stations, 1 s", 5, 100),
         ("1 station, 1 s", 1, 100), ("1 station, 0.5 s", 1, 50))  # fmt: skip
FIRST = CASES[0][0]
BLOCKS = 400  # blocks per timing of a filter
PARTS = ("process", "intake", "detect", "advance", "messages")


@contextmanager
def watched(spent: dict[str, float]) -> Iterator[None]:
    """Add up the CPU time of the kernels and of making messages, wherever the stage calls them."""
    places = {
        "process": (kernels, "process"), "intake": (kernels, "intake"), "detect": (kernels, "detect"),
        "advance": (kernels, "advance"), "messages": (rows, "messages"),
    }  # fmt: skip
    plain = {name: getattr(*place) for name, place in places.items()}

    def timed(name: str) -> Callable[..., object]:
        work = plain[name]

        def call(*arguments: object) -> object:
            begun = time.thread_time()
            out = work(*arguments)
            spent[name] += time.thread_time() - begun
            return out

        return call

    for name, (module, attribute) in places.items():
        setattr(module, attribute, timed(name))
    try:
        yield
    finally:
        for name, (module, attribute) in places.items():
            setattr(module, attribute, plain[name])


def run(table: StationTable, feed: list[Slice], packet: int) -> dict[str, float]:
    """CPU seconds of the stage and of its parts for the settled part of `feed`, and of the part before."""
    tried = WaveformStage(Params(), table)
    settled = int(SETTLED_S * RATE_HZ / packet)
    spent = dict.fromkeys(PARTS, 0.0)
    begun = time.thread_time()
    for s in feed[:settled]:
        tried.handle(s.t_seen_ns, [s])
    young = time.thread_time() - begun
    with watched(spent):
        begun = time.thread_time()
        for s in feed[settled:]:
            tried.handle(s.t_seen_ns, [s])
        whole = time.thread_time() - begun
    return {"stage": whole, "young": young, **spent}


def median_of(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(r[name] for r in runs) for name in runs[0]}


def throughput(label: str, n_stations: int, packet: int, repeats: int) -> tuple[dict[str, Row], float]:
    """Rows of one case, and ns per sample in `advance` and `detect` together."""
    table = station_table(n_stations)
    shaking = max(1, n_stations // 10)
    counts = ground(n_stations, SETTLED_S + MEASURED_S, shaking, SETTLED_S + MEASURED_S / 2)
    feed = slices(table, counts, packet)
    n = 3 * n_stations * MEASURED_S * RATE_HZ
    n_slices = MEASURED_S * RATE_HZ / packet
    run(table, feed[: int(10 * RATE_HZ / packet)], packet)
    inside = median_of([run(table, feed, packet) for _ in range(repeats)])
    out = {
        f"{label}: stage with messages": Row(n / inside["stage"] / 1e6, "M samples/s", "higher"),
        f"{label}: all kernels": Row(n / inside["process"] / 1e6, "M samples/s", "higher"),
        f"{label}: intake alone": Row(n / inside["intake"] / 1e6, "M samples/s", "higher"),
        f"{label}: picker alone (verticals)": Row(n / 3 / inside["detect"] / 1e6, "M samples/s", "higher"),
        f"{label}: vectors alone": Row(n / inside["advance"] / 1e6, "M samples/s", "higher"),
        f"{label}: stage, first 70 s": Row(
            n * SETTLED_S / MEASURED_S / inside["young"] / 1e6, "M samples/s", "higher"
        ),
        f"{label}: a slice": Row(1e6 * inside["stage"] / n_slices, "us", "lower"),
    }
    for name in ("intake", "detect", "advance"):
        out[f"{label}: a slice, {name}"] = Row(1e6 * inside[name] / n_slices, "us", "lower")
    around = inside["process"] - inside["intake"] - inside["detect"] - inside["advance"]
    out[f"{label}: a slice, between kernels"] = Row(1e6 * around / n_slices, "us", "lower")
    out[f"{label}: a slice, messages"] = Row(1e6 * inside["messages"] / n_slices, "us", "lower")
    rest = inside["stage"] - inside["process"] - inside["messages"]
    out[f"{label}: a slice, other Python"] = Row(1e6 * rest / n_slices, "us", "lower")
    return out, 1e9 * (inside["advance"] + inside["detect"] + inside["intake"]) / n


# --- each measure's share --------------------------------------------------------------------


@kernel
def _sections(work, way, coef, lanes, n, repeats):  # type: ignore[no-untyped-def]
    for _ in range(repeats):
        for k in range(way.shape[0]):
            tr.section(work[way[k, 0]], work[way[k, 1]], coef[way[k, 2]], lanes, n)


@kernel
def _baseline(work, lanes, n, repeats):  # type: ignore[no-untyped-def]
    for _ in range(repeats):
        tr.average(work[0], work[1], 1e-4, lanes, n)
        tr.subtract(work[0], work[1], work[2], lanes, n)


@kernel
def _ratio(work, lanes, n, repeats):  # type: ignore[no-untyped-def]
    for _ in range(repeats):
        tr.square(work[det.BAND], work[det.ENERGY], lanes, n)
        tr.average(work[det.ENERGY], work[det.STA], 0.03, lanes, n)
        tr.average(work[det.ENERGY], work[det.LTA], 5e-4, lanes, n)


@kernel
def _sums(work, sums, n, repeats):  # type: ignore[no-untyped-def]
    for _ in range(repeats):
        for k in range(sums.shape[0]):
            station_traces.sum_squares(work[2 + k], sums[k], n)


def shares(repeats: int) -> dict[str, Row]:
    """ns per sample of each measure's filters, in blocks as `advance` and `detect` have them."""
    coef = flt.design(RATE_HZ, 0.075, 2.0, 20.0)
    v = station_traces
    ways = {
        "velocity and displacement": [(v.D, v.V, flt.INTEGRATE), (v.V, v.U, flt.INTEGRATE)],
        "GB/T band": [(v.D, v.GA1, flt.GBT_LOW), (v.GA1, v.GA, flt.GBT_HIGH),
                      (v.V, v.GV1, flt.GBT_LOW), (v.GV1, v.GV, flt.GBT_HIGH)],
        "JMA, six sections": [(v.D, v.J1, flt.JMA_FIRST),
                              *((v.J1 + j - 1, v.J1 + j, flt.JMA_FIRST + j) for j in range(1, flt.N_JMA))],
        "Wood-Anderson": [(v.D, v.WA, flt.WOOD_ANDERSON)],
        "noise in the picking band": [(v.D, v.BAND1, flt.PICK_LOW), (v.BAND1, v.BAND, flt.PICK_HIGH)],
        "band of S": [(v.V, v.S1, flt.S_LOW), (v.S1, v.S, flt.S_HIGH)],
    }  # fmt: skip
    lanes, n = tr.LANES, tr.CHUNK
    rng = np.random.default_rng(3)
    work = np.zeros((v.N_ROWS, (n + 2) * lanes))
    work[0] = rng.standard_normal(work.shape[1])
    sums = np.zeros((v.N_SUMS, n * tr.STATIONS))
    of_blocks = 1e9 / (BLOCKS * n * lanes)

    def ns(work_of: Callable[[], object], scale: float = of_blocks) -> Row:
        return Row(cpu_seconds(work_of, repeats) * scale, "ns/sample", "lower")

    out = {"share: baseline": ns(lambda: _baseline(work, lanes, n, BLOCKS))}
    for name, way in ways.items():
        steps = np.array(way)
        out[f"share: {name}"] = ns(lambda steps=steps: _sections(work, steps, coef, lanes, n, BLOCKS))
    out["share: vector sums"] = ns(lambda: _sums(work, sums, n, BLOCKS))
    vertical = np.zeros((det.N_ROWS, (n + 2) * tr.VERTICALS))
    vertical[0] = rng.standard_normal(vertical.shape[1])
    way = np.array([(det.D, det.V, flt.INTEGRATE), (det.V, det.U, flt.INTEGRATE),
                    (det.D, det.HIGH, flt.PICK_LOW), (det.HIGH, det.BAND, flt.PICK_HIGH)])  # fmt: skip

    def picker() -> None:
        _baseline(vertical, tr.VERTICALS, n, BLOCKS)
        _sections(vertical, way, coef, tr.VERTICALS, n, BLOCKS)
        _ratio(vertical, tr.VERTICALS, n, BLOCKS)

    # One sample in three is of a vertical: told per sample of a component, as the others.
    out["share: picker's traces and STA/LTA"] = ns(picker, 1e9 / (BLOCKS * n * tr.VERTICALS * 3))
    return out


# --- scipy beside it -------------------------------------------------------------------------

_BASE = (np.array([1e-4]), np.array([1.0, 1e-4 - 1.0]))


def _chains() -> list[tuple[str, np.ndarray]]:
    """What each chain starts from (acceleration or velocity) and its sections as scipy has them."""
    table = flt.design(RATE_HZ, 0.075, 2.0, 20.0)

    def sos(*of: int) -> np.ndarray:
        return np.array([[*table[k, :3], 1.0, *table[k, 3:]] for k in of])

    gbt, jma = sos(flt.GBT_LOW, flt.GBT_HIGH), sos(*range(flt.JMA_FIRST, flt.JMA_FIRST + flt.N_JMA))
    return [
        ("velocity", sos(flt.INTEGRATE)), ("velocity", gbt), ("velocity", sos(flt.S_LOW, flt.S_HIGH)),
        ("acceleration", gbt), ("acceleration", jma), ("acceleration", sos(flt.WOOD_ANDERSON)),
        ("acceleration", sos(flt.PICK_LOW, flt.PICK_HIGH)),
    ]  # fmt: skip


class ScipyChains:
    """The filters of `advance`, of `n_channels` at once, with their state."""

    def __init__(self, n_channels: int) -> None:
        table = flt.design(RATE_HZ, 0.075, 2.0, 20.0)
        self._integrate = np.array([[*table[flt.INTEGRATE, :3], 1.0, *table[flt.INTEGRATE, 3:]]])
        self._chains = _chains()
        self._base = np.zeros((n_channels, 1))
        self._velocity = np.zeros((1, n_channels, 2))
        self._state = [np.zeros((len(sos), n_channels, 2)) for _, sos in self._chains]

    def feed(self, x: np.ndarray) -> None:
        base, self._base = lfilter(*_BASE, x, zi=self._base)
        a = x - base
        v, self._velocity = sosfilt(self._integrate, a, zi=self._velocity)
        for k, (start, sos) in enumerate(self._chains):
            _, self._state[k] = sosfilt(sos, a if start == "acceleration" else v, zi=self._state[k])


def scipy_rates(repeats: int) -> dict[str, Row]:
    """Samples per CPU second of the same sections by scipy."""
    packet, channels, packets = 100, 30, 20
    counts = ground(channels // 3, packets, 0, 0.0).astype(np.float64)

    def one_by_one() -> None:
        own = [ScipyChains(1) for _ in range(channels)]
        for k in range(packets):
            for ch in range(channels):
                own[ch].feed(counts[ch : ch + 1, k * packet : (k + 1) * packet])

    wide = ground(300, 5, 0, 0.0).astype(np.float64)

    def together() -> None:
        chains = ScipyChains(len(wide))
        for k in range(5):
            chains.feed(wide[:, k * packet : (k + 1) * packet])

    return {
        "scipy sosfilt, filters of the vectors, packet by packet": Row(
            counts.size / cpu_seconds(one_by_one, repeats) / 1e6, "M samples/s", "higher"
        ),
        "scipy sosfilt, the same, 900 channels in one array": Row(
            wide.size / cpu_seconds(together, repeats) / 1e6, "M samples/s", "higher"
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    out: dict[str, Row] = {}
    per_sample = 0.0
    for label, n_stations, packet in CASES:
        found, ns = throughput(label, n_stations, packet, options.repeats)
        out |= found
        per_sample = ns if label == FIRST else per_sample
    filters = shares(options.repeats)
    out |= filters
    rest = per_sample - sum(row.value for row in filters.values())
    out["share: intake, seconds, rings, states, S onsets"] = Row(rest, "ns/sample", "lower")
    out |= scipy_rates(options.repeats)
    kernels_rate = out[f"{FIRST}: vectors alone"].value
    for name in ("packet by packet", "900 channels in one array"):
        theirs = next(row.value for key, row in out.items() if key.startswith("scipy") and key.endswith(name))
        out[f"ratio: vectors to scipy, {name}"] = Row(kernels_rate / theirs, "times", "higher")
    picker = 1e6 * out[f"{FIRST}: picker alone (verticals)"].value
    out["ratio: picker to SeisComP's"] = Row(picker / SEISCOMP_PICKER, "times", "higher")
    out["ratio: vectors to SeisComP's envelopes"] = Row(
        1e6 * kernels_rate / SEISCOMP_ENVELOPES, "times", "higher"
    )
    report("waveform", out, options.json)


if __name__ == "__main__":
    main()
