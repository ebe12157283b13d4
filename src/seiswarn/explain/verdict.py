"""What each audience was told of an event, and why, or why not and what would have had to be different."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from seiswarn.explain.facts import AudienceSeen, RunFacts
from seiswarn.explain.gather import Gathered
from seiswarn.explain.item import Item, Origin0, fold
from seiswarn.explain.needed import Reached, needed, reached
from seiswarn.explain.seen import AlertSeen, DecisionSeen
from seiswarn.explain.sentences import because
from seiswarn.explain.survey import SOURCE, Outline, Told
from seiswarn.reasons import Reason
from seiswarn.timebase import NS


class AudienceCase(msgspec.Struct, kw_only=True):
    """One audience and one event. `needed`: what would have had to be different for a warning."""

    name: str
    warned: bool
    headline: str
    why: list[str] = []
    needed: list[str] = []
    items: list[Item] = []
    alerts: list[AlertSeen] = []
    n_held: int = 0


def audience_cases(
    found: Gathered, outline: Outline, facts: RunFacts, origin: Origin0, *, every: bool
) -> list[AudienceCase]:
    """All audiences, in the order of the configuration, then of their first word."""
    names = dict.fromkeys([a.name for a in facts.audiences] + list(outline.audiences))
    limits = reached(found)
    return [
        _case(
            name,
            [d for d in found.decisions if d.policy == name],
            [a for a in found.alerts if a.policy == name],
            outline, facts.audience(name), limits, origin, every,
        )
        for name in names
        if name != SOURCE
    ]  # fmt: skip


def _case(
    name: str,
    decisions: Sequence[DecisionSeen],
    alerts: list[AlertSeen],
    outline: Outline,
    configured: AudienceSeen | None,
    limits: Reached,
    origin: Origin0,
    every: bool,
) -> AudienceCase:
    told = outline.audiences.get(name, Told())
    items = _items(name, decisions, alerts, every)
    held = sum(d.action == "hold" for d in decisions)
    if alerts:
        headline, why = _warned(name, alerts, decisions, origin)
        case = AudienceCase(name=name, warned=True, headline=headline, why=why)
    else:
        headline, why = _silent(name, told, decisions, origin)
        wanted = needed(told.decisive or told.last, configured, limits)
        if told.last is not None and Reason.EVENT_CANCELLED in told.last.reasons:
            wanted += [text for text in needed(told.last, configured, limits) if text not in wanted]
        case = AudienceCase(name=name, warned=False, headline=headline, why=why, needed=wanted)
    case.items, case.alerts, case.n_held = items, alerts, held
    return case


def _warned(
    name: str, alerts: Sequence[AlertSeen], decisions: Sequence[DecisionSeen], origin: Origin0
) -> tuple[str, list[str]]:
    first, last = alerts[0], alerts[-1]
    level = f", level {first.level}" if first.level else ""
    headline = f"{name} was warned at {origin.since(first.t_seen_ns)} s{level}"
    end = {"cancel": "the last cancelled it", "final": "the last closed it"}.get(last.kind, "it still stands")
    top = max(alerts, key=lambda a: a.max_intensity)
    reach = f", up to {top.level}" if top.level and top.level != first.level else ""
    n = len(alerts)
    headline += f": {n} alert{'s' if n > 1 else ''}{reach}, {end}."
    why = [f"It was told because {d.detail}." for d in decisions if d.action == "new"][:1]
    before = [d for d in decisions if d.action == "hold" and d.t_seen_ns < first.t_seen_ns]
    if before:
        held = before[-1]
        wait_s = (first.t_seen_ns - before[0].t_seen_ns) / NS
        why.append(f"It was held back {wait_s:.1f} s before: {held.detail}.")
    idle = sum(d.action == "hold" and Reason.NO_CHANGE in d.reasons for d in decisions)
    if idle:
        why.append(f"{idle} decisions to say no more are on record: {because((Reason.NO_CHANGE,))}.")
    if last.kind == "cancel":
        why += [f"It was cancelled because {d.detail}." for d in decisions if d.action == "cancel"][-1:]
    return headline, why


def _silent(
    name: str, told: Told, decisions: Sequence[DecisionSeen], origin: Origin0
) -> tuple[str, list[str]]:
    headline = f"{name} was not warned."
    decisive = told.decisive or told.last
    if decisive is None:
        return headline, ["It was never asked: no decision of this audience is on record."]
    why = [f"{_upper(because(decisive.reasons))}: {decisive.detail}."]
    why.append(f"So it was decided last at {origin.since(decisive.t_seen_ns)} s.")
    if told.last is not None and told.last is not decisive:
        why.append(f"In the end, at {origin.since(told.last.t_seen_ns)} s: {because(told.last.reasons)}.")
    return headline, why


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _items(
    name: str, decisions: Sequence[DecisionSeen], alerts: Sequence[AlertSeen], every: bool
) -> list[Item]:
    """Decisions as entries; what only repeats the one before is folded, and that nothing changed left out."""
    by_time = {alert.t_seen_ns: alert for alert in alerts}
    if every:
        return [_item(name, d, by_time.get(d.t_seen_ns)) for d in decisions]
    told = [d for d in decisions if not (d.action == "hold" and Reason.NO_CHANGE in d.reasons)]
    return fold((_item(name, d, by_time.get(d.t_seen_ns)) for d in told), _alike)


def _alike(a: Item, b: Item) -> bool:
    quiet = a.what in ("held", "update")
    return quiet and (a.lane, a.who, a.what, a.why, a.level) == (b.lane, b.who, b.what, b.why, b.level)


def _item(name: str, decision: DecisionSeen, alert: AlertSeen | None) -> Item:
    if decision.action == "hold":
        return Item(
            t_ns=decision.t_seen_ns, lane="hold", who=name, what="held", text=decision.detail,
            why=because(decision.reasons), level=decision.level,
        )  # fmt: skip
    what = " + ".join(t.replace("_", " ") for t in decision.transitions) or decision.action
    text = decision.detail
    if alert is not None:
        told = f"alert {alert.revision}"
        if alert.level:
            told += f", level {alert.level}"
        if alert.n_area:
            told += f", {alert.n_area} places"
        if alert.blind_zone_km > 0.0 and decision.action == "new":
            told += f", S has gone {alert.blind_zone_km:.0f} km"
        text = f"{told}: {text}"
    return Item(
        t_ns=decision.t_seen_ns, lane="alert", who=name, what=what, text=text, why=because(decision.reasons),
        level=alert.level if alert else decision.level, colour=alert.colour if alert else "",
    )  # fmt: skip
