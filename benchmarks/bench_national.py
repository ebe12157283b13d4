"""The whole way at the scale of a nation: records -> ingest processes -> ZeroMQ -> core -> warnings.

    python benchmarks/bench_national.py [--case national|provincial] [--seconds 60] [--speed 1]
        [--ingests 2] [--shards N] [--folder DIR] [--json FILE]

15,391 three-component stations (provincial: 1,200) send 1-s miniSEED records of 512 bytes, Steim2;
300 stations shake at once. The processes are those of `seiswarn run`, started by its supervisor
from a configuration written here; a process of its own subscribes to the core's output and stamps
what arrives. Files (0.4 MB per second and 300 stations) are kept in --folder for the next time.

What the figures mean:

* *latency of a motion*: from the time of the last sample of the record that completes a station's
  second, on the clock the records are played by, to the arrival of that station's motion of that
  second at the subscriber. It includes the wait for the end of the slice (20 ms).
* *latency of a pick*: the same from the last record of its station that was seen before the slice the
  pick came out of; the onset itself lies up to a second earlier, in the record.
* with several ingest processes the clock is that of the last one to start.
* *lag*: how far the core's data time is behind that clock, by its heartbeats.
* *real-time factor*: seconds of data by the seconds from the first sample to the last one handled; at
  speed 1 it cannot exceed 1; --speed 0 plays as fast as the core takes it, and says nothing of latency.

Snapshots are put off beyond the run (a snapshot of 46,173 channels holds up the core for seconds),
and the queue of each ingest holds four seconds of packets.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np
from common import Row, report
from national_data import RATE_HZ, T0_NS, Nation, make

from seiswarn.config import load_config
from seiswarn.messages import Heartbeat, Motions, Pick, decode
from seiswarn.runtime.live import config_sinks, config_sources, plan
from seiswarn.runtime.supervisor import Supervisor
from seiswarn.timebase import MS, NS

CASES = {"national": 15_391, "provincial": 1_200}
SHAKING = 300
TICK = os.sysconf("SC_CLK_TCK")
CONFIG = """
[run]
name = "{case}"
[stations]
paths = ["stations"]
[shaking]
targets = "targets.csv"
[[publish]]
kind = "zmq"
endpoint = "ipc://{run}/public"
[[publish]]
kind = "file"
path = "{run}/products"
[runtime]
folder = "{run}"
snapshot_s = 86400.0
queue_packets = {queue}
"""
INGEST = '[[ingest]]\nkind = "records"\npath = "{name}"\nspeed = {speed}\n'


def write_config(nation: Nation, case: str, run: Path, speed: float, shards: int) -> Path:
    """The configuration of a run, beside the records."""
    queue = max(20_000, 4 * nation.n_records // nation.seconds)
    text = CONFIG.format(case=case, run=run, queue=queue)
    text += "".join(INGEST.format(name=path.name, speed=speed) for path in nation.records)
    if shards > 1:
        text += f"[waveform]\nshards = {shards}\n"
    path = nation.folder / f"{case}.toml"
    path.write_text(text)
    return path


# --- what the processes take -------------------------------------------------------------------


def cpu_of(pid: int) -> float:
    """CPU seconds of a process so far, user and system; nan when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_of(pid: int) -> tuple[float, float]:
    """(resident, proportional) memory in MB; nan when it is gone."""
    found = {}
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
            name, value = line.split(":")
            found[name] = int(value.split()[0]) / 1024.0
    except (OSError, ValueError):
        return float("nan"), float("nan")
    return found.get("Rss", float("nan")), found.get("Pss", float("nan"))


