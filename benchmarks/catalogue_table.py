"""The tables of the synthetic catalogue: by network and place, and by magnitude."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from catalogue_networks import NETWORKS, PLACES
from catalogue_score import MOMENTS, Found, Moment, Outcome, Quake
from common import Row

BANDS = ((4.0, 4.5), (4.5, 5.0), (5.0, 6.0), (6.0, 7.0), (7.0, 8.01))
RECALL_FROM = 4.5
SYSTEMS = ("seiswarn", "baseline")


def of(quake: Quake, system: str) -> Found:
    return quake.seiswarn if system == "seiswarn" else quake.baseline


def moments(quakes: Iterable[Quake], system: str, when: str) -> list[Moment]:
    return [f.moments[when] for q in quakes if (f := of(q, system)).moments]


def share(values: Iterable[bool | None]) -> float:
    """Of those that are known; NaN when none is."""
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else math.nan


def percentile(values: Sequence[float], q: float) -> float:
    return float(np.percentile(values, q)) if len(values) else math.nan


def n_false(outcomes: Sequence[Outcome], system: str) -> int:
    return sum(alert.system == system for o in outcomes for alert in o.false_alerts)


def recall(quakes: Sequence[Quake], system: str) -> float:
    return share(bool(of(q, system).moments) for q in quakes if q.mw >= RECALL_FROM)


def lines(outcomes: Sequence[Outcome]) -> list[str]:
    """Everything, as markdown."""
    out: list[str] = []
    quakes = [q for o in outcomes for q in o.quakes]
    for system in SYSTEMS:
        out += ["", f"## {system}", "", *_events(outcomes, quakes, system)]
    return [
        *out,
        "",
        "## Uncertainties of seiswarn: share of the truth within stated 90 %",
        "",
        *_coverage(quakes),
    ]


def _groups(quakes: Sequence[Quake]) -> list[tuple[str, list[Quake]]]:
    places = [
        (f"{n} {p}", [q for q in quakes if q.network == n and q.place == p]) for n in NETWORKS for p in PLACES
    ]
    bands = [(f"M {a:g} to {min(b, 8.0):g}", [q for q in quakes if a <= q.mw < b]) for a, b in BANDS]
    return [("all", list(quakes)), *((k, g) for k, g in [*places, *bands] if g)]


def _events(outcomes: Sequence[Outcome], quakes: Sequence[Quake], system: str) -> list[str]:
    pairs = [o for o in outcomes if o.pair]
    head = ["where", "events", "recall", "splits", "delay after P4, s"]
    for _, after in MOMENTS:
        when = "first" if not after else f"+{after} s"
        head += [f"dM, |dM| {when}", f"epicentre {when}, km"]
    head += ["depth +10 s, km"]
    out = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for label, group in _groups(quakes):
        delays = [d for q in group if (d := of(q, system).delay_s) is not None]
        splits = sum(of(q, system).n_splits for q in group)
        cells = [label, str(len(group)), f"{recall(group, system):.0%}", str(splits), two(delays, ".1f")]
        for name, _ in MOMENTS:
            told = moments(group, system, name)
            dm = [t.dm for t in told]
            cells.append(f"{percentile(dm, 50):+.2f}, {two([abs(x) for x in dm], '.2f')}")
            cells.append(two([t.epi_err_km for t in told], ".0f"))
        cells.append(two([abs(t.depth_err_km) for t in moments(group, system, "at_10s")], ".0f"))
        out.append("| " + " | ".join(cells) + " |")
    false = n_false(outcomes, system)
    out += ["", f"False alerts: {false} in {len(outcomes)} recordings."]
    for kind, text in (("near", "7 s apart in one place"), ("far", "at one moment in two places")):
        told = [o.apart[system] for o in pairs if o.pair == kind]
        out.append(f"Pairs {text}, told apart: {sum(told)} of {len(told)}.")
    return out


def two(values: Sequence[float], form: str) -> str:
    """Median / 90th percentile."""
    if not values:
        return "-"
    return f"{percentile(values, 50):{form}} / {percentile(values, 90):{form}}"


COVERED: tuple[tuple[str, Callable[[Moment], bool | None]], ...] = (
    ("ellipse", lambda m: m.in_ellipse),
    ("magnitude", lambda m: m.in_magnitude),
    ("depth", lambda m: m.in_depth),
)


def _coverage(quakes: Sequence[Quake]) -> list[str]:
    head = ["where", *(f"{what} {name}" for what, _ in COVERED for name, _ in MOMENTS)]
    out = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for label, group in _groups(quakes):
        cells = [label]
        for _, pick in COVERED:
            cells += [
                f"{share(pick(m) for m in moments(group, 'seiswarn', name)):.0%}" for name, _ in MOMENTS
            ]
        out.append("| " + " | ".join(cells) + " |")
    return out


def rows(outcomes: Sequence[Outcome]) -> dict[str, Row]:
    """Figures for compare.py."""
    quakes = [q for o in outcomes for q in o.quakes]
    found: dict[str, Row] = {}
    for s in SYSTEMS:
        delays = [d for q in quakes if (d := of(q, s).delay_s) is not None]
        found[f"{s}: recall from M {RECALL_FROM}"] = Row(recall(quakes, s), "share", "higher")
        found[f"{s}: false alerts"] = Row(float(n_false(outcomes, s)), "alerts", "lower")
        found[f"{s}: splits"] = Row(float(sum(of(q, s).n_splits for q in quakes)), "events", "lower")
        apart = share(o.apart[s] for o in outcomes if o.pair)
        found[f"{s}: pairs told apart"] = Row(apart, "share", "higher")
        found[f"{s}: delay after P4, median"] = Row(percentile(delays, 50), "s", "lower")
        for name, _ in MOMENTS:
            told = moments(quakes, s, name)
            for q, text in ((50, "median"), (90, "p90")):
                dm, km = [abs(m.dm) for m in told], [m.epi_err_km for m in told]
                found[f"{s}: |dM| {name}, {text}"] = Row(percentile(dm, q), "", "lower")
                found[f"{s}: epicentre {name}, {text}"] = Row(percentile(km, q), "km", "lower")
    for what, pick in COVERED:
        for name, _ in MOMENTS:
            off = abs(share(pick(m) for m in moments(quakes, "seiswarn", name)) - 0.9)
            found[f"coverage of {what} {name}, off 90 %"] = Row(off, "share", "lower")
    return {key: row for key, row in found.items() if not math.isnan(row.value)}
