"""Estimates and forecasts in, decisions and alerts out: the life cycle of a warning.

An event is new, then updated, and ends either as final or as cancelled; after that nothing more
is said about it. Revisions count from 1 without gaps.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from seiswarn.alerts.lifecycle import COVER_SITES, Cover, Record, build_alert, changes
from seiswarn.alerts.params import Params
from seiswarn.alerts.policies import POLICIES
from seiswarn.alerts.policies.base import Verdict, View
from seiswarn.messages import Action, AlertKind, Decision, EventEstimate, Forecast, Message
from seiswarn.reasons import Reason
from seiswarn.timebase import NS, from_seconds, seconds


class AlertsStage:
    """Applies one policy to all events."""

    def __init__(self, params: Params) -> None:
        self._params = params
        self._policy = POLICIES[params.policy]()
        self._records: dict[str, Record] = {}
        self._covers: dict[str, Cover] = {}
        self._forget_ns = 0  # when next to look for what can be forgotten: once a second

    def handle(self, t_seen_ns: int, messages: Sequence[Message]) -> list[Message]:
        """Decisions and alerts about the estimates among `messages`, and what has become due by now."""
        told = [m for m in messages if isinstance(m, EventEstimate)]
        out: list[Message] = []
        if not (told or self._records or self._covers):
            return out
        heard = {estimate.event_id for estimate in told}
        if told:
            forecasts = {(m.event_id, m.estimate_revision): m for m in messages if isinstance(m, Forecast)}
            for estimate in told:
                self._hear(t_seen_ns, estimate, forecasts.get((estimate.event_id, estimate.revision)), out)
        for record in self._records.values():
            waiting = record.due or record.weak_since_ns is not None
            if waiting and record.warned and record.event_id not in heard:
                self._judge(t_seen_ns, record, out)
        self._forget(t_seen_ns)
        return out

    def snapshot(self) -> bytes:
        """All state as msgpack."""
        return msgspec.msgpack.encode((self._records, self._covers, self._forget_ns))

    def restore(self, data: bytes) -> None:
        """Replace all state by that of `snapshot`. Raises msgspec.DecodeError when it is none."""
        self._records, self._covers, self._forget_ns = msgspec.msgpack.decode(
            data, type=tuple[dict[str, Record], dict[str, Cover], int]
        )

    def _hear(
        self, t_seen_ns: int, estimate: EventEstimate, forecast: Forecast | None, out: list[Message]
    ) -> None:
        """Take in one estimate."""
        record = self._records.get(estimate.event_id)
        if record is None:
            record = Record(event_id=estimate.event_id, heard_ns=t_seen_ns)
            self._records[estimate.event_id] = record
        record.heard_ns = t_seen_ns
        if record.closed:
            reason = Reason.EVENT_CANCELLED if record.closed == "cancel" else Reason.EVENT_ENDED
            self._decide(t_seen_ns, record, estimate, "hold", (reason,), "the event is closed", out)
            return
        record.estimate = estimate
        if forecast is not None:
            record.forecast = forecast
        if estimate.state == "ended":
            self._close(t_seen_ns, record, estimate, "final", Reason.EVENT_ENDED, "the event has ended", out)
        elif estimate.state == "cancelled":
            text = "the event was withdrawn: " + (", ".join(estimate.reasons) or "no reason given")
            self._close(t_seen_ns, record, estimate, "cancel", Reason.EVENT_CANCELLED, text, out)
        else:
            self._judge(t_seen_ns, record, out)

    def _judge(self, t_seen_ns: int, record: Record, out: list[Message]) -> None:
        """Let the policy look, and act on what it says."""
        estimate = record.estimate
        if estimate is None:
            return
        verdict = self._policy.decide(self._view(t_seen_ns, record, estimate))
        if not record.warned:
            cover = self._cover(record) if verdict.action == "warn" else None
            if cover is not None:
                detail = f"the warning of {cover.event_id} says as much everywhere; {verdict.detail}"
                self._decide(t_seen_ns, record, estimate, "hold", (Reason.COVERED,), detail, out)
            elif verdict.action == "warn":
                self._speak(t_seen_ns, record, estimate, "new", verdict, out)
            else:
                self._decide(t_seen_ns, record, estimate, "hold", verdict.reasons, verdict.detail, out)
            return
        if verdict.action != "withdraw":
            record.weak_since_ns = None
        elif record.weak_since_ns is None:
            record.weak_since_ns = t_seen_ns
        elif t_seen_ns - record.weak_since_ns >= from_seconds(self._params.cancel_after_s):
            told = Verdict("withdraw", (Reason.NO_LONGER_MET,), verdict.detail)
            self._speak(t_seen_ns, record, estimate, "cancel", told, out)
            record.withdrawn, record.weak_since_ns = True, None
            return
        self._update(t_seen_ns, record, estimate, verdict, out)

    def _cover(self, record: Record) -> Cover | None:
        """The standing warning of another event that makes one of this event superfluous, if any."""
        forecast, estimate = record.forecast, record.estimate
        if forecast is None or estimate is None:
            return None
        span_ns, at = from_seconds(self._params.cover_s), self._params.at_epicentre
        few = _n_stations(estimate) < COVER_SITES
        for cover in self._covers.values():
            recent = estimate.origin.time_ns - cover.origin_ns < span_ns
            if cover.event_id == record.event_id or not recent:
                continue
            size = estimate.magnitude.value if estimate.magnitude else 0.0
            if few and cover.doubts(estimate.origin, size):
                return cover
            if cover.holds(forecast, estimate.origin, at):
                return cover
        return None

    def _update(
        self, t_seen_ns: int, record: Record, estimate: EventEstimate, verdict: Verdict, out: list[Message]
    ) -> None:
        """Say more if something a receiver acts on has changed, but not too often."""
        alert, p = record.alert, self._params
        if alert is None:
            return
        changed = changes(alert, estimate, record.forecast, p)
        record.due = bool(changed)
        if not changed:
            detail = f"nothing a receiver acts on has changed; {verdict.detail}"
            reasons = (Reason.NO_CHANGE, *verdict.reasons)
            self._decide(t_seen_ns, record, estimate, "hold", reasons, detail, out)
            return
        text = ", ".join(change.text for change in changed)
        wait = alert.t_seen_ns + from_seconds(p.update_every_s) - t_seen_ns
        if wait > 0 and max(change.size for change in changed) < p.update_large_factor:
            reasons = (Reason.CHANGED, Reason.UPDATE_LIMIT)
            detail = f"{text}; held back {seconds(wait):.2f} s"
            self._decide(t_seen_ns, record, estimate, "hold", reasons, detail, out)
            return
        told = Verdict("warn", (Reason.CHANGED, *verdict.reasons), f"{text}; {verdict.detail}")
        self._speak(t_seen_ns, record, estimate, "update", told, out)

    def _speak(
        self,
        t_seen_ns: int,
        record: Record,
        estimate: EventEstimate,
        kind: AlertKind,
        verdict: Verdict,
        out: list[Message],
    ) -> None:
        """Publish an alert and the decision behind it."""
        magnitude = estimate.magnitude or (record.alert.magnitude if record.alert else None)
        if magnitude is None:
            return
        self._decide(t_seen_ns, record, estimate, kind, verdict.reasons, verdict.detail, out)
        reasons = tuple(str(reason) for reason in verdict.reasons)
        record.alert = build_alert(record, kind, t_seen_ns, self._params, magnitude, estimate, reasons)
        record.due = False
        record.withdrawn = False
        out.append(record.alert)
        if kind == "cancel":
            self._covers.pop(record.event_id, None)
        elif _n_stations(estimate) >= COVER_SITES:
            fresh = Cover(event_id=record.event_id, origin_ns=estimate.origin.time_ns)
            self._covers.setdefault(record.event_id, fresh).add(record.alert)

    def _close(
        self,
        t_seen_ns: int,
        record: Record,
        estimate: EventEstimate,
        kind: AlertKind,
        reason: Reason,
        detail: str,
        out: list[Message],
    ) -> None:
        """Say the last word, if there was a first, and close the event."""
        if record.warned:
            self._speak(t_seen_ns, record, estimate, kind, Verdict("warn", (reason,), detail), out)
            record.closed = "cancel" if kind == "cancel" else "final"
        else:
            self._decide(t_seen_ns, record, estimate, "hold", (reason,), detail, out)
            record.closed = "unwarned"
        # A closed event needs no more than its name.
        record.alert = record.estimate = record.forecast = None
        record.due, record.weak_since_ns = False, None

    def _decide(
        self,
        t_seen_ns: int,
        record: Record,
        estimate: EventEstimate,
        action: Action,
        reasons: tuple[Reason, ...],
        detail: str,
        out: list[Message],
    ) -> None:
        """Record a decision, unless it only repeats the last one too soon."""
        names = tuple(str(reason) for reason in reasons)
        same = action == record.action == "hold" and names == record.reasons
        if same and t_seen_ns - record.decided_ns < from_seconds(self._params.decision_every_s):
            return
        record.decided_ns, record.action, record.reasons = t_seen_ns, action, names
        forecast = record.forecast
        out.append(
            Decision(
                event_id=record.event_id,
                policy=self._params.name,
                t_seen_ns=t_seen_ns,
                action=action,
                reasons=names,
                detail=detail,
                estimate_revision=estimate.revision,
                magnitude=estimate.magnitude.value if estimate.magnitude else 0.0,
                max_intensity=forecast.max_intensity if forecast else 0.0,
                n_stations=_n_stations(estimate),
                status=estimate.status,
            )
        )

    def _view(self, t_seen_ns: int, record: Record, estimate: EventEstimate) -> View:
        forecast, origin, magnitude = record.forecast, estimate.origin, estimate.magnitude
        intensity, place = 0.0, "(no forecast)"
        if forecast is not None and forecast.targets:
            worst = max(forecast.targets, key=lambda t: (t.intensity, t.name))
            intensity, place = worst.intensity, f"at {worst.name}"
        counts = forecast is not None and (self._params.at_epicentre or not forecast.targets)
        if forecast is not None and counts and forecast.epicentral_intensity > intensity:
            intensity, place = forecast.epicentral_intensity, "at the epicentre"
        return View(
            params=self._params,
            warned=record.warned,
            age_s=seconds(t_seen_ns - origin.time_ns),
            latitude=origin.latitude,
            longitude=origin.longitude,
            epicentre_sigma_km=origin.ellipse_major_km,
            n_stations=_n_stations(estimate),
            false_per_year=estimate.false_per_year,
            magnitude=magnitude.value if magnitude else None,
            magnitude_sigma=magnitude.sigma if magnitude else 0.0,
            intensity=intensity,
            intensity_place=place,
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
        span_ns = from_seconds(self._params.cover_s + self._params.max_age_s)
        gone = [k for k, c in self._covers.items() if t_seen_ns - c.origin_ns >= span_ns]
        for key in gone:
            del self._covers[key]


def _n_stations(estimate: EventEstimate) -> int:
    """Distinct stations behind an estimate: sensors side by side under one code count once."""
    codes = {".".join(arrival.station.split(".")[:2]) for arrival in estimate.arrivals}
    return min(len(codes), estimate.origin.n_stations) if codes else estimate.origin.n_stations
