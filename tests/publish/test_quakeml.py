from __future__ import annotations

import io

import pytest
from lxml import etree

from factories import make_alert, make_estimate, make_magnitude, make_origin, make_pick
from seiswarn.errors import InvariantError
from seiswarn.publish.formats.quakeml import EventRecord, QuakeMLFormat, quakeml


def read(document: bytes):  # type: ignore[no-untyped-def]
    from obspy import read_events
    from obspy.io.quakeml.core import _validate

    assert _validate(io.BytesIO(document))
    return read_events(io.BytesIO(document), format="QUAKEML")


def record(**changes: object) -> EventRecord:
    estimate = make_estimate(**changes)
    return EventRecord(estimate, {f"p{i:06d}": make_pick(i) for i in range(6)})


def test_valid_and_read_back_by_obspy_with_its_values() -> None:
    (event,) = read(quakeml([record()]))
    origin = event.preferred_origin()
    assert origin.time.ns == make_origin().time_ns
    assert origin.latitude == pytest.approx(24.10123)
    assert origin.longitude == pytest.approx(106.34654)
    assert origin.depth == pytest.approx(12346)
    assert origin.depth_errors.uncertainty == pytest.approx(4043.21)
    assert origin.latitude_errors.uncertainty == pytest.approx(0.0412, abs=5e-4)
    assert origin.quality.used_station_count == 6
    assert origin.quality.azimuthal_gap == pytest.approx(92.345)
    assert origin.origin_uncertainty.max_horizontal_uncertainty == pytest.approx(5123.4)
    assert origin.evaluation_mode == "automatic"
    magnitude = event.preferred_magnitude()
    assert (magnitude.mag, magnitude.station_count, magnitude.magnitude_type) == (6.77, 5, "Mpd")
    assert magnitude.origin_id == origin.resource_id
    assert len(event.station_magnitudes) == 5
    assert len(magnitude.station_magnitude_contributions) == 5


def test_arrivals_lead_to_their_picks() -> None:
    (event,) = read(quakeml([record()]))
    picks = {pick.resource_id: pick for pick in event.picks}
    arrivals = event.preferred_origin().arrivals
    assert len(arrivals) == len(picks) == 6
    first = picks[arrivals[0].pick_id]
    assert first.time.ns // 1000 == make_pick(0).t_ns // 1000
    assert first.waveform_id.get_seed_string() == "XX.G000.00.HNZ"
    assert (first.polarity, picks[arrivals[2].pick_id].polarity) == ("positive", "undecidable")
    assert arrivals[1].distance == pytest.approx(21.0 / 111.19, rel=1e-3)
    assert arrivals[1].time_residual == pytest.approx(0.07)


def test_events_without_magnitude_picks_or_certainty_are_valid_too() -> None:
    nothing = make_estimate(
        magnitude=None,
        arrivals=(),
        station_magnitudes=(),
        origin=make_origin(gap_deg=float("nan"), ellipse_major_km=float("inf"), time_sigma_s=float("nan")),
    )
    (event,) = read(quakeml([EventRecord(nothing)]))
    assert event.preferred_magnitude() is None
    assert event.preferred_origin().origin_uncertainty is None
    assert len(read(QuakeMLFormat().render(make_estimate()))) == 1
    with pytest.raises(InvariantError):
        QuakeMLFormat().render(make_alert())


def test_no_events_is_a_valid_empty_catalogue() -> None:
    assert len(read(quakeml([]))) == 0


def test_cancelled_and_exercise_events_say_so() -> None:
    catalogue = read(
        quakeml(
            [
                record(state="cancelled"),
                record(event_id="second", status="exercise", magnitude=make_magnitude(saturated=True)),
            ]
        )
    )
    assert catalogue[0].event_type == "not existing"
    assert catalogue[0].preferred_origin().evaluation_status == "rejected"
    assert "EXERCISE" in catalogue[1].comments[0].text
    assert "larger" in catalogue[1].magnitudes[0].comments[0].text


def test_equal_input_equal_bytes_and_unique_identifiers() -> None:
    records = [record(), record(event_id="odd id/ü&<")]
    document = quakeml(records)
    assert document == quakeml(records)
    ids = [node.get("publicID") for node in etree.fromstring(document).iter() if node.get("publicID")]
    assert len(ids) == len(set(ids))
    read(document)
