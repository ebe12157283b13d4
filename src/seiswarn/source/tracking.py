"""Events as picks come: which event gets which pick, and locating the events that got some."""

from __future__ import annotations

import math
from collections.abc import Sequence

from seiswarn.source.association import Associator
from seiswarn.source.evidence import MOST_LOG, false_per_year
from seiswarn.source.fitting import Fit
from seiswarn.source.params import Params
from seiswarn.source.records import EventRecord, Memory, PickRecord
from seiswarn.stations import StationTable
from seiswarn.timebase import from_seconds

ONE_SOURCE = 3  # picks fewer in one location than in two: there are two sources (four unknowns more)


class Tracker:
    """Gives picks to events and locates those, no more often per slice than `fits_left` allows."""

    def __init__(self, params: Params, table: StationTable, associator: Associator) -> None:
        self._p = params
        self._table = table
        self._associator = associator
        self.fits_left = 0
        self.shadowed: set[str] = set()  # events that picks of this slice came behind

    def begin(self, max_fits: int) -> None:
        """A new slice, with so many locations to make."""
        self.fits_left = max_fits
        self.shadowed.clear()

    # --- picks to events ------------------------------------------------------------------

    def place_all(self, fresh: list[PickRecord], memory: Memory, now_ns: int) -> list[PickRecord]:
        """Give picks to the events they belong to; returns those that belong to none."""
        fresh.sort(key=lambda r: (r.t_ns, r.station))
        early: dict[str, list[PickRecord]] = {}
        loose = [r for r in fresh if not self._place(r, memory, now_ns, early)]
        for event in list(memory.events) if early else ():
            wanted = [r for r in early.get(event.event_id, ()) if r in loose]
            if wanted and self.absorb(event, wanted, memory, now_ns):
                loose = [r for r in loose if event.picks.get(r.site) != r.pick_id]
        return loose

    def fits_another(self, record: PickRecord, memory: Memory) -> bool:
        """Whether a pick is P of an event that has none at its site."""
        return any(
            record.site not in event.picks and self._associator.verdict(event, record)[0] == "fits"
            for event in memory.events
        )

    def _place(
        self, record: PickRecord, memory: Memory, now_ns: int, early: dict[str, list[PickRecord]]
    ) -> bool:
        """Give a pick to the event it belongs to, if any; `early` collects what came too early for one.

        P of one event goes before S or coda of another, and a site that has none before one that has.
        """
        fits: list[tuple[bool, float, EventRecord]] = []
        later: list[tuple[float, EventRecord, str]] = []
        may_be_early: list[EventRecord] = []
        for event in memory.events:
            verdict, off = self._associator.verdict(event, record)
            if verdict == "fits":
                fits.append((record.site in event.picks, off, event))
            elif verdict in ("S", "late"):
                later.append((off, event, verdict))
            elif verdict == "early":
                may_be_early.append(event)
        if fits:
            self._give(min(fits, key=lambda x: x[:2])[2], record, memory, now_ns)
            return True
        if later:
            _, event, verdict = min(later, key=lambda x: x[0])
            self.shadowed.update(e.event_id for _, e, _ in later)
            if verdict == "S" and event.is_vague and record.site not in event.picks:
                event.s_only.setdefault(record.site, record.pick_id)
                event.due = True
            return True
        for event in may_be_early:
            early.setdefault(event.event_id, []).append(record)
        return False

    def take(self, event: EventRecord, record: PickRecord, memory: Memory, now_ns: int) -> bool:
        """Give a waiting pick to a new event when it is P there, at a site that has none; whether it was."""
        if record.site in event.picks or self._associator.verdict(event, record)[0] != "fits":
            return False
        self._give(event, record, memory, now_ns)
        return True

    def _give(self, event: EventRecord, record: PickRecord, memory: Memory, now_ns: int) -> None:
        """A pick that fits stands for its site, unless one does already that fits as well."""
        held = event.picks.get(record.site)
        if held is not None and self._associator.verdict(event, memory.picks[held])[0] == "fits":
            return
        if held is not None:
            event.used = []  # what was located with is no more: locate again
        event.picks[record.site] = record.pick_id
        if event.second_s:
            record.next_ns = record.t_ns + from_seconds(event.second_s)
        event.last_pick_ns = now_ns
        event.due = True

    def absorb(self, event: EventRecord, extra: Sequence[PickRecord], memory: Memory, now_ns: int) -> bool:
        """Add picks to an event if a source exists that explains more of them together."""
        fit = self.joint(event, extra, memory, now_ns)
        if fit is None or len(fit.inliers) <= len(event.inliers):
            return False
        self.unite(event, extra, fit, memory, now_ns)
        return True

    def joint(
        self, event: EventRecord, extra: Sequence[PickRecord], memory: Memory, now_ns: int
    ) -> Fit | None:
        """An event located with further picks; None where that can say nothing, or must wait."""
        if len(event.inliers) >= self._p.max_picks or not self.fits_left:
            return None  # a location uses no more picks than already agree
        ids = self._with(event, extra)
        return self._fit(event, [memory.picks[i] for i in ids.values()], None, memory, now_ns)

    def unite(
        self, event: EventRecord, extra: Sequence[PickRecord], fit: Fit, memory: Memory, now_ns: int
    ) -> None:
        """Take over a location that was made with further picks, and those of them that agree."""
        ids = self._with(event, extra)
        wrong = {r.pick_id for r in fit.records} - {r.pick_id for r in fit.inliers}
        event.picks = {s: i for s, i in ids.items() if i not in wrong or event.picks.get(s) == i}
        event.last_pick_ns = now_ns
        self.adopt(event, fit, memory, now_ns)

    @staticmethod
    def _with(event: EventRecord, extra: Sequence[PickRecord]) -> dict[int, str]:
        """The picks of an event by site, with further ones at sites where it has none that agrees."""
        agree = set(event.inliers)
        return {**event.picks, **{r.site: r.pick_id for r in extra if r.site not in agree}}

    def two_sources(self, event: EventRecord, other: Fit, joint: Fit) -> bool:
        """Whether an event and a candidate explain so many more picks than one location of both."""
        known = {event.picks[site] for site in event.inliers}
        both = known | {r.pick_id for r in other.inliers}
        return len(both) - len(joint.inliers) >= ONE_SOURCE

    # --- location ---------------------------------------------------------------------------

    def relocate_all(self, memory: Memory, now_ns: int) -> None:
        """Locate the events that got picks, those that have waited longest first."""
        due = [event for event in memory.events if event.due and event.picks]
        for event in sorted(due, key=lambda e: e.located_ns) if len(due) > 1 else due:
            self._relocate(event, memory, now_ns)

    def _relocate(self, event: EventRecord, memory: Memory, now_ns: int) -> None:
        """Locate again, unless the picks that a location uses are still the same."""
        if not event.is_vague and self._only_later(event, memory):
            event.inliers = sorted(self._new(event).union(event.inliers))
            event.changed, event.due = True, False
            return
        records = sorted((memory.picks[i] for i in event.picks.values()), key=lambda r: (r.t_ns, r.station))
        if self.fits_left:
            near = None if event.is_vague else event
            self.adopt(event, self._fit(event, records, near, memory, now_ns), memory, now_ns)

    def _only_later(self, event: EventRecord, memory: Memory) -> bool:
        """Whether what has come since the last location is later than all that one may use."""
        new = [memory.picks[event.picks[site]].t_ns for site in self._new(event)]
        if not new or len(event.used) < self._p.max_picks:
            return not new and bool(event.used)
        return min(new) >= max(memory.picks[p].t_ns for p in event.used)

    @staticmethod
    def _new(event: EventRecord) -> set[int]:
        """Sites whose picks have come since the last location."""
        known, used = set(event.inliers), set(event.used)
        return {s for s in event.picks.keys() - known if event.picks[s] not in used}

    def _fit(
        self,
        event: EventRecord,
        records: Sequence[PickRecord],
        near: EventRecord | None,
        memory: Memory,
        now_ns: int,
    ) -> Fit:
        self.fits_left -= 1
        event.located_ns = now_ns
        place = (near.latitude, near.longitude) if near is not None else None
        s_only = [memory.picks[i] for site, i in event.s_only.items() if site not in event.picks]
        return self._associator.fitter.fit(records, place, memory, s_only)

    def adopt(self, event: EventRecord, fit: Fit, memory: Memory, now_ns: int) -> None:
        """Make a location that of an event. What it leaves over may be of another: it goes to the pool."""
        location = fit.location
        event.latitude, event.longitude = location.latitude, location.longitude
        event.depth_km, event.t0_ns = location.depth_km, fit.t0_ns
        event.depth_sigma_km, event.time_sigma_s = location.depth_sigma_km, location.time_sigma_s
        event.major_km, event.minor_km = location.major_km, location.minor_km
        event.azimuth_deg, event.rms_s = location.azimuth_deg, fit.rms_s
        event.used = [r.pick_id for r in fit.records]
        outliers = {r.site for r in fit.records} - {r.site for r in fit.inliers}
        event.inliers = sorted(set(event.picks) - outliers)
        event.with_s = list(fit.with_s)
        # Where no two picks are believed it is infinite, which no JSON can say.
        told = false_per_year(fit, memory, self._table, now_ns)
        event.false_per_year = min(told, math.exp(MOST_LOG))
        event.changed, event.moved, event.due = True, True, False
        pool = set(memory.pool)
        for r in fit.records:
            if r.site in outliers:
                waits = r.pick_id in pool
                if not waits and self._associator.verdict(event, r)[0] in ("early", "unrelated"):
                    memory.pool.append(r.pick_id)
            elif r.pick_id in pool:
                memory.pool.remove(r.pick_id)
