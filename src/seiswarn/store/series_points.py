"""Messages of the core turned into points of series.

A pure function of the journal: the same records give the same points, also when some are read
again after a crash, so that a point written twice is one point.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from seiswarn.messages import Alert, EventEstimate, Message, Motions, Pick, StationHealth
from seiswarn.store.series_schema import (
    ALERT,
    EVENT,
    MOTION_FIELDS,
    PICK,
    PROCESS,
    PROCESS_COUNTER,
    STAGE_TIMING,
    STATION_HEALTH,
)
from seiswarn.timebase import NS

FieldValue = float | int | str
# Journal records that can hold nothing for us are not decoded: `type` stands first in every message.
WANTED = tuple(
    msgspec.msgpack.encode(name) for name in ("Motions", "Pick", "EventEstimate", "Alert", "StationHealth")
)
_HEAD_BYTES = 24  # of a record, within which its type stands
_NAN = float("nan")
STAGE_COUNTER = ("stage_", "_ms_p50")  # a counter of the core that times a stage: stage_waveform_ms_p50


class Point(NamedTuple):
    """One point: tags and fields as in `series_schema`, without the common tags; `t_ns` UTC."""

    measurement: str
    tags: dict[str, str]
    fields: dict[str, FieldValue]
    t_ns: int


class SecondColumns(NamedTuple):
    """Rows of `station_second` as parallel columns; NaN is missing, as is an empty state."""

    stations: list[str]
    t_ns: list[int]
    motion: list[list[float]]  # one list per field of `MOTION_FIELDS`
    trust: list[float]
    state: list[str]

    @classmethod
    def empty(cls) -> SecondColumns:
        return cls([], [], [[] for _ in MOTION_FIELDS], [], [])

    def __len__(self) -> int:
        return len(self.stations)


class Health(msgspec.Struct):
    """What is known of the stations' health: all the memory there is between records."""

    trust: dict[str, float] = {}
    state: dict[str, str] = {}


class PointMaker:
    """Turns journal records into points.

    Parameters
    ----------
    health
        what an earlier life knew; it is taken over.
    """

    def __init__(self, health: Health | None = None) -> None:
        self._health = health or Health()
        self.changed = False  # the health, since `told`

    def told(self) -> Health:
        """What is known of the stations' health now, a copy."""
        self.changed = False
        return Health(dict(self._health.trust), dict(self._health.state))

    def take(self, messages: Iterable[Message]) -> tuple[SecondColumns, list[Point]]:
        """The points of messages, in their order: seconds of stations as columns, all others one by one."""
        seconds, points = SecondColumns.empty(), list[Point]()
        for message in messages:
            if isinstance(message, Motions):
                self._seconds(message, seconds)
            elif isinstance(message, Pick):
                points.append(pick_point(message))
            elif isinstance(message, EventEstimate):
                points.append(event_point(message))
            elif isinstance(message, Alert):
                points.append(alert_point(message))
            elif isinstance(message, StationHealth):
                self._hear(message)
                points += health_points(message)
        return seconds, points

    def _hear(self, health: StationHealth) -> None:
        self._health.trust.update(zip(health.stations, health.trust, strict=False))
        self._health.state.update(zip(health.stations, map(str, health.state), strict=False))
        self.changed = True

    def _seconds(self, m: Motions, out: SecondColumns) -> None:
        n = len(m.stations)
        out.stations.extend(m.stations)
        out.t_ns.extend(m.t_ns)
        columns = (m.pga_mps2, m.pgv_mps, m.intensity_gbt, m.intensity_jma, m.intensity_mmi)
        for column, values in zip(out.motion, columns, strict=False):
            column.extend(values if len(values) == n else (_NAN,) * n)
        seen = m.t_seen_ns
        out.motion[-1].extend([(seen - t) / NS for t in m.t_ns])
        trust, state = self._health.trust, self._health.state
        out.trust.extend([trust.get(s, _NAN) for s in m.stations])
        out.state.extend([state.get(s, "") for s in m.stations])


def is_wanted(payload: bytes) -> bool:
    """Whether a record of the output journal may be one that points are made of."""
    head = payload[:_HEAD_BYTES]
    return any(name in head for name in WANTED)


