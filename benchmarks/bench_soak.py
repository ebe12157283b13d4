"""A province for hours through servers, sources and daemon, with everything that goes wrong on such a day.

    python benchmarks/bench_soak.py [--hours 6] [--speed 20] [--stations 1200] [--servers 3]
        [--restarts 12] [--folder DIR] [--json FILE]

1,200 invented stations, a third of three components and two thirds vertical only (50 samples/s, records
of 8 s), are served by SeedLink servers in processes of their own, `speed` times real time, into
`seiswarn run`. At any time one station in a hundred sends nothing; servers are killed at random and
come back with what their ring on disk would hold; earthquakes of M 6.0 and 6.3 happen. Reported:
whether both were found and warned of, and nothing else; records that came, of those that were sent;
memory and open files of every process after the first hour and at the end; how far the core was
behind. Exit code 1 when an earthquake was missed, an alert was false or a record that the servers held
did not come.
"""

from __future__ import annotations

import argparse
import os
import pickle
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
from common import Row, report
from soak_data import PHASES, RECORD_S, T0_NS, Quake, quakes, shaking, write_network
from soak_server import DROP_SLOTS, is_down

from seiswarn.geo import distance_km
from seiswarn.messages import EventEstimate, decode
from seiswarn.timebase import NS, iso

HERE = Path(__file__).parent
FIRST_PORT = 18_610
SAMPLE_S = 5.0
MATCH_S, MATCH_KM = 20.0, 60.0
SETTLED_SHARE = 1.0 / 6.0  # memory is held against that after this share of the run: an hour of six


