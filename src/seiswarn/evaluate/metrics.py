"""Figures of one set: lists of messages and a catalogue in, plain values for JSON out.

Nothing here knows a file, a replay or a clock.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from seiswarn.evaluate.catalogue import Quake
from seiswarn.evaluate.chains import chains
from seiswarn.evaluate.heard import Heard, Reached
from seiswarn.evaluate.lead import lead_times
from seiswarn.evaluate.matching import (
    Rules,
    Said,
    by_event,
    first_ns,
    floor_s,
    is_large,
    miss,
    must_warn,
    nearest,
    per_site,
    withdrawn,
)
from seiswarn.messages import Alert, Decision, Magnitude
from seiswarn.reasons import Reason
from seiswarn.timebase import from_seconds, iso, seconds

AFTER_FIRST_S = {"first": 0.0, "at_5s": 5.0, "at_10s": 10.0, "at_20s": 20.0}
STATES = (*AFTER_FIRST_S, "final")
INSIDE_DEG = 180.0  # a gap up to this: the epicentre is inside the network
NAMED = ("n_events", "missed", "false_alerts", "first_alert_s", "floor_p4_s", *STATES)
Result = dict[str, Any]


def figures(set_id: str, heard: Heard, rules: Rules) -> Result:
    """All figures of one set; those of a single earthquake are of the largest in its catalogue."""
    catalogue, reached = heard.catalogue, heard.reached
    root = chains([*heard.alerts, *heard.estimates])
    alerted = by_event(heard.alerts, root)
    of_quake = {event: nearest(alerts, catalogue, rules) for event, alerts in alerted.items()}
    wanted = [must_warn(q, r, rules) for q, r in zip(catalogue, reached, strict=True)]
    matched = [k for k in of_quake.values() if k is not None]
    missed = [k for k, due in enumerate(wanted) if due and k not in matched]
    result: Result = {
        "id": set_id,
        "n_events": len(alerted),
        "missed": 0 in missed,
        "false_alerts": sum(k is None for k in of_quake.values()),
        "n_must_warn": sum(wanted),
        "n_missed": len(missed),
        "split": len(matched) > len(set(matched)),
        "unwanted": sum(_is_small(catalogue[k], rules) for k in matched),
        "n_stations": heard.n_stations,
        "data_s": round(heard.data_s, 1),
        "cpu_s": round(heard.cpu_s, 2),
    }
    if not catalogue:
        result |= _of_nothing()
        result["revisions"] = [r for alerts in alerted.values() for r in revisions(alerts, None)]
        return result
    mine = [said for event, alerts in alerted.items() if of_quake[event] == 0 for said in alerts]
    estimates = [
        said
        for group in by_event(heard.estimates, root).values()
        if nearest(group, catalogue, rules) == 0
        for said in group
    ]
    result |= _of_quake(catalogue[0], reached[0], mine, estimates, root, rules)
    strangers = [
        r
        for event, alerts in alerted.items()
        if of_quake[event] != 0
        for r in revisions(alerts, None if of_quake[event] is None else catalogue[of_quake[event] or 0])
    ]
    result["revisions"] = [*revisions([*mine, *estimates], catalogue[0]), *strangers]
    result["held"] = None if mine else _why_silent(heard.decisions, {m.event_id for m in estimates})
    result["lead_times"] = lead_times(
        first_ns(mine), catalogue[0], reached[0], heard.picks, heard.shaking, rules.lead_intensity
    )
    return result


def failed(set_id: str, sentence: str) -> Result:
    """The result of a set that could not be run, under the same names."""
    return {"id": set_id, "error": sentence, **dict.fromkeys(NAMED)}


def state(said: Said | None, quake: Quake) -> Result | None:
    """What a message says against the catalogue; errors are what was said minus what was."""
    if said is None:
        return None
    origin, size = said.origin, _size(said)
    m = None if size is None else size.value
    return {
        "m": _rounded(m),
        "dm": None if m is None or quake.magnitude is None else _rounded(m - quake.magnitude),
        "epi_err_km": _rounded(miss(origin, quake)[0]),
        "depth_err_km": None if quake.depth_km is None else _rounded(origin.depth_km - quake.depth_km),
        "n_stations": origin.n_stations,
        "sigma": None if size is None else _rounded(size.sigma),
        "gap_deg": _rounded(origin.gap_deg),
        "t_s": _rounded(seconds(said.t_seen_ns - quake.time_ns)),
    }


def states(
    said: Sequence[Said], quake: Quake, root: Mapping[str, str] | None = None
) -> dict[str, Result | None]:
    """The states at fixed times after the first message: the last one said by then, and the final one.

    Of several events that were of one earthquake, the one that spoke first is followed, and those that are
    one with it by `root`.
    """
    start_ns = first_ns(said)
    if start_ns is None:
        return dict.fromkeys(STATES)
    groups = by_event(said, root)
    leader = next(g for g in groups.values() if first_ns(g) == start_ns)
    spoken = [m for m in leader if not withdrawn(m)]
    found = {
        name: state(_last(spoken, start_ns + from_seconds(dt)), quake) for name, dt in AFTER_FIRST_S.items()
    }
    return {**found, "final": state(_last(spoken, spoken[-1].t_seen_ns), quake)}


def _size(said: Said) -> Magnitude | None:
    """The magnitude, where there is one: strong motion without a located earthquake has none."""
    return None if said.grounds == "wavefield" else said.magnitude


def revisions(said: Sequence[Said], quake: Quake | None) -> list[Result]:
    """All messages in order of time; seconds after the origin of `quake`, else of their own."""
    rows = []
    for m in sorted(said, key=lambda m: (m.t_seen_ns, isinstance(m, Alert), m.revision)):
        origin, size = m.origin, _size(m)
        zero_ns = origin.time_ns if quake is None else quake.time_ns
        rows.append(
            {
                "kind": "alert" if isinstance(m, Alert) else "estimate",
                "event_id": m.event_id,
                "revision": m.revision,
                "state": m.kind if isinstance(m, Alert) else m.state,
                "t_s": _rounded(seconds(m.t_seen_ns - zero_ns)),
                "magnitude": None if size is None else _rounded(size.value),
                "sigma": None if size is None else _rounded(size.sigma),
                "latitude": round(origin.latitude, 4),
                "longitude": round(origin.longitude, 4),
                "depth_km": _rounded(origin.depth_km),
                "epi_err_km": None if quake is None else _rounded(miss(origin, quake)[0]),
                "ellipse_major_km": _rounded(origin.ellipse_major_km),
                "gap_deg": _rounded(origin.gap_deg),
                "n_stations": origin.n_stations,
                "of_catalogue": quake is not None,
                "reasons": list(m.reasons),
            }
        )
    return rows


def _of_quake(
    quake: Quake,
    reached: Sequence[Reached],
    mine: Sequence[Said],
    estimates: Sequence[Said],
    root: Mapping[str, str],
    rules: Rules,
) -> Result:
    first, first_estimate = first_ns(mine), first_ns(estimates)
    said = states(mine, quake, root)
    ten = said["at_10s"]
    sites = per_site(reached)
    near = [row for row in sites if row.distance_km <= rules.near_km]
    twenty_ns = quake.time_ns + from_seconds(20.0)
    return {
        "magnitude": quake.magnitude,
        "magnitude_kind": quake.magnitude_kind,
        "origin_time": iso(quake.time_ns, 3),
        "latitude": quake.latitude,
        "longitude": quake.longitude,
        "depth_km": quake.depth_km,
        "must_warn": must_warn(quake, reached, rules),
        "large": is_large(quake, rules),
        "warned": first is not None,
        "cancelled": any(withdrawn(m) for m in mine),
        "n_recording": sum(row.recording for row in near),
        "n_saw_p": sum(row.saw_p for row in near),
        "first_alert_s": None if first is None else _rounded(seconds(first - quake.time_ns)),
        "floor_p4_s": floor_s(reached, rules.n_stations),
        **said,
        "gap_deg": None if ten is None else ten["gap_deg"],
        "inside": None if ten is None else ten["gap_deg"] <= INSIDE_DEG,
        "at_origin_20s": state(_last([m for m in mine if not withdrawn(m)], twenty_ns), quake),
        "first_estimate_s": None
        if first_estimate is None
        else _rounded(seconds(first_estimate - quake.time_ns)),
        "estimates": states(estimates, quake, root)
        | {"at_origin_20s": state(_last([m for m in estimates if not withdrawn(m)], twenty_ns), quake)},
    }


def _of_nothing() -> Result:
    """What a set without a catalogue says of its earthquake."""
    names = ("magnitude", "origin_time", "first_alert_s", "floor_p4_s", *STATES, "gap_deg", "inside")
    return dict.fromkeys(names) | {
        "must_warn": False,
        "large": False,
        "warned": False,
        "at_origin_20s": None,
        "first_estimate_s": None,
        "held": None,
        "lead_times": {},
    }


def _why_silent(decisions: Sequence[Decision], events: Container[str]) -> Result | None:
    """The last word of a policy on an earthquake that was located and not warned of, but for its end."""
    said = [d for d in decisions if d.event_id in events and d.action == "hold"]
    last = next((d for d in reversed(said) if Reason.EVENT_ENDED not in d.reasons), None)
    return None if last is None else {"reasons": list(last.reasons), "detail": last.detail}


def _is_small(quake: Quake, rules: Rules) -> bool:
    return quake.magnitude is not None and not is_large(quake, rules)


def _last(said: Sequence[Said], until_ns: int) -> Said | None:
    """The last message by then; one of a located earthquake before one of the wavefield alone."""
    past = [m for m in said if m.t_seen_ns <= until_ns]
    return next((m for m in reversed(past) if m.grounds == "source"), past[-1] if past else None)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 3)
