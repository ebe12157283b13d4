"""QuakeML 1.2 (BED) of events: origin, arrivals, picks, magnitudes, all automatic.

Written directly, so that no seismology package is loaded beside the alert path. Identifiers
are made from the messages' own, so equal runs give equal files.

Reference: Euchner and Schorlemmer (eds.), QuakeML 1.2 Basic Event Description (2013).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from lxml import etree

from seiswarn.errors import InvariantError
from seiswarn.geo import DEG_KM
from seiswarn.messages import Arrival, EventEstimate, Magnitude, Message, Origin, Pick, StationMagnitude
from seiswarn.timebase import iso

BED = "http://quakeml.org/xmlns/bed/1.2"
QUAKEML = "http://quakeml.org/xmlns/quakeml/1.2"
AUTHORITY = "smi:local/seiswarn"

_POLARITY = {1: "positive", -1: "negative"}


@dataclass(slots=True)
class EventRecord:
    """The latest estimate of an event, and its picks by identifier."""

    estimate: EventEstimate
    picks: Mapping[str, Pick] = field(default_factory=dict)


class QuakeMLFormat:
    """One estimate as a QuakeML document (picks reduced to what its arrivals say)."""

    NAME: ClassVar[str] = "quakeml"
    MEDIA_TYPE: ClassVar[str] = "application/xml"
    SUFFIX: ClassVar[str] = ".xml"
    NEEDS: ClassVar[tuple[type[Message], ...]] = (EventEstimate,)
    VALID: ClassVar[str] = "any estimate"
    REFERENCE: ClassVar[str] = "QuakeML 1.2 BED"
    VERIFIED: ClassVar[bool] = True

    def render(self, message: Message) -> bytes:
        if not isinstance(message, EventEstimate):
            raise InvariantError(f"QuakeML is for estimates, not for {type(message).__name__}")
        return quakeml([EventRecord(message)])


def quakeml(records: Sequence[EventRecord], agency: str = "seiswarn") -> bytes:
    """A QuakeML 1.2 document of the given events, in their order; valid with none too."""
    root = etree.Element(f"{{{QUAKEML}}}quakeml", nsmap={"q": QUAKEML, None: BED})
    parameters = _add(root, "eventParameters", publicID=f"{AUTHORITY}/catalogue")
    for record in records:
        _event(parameters, record, agency)
    document: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return document


def _event(parent: etree._Element, record: EventRecord, agency: str) -> None:
    estimate = record.estimate
    base = f"{AUTHORITY}/{_word(estimate.event_id)}"
    origin_id, magnitude_id = f"{base}/origin/{estimate.revision}", f"{base}/magnitude/{estimate.revision}"
    event = _add(parent, "event", publicID=base)
    _add(event, "preferredOriginID", origin_id)
    if estimate.magnitude is not None:
        _add(event, "preferredMagnitudeID", magnitude_id)
    cancelled = estimate.state == "cancelled"
    _add(event, "type", "not existing" if cancelled else "earthquake")
    _add(event, "typeCertainty", "suspected")
    if estimate.status != "actual":
        comment = _add(event, "comment")
        _add(comment, "text", f"{estimate.status.upper()}: not a real earthquake")
    _creation(event, estimate, agency)
    for arrival in estimate.arrivals:
        _pick(event, base, arrival, record.picks.get(arrival.pick_id), estimate, agency)
    _origin(event, origin_id, base, estimate, agency)
    _magnitudes(event, origin_id, magnitude_id, base, estimate, agency)


def _origin(event: etree._Element, public_id: str, base: str, estimate: EventEstimate, agency: str) -> None:
    origin = estimate.origin
    element = _add(event, "origin", publicID=public_id)
    _quantity(element, "time", iso(origin.time_ns, 6), origin.time_sigma_s)
    # A one-sigma ellipse projects onto the axes as sqrt((a cos)^2 + (b sin)^2).
    angle = math.radians(origin.ellipse_azimuth_deg)
    major, minor = origin.ellipse_major_km, origin.ellipse_minor_km
    north_km = math.hypot(major * math.cos(angle), minor * math.sin(angle))
    east_km = math.hypot(major * math.sin(angle), minor * math.cos(angle))
    shrink = max(0.01, math.cos(math.radians(origin.latitude)))
    _quantity(element, "latitude", f"{origin.latitude:.5f}", north_km / DEG_KM)
    _quantity(element, "longitude", f"{origin.longitude:.5f}", east_km / (DEG_KM * shrink))
    _quantity(element, "depth", f"{origin.depth_km * 1000:.0f}", origin.depth_sigma_km * 1000)
    _add(element, "depthType", "from location")
    _add(element, "methodID", f"{AUTHORITY}/method/{_word(origin.method)}")
    _quality(element, origin, estimate.arrivals)
    _ellipse(element, origin)
    _evaluation(element, estimate)
    _creation(element, estimate, agency)
    for arrival in estimate.arrivals:
        _arrival(element, public_id, base, arrival)


def _quality(parent: etree._Element, origin: Origin, arrivals: Sequence[Arrival]) -> None:
    quality = _add(parent, "quality")
    if arrivals:
        _add(quality, "usedPhaseCount", str(len(arrivals)))
    _add(quality, "usedStationCount", str(origin.n_stations))
    _add_number(quality, "standardError", origin.rms_s)
    _add_number(quality, "azimuthalGap", origin.gap_deg)
    if arrivals:
        _add_number(quality, "minimumDistance", min(a.distance_km for a in arrivals) / DEG_KM)
        _add_number(quality, "maximumDistance", max(a.distance_km for a in arrivals) / DEG_KM)


def _ellipse(parent: etree._Element, origin: Origin) -> None:
    if not (math.isfinite(origin.ellipse_major_km) and math.isfinite(origin.ellipse_minor_km)):
        return
    uncertainty = _add(parent, "originUncertainty")
    _add_number(uncertainty, "minHorizontalUncertainty", origin.ellipse_minor_km * 1000)
    _add_number(uncertainty, "maxHorizontalUncertainty", origin.ellipse_major_km * 1000)
    _add_number(uncertainty, "azimuthMaxHorizontalUncertainty", origin.ellipse_azimuth_deg)
    _add(uncertainty, "preferredDescription", "uncertainty ellipse")
    _add(uncertainty, "confidenceLevel", "39.3")  # of a one-sigma ellipse in two dimensions


def _arrival(parent: etree._Element, origin_id: str, base: str, arrival: Arrival) -> None:
    element = _add(
        parent, "arrival", publicID=f"{origin_id}/arrival/{_word(arrival.pick_id)}/{arrival.phase}"
    )
    _add(element, "pickID", f"{base}/pick/{_word(arrival.pick_id)}")
    _add(element, "phase", arrival.phase)
    _add_number(element, "azimuth", arrival.azimuth_deg)
    _add_number(element, "distance", arrival.distance_km / DEG_KM)
    _add_number(element, "timeResidual", arrival.residual_s)
    _add_number(element, "timeWeight", arrival.weight)


def _pick(
    event: etree._Element,
    base: str,
    arrival: Arrival,
    pick: Pick | None,
    estimate: EventEstimate,
    agency: str,
) -> None:
    element = _add(event, "pick", publicID=f"{base}/pick/{_word(arrival.pick_id)}")
    _quantity(element, "time", iso(arrival.t_ns, 6), pick.uncertainty_s if pick else math.nan)
    _waveform(element, arrival.station, pick.channel if pick else "")
    _add(element, "phaseHint", arrival.phase)
    if pick is not None:
        _add(element, "polarity", _POLARITY.get(pick.polarity, "undecidable"))
    _add(element, "evaluationMode", "automatic")
    _creation(element, estimate, agency, pick.t_seen_ns if pick else None)


def _magnitudes(
    event: etree._Element, origin_id: str, magnitude_id: str, base: str, estimate: EventEstimate, agency: str
) -> None:
    magnitude = estimate.magnitude
    for station in estimate.station_magnitudes:
        _station_magnitude(event, origin_id, base, station, estimate)
    if magnitude is None:
        return
    element = _add(event, "magnitude", publicID=magnitude_id)
    for station in estimate.station_magnitudes:
        part = _add(element, "stationMagnitudeContribution")
        _add(part, "stationMagnitudeID", _station_magnitude_id(base, station, estimate))
        _add_number(part, "weight", station.weight)
    _magnitude(element, magnitude)
    _add(element, "originID", origin_id)
    _evaluation(element, estimate)
    _creation(element, estimate, agency)


def _magnitude(element: etree._Element, magnitude: Magnitude) -> None:
    _quantity(element, "mag", f"{magnitude.value:.2f}", magnitude.sigma)
    _add(element, "type", magnitude.kind)
    _add(element, "stationCount", str(magnitude.n_stations))
    if magnitude.saturated:
        comment = _add(element, "comment")
        _add(comment, "text", "saturated: the magnitude may be larger")


def _station_magnitude(
    event: etree._Element, origin_id: str, base: str, station: StationMagnitude, estimate: EventEstimate
) -> None:
    element = _add(event, "stationMagnitude", publicID=_station_magnitude_id(base, station, estimate))
    _add(element, "originID", origin_id)
    _quantity(element, "mag", f"{station.value:.2f}", math.nan)
    _add(element, "type", station.kind)
    _waveform(element, station.station, "")


def _station_magnitude_id(base: str, station: StationMagnitude, estimate: EventEstimate) -> str:
    name = f"{_word(station.station)}_{_word(station.kind)}"
    return f"{base}/stationmagnitude/{estimate.revision}/{name}"


def _waveform(parent: etree._Element, station: str, channel: str) -> None:
    network, code, location, instrument = (*station.split("."), "", "", "", "")[:4]
    attributes = {"networkCode": network, "stationCode": code}
    if location:
        attributes["locationCode"] = location
    attributes["channelCode"] = instrument + (channel.rpartition("_")[2] if channel else "")
    _add(parent, "waveformID", **attributes)


def _evaluation(parent: etree._Element, estimate: EventEstimate) -> None:
    _add(parent, "evaluationMode", "automatic")
    _add(parent, "evaluationStatus", "rejected" if estimate.state == "cancelled" else "preliminary")


def _creation(
    parent: etree._Element, estimate: EventEstimate, agency: str, t_seen_ns: int | None = None
) -> None:
    info = _add(parent, "creationInfo")
    _add(info, "agencyID", agency)
    _add(info, "author", "seiswarn")
    _add(info, "creationTime", iso(estimate.t_seen_ns if t_seen_ns is None else t_seen_ns, 6))


def _quantity(parent: etree._Element, name: str, value: str, sigma: float) -> None:
    element = _add(parent, name)
    _add(element, "value", value)
    _add_number(element, "uncertainty", sigma)


def _add_number(parent: etree._Element, name: str, value: float) -> None:
    if math.isfinite(value):
        _add(parent, name, f"{value:.6g}")


def _add(parent: etree._Element, name: str, text: str | None = None, **attributes: str) -> etree._Element:
    child = etree.SubElement(parent, f"{{{BED}}}{name}", attributes)
    child.text = text
    return child


def _word(text: str) -> str:
    # QuakeML resource identifiers allow these characters in their last part.
    return re.sub(r"[^A-Za-z0-9._~*+?!-]", "_", text)