class Watch:
    """Heartbeats of the processes and what the system says of them, while they run."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._children = supervisor.children
        supervisor.on_beat = self.hear
        self.offsets: dict[str, float] = {}  # wall clock minus data clock, ns, of each ingest
        self.beats: list[tuple[int, Heartbeat]] = []
        self.begun: dict[str, float] = {}  # CPU when the sources start
        self.playing_ns = 0
        self.cpu: dict[str, float] = {}
        self.memory: dict[str, tuple[float, float]] = {}
        self._next_s = self._next_memory_s = 0.0

    def hear(self, beat: Heartbeat) -> None:
        now = time.time_ns()
        self.beats.append((now, beat))
        if beat.process.startswith("ingest") and beat.state in ("ready", "ended") and beat.t_seen_ns:
            if beat.state == "ready":
                ahead = float(now - beat.t_seen_ns)
                self.offsets[beat.process] = min(ahead, self.offsets.get(beat.process, ahead))
            if not self.begun:
                self.playing_ns = now
                self.begun = {name: cpu_of(c.pid) for name, c in self._children.items() if c.pid}
                self.begun["supervisor"] = cpu_of(os.getpid())

    def look(self, supervisor_pid: int) -> None:
        now = time.monotonic()
        if now < self._next_s:
            return
        self._next_s = now + 0.5
        pids = {name: c.pid for name, c in self._children.items() if c.pid and c.running}
        for name, pid in {**pids, "supervisor": supervisor_pid}.items():
            spent = cpu_of(pid)
            if spent == spent:
                self.cpu[name] = spent
        if self.begun and now >= self._next_memory_s:
            self._next_memory_s = now + 10.0
            for name, pid in pids.items():
                seen = memory_of(pid)
                if seen[0] == seen[0]:
                    self.memory[name] = max(seen, self.memory.get(name, (0.0, 0.0)))

    def counters(self, process: str) -> dict[str, float]:
        """The last ones a process has told."""
        told = [beat.counters for _, beat in self.beats if beat.process == process]
        return told[-1] if told else {}


# --- what arrived --------------------------------------------------------------------------------


class Arrivals(msgspec.Struct):
    """What the subscriber writes: ns stamps, types and payloads; how many it missed."""

    stamps: list[int]
    payloads: list[bytes]
    missed: int


def latencies(nation: Nation, arrived: Arrivals, offset_ns: float) -> dict[str, np.ndarray]:
    """Milliseconds of each kind, see the head of this file."""
    motion, pick, rows = [], [], 0
    for stamp, payload in zip(arrived.stamps, arrived.payloads, strict=True):
        message = decode(payload)
        data_ns = stamp - offset_ns
        if isinstance(message, Motions):
            phase = np.array([nation.phase[s] for s in message.stations])
            # The record that begins in a second holds its last sample, and ends phase - 1 samples later.
            release = np.array(message.t_ns) + (phase - 1) * (NS // RATE_HZ)
            known = release < T0_NS + nation.seconds * NS
            motion.append((data_ns - release[known]) / MS)
            rows += len(phase)
        elif isinstance(message, Pick):
            first = T0_NS + (nation.phase[message.station] + RATE_HZ - 1) * (NS // RATE_HZ)
            release = first + (message.t_seen_ns - first) // NS * NS
            pick.append((data_ns - release) / MS)
    empty = np.zeros(0)
    return {"motion": np.concatenate([empty, *motion]), "pick": np.array(pick)}


def run_case(case: str, nation: Nation, run: Path, options: argparse.Namespace) -> dict[str, Row]:
    """One run of the daemon; its rows."""
    config = load_config(write_config(nation, case, run, options.speed, options.shards))
    planned, sockets = plan(config, run, config_sources(config), config_sinks(config, run), config.run.status)
    kept = run / "arrived"
    subscriber = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("national_subscriber.py")), planned[0].endpoints.output,
         str(kept)]
    )  # fmt: skip
    supervisor = Supervisor(planned, sockets, lambda text: print(f"  {text}", flush=True))
    watch = Watch(supervisor)
    try:
        code = None
        while code is None and not done(watch):
            code = supervisor.step(0.05)
            watch.look(os.getpid())
    finally:
        supervisor.close()
        subscriber.terminate()
        subscriber.wait()
    if code is not None:
        raise SystemExit(f"{case}: the run ended with {code}; see {run}/log")
    return told(case, nation, watch, msgspec.msgpack.decode(kept.read_bytes(), type=Arrivals), options)


def done(watch: Watch) -> bool:
    """The core has handled all data; what follows, silence until the last event ends, is not waited for."""
    return any(beat.state in ("draining", "done") for _, beat in watch.beats if beat.process == "core")


def told(
    case: str, nation: Nation, watch: Watch, arrived: Arrivals, options: argparse.Namespace
) -> dict[str, Row]:
    offset = max(watch.offsets.values(), default=0.0)
    core = [(stamp, beat) for stamp, beat in watch.beats if beat.process == "core" and beat.t_seen_ns]
    data = [(stamp, beat) for stamp, beat in core if beat.t_seen_ns >= T0_NS + NS]
    lag = np.array([(stamp - offset - beat.t_seen_ns) / NS for stamp, beat in data if beat.state == "ready"])
    ended = next((stamp for stamp, beat in core if beat.state in ("draining", "done")), core[-1][0])
    # As fast as possible there is no clock that the data are played by: from the sources' first sign on.
    begun = offset + T0_NS if options.speed == 1.0 else watch.playing_ns
    took_s = (ended - begun) / NS
    data_s = nation.seconds + max(nation.phase.values()) / RATE_HZ  # the last station's seconds begin late
    rows = {
        f"{case}: data": Row(nation.seconds, "s", "higher"),
        f"{case}: records": Row(nation.n_records, "records", "higher"),
        f"{case}: first sample to last one handled": Row(took_s, "s", "lower"),
        f"{case}: real-time factor": Row(data_s / took_s, "times", "higher"),
    }
    if options.speed == 1.0:
        found = latencies(nation, arrived, offset)
        for name, ms in found.items():
            rows[f"{case}: {name}s arrived"] = Row(len(ms), "rows", "higher")
            for q, word in ((50, "p50"), (99, "p99"), (100, "max")):
                if len(ms):
                    value = float(np.percentile(ms, q))
                    rows[f"{case}: latency of a {name}, {word}"] = Row(value, "ms", "lower")
        if len(lag):
            rows[f"{case}: lag of the core, median"] = Row(float(np.median(lag)), "s", "lower")
            rows[f"{case}: lag of the core, largest"] = Row(float(lag.max()), "s", "lower")
            rows[f"{case}: lag of the core, at the end"] = Row(float(lag[-1]), "s", "lower")
    rows |= losses(case, nation, watch, arrived)
    for name, spent in sorted(watch.cpu.items()):
        before = watch.begun.get(name, 0.0)
        rows[f"{case}: CPU of {name}, start"] = Row(before, "s", "lower")
        rows[f"{case}: CPU of {name}, run"] = Row(spent - before, "s", "lower")
    for name, (resident, proportional) in sorted(watch.memory.items()):
        rows[f"{case}: memory of {name}, resident"] = Row(resident, "MB", "lower")
        rows[f"{case}: memory of {name}, proportional"] = Row(proportional, "MB", "lower")
    return rows


def losses(case: str, nation: Nation, watch: Watch, arrived: Arrivals) -> dict[str, Row]:
    """What was handed in against what came; nothing may be missing."""
    core = watch.counters("core")
    players = {beat.process for _, beat in watch.beats if beat.process.startswith("ingest")}
    dropped = sum(watch.counters(name).get("dropped", 0.0) for name in players)
    numbers = {
        "records that did not reach the core": nation.n_records - core.get("packets", 0.0),
        "records refused": core.get("refused", 0.0),
        "frames lost": core.get("lost_frames", 0.0),
        "packets dropped by ingest": dropped,
        "messages the subscriber missed": float(arrived.missed),
        "longest turn of the core": core.get("handle_ms_max", 0.0),
        "start of the core": core.get("setup_s", 0.0),
    }
    units = {"longest turn of the core": "ms", "start of the core": "s"}
    return {f"{case}: {key}": Row(value, units.get(key, ""), "lower") for key, value in numbers.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", choices=(*CASES, "both"), default="both")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--speed", type=float, default=1.0, help="times real time; 0: as fast as possible")
    parser.add_argument("--ingests", type=int, default=2)
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "seiswarn-national")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: dict[str, Row] = {}
    for case in ("provincial", "national") if options.case == "both" else (options.case,):
        print(f"{case}:", flush=True)
        nation = make(options.folder, CASES[case], SHAKING, options.seconds, options.ingests)
        with tempfile.TemporaryDirectory(prefix="seiswarn-", dir=options.folder) as run:
            rows |= run_case(case, nation, Path(run), options)
    report("national", rows, options.json)


if __name__ == "__main__":
    main()
