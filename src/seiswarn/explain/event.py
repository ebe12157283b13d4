"""The time line of one event: picks, what was believed, what was forecast, what was said to whom."""

from __future__ import annotations

import msgspec

from seiswarn.alerts.params import Params as AlertsParams
from seiswarn.explain.facts import RunFacts
from seiswarn.explain.forecasting import forecast_items
from seiswarn.explain.gather import Gathered, gather
from seiswarn.explain.item import Item, Origin0, fold_picks, merge, short
from seiswarn.explain.reading import Index, Source
from seiswarn.explain.seen import AlertSeen, EstimateWithArrivals
from seiswarn.explain.sentences import because
from seiswarn.explain.survey import Outline
from seiswarn.explain.verdict import AudienceCase, audience_cases
from seiswarn.geo import distance_km
from seiswarn.messages import Arrival
from seiswarn.reasons import Reason

# A revision is shown when it changes as much as an audience is told of without asking for anything else.
SHOWN_MAGNITUDE = AlertsParams().update_magnitude
SHOWN_KM = AlertsParams().update_epicentre_km
MOST_NAMES = 8
HARDLY_EVER = 1e-3  # a year
SURER = 0.5  # ... or when the magnitude has become so much more certain


class Case(msgspec.Struct, kw_only=True):
    """An event, explained."""

    outline: Outline
    origin: Origin0
    items: list[Item]  # folded, but for `every`
    audiences: list[AudienceCase]
    gathered: Gathered


def explain_event(
    source: Source, index: Index, outline: Outline, facts: RunFacts, *, every: bool = False
) -> Case:
    """Everything about one event; `every`: without leaving out or folding anything."""
    found = gather(source, index, outline)
    origin = Origin0(outline.estimate.origin.time_ns)
    cases = audience_cases(found, outline, facts, origin, every=every)
    items = merge(
        (
            _pick_items(found, origin),
            estimate_items(found.estimates, every=every),
            forecast_items(found.forecasts, found.alerts, facts),
            _suspect_items(found),
            *(case.items for case in cases),
        )
    )
    return Case(
        outline=outline,
        origin=origin,
        items=items if every else fold_picks(items),
        audiences=cases,
        gathered=found,
    )


def place_name(alerts: list[AlertSeen]) -> str:
    """Where, by the nearest target of the last alert: ``35 km from Baise``; empty without one."""
    near = min((t for a in alerts[-1:] for t in a.targets), key=lambda t: t.distance_km, default=None)
    return "" if near is None else f"{near.distance_km:.0f} km from {near.name}"


def coordinates(latitude: float, longitude: float) -> str:
    """``23.90°N 106.62°E``."""
    ns, ew = ("N" if latitude >= 0 else "S"), ("E" if longitude >= 0 else "W")
    return f"{abs(latitude):.2f}°{ns} {abs(longitude):.2f}°{ew}"


def size(estimate: EstimateWithArrivals) -> str:
    """``M 6.1 ± 0.3``, or that it is not known."""
    m = estimate.magnitude
    if m is None:
        return "magnitude unknown"
    return f"M {m.value:.1f} ± {m.sigma:.1f}" + (" or more" if m.saturated else "")


def _pick_items(found: Gathered, origin: Origin0) -> list[Item]:
    """Onsets that stand, or have stood, in the event."""
    last: dict[str, Arrival] = {}
    at: dict[str, EstimateWithArrivals] = {}
    for estimate in found.estimates:
        last |= {arrival.pick_id: arrival for arrival in estimate.arrivals}
        at |= {arrival.pick_id: estimate for arrival in estimate.arrivals}
    out = []
    for pick_id, arrival in last.items():
        pick, final = found.picks.get(pick_id), found.estimates[-1]
        told = f"onset at {origin.since(arrival.t_ns)}, {arrival.distance_km:.0f} km away, residual "
        told += f"{arrival.residual_s:+.2f} s"
        if pick is not None:
            told += f", {pick.snr:.0f} times the noise, quality {pick.quality}"
        if at[pick_id] is not final and final.arrivals:
            told += f"; not used after revision {at[pick_id].revision}"
        seen_ns = pick.t_seen_ns if pick is not None else arrival.t_ns
        out.append(
            Item(t_ns=seen_ns, lane="pick", who=arrival.station, what=f"{arrival.phase} pick", text=told)
        )
    return out


