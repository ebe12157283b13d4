from __future__ import annotations

import math

import msgspec
import pytest

from seiswarn.messages import (
    Alert,
    ChannelQuality,
    EventEstimate,
    Magnitude,
    Message,
    Motions,
    Origin,
    Pick,
    StationHealth,
    encode,
)
from seiswarn.store.series_points import Health, Point, PointMaker, is_wanted, process_points, stages_of
from seiswarn.store.series_schema import MOTION_FIELDS, SCHEMA
from seiswarn.timebase import NS

T = 1_772_330_400 * NS
TYPES = {"float": float, "integer": int, "string": str}
ORIGIN = Origin(
    time_ns=T,
    latitude=23.9,
    longitude=106.6,
    depth_km=12.0,
    time_sigma_s=0.1,
    depth_sigma_km=3.0,
    ellipse_major_km=2.0,
    ellipse_minor_km=1.0,
    ellipse_azimuth_deg=0.0,
    n_stations=6,
    gap_deg=90.0,
    rms_s=0.1,
)
MAGNITUDE = Magnitude(value=5.5, sigma=0.2, kind="Pd", n_stations=6)
PICK = Pick(
    pick_id="p1", station="CI.A..HN", channel="c", t_ns=T, uncertainty_s=0.1, snr=9.0, t_seen_ns=T + 2 * NS
)
EVENT = EventEstimate(
    event_id="e1", revision=2, state="update", t_seen_ns=T + 8 * NS, origin=ORIGIN, magnitude=MAGNITUDE
)
ALERT = Alert(
    event_id="e1",
    revision=1,
    kind="new",
    status="actual",
    policy="public",
    t_seen_ns=T + 9 * NS,
    first_t_seen_ns=T + 9 * NS,
    expires_ns=T + 99 * NS,
    origin=ORIGIN,
    magnitude=MAGNITUDE,
    targets=(),
    intensity_scale="GB/T 17742-2020",
    max_intensity=6.5,
    epicentral_intensity=7.0,
)


def motions(*stations: str, **changes: object) -> Motions:
    n = len(stations)
    given = {
        "t_seen_ns": T + NS // 2,
        "stations": stations,
        "t_ns": (T,) * n,
        "n_components": (3,) * n,
        "pga_mps2": (0.1,) * n,
        "pgv_mps": (0.2,) * n,
        "pgd_m": (0.3,) * n,
        "intensity_gbt": (4.0,) * n,
        "intensity_jma": (3.0,) * n,
        "clipped": (False,) * n,
        "intensity_mmi": (5.0,) * n,
    }
    return Motions(**(given | changes))  # type: ignore[arg-type]


def told(stations: tuple[str, ...], states: tuple[str, ...], trust: tuple[float, ...]) -> StationHealth:
    n = len(stations)
    return StationHealth(
        t_seen_ns=T, stations=stations, state=states, trust=trust, latency_s=(0.5,) * n, reasons=((),) * n
    )  # type: ignore[arg-type]


def test_a_station_second_has_every_field() -> None:
    seconds, points = PointMaker().take([motions("CI.A..HN", "NC.B..HH")])
    assert points == []
    assert seconds.stations == ["CI.A..HN", "NC.B..HH"]
    row = dict(zip(MOTION_FIELDS, (column[0] for column in seconds.motion), strict=True))
    assert row == {
        "pga": 0.1,
        "pgv": 0.2,
        "intensity_gbt": 4.0,
        "intensity_jma": 3.0,
        "intensity_mmi": 5.0,
        "latency_s": 0.5,
    }
    assert math.isnan(seconds.trust[0])


def test_what_a_journal_of_an_earlier_version_lacks_is_missing() -> None:
    seconds, _ = PointMaker().take([motions("CI.A..HN", intensity_mmi=())])
    assert math.isnan(seconds.motion[MOTION_FIELDS.index("intensity_mmi")][0])


