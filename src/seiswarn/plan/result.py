"""A plan as it goes into the JSON file: outcomes at all nodes and targets, and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

import seiswarn
from seiswarn.alerts.params import Params as Audience
from seiswarn.config import Config, config_hash
from seiswarn.grid import GridNodes
from seiswarn.plan import figures as fig
from seiswarn.plan.alerting import Outcome, Quake
from seiswarn.plan.figures import Gain, Spread, TargetRow
from seiswarn.plan.rules import audiences
from seiswarn.plan.sites import Site
from seiswarn.runtime.setup import Setup
from seiswarn.source.traveltime import TravelTimes
from seiswarn.targets import Target

MOST_TARGETS = 60  # that get a row, and an earthquake of their own


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan as it stands in the JSON file; nodes in the order of the grid (`grid.GridNodes`).

    `stations` are (code, latitude, longitude). Blind zones are `None` where no alert leaves.
    """

    seiswarn: str
    config_hash: str
    name: str
    quake: Quake
    delivery_s: float
    velocity_model: str
    audiences: tuple[Audience, ...]
    stations: tuple[tuple[str, float, float], ...]
    sites: tuple[Site, ...]
    n_targets: int
    n_rows: int
    n_columns: int
    spacing_km: float
    nodes: tuple[Outcome, ...]
    blind_km: tuple[float | None, ...]
    alert_s: Spread
    blind_zone_km: Spread
    targets: tuple[TargetRow, ...]
    nodes_after: tuple[Outcome, ...] = ()
    blind_after_km: tuple[float | None, ...] = ()
    alert_after_s: Spread | None = None
    blind_zone_after_km: Spread | None = None
    gain: Gain | None = None


def write_json(path: Path, result: Plan) -> None:
    """Leave a plan in a file, numbers that are none as null."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")


def listed(targets: Sequence[Target]) -> tuple[Target, ...]:
    """The targets that get a row: of many those with the most people, else the first."""
    return tuple(sorted(targets, key=lambda t: -t.population)[:MOST_TARGETS])


def make_plan(
    config: Config,
    setup: Setup,
    grid: GridNodes,
    quake: Quake,
    delivery_s: float,
    sites: tuple[Site, ...],
    told: Sequence[Sequence[Outcome]],
) -> Plan:
    """The plan from `told`: for each network (today's, and that with `sites`) nodes, then listed targets."""
    source, table, n = setup.params.source, setup.table, len(grid)
    times = TravelTimes(source.velocity_model, source.max_depth_km, source.velocity_layers)
    alert_s = [fig.alert_times(one) for one in told]
    blind_km = [fig.blind_zones_km(times, quake.depth_km, t + delivery_s) for t in alert_s]
    _, s = times.times(np.array(fig.DISTANCES_KM), quake.depth_km)
    places = table.st_latitude.tolist(), table.st_longitude.tolist()
    plan = Plan(
        seiswarn=seiswarn.__version__,
        config_hash=config_hash(config),
        name=config.run.name,
        quake=quake,
        delivery_s=delivery_s,
        velocity_model=source.velocity_model,
        audiences=audiences(setup.params, quake.policy),
        stations=tuple(zip(table.stations, *places, strict=True)),
        sites=sites,
        n_targets=len(setup.targets),
        n_rows=grid.n_rows,
        n_columns=grid.n_columns,
        spacing_km=grid.spacing_km,
        nodes=tuple(told[0][:n]),
        blind_km=_plain(blind_km[0][:n]),
        alert_s=fig.spread(alert_s[0][:n]),
        blind_zone_km=fig.spread(blind_km[0][:n]),
        targets=tuple(
            _row(target, n + k, grid, alert_s, blind_km, s.tolist(), delivery_s)
            for k, target in enumerate(listed(setup.targets))
        ),
    )
    if len(told) == 1:
        return plan
    return msgspec.structs.replace(
        plan,
        nodes_after=tuple(told[1][:n]),
        blind_after_km=_plain(blind_km[1][:n]),
        alert_after_s=fig.spread(alert_s[1][:n]),
        blind_zone_after_km=fig.spread(blind_km[1][:n]),
        gain=fig.gain(
            grid,
            (alert_s[0][:n], alert_s[1][:n]),
            (blind_km[0][:n], blind_km[1][:n]),
            setup.targets,
        ),
    )


def _row(
    target: Target,
    at: int,
    grid: GridNodes,
    alert_s: Sequence[fig.F64],
    blind_km: Sequence[fig.F64],
    s_times: Sequence[float],
    delivery_s: float,
) -> TargetRow:
    """The row of the target whose own earthquake is number `at` among the outcomes."""
    alerts, blinds = _plain([t[at] for t in alert_s]), _plain([d[at] for d in blind_km])
    warned = [fig.warnings_s(grid, t[: len(grid)], target, s_times, delivery_s) for t in alert_s]
    row = TargetRow(
        name=target.name, population=target.population,
        alert_s=alerts[0], blind_km=blinds[0], warning_s=warned[0],
    )  # fmt: skip
    if len(alert_s) == 1:
        return row
    return msgspec.structs.replace(
        row, alert_after_s=alerts[1], blind_after_km=blinds[1], warning_after_s=warned[1]
    )


def _plain(values: Sequence[float] | fig.F64) -> tuple[float | None, ...]:
    return tuple(float(v) if np.isfinite(v) else None for v in values)
