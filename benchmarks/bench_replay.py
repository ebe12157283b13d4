"""The whole way of a packet, replayed in one process: times real time and cost per packet.

    python benchmarks/bench_replay.py [FOLDER with recorded sets] [--set NAME] [--json FILE]

The yardstick beside it is obspy's own real-time chain on the same packets, which does far less:
integration, absolute value and a running mean.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from seiswarn.config import default_config
from seiswarn.runtime.replay import replay
from seiswarn.runtime.setup import archive_run, versions

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 3
OBSPY_CHANNELS = 12  # the comparison takes long: part of the channels, told per packet


def measure(folder: Path) -> dict[str, float]:
    """Medians over a few replays of one set."""
    runs = []
    for _ in range(REPEATS):
        setup, feed = archive_run(folder, default_config(), packet_s=0.5, latency_s=0.0, status="test")
        with tempfile.TemporaryDirectory() as out:
            summary = replay(setup, feed, Path(out))
        runs.append({**summary.timings, "packets": summary.counts["packets"]})
    return {key: statistics.median(r[key] for r in runs) for key in runs[0]}


def obspy_us_per_packet(folder: Path) -> float:
    """Cost of obspy's RtTrace (integrate, absolute value, boxcar) per packet, on a part of the channels."""
    from obspy import Trace, read
    from obspy.realtime import RtTrace

    stream = read(str(folder / "waveforms.mseed"))
    stream.merge(method=1, fill_value=0)
    n, spent = 0, 0.0
    for trace in stream[:OBSPY_CHANNELS]:
        rate = trace.stats.sampling_rate
        live = RtTrace()
        live.register_rt_process("integrate")
        live.register_rt_process(np.abs)
        live.register_rt_process("boxcar", width=int(0.3 * rate))
        step = round(0.5 * rate)
        parts = [
            Trace(trace.data[k : k + step].astype(float), trace.stats)
            for k in range(0, trace.stats.npts, step)
        ]
        for k, part in enumerate(parts):
            part.stats.starttime = trace.stats.starttime + k * step / rate
        begun = time.perf_counter()
        for part in parts:
            live.append(part, gap_overlap_check=False)
        spent += time.perf_counter() - begun
        n += len(parts)
    return 1e6 * spent / n


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("events", nargs="?", type=Path, default=ROOT / ".." / "shared" / "events")
    parser.add_argument("--set", dest="name", default="maras2023_m7.8")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    folder = options.events / options.name
    if not folder.is_dir():
        raise SystemExit(f"no recorded set {folder}: give the folder that holds it")
    result = measure(folder)
    print(f"machine: {platform.processor() or platform.machine()}, {platform.system()} {platform.release()}")
    print("versions: " + ", ".join(f"{k} {v}" for k, v in versions().items()))
    print(
        f"{options.name}: {result['data_s']:.0f} s of data, {result['packets']:.0f} packets of 0.5 s, "
        f"median of {REPEATS}"
    )
    print(
        f"  one process, all products of the run written: {result['times_real_time']:.0f} times real time "
        f"({result['run_s']:.2f} s)"
    )
    print(f"  cost per packet, door to decision: {result['us_per_packet']:.1f} microseconds")
    print(f"  of the run, writing products: {result['publish_s']:.2f} s")
    print(f"  after the run, drawing the reports: {result['drawing_s']:.2f} s")
    theirs = obspy_us_per_packet(folder)
    print(f"  obspy RtTrace (integrate, boxcar), per packet: {theirs:.1f} microseconds")
    ratio = theirs / result["us_per_packet"]
    print(f"  ratio: {ratio:.1f}, with all measures, location and forecast on our side")
    if options.json:
        facts = {
            "set": options.name,
            "versions": versions(),
            "machine": platform.machine(),
            "obspy_us_per_packet": theirs,
        }
        options.json.write_text(json.dumps({**facts, **result}, indent=2) + "\n")


if __name__ == "__main__":
    main()
