"""The alert itself, from what is believed and what is to be told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from seiswarn.alerts.audience import Audience, Reading
from seiswarn.alerts.record import Record, Told
from seiswarn.alerts.standing import Standing, standing
from seiswarn.alerts.view import n_stations
from seiswarn.forecast_field import Basis
from seiswarn.messages import (
    UNKNOWN_MAGNITUDE,
    Action,
    Alert,
    AlertKind,
    Decision,
    EventEstimate,
    TargetForecast,
    Transition,
)
from seiswarn.targets import Target
from seiswarn.timebase import NS, from_seconds

# As plain integers: flags of an enumeration cost microseconds each.
SOURCE, LINE, CORRECTED, WAVEFIELD, OUTSIDE = (
    int(b) for b in (Basis.SOURCE, Basis.LINE, Basis.CORRECTED, Basis.WAVEFIELD, Basis.OUTSIDE)
)


def build_alert(
    audience: Audience,
    record: Record,
    kind: AlertKind,
    t_seen_ns: int,
    estimate: EventEstimate,
    reading: Reading | None,
    now: Standing | None,
    transitions: tuple[Transition, ...],
    reasons: tuple[str, ...],
) -> Alert:
    """The next alert of an event. Its targets count their seconds from `t_seen_ns`."""
    last, p = record.alert, audience.params
    forecast = reading.forecast if reading is not None else None
    magnitude = estimate.magnitude or (last.magnitude if last else UNKNOWN_MAGNITUDE)
    over = kind == "cancel" or "all_clear" in transitions
    top = 0 if over or now is None else now.top
    level = audience.level(top)
    rupture = estimate.rupture if estimate.rupture is not None and estimate.rupture.believed else None
    return Alert(
        event_id=record.event_id,
        revision=1 if last is None else last.revision + 1,
        kind=kind,
        status=estimate.status,
        policy=p.name,
        t_seen_ns=t_seen_ns,
        first_t_seen_ns=t_seen_ns if last is None else last.first_t_seen_ns,
        expires_ns=t_seen_ns + from_seconds(p.expires_s),
        origin=estimate.origin,
        magnitude=magnitude,
        targets=_targets(audience, reading, now, t_seen_ns, over),
        intensity_scale=forecast.intensity_scale if forecast else "",
        max_intensity=_largest(reading),
        epicentral_intensity=forecast.epicentral_intensity if forecast else 0.0,
        reasons=reasons,
        transitions=transitions,
        level=level.name if level else "",
        level_zh=level.name_zh if level else "",
        level_rank=top,
        colour=level.colour if level else "",
        n_area=0 if over or now is None else int(now.area.sum()),
        measure=p.measure,
        thresholds=forecast.thresholds if forecast else (),
        blind_zone_km=forecast.blind_zone_km if forecast else 0.0,
        grounds=estimate.grounds,
        rupture=rupture,
        false_per_year=estimate.false_per_year,
        continues=record.continues,
    )


def build_decision(
    audience: Audience,
    t_seen_ns: int,
    estimate: EventEstimate,
    reading: Reading | None,
    action: Action,
    reasons: tuple[str, ...],
    detail: str,
    transitions: tuple[Transition, ...],
) -> Decision:
    """The record of what was decided; its level is that of the forecast, whether or not it was told."""
    top = 0 if reading is None else standing(audience, reading, estimate, Told(), 0.0).top
    level = audience.level(top)
    return Decision(
        event_id=estimate.event_id,
        policy=audience.params.name,
        t_seen_ns=t_seen_ns,
        action=action,
        reasons=reasons,
        detail=detail,
        estimate_revision=estimate.revision,
        magnitude=estimate.magnitude.value if estimate.magnitude else 0.0,
        max_intensity=_largest(reading),
        n_stations=n_stations(estimate),
        level=level.name if level else "",
        transitions=transitions,
        status=estimate.status,
    )


def _largest(reading: Reading | None) -> float:
    if reading is None or not reading.n:
        return 0.0
    return float(np.max(reading.arrays.intensity))


def _targets(
    audience: Audience, reading: Reading | None, now: Standing | None, t_seen_ns: int, over: bool
) -> tuple[TargetForecast, ...]:
    """Those of the listed targets, by arrival of S, then by name. They may be thousands: columns first."""
    if reading is None or now is None:
        return ()
    rows = np.flatnonzero(now.listed)
    rows = rows[np.argsort(reading.s_ns[rows], kind="stable")]  # ties stay in the order of names
    a, origin_ns = reading.arrays, reading.forecast.origin_time_ns
    p_ns = origin_ns + np.rint(NS * np.asarray(a.p_s, dtype=np.float64)[rows]).astype(np.int64)
    s_ns = reading.s_ns[rows]
    floats = (a.distance_km, a.intensity, a.intensity_sigma, a.pga_mps2, a.pgv_mps, a.intensity_source)
    columns = [column[rows].tolist() for column in (*floats, a.intensity_wavefield, a.exceed, a.basis)]
    arrivals = (p_ns.tolist(), s_ns.tolist(), ((s_ns - t_seen_ns) / NS).tolist())
    rank = [0] * len(rows) if over else now.rank[rows].tolist()
    levels = ["", *(level.name for level in audience.params.levels)]
    methods = {basis: method_text(reading.forecast.method, basis) for basis in set(columns[-1])}
    told: Iterable[tuple[Any, ...]] = zip(
        [audience.targets[k] for k in rows.tolist()], rank, *columns, *arrivals, strict=True
    )
    return tuple([_target(levels[row[1]], methods[row[10]], *row) for row in told])


def _target(
    level: str,
    method: str,
    target: Target,
    rank: int,
    distance: float,
    intensity: float,
    sigma: float,
    pga: float,
    pgv: float,
    source: float,
    wavefield: float,
    exceed: list[float],
    basis: int,
    p_ns: int,
    s_ns: int,
    left: float,
) -> TargetForecast:
    return TargetForecast(
        name=target.name,
        name_zh=target.name_zh,
        latitude=target.latitude,
        longitude=target.longitude,
        distance_km=distance,
        intensity=intensity,
        intensity_sigma=sigma,
        pga_mps2=pga,
        pgv_mps=pgv,
        p_arrival_ns=p_ns,
        s_arrival_ns=s_ns,
        seconds_left=left,
        method=method,
        kind=target.kind,
        line=target.line,
        population=target.population,
        level=level,
        level_rank=rank,
        p_exceed=tuple(exceed),
        intensity_source=source if basis & SOURCE or wavefield == 0.0 else None,
        intensity_wavefield=wavefield if wavefield > 0.0 else None,
        outside_validity=basis & OUTSIDE != 0,
    )


def method_text(relations: str, basis: int) -> str:
    """How a forecast came about, in a word: the relations, or PLUM where observed motion decides."""
    if basis & WAVEFIELD:
        return "PLUM"
    line = "+line" if basis & LINE else ""
    return relations + line + ("+observed" if basis & CORRECTED else "")
