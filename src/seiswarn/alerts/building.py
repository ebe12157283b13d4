"""The alert itself, from what is believed and what is to be told."""

from __future__ import annotations

import numpy as np

from seiswarn.alerts.audience import Audience, Reading
from seiswarn.alerts.record import Record
from seiswarn.alerts.standing import Standing
from seiswarn.forecast_field import Basis
from seiswarn.messages import (
    UNKNOWN_MAGNITUDE,
    Alert,
    AlertKind,
    EventEstimate,
    TargetForecast,
    Transition,
)
from seiswarn.timebase import NS, from_seconds


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


def _largest(reading: Reading | None) -> float:
    if reading is None or not reading.n:
        return 0.0
    return float(np.max(reading.arrays.intensity))


def _targets(
    audience: Audience, reading: Reading | None, now: Standing | None, t_seen_ns: int, over: bool
) -> tuple[TargetForecast, ...]:
    """Those of the listed targets, by arrival of S, then by name."""
    if reading is None or now is None:
        return ()
    rows = np.flatnonzero(now.listed)
    rows = rows[np.argsort(reading.s_ns[rows], kind="stable")]  # ties stay in the order of names
    return tuple(
        _target(audience, reading, k, 0 if over else int(now.rank[k]), t_seen_ns) for k in rows.tolist()
    )


def _target(audience: Audience, reading: Reading, k: int, rank: int, t_seen_ns: int) -> TargetForecast:
    target, a = audience.targets[k], reading.arrays
    basis = int(a.basis[k])
    level = audience.level(rank)
    wavefield = float(a.intensity_wavefield[k])
    s_ns = int(reading.s_ns[k])
    return TargetForecast(
        name=target.name,
        name_zh=target.name_zh,
        latitude=target.latitude,
        longitude=target.longitude,
        distance_km=float(a.distance_km[k]),
        intensity=float(a.intensity[k]),
        intensity_sigma=float(a.intensity_sigma[k]),
        pga_mps2=float(a.pga_mps2[k]),
        pgv_mps=float(a.pgv_mps[k]),
        p_arrival_ns=reading.forecast.origin_time_ns + from_seconds(float(a.p_s[k])),
        s_arrival_ns=s_ns,
        seconds_left=(s_ns - t_seen_ns) / NS,
        method=method_text(reading.forecast.method, basis),
        kind=target.kind,
        line=target.line,
        population=target.population,
        level=level.name if level else "",
        level_rank=rank,
        p_exceed=tuple(a.exceed[k].tolist()),
        intensity_source=float(a.intensity_source[k]) if basis & Basis.SOURCE or wavefield == 0.0 else None,
        intensity_wavefield=wavefield if wavefield > 0.0 else None,
        outside_validity=bool(basis & Basis.OUTSIDE),
    )


def method_text(relations: str, basis: int) -> str:
    """How a forecast came about, in a word: the relations, or PLUM where observed motion decides."""
    if basis & Basis.WAVEFIELD:
        return "PLUM"
    line = "+line" if basis & Basis.LINE else ""
    return relations + line + ("+observed" if basis & Basis.CORRECTED else "")
