"""Common Alerting Protocol 1.2: one XML message per alert.

What decides whether a receiver treats the messages of one earthquake rightly: an identifier
of its own for every message, references to what it replaces on updates and withdrawals, a
status that is true, an area with a radius, and an end (`expires`).

Reference: OASIS, Common Alerting Protocol Version 1.2 (2010); its schema is shipped beside
this file and `validate` checks against it.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, ClassVar, NamedTuple

import msgspec
from lxml import etree

from seiswarn.errors import InvariantError
from seiswarn.messages import Alert, Magnitude, Message, TargetForecast
from seiswarn.publish.formats import wording
from seiswarn.publish.formats.wording import Language
from seiswarn.timebase import NS, iso

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
MAX_CHAINS = 10_000  # events times policies remembered for references
MIN_RADIUS_KM, MAX_RADIUS_KM = 5.0, 1000.0

_STATUS = {"actual": "Actual", "exercise": "Exercise", "test": "Test"}
_MESSAGE_TYPE = {"new": "Alert", "update": "Update", "final": "Update", "cancel": "Cancel"}
_RESPONSE = {"new": "Shelter", "update": "Shelter", "final": "Monitor", "cancel": "AllClear"}
_LANGUAGES: tuple[tuple[str, Language], ...] = (("en", "en"), ("zh-CN", "zh"))
# Lower bounds of Moderate, Severe, Extreme. Twelve degrees: the colours yellow, orange, red of
# the Yunnan Earthquake Agency (III, V, VII). JMA: class 3, warning from 5-, emergency warning from 6-.
_SEVERITY_12 = (2.5, 4.5, 6.5)
_SEVERITY_JMA = (2.5, 4.5, 5.5)
# Least fall of intensity with log10 of distance: geometric spreading 1/R of amplitude alone, times
# the slope on log10(PGA): 3.17 (GB/T 17742-2020, A.5), 2 (JMA). It errs towards a larger area.
_FALL_12, _FALL_JMA = 3.17, 2.0


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who speaks, and how."""

    sender: Annotated[
        str, msgspec.Meta(pattern=r"^[^\s,<&]+$", description="Identifier of the sender, e.g. an address.")
    ] = "seiswarn@localhost"
    sender_name: Annotated[str, msgspec.Meta(description="Name of the agency.")] = "seiswarn"
    web: Annotated[str, msgspec.Meta(description="Address of further information.")] = ""
    contact: Annotated[str, msgspec.Meta(description="Contact for further information.")] = ""
    utc_offset_hours: Annotated[
        float, msgspec.Meta(ge=-14, le=14, description="Local time beside UTC in texts; 0: UTC alone.")
    ] = 0.0
    area_intensity: Annotated[
        float, msgspec.Meta(ge=0, le=12, description="The area reaches as far as this intensity.")
    ] = 3.0


class Reference(NamedTuple):
    """What an earlier message is known by."""

    identifier: str
    sent: str


def identifier(alert: Alert, params: Params) -> str:
    """The identifier of this message, and of no other: sender, event, policy, revision."""
    return _identifier(params.sender, alert.event_id, alert.policy, alert.revision)


def cap_time(t_ns: int) -> str:
    """Time as CAP wants it: whole seconds, and ``-00:00`` for UTC (CAP 1.2, section 3.3.2)."""
    return f"{iso(t_ns, 0)[:-1]}-00:00"


class CapFormat:
    """Alerts as CAP; remembers what was said of each event, for the references.

    After a restart give the earlier messages back with `remember`.
    """

    NAME: ClassVar[str] = "cap"
    MEDIA_TYPE: ClassVar[str] = "application/cap+xml"
    SUFFIX: ClassVar[str] = ".xml"
    NEEDS: ClassVar[tuple[type[Message], ...]] = (Alert,)
    VALID: ClassVar[str] = "any alert"
    REFERENCE: ClassVar[str] = "OASIS Common Alerting Protocol 1.2"
    VERIFIED: ClassVar[bool] = True

    def __init__(self, params: Params | None = None) -> None:
        self.params = params or Params()
        self._said: dict[tuple[str, str], dict[int, Reference]] = {}

    def remember(self, event_id: str, policy: str, revision: int, t_seen_ns: int) -> None:
        """Note a message sent before."""
        name = _identifier(self.params.sender, event_id, policy, revision)
        self._said.setdefault((event_id, policy), {})[revision] = Reference(name, cap_time(t_seen_ns))
        while len(self._said) > MAX_CHAINS:
            del self._said[next(iter(self._said))]

    def render(self, message: Message) -> bytes:
        if not isinstance(message, Alert):
            raise InvariantError(f"CAP is for alerts, not for {type(message).__name__}")
        key = (message.event_id, message.policy)
        if message.revision > 1 and 1 not in self._said.get(key, {}):
            # Revision 1 is known from any alert, even when the memory of it is gone.
            self.remember(*key, 1, message.first_t_seen_ns)
        said = self._said.get(key, {})
        earlier = tuple(said[r] for r in sorted(said) if r < message.revision)
        self.remember(*key, message.revision, message.t_seen_ns)
        return cap_xml(message, earlier, self.params)


