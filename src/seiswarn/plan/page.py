"""The page of a plan: maps and tables in one file, nothing to fetch and nothing to run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seiswarn.grid import GridNodes
from seiswarn.plan import maps, words
from seiswarn.plan.alerting import Outcome
from seiswarn.plan.figures import N_AZIMUTHS, alert_times
from seiswarn.plan.recordings import COUNTS_PER_MPS2, FARTHEST_KM, LONGEST_S
from seiswarn.plan.result import MOST_TARGETS, Plan
from seiswarn.plan.sites import Site
from seiswarn.targets import Target

MOST_SILENT = 200  # nodes without an alert that are listed
TAIL = 0.98  # of the nodes lie within the scale: one far out would take the colours from all others
ALERT, BLIND = "first alert, s after the origin", "blind zone, km"
CHANGE = "change of the first alert, s (purple: earlier, orange: later)"


def page(plan: Plan, grid: GridNodes, targets: Sequence[Target]) -> bytes:
    """The page, in UTF-8; equal input gives equal bytes."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loaders = [
        PackageLoader("seiswarn.plan", "templates"),
        PackageLoader("seiswarn.publish.formats", "templates"),
    ]
    environment = Environment(
        loader=ChoiceLoader(loaders), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    without = words.silent(plan.nodes)
    text = environment.get_template("plan.html.j2").render(
        banner={"en": ""},
        plan=plan,
        what=words.what(plan),
        facts=_facts(plan),
        maps=_maps(plan, grid, targets),
        gain=words.gain_sentences(plan),
        spread_head=words.SPREAD_HEAD,
        spread_rows=words.spread_rows(plan),
        target_head=words.target_head(plan),
        target_rows=words.target_rows(plan),
        most_targets=MOST_TARGETS,
        n_azimuths=N_AZIMUTHS,
        silent=words.silent_sentence(plan.nodes),
        silent_rows=[_silent(node) for node in without[:MOST_SILENT]],
        n_unlisted=max(0, len(without) - MOST_SILENT),
        longest_s=LONGEST_S,
        farthest_km=FARTHEST_KM,
        gain_counts=COUNTS_PER_MPS2,
    )
    return text.encode()


def _facts(plan: Plan) -> list[tuple[str, str, str]]:
    n = len(plan.nodes)
    alerted = n - len(words.silent(plan.nodes))
    alert, blind = plan.alert_s, plan.blind_zone_km
    facts = [
        ("First alert, median", f"{words.number(alert.median)} s", f"90 %: {words.number(alert.p90)} s"),
        (
            "Blind zone, median",
            f"{words.number(blind.median, 0)} km",
            f"90 %: {words.number(blind.p90, 0)} km",
        ),
        ("Nodes with an alert", f"{alerted} of {n}", f"within {LONGEST_S:.0f} s of the origin"),
    ]
    if plan.alert_after_s is not None:
        after = plan.alert_after_s
        facts.append(
            (
                "With added stations",
                f"{words.number(after.median)} s",
                f"median first alert; 90 %: {words.number(after.p90)} s",
            )
        )
    return facts


def _maps(plan: Plan, grid: GridNodes, targets: Sequence[Target]) -> list[tuple[str, str]]:
    """Titles and drawings. Maps before and after share a scale."""
    alerts = [alert_times(nodes) for nodes in (plan.nodes, plan.nodes_after) if nodes]
    blinds = [_array(blind) for blind in (plan.blind_km, plan.blind_after_km) if blind]
    scales = _limits(np.concatenate(alerts)), _limits(np.concatenate(blinds))

    def one(
        values: maps.F64, label: str, colours: str, limits: tuple[float, float], sites: Sequence[Site]
    ) -> str:
        return maps.draw(
            grid, values, label, colours, limits=limits, stations=plan.stations, sites=sites, targets=targets
        )

    when = ", today" if plan.sites else ""
    out = [
        (f"When the first alert leaves{when}", one(alerts[0], ALERT, maps.ALERT_COLOURS, scales[0], ())),
    ]
    if len(alerts) > 1:
        title = "When the first alert leaves, with added stations"
        out.append((title, one(alerts[1], ALERT, maps.ALERT_COLOURS, scales[0], plan.sites)))
        change = alerts[1] - alerts[0]
        finite = np.abs(change[np.isfinite(change)])
        reach = max(maps.LEAST_CHANGE_S, float(np.quantile(finite, TAIL)) if len(finite) else 0.0)
        drawn = one(change, CHANGE, maps.CHANGE_COLOURS, (-reach, reach), plan.sites)
        out.append(("What the added stations change", drawn))
    out.append((f"The blind zone{when}", one(blinds[0], BLIND, maps.BLIND_COLOURS, scales[1], ())))
    if len(blinds) > 1:
        title = "The blind zone, with added stations"
        out.append((title, one(blinds[1], BLIND, maps.BLIND_COLOURS, scales[1], plan.sites)))
    return out


def _array(values: Sequence[float | None]) -> maps.F64:
    return np.array([np.nan if v is None else v for v in values])


def _limits(values: maps.F64) -> tuple[float, float]:
    """The scale that holds nearly all values."""
    good = values[np.isfinite(values)]
    if not len(good):
        return 0.0, 1.0
    low, high = float(good.min()), float(np.quantile(good, TAIL))
    return (low, high) if high > low else (low, low + 1.0)


def _silent(node: Outcome) -> tuple[str, ...]:
    return (
        f"{node.latitude:.2f}", f"{node.longitude:.2f}", str(node.n_stations),
        words.number(node.magnitude if node.magnitude else None),
        ", ".join(node.reasons), node.detail,
    )  # fmt: skip
