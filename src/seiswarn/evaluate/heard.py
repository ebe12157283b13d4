"""What one replay of a recorded set said, and what its records hold: all that metrics are made of."""

from __future__ import annotations

import msgspec
import numpy as np

from seiswarn.evaluate.catalogue import Quake
from seiswarn.evaluate.felt import Felt, Span, span_of, take_motions
from seiswarn.evaluate.foreseen import Foreseen, Place, foreseen
from seiswarn.messages import Alert, Decision, EventEstimate, Forecast, Message, Motions, Pick
from seiswarn.timebase import from_seconds

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

    `reached` has one row of stations for each earthquake of `catalogue`. `spans` and `felt` are of the
    largest one; `foreseen` has every forecast for `places`.
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
    places: tuple[Place, ...] = ()
    spans: dict[str, Span] = {}
    felt: dict[str, Felt] = {}
    foreseen: list[Foreseen] = []

    def take(self, message: Message, _seq: int = 0) -> None:
        """Keep a message of the replay, if it is of interest."""
        if isinstance(message, Motions):
            self._take_motions(message)
        elif isinstance(message, Forecast):
            row = foreseen(message, np.array([p.column for p in self.places], dtype=np.int64))
            if row is not None:
                self.foreseen.append(row)
        elif isinstance(message, Alert):
            self.alerts.append(message)
        elif isinstance(message, EventEstimate):
            self.estimates.append(message)
        elif isinstance(message, Decision):
            self.decisions.append(message)
        elif isinstance(message, Pick):
            self.picks.append(message)

    def _take_motions(self, motions: Motions) -> None:
        take_motions(motions, self.spans, self.felt)
        columns = zip(motions.stations, motions.t_ns, motions.intensity_gbt, strict=True)
        for station, t_ns, intensity in columns:
            if intensity >= FELT_GBT:
                shaking = self.shaking.setdefault(station, Shaking())
                shaking.t_ns.append(t_ns)
                shaking.intensity_gbt.append(round(intensity, 3))


def spans_of(catalogue: tuple[Quake, ...], reached: tuple[tuple[Reached, ...], ...]) -> dict[str, Span]:
    """When the largest earthquake is felt at each station that held the moment of its P."""
    if not catalogue:
        return {}
    quake = catalogue[0]
    later: dict[str, int] = {}
    for other, rows in zip(catalogue[1:], reached[1:], strict=True):
        if other.time_ns > quake.time_ns:
            for row in rows:
                p_ns = other.time_ns + from_seconds(row.p_s)
                later[row.station] = min(p_ns, later.get(row.station, p_ns))
    return {
        row.station: span_of(quake, row.p_s, row.s_s, later.get(row.station))
        for row in reached[0]
        if row.at_p
    }
