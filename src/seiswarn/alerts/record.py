"""What one audience has been told about an event."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from seiswarn.messages import Alert, EventEstimate, Forecast

Closed = Literal["", "final", "cancel", "unwarned"]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
B1 = npt.NDArray[np.bool_]


class Told(msgspec.Struct, kw_only=True):
    """What the standing warning says about each target of the audience, as columns of n."""

    intensity: bytes = b""  # float64
    s_ns: bytes = b""  # int64
    rank: bytes = b""  # int64: number of the level
    area: bytes = b""  # bool: at the threshold or above
    listed: bytes = b""  # bool: stands, or has stood, in the warning
    epicentre_rank: int = 0

    def ranks(self, n: int) -> I64:
        return np.frombuffer(self.rank, np.int64) if self.rank else np.zeros(n, np.int64)

    def areas(self, n: int) -> B1:
        return np.frombuffer(self.area, np.bool_) if self.area else np.zeros(n, np.bool_)

    def lists(self, n: int) -> B1:
        return np.frombuffer(self.listed, np.bool_) if self.listed else np.zeros(n, np.bool_)

    def intensities(self, n: int) -> F64:
        return np.frombuffer(self.intensity, np.float64) if self.intensity else np.zeros(n)

    def arrivals(self, n: int) -> I64:
        return np.frombuffer(self.s_ns, np.int64) if self.s_ns else np.zeros(n, np.int64)


class Record(msgspec.Struct, kw_only=True):
    """State of one event for one audience; the only mutable thing in the stage."""

    event_id: str
    heard_ns: int  # t_seen of the last estimate
    n_solutions: int = 0
    closed: Closed = ""
    alert: Alert | None = None  # the last one published
    estimate: EventEstimate | None = None
    forecast: Forecast | None = None
    told: Told = msgspec.field(default_factory=Told)
    due: bool = False  # a change was held back by update_every_s
    weak_since_ns: int | None = None
    lower_since_ns: int | None = None  # a level would be left
    withdrawn: bool = False  # cancelled by the policy; should it grow again, it is warned of again
    clear_ns: int = 0  # when it is due after the last alert; 0: none is given
    cleared: bool = False  # the all clear has been given
    ended: bool = False  # the last word waits for the all clear
    n_warnings: int = 0
    n_updates: int = 0
    decided_ns: int = 0
    action: str = ""
    reasons: tuple[str, ...] = ()
    continues: str = ""

    @property
    def warned(self) -> bool:
        return self.alert is not None and not self.closed and not self.withdrawn
