"""The schema of all series: measurements, their tags and their fields with units.

One place that names them: points are made from it, and the dashboard and the documentation are
tested against it. A field keeps its type for ever: a server refuses a point in which it has another.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

FieldType = Literal["float", "integer", "string"]


class FieldSpec(NamedTuple):
    """Type, unit and meaning of one field."""

    type: FieldType
    unit: str
    meaning: str


class MeasurementSpec(NamedTuple):
    """One measurement; `time` says what its instant is. Every point also has the tags of `COMMON_TAGS`."""

    time: str
    tags: tuple[str, ...]
    fields: dict[str, FieldSpec]


# `run` keeps installations that share a bucket apart, `status` exercises and tests from what was real.
COMMON_TAGS = ("run", "status")

STATION_SECOND = "station_second"
STATION_HEALTH = "station_health"
PICK = "pick"
EVENT = "event"
ALERT = "alert"
STAGE_TIMING = "stage_timing"
PROCESS = "process"
PROCESS_COUNTER = "process_counter"

# Columns of `STATION_SECOND` in their order: what every row of motion has, what a station's health adds.
MOTION_FIELDS = ("pga", "pgv", "intensity_gbt", "intensity_jma", "intensity_mmi", "latency_s")
HEALTH_FIELDS = ("trust", "state")


def _float(unit: str, meaning: str) -> FieldSpec:
    return FieldSpec("float", unit, meaning)


def _text(meaning: str) -> FieldSpec:
    return FieldSpec("string", "", meaning)


def _count(meaning: str) -> FieldSpec:
    return FieldSpec("integer", "", meaning)


SCHEMA: dict[str, MeasurementSpec] = {
    STATION_SECOND: MeasurementSpec(
        "end of the second of data",
        ("network", "station"),
        {
            "pga": _float("m/s²", "peak ground acceleration within the second, vector over the components"),
            "pgv": _float("m/s", "peak ground velocity within the second"),
            "intensity_gbt": _float("", "real-time intensity of GB/T 17742-2020"),
            "intensity_jma": _float("", "real-time intensity of JMA"),
            "intensity_mmi": _float("", "real-time intensity MMI"),
            "latency_s": _float("s", "from the end of the second to when the core had it"),
            "trust": _float("", "trust in the station, 0 to 1; missing until its health is known"),
            "state": _text("ok, degraded, untrusted, down or maintenance; missing until known"),
        },
    ),
    STATION_HEALTH: MeasurementSpec(
        "when the core found it: each change of state, and once a minute while a station is not ok",
        ("network", "station"),
        {
            "trust": _float("", "trust in the station, 0 to 1"),
            "state": _text("ok, degraded, untrusted, down or maintenance"),
            "reasons": _text("why it is not ok, names separated by spaces"),
        },
    ),
    PICK: MeasurementSpec(
        "the onset",
        ("network", "phase", "station"),
        {
            "snr": _float("", "signal-to-noise ratio"),
            "uncertainty_s": _float("s", "one sigma of the onset"),
            "delay_s": _float("s", "from the onset to when the core had it"),
            "quality": _text("A (best) to D"),
            "pick_id": _text("name of the pick in all other products"),
        },
    ),
    EVENT: MeasurementSpec(
        "when the core had the revision",
        ("event_id",),
        {
            "revision": _count("from 1"),
            "state": _text("new, update, ended or cancelled"),
            "magnitude": _float("", "missing while unknown"),
            "magnitude_sigma": _float("", "one sigma"),
            "latitude": _float("degrees", "of the epicentre"),
            "longitude": _float("degrees", "of the epicentre"),
            "depth_km": _float("km", "of the hypocentre"),
            "n_stations": _count("stations behind the origin"),
            "delay_s": _float("s", "from the origin time to when the core had the revision"),
        },
    ),
    ALERT: MeasurementSpec(
        "when the core had it",
        ("event_id", "kind", "policy"),
        {
            "revision": _count("from 1, of event and audience"),
            "magnitude": _float("", "missing while unknown"),
            "max_intensity": _float("", "largest forecast over the targets"),
            "level_rank": _count("0: below the lowest level of the audience"),
            "n_area": _count("targets at the lowest level or above"),
            "delay_s": _float("s", "from the origin time to the alert"),
        },
    ),
    STAGE_TIMING: MeasurementSpec(
        "wall clock",
        ("process", "stage"),
        {
            "p50_ms": _float("ms", "median over the last slices with data"),
            "p99_ms": _float("ms", "99th percentile over the last slices with data"),
            "max_ms": _float("ms", "longest over the last slices with data"),
        },
    ),
    PROCESS: MeasurementSpec(
        "wall clock",
        ("kind", "process"),
        {
            "state": _text("what the process said last"),
            "restarts": _count("since the daemon started"),
            "beat_age_s": _float("s", "since its last sign of life"),
        },
    ),
    PROCESS_COUNTER: MeasurementSpec(
        "wall clock",
        ("counter", "process"),
        {"value": _float("", "one counter of a process, as in its heartbeat")},
    ),
}


def schema_table() -> str:
    """The schema as the table of the documentation, in Markdown."""
    lines = ["| measurement | tags | field | type | unit | meaning |", "|---|---|---|---|---|---|"]
    for name, spec in SCHEMA.items():
        for k, (field, told) in enumerate(spec.fields.items()):
            head = (f"`{name}`", ", ".join(spec.tags)) if k == 0 else ("", "")
            lines.append(
                f"| {head[0]} | {head[1]} | `{field}` | {told.type} | {told.unit} | {told.meaning} |"
            )
    return "\n".join(lines) + "\n"
