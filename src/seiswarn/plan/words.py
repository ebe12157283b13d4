"""A plan in words and rows, for the terminal and the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from seiswarn.plan.alerting import Outcome
from seiswarn.plan.figures import DISTANCES_KM, EARLIER_S, Spread, TargetRow
from seiswarn.plan.recordings import LONGEST_S
from seiswarn.plan.result import Plan
from seiswarn.plan.rules import said

SPREAD_HEAD = ("", "Best", "Median", "90 %", "Worst")
REASON_WORDS = {"NO_PICK": "no two stations saw it"}


def number(value: float | None, digits: int = 1) -> str:
    """A number as it stands in a table; a dash for none."""
    if value is None:
        return "–"
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")  # + 0.0: no minus before zero


def what(plan: Plan) -> str:
    """One sentence: what was computed."""
    quake, n = plan.quake, plan.n_rows * plan.n_columns
    delivered = f" and {plan.delivery_s:g} s of delivery" if plan.delivery_s else ""
    middle = f" Each is the middle one of {quake.draws} draws of noise." if quake.draws > 1 else ""
    return (
        f"For an earthquake of M {quake.magnitude:g}, {quake.depth_km:g} km deep, at each of {n} nodes"
        f" ({plan.n_rows} by {plan.n_columns}, {plan.spacing_km:.0f} km apart): when the first alert to"
        f" {said(plan.audiences)} leaves, with {len(plan.stations)} stations whose packets of"
        f" {quake.packet_s:g} s take {quake.latency_s:g} s, and how far S has gone by then"
        f"{delivered}.{middle}"
    )


def spread_rows(plan: Plan) -> list[tuple[str, ...]]:
    """Rows under `SPREAD_HEAD`."""
    told = [
        ("First alert, s after origin", plan.alert_s),
        ("Blind zone, km", plan.blind_zone_km),
    ]
    if plan.alert_after_s is not None and plan.blind_zone_after_km is not None:
        told = [(f"{label}, today", one) for label, one in told]
        told.insert(1, ("First alert, s after origin, with added stations", plan.alert_after_s))
        told.append(("Blind zone, km, with added stations", plan.blind_zone_after_km))
    return [(label, *_cells(one)) for label, one in told]


def _cells(one: Spread) -> tuple[str, ...]:
    return tuple(number(v) for v in (one.best, one.median, one.p90, one.worst))


def target_head(plan: Plan) -> tuple[str, ...]:
    """Head of the table of targets."""
    warned = (f"Warning, event {away:.0f} km away (s)" for away in DISTANCES_KM)
    return ("Target", "Alert, event at it (s)", "Blind zone (km)", *warned)


def target_rows(plan: Plan) -> list[tuple[str, ...]]:
    """Rows under `target_head`; warnings as median (least) over all directions."""
    return [_target(row, bool(plan.sites)) for row in plan.targets]


def _target(row: TargetRow, twice: bool) -> tuple[str, ...]:
    alert, blind = number(row.alert_s), number(row.blind_km, 0)
    warned = [_warning(pair) for pair in row.warning_s]
    if twice:
        alert = _to(alert, number(row.alert_after_s))
        blind = _to(blind, number(row.blind_after_km, 0))
        warned = [_to(a, _warning(b)) for a, b in zip(warned, row.warning_after_s, strict=True)]
    return (row.name, alert, blind, *warned)


def _warning(pair: tuple[float | None, float | None]) -> str:
    return f"{number(pair[0], 0)} ({number(pair[1], 0)})"


def _to(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def silent(nodes: Sequence[Outcome]) -> list[Outcome]:
    """Nodes without an alert."""
    return [node for node in nodes if node.alert_s is None]


def silent_sentence(nodes: Sequence[Outcome]) -> str:
    """How many nodes get no alert, and why; empty when all do."""
    without = silent(nodes)
    if not without:
        return ""
    counts = Counter(", ".join(REASON_WORDS.get(r, r) for r in node.reasons) for node in without)
    why = "; ".join(f"{n} {reason}" for reason, n in counts.most_common())
    return (
        f"{len(without)} of {len(nodes)} nodes get no alert within {LONGEST_S:.0f} s"
        f" (by the last decision: {why})."
    )


def gain_sentences(plan: Plan) -> list[str]:
    """What the added stations change."""
    gain = plan.gain
    if gain is None:
        return []
    names = ", ".join(site.name for site in plan.sites)
    n = len(plan.nodes)
    more = f"; {gain.n_gained} get one that had none" if gain.n_gained else ""
    less = f"; {gain.n_lost} get none that had one" if gain.n_lost else ""
    later = f" At {gain.n_later} it leaves {EARLIER_S:g} s or more later." if gain.n_later else ""
    out = [
        f"With {names} added, the first alert leaves {EARLIER_S:g} s or more earlier at"
        f" {gain.n_earlier} of {n} nodes{more}{less} ({gain.area_km2:,.0f} km²);"
        f" {gain.mean_s:.1f} s in the mean over all nodes, at most {gain.most_s:.1f} s.{later}"
    ]
    told = f"The mean blind zone goes from {gain.blind_km[0]:.0f} to {gain.blind_km[1]:.0f} km"
    if plan.n_targets:
        told += f"; of {plan.n_targets} targets {gain.targets[0]:.2f} in the mean lie within it today,"
        told += f" {gain.targets[1]:.2f} then"
    if max(gain.people) > 0.0:
        told += f", of their people {gain.people[0]:,.0f} and {gain.people[1]:,.0f}"
    return [*out, f"{told}."]


def closing(plan: Plan) -> str:
    """One sentence for the end of the terminal's output."""
    alert, blind = plan.alert_s, plan.blind_zone_km
    if alert.median is None:
        return "No node gets an alert. " + silent_sentence(plan.nodes)
    return (
        f"The first alert leaves {number(alert.median)} s after the origin at half the nodes,"
        f" {number(alert.p90)} s at 90 % of those that get one; S has then gone {number(blind.median, 0)} and"
        f" {number(blind.p90, 0)} km."
    )


def lines(plan: Plan) -> list[str]:
    """What the terminal shows."""
    rows = [SPREAD_HEAD, *spread_rows(plan)]
    width = max(len(row[0]) for row in rows)
    out = [what(plan), ""]
    out += [row[0].ljust(width) + "".join(cell.rjust(9) for cell in row[1:]) for row in rows]
    out.append("")
    told = [silent_sentence(plan.nodes), *gain_sentences(plan)]
    return [*out, *(sentence for sentence in told if sentence), closing(plan)]