def cap_xml(alert: Alert, earlier: tuple[Reference, ...], params: Params) -> bytes:
    """One alert as a CAP 1.2 document in UTF-8.

    `earlier` are the messages this one replaces, oldest first; they stand in the references
    of updates and withdrawals.
    """
    root = etree.Element(f"{{{NAMESPACE}}}alert", nsmap={None: NAMESPACE})
    _add(root, "identifier", identifier(alert, params))
    _add(root, "sender", params.sender)
    _add(root, "sent", cap_time(alert.t_seen_ns))
    _add(root, "status", _STATUS[alert.status])
    _add(root, "msgType", _MESSAGE_TYPE[alert.kind])
    _add(root, "source", "seiswarn")
    if alert.status == "actual":
        _add(root, "scope", "Public")
    else:  # an exercise must not reach the public by a relay that looks at the scope alone
        _add(root, "scope", "Restricted")
        _add(root, "restriction", f"Participants of this {alert.status} only")
        notes = wording.STATUS_NOTE[alert.status]
        _add(root, "note", f"{notes['en']} {notes['zh']}")
    if alert.kind != "new" and earlier:
        _add(root, "references", " ".join(f"{params.sender},{ref.identifier},{ref.sent}" for ref in earlier))
    _add(root, "incidents", _word(alert.event_id))
    for code, language in _LANGUAGES:
        _info(root, alert, params, code, language)
    document: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return document


def validate(xml: bytes) -> list[str]:
    """What the OASIS schema objects to in a document; empty when it is valid."""
    try:
        document = etree.fromstring(xml)
    except etree.XMLSyntaxError as error:
        return [f"no XML: {error}"]
    schema = _schema()
    if schema.validate(document):
        return []
    return [f"line {entry.line}: {entry.message}" for entry in schema.error_log]


def area_radius_km(alert: Alert, intensity: float) -> float:
    """How far from the epicentre `intensity` may be reached, from the alert's own forecast.

    Between the farthest target that reaches it and the nearest one beyond that does not, on a
    straight line in log distance; beyond all targets (or without any) by geometric spreading.
    """
    fall = _FALL_JMA if wording.is_jma(alert.intensity_scale) else _FALL_12
    depth_km = max(alert.origin.depth_km, 5.0)

    def slant(target: TargetForecast) -> float:
        return math.hypot(target.distance_km, depth_km)

    inside = [t for t in alert.targets if t.intensity >= intensity]
    near_km, near_i = depth_km, alert.epicentral_intensity
    if inside:
        farthest = max(inside, key=lambda t: (t.distance_km, t.intensity))
        near_km, near_i = slant(farthest), farthest.intensity
    outside = [t for t in alert.targets if t.intensity < intensity and slant(t) > near_km]
    reach_km = near_km * 10.0 ** (max(0.0, near_i - intensity) / fall)
    if outside:
        first = min(outside, key=lambda t: (t.distance_km, t.intensity))
        share = (near_i - intensity) / (near_i - first.intensity) if near_i > first.intensity else 0.0
        reach_km = near_km * (slant(first) / near_km) ** min(1.0, max(0.0, share))
    radius_km = math.sqrt(max(0.0, reach_km * reach_km - depth_km * depth_km))
    return min(MAX_RADIUS_KM, max(MIN_RADIUS_KM, radius_km))


def severity(alert: Alert) -> str:
    """CAP severity of the largest intensity forecast, at targets or, without any, at the epicentre."""
    bounds = _SEVERITY_JMA if wording.is_jma(alert.intensity_scale) else _SEVERITY_12
    value = alert.max_intensity if alert.targets else alert.epicentral_intensity
    return ("Minor", "Moderate", "Severe", "Extreme")[sum(value >= bound for bound in bounds)]


