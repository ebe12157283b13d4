"""Estimates, alerts and motions in; quick reports out: once when stable, once when the event ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from seiswarn.errors import InvariantError
from seiswarn.intensity import intensity_gbt
from seiswarn.messages import Alert, EventEstimate, Message, Motions, QuickReport, TargetForecast
from seiswarn.reports.params import Params
from seiswarn.reports.peaks import Peaks, StoredPeaks
from seiswarn.reports.recent import Block, Recent
from seiswarn.stations import StationTable
from seiswarn.timebase import from_seconds, seconds


class _Event(msgspec.Struct, kw_only=True):
    """What is known of one event so far."""

    event_id: str
    estimate: EventEstimate
    history: list[EventEstimate]
    alerts: list[Alert]
    changed_ns: int  # t_seen of the last estimate
    number: int = 0  # of the last report


def _keep(alerts: list[Alert], alert: Alert) -> None:
    """Append an alert; of the one before it, to the same audience, only targets not named before stay.

    A report tells when each target was first named and what it was told last. A hundred warnings of a
    thousand targets would else make it a message of tens of megabytes.
    """
    told = [k for k, a in enumerate(alerts) if a.policy == alert.policy]
    if told and alert.kind != "cancel":  # what is withdrawn still says what it had said
        again = {_named(t) for t in alert.targets}
        before = {_named(t) for k in told[:-1] for t in alerts[k].targets}
        last = alerts[told[-1]]
        kept = tuple(t for t in last.targets if _named(t) not in before or _named(t) not in again)
        alerts[told[-1]] = msgspec.structs.replace(last, targets=kept)
    alerts.append(alert)


def _named(target: TargetForecast) -> tuple[str, float, float]:
    return target.name, target.latitude, target.longitude


class _State(msgspec.Struct, kw_only=True):
    """A snapshot."""

    stations: tuple[str, ...]
    events: dict[str, _Event]
    peaks: dict[str, StoredPeaks]
    recent: Recent


class ReportsStage:
    """Keeps each event's story and tells it when it is due."""

    def __init__(self, params: Params, table: StationTable) -> None:
        self._params = params
        self._table = table
        self._events: dict[str, _Event] = {}
        self._peaks: dict[str, Peaks] = {}
        self._recent = Recent()

    def handle(self, t_seen_ns: int, messages: Sequence[Message]) -> list[Message]:
        """Reports that are due at `t_seen_ns`. Called every slice, with or without messages."""
        ended: list[str] = []
        told: list[EventEstimate | Alert] = []
        for message in messages:
            kind = type(message)
            if kind is Motions:
                self._take_motions(t_seen_ns, message)  # type: ignore[arg-type]
            elif kind is EventEstimate or kind is Alert:
                told.append(message)  # type: ignore[arg-type]
        for message in told:
            if isinstance(message, EventEstimate):
                self._take_estimate(t_seen_ns, message)
                if message.state in ("ended", "cancelled") and message.event_id in self._events:
                    ended.append(message.event_id)
            elif message.event_id in self._events:
                _keep(self._events[message.event_id].alerts, message)
        if not self._events:
            return []
        out: list[Message] = []
        for event_id in dict.fromkeys(ended):
            event = self._events[event_id]
            if self._worth(event):
                out.append(self._report(t_seen_ns, event))
            del self._events[event_id], self._peaks[event_id]
        out += [
            self._report(t_seen_ns, event)
            for event in self._events.values()
            if event.number == 0 and self._worth(event) and self._stable(t_seen_ns, event)
        ]
        return out

    def snapshot(self) -> bytes:
        """All state as msgpack."""
        state = _State(
            stations=self._table.stations,
            events=self._events,
            peaks={key: StoredPeaks.of(peaks) for key, peaks in self._peaks.items()},
            recent=self._recent,
        )
        return msgspec.msgpack.encode(state)

    def restore(self, data: bytes) -> None:
        """Replace all state by that of `snapshot`.

        Raises InvariantError when it was made with other stations, msgspec.DecodeError when it is no
        snapshot.
        """
        state = msgspec.msgpack.decode(data, type=_State)
        if state.stations != self._table.stations:
            raise InvariantError("the snapshot of the reports stage was made with other stations")
        self._events = state.events
        self._peaks = {key: stored.peaks() for key, stored in state.peaks.items()}
        self._recent = state.recent

    def warm(self) -> None:
        """Load the kernels; leaves nothing behind."""
        nothing = Recent()
        none = (0.0,)
        motions = Motions(
            t_seen_ns=0,
            stations=("",),
            t_ns=(0,),
            n_components=(0,),
            pga_mps2=none,
            pgv_mps=none,
            pgd_m=none,
            intensity_gbt=none,
            intensity_jma=none,
            clipped=(False,),
        )
        self._count(nothing.add(motions, self._table))
        for block in nothing.close(self._table):
            block.into(Peaks(1), 0)
        intensity_gbt(0.0, 0.0)

    def _take_motions(self, t_seen_ns: int, motions: Motions) -> None:
        self._count(self._recent.add(motions, self._table))
        self._recent.forget(t_seen_ns - from_seconds(self._params.memory_s))

    def _count(self, blocks: Iterable[Block]) -> None:
        """Raise the peaks of all events by new blocks."""
        for block in blocks:
            for event_id, peaks in self._peaks.items():
                block.into(peaks, self._events[event_id].estimate.origin.time_ns)

    def _take_estimate(self, t_seen_ns: int, estimate: EventEstimate) -> None:
        event = self._events.get(estimate.event_id)
        if event is None:
            if estimate.state in ("ended", "cancelled"):
                return  # unknown, or already closed
            event = _Event(
                event_id=estimate.event_id,
                estimate=estimate,
                history=[],
                alerts=[],
                changed_ns=t_seen_ns,
            )
            self._events[estimate.event_id] = event
            self._count(self._recent.close(self._table))
            peaks = Peaks(self._table.n_stations)
            for block in self._recent.blocks:
                block.into(peaks, estimate.origin.time_ns)
            self._peaks[estimate.event_id] = peaks
        event.estimate = estimate
        event.changed_ns = t_seen_ns
        self._remember(event.history, estimate)

    def _remember(self, history: list[EventEstimate], estimate: EventEstimate) -> None:
        """Append without arrivals; of a burst of revisions keep the first and the latest."""
        light = msgspec.structs.replace(estimate, arrivals=(), station_magnitudes=())
        gap = from_seconds(self._params.history_every_s)
        if len(history) >= 2 and light.t_seen_ns - history[-2].t_seen_ns < gap:
            history[-1] = light
        else:
            history.append(light)

    def _worth(self, event: _Event) -> bool:
        magnitude = event.estimate.magnitude
        large = magnitude is not None and magnitude.value >= self._params.min_magnitude
        cancelled = event.estimate.state == "cancelled"
        return bool(event.alerts) or (large and not cancelled)

    def _stable(self, t_seen_ns: int, event: _Event) -> bool:
        age_s = seconds(t_seen_ns - event.estimate.origin.time_ns)
        quiet_s = seconds(t_seen_ns - event.changed_ns)
        return quiet_s >= self._params.report_after_s or age_s >= self._params.max_age_s

    def _report(self, t_seen_ns: int, event: _Event) -> QuickReport:
        event.number += 1
        estimate = event.estimate
        self._count(self._recent.close(self._table))
        return QuickReport(
            event_id=event.event_id,
            number=event.number,
            t_seen_ns=t_seen_ns,
            estimate=estimate,
            history=tuple(event.history),
            alerts=tuple(event.alerts),
            peaks=self._peaks[event.event_id].stations(
                estimate.origin, self._params.max_distance_km, self._table
            ),
            status=estimate.status,
        )
