"""When a standing warning makes one of another event superfluous."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np

from seiswarn.alerts.audience import Reading
from seiswarn.alerts.params import Params
from seiswarn.alerts.record import Record
from seiswarn.alerts.view import n_stations
from seiswarn.geo import distance_km
from seiswarn.messages import Alert, EventEstimate, Origin
from seiswarn.timebase import from_seconds, seconds

SAME_KM, SAME_S = 150.0, 60.0  # a wavefield event so near in place and time is of the same earthquake
COVERED_KM = 50.0
CODA_KM = 100.0  # about what two or three stations know of a place in the coda of a large earthquake
COVER_SITES = 4  # a warning made from fewer stations covers no other event


class Cover(msgspec.Struct, kw_only=True):
    """What the standing warning of one event says, per target, and at its epicentre."""

    event_id: str
    origin_ns: int
    epicentral_intensity: float = 0.0
    intensity: bytes = b""  # float64, of the audience's targets
    latitude: float = 0.0  # of the epicentre
    longitude: float = 0.0
    magnitude: float = 0.0

    def add(self, alert: Alert, intensity: bytes) -> None:
        self.origin_ns = alert.origin.time_ns
        self.epicentral_intensity = alert.epicentral_intensity
        self.latitude, self.longitude = alert.origin.latitude, alert.origin.longitude
        self.magnitude = alert.magnitude.value
        self.intensity = intensity

    def doubts(self, origin: Origin, magnitude: float) -> bool:
        """Whether a smaller event by few stations may be no more than the coda of this one."""
        away = distance_km(self.latitude, self.longitude, origin.latitude, origin.longitude)
        return away <= CODA_KM and magnitude < self.magnitude

    def holds(self, reading: Reading, origin: Origin, at_epicentre: bool, list_from: float) -> bool:
        """Whether a forecast is nowhere stronger than what was warned of, where anything is to be felt.

        What was warned of at the epicentre holds nearby, not for people around an epicentre elsewhere.
        """
        if at_epicentre or not reading.n:
            away = distance_km(self.latitude, self.longitude, origin.latitude, origin.longitude)
            if away > COVERED_KM or reading.forecast.epicentral_intensity > self.epicentral_intensity:
                return False
        said = np.frombuffer(self.intensity, np.float64)
        if len(said) != reading.n:
            return reading.n == 0
        now = np.asarray(reading.arrays.intensity)
        return bool(((now <= said) | (now < list_from)).all())


def covering(
    covers: Iterable[Cover], event_id: str, reading: Reading, estimate: EventEstimate, params: Params
) -> Cover | None:
    """The standing warning of another event that makes one of this event superfluous, if any."""
    span_ns = from_seconds(params.cover_s)
    few = n_stations(estimate) < COVER_SITES
    size = estimate.magnitude.value if estimate.magnitude else 0.0
    for cover in covers:
        recent = estimate.origin.time_ns - cover.origin_ns < span_ns
        if cover.event_id == event_id or not recent:
            continue
        if few and cover.doubts(estimate.origin, size):
            return cover
        if cover.holds(reading, estimate.origin, params.at_epicentre, params.list_from):
            return cover
    return None


def goes_on_from(records: Iterable[Record], estimate: EventEstimate) -> str:
    """The event of motion alone that was warned of and is of the same earthquake; "" when there is none."""
    here = estimate.origin
    for other in records:
        said = other.alert
        if said is None or not other.warned or said.grounds != "wavefield":
            continue
        if other.event_id == estimate.event_id:
            continue
        near = distance_km(said.origin.latitude, said.origin.longitude, here.latitude, here.longitude)
        if near <= SAME_KM and abs(seconds(said.origin.time_ns - here.time_ns)) <= SAME_S:
            return said.event_id
    return ""