def test_trust_is_that_of_the_last_health_before() -> None:
    maker = PointMaker()
    first = told(("CI.A..HN", "CI.B..HN"), ("ok", "down"), (0.9, 0.0))
    again = told(("CI.A..HN",), ("untrusted",), (0.2,))
    seconds, _ = maker.take(
        [motions("CI.A..HN"), first, motions("CI.A..HN", "CI.B..HN"), again, motions("CI.A..HN")]
    )
    assert seconds.state == ["", "ok", "down", "untrusted"]
    assert seconds.trust[1:] == [0.9, 0.0, 0.2]
    assert maker.changed
    kept = maker.told()
    assert not maker.changed
    maker.take([first])
    assert kept == Health({"CI.A..HN": 0.2, "CI.B..HN": 0.0}, {"CI.A..HN": "untrusted", "CI.B..HN": "down"})
    seconds, _ = PointMaker(kept).take([motions("CI.A..HN")])
    assert seconds.state == ["untrusted"]


DOWN = StationHealth(
    t_seen_ns=T,
    stations=("CI.A..HN",),
    state=("down",),
    trust=(0.0,),
    latency_s=(-1.0,),
    reasons=(("DEAD",),),
)


@pytest.mark.parametrize("message", [DOWN, PICK, EVENT, ALERT])
def test_points_have_the_tags_fields_and_types_of_the_schema(message: Message) -> None:
    _, (point,) = PointMaker().take([message])
    spec = SCHEMA[point.measurement]
    assert tuple(sorted(point.tags)) == spec.tags
    assert set(point.fields) == set(spec.fields)
    for name, value in point.fields.items():
        assert type(value) is TYPES[spec.fields[name].type], name


def test_of_a_full_report_only_stations_that_are_not_ok_are_points() -> None:
    changes = told(("A", "B"), ("ok", "down"), (1.0, 0.0))
    full = msgspec.structs.replace(changes, full=True)
    _, points = PointMaker().take([changes, full])
    found = [(point.tags["station"], point.fields["state"]) for point in points]
    assert found == [("A", "ok"), ("B", "down"), ("B", "down")]


def test_times_and_delays() -> None:
    _, points = PointMaker().take([PICK, EVENT, ALERT])
    assert [(p.t_ns - T) / NS for p in points] == [0, 8, 9]
    assert [p.fields["delay_s"] for p in points] == [2, 8, 9]


def test_an_unknown_magnitude_is_missing_not_zero() -> None:
    event = msgspec.structs.replace(EVENT, magnitude=None)
    unknown = Magnitude(value=0.0, sigma=0.0, kind="unknown", n_stations=0)
    alert = msgspec.structs.replace(ALERT, magnitude=unknown)
    _, points = PointMaker().take([event, alert])
    assert all("magnitude" not in point.fields for point in points)


def test_only_records_that_matter_are_decoded() -> None:
    quality = ChannelQuality(
        t_seen_ns=T,
        channels=("Motions",),
        t_ns=(T,),
        offset_counts=(0.0,),
        rms_mps2=(0.0,),
        noise_mps2=(0.0,),
        spikes=(0,),
        clipped=(0,),
        flat_s=(0.0,),
        flags=(0,),
    )
    wanted = [motions("A"), PICK, EVENT, ALERT, told(("A",), ("ok",), (1.0,))]
    assert [is_wanted(encode(m)) for m in wanted] == [True] * 5
    assert not is_wanted(encode(quality))


def test_a_status_becomes_points_whatever_it_lacks() -> None:
    counters = {"a": 1, "stage_x_ms_p50": 1.0, "stage_x_ms_p99": 2.0, "stage_x_ms_max": 3.0}
    core = {"name": "core", "kind": "core", "state": "ready", "counters": counters}
    points = process_points({"t_ns": T, "processes": [core, {}]})
    timing = {"p50_ms": 1.0, "p99_ms": 2.0, "max_ms": 3.0}
    assert Point("stage_timing", {"process": "core", "stage": "x"}, timing, T) in points
    assert Point("process_counter", {"counter": "a", "process": "core"}, {"value": 1.0}, T) in points
    assert len(points) == 4
    assert process_points({}) == process_points({"t_ns": T, "processes": None}) == []
    assert stages_of(counters) == ["x"]
