"""Estimates and forecasts in, decisions and alerts out: for every audience by its own policy."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from seiswarn.alerts.desk import Desk, DeskState
from seiswarn.alerts.params import Params
from seiswarn.errors import InvariantError
from seiswarn.forecast_arrays import FieldArrays, arrays_of
from seiswarn.messages import EventEstimate, Forecast, Message
from seiswarn.targets import TargetTable


class AlertsStage:
    """A desk for each audience. What one of them is told never depends on another."""

    def __init__(self, audiences: Sequence[Params], targets: TargetTable) -> None:
        self._digest = targets.digest
        self._desks = [Desk(params, targets) for params in audiences]

    def handle(self, t_seen_ns: int, messages: Sequence[Message]) -> list[Message]:
        """Decisions and alerts about the estimates among `messages`, and what has become due by now."""
        told = [m for m in messages if isinstance(m, EventEstimate)]
        out: list[Message] = []
        forecasts = [m for m in messages if isinstance(m, Forecast)]
        if not (told or forecasts) and all(desk.idle for desk in self._desks):
            return out
        arrays = {id(m): self._arrays(m) for m in forecasts}
        mine = {(m.event_id, m.estimate_revision): m for m in forecasts}
        heard = {estimate.event_id: estimate for estimate in told}
        renewed = [m for m in forecasts if m.event_id not in heard]
        for desk in self._desks:
            for estimate in told:
                forecast = mine.get((estimate.event_id, estimate.revision))
                columns = arrays[id(forecast)] if forecast is not None else None
                desk.hear(t_seen_ns, estimate, forecast, columns, out)
            for forecast in renewed:
                desk.renew(t_seen_ns, forecast, arrays[id(forecast)], out)
            desk.look(t_seen_ns, heard.keys() | {m.event_id for m in renewed}, out)
        return out

    def snapshot(self) -> bytes:
        """All state as msgpack."""
        return msgspec.msgpack.encode([desk.state() for desk in self._desks])

    def restore(self, data: bytes) -> None:
        """Replace all state by that of `snapshot`.

        Raises InvariantError when it is of other audiences, msgspec.DecodeError when it is none.
        """
        states = msgspec.msgpack.decode(data, type=list[DeskState])
        names = [state.name for state in states]
        if names != [desk.audience.params.name for desk in self._desks]:
            raise InvariantError("the snapshot of the alerts stage was made with other audiences")
        for desk, state in zip(self._desks, states, strict=True):
            desk.restore(state)

    def _arrays(self, forecast: Forecast) -> FieldArrays | None:
        """The columns of a forecast. Raises InvariantError when they are of other targets."""
        if forecast.field is None:
            return None
        if forecast.field.places != self._digest:
            raise InvariantError("a forecast of other targets than those of the alerts stage")
        return arrays_of(forecast.field)
