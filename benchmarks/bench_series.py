"""What measurements cost: the core's time per slice with a database, without one, and with one that is away.

    python benchmarks/bench_series.py [--seconds 40] [--speed 2] [--rounds 2] [--folder DIR] [--json FILE]

1,200 stations send 1-s records through the real processes, 300 of them shaking, once without
measurements, once with InfluxDB (Debian's influxd behind the write shim of the tests), once with an
InfluxDB that is not there. The core measures itself: `step_ms_p99` over its last thousand slices
with data, of which the median over the run is taken, and of the rounds the least, because what else
the machine does only ever adds. The ratio of two is what counts: measurements live in a process of
their own that reads the journal, so it should be 1. On a machine with fewer cores than busy
processes (core, ingest, series, database) they compete for the processor itself.

Besides: what the series process itself takes of a processor at 24,000 points a second, from a journal
that is written at that pace.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import msgspec
from bench_national import SHAKING, Watch, done, write_config
from common import Row, report
from national_data import Nation, make

from seiswarn.config import load_config
from seiswarn.runtime.live import config_sinks, config_sources, plan
from seiswarn.runtime.supervisor import Supervisor
from seiswarn.store.series_params import Influx, Params

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from influx_server import Influxd, Shim
from series_feed import Feed, SeriesProcess, quick

N_STATIONS = 1200
SETTLE_BEATS = 10  # the first seconds of a run: filters, caches, connections


def run_once(nation: Nation, run: Path, series: Params, speed: float) -> Watch:
    """One run of the daemon to the end of its data."""
    config = load_config(write_config(nation, "provincial", run, speed, 1))
    config = msgspec.structs.replace(config, series=series)
    specs, sockets = plan(config, run, config_sources(config), config_sinks(config, run), config.run.status)
    supervisor = Supervisor(specs, sockets, lambda text: None)
    watch = Watch(supervisor)
    try:
        code = None
        while code is None and not done(watch):
            code = supervisor.step(0.05)
            watch.look(os.getpid())
        if code is not None:
            raise SystemExit(f"the run ended with {code}; see {run}/log")
    finally:
        supervisor.close()
    return watch


def figures(watch: Watch) -> dict[str, float]:
    beats = [b.counters for _, b in watch.beats if b.process == "core" and "step_ms_p99" in b.counters]
    told = {
        which: statistics.median(b[f"step_ms_{which}"] for b in beats[SETTLE_BEATS:])
        for which in ("p50", "p99")
    }
    counters = watch.counters("series")
    points = counters.get("station_seconds", 0.0) + counters.get("other_points", 0.0)
    if points:
        told["points"] = points
        told["spooled"] = counters.get("influx_spool_points", 0.0)
    return told


def fed(folder: Path, url: str, seconds: int) -> dict[str, float]:
    """Points of 1,200 stations at 20 times real time into a series process: what it takes of a core."""
    os.environ["SEISWARN_TEST_TOKEN"] = "secret-1"
    feed = Feed(folder, N_STATIONS)
    series = SeriesProcess(folder, quick(url, flush_s=10.0))
    try:
        series.start()
        series.until(lambda beat: beat.state == "ready")
        feed.paced(100, 20.0)  # imports, connections
        spent, begun = series.cpu_s(), time.monotonic()
        feed.paced(seconds, 20.0)
        share = (series.cpu_s() - spent) / (time.monotonic() - begun)
        wanted = N_STATIONS * feed.seconds
        series.until(lambda b: b.counters["station_seconds"] == wanted and b.counters["influx_queue"] == 0)
        series.stop()
    finally:
        series.close()
        feed.close()
    return {"share": share, "us_per_point": 1e6 * share / (20.0 * N_STATIONS)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=40)
    parser.add_argument("--speed", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "seiswarn-national")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    nation = make(options.folder, N_STATIONS, SHAKING, options.seconds, 1)
    found: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory(prefix="seiswarn-", dir=options.folder) as scratch:
        influxd = Influxd(Path(scratch) / "influxd")
        shim = Shim(influxd)
        influxd.start()
        shim.start()
        away = Influx(url="http://127.0.0.1:9", bucket="seis", token=shim.token)
        ways = {
            "off": Params(enabled=False),
            "on": Params(influx=Influx(url=shim.url, bucket="seis", token=shim.token)),
            "away": Params(influx=away),
        }
        try:
            for k in range(options.rounds):
                for name, series in ways.items():
                    run = Path(scratch) / f"{name}-{k}"
                    run.mkdir()
                    told = figures(run_once(nation, run, series, options.speed))
                    found.setdefault(name, []).append(told)
                    text = ", ".join(f"{key} {value:.4g}" for key, value in told.items())
                    print(f"  {name}: {text}", flush=True)
            (Path(scratch) / "fed").mkdir()
            cost = fed(Path(scratch) / "fed", shim.url, 400)
            print(f"  fed: {cost}", flush=True)
        finally:
            shim.stop()
            influxd.stop()
    report("series", _rows(found, cost), options.json)


def _rows(found: dict[str, list[dict[str, float]]], cost: dict[str, float]) -> dict[str, Row]:
    best = {name: {key: min(t[key] for t in told) for key in told[0]} for name, told in found.items()}
    rows = {f"step p99, {name}": Row(told["p99"], "ms", "lower") for name, told in best.items()}
    rows |= {f"step p50, {name}": Row(told["p50"], "ms", "lower") for name, told in best.items()}
    for name in ("on", "away"):
        rows[f"p99 {name} / off"] = Row(best[name]["p99"] / best["off"]["p99"], "", "lower")
    rows["series process at 24,000 points a second"] = Row(cost["share"], "of a core", "lower")
    rows["series process per point"] = Row(cost["us_per_point"], "us", "lower")
    return rows


if __name__ == "__main__":
    main()
