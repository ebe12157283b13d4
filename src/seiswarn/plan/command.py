"""The whole of `seiswarn plan`: a configuration in; the plan, its page and its words out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import msgspec

from seiswarn.config import Config
from seiswarn.errors import SeiswarnError, UsageError
from seiswarn.evaluate.workers import Failure, share_out
from seiswarn.grid import GridNodes, grid_nodes
from seiswarn.plan.alerting import Outcome, Quake, Task, outcomes
from seiswarn.plan.result import Plan, listed, make_plan, write_json
from seiswarn.plan.rules import audiences, insist_on_chance
from seiswarn.plan.sites import Site, insist_on_sites, parse_site, read_sites, with_sites
from seiswarn.plan.words import lines
from seiswarn.runtime.setup import Setup, set_up

MAGNITUDES = 3.0, 8.0  # that `ingest.point_source` can make
DEEPEST_KM = 100.0  # ... and how deep
MOST_NODES = 20_000
AUTOMATIC_KM = 1.0  # a spacing no map needs: the number of nodes then decides


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What is planned for. `spacing_km` None: the finest that `max_nodes` allow."""

    quake: Quake = Quake()
    delivery_s: float = 0.0
    max_nodes: int = 180
    spacing_km: float | None = None
    margin_km: float = 30.0
    sites: tuple[Site, ...] = ()
    n_jobs: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Drawn:
    """A plan with what its maps are drawn from."""

    plan: Plan
    grid: GridNodes
    setup: Setup


def plan(config: Config, options: Options) -> Drawn:
    """Work out the plan of a configuration.

    Raises
    ------
    UsageError
        When there are no stations, or the earthquake, the region or a site is impossible.
    """
    setup = _setup(config)
    _insist_on_quake(options.quake, setup)
    grid = _grid(setup, options)
    insist_on_sites(options.sites, setup.table, grid)
    setups = [setup]
    if options.sites:
        table = with_sites(setup.table, options.sites)
        setups.append(dataclasses.replace(setup, table=table))
    places = [*zip(grid.latitude.tolist(), grid.longitude.tolist(), strict=True)]
    places += [(t.latitude, t.longitude) for t in listed(setup.targets)]
    told = _ask(setups, options.quake, places, options.n_jobs)
    whole = make_plan(config, setup, grid, options.quake, options.delivery_s, options.sites, told)
    return Drawn(whole, grid, setup)


def _setup(config: Config) -> Setup:
    from seiswarn.stationxml import read_station_tables

    if not config.stations.paths:
        raise UsageError("a plan needs stations: name their StationXML in [stations] paths")
    return set_up(config, read_station_tables([Path(p) for p in config.stations.paths], None), "test")


def _insist_on_quake(quake: Quake, setup: Setup) -> None:
    """Raise UsageError for an earthquake that cannot be made, or that the rule never speaks of."""
    low, high = MAGNITUDES
    if not low <= quake.magnitude <= high:
        raise UsageError(f"--magnitude must lie between {low:g} and {high:g}, not {quake.magnitude:g}")
    deepest = min(DEEPEST_KM, setup.params.source.max_depth_km)
    if not 0.0 <= quake.depth_km <= deepest:
        limit = "synthetic earthquakes go" if deepest == DEEPEST_KM else "[source] max_depth_km says"
        raise UsageError(
            f"--depth-km {quake.depth_km:g} lies outside the velocity model as far as it is used:"
            f" 0 to {deepest:g} km, as {limit}"
        )
    insist_on_chance(audiences(setup.params, quake.policy), quake.magnitude)


def _grid(setup: Setup, options: Options) -> GridNodes:
    table = setup.table
    spacing, most = options.spacing_km, options.max_nodes if options.spacing_km is None else MOST_NODES
    grid = grid_nodes(table.st_latitude, table.st_longitude, spacing or AUTOMATIC_KM, options.margin_km, most)
    if spacing is not None and grid.coarsened:
        raise UsageError(
            f"--spacing-km {spacing:g} makes more than {MOST_NODES} nodes:"
            f" {grid.spacing_km:.1f} km is the finest"
        )
    return grid


def _ask(
    setups: Sequence[Setup], quake: Quake, places: Sequence[tuple[float, float]], n_jobs: int
) -> list[list[Outcome]]:
    """For each network the outcomes at all places, shared out over processes.

    Every process records the earthquake for itself: that takes less than handing the recordings over.
    """
    from seiswarn.runtime.warm import compile_aside, is_compiled, warm

    if not is_compiled():
        warm(setups[0].pipeline(), compile_aside())
    n = max(1, min(n_jobs, len(places)))
    tasks = [Task(tuple(setups), quake, tuple(places[k::n])) for k in range(n)]
    parts: dict[int, list[list[Outcome]]] = {}
    for k, answer in share_out(outcomes, tasks, n) if n > 1 else ((0, outcomes(tasks[0])),):
        if isinstance(answer, Failure):
            raise SeiswarnError(f"the plan could not be worked out: {answer.sentence}")
        parts[k] = answer
    return [[parts[k % n][s][k // n] for k in range(len(places))] for s in range(len(setups))]


def run(
    config: Config,
    out: Path | None,
    json: Path | None,
    *,
    depth_km: float,
    magnitude: float,
    latency_s: float,
    packet_s: float,
    delivery_s: float,
    policy: str,
    draws: int,
    max_nodes: int,
    spacing_km: float | None,
    margin_km: float,
    sites_file: Path | None,
    sites: Sequence[str],
    n_jobs: int,
) -> list[str]:
    """The command: leave the page and the JSON file where asked, and return what the terminal shows.

    Raises UsageError as `plan` does, and for sites that cannot be read.
    """
    quake = Quake(
        magnitude=magnitude,
        depth_km=depth_km,
        latency_s=latency_s,
        packet_s=packet_s,
        policy=policy,
        draws=draws,
    )
    options = Options(
        quake=quake,
        delivery_s=delivery_s,
        max_nodes=max_nodes,
        spacing_km=spacing_km,
        margin_km=margin_km,
        sites=(*(read_sites(sites_file) if sites_file else ()), *map(parse_site, sites)),
        n_jobs=n_jobs,
    )
    made = plan(config, options)
    if json is not None:
        write_json(json, made.plan)
    said = lines(made.plan)
    if out is not None:
        from seiswarn.plan.page import page

        out.write_bytes(page(made.plan, made.grid, made.setup.targets))
        said.append(f"Maps and tables are in {out}.")
    return said
