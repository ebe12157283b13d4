"""What a system said about its events, in one form for seiswarn and the baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
from catalogue_waveforms import Piece

from seiswarn.alerts.params import Params as AlertsParams
from seiswarn.messages import Alert, EventEstimate, Slice
from seiswarn.pipeline import Params, Pipeline
from seiswarn.plan.script import Scripted
from seiswarn.stations import StationTable

# Everything from M 4 that the policy trusts is warned of, wherever it shakes and whatever was said before:
# so are splits seen that a standing warning would hide.
ALERTS = AlertsParams(min_magnitude=4.0, min_intensity=0.0, cover_s=0.0)


@dataclass(frozen=True, slots=True)
class Revision:
    """One estimate. Uncertainties are one sigma; NaN where a system gives none."""

    t_ns: int
    t0_ns: int
    latitude: float
    longitude: float
    depth_km: float
    m: float
    n_stations: int
    m_sigma: float = math.nan
    depth_sigma_km: float = math.nan
    major_km: float = math.nan
    minor_km: float = math.nan
    azimuth_deg: float = math.nan
    gap_deg: float = math.nan
    line_km: float = 0.0  # length of a rupture that is believed


@dataclass
class Track:
    """The revisions of one event, and when it was first warned of."""

    event_id: str
    revisions: list[Revision] = field(default_factory=list)
    alert_ns: int | None = None

    def at(self, t_ns: int) -> Revision | None:
        """What was said last at a time."""
        found = None
        for revision in self.revisions:
            if revision.t_ns > t_ns:
                break
            found = revision
        return found


class Follower:
    """Everything behind the waveform stage, source, shaking and alerts, in the pipeline itself.

    A pipeline is put back to its beginning for each recording: making one anew takes longer than a recording.
    """

    def __init__(self, table: StationTable, params: Params) -> None:
        self._kept = Scripted()
        params = msgspec.structs.replace(params, audiences=(ALERTS,))
        self._pipeline = Pipeline(params, table, (), self._kept)  # type: ignore[arg-type]
        self._fresh = self._pipeline.snapshot()

    def follow(self, told: Sequence[Piece]) -> list[Track]:
        """The events of one recording."""
        self._pipeline.restore(self._fresh)
        tracks: dict[str, Track] = {}
        for piece in told:
            self._kept.said = list(piece.messages)
            for message in self._pipeline.handle(Slice(t_seen_ns=piece.t_seen_ns, status="test")):
                if isinstance(message, EventEstimate):
                    track = tracks.setdefault(message.event_id, Track(message.event_id))
                    if message.state in ("new", "update") and message.magnitude is not None:
                        track.revisions.append(_revision(message))
                elif isinstance(message, Alert) and message.kind == "new":
                    track = tracks.setdefault(message.event_id, Track(message.event_id))
                    track.alert_ns = message.t_seen_ns if track.alert_ns is None else track.alert_ns
        return [track for track in tracks.values() if track.revisions]


def _revision(e: EventEstimate) -> Revision:
    assert e.magnitude is not None
    o, m = e.origin, e.magnitude
    line = e.rupture.length_km if e.rupture is not None and e.rupture.believed else 0.0
    return Revision(
        t_ns=e.t_seen_ns, t0_ns=o.time_ns, latitude=o.latitude, longitude=o.longitude, depth_km=o.depth_km,
        m=m.value, n_stations=o.n_stations, m_sigma=m.sigma, depth_sigma_km=o.depth_sigma_km,
        major_km=o.ellipse_major_km, minor_km=o.ellipse_minor_km, azimuth_deg=o.ellipse_azimuth_deg,
        gap_deg=o.gap_deg, line_km=line,
    )  # fmt: skip
