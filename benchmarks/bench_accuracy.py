"""Where and how big, on earthquakes whose truth is known: a seeded synthetic catalogue.

    python benchmarks/bench_accuracy.py [--events 300] [--seed 1] [--jobs 2] [--only-source]
                                        [--cache FOLDER] [--json FILE] [--list FILE]

M 4 to 8 inside, at the edge and offshore of three networks, with noise, dead and wrong stations, and pairs of
earthquakes that overlap (see catalogue_scenarios.py). The waveforms are made, picked and measured by the
waveform stage; its messages are kept in the cache and go through source, shaking and alerts, and through a
plain four-station system (baseline.py). `--only-source` takes the messages from the cache where they are:
seconds instead of minutes, for work on source parameters and code. `--list` writes every single event.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import NamedTuple

import catalogue_table
import common
import msgspec
from baseline import Baseline
from catalogue_networks import Network, network
from catalogue_scenarios import Case, Earth, cases
from catalogue_score import Outcome, score
from catalogue_tracks import Follower
from catalogue_waveforms import Piece, kept_as, pieces, read, write

from seiswarn.config import default_config
from seiswarn.runtime.setup import stage_params
from seiswarn.source.traveltime import TravelTimes


class Work(NamedTuple):
    case: Case
    folder: Path
    only_source: bool


@cache
def net_of(name: str) -> Network:
    return network(name)


@cache
def earth() -> Earth:
    return Earth()


@cache
def follower(name: str) -> Follower:
    return Follower(net_of(name).table, stage_params(default_config()))


@cache
def travel_times(model: str, max_depth_km: float) -> TravelTimes:
    return TravelTimes(model, max_depth_km)


def outcome(work: Work) -> Outcome:
    """One case from waveforms, or from what is kept of them, to the score."""
    case, params = work.case, stage_params(default_config())
    net, begun = net_of(case.network), time.process_time()
    path = kept_as(work.folder, case)
    told: list[Piece] | None = read(path) if work.only_source else None
    if told is None:
        told = pieces(case, net, earth(), params.waveform)
        write(path, told)
    heard = time.process_time()
    tracks = follower(case.network).follow(told)
    followed = time.process_time()
    plain = Baseline(net.table, travel_times(params.source.velocity_model, params.source.max_depth_km))
    for piece in told:
        plain.handle(piece.t_seen_ns, piece.messages)
    found = score(case, net, earth(), {"seiswarn": tracks, "baseline": plain.tracks})
    spent = {
        "waveforms": heard - begun,
        "source": followed - heard,
        "baseline": time.process_time() - followed,
    }
    return msgspec.structs.replace(found, cpu_s=spent)


def run(todo: list[Case], folder: Path, only_source: bool, jobs: int) -> list[Outcome]:
    """All cases, in order, with a line of progress when somebody looks."""
    work = [Work(case, folder, only_source) for case in todo]
    out: list[Outcome] = []
    if jobs == 1:
        for w in work:
            out.append(outcome(w))
            _progress(len(out), len(work))
        return out
    # Spawned, so that every process is alike on every system; the largest first would save little.
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for found in pool.imap_unordered(outcome, work):
            out.append(found)
            _progress(len(out), len(work))
    return sorted(out, key=lambda o: o.case)


def _progress(done: int, of: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done}/{of} recordings", end="" if done < of else "\n", file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> list[Outcome]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=300, help="earthquakes; a pair counts as two")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument(
        "--only-source", action="store_true", help="take kept picks and motions where there are"
    )
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "seiswarn-catalogue")
    parser.add_argument("--cases", type=int, nargs="*", help="only these cases, by number")
    parser.add_argument("--json", type=Path, help="figures for compare.py")
    parser.add_argument("--list", type=Path, help="every event, as JSON")
    options = parser.parse_args(arguments)
    todo = [c for c in cases(options.seed, options.events) if not options.cases or c.index in options.cases]
    begun = time.perf_counter()
    outcomes = run(todo, options.cache, options.only_source, max(1, options.jobs))
    took = time.perf_counter() - begun
    if options.list is not None:
        options.list.write_bytes(msgspec.json.format(msgspec.json.encode(outcomes), indent=1) + b"\n")
    print("\n".join(catalogue_table.lines(outcomes)))
    spent = {k: sum(o.cpu_s[k] for o in outcomes) for k in outcomes[0].cpu_s}
    told = ", ".join(f"{k} {v:.0f} s" for k, v in spent.items())
    print(f"\n{len(outcomes)} recordings in {took:.0f} s with {options.jobs} processes; CPU: {told}\n")
    common.report("accuracy", catalogue_table.rows(outcomes), options.json)
    return outcomes


if __name__ == "__main__":
    main()
