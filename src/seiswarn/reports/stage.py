"""Estimates, alerts and motions in; quick reports out: once when stable, once when the event ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from seiswarn.errors import InvariantError
from seiswarn.messages import Alert, EventEstimate, Message, Motions, QuickReport
from seiswarn.reports.params import Params
from seiswarn.reports.peaks import StoredMaxima, add, new_maxima, station_peaks
from seiswarn.stations import StationTable
from seiswarn.timebase import from_seconds, seconds

F64 = npt.NDArray[np.float64]


class _Event(msgspec.Struct, kw_only=True):
    """What is known of one event so far."""

    event_id: str
    estimate: EventEstimate
    history: list[EventEstimate]
    alerts: list[Alert]
    changed_ns: int  # t_seen of the last estimate
    number: int = 0  # of the last report


class _State(msgspec.Struct, kw_only=True):
    """A snapshot."""

    stations: tuple[str, ...]
    events: dict[str, _Event]
    maxima: dict[str, StoredMaxima]
    recent: list[Motions]


class ReportsStage:
    """Keeps each event's story and tells it when it is due."""

    def __init__(self, params: Params, table: StationTable) -> None:
        self._params = params
        self._table = table
        self._events: dict[str, _Event] = {}
        self._maxima: dict[str, F64] = {}
        self._recent: deque[Motions] = deque()

    def handle(self, t_seen_ns: int, messages: Sequence[Message]) -> list[Message]:
        """Reports that are due at `t_seen_ns`. Called every slice, with or without messages."""
        ended: list[str] = []
        for message in messages:
            if isinstance(message, Motions):
                self._take_motions(t_seen_ns, message)
        for message in messages:
            if isinstance(message, EventEstimate):
                self._take_estimate(t_seen_ns, message)
                if message.state in ("ended", "cancelled") and message.event_id in self._events:
                    ended.append(message.event_id)
            elif isinstance(message, Alert) and message.event_id in self._events:
                self._events[message.event_id].alerts.append(message)
        out: list[Message] = []
        for event_id in dict.fromkeys(ended):
            event = self._events[event_id]
            if self._worth(event):
                out.append(self._report(t_seen_ns, event))
            del self._events[event_id], self._maxima[event_id]
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
            maxima={key: StoredMaxima.of(array) for key, array in self._maxima.items()},
            recent=list(self._recent),
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
        self._maxima = {key: stored.array() for key, stored in state.maxima.items()}
        self._recent = deque(state.recent)

    def _take_motions(self, t_seen_ns: int, motions: Motions) -> None:
        self._recent.append(motions)
        limit = t_seen_ns - from_seconds(self._params.memory_s)
        while self._recent and self._recent[0].t_seen_ns < limit:
            self._recent.popleft()
        for event_id, maxima in self._maxima.items():
            add(maxima, motions, self._events[event_id].estimate.origin.time_ns, self._table)

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
            maxima = new_maxima(self._table.n_stations)
            for motions in self._recent:
                add(maxima, motions, estimate.origin.time_ns, self._table)
            self._maxima[estimate.event_id] = maxima
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
        return QuickReport(
            event_id=event.event_id,
            number=event.number,
            t_seen_ns=t_seen_ns,
            estimate=estimate,
            history=tuple(event.history),
            alerts=tuple(event.alerts),
            peaks=station_peaks(
                self._maxima[event.event_id], estimate.origin, self._params.max_distance_km, self._table
            ),
            status=estimate.status,
        )
