"""One audience: what it has been told about each event, and what it is told next.

An event is new, then updated, and ends as final or as cancelled; after that nothing more is said
about it. Levels go up at once, and down when that has lasted. Revisions count from 1 without gaps.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from seiswarn.alerts.audience import Audience, Reading
from seiswarn.alerts.building import build_alert, build_decision
from seiswarn.alerts.changes import changes
from seiswarn.alerts.cover import COVER_SITES, Cover, covering, goes_on_from
from seiswarn.alerts.params import Params
from seiswarn.alerts.policies import POLICIES
from seiswarn.alerts.policies.base import Verdict
from seiswarn.alerts.record import Closed, Record, Told
from seiswarn.alerts.standing import Standing, is_lower, lowered, never_lower, standing, told_of
from seiswarn.alerts.view import n_stations, view_of
from seiswarn.forecast_arrays import FieldArrays, arrays_of
from seiswarn.messages import Action, AlertKind, EventEstimate, Forecast, Message, Transition
from seiswarn.reasons import Reason
from seiswarn.targets import TargetTable
from seiswarn.timebase import NS, from_seconds, seconds

NEVER_NS = (1 << 63) - 1
AT_ONCE: tuple[Transition, ...] = ("escalate", "area_growth")  # no limit on updates holds these back


class Desk:
    """Applies one audience's policy to all events."""

    def __init__(self, params: Params, targets: TargetTable) -> None:
        self.audience = Audience(params, targets)
        self._params = params
        self._policy = POLICIES[params.policy]()
        self._records: dict[str, Record] = {}
        self._readings: dict[str, Reading] = {}  # of the forecast in each record; made again from it
        self._covers: dict[str, Cover] = {}
        self._forget_ns = 0  # when next to look for what can be forgotten: once a second

    @property
    def idle(self) -> bool:
        return not (self._records or self._covers)

    def hear(
        self,
        t_seen_ns: int,
        estimate: EventEstimate,
        forecast: Forecast | None,
        arrays: FieldArrays | None,
        out: list[Message],
    ) -> None:
        """Take in one estimate, with its forecast if it has one."""
        record = self._records.get(estimate.event_id)
        if record is None:
            record = Record(event_id=estimate.event_id, heard_ns=t_seen_ns)
            self._records[estimate.event_id] = record
        record.heard_ns = t_seen_ns
        if record.closed:
            reason = Reason.EVENT_CANCELLED if record.closed == "cancel" else Reason.EVENT_ENDED
            self._decide(t_seen_ns, record, estimate, "hold", (reason,), "the event is closed", out)
            return
        if estimate.state in ("new", "update"):
            record.n_solutions += 1
        record.estimate = estimate
        self._learn(record, forecast, arrays)
        if estimate.state == "ended":
            self._end(t_seen_ns, record, estimate, out)
        elif estimate.state == "cancelled":
            named = ", ".join(estimate.reasons)
            text = "the event turned out to be none" + (f": {named}" if named else "")
            self._close(t_seen_ns, record, estimate, "cancel", (Reason.EVENT_CANCELLED,), text, out)
        else:
            self._judge(t_seen_ns, record, out)

    def renew(
        self, t_seen_ns: int, forecast: Forecast, arrays: FieldArrays | None, out: list[Message]
    ) -> None:
        """Take in a forecast that observed motion alone has changed."""
        record = self._records.get(forecast.event_id)
        if record is not None and not record.closed and not record.ended:
            self._learn(record, forecast, arrays)
            self._judge(t_seen_ns, record, out)

    def look(self, t_seen_ns: int, heard: Collection[str], out: list[Message]) -> None:
        """What has become due by now of events nobody has spoken of."""
        for record in self._records.values():
            if record.event_id not in heard and record.warned:
                if not record.ended and t_seen_ns >= self._next_ns(record):
                    self._judge(t_seen_ns, record, out)
                self._run_out(t_seen_ns, record, out)
        self._forget(t_seen_ns)

    def _next_ns(self, record: Record) -> int:
        """When something that is held back, or has to last, may first be said."""
        p, times = self._params, []
        if record.due and record.alert is not None:
            times.append(record.alert.t_seen_ns + from_seconds(p.update_every_s))
        if record.weak_since_ns is not None:
            times.append(record.weak_since_ns + from_seconds(p.cancel_after_s))
        if record.lower_since_ns is not None:
            times.append(record.lower_since_ns + from_seconds(p.deescalate_after_s))
        return min(times, default=NEVER_NS)

    def _learn(self, record: Record, forecast: Forecast | None, arrays: FieldArrays | None) -> None:
        if forecast is not None and arrays is not None:
            record.forecast = forecast
            self._readings[record.event_id] = self.audience.read(forecast, arrays)

    def _judge(self, t_seen_ns: int, record: Record, out: list[Message]) -> None:
        """Let the policy look, and act on what it says."""
        estimate, reading = record.estimate, self._readings.get(record.event_id)
        if estimate is None:
            return
        verdict = self._policy.decide(view_of(self.audience, t_seen_ns, record, estimate, reading))
        if not record.warned:
            cover = None
            if verdict.action == "warn" and reading is not None:
                cover = covering(self._covers.values(), record.event_id, reading, estimate, self._params)
            if cover is not None:
                detail = f"the warning of {cover.event_id} says as much everywhere; {verdict.detail}"
                self._decide(t_seen_ns, record, estimate, "hold", (Reason.COVERED,), detail, out)
            elif verdict.action == "warn":
                record.continues = goes_on_from(self._records.values(), estimate)
                self._speak(t_seen_ns, record, estimate, "new", ("new",), verdict, out)
            else:
                self._decide(t_seen_ns, record, estimate, "hold", verdict.reasons, verdict.detail, out)
            return
        if verdict.action != "withdraw":
            record.weak_since_ns = None
        elif record.weak_since_ns is None:
            record.weak_since_ns = t_seen_ns
        elif t_seen_ns - record.weak_since_ns >= from_seconds(self._params.cancel_after_s):
            told = Verdict("withdraw", (Reason.NO_LONGER_MET,), verdict.detail)
            self._speak(t_seen_ns, record, estimate, "cancel", ("cancel",), told, out)
            record.withdrawn, record.weak_since_ns = True, None
            record.n_warnings += 1
            return
        self._update(t_seen_ns, record, estimate, verdict, out)

    def _standing(self, t_seen_ns: int, record: Record, estimate: EventEstimate) -> Standing | None:
        """What targets would be told now; what is lower waits until that has lasted."""
        reading = self._readings.get(record.event_id)
        if reading is None:
            return None
        p, told = self._params, record.told
        now = standing(self.audience, reading, estimate, told, p.deescalate_margin)
        if not is_lower(now, told):
            record.lower_since_ns = None
            return now
        if record.lower_since_ns is None:
            record.lower_since_ns = t_seen_ns
        if t_seen_ns - record.lower_since_ns >= from_seconds(p.deescalate_after_s):
            return now
        return never_lower(now, told)

    def _update(
        self, t_seen_ns: int, record: Record, estimate: EventEstimate, verdict: Verdict, out: list[Message]
    ) -> None:
        """Say more if something a receiver acts on has changed, but not too often."""
        alert, p = record.alert, self._params
        if alert is None:
            return
        now = self._standing(t_seen_ns, record, estimate)
        found = changes(self.audience, record, self._readings.get(record.event_id), now, t_seen_ns)
        urgent = any(t in AT_ONCE for t in found.transitions)
        record.due = bool(found)
        if not found or (record.cleared and not urgent):
            detail = f"nothing a receiver acts on has changed; {verdict.detail}"
            reasons = (Reason.NO_CHANGE, *verdict.reasons)
            record.due = False
            if now is not None and is_lower(now, record.told):  # nobody can act on it: the next alert tells
                record.told, record.lower_since_ns = lowered(now, record.told), None
            self._decide(t_seen_ns, record, estimate, "hold", reasons, detail, out)
            return
        wait = alert.t_seen_ns + from_seconds(p.update_every_s) - t_seen_ns
        spent = p.max_updates > 0 and record.n_updates >= p.max_updates
        early = wait > 0 and found.largest < p.update_large_factor
        if not urgent and (early or spent):
            reasons = (Reason.CHANGED, Reason.UPDATE_LIMIT)
            why = f"{record.n_updates} updates already" if spent else f"held back {seconds(wait):.2f} s"
            record.due = not spent
            self._decide(t_seen_ns, record, estimate, "hold", reasons, f"{found.text}; {why}", out)
            return
        told = Verdict("warn", (Reason.CHANGED, *verdict.reasons), f"{found.text}; {verdict.detail}")
        if not urgent:
            record.n_updates += 1
        self._speak(t_seen_ns, record, estimate, "update", found.transitions or ("update",), told, out, now)

    def _speak(
        self,
        t_seen_ns: int,
        record: Record,
        estimate: EventEstimate,
        kind: AlertKind,
        transitions: tuple[Transition, ...],
        verdict: Verdict,
        out: list[Message],
        now: Standing | None = None,
    ) -> None:
        """Publish an alert and the decision behind it."""
        reading = self._readings.get(record.event_id)
        if reading is not None and now is None:
            told = Told() if kind == "new" else record.told
            margin = 0.0 if kind == "new" else self._params.deescalate_margin
            now = standing(self.audience, reading, estimate, told, margin)
        self._decide(t_seen_ns, record, estimate, kind, verdict.reasons, verdict.detail, out, transitions)
        reasons = tuple(str(reason) for reason in verdict.reasons)
        record.alert = build_alert(
            self.audience, record, kind, t_seen_ns, estimate, reading, now, transitions, reasons
        )
        if reading is not None and now is not None:
            record.told = told_of(now, reading)
        record.clear_ns = self._clear_ns(record)
        record.due = record.withdrawn = record.cleared = False
        if kind != "update" or "deescalate" in transitions:  # else what is lower still has to be told
            record.lower_since_ns = None
        out.append(record.alert)
        if kind == "cancel":
            self._covers.pop(record.event_id, None)
            record.told = Told()
        elif n_stations(estimate) >= COVER_SITES:
            fresh = Cover(event_id=record.event_id, origin_ns=estimate.origin.time_ns)
            self._covers.setdefault(record.event_id, fresh).add(record.alert, record.told.intensity)

    def _end(self, t_seen_ns: int, record: Record, estimate: EventEstimate, out: list[Message]) -> None:
        """The source says no more: the last word now, or with the all clear."""
        if estimate.grounds == "wavefield" and estimate.continues and record.warned:
            record.continues, record.ended = estimate.continues, True
            text = f"is of {estimate.continues}, which has been located; stands until that is warned of"
            self._decide(t_seen_ns, record, estimate, "hold", (Reason.SUPERSEDED,), text, out)
            self._hand_over(t_seen_ns, record, estimate, out)
        elif record.warned and not record.cleared and t_seen_ns < record.clear_ns:
            record.ended = True
            text = "the event has ended; the last word waits for the all clear"
            self._decide(t_seen_ns, record, estimate, "hold", (Reason.EVENT_ENDED,), text, out)
        else:
            self._close(
                t_seen_ns, record, estimate, "final", (Reason.EVENT_ENDED,), "the event has ended", out
            )

    def _hand_over(self, t_seen_ns: int, record: Record, estimate: EventEstimate, out: list[Message]) -> None:
        """Close a warning of motion alone once the located event it is of is warned of, or is no more."""
        other = self._records.get(record.continues)
        if other is not None and other.warned:
            text = f"goes on as {record.continues}"
            self._close(t_seen_ns, record, estimate, "final", (Reason.SUPERSEDED,), text, out)
        elif other is None or other.closed:
            text = f"{record.continues}, which it was of, has ended"
            self._close(t_seen_ns, record, estimate, "final", (Reason.EVENT_ENDED,), text, out)

    def _clear_ns(self, record: Record) -> int:
        """When the all clear is due, after S at all targets in the area; 0 when none is given."""
        alert, p, reading = record.alert, self._params, self._readings.get(record.event_id)
        if p.all_clear_s <= 0.0 or alert is None:
            return 0
        last_ns = alert.t_seen_ns
        if reading is not None:
            area = record.told.areas(reading.n)
            last_ns = max(last_ns, int(reading.s_ns[area].max(initial=last_ns)))
        return last_ns + from_seconds(p.all_clear_s)

    def _run_out(self, t_seen_ns: int, record: Record, out: list[Message]) -> None:
        """The all clear, and the end of a warning that nobody has renewed."""
        alert, estimate = record.alert, record.estimate
        if alert is None or estimate is None or not record.warned:
            return
        if record.ended and estimate.grounds == "wavefield" and estimate.continues:
            self._hand_over(t_seen_ns, record, estimate, out)
            if not record.warned:
                return
        clear_ns = record.clear_ns
        if clear_ns and not record.cleared and t_seen_ns >= clear_ns:
            text = "S has passed everywhere, and time for all that follows"
            if record.ended:
                reasons = (Reason.ALL_CLEAR, Reason.EVENT_ENDED)
                self._close(t_seen_ns, record, estimate, "final", reasons, text, out)
            else:
                verdict = Verdict("warn", (Reason.ALL_CLEAR,), text)
                self._speak(t_seen_ns, record, estimate, "update", ("all_clear",), verdict, out)
                record.cleared = True
        elif t_seen_ns >= alert.expires_ns:
            text = "the warning has run out, and nothing has renewed it"
            self._close(t_seen_ns, record, estimate, "final", (Reason.EXPIRED,), text, out)

    def _close(
        self,
        t_seen_ns: int,
        record: Record,
        estimate: EventEstimate,
        kind: AlertKind,
        reasons: tuple[Reason, ...],
        detail: str,
        out: list[Message],
    ) -> None:
        """Say the last word, if there was a first, and close the event."""
        closed: Closed = "unwarned"
        if record.warned:
            transitions: list[Transition] = ["cancel" if kind == "cancel" else "final"]
            if Reason.ALL_CLEAR in reasons:
                transitions.insert(0, "all_clear")
            if Reason.EXPIRED in reasons:
                transitions.insert(0, "expired")
            verdict = Verdict("warn", reasons, detail)
            self._speak(t_seen_ns, record, estimate, kind, tuple(transitions), verdict, out)
            closed = "cancel" if kind == "cancel" else "final"
        else:
            self._decide(t_seen_ns, record, estimate, "hold", reasons, detail, out)
        # A closed event needs no more than its name.
        self._records[record.event_id] = Record(
            event_id=record.event_id,
            heard_ns=t_seen_ns,  # else what closes after a long silence would be forgotten, and told anew
            closed=closed,
            decided_ns=record.decided_ns,
            action=record.action,
            reasons=record.reasons,
        )
        self._readings.pop(record.event_id, None)

    def _decide(
        self,
        t_seen_ns: int,
        record: Record,
        estimate: EventEstimate,
        action: Action,
        reasons: tuple[Reason, ...],
        detail: str,
        out: list[Message],
        transitions: tuple[Transition, ...] = (),
    ) -> None:
        """Record a decision, unless it only repeats the last one too soon."""
        names = tuple(str(reason) for reason in reasons)
        same = action == record.action == "hold" and names == record.reasons
        if same and t_seen_ns - record.decided_ns < from_seconds(self._params.decision_every_s):
            return
        record.decided_ns, record.action, record.reasons = t_seen_ns, action, names
        reading = self._readings.get(record.event_id)
        out.append(
            build_decision(self.audience, t_seen_ns, estimate, reading, action, names, detail, transitions)
        )

    def _forget(self, t_seen_ns: int) -> None:
        """Drop events nobody has mentioned for long, unless a warning still stands."""
        if t_seen_ns < self._forget_ns:
            return
        self._forget_ns = t_seen_ns + NS
        limit = t_seen_ns - from_seconds(self._params.forget_s)
        old = [k for k, r in self._records.items() if r.heard_ns < limit and not r.warned]
        for key in old:
            del self._records[key]
            self._readings.pop(key, None)
        span_ns = from_seconds(self._params.cover_s + self._params.max_age_s)
        gone = [k for k, c in self._covers.items() if t_seen_ns - c.origin_ns >= span_ns]
        for key in gone:
            del self._covers[key]

    def state(self) -> DeskState:
        """All state, for a snapshot."""
        return DeskState(self._params.name, self._records, self._covers, self._forget_ns)

    def restore(self, state: DeskState) -> None:
        """Replace all state by that of `state`."""
        self._records, self._covers, self._forget_ns = state.records, state.covers, state.forget_ns
        self._readings = {}
        for key, record in self._records.items():
            forecast = record.forecast
            if forecast is not None and forecast.field is not None:
                self._readings[key] = self.audience.read(forecast, arrays_of(forecast.field))


class DeskState(msgspec.Struct, frozen=True):
    """What a desk knows, as it stands in a snapshot."""

    name: str
    records: dict[str, Record]
    covers: dict[str, Cover]
    forget_ns: int
