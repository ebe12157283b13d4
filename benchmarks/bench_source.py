"""What follows the waveform stage, under load: an M 6.5 amid 1,200 stations, and a plane wave over 400.

    python benchmarks/bench_source.py [--repeats N] [--json FILE]

Picks, P windows and motions are made from the travel times of the model (arrival errors of 0.1 s) and
handed slice by slice (20 ms) to the source, shaking, alerts and reports stages. Told are the CPU time of a
slice (p50, p99, largest) and of all, and the locations made. Of several runs the one with the least CPU.
Targets are the stations, of the national network every fiftieth.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seiswarn.alerts.params import Params as AlertsParams
from seiswarn.alerts.stage import AlertsStage
from seiswarn.geo import distances_km, offset_deg
from seiswarn.messages import EventEstimate, Message, Motions, Pick, PWindow, Slice
from seiswarn.reports.params import Params as ReportsParams
from seiswarn.reports.stage import ReportsStage
from seiswarn.runtime.setup import versions
from seiswarn.shaking.params import Params as ShakingParams
from seiswarn.shaking.stage import ShakingStage
from seiswarn.source.fitting import Fitter
from seiswarn.source.params import Params
from seiswarn.source.stage import SourceStage
from seiswarn.source.traveltime import TravelTimes
from seiswarn.stations import StationTable
from seiswarn.targets import TargetTable, targets_from_stations
from seiswarn.timebase import NS, from_seconds

STEP_NS = 20_000_000
T0 = 1_700_000_000 * NS // STEP_NS * STEP_NS
LAT0, LON0 = 28.0, 103.0
DEPTH_KM, MAGNITUDE = 10.0, 6.5
SEEN_AFTER_S = 0.3  # a pick, after its onset
Feed = dict[int, list[Message]]  # by slice


def table(north_km: np.ndarray, east_km: np.ndarray) -> StationTable:
    n = len(north_km)
    places = np.array([offset_deg(LAT0, LON0, a, b) for a, b in zip(north_km, east_km, strict=True)])
    return StationTable(
        channels=tuple(f"FDSN:XX_S{k:04d}__H_N_Z" for k in range(n)),
        ch_station=np.arange(n, dtype=np.int32),
        ch_component=np.zeros(n, dtype=np.int32),
        ch_unit=np.zeros(n, dtype=np.int32),
        ch_gain=np.full(n, 1e6),
        ch_rate_hz=np.full(n, 100.0),
        ch_azimuth_deg=np.zeros(n),
        ch_dip_deg=np.full(n, -90.0),
        ch_clip_counts=np.full(n, np.inf),
        stations=tuple(f"XX.S{k:04d}..HN" for k in range(n)),
        st_latitude=places[:, 0],
        st_longitude=places[:, 1],
        st_elevation_m=np.zeros(n),
        st_vs30_mps=np.full(n, np.nan),
        st_site=np.arange(n, dtype=np.int32),
    )


def put(feed: Feed, message: Message, t_ns: int) -> None:
    feed[-(-t_ns // STEP_NS) * STEP_NS].append(message)


def put_pick(feed: Feed, stations: StationTable, s: int, t_ns: int, pd_m: float, up_to_s: float) -> None:
    code, seen = stations.stations[s], t_ns + from_seconds(SEEN_AFTER_S)
    pick_id = f"{code}/{t_ns}"
    pick = Pick(
        pick_id=pick_id,
        station=code,
        channel=stations.channels[s],
        t_ns=t_ns,
        uncertainty_s=0.1,
        snr=20.0,
        noise_d_m=1e-6,
        t_seen_ns=seen,
    )
    put(feed, pick, seen)
    for k in range(1, int(up_to_s / 0.5) + 1):
        end = max(seen, t_ns + from_seconds(0.5 * k))
        window = PWindow(
            pick_id=pick_id,
            station=code,
            t_ns=t_ns,
            window_s=0.5 * k,
            pa_mps2=0.1,
            pv_mps=0.01,
            pd_m=pd_m * min(1.0, k / 4),
            tau_c_s=1.0,
            tau_p_max_s=1.0,
            iv2_m2ps=1e-4,
            t_seen_ns=end,
        )
        put(feed, window, end)


def put_motions(feed: Feed, stations: StationTable, to_s: int, pgd_m: np.ndarray) -> None:
    """Each second of each station, spread over the slices of a second; `pgd_m` is (seconds, stations)."""
    n, per_second = stations.n_stations, NS // STEP_NS
    for second in range(-10, to_s):
        for k in range(per_second):
            rows = range(k, n, per_second)
            seen = T0 + second * NS + k * STEP_NS
            n_rows = len(rows)
            fill = (0.01,) * n_rows
            motions = Motions(
                t_seen_ns=seen,
                stations=tuple(stations.stations[s] for s in rows),
                t_ns=(T0 + second * NS,) * n_rows,
                n_components=(3,) * n_rows,
                pga_mps2=fill,
                pgv_mps=fill,
                pgd_m=tuple(float(pgd_m[max(0, second), s]) for s in rows),
                intensity_gbt=fill,
                intensity_jma=fill,
                clipped=(False,) * n_rows,
                intensity_mmi=fill,
                pga_gbt_mps2=fill,
                pgv_gbt_mps=fill,
                arias_mps=fill,
                cav_mps=fill,
                wood_anderson_m=fill,
                flags=(0,) * n_rows,
            )
            put(feed, motions, seen)


def earthquake(tt: TravelTimes, n_stations: int, to_s: int) -> tuple[StationTable, Feed]:
    """An M 6.5 in the middle; 300 stations within 100 km, the others out to 400 km. P to 300 km picks."""
    rng = np.random.default_rng(1)
    r = np.concatenate([100 * np.sqrt(rng.random(300)), 100 + 300 * rng.random(n_stations - 300)])
    turn = 2 * np.pi * rng.random(n_stations)
    stations = table(r * np.cos(turn), r * np.sin(turn))
    d = distances_km(LAT0, LON0, stations.st_latitude, stations.st_longitude)
    tp, ts = tt.times(d, DEPTH_KM)
    hypo = np.hypot(d, DEPTH_KM)
    pd = 10 ** (-3.463 + 0.729 * MAGNITUDE - 1.374 * np.log10(hypo)) / 100.0
    pgd = 10 ** (0.87 * MAGNITUDE - np.log10(hypo) - 1.9e-3 * hypo + 5e-3 * DEPTH_KM - 0.98) * 1e-5
    feed: Feed = defaultdict(list)
    at = np.arange(to_s)[:, None]
    put_motions(feed, stations, to_s, np.where(at > ts, pgd, np.where(at > tp, pd, 1e-6)))
    for s in np.flatnonzero(d < 300.0):
        onset = T0 + from_seconds(float(tp[s] + 0.1 * rng.standard_normal()))
        put_pick(feed, stations, int(s), onset, float(pd[s]), min(8.0, float(ts[s] - tp[s])))
    return stations, feed


def plane_wave(to_s: int) -> tuple[StationTable, Feed]:
    """400 stations 10 km apart, crossed at 14 km/s: the P of an earthquake on the other side of the Earth."""
    rng = np.random.default_rng(2)
    north, east = (10.0 * (x.ravel() + rng.uniform(-0.3, 0.3, 400)) for x in np.mgrid[-10:10, -10:10])
    stations = table(north, east)
    feed: Feed = defaultdict(list)
    put_motions(feed, stations, to_s, np.full((to_s, 400), 1e-5))
    for s in range(400):
        onset = 10.0 + (0.8 * north[s] + 0.6 * east[s]) / 14.0 + 0.1 * rng.standard_normal()
        put_pick(feed, stations, s, T0 + from_seconds(onset), 2e-5, 5.0)
    return stations, feed


MANY = 100  # picks of an event


@dataclass
class Result:
    ms: np.ndarray
    updates_ms: np.ndarray  # of the source stage, where an event with MANY picks was brought up to date
    cpu_s: float
    per_stage_s: dict[str, float]
    fits: int
    estimates: int
    events: int


def run(stations: StationTable, feed: Feed, tt: TravelTimes, to_s: int) -> Result:
    source = SourceStage(Params(), stations, tt)
    reports = ReportsStage(ReportsParams(), stations)
    targets = TargetTable.of(targets_from_stations(stations))
    shaking = ShakingStage(ShakingParams(), targets, tt, stations)
    stages = {
        "source": source,
        "shaking": shaking,
        "alerts": AlertsStage([AlertsParams()], targets),
        "reports": reports,
    }
    for stage in (source, shaking, reports):
        stage.warm()
    fits, inner = 0, Fitter.fit

    def counted(self, *arguments, **named):
        nonlocal fits
        fits += 1
        return inner(self, *arguments, **named)

    Fitter.fit = counted
    spent, took, seen, updates = dict.fromkeys(stages, 0.0), [], [], []
    cpu = time.thread_time()
    try:
        for now in range(T0 - 10 * NS, T0 + to_s * NS, STEP_NS):
            messages: list[Message] = [Slice(t_seen_ns=now), *feed.get(now, ())]
            begun = time.thread_time()
            for name, stage in stages.items():
                before = time.thread_time()
                messages.extend(stage.handle(now, messages))
                spent[name] += time.thread_time() - before
                if name == "source" and any(
                    isinstance(m, EventEstimate) and len(m.arrivals) >= MANY for m in messages
                ):
                    updates.append(time.thread_time() - before)
            took.append(time.thread_time() - begun)
            seen += [m for m in messages if isinstance(m, EventEstimate)]
    finally:
        Fitter.fit = inner
    cpu = time.thread_time() - cpu
    return Result(
        1e3 * np.array(took),
        1e3 * np.array(updates),
        cpu,
        spent,
        fits,
        len(seen),
        len({e.event_id for e in seen}),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    tt = TravelTimes("iasp91", 120.0)
    print(f"machine: {platform.processor() or platform.machine()}, {platform.system()} {platform.release()}")
    print("versions: " + ", ".join(f"{k} {v}" for k, v in versions().items()))
    told = {}
    for name, to_s, (stations, feed) in (
        ("M 6.5, 1,200 stations", 60, earthquake(tt, 1200, 60)),
        ("M 6.5, 15,391 stations", 30, earthquake(tt, 15_391, 30)),
        ("plane wave, 400 stations", 60, plane_wave(60)),
    ):
        run(stations, {}, tt, 1)
        best = min((run(stations, feed, tt, to_s) for _ in range(options.repeats)), key=lambda r: r.cpu_s)
        p50, p99 = np.percentile(best.ms, (50, 99))
        print(
            f"{name}: a slice p50 {p50:.3f}, p99 {p99:.2f}, largest {best.ms.max():.1f} ms; CPU "
            f"{best.cpu_s:.2f} s for {to_s + 10} s of data; {best.fits} locations, {best.estimates} "
            f"estimates of {best.events} events; "
            + ", ".join(f"{k} {v:.2f} s" for k, v in best.per_stage_s.items())
        )
        if best.updates_ms.size:
            u50, u99 = np.percentile(best.updates_ms, (50, 99))
            print(
                f"  {best.updates_ms.size} updates with {MANY} picks and more: p50 {u50:.2f}, p99 "
                f"{u99:.2f}, largest {best.updates_ms.max():.1f} ms"
            )
        told[name] = {
            "p50_ms": p50, "p99_ms": p99, "max_ms": float(best.ms.max()), "cpu_s": best.cpu_s,
            "data_s": to_s + 10, "fits": best.fits, "estimates": best.estimates, **best.per_stage_s,
        }  # fmt: skip
    if options.json:
        facts = {"versions": versions(), "machine": platform.machine()}
        options.json.write_text(json.dumps({**facts, "cases": told}, indent=2) + "\n")


if __name__ == "__main__":
    main()
