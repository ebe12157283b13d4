"""A day of everything that is no earthquake to warn of, over 200 stations: what is declared and warned of.

    python benchmarks/bench_storm.py [--hours 24] [--stations 200] [--parts 8] [--seed 1] [--jobs 2]
        [--only-source] [--cache FOLDER] [--rate spikes=4000 ...] [--all-rates FACTOR] [--stories N]
        [--json FILE]

Noise by day and night, spikes, lightning, steps, calibration pulses, telemetry bursts, dead channels that
come back, wrong gains and clocks, blackouts, saturated stations, roads and footsteps; a swarm of M 1 to 3,
blasts, teleseisms, M 5 far outside; and a few M 5 inside, which must be warned of (storm_faults.py,
storm_waves.py, storm_data.py). The day is cut into parts that run beside each other, each a storm of its own.
Packets of a second go through the door, the slicer and the stages of the daemon with its default
configuration and the stations as targets; what the waveform stage says is kept in the cache, and
`--only-source` takes it from there. Each false event is told with its picks and what made them.

Exit code 1 when an alert was false, an M 5 inside was missed, or a decision has no reason.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import storm_score as score
from common import Row, report
from storm_data import RATES, Storm
from storm_kept import heard, is_whole, keep, name_of, read
from storm_network import network

from seiswarn.config import default_config
from seiswarn.runtime.setup import stage_params
from seiswarn.waveform.stage import WaveformStage


class Work(NamedTuple):
    """One part of the storm."""

    hours: float
    start_hour: float
    stations: int
    seed: int
    rates: dict[str, float]
    cache: Path
    only_source: bool
    stories: int


class Result(NamedTuple):
    """What came of one part; `cpu_s` from the packets, or from the cache, on."""

    tally: score.Tally
    truths: Counter[str]
    missed: int
    blamed: Counter[str]  # what made false events and false alerts
    lines: list[str]
    cpu_s: float
    from_cache: bool


def run(work: Work) -> Result:
    """One part, from packets or from what is kept of them, to its tally."""
    params = stage_params(default_config())
    net = network(work.stations, work.seed)
    storm = Storm(net, work.hours, work.seed, work.rates, work.start_hour)
    facts = (work.hours, work.start_hour, work.stations, work.seed, sorted(work.rates.items()))
    folder = work.cache / name_of(facts)
    cached = work.only_source and is_whole(folder)
    if cached:
        pieces = read(folder)
        _replan(storm)
    else:
        stage = WaveformStage(params.waveform, net.table)
        stage.warm_picker()
        stage.warm_rest()
        pieces = keep(folder, heard(storm, stage))
    cpu = time.process_time()
    tally = score.follow(storm, params, pieces)
    cpu = time.process_time() - cpu
    events = list(tally.events.values())
    wrong = [e for e in events if score.is_false(e) or score.is_false_alert(e)]
    wrong.sort(key=lambda e: (not score.is_false_alert(e), -e.m))
    lines = [line for e in wrong[: work.stories] for line in score.story(e, tally, storm)]
    lines += [f"not warned of: {q}" for q in score.missed(tally, storm)]
    blamed: Counter[str] = Counter()
    for e in wrong:
        what = score.blame(e, tally, storm)
        blamed[f"event false, by {what}"] += 1
        blamed[f"alert false, by {what}"] += score.is_false_alert(e)
    truths = Counter(q.kind for q, _, _ in storm.truth.quakes)
    tally.onsets.clear()
    return Result(tally, truths, len(score.missed(tally, storm)), blamed, lines, cpu, cached)


def _replan(storm: Storm) -> None:
    """What is only known when it is made: when plane waves arrive."""
    for t_s, what, of in storm.makers:
        if what == "plane":
            storm.made(what, t_s, of)


def rows(results: list[Result], took_s: float) -> dict[str, Row]:
    """The figures of all parts together, which took so long."""
    events = [e for r in results for e in r.tally.events.values()]
    false = [e for e in events if score.is_false(e)]
    truths: Counter[str] = sum((r.truths for r in results), Counter())
    hours = sum(r.tally.hours for r in results)
    out = {
        "hours": Row(hours, "h", "higher"),
        "packets": Row(sum(r.tally.packets for r in results), "", "higher"),
        "picks": Row(sum(r.tally.picks for r in results), "", "lower"),
        "events declared": Row(len(events), "", "higher"),
    }
    for kind, n in sorted(truths.items()):
        found = {e.truth for e in events if e.truth is not None and e.truth.kind == kind}
        out[f"{kind}: happened"] = Row(n, "", "higher")
        out[f"{kind}: declared"] = Row(len(found), "", "lower" if kind == "regional" else "higher")
    out |= {
        "events split": Row(sum(e.is_split for e in events), "", "lower"),
        "events false": Row(len(false), "", "lower"),
        "events false, not cancelled": Row(sum(not e.cancelled for e in false), "", "lower"),
        "largest magnitude of a false event": Row(score.largest(false), "", "lower"),
        "largest magnitude of a swarm event": Row(
            score.largest(e for e in events if e.truth is not None and e.truth.kind == "swarm"), "", "lower"
        ),
        "alerts false": Row(sum(map(score.is_false_alert, events)), "", "lower"),
        "strong earthquakes not warned of": Row(sum(r.missed for r in results), "", "lower"),
        "decisions without a reason": Row(sum(r.tally.unexplained for r in results), "", "lower"),
    }
    for what, n in sorted(sum((r.blamed for r in results), Counter()).items()):
        out[what] = Row(n, "", "lower")
    for title, counts in (("declined", [r.tally.declined for r in results]),
                          ("decided", [r.tally.decided for r in results])):  # fmt: skip
        for reason, n in sum(counts, Counter()).most_common():
            out[f"{title}: {reason}"] = Row(n, "", "lower")
    out["CPU"] = Row(sum(r.cpu_s for r in results), "s", "lower")
    out["times real time, all parts"] = Row(3600.0 * hours / took_s, "times", "higher")
    return out


def _rates(given: list[str], factor: float) -> dict[str, float]:
    rates = {name: rate * factor for name, rate in RATES.items()}
    for text in given:
        name, _, value = text.partition("=")
        if name not in rates:
            raise SystemExit(f"no rate {name!r}; there are {', '.join(rates)}")
        rates[name] = float(value)
    return rates


def results(todo: list[Work], jobs: int) -> Iterator[Result]:
    """All parts, in order, as they are ready."""
    if jobs == 1 or len(todo) == 1:
        yield from map(run, todo)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap(run, todo)


def parts(options: argparse.Namespace) -> list[Work]:
    """The day in equal parts, with the strong earthquakes, which are few, shared out among them."""
    rates, hours = _rates(options.rate, options.all_rates), options.hours / options.parts
    n = round(rates["strong"] * options.hours / 24.0)
    out = []
    for k in range(options.parts):
        strong = (k + 1) * n // options.parts - k * n // options.parts
        own = {**rates, "strong": strong * 24.0 / hours}
        out.append(
            Work(hours, k * hours, options.stations, options.seed, own, options.cache, options.only_source,
                 options.stories)
        )  # fmt: skip
    return out


def main(arguments: list[str] | None = None) -> Mapping[str, Row]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--stations", type=int, default=200)
    parser.add_argument("--parts", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument(
        "--only-source", action="store_true", help="take kept picks and motions where there are"
    )
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "seiswarn-storm")
    parser.add_argument("--rate", nargs="*", default=[], metavar="NAME=N", help="per 24 h and 200 stations")
    parser.add_argument("--all-rates", type=float, default=1.0, help="times the rate of everything")
    parser.add_argument("--stories", type=int, default=20, help="false events told per part")
    parser.add_argument("--json", type=Path, help="figures for compare.py")
    options = parser.parse_args(arguments)
    told, begun = [], time.perf_counter()
    for k, result in enumerate(results(parts(options), max(1, options.jobs))):
        told.append(result)
        kept = " (from the cache)" if result.from_cache else ""
        print(f"part {k + 1}{kept}, false events and what made them:")
        print("\n".join(result.lines) or "none", flush=True)
    took = time.perf_counter() - begun
    found = rows(told, took)
    report("storm", found, options.json)
    return found


if __name__ == "__main__":
    figures = main()
    must = ("alerts false", "strong earthquakes not warned of", "decisions without a reason")
    sys.exit(any(figures[name].value for name in must))
