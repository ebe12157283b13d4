"""One update of the forecast: 3,000 targets and a grid of 10,000 nodes, on a network of 1,200 stations.

    python benchmarks/bench_shaking.py [--repeats N] [--targets N] [--nodes N] [--stations N] [--json FILE]

CPU time of `ShakingStage.handle` for an estimate that has changed, with the motion of a growing number of
stations to correct it (relations, kriging, wavefield, probabilities, columns), and of `AlertsStage.handle`
for three audiences after it; p50 and p99 over an M 5 that grows to M 7.5 in 60 s.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from common import Row, report
from networks import station_table

from seiswarn.alerts.params import Params as AlertsParams
from seiswarn.alerts.presets import PRESETS
from seiswarn.alerts.stage import AlertsStage
from seiswarn.config_audiences import with_presets
from seiswarn.config_check import Findings, build
from seiswarn.config_lines import KeyLines
from seiswarn.grid import grid_nodes
from seiswarn.messages import EventEstimate, Forecast, Magnitude, Message, Motions, Origin
from seiswarn.shaking.params import Params
from seiswarn.shaking.stage import ShakingStage
from seiswarn.source.traveltime import TravelTimes
from seiswarn.stations import StationTable
from seiswarn.targets import Target, TargetTable
from seiswarn.timebase import NS, from_seconds

ORIGIN_NS = 1_700_000_000 * NS
AUDIENCES = ("public", "railway", "centre")
SEED = 5


def targets(table: StationTable, n: int) -> TargetTable:
    """Targets of three kinds all over the network."""
    rng = np.random.default_rng(SEED)
    lat = rng.uniform(table.st_latitude.min(), table.st_latitude.max(), n)
    lon = rng.uniform(table.st_longitude.min(), table.st_longitude.max(), n)
    kinds = ("place", "railway", "school")
    return TargetTable.of(
        Target(name=f"T{k:05d}", latitude=float(lat[k]), longitude=float(lon[k]), kind=kinds[k % 3])
        for k in range(n)
    )


def audiences() -> list[AlertsParams]:
    """Three presets, as a configuration builds them."""
    raw = {"audience": [{"name": name, "preset": name} for name in AUDIENCES if name in PRESETS]}
    findings = Findings("", KeyLines())
    tables = with_presets(raw, findings)["audience"]
    for table in tables:
        del table["preset"]
    return [build(AlertsParams, table, (), findings) for table in tables]


def estimate(table: StationTable, k: int, t_seen_ns: int) -> EventEstimate:
    """Revision k of an event in the middle of the network."""
    origin = Origin(
        time_ns=ORIGIN_NS,
        latitude=float(np.median(table.st_latitude)) + 0.001 * (k % 7),
        longitude=float(np.median(table.st_longitude)),
        depth_km=10.0,
        time_sigma_s=0.3,
        depth_sigma_km=4.0,
        ellipse_major_km=3.0,
        ellipse_minor_km=2.0,
        ellipse_azimuth_deg=0.0,
        n_stations=10 + k,
        gap_deg=60.0,
        rms_s=0.2,
    )
    size = Magnitude(value=min(7.5, 5.0 + 0.02 * k), sigma=0.3, kind="Mpd", n_stations=10 + k)
    return EventEstimate(
        event_id="e",
        revision=k + 1,
        state="new" if k == 0 else "update",
        t_seen_ns=t_seen_ns,
        origin=origin,
        magnitude=size,
    )


def motions(table: StationTable, t_ns: int) -> Motions:
    """One second of all stations: those that S has reached shake, less with distance; others are quiet."""
    since = (t_ns - ORIGIN_NS) / NS
    lat, lon = np.median(table.st_latitude), np.median(table.st_longitude)
    km = 111.0 * np.hypot(table.st_latitude - lat, table.st_longitude - lon)
    scatter = np.random.default_rng(SEED).normal(0.0, 0.5, table.n_stations)
    pga = np.where(km < 3.5 * since, 3.0 * np.exp(scatter) / (1.0 + km / 15.0) ** 1.3, 2e-4)
    n = table.n_stations
    columns = tuple(pga.tolist())
    zero = (0.0,) * n
    return Motions(
        t_seen_ns=t_ns,
        stations=table.stations,
        t_ns=(t_ns,) * n,
        n_components=(3,) * n,
        pga_mps2=columns,
        pgv_mps=tuple((pga / 12.0).tolist()),
        pgd_m=zero,
        intensity_gbt=zero,
        intensity_jma=zero,
        clipped=(False,) * n,
        pga_gbt_mps2=columns,
        pgv_gbt_mps=tuple((pga / 12.0).tolist()),
        flags=(0,) * n,
    )


def run(n_stations: int, n_targets: int, n_nodes: int, repeats: int) -> dict[str, Row]:
    table = station_table(n_stations)
    grid = grid_nodes(table.st_latitude, table.st_longitude, 1.0, 50.0, n_nodes)
    params, told = Params(grid_every_s=1e-9), targets(table, n_targets)
    stage = ShakingStage(params, told, TravelTimes("iasp91", 50.0), table, grid)
    alerts = AlertsStage(audiences(), told)
    stage.warm()
    spent, judged, observed, size = [], [], 0, 0
    for k in range(repeats):
        t_ns = ORIGIN_NS + from_seconds(4.0 + 60.0 * k / repeats)
        messages: list[Message] = [motions(table, t_ns // NS * NS), estimate(table, k, t_ns)]
        stage.handle(t_ns - 1, messages[:1])
        begun = time.process_time()
        out = stage.handle(t_ns, messages[1:])
        spent.append(time.process_time() - begun)
        messages += out
        begun = time.process_time()
        alerts.handle(t_ns, messages)
        judged.append(time.process_time() - begun)
        forecast = next(m for m in out if isinstance(m, Forecast))
        observed = max(observed, forecast.n_observed)
        size = sum(len(getattr(f, n)) for f in (forecast.field, forecast.grid) if f for n in FIELDS)
    name = f"{len(told)} targets, {len(grid)} nodes, {n_stations} stations"
    rows = {}
    for what, times in (("forecast", spent), ("three audiences", judged)):
        p50, p99 = 1e3 * np.percentile(times[1:], [50, 99])
        rows[f"{what}, {name}, p50"] = Row(float(p50), "ms", "lower")
        rows[f"{what}, {name}, p99"] = Row(float(p99), "ms", "lower")
    rows[f"stations that correct, most, {n_stations}"] = Row(float(observed), "", "higher")
    rows[f"columns of a forecast, {name}"] = Row(size / 1e3, "kB", "lower")
    return rows


FIELDS = ("distance_km", "intensity", "intensity_sigma", "intensity_source", "intensity_wavefield")
FIELDS += ("pga_mps2", "pgv_mps", "p_s", "s_s", "basis", "exceed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--repeats", type=int, default=400)
    parser.add_argument("--targets", type=int, default=3000)
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--stations", type=int, default=1200)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = run(args.stations, args.targets, args.nodes, args.repeats)
    report("shaking", rows, args.json)


if __name__ == "__main__":
    main()