def urgency(alert: Alert) -> str:
    """Past once closed; Expected while every strong wave is a minute or more away; else Immediate."""
    if alert.kind in ("final", "cancel") or "all_clear" in alert.transitions:
        return "Past"
    if alert.targets and min(t.seconds_left for t in alert.targets) > 60.0:
        return "Expected"
    return "Immediate"


def _info(root: etree._Element, alert: Alert, params: Params, code: str, language: Language) -> None:
    info = _add(root, "info")
    _add(info, "language", code)
    _add(info, "category", "Geo")
    _add(info, "event", "Earthquake" if language == "en" else "地震")
    clear = "all_clear" in alert.transitions
    _add(info, "responseType", "AllClear" if clear else _RESPONSE[alert.kind])
    _add(info, "urgency", urgency(alert))
    _add(info, "severity", severity(alert))
    _add(info, "certainty", {"cancel": "Unlikely", "final": "Observed"}.get(alert.kind, "Likely"))
    _add(info, "effective", cap_time(alert.t_seen_ns))
    _add(info, "onset", cap_time(alert.origin.time_ns))
    _add(info, "expires", cap_time(max(alert.expires_ns, alert.t_seen_ns + NS)))
    _add(info, "senderName", params.sender_name)
    _add(info, "headline", wording.headline(alert, language))
    _add(info, "description", wording.description(alert, params.utc_offset_hours, language))
    _add(info, "instruction", wording.instruction(alert, language))
    if params.web:
        _add(info, "web", params.web)
    if params.contact:
        _add(info, "contact", params.contact)
    for name, value in _parameters(alert):
        parameter = _add(info, "parameter")
        _add(parameter, "valueName", name)
        _add(parameter, "value", value)
    _area(info, alert, params, language)


def _parameters(alert: Alert) -> list[tuple[str, str]]:
    origin, magnitude = alert.origin, alert.magnitude
    return [
        ("EventID", alert.event_id),
        ("Revision", str(alert.revision)),
        ("Policy", alert.policy),
        ("Kind", alert.kind),
        *_size(magnitude),
        ("Depth", f"{origin.depth_km:.1f} km"),
        ("OriginTime", iso(origin.time_ns, 3)),
        ("Latitude", f"{origin.latitude:.4f}"),
        ("Longitude", f"{origin.longitude:.4f}"),
        ("MaxIntensity", f"{alert.max_intensity:.1f}"),
        ("EpicentralIntensity", f"{alert.epicentral_intensity:.1f}"),
        ("IntensityScale", alert.intensity_scale),
        ("StationCount", str(origin.n_stations)),
        *(_level(alert) if alert.level else []),
        ("Transitions", " ".join(alert.transitions)),
        ("BlindZone", f"{alert.blind_zone_km:.0f} km"),
    ]


def _size(magnitude: Magnitude) -> list[tuple[str, str]]:
    """The magnitude; nothing where none is known."""
    if magnitude.kind == "unknown":
        return []
    return [
        ("Magnitude", f"{magnitude.value:.1f}"),
        ("MagnitudeUncertainty", f"{magnitude.sigma:.1f}"),
        ("MagnitudeType", magnitude.kind),
    ]


def _level(alert: Alert) -> list[tuple[str, str]]:
    return [("Level", alert.level), ("LevelColour", alert.colour), ("TargetsInArea", str(alert.n_area))]


def _area(info: etree._Element, alert: Alert, params: Params, language: Language) -> None:
    radius_km = area_radius_km(alert, params.area_intensity)
    where = wording.place(alert.origin, alert.targets, language)
    area = _add(info, "area")
    text = f"Within {radius_km:.0f} km of the epicentre ({where})"
    _add(area, "areaDesc", text if language == "en" else f"震中（{where}）周围{radius_km:.0f}公里")
    _add(area, "circle", f"{alert.origin.latitude:.4f},{alert.origin.longitude:.4f} {radius_km:.1f}")


def _identifier(sender: str, event_id: str, policy: str, revision: int) -> str:
    return ".".join((_word(sender), _word(event_id), _word(policy), str(revision)))


def _word(text: str) -> str:
    # CAP forbids spaces, commas, < and & in identifiers; this also makes them safe file names.
    return re.sub(r"[^A-Za-z0-9@_-]", "_", text)


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    child.text = text
    return child


@lru_cache(maxsize=1)
def _schema() -> etree.XMLSchema:
    source = files("seiswarn.publish.formats").joinpath("schemas/CAP-v1.2-schema.xsd").read_bytes()
    return etree.XMLSchema(etree.fromstring(source))
