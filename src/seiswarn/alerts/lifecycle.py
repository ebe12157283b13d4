"""What receivers have been told about an event, and what has changed for them since."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from seiswarn.alerts.params import Params
from seiswarn.geo import distance_km
from seiswarn.messages import (
    Alert,
    AlertKind,
    EventEstimate,
    Forecast,
    Magnitude,
    Origin,
    TargetForecast,
)
from seiswarn.timebase import from_seconds, seconds


class Record(msgspec.Struct, kw_only=True):
    """State of one event under one policy; the only mutable thing in the stage."""

    event_id: str
    heard_ns: int  # t_seen of the last estimate
    closed: Literal["", "final", "cancel", "unwarned"] = ""
    alert: Alert | None = None  # the last one published
    estimate: EventEstimate | None = None
    forecast: Forecast | None = None
    due: bool = False  # a change was held back by update_every_s
    weak_since_ns: int | None = None
    withdrawn: bool = False  # cancelled by the policy; should it grow again, it is warned of again
    decided_ns: int = 0
    action: str = ""
    reasons: tuple[str, ...] = ()

    @property
    def warned(self) -> bool:
        return self.alert is not None and not self.closed and not self.withdrawn


COVERED_KM = 50.0
CODA_KM = 100.0  # about what two or three stations know of a place in the coda of a large earthquake
COVER_SITES = 4  # a warning made from fewer stations covers no other event


class Cover(msgspec.Struct, kw_only=True):
    """What the standing warning of one event says, per target, and at its epicentre."""

    event_id: str
    origin_ns: int
    epicentral_intensity: float = 0.0
    targets: dict[str, float] = {}
    latitude: float = 0.0  # of the epicentre
    longitude: float = 0.0
    magnitude: float = 0.0

    def add(self, alert: Alert) -> None:
        self.origin_ns = alert.origin.time_ns
        self.epicentral_intensity = alert.epicentral_intensity
        self.latitude, self.longitude = alert.origin.latitude, alert.origin.longitude
        self.magnitude = alert.magnitude.value
        self.targets = {_place(t): t.intensity for t in alert.targets}

    def doubts(self, origin: Origin, magnitude: float) -> bool:
        """Whether a smaller event by few stations may be no more than the coda of this one."""
        away = distance_km(self.latitude, self.longitude, origin.latitude, origin.longitude)
        return away <= CODA_KM and magnitude < self.magnitude

    def holds(self, forecast: Forecast, origin: Origin, at_epicentre: bool) -> bool:
        """Whether `forecast` is nowhere stronger than what was warned of.

        What was warned of at the epicentre holds nearby, not for people around an epicentre elsewhere.
        """
        if at_epicentre or not forecast.targets:
            away = distance_km(self.latitude, self.longitude, origin.latitude, origin.longitude)
            if away > COVERED_KM or forecast.epicentral_intensity > self.epicentral_intensity:
                return False
        return all(t.intensity <= self.targets.get(_place(t), 0.0) for t in forecast.targets)


def _place(target: TargetForecast) -> str:
    return f"{target.name} {target.latitude} {target.longitude}"


class Change(msgspec.Struct, frozen=True):
    """Something a receiver acts on is different; `size` in units of its threshold."""

    size: float
    text: str


def changes(alert: Alert, estimate: EventEstimate, forecast: Forecast | None, params: Params) -> list[Change]:
    """Every difference, of at least its threshold, between the last alert and what is believed now."""
    origin, found = estimate.origin, []
    if estimate.magnitude is not None:
        dm = estimate.magnitude.value - alert.magnitude.value
        found.append(Change(abs(dm) / params.update_magnitude, f"magnitude {dm:+.1f}"))
    moved = distance_km(alert.origin.latitude, alert.origin.longitude, origin.latitude, origin.longitude)
    found.append(Change(moved / params.update_epicentre_km, f"epicentre moved {moved:.0f} km"))
    if forecast is not None:
        if forecast.targets or alert.targets:
            found += _target_changes(alert.targets, forecast.targets, params)
        else:
            di = forecast.epicentral_intensity - alert.epicentral_intensity
            found.append(Change(abs(di) / params.update_intensity, f"epicentral intensity {di:+.1f}"))
    return [change for change in found if change.size >= 1.0]


def _target_changes(
    old: Sequence[TargetForecast], new: Sequence[TargetForecast], params: Params
) -> Iterable[Change]:
    """The largest change of intensity and of S arrival over the targets."""
    known = {(t.name, t.latitude, t.longitude): t for t in old}
    intensity, arrival = Change(0.0, ""), Change(0.0, "")
    for target in new:
        before = known.get((target.name, target.latitude, target.longitude))
        if before is None:
            continue
        di = target.intensity - before.intensity
        if abs(di) / params.update_intensity > intensity.size:
            size = abs(di) / params.update_intensity
            intensity = Change(size, f"intensity {di:+.1f} at {target.name}")
        ds = seconds(target.s_arrival_ns - before.s_arrival_ns)
        if abs(ds) / params.update_arrival_s > arrival.size:
            size = abs(ds) / params.update_arrival_s
            arrival = Change(size, f"S {ds:+.1f} s at {target.name}")
    return intensity, arrival


def build_alert(
    record: Record,
    kind: AlertKind,
    t_seen_ns: int,
    params: Params,
    magnitude: Magnitude,
    estimate: EventEstimate,
    reasons: tuple[str, ...],
) -> Alert:
    """The next alert of an event. Its targets count their seconds from `t_seen_ns`."""
    last, forecast = record.alert, record.forecast
    return Alert(
        event_id=record.event_id,
        revision=1 if last is None else last.revision + 1,
        kind=kind,
        status=estimate.status,
        policy=params.name,
        t_seen_ns=t_seen_ns,
        first_t_seen_ns=t_seen_ns if last is None else last.first_t_seen_ns,
        expires_ns=t_seen_ns + from_seconds(params.expires_s),
        origin=estimate.origin,
        magnitude=magnitude,
        targets=_counted_from(t_seen_ns, forecast.targets if forecast else ()),
        intensity_scale=forecast.intensity_scale if forecast else "",
        max_intensity=forecast.max_intensity if forecast else 0.0,
        epicentral_intensity=forecast.epicentral_intensity if forecast else 0.0,
        reasons=reasons,
    )


def _counted_from(t_seen_ns: int, targets: tuple[TargetForecast, ...]) -> tuple[TargetForecast, ...]:
    """The same targets with `seconds_left` counted from `t_seen_ns`: a held-back alert is not stale."""
    return tuple(
        msgspec.structs.replace(t, seconds_left=seconds(t.s_arrival_ns - t_seen_ns)) for t in targets
    )
