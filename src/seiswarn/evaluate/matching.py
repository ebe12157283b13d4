"""Which alert was of which earthquake.

The rule is that of ShakeAlert's own reviews (Lux et al., 2024): an alert belongs to an earthquake of
the catalogue when it is within 100 km and 30 s of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from seiswarn.evaluate.catalogue import Quake
from seiswarn.evaluate.heard import Reached
from seiswarn.geo import distance_km
from seiswarn.messages import Alert, EventEstimate, Origin
from seiswarn.timebase import seconds

Said = Alert | EventEstimate


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What counts as matched, as to be warned of, and as strong."""

    min_magnitude: float = 4.5  # earthquakes of the catalogue from here on must be warned of
    match_km: float = 100.0
    match_s: float = 30.0
    near_km: float = 200.0  # only stations so near oblige to warn
    n_stations: int = 4  # so many of them that saw P
    lead_intensity: float = 6.0  # of GB/T 17742: from here on shaking does damage


def withdrawn(said: Said) -> bool:
    """Whether a message takes back what was said before it."""
    return said.kind == "cancel" if isinstance(said, Alert) else said.state == "cancelled"


def by_event(messages: Iterable[Said], root: Mapping[str, str] | None = None) -> dict[str, list[Said]]:
    """Messages of each event in order of time, events in order of their first message.

    `root`: events that are one and the same stand under this name of theirs, see `chains`.
    """
    names = {} if root is None else root
    groups: dict[str, list[Said]] = {}
    for said in sorted(messages, key=lambda m: (m.t_seen_ns, m.event_id, m.revision)):
        groups.setdefault(names.get(said.event_id, said.event_id), []).append(said)
    return groups


def first_ns(said: Sequence[Said]) -> int | None:
    """When the first message was seen that takes nothing back."""
    return min((m.t_seen_ns for m in said if not withdrawn(m)), default=None)


def nearest(messages: Iterable[Said], catalogue: Sequence[Quake], rules: Rules) -> int | None:
    """Index of the earthquake that the messages of one event came nearest to; None when to none.

    Every revision but a cancellation counts: an event that moves to its place with more stations was
    of that earthquake from the first. Near is in units of both limits.
    """
    best: tuple[float, int] | None = None
    for said in messages:
        if withdrawn(said):
            continue
        for k, quake in enumerate(catalogue):
            km, dt = miss(said.origin, quake)
            if km <= rules.match_km and abs(dt) <= rules.match_s:
                far = math.hypot(km / rules.match_km, dt / rules.match_s)
                best = min(best, (far, k)) if best is not None else (far, k)
    return None if best is None else best[1]


def miss(origin: Origin, quake: Quake) -> tuple[float, float]:
    """Distance (km) of the epicentres, and seconds by which the origin is late."""
    km = float(distance_km(origin.latitude, origin.longitude, quake.latitude, quake.longitude))
    return km, seconds(origin.time_ns - quake.time_ns)


def per_site(reached: Sequence[Reached]) -> list[Reached]:
    """One station of each site, the one that served best, in order of P."""
    best: dict[int, Reached] = {}
    for row in reached:
        held = best.get(row.site)
        if held is None or _worth(row) > _worth(held):
            best[row.site] = row
    return sorted(best.values(), key=lambda r: (r.p_s, r.station))


def _worth(row: Reached) -> tuple[bool, bool, bool]:
    return row.saw_p, row.recording, row.at_p


def floor_s(reached: Sequence[Reached], n: int) -> float | None:
    """Seconds after origin when P reached the `n`-th site that was recording; None: never."""
    times = [row.p_s for row in per_site(reached) if row.at_p]
    return times[n - 1] if len(times) >= n else None


def is_large(quake: Quake, rules: Rules) -> bool:
    """Whether an earthquake has the least magnitude, to the tenth that catalogues are good for."""
    return quake.magnitude is not None and round(quake.magnitude, 1) >= rules.min_magnitude


def must_warn(quake: Quake, reached: Sequence[Reached], rules: Rules) -> bool:
    """Whether an earthquake is large enough, and enough near stations saw it, that silence is a miss."""
    if not is_large(quake, rules):
        return False
    near = [row for row in per_site(reached) if row.saw_p and row.distance_km <= rules.near_km]
    return len(near) >= rules.n_stations