def main() -> int:
    args = arguments()
    folder = Path(args.folder or tempfile.mkdtemp(prefix="seiswarn-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    table = write_network(folder / "network", args.stations)
    events = quakes(table, args.hours)
    plan = make_plan(folder, table, events, args.servers)
    config = write_config(folder, args)
    soak = Soak(args, folder, plan, config)
    try:
        soak.run()
    finally:
        soak.close()
    return tell(soak, args, table, events)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=6.0)
    parser.add_argument("--speed", type=float, default=20.0)
    parser.add_argument("--stations", type=int, default=1200)
    parser.add_argument("--servers", type=int, default=3)
    parser.add_argument("--restarts", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def make_plan(folder: Path, table: Any, events: list[Quake], servers: int) -> dict[str, Any]:
    """What the servers play: channels, which server has which, and the motion to add."""
    moved: dict[str, list[tuple[int, Any]]] = defaultdict(list)
    for quake in events:
        for name, motion in shaking(table, quake).items():
            moved[name].append(motion)
    part = [int(s) % servers for s in table.ch_station]
    plan = {"channels": list(table.channels), "part": part, "moved": dict(moved)}
    with (folder / "plan.pickle").open("wb") as file:
        pickle.dump(plan, file)
    return plan


def write_config(folder: Path, args: argparse.Namespace) -> Path:
    doors = "".join(
        f'[[ingest]]\nkind = "seedlink"\nservers = ["127.0.0.1:{FIRST_PORT + k}"]\nsilent_s = 2\n'
        f'stations = ["A?_*", "B?_*"]\nbackfill_s = 3600\n'
        for k in range(args.servers)
    )
    text = f"""[run]
name = "soak"
status = "test"
clock = "data"
clock_speed = {args.speed}
[stations]
paths = ["network"]
{doors}[[publish]]
kind = "zmq"
endpoint = "ipc://{folder}/public"
[runtime]
folder = "run"
snapshot_s = 1200
journal_file_mb = 512
journal_keep_mb = 4096
queue_packets = 200000
"""
    path = folder / "soak.toml"
    path.write_text(text)
    return path


class Soak:
    """The processes of one soak, and what was seen of them."""

    def __init__(self, args: argparse.Namespace, folder: Path, plan: dict[str, Any], config: Path) -> None:
        self.args, self.folder, self.plan = args, folder, plan
        self.config = config
        self.run_folder = folder / "run"
        self.steps = round(args.hours * 3600) * PHASES // RECORD_S
        self.servers: list[subprocess.Popen[str] | None] = [None] * args.servers
        self.daemon: subprocess.Popen[bytes] | None = None
        self.samples: list[tuple[float, str, int, int]] = []  # data hours, process, bytes, open files
        self.delays: list[tuple[float, float]] = []  # data hours, seconds that the core is behind
        self.status: dict[str, Any] = {}
        self.begin = 0.0
        self.killed = 0
        self.cpu: dict[str, float] = {}

    def run(self) -> None:
        self.daemon = subprocess.Popen(
            [str(Path(sys.executable).parent / "seiswarn"), "run", str(self.config)],
            stdout=(self.folder / "daemon.log").open("wb"),
            stderr=subprocess.STDOUT,
        )
        self._wait_until(lambda: self._process("core").get("state") == "ready", 300.0)
        self.begin = time.time() + 6.0
        for k in range(self.args.servers):
            self._start(k)
        rng = random.Random(self.args.seed)
        wall_s = 3600.0 * self.args.hours / self.args.speed
        deaths = sorted(rng.uniform(0.02, 0.85) * wall_s for _ in range(self.args.restarts))
        back: list[tuple[float, int]] = []
        while (now := time.time() - self.begin) < wall_s + 20.0:
            if deaths and now > deaths[0]:
                deaths.pop(0)
                k = rng.randrange(self.args.servers)
                if self.servers[k] is not None:
                    self._kill(k)
                    back.append((now + rng.uniform(0.5, 8.0), k))
            for at, k in list(back):
                if now > at:
                    back.remove((at, k))
                    self._start(k)
            self._sample()
            time.sleep(min(SAMPLE_S, 1.0))
        self._stop()

    def _start(self, k: int) -> None:
        words = {
            "plan": self.folder / "plan.pickle", "part": k, "port": FIRST_PORT + k, "begin": self.begin,
            "speed": self.args.speed, "steps": self.steps,
        }  # fmt: skip
        command = [sys.executable, str(HERE / "soak_server.py"), *(f"--{n}={v}" for n, v in words.items())]
        self.servers[k] = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE)

    def _kill(self, k: int) -> None:
        server = self.servers[k]
        if server is not None:
            self.cpu[f"server {k}"] = self.cpu.get(f"server {k}", 0.0) + cpu_s(server.pid)
            server.kill()
            server.wait()
            self.servers[k] = None
            self.killed += 1

    def _read(self) -> None:
        try:
            self.status = msgspec.json.decode((self.run_folder / "status.json").read_bytes())
        except (OSError, msgspec.MsgspecError):
            self.status = {}

    def _process(self, name: str) -> dict[str, Any]:
        self._read()
        return next((p for p in self.status.get("processes", ()) if p["name"] == name), {})

    def _wait_until(self, condition: Any, within_s: float) -> None:
        end = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > end:
                raise SystemExit(f"the daemon did not start: see {self.folder}/daemon.log")
            time.sleep(0.2)

    def _sample(self) -> None:
        self._read()
        hours = (time.time() - self.begin) * self.args.speed / 3600.0
        pids = {p["name"]: p["pid"] for p in self.status.get("processes", ()) if p["pid"]}
        if self.daemon is not None:
            pids["supervisor"] = self.daemon.pid
        for name, pid in pids.items():
            try:
                fields = Path(f"/proc/{pid}/statm").read_text().split()
                files = len(os.listdir(f"/proc/{pid}/fd"))
            except OSError:
                continue
            self.samples.append((hours, name, int(fields[1]) * os.sysconf("SC_PAGE_SIZE"), files))
            self.cpu[name] = cpu_s(pid)
        core = next((p for p in self.status.get("processes", ()) if p["name"] == "core"), {})
        seen = core.get("t_seen_ns", 0)
        if seen:  # at the time of its heartbeat
            at_s = self.status["t_ns"] / NS - core["beat_age_s"]
            now_ns = T0_NS + (at_s - self.begin) * self.args.speed * NS
            self.delays.append((hours, (now_ns - seen) / NS))

    def _stop(self) -> None:
        self._sample()
        for k, server in enumerate(self.servers):
            if server is not None:
                self.cpu[f"server {k}"] = self.cpu.get(f"server {k}", 0.0) + cpu_s(server.pid)
        if self.daemon is not None:
            self.daemon.send_signal(signal.SIGTERM)
            self.daemon.wait(timeout=120)

    def close(self) -> None:
        for server in self.servers:
            if server is not None:
                server.kill()
                server.wait()
        if self.daemon is not None and self.daemon.poll() is None:
            self.daemon.kill()
            self.daemon.wait()

    def expected(self) -> int:
        """Records sent by all servers over the whole time."""
        slots = self.steps // PHASES
        stations: dict[str, int] = {}
        for name in self.plan["channels"]:
            code = "_".join(name.removeprefix("FDSN:").split("_")[:2])
            stations[code] = stations.get(code, 0) + 1
        total = 0
        for code, n in stations.items():
            for group in range(-(-slots // DROP_SLOTS)):
                if not is_down(code, group * DROP_SLOTS):
                    total += n * min(DROP_SLOTS, slots - group * DROP_SLOTS)
        return total


def cpu_s(pid: int) -> float:
    """Seconds of processor time a process has used."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- what came of it -------------------------------------------------------------------------------


def alerts_of(folder: Path) -> list[tuple[str, EventEstimate]]:
    """Events that were warned of, with their last estimates."""
    with sqlite3.connect(folder / "seiswarn.sqlite") as database:
        warned = [row[0] for row in database.execute("SELECT DISTINCT event_id FROM alerts")]
        out = []
        for event in warned:
            row = database.execute(
                "SELECT payload FROM revisions WHERE event_id = ? ORDER BY revision DESC LIMIT 1", (event,)
            ).fetchone()
            if row is not None:
                out.append((event, decode(row[0])))
    return out  # type: ignore[return-value]


def matches(quake: Quake, estimate: EventEstimate) -> bool:
    o = estimate.origin
    near = distance_km(quake.latitude, quake.longitude, o.latitude, o.longitude) < MATCH_KM
    return near and abs(o.time_ns - quake.origin_ns) < MATCH_S * NS


def growth(
    samples: list[tuple[float, str, int, int]], hours: float
) -> dict[str, tuple[float, float, int, int]]:
    """By process: bytes after the first hour and at the end (medians of ten minutes), open files likewise."""
    out = {}
    for name in sorted({s[1] for s in samples}):
        mine = [s for s in samples if s[1] == name]
        settled = hours * SETTLED_SHARE
        span = hours / 36.0
        early = sorted(s[2] for s in mine if settled <= s[0] <= settled + span)
        late = sorted(s[2] for s in mine if hours - span <= s[0] <= hours)
        files = [[s[3] for s in mine if a <= s[0] <= a + span] for a in (settled, hours - span)]
        if early and late and all(files):
            out[name] = (early[len(early) // 2], late[len(late) // 2], max(files[0]), max(files[1]))
    return out


def course(samples: list[tuple[float, str, int, int]], hours: float) -> list[str]:
    """Memory of each process in each sixth of the run: whether it grows, or stepped up once."""
    out = []
    for name in sorted({s[1] for s in samples}):
        parts = []
        for k in range(6):
            mine = sorted(s[2] for s in samples if s[1] == name and k <= 6.0 * s[0] / hours < k + 1)
            parts.append(f"{mine[len(mine) // 2] / 1e6:.0f}" if mine else "-")
        out.append(f"{name} {' '.join(parts)}")
    return out


def tell(soak: Soak, args: argparse.Namespace, table: Any, events: list[Quake]) -> int:
    warned = alerts_of(soak.run_folder)
    found = [any(matches(q, e) for _, e in warned) for q in events]
    false = [e for _, e in warned if not any(matches(q, e) for q in events)]
    core = next(p for p in soak.status["processes"] if p["name"] == "core")
    counters = core["counters"]
    expected, came = soak.expected(), int(counters.get("packets", 0))
    grown = growth(soak.samples, args.hours)
    whole = [sum(g[k] for g in grown.values()) for k in (0, 1)]
    restarts = sum(p["restarts"] for p in soak.status["processes"])
    settled = [d for h, d in soak.delays if h > args.hours * SETTLED_SHARE]
    settled.sort()
    for q, ok in zip(events, found, strict=True):
        print(f"M {q.mw} at {iso(q.origin_ns, 0)}: {'warned of' if ok else 'MISSED'}")
    for e in false:
        print(f"FALSE: {e.event_id}, {e.origin.n_stations} stations, {e.reasons}")
    print(f"{'process':24} {'MB at 1/6':>10} {'MB at end':>10} {'growth':>8} {'files':>12} {'CPU s':>8}")
    for name, (a, b, f0, f1) in grown.items():
        line = f"{name:24} {a / 1e6:10.1f} {b / 1e6:10.1f} {100 * (b / a - 1):7.1f}% {f0:5d} -> {f1:3d}"
        print(line + f" {soak.cpu.get(name, 0.0):8.1f}")
    print("MB by sixths of the run, medians: " + ", ".join(course(soak.samples, args.hours)))
    for name in sorted(n for n in soak.cpu if n.startswith("server")):
        print(f"{name:24} {'':10} {'':10} {'':8} {'':12} {soak.cpu[name]:8.1f}")
    rows = {
        "earthquakes_found": Row(float(sum(found)), "of 2", "higher"),
        "false_alerts": Row(float(len(false)), "alerts", "lower"),
        "records_sent": Row(float(expected), "records", "higher"),
        "records_came": Row(100.0 * came / expected, "% of those sent", "higher"),
        "server_kills": Row(float(soak.killed), "times", "higher"),
        "process_restarts": Row(float(restarts), "times", "lower"),
        "memory_growth": Row(100.0 * (whole[1] / whole[0] - 1.0), "% after the first sixth", "lower"),
        "open_files_growth": Row(float(sum(g[3] - g[2] for g in grown.values())), "descriptors", "lower"),
        "behind_p50": Row(settled[len(settled) // 2] if settled else 0.0, "s of data", "lower"),
        "behind_p99": Row(settled[int(0.99 * len(settled))] if settled else 0.0, "s of data", "lower"),
        "core_step_p99": Row(counters.get("step_ms_p99", 0.0), "ms", "lower"),
        "speed": Row(args.speed, "times real time", "higher"),
        "stations": Row(float(args.stations), "stations", "higher"),
        "hours": Row(args.hours, "h of data", "higher"),
    }
    report("soak", rows, args.json)
    # Records of the first seconds, before sources were connected, are the servers' past.
    enough = came >= expected - 2 * len(table.channels)
    well = all(found) and not false and enough
    print("The soak found both earthquakes and nothing else." if well else "The soak FAILED: see above.")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