def estimate_items(estimates: list[EstimateWithArrivals], *, every: bool = False) -> list[Item]:
    """The first estimate, the last, and those between that changed much since the one shown before."""
    out: list[Item] = []
    shown: EstimateWithArrivals | None = None
    passed = 0
    for estimate in estimates:
        if shown is None:
            out.append(_declared(estimate))
        elif every or estimate.state in ("ended", "cancelled") or _differs(estimate, shown):
            out.append(_revised(estimate, shown, passed))
        else:
            passed += 1
            continue
        shown, passed = estimate, 0
    return out


def _declared(estimate: EstimateWithArrivals) -> Item:
    o = estimate.origin
    names = list(dict.fromkeys(short(a.station) for a in estimate.arrivals if a.weight > 0.0))
    by = f" ({', '.join(names)})" if 0 < len(names) <= MOST_NAMES else ""
    where = coordinates(o.latitude, o.longitude)
    if estimate.grounds == "wavefield":
        text = (
            f"strong motion at {o.n_stations} stations that no located earthquake explains, first at {where}"
        )
    else:
        text = (
            f"from {o.n_stations} stations{by}: {size(estimate)}, {where} ± {o.ellipse_major_km:.0f} km,"
            f" depth {o.depth_km:.0f} km"
        )
        if estimate.false_per_year >= HARDLY_EVER:
            text += f"; noise alone would do the same {estimate.false_per_year:.3g} times a year"
        elif estimate.false_per_year:
            text += "; noise alone would hardly ever do the same"
    if estimate.continues:
        text += f"; goes on from {estimate.continues}"
    return Item(t_ns=estimate.t_seen_ns, lane="source", who="source", what="declared", text=text)


def _revised(estimate: EstimateWithArrivals, shown: EstimateWithArrivals, passed: int) -> Item:
    o, before = estimate.origin, shown.origin
    text = f"revision {estimate.revision}: {size(estimate)}"
    if estimate.value is not None and shown.value is not None:
        change = estimate.value - shown.value
        text += f" ({change:+.1f})" if abs(change) >= 0.05 else ""
    moved = distance_km(before.latitude, before.longitude, o.latitude, o.longitude)
    text += f", {o.n_stations} stations, {coordinates(o.latitude, o.longitude)} ± {o.ellipse_major_km:.0f} km"
    if moved >= 1.0:
        text += f" (moved {moved:.0f} km)"
    text += f", depth {o.depth_km:.0f} km"
    if estimate.rupture is not None and estimate.rupture.believed:
        r = estimate.rupture
        text += f"; a rupture of {r.length_km:.0f} ± {r.length_sigma_km:.0f} km, strike {r.strike_deg:.0f}°"
    if estimate.continues:
        text += f"; goes on as {estimate.continues}"
    if passed:
        text += f"; {passed} smaller revision{'s' if passed > 1 else ''} before"
    what = estimate.state if estimate.state in ("ended", "cancelled") else "estimate"
    return Item(
        t_ns=estimate.t_seen_ns, lane="source", who="source", what=what, text=text,
        why=because(estimate.reasons),
    )  # fmt: skip


def _differs(now: EstimateWithArrivals, shown: EstimateWithArrivals) -> bool:
    """Whether a revision says something else than the one shown before."""
    if (now.value is None) != (shown.value is None) or _line(now) != _line(shown):
        return True
    if (Reason.BLAST in now.reasons) != (Reason.BLAST in shown.reasons):
        return True
    if now.magnitude is not None and shown.magnitude is not None:
        if abs(now.magnitude.value - shown.magnitude.value) >= SHOWN_MAGNITUDE:
            return True
        if now.magnitude.sigma <= SURER * shown.magnitude.sigma:
            return True
    a, b = shown.origin, now.origin
    return distance_km(a.latitude, a.longitude, b.latitude, b.longitude) >= SHOWN_KM


def _line(estimate: EstimateWithArrivals) -> bool:
    return estimate.rupture is not None and estimate.rupture.believed


def _suspect_items(found: Gathered) -> list[Item]:
    return [
        Item(
            t_ns=e.t_seen_ns, lane="data", who=e.subject, what="doubted",
            text=e.detail.partition(": ")[2] or e.detail, why=because((e.reason,)),
        )
        for e in found.suspects
    ]  # fmt: skip
