"""What one replay of a recorded set said, and what its records hold: all that metrics are made of."""

from __future__ import annotations

import msgspec

from seiswarn.evaluate.catalogue import Quake
from seiswarn.messages import Alert, Decision, EventEstimate, Message, Motions, Pick

FELT_GBT = 2.5  # real-time intensities below this, I on the scale of GB/T 17742, are noise and not kept


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """One station and one earthquake: when its waves came, and whether the record holds them.

    Times are seconds after the origin, of first arrivals in iasp91. `recording`: the vertical runs
    from some seconds before P until after it; `at_p`: it holds the moment of P at least. `saw_p`: its
    energy rises there.
    """

    station: str
    site: int
    distance_km: float
    p_s: float
    s_s: float
    at_p: bool
    recording: bool
    saw_p: bool


class Shaking(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of a station (their ends, ns UTC) with a real-time intensity from `FELT_GBT` on, and it."""

    t_ns: list[int] = []
    intensity_gbt: list[float] = []


class Heard(msgspec.Struct, kw_only=True):
    """One replay: the messages of interest in order, and the records against the catalogue.

    `reached` has one row of stations for each earthquake of `catalogue`.
    """

    key: str  # what it was made from, see `keep`
    catalogue: tuple[Quake, ...]
    reached: tuple[tuple[Reached, ...], ...]
    n_stations: int
    data_s: float
    cpu_s: float = 0.0
    alerts: list[Alert] = []
    estimates: list[EventEstimate] = []
    decisions: list[Decision] = []
    picks: list[Pick] = []
    shaking: dict[str, Shaking] = {}

    def take(self, message: Message, _seq: int = 0) -> None:
        """Keep a message of the replay, if it is of interest."""
        if isinstance(message, Motions):
            self._take_motions(message)
        elif isinstance(message, Alert):
            self.alerts.append(message)
        elif isinstance(message, EventEstimate):
            self.estimates.append(message)
        elif isinstance(message, Decision):
            self.decisions.append(message)
        elif isinstance(message, Pick):
            self.picks.append(message)

    def _take_motions(self, motions: Motions) -> None:
        columns = zip(motions.stations, motions.t_ns, motions.intensity_gbt, strict=True)
        for station, t_ns, intensity in columns:
            if intensity >= FELT_GBT:
                shaking = self.shaking.setdefault(station, Shaking())
                shaking.t_ns.append(t_ns)
                shaking.intensity_gbt.append(round(intensity, 3))