def network_of(station: str) -> str:
    """The network of ``NET.STA.LOC.BI``."""
    return station.partition(".")[0]


def health_points(health: StationHealth) -> list[Point]:
    """Points of stations whose state has changed; of a full message only those that are not ok.

    A station that is down has no seconds of data whose trust could be told.
    """
    return [
        Point(
            STATION_HEALTH,
            {"network": network_of(station), "station": station},
            {"trust": trust, "state": str(state), "reasons": " ".join(reasons)},
            health.t_seen_ns,
        )
        for station, state, trust, reasons in zip(
            health.stations, health.state, health.trust, health.reasons, strict=False
        )
        if state != "ok" or not health.full
    ]


def pick_point(pick: Pick) -> Point:
    """The point of an onset."""
    return Point(
        PICK,
        {"network": network_of(pick.station), "phase": pick.phase, "station": pick.station},
        {
            "snr": pick.snr,
            "uncertainty_s": pick.uncertainty_s,
            "delay_s": (pick.t_seen_ns - pick.t_ns) / NS,
            "quality": pick.quality,
            "pick_id": pick.pick_id,
        },
        pick.t_ns,
    )


def event_point(event: EventEstimate) -> Point:
    """The point of a revision of an event."""
    origin, magnitude = event.origin, event.magnitude
    fields: dict[str, FieldValue] = {
        "revision": event.revision,
        "state": event.state,
        "latitude": origin.latitude,
        "longitude": origin.longitude,
        "depth_km": origin.depth_km,
        "n_stations": origin.n_stations,
        "delay_s": (event.t_seen_ns - origin.time_ns) / NS,
    }
    if magnitude is not None:
        fields |= {"magnitude": magnitude.value, "magnitude_sigma": magnitude.sigma}
    return Point(EVENT, {"event_id": event.event_id}, fields, event.t_seen_ns)


def alert_point(alert: Alert) -> Point:
    """The point of an alert."""
    fields: dict[str, FieldValue] = {
        "revision": alert.revision,
        "max_intensity": alert.max_intensity,
        "level_rank": alert.level_rank,
        "n_area": alert.n_area,
        "delay_s": (alert.t_seen_ns - alert.origin.time_ns) / NS,
    }
    if alert.magnitude.kind != "unknown":
        fields["magnitude"] = alert.magnitude.value
    tags = {"event_id": alert.event_id, "kind": alert.kind, "policy": alert.policy}
    return Point(ALERT, tags, fields, alert.t_seen_ns)


def process_points(status: Mapping[str, Any]) -> list[Point]:
    """Points of the daemon's own health, from its status file; what is malformed in it is left out."""
    t_ns, points = status.get("t_ns"), list[Point]()
    if not isinstance(t_ns, int):
        return points
    for told in status.get("processes") or ():
        name = str(told.get("name", ""))
        fields: dict[str, FieldValue] = {
            "state": str(told.get("state", "")),
            "restarts": int(told.get("restarts") or 0),
        }
        if isinstance(told.get("beat_age_s"), int | float):
            fields["beat_age_s"] = float(told["beat_age_s"])
        points.append(Point(PROCESS, {"kind": str(told.get("kind", "")), "process": name}, fields, t_ns))
        points += _counters(name, told.get("counters") or {}, t_ns)
    return points


def stages_of(counters: Mapping[str, float]) -> list[str]:
    """The stages that counters of a process time."""
    first, last = STAGE_COUNTER
    return [
        name[len(first) : -len(last)] for name in counters if name.startswith(first) and name.endswith(last)
    ]


def _counters(process: str, counters: Mapping[str, float], t_ns: int) -> list[Point]:
    points: list[Point] = []
    timed: set[str] = set()
    for stage in stages_of(counters):
        names = {f"{kind}_ms": f"stage_{stage}_ms_{kind}" for kind in ("p50", "p99", "max")}
        timed.update(names.values())
        fields: dict[str, FieldValue] = {f: float(counters[c]) for f, c in names.items() if c in counters}
        points.append(Point(STAGE_TIMING, {"process": process, "stage": stage}, fields, t_ns))
    for name, value in counters.items():
        if name not in timed:
            tags = {"counter": name, "process": process}
            points.append(Point(PROCESS_COUNTER, tags, {"value": float(value)}, t_ns))
    return points
