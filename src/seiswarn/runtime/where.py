"""Where a run forecasts shaking: its targets, its grid, and the ground under both."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from seiswarn.config import Config
from seiswarn.grid import GridNodes, grid_nodes
from seiswarn.nearest import nearest
from seiswarn.stations import StationTable
from seiswarn.targets import Target, targets_from_stations
from seiswarn.vs30 import vs30_at

F64 = npt.NDArray[np.float64]

SAME_PLACE_KM = 20.0  # a town's centre is set by different lists at most so far apart
NAMED = 3  # how many targets a sentence names


@dataclass(frozen=True, slots=True)
class Where:
    """Targets and grid of a run, with sentences about them: what is as asked for, and what is not."""

    targets: tuple[Target, ...]
    grid: GridNodes | None
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(slots=True)
class _Said:
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def where(config: Config, table: StationTable) -> Where:
    """Configured targets, towns near the network and grid, with Vs30 filled in where a file knows it.

    Without any target the stations themselves are the targets, so that a run without a configuration
    says something. A Vs30 given with a target wins; one that stays unknown stays 0, and the stage assumes
    ``shaking.default_vs30_mps``. Raises UsageError when the gazetteer or the Vs30 file cannot be read.
    """
    said = _Said()
    targets = (*config.targets, *_towns(config, table, said))
    if not targets:
        said.notes.append("no targets configured: the stations themselves are the targets")
        targets = targets_from_stations(table)
    else:
        said.notes.append(f"{len(targets)} targets, {len(config.targets)} of them configured one by one")
    targets = _with_vs30(config, targets, said)
    grid = _grid(config, table, said)
    return Where(targets, grid, tuple(said.notes), tuple(said.warnings))


def _towns(config: Config, table: StationTable, said: _Said) -> tuple[Target, ...]:
    """Places of the gazetteer, but those that a configured target of the same name stands for."""
    places = config.places
    if not places.min_population or not table.n_stations:
        return ()
    from seiswarn.gazetteer import places_near, read_gazetteer

    towns, n = places_near(
        read_gazetteer(),
        table.st_latitude,
        table.st_longitude,
        margin_km=places.margin_km,
        min_population=places.min_population,
        unknown_population=places.unknown_population,
        max_places=places.max_places,
    )
    kept = tuple(t for t, known in zip(towns, _known(towns, config.targets), strict=True) if not known)
    near = f"within {places.margin_km:g} km of the stations"
    if n > len(towns):
        said.warnings.append(
            f"{len(towns)} of {n} places {near} are taken: [places] max_places is {len(towns)}"
        )
    else:
        said.notes.append(f"{n} places of the gazetteer lie {near}")
    if len(kept) < len(towns):
        said.notes.append(
            f"{len(towns) - len(kept)} of these stand among the configured targets and are left out"
        )
    return kept


def _known(towns: tuple[Target, ...], targets: tuple[Target, ...]) -> list[bool]:
    """Whether each town stands among the targets: by a name of it, near by."""
    by_name: dict[str, list[Target]] = {}
    for target in targets:
        for name in {target.name, target.name_zh} - {""}:
            by_name.setdefault(name, []).append(target)
    found = []
    for town in towns:
        same = by_name.get(town.name, []) + by_name.get(town.name_zh, [])
        found.append(bool(same) and nearest(*_places([town]), *_places(same))[0][0] <= SAME_PLACE_KM)
    return found


def _places(targets: list[Target] | tuple[Target, ...]) -> tuple[F64, F64]:
    return np.array([t.latitude for t in targets]), np.array([t.longitude for t in targets])


def _with_vs30(config: Config, targets: tuple[Target, ...], said: _Said) -> tuple[Target, ...]:
    shaking = config.shaking
    if shaking.vs30:
        values = vs30_at(Path(shaking.vs30), *_places(targets), shaking.vs30_distance_km)
        targets = tuple(
            t if t.vs30_mps > 0.0 else msgspec.structs.replace(t, vs30_mps=float(value))
            for t, value in zip(targets, values, strict=True)
        )
    unknown = [t.name for t in targets if t.vs30_mps == 0.0]
    if unknown:
        some = ", ".join(unknown[:NAMED]) + (" ..." if len(unknown) > NAMED else "")
        said.warnings.append(
            f"{len(unknown)} of {len(targets)} targets have no Vs30 ({some}):"
            f" {shaking.default_vs30_mps:g} m/s is assumed"
        )
    return targets


def _grid(config: Config, table: StationTable, said: _Said) -> GridNodes | None:
    asked, shaking = config.grid, config.shaking
    if not asked.spacing_km or not table.n_stations:
        return None
    grid = grid_nodes(
        table.st_latitude, table.st_longitude, asked.spacing_km, asked.margin_km, asked.max_nodes
    )
    size = f"{len(grid)} nodes, {grid.n_rows} rows by {grid.n_columns}"
    if grid.coarsened:
        said.warnings.append(
            f"the grid is {size}, every {grid.spacing_km:.3g} km: every {asked.spacing_km:g} km would take"
            f" more than [grid] max_nodes, {asked.max_nodes}"
        )
    else:
        said.notes.append(f"the grid is {size}, every {grid.spacing_km:g} km")
    if not shaking.vs30:
        return grid
    vs30 = vs30_at(Path(shaking.vs30), grid.latitude, grid.longitude, shaking.vs30_distance_km)
    unknown = int(np.count_nonzero(vs30 == 0.0))
    if unknown:
        said.warnings.append(
            f"{unknown} of {len(grid)} nodes have no Vs30: {shaking.default_vs30_mps:g} m/s is assumed"
        )
    return replace(grid, vs30_mps=vs30)
