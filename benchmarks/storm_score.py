"""What the stages made of a storm, against what truly happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from storm_data import Storm, Truth
from storm_faults import Fault
from storm_kept import Piece, unpacked
from storm_waves import Quake

from seiswarn.geo import distance_km
from seiswarn.messages import Alert, Decision, EventEstimate, Message, Pick, Slice
from seiswarn.pipeline import Params, Pipeline
from seiswarn.plan.script import Scripted
from seiswarn.targets import targets_from_stations
from seiswarn.timebase import NS, iso

MATCH_S, MATCH_KM = 6.0, 50.0  # an estimate so close to a source means it
SOURCE_KINDS = ("swarm", "strong", "blast")  # those inside; others may not be declared as events here
BEFORE_S, AFTER_S = 1.5, 12.0  # a pick this long before to after what happened at its station is of it


@dataclass
class Event:
    """One event as declared, whether warned of, what it truly was.

    Its first estimate may rest on a wrong pick and be put right a second later: the one by most stations
    tells what it is, with the first and the largest.
    """

    event_id: str
    first: EventEstimate
    largest: EventEstimate
    surest: EventEstimate
    alerts: list[Alert] = field(default_factory=list)
    cancelled: bool = False
    n_revisions: int = 0
    truth: Quake | None = None
    is_split: bool = False

    @property
    def m(self) -> float:
        return self.largest.magnitude.value if self.largest.magnitude else -9.0


@dataclass
class Tally:
    """All that was said about a storm."""

    hours: float = 0.0
    packets: int = 0
    picks: int = 0
    declined: Counter[str] = field(default_factory=Counter)
    decided: Counter[str] = field(default_factory=Counter)
    unexplained: int = 0
    events: dict[str, Event] = field(default_factory=dict)
    onsets: dict[str, Pick] = field(default_factory=dict)

    def take(self, message: Message) -> None:
        if isinstance(message, Pick):
            if message.phase == "P":
                self.picks += 1
                self.onsets[message.pick_id] = message
        elif isinstance(message, Decision):
            self.unexplained += not message.reasons or not message.detail
            where = self.decided if message.event_id else self.declined
            where[", ".join(message.reasons)] += 1
        elif isinstance(message, EventEstimate):
            self._estimate(message)
        elif isinstance(message, Alert):
            self.events[message.event_id].alerts.append(message)

    def _estimate(self, e: EventEstimate) -> None:
        event = self.events.setdefault(e.event_id, Event(e.event_id, e, e, e))
        event.n_revisions += 1
        event.cancelled = e.state == "cancelled"
        if e.magnitude is not None and e.magnitude.value > event.m:
            event.largest = e
        if e.origin.n_stations > event.surest.origin.n_stations:
            event.surest = e


def follow(storm: Storm, params: Params, pieces: Iterable[Piece]) -> Tally:
    """Source, shaking and alerts over what the waveform stage said; targets are the stations."""
    kept, tally = Scripted(), Tally(hours=storm.seconds / 3600.0)
    table = storm.net.table
    pipeline = Pipeline(params, table, targets_from_stations(table), kept)  # type: ignore[arg-type]
    for piece in pieces:
        kept.said = [*piece.others, *(unpacked(m) for m in piece.motions)]
        tally.packets += piece.packets
        for message in pipeline.handle(Slice(t_seen_ns=piece.t_seen_ns, status="test")):
            tally.take(message)
    _match(tally, storm)
    return tally


def _match(tally: Tally, storm: Storm) -> None:
    """Say which source each event is; the first event at a source is it, others are splits of it."""
    taken: set[int] = set()
    for event in tally.events.values():
        fits = []
        for k, (q, _, _) in enumerate(storm.truth.quakes):
            for e in (event.first, event.largest, event.surest):
                off_s = abs((e.origin.time_ns - storm.t0_ns) / NS - q.t_s)
                off_km = distance_km(q.latitude, q.longitude, e.origin.latitude, e.origin.longitude)
                if off_s <= MATCH_S and off_km <= MATCH_KM:
                    fits.append((k in taken, off_s + off_km / 10.0, k))
        if fits:
            event.is_split, _, k = min(fits)
            taken.add(k)
            event.truth = storm.truth.quakes[k][0]


def is_false(event: Event) -> bool:
    """Whether there was no source inside the network where the event was declared."""
    return event.truth is None or event.truth.kind not in SOURCE_KINDS


def is_false_alert(event: Event) -> bool:
    """Whether an event was warned of that was no strong earthquake."""
    return bool(event.alerts) and (event.truth is None or event.truth.kind != "strong")


def reach_km(mw: float) -> float:
    """How far an earthquake may trigger a good station: 18 km at M 1, 50 km at M 2, 140 km at M 3."""
    return float(10.0 ** (0.45 * mw + 0.8))


def _since(fault: Fault, station: int, t: float) -> float:
    """Seconds since the last thing that a fault did at a station."""
    moments = [fault.from_s]
    for span in fault.spans:
        if span.station == station:
            moments += [span.from_s, span.to_s]
    for effect in fault.effects:
        if effect.station == station:
            moments.append(effect.first_s)
    return t - max((m for m in moments if m <= t + BEFORE_S), default=fault.from_s)


def causes(truth: Truth, storm: Storm, pick: Pick) -> list[str]:
    """What happened at a station around a pick, the nearest in time first."""
    station = storm.net.table.station_index[pick.station]
    t, found = (pick.t_ns - storm.t0_ns) / NS, []
    place = float(storm.net.table.st_latitude[station]), float(storm.net.table.st_longitude[station])
    for q, p_s, s_s in truth.quakes:
        if not p_s[station] - 3.0 < t < s_s[station] + 20.0:
            continue
        if distance_km(q.latitude, q.longitude, *place) > reach_km(q.mw):
            continue
        for phase, due in (("P", p_s[station]), ("S", s_s[station])):
            if -3.0 < t - due < 20.0:
                found.append((abs(t - due), f"{phase} of {q.kind} M{q.mw:.1f} {t - due:+.1f} s"))
    for due in truth.planes:
        if -3.0 < t - due[station] < 240.0:
            found.append((abs(t - due[station]), f"teleseism {t - due[station]:+.1f} s"))
    for fault in truth.faults:
        if station in fault.stations and fault.from_s - BEFORE_S < t < fault.to_s + AFTER_S:
            since = _since(fault, station, t)
            found.append((abs(since), f"{fault.kind} {since:+.1f} s"))
    for name, at, where in truth.roads:
        if where == station and -BEFORE_S < t - at < 22.0:
            found.append((abs(t - at), f"{name} {t - at:+.1f} s"))
    return [text for _, text in sorted(found)]


def blame(event: Event, tally: Tally, storm: Storm) -> str:
    """What made most of the picks of an event, without numbers: "telemetry burst", "P of swarm", "noise"."""
    votes: Counter[str] = Counter()
    for a in event.largest.arrivals or event.first.arrivals:
        pick = tally.onsets.get(a.pick_id)
        why = causes(storm.truth, storm, pick) if pick is not None and a.weight > 0.0 else []
        votes[" ".join(w for w in (why[0] if why else "noise").split() if w.isalpha() and w != "s")] += 1
    return votes.most_common(1)[0][0] if votes else "nothing"


def story(event: Event, tally: Tally, storm: Storm) -> list[str]:
    """An event as lines: what was said of it, and what made its picks."""
    e, o = event.largest, event.first.origin
    kind = "no source" if event.truth is None else f"{event.truth.kind} M{event.truth.mw:.1f}"
    alerts = ", ".join(f"{a.kind} M{a.magnitude.value:.1f} I{a.max_intensity:.1f}" for a in event.alerts)
    mag = e.magnitude
    said = f"M{mag.value:.1f} +-{mag.sigma:.1f} of {mag.n_stations}" if mag else "no magnitude"
    lines = [
        f"{event.event_id} [{kind}{', split' if event.is_split else ''}] {iso(o.time_ns, 1)}"
        f" {o.latitude:.2f} {o.longitude:.2f} depth {o.depth_km:.0f} +-{o.ellipse_major_km:.0f} km,"
        f" gap {o.gap_deg:.0f}, rms {o.rms_s:.2f}, {said}, {event.n_revisions} revisions"
        f"{', cancelled' if event.cancelled else ''}; alerts: {alerts or 'none'}"
    ]
    for a in (
        event.largest if len(event.largest.arrivals) > len(event.first.arrivals) else event.first
    ).arrivals[:25]:
        pick = tally.onsets.get(a.pick_id)
        if pick is None:
            continue
        why = causes(storm.truth, storm, pick)
        told = "; ".join(why[:3]) or "noise"
        lines.append(
            f"    {a.station:<14} {(a.t_ns - o.time_ns) / NS:7.2f} s {a.distance_km:6.0f} km residual"
            f" {a.residual_s:+.2f} weight {a.weight:.2f} snr {pick.snr:7.1f} | {told}"
        )
    return lines


def missed(tally: Tally, storm: Storm) -> list[Quake]:
    """The strong earthquakes nobody was warned of."""
    warned = {e.truth for e in tally.events.values() if e.alerts and e.truth is not None}
    return [q for q, _, _ in storm.truth.quakes if q.kind == "strong" and q not in warned]


def largest(events: Iterable[Event]) -> float:
    """The largest magnitude ever said of any of the events; NaN of none."""
    return max((e.m for e in events if e.m > -9.0), default=float(np.nan))
