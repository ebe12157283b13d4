"""THE SPINE: builds the stages in order and hands each slice through them.

No clock, socket, file, thread, randomness or environment in here or below: `run` and `replay`
differ only in who hands over the slices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from seiswarn.alerts.params import Params as AlertsParams
from seiswarn.alerts.stage import AlertsStage
from seiswarn.errors import InvariantError
from seiswarn.grid import GridNodes
from seiswarn.health.params import Params as HealthParams
from seiswarn.health.stage import HealthStage
from seiswarn.messages import Message, Slice
from seiswarn.reports.params import Params as ReportsParams
from seiswarn.reports.stage import ReportsStage
from seiswarn.shaking.params import Params as ShakingParams
from seiswarn.shaking.stage import ShakingStage
from seiswarn.source.params import Params as SourceParams
from seiswarn.source.stage import SourceStage
from seiswarn.source.traveltime import TravelTimes
from seiswarn.station_moves import Moves
from seiswarn.stations import StationTable
from seiswarn.targets import Target, TargetTable
from seiswarn.waveform.params import Params as WaveformParams
from seiswarn.waveform.stage import WaveformStage


class Stage(Protocol):
    """One step of the pipeline: messages in, messages out, all state inside `snapshot()`.

    `handle` gets everything produced so far for this slice, in order: a stage picks what it
    needs and returns only what it adds. `t_seen_ns` is "now", monotone. Same messages, same
    output, always.
    """

    def handle(self, t_seen_ns: int, messages: Sequence[Message]) -> list[Message]: ...

    def snapshot(self) -> bytes: ...

    def restore(self, data: bytes) -> None: ...


class Waveform(Stage, Protocol):
    """The first stage, or what stands in for it: a script of what it would say."""

    def warm_picker(self) -> None: ...

    def adopt(self, data: bytes, moved: Moves) -> None: ...

    def warm_rest(self) -> None: ...


class Params(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of all stages."""

    waveform: WaveformParams = WaveformParams()
    health: HealthParams = HealthParams()
    source: SourceParams = SourceParams()
    shaking: ShakingParams = ShakingParams()
    audiences: tuple[AlertsParams, ...] = (AlertsParams(),)
    reports: ReportsParams = ReportsParams()


class _Snapshot(msgspec.Struct, frozen=True):
    t_seen_ns: int
    n_out: int
    stages: dict[str, bytes]


class Pipeline:
    """All stages over one station table and one set of targets.

    Parameters
    ----------
    waveform
        the waveform stage when it is not to be made here (see `runtime.shards`).
    grid
        nodes that are forecast too.

    Attributes
    ----------
    t_seen_ns
        "now": that of the last slice.
    n_out
        messages given out so far; the sequence number of the last of them.
    observe
        called with an empty name before the first stage and with its name after each; it sees nothing
        of the messages and changes nothing. For who measures, since nothing in here reads a clock.
    """

    def __init__(
        self,
        params: Params,
        table: StationTable,
        targets: Sequence[Target],
        waveform: Waveform | None = None,
        grid: GridNodes | None = None,
    ) -> None:
        travel_times = TravelTimes(
            params.source.velocity_model, params.source.max_depth_km, params.source.velocity_layers
        )
        self._source = SourceStage(params.source, table, travel_times)
        self._reports = ReportsStage(params.reports, table)
        self._health = HealthStage(params.health, table)
        self._waveform: Waveform = waveform or WaveformStage(params.waveform, table)
        told = TargetTable.of(targets)
        self._shaking = ShakingStage(params.shaking, told, travel_times, table, grid)
        self._stages: dict[str, Stage] = {
            "waveform": self._waveform,
            "health": self._health,
            "source": self._source,
            "shaking": self._shaking,
            "alerts": AlertsStage(params.audiences, told),
            "reports": self._reports,
        }
        self.t_seen_ns = 0
        self.n_out = 0
        self.observe: Callable[[str], None] | None = None

    @property
    def busy(self) -> bool:
        """Whether an event is under way."""
        return self._source.active_events > 0

    def handle(self, piece: Slice) -> list[Message]:
        """Everything that follows from one slice, in the order of the stages.

        Raises
        ------
        InvariantError
            When time goes back.
        """
        if piece.t_seen_ns < self.t_seen_ns:
            raise InvariantError(f"time went back: {piece.t_seen_ns} after {self.t_seen_ns}")
        self.t_seen_ns = piece.t_seen_ns
        messages: list[Message] = [piece, *piece.errors]
        observe = self.observe
        if observe is not None:
            observe("")
        for name, stage in self._stages.items():
            messages.extend(stage.handle(piece.t_seen_ns, messages))
            if observe is not None:
                observe(name)
        self._health.learn(piece.t_seen_ns, messages)
        self.n_out += len(messages) - 1
        return messages[1:]

    def snapshot(self) -> bytes:
        """The whole state, as bytes that `restore` of an equally built pipeline takes."""
        parts = {name: stage.snapshot() for name, stage in self._stages.items()}
        return msgspec.msgpack.encode(_Snapshot(self.t_seen_ns, self.n_out, parts))

    def restore(self, data: bytes) -> None:
        """Go on from a snapshot. Raises InvariantError when it is of another network."""
        snapshot = msgspec.msgpack.decode(data, type=_Snapshot)
        for name, stage in self._stages.items():
            if name in snapshot.stages:  # who is newer than the snapshot has nothing to remember
                stage.restore(snapshot.stages[name])
        self.t_seen_ns, self.n_out = snapshot.t_seen_ns, snapshot.n_out

    def adopt(self, data: bytes, moved: Moves) -> None:
        """Go on from the snapshot of a pipeline with other stations or parameters, taken between events.

        Noise, levels and health of the stations that stay go on; whatever belonged to events does not.
        """
        snapshot = msgspec.msgpack.decode(data, type=_Snapshot)
        self._waveform.adopt(snapshot.stages["waveform"], moved)
        self._source.adopt(snapshot.stages["source"], moved)
        if "health" in snapshot.stages:
            self._health.adopt(snapshot.stages["health"], moved)
        self.t_seen_ns, self.n_out = snapshot.t_seen_ns, snapshot.n_out

    def warm(self, rest_compiled: Callable[[], object] | None = None) -> None:
        """Compile or load every kernel, so that the first packet meets none of it; leaves nothing behind.

        `rest_compiled` is called before the largest kernel is loaded, to wait for whoever compiles it.
        """
        self._health.warm()
        self._source.warm()
        self._shaking.warm()
        self._reports.warm()
        self._waveform.warm_picker()
        if rest_compiled is not None:
            rest_compiled()
        self._waveform.warm_rest()
