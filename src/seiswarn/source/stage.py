"""The source stage: picks, P windows and motions in; event estimates out.

Per slice: remember what came; offer each new pick to the events, else to the pool; locate the events
that got some, each once; look for a new event in the pool; bring every event that has changed up to
date. The work of a slice is bounded in locations: what is over waits for the next.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from seiswarn.messages import ChannelQuality, Message, Motions, Pick, PWindow, Slice, Status
from seiswarn.reasons import Reason
from seiswarn.source import untrusted
from seiswarn.source.association import FRESH_SNR, Associator, Candidate, coda_s
from seiswarn.source.doublets import second_shock
from seiswarn.source.doubts import due
from seiswarn.source.estimate import Estimator
from seiswarn.source.fitting import Fit
from seiswarn.source.merging import merged
from seiswarn.source.params import Params
from seiswarn.source.records import EventRecord, Memory, PickRecord
from seiswarn.source.suspects import disproved, lone
from seiswarn.source.tracking import ONE_SOURCE, Tracker
from seiswarn.source.traveltime import TravelTimes
from seiswarn.station_moves import Moves
from seiswarn.stations import StationTable
from seiswarn.timebase import NS, from_seconds, iso

REPICK_NS = 20 * NS
REPICK_SNR = 2.0
REPICK_SIGMA_S = 0.5
QUIET_AFTER_PICK_S = 20.0  # an event does not end while arrivals still come
MAX_SEARCHES = 2  # in the pool, per slice
MAX_WAITING = 50  # picks of the pool, the newest, that an event is asked about when its place has moved
MAX_FITS = 4  # locations of events per slice, besides those
SECOND_SITES = 4  # arrivals, S included, of an event that begins amid another
UNHURRIED = 60.0  # without a new arrival, an event as old as n minutes is looked at every n seconds
DECLINE_EVERY_NS = NS  # candidates are declined on record at most once a second per reason
CANCEL_SHARE = 0.25  # fewer live sites than this agreeing: it was no earthquake
CANCEL_BELOW_SITES = 8
CANCEL_AFTER_S = 3.0
CANCEL_UNTIL_S = 60.0  # by then P has passed every station that could have spoken
DOUBT_EVERY_NS = NS


class SourceStage:
    """Where and how big, several events at once."""

    def __init__(self, params: Params, table: StationTable, travel_times: TravelTimes) -> None:
        self._p = params
        self._table = table
        self._associator = Associator(params, table, travel_times)
        self._estimator = Estimator(params, table, self._associator)
        self._m = Memory.of(table)
        self._index = table.station_index
        self._station_of = {c: int(s) for c, s in zip(table.channels, table.ch_station, strict=True)}
        self._tracker = Tracker(params, table, self._associator)
        self._searches_left = 0

    @property
    def active_events(self) -> int:
        return len(self._m.events)

    def handle(self, t_seen_ns: int, messages: Sequence[Message]) -> list[Message]:
        fresh: list[PickRecord] = []
        with_s: list[PickRecord] = []
        out: list[Message] = []
        status: Status = "actual"
        fallen = self._m.trust.take(messages, self._index)
        for message in messages:
            kind = type(message)
            if kind is Slice:
                status = message.status  # type: ignore[attr-defined]
            elif kind is Motions:
                self._m.add_motions(message, self._index)  # type: ignore[arg-type]
            elif kind is PWindow:
                self._m.add_window(message)  # type: ignore[arg-type]
            elif kind is ChannelQuality:
                self._m.add_quality(message, self._station_of)  # type: ignore[arg-type]
            elif isinstance(message, Pick):
                status = message.status
                if message.phase == "S":
                    heard = self._m.add_s(message)
                    if heard is not None:
                        with_s.append(heard)
                    continue
                if self._m.trust.barred and untrusted.is_barred(
                    message, self._m, self._index, t_seen_ns, out
                ):
                    continue
                record = self._m.add(message, self._table)
                if record is not None:
                    fresh.append(record)
        if not fresh and not self._m.events and not self._m.pool:
            self._m.prune(t_seen_ns, from_seconds(self._p.pool_s))
            return out
        if fallen:
            least = self._p.min_stations
            out += untrusted.take_back(
                fallen, self._m, self._estimator, self._table, least, t_seen_ns, status
            )
        self._tracker.begin(MAX_FITS)
        fresh = self._without_repicks(fresh, with_s)
        self._hear_s(with_s)
        loose = self._tracker.place_all(fresh, self._m, t_seen_ns)
        self._tracker.relocate_all(self._m, t_seen_ns)
        for event in self._m.events if self._m.pool else ():
            if event.moved:
                self._offer_pool(event, t_seen_ns)
        self._tracker.fits_left = MAX_SEARCHES  # an event found to be part of another goes into it at once
        self._m.pool.extend(r.pick_id for r in loose)
        # The newest first: its set of compatible picks holds those of the others. Two searches a slice are
        # enough, and a plane wave through a dense network must not starve everything else.
        pooled = [r for r in with_s if r.s_trusted and r.pick_id in self._m.pool]
        self._searches_left = MAX_SEARCHES
        for record in [*pooled, *loose][: -MAX_SEARCHES - 1 : -1]:
            if record.pick_id in self._m.pool and self._searches_left:
                self._nucleate(record, t_seen_ns, status, out)
        self._find_second_shock(t_seen_ns)
        self._merge(t_seen_ns, status, out)
        for event in list(self._m.events):
            self._advance(event, t_seen_ns, status, out)
        self._give_up(t_seen_ns, status, out)
        self._m.prune(t_seen_ns, from_seconds(self._p.pool_s))
        return out

    def warm(self) -> None:
        """Load the location kernels by locating an invented event; remembers nothing of it."""
        records = [
            PickRecord(pick_id=str(k), station=0, site=0, t_ns=k * NS, sigma_s=0.1, noise_d_m=0.0)
            for k in range(4)
        ]
        memory = Memory.of(self._table)
        self._associator.fitter.fit(records, None, memory)
        event = EventRecord(event_id="", created_ns=0, picks={})
        self._associator.arrivals(event, 0)
        self._associator.many_arrivals(event, [0])
        self._estimator.ruptures.warm()

    # --- picks --------------------------------------------------------------------------------

    def _without_repicks(self, fresh: list[PickRecord], with_s: list[PickRecord]) -> list[PickRecord]:
        """New picks without those that a clearer one at the same station explains, soon after it.

        What the picker takes for another P within some twenty seconds of a clear one is mostly its S: it
        stands for it where none was read.
        """
        kept = []
        for record in fresh:
            earlier = [
                r
                for r in (self._m.picks[i] for i in self._m.by_station[record.station])
                if 0 < record.t_ns - r.t_ns <= REPICK_NS and r.snr > REPICK_SNR * record.snr
            ]
            if not earlier or self._tracker.fits_another(record, self._m):
                kept.append(record)
                continue
            self._tracker.shadowed.update(e.event_id for e in self._m.events if record.site in e.picks)
            clear = earlier[-1]
            if not clear.s_t_ns and record.snr < FRESH_SNR:
                clear.s_t_ns, clear.s_sigma_s = record.t_ns, max(record.sigma_s, REPICK_SIGMA_S)
                with_s.append(clear)
        return kept

    def _hear_s(self, records: Sequence[PickRecord]) -> None:
        """An S of a pick that an event has: it helps to locate while there are few."""
        for event in self._m.events if records else ():
            mine = [r for r in records if r.s_trusted and event.picks.get(r.site) == r.pick_id]
            if mine and event.is_vague:
                event.due = True

    # --- new events ---------------------------------------------------------------------------

    def _nucleate(self, newest: PickRecord, now_ns: int, status: Status, out: list[Message]) -> None:
        found = self._associator.candidate(newest, self._m, now_ns, self._searches_left)
        self._searches_left -= found.n_fits
        if found.fit is None:
            self._leave_pool(found.faulty)
            if found.reason is not None and found.n_sites > 1:
                self._decline(found.reason, found.detail, found.n_sites, now_ns, status, out)
            return
        for event in self._m.events:
            if not self._is_another(found, found.fit, event, now_ns, status, out):
                return
        self._begin(found.fit, now_ns)

    def _begin(self, fit: Fit, now_ns: int, second_of: str = "") -> None:
        """A new event from a location; picks that others could not explain leave them."""
        self._m.n_events += 1
        stamp = iso(fit.t0_ns, 0).replace("-", "").replace(":", "").rstrip("Z")
        mine = {r.pick_id for r in fit.inliers}
        for other in self._m.events:
            other.picks = {s: p for s, p in other.picks.items() if p not in mine or s in other.inliers}
        event = EventRecord(
            event_id=f"sw{stamp}-{self._m.n_events}",
            created_ns=now_ns,
            picks={r.site: r.pick_id for r in fit.inliers},
            last_pick_ns=now_ns,
            second_of=second_of,
        )
        self._tracker.adopt(event, fit, self._m, now_ns)
        self._m.events.append(event)
        self._leave_pool(fit.inliers)
        self._offer_pool(event, now_ns)

    def _offer_pool(self, event: EventRecord, now_ns: int) -> None:
        """What came before an event was known, or known to be here, may still be its P."""
        waiting = [self._m.picks[p] for p in self._m.pool[-MAX_WAITING:]]
        self._leave_pool([r for r in waiting if self._tracker.take(event, r, self._m, now_ns)])

    def _is_another(
        self, found: Candidate, fit: Fit, event: EventRecord, now_ns: int, status: Status, out: list[Message]
    ) -> bool:
        """Whether a candidate is another earthquake than a known one; if not, that one gets its picks.

        Where that one does not decide it, both are located as one: two sources must explain clearly more.
        """
        relation = self._associator.relation(fit, event)
        if relation != "unsure":
            return True
        n = len(fit.inliers)
        joint = self._tracker.joint(event, fit.inliers, self._m, now_ns)
        strong = n + len(fit.with_s) >= SECOND_SITES and n > self._p.min_stations
        if joint is None:
            if strong and n - self._associator.explained(event, fit.inliers) >= ONE_SOURCE:
                return True
        elif self._tracker.two_sources(event, fit, joint):
            if strong:
                return True
        elif len(joint.inliers) > len(event.inliers):
            self._tracker.unite(event, fit.inliers, joint, self._m, now_ns)
            self._leave_pool(fit.inliers)
            return False
        self._decline(Reason.SPLIT_EVENT, f"part of {event.event_id}", found.n_sites, now_ns, status, out)
        # What the known event does not make may, with more to come, still be the beginning of another.
        told = ("fits", "S", "late")
        self._leave_pool([r for r in fit.inliers if self._associator.verdict(event, r)[0] in told])
        return False

    def _find_second_shock(self, now_ns: int) -> None:
        """Look behind the events that picks of this slice came behind for another in the same place."""
        for event in [e for e in self._m.events if e.event_id in self._tracker.shadowed]:
            if not self._tracker.fits_left:
                return
            found = second_shock(event, self._m, self._associator, self._p)
            if found is None:
                continue
            self._tracker.fits_left -= 1
            fit, event.second_s = found
            for first in [self._m.picks[p] for p in event.picks.values()]:
                first.next_ns = first.t_ns + from_seconds(event.second_s)
            for r in fit.inliers:
                first = self._m.picks[event.picks[r.site]]
                first.next_ns = r.t_ns
                if first.s_t_ns == r.t_ns:
                    first.s_t_ns = 0
            self._begin(fit, now_ns, event.event_id)

    def _merge(self, now_ns: int, status: Status, out: list[Message]) -> None:
        """Close events that turn out to be parts of others; at most one a slice, when something has moved."""
        found = merged(self._m, self._associator, self._tracker, now_ns)
        if found is None:
            return
        event, reason = found
        out.extend(self._estimator.closing(event, "cancelled", (reason,), self._m, now_ns, status))
        self._m.events.remove(event)

    def _leave_pool(self, records: Sequence[PickRecord]) -> None:
        gone = {r.pick_id for r in records}
        self._m.pool = [p for p in self._m.pool if p not in gone]

    def _decline(
        self, reason: Reason, detail: str, n_sites: int, now_ns: int, status: Status, out: list[Message]
    ) -> None:
        """Put on record why picks did not become an event."""
        if now_ns - self._m.last_decline_ns.get(reason, -DECLINE_EVERY_NS) < DECLINE_EVERY_NS:
            return
        self._m.last_decline_ns[reason] = now_ns
        out.append(untrusted.hold((reason,), detail, n_sites, now_ns, status))

    def _give_up(self, now_ns: int, status: Status, out: list[Message]) -> None:
        """Say of picks that leave the pool unexplained what they may have been."""
        pool_ns = from_seconds(self._p.pool_s)
        gone = [p for p in self._m.pool if abs(now_ns - self._m.picks[p].t_ns) > pool_ns]
        for pick_id in gone:
            reason, detail = lone(self._m.picks[pick_id], self._m, self._table, now_ns)
            self._decline(reason, detail, 1, now_ns, status, out)
        if gone:
            self._m.pool = [p for p in self._m.pool if p not in set(gone)]

    # --- events -------------------------------------------------------------------------------

    def _advance(self, event: EventRecord, now_ns: int, status: Status, out: list[Message]) -> None:
        """Publish what has changed about an event, end it when nothing comes any more."""
        age_s = (now_ns - event.t0_ns) / NS
        against = self._refuted(event, age_s, now_ns)
        if against is not None:
            out.extend(self._estimator.closing(event, "cancelled", (against,), self._m, now_ns, status))
            self._m.events.remove(event)
            return
        if due(event, now_ns):
            out.extend(self._estimator.doubts(event, self._m, now_ns, status))
        if (
            abs(age_s) > max(self._p.end_after_s, coda_s(event.magnitude))
            and (now_ns - event.last_pick_ns) / NS > QUIET_AFTER_PICK_S
        ):
            out.extend(
                self._estimator.closing(event, "ended", (Reason.EVENT_ENDED,), self._m, now_ns, status)
            )
            self._m.events.remove(event)
            return
        pause_s = max(self._p.update_s, age_s / UNHURRIED)
        if not event.moved and (now_ns - event.last_estimate_ns) / NS < pause_s:
            return
        out.extend(self._estimator.update(event, self._m, now_ns, status))

    def _refuted(self, event: EventRecord, age_s: float, now_ns: int) -> Reason | None:
        """What speaks against an event being an earthquake here, if anything; asked once a second."""
        if not CANCEL_AFTER_S <= age_s < CANCEL_UNTIL_S or now_ns - event.last_doubt_ns < DOUBT_EVERY_NS:
            return None
        event.last_doubt_ns = now_ns
        if not event.picks:  # another event has taken them all
            return Reason.MERGED_EVENT
        fitting = self._m.fitting(event)
        known = disproved(fitting, self._table, event.rms_s)
        if known is not None or len(event.inliers) >= CANCEL_BELOW_SITES:
            return known
        picks = [self._m.picks[i] for i in event.picks.values()]
        fit = self._associator.fitter.fit(picks, (event.latitude, event.longitude), self._m)
        # A fit that gives up most picks only follows the silence away from them.
        follows = 2 * len(fit.inliers) < len(event.inliers)
        return Reason.QUIET_STATIONS if follows or fit.triggered_share < CANCEL_SHARE else None

    # --- state --------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode(self._m)

    def restore(self, data: bytes) -> None:
        self._m = msgspec.msgpack.decode(data, type=Memory)

    def adopt(self, data: bytes, moved: Moves) -> None:
        """Go on from the snapshot of another network, taken between events: see `Memory.moved`."""
        self._m = msgspec.msgpack.decode(data, type=Memory).moved(moved.stations.tolist())
