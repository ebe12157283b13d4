"""What has changed for receivers since the last alert."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seiswarn.alerts.audience import Audience, Reading
from seiswarn.alerts.params import Params
from seiswarn.alerts.record import Record
from seiswarn.alerts.standing import Standing
from seiswarn.geo import distance_km
from seiswarn.messages import Alert, EventEstimate, Transition
from seiswarn.timebase import NS

# Where S was so long ago, who could act has felt it: changes there are told with the next message only.
SHAKING_NS = 30 * NS
B1 = npt.NDArray[np.bool_]

MAX_NAMED = 3  # targets named in a sentence


@dataclass(frozen=True, slots=True)
class Change:
    """Something a receiver acts on is different; `size` in units of its threshold."""

    size: float
    text: str


@dataclass(frozen=True, slots=True)
class Changes:
    """All that is different: transitions of level and area, which are told at once, and the rest."""

    transitions: tuple[Transition, ...]
    found: tuple[Change, ...]
    texts: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.transitions or self.found)

    @property
    def text(self) -> str:
        return ", ".join((*self.texts, *(change.text for change in self.found)))

    @property
    def largest(self) -> float:
        return max((change.size for change in self.found), default=0.0)


def changes(
    audience: Audience, record: Record, reading: Reading | None, now: Standing | None, t_seen_ns: int
) -> Changes:
    """Every difference, of at least its threshold, between the last alert and what is believed now."""
    alert, estimate, p = record.alert, record.estimate, audience.params
    if alert is None or estimate is None:
        return Changes((), (), ())
    found = _of_source(alert, estimate, p)
    if reading is None or now is None:
        return Changes((), tuple(c for c in found if c.size >= 1.0), ())
    if reading.n:
        found += _of_targets(audience, record, reading, now, t_seen_ns)
    else:
        di = reading.forecast.epicentral_intensity - alert.epicentral_intensity
        found.append(Change(abs(di) / p.update_intensity, f"epicentral intensity {di:+.1f}"))
    transitions, texts = _of_levels(audience, record, now, _can_act(reading, t_seen_ns))
    return Changes(transitions, tuple(c for c in found if c.size >= 1.0), texts)


def _of_source(alert: Alert, estimate: EventEstimate, p: Params) -> list[Change]:
    """Magnitude and place."""
    found = []
    if estimate.magnitude is not None:
        dm = estimate.magnitude.value - alert.magnitude.value
        found.append(Change(abs(dm) / p.update_magnitude, f"magnitude {dm:+.1f}"))
    here, there = estimate.origin, alert.origin
    moved = distance_km(there.latitude, there.longitude, here.latitude, here.longitude)
    found.append(Change(moved / p.update_epicentre_km, f"epicentre moved {moved:.0f} km"))
    return found


def _of_targets(
    audience: Audience, record: Record, reading: Reading, now: Standing, t_seen_ns: int
) -> list[Change]:
    """The largest change of intensity over the listed targets, and of S over those it has not reached."""
    p, n, told = audience.params, reading.n, record.told
    listed = now.listed
    if not listed.any():
        return []
    di = np.where(listed, np.asarray(reading.arrays.intensity) - told.intensities(n), 0.0)
    ahead = listed & (np.maximum(reading.s_ns, told.arrivals(n)) > t_seen_ns)
    di = np.where(_can_act(reading, t_seen_ns), di, 0.0)
    ds = np.where(ahead, (reading.s_ns - told.arrivals(n)) / NS, 0.0)
    i, s = int(np.argmax(np.abs(di))), int(np.argmax(np.abs(ds)))
    return [
        Change(
            float(abs(di[i])) / p.update_intensity, f"intensity {di[i]:+.1f} at {audience.targets[i].name}"
        ),
        Change(float(abs(ds[s])) / p.update_arrival_s, f"S {ds[s]:+.1f} s at {audience.targets[s].name}"),
    ]


def _of_levels(
    audience: Audience, record: Record, now: Standing, can_act: B1
) -> tuple[tuple[Transition, ...], tuple[str, ...]]:
    """Levels raised and left, and the growth of the area."""
    told, n = record.told, len(now.rank)
    transitions: list[Transition] = []
    texts = []
    before = max(int(told.ranks(n).max(initial=0)), told.epicentre_rank)
    raised = np.flatnonzero((now.rank > told.ranks(n)) & can_act)
    if now.top > before or len(raised):
        transitions.append("escalate")
        level = audience.level(now.top)
        text = f"level {level.name if level else 'none'}" if now.top > before else "a higher level"
        texts.append(text + _at(audience, raised.tolist()))
    grown = np.flatnonzero(now.area & ~told.areas(n) & can_act)
    if len(grown):
        transitions.append("area_growth")
        texts.append(f"area grows by {len(grown)}" + _at(audience, grown.tolist()))
    left = np.flatnonzero(((now.rank < told.ranks(n)) | (told.areas(n) & ~now.area)) & can_act)
    if now.top < before or len(left):
        transitions.append("deescalate")
        level = audience.level(now.top)
        text = f"down to level {level.name if level else 'none'}" if now.top < before else "a lower level"
        texts.append(text + _at(audience, left.tolist()))
    return tuple(transitions), tuple(texts)


def _can_act(reading: Reading, t_seen_ns: int) -> B1:
    """(n,) targets where the strongest shaking is still to come, or has only just begun."""
    still: B1 = reading.s_ns > t_seen_ns - SHAKING_NS
    return still


def _at(audience: Audience, rows: list[int]) -> str:
    """At which targets, the first few by name."""
    if not rows:
        return ""
    names = ", ".join(audience.targets[k].name for k in rows[:MAX_NAMED])
    more = f" and {len(rows) - MAX_NAMED} more" if len(rows) > MAX_NAMED else ""
    return f" at {names}{more}"
