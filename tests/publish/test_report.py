from __future__ import annotations

import re

import msgspec
import numpy as np
import pytest
from lxml import etree

from factories import (
    ORIGIN_NS,
    make_alert,
    make_estimate,
    make_magnitude,
    make_origin,
    make_peaks,
    make_report,
)
from seiswarn.errors import InvariantError
from seiswarn.publish.formats import FORMATS, make_format
from seiswarn.publish.formats.figures import draw_map, draw_section, p_speed
from seiswarn.publish.formats.record_section import Trace, select_traces, window
from seiswarn.publish.formats.report_html import Params, ReportFormat, report_html
from seiswarn.publish.sinks import SINKS, sink_class
from seiswarn.stations import StationTable
from seiswarn.timebase import NS


def page(**changes: object) -> str:
    return report_html(make_report(**changes), (), Params(utc_offset_hours=8.0)).decode()


def traces() -> list[Trace]:
    rng = np.random.default_rng(1)
    samples = rng.normal(size=(3, 6000))
    samples[1, 1000:1500] = np.nan
    return [
        Trace(f"XX.G{i:03d}.00.HN", 12.0 + 9.0 * i, ORIGIN_NS - 10 * NS, 100.0, samples[i]) for i in range(3)
    ]


def test_the_page_holds_what_a_reader_must_know() -> None:
    text = page()
    for fact in (
        "M 6.8 earthquake, 35 km NW of Baise",
        "百色西北方向35公里发生6.8级地震",
        "2026-05-12 14:28:04 (UTC+08:00; 2026-05-12 06:28:04 UTC)",
        "24.10°N 106.35°E",
        "12 km",
        "± 5.1 × 2.7 km",
        "6.5 s",  # first warning
        "Nanning 南宁",
        "XX.G011.00.HN",
        "Automatic solution, not reviewed",
    ):
        assert fact in text, fact
    assert "EXERCISE" not in text
    assert 'class="banner' not in text


def test_the_page_is_whole_in_itself() -> None:
    text = report_html(make_report(), traces(), Params()).decode()
    assert not re.findall(r'(?:src|href)="(?!#)', text)
    assert "<script" not in text
    assert text.count("<svg") == 2
    ids = re.findall(r'\bid="([^"]+)"', text)
    defined_twice = {i for i in ids if ids.count(i) > 1 and f"url(#{i})" in text}
    assert not defined_twice


@pytest.mark.parametrize(("status", "word"), [("exercise", "演习"), ("test", "测试")])
def test_an_exercise_cannot_be_overlooked(status: str, word: str) -> None:
    text = page(status=status)
    assert text.count(status.upper()) >= 5
    assert word in text
    assert f'<div class="banner {status}">' in text
    assert f"<title>{status.upper()}" in text


def test_equal_input_gives_equal_bytes() -> None:
    assert report_html(make_report(), traces(), Params()) == report_html(make_report(), traces(), Params())


def test_an_event_nobody_was_warned_of() -> None:
    text = page(alerts=())
    assert "No warning was issued for this event" in text
    assert "Forecast at places" not in text
    assert text.count("no warning</td>") == 6


def test_bare_and_odd_reports_can_be_drawn() -> None:
    lone = make_estimate(0, magnitude=None, arrivals=(), station_magnitudes=())
    assert "not determined" in page(estimate=lone, alerts=(), peaks=(), history=())
    blind = make_origin(ellipse_major_km=float("inf"), latitude=-89.99, longitude=179.9)
    assert "89.99°S" in page(estimate=make_estimate(origin=blind))
    assert "Withdrawn" in page(estimate=make_estimate(state="cancelled"))
    cancelled = (make_alert(), make_alert(revision=2, kind="cancel", targets=()))
    assert 'class="cancel"' in page(alerts=cancelled)
    assert "may be larger" in page(estimate=make_estimate(magnitude=make_magnitude(saturated=True)))


def test_names_from_outside_cannot_inject_markup() -> None:
    target = msgspec.structs.replace(make_alert().targets[0], name="<script>alert(1)</script>")
    text = page(alerts=(make_alert(targets=(target,)),))
    assert "<script" not in text


def test_many_stations_are_folded_away() -> None:
    peaks = tuple(
        msgspec.structs.replace(peak, station=f"YY.{i}{j}.00.HN")
        for i in range(3)
        for j, peak in enumerate(make_peaks())
    )
    assert "21 more stations" in page(peaks=peaks)


def test_drawings_are_svg_with_the_stations_in_them() -> None:
    svg = draw_map(make_origin(), make_peaks(), make_alert().targets)
    assert etree.fromstring(svg.encode()).tag.endswith("svg")
    assert "Baise" in svg
    chinese = msgspec.structs.replace(make_alert().targets[0], name="百色")
    assert "百色" in draw_map(make_origin(), (), (chinese,))
    assert "50 km" in svg
    section = draw_section(make_origin(), traces(), make_estimate().arrivals)
    assert "G002" in section
    assert "picks used" in section


def test_a_trace_outside_the_window_or_without_data_is_left_blank() -> None:
    empty = Trace("XX.E.00.HN", 30.0, ORIGIN_NS, 100.0, np.full(500, np.nan))
    late = Trace("XX.L.00.HN", 31.0, ORIGIN_NS + 10**13, 100.0, np.ones(500))
    flat = Trace("XX.F.00.HN", 32.0, ORIGIN_NS, 100.0, np.ones(500))
    svg = draw_section(make_origin(), [empty, late, flat], ())
    assert "F<" in svg
    assert "L<" not in svg


def test_the_p_line_has_the_speed_of_the_located_arrivals() -> None:
    assert p_speed(make_origin(), make_estimate(11).arrivals) == pytest.approx(6.0, abs=0.05)
    assert p_speed(make_origin(), ()) == 5.8


def table() -> StationTable:
    n = 3
    return StationTable(
        channels=tuple(f"FDSN:XX_G{i:03d}_00_H_N_Z" for i in range(n)),
        ch_station=np.arange(n, dtype=np.int32),
        ch_component=np.zeros(n, dtype=np.int32),
        ch_unit=np.zeros(n, dtype=np.int32),
        ch_gain=np.ones(n),
        ch_rate_hz=np.full(n, 10.0),
        ch_azimuth_deg=np.zeros(n),
        ch_dip_deg=np.full(n, -90.0),
        ch_clip_counts=np.full(n, np.inf),
        stations=tuple(f"XX.G{i:03d}.00.HN" for i in range(n)),
        st_latitude=np.array([24.5, 24.2, 24.2]),
        st_longitude=np.full(n, 106.35),
        st_elevation_m=np.zeros(n),
        st_vs30_mps=np.full(n, np.nan),
        st_site=np.array([0, 1, 1], dtype=np.int32),
    )


def test_pieces_are_joined_one_trace_per_site_nearest_first() -> None:
    origin = make_origin()
    t0, t1 = window(origin, 50.0)
    pieces = [
        (t0 + 1 * NS, 10.0, np.arange(10)),
        (t0 + 3 * NS, 10.0, np.arange(10)),
        (t0 + 2 * NS, 20.0, np.arange(10)),  # a rate that changed in mid-trace
        (t1 - NS // 2, 10.0, np.arange(10)),
    ]
    waveforms = dict.fromkeys(table().channels, pieces)
    near, far = select_traces(waveforms, table(), origin, t0, t1)
    assert (near.station, far.station) == ("XX.G001.00.HN", "XX.G000.00.HN")
    assert near.distance_km < far.distance_km
    assert np.isnan(near.samples[:10]).all()
    np.testing.assert_array_equal(near.samples[10:20], np.arange(10))
    assert np.isnan(near.samples[20:30]).all()
    np.testing.assert_array_equal(near.samples[-5:], np.arange(5))
    assert select_traces({}, table(), origin, t0, t1) == []
    assert len(select_traces(waveforms, table(), origin, t0, t1, max_traces=1)) == 1
    assert select_traces(waveforms, table(), origin, t0, t1, max_distance_km=1.0) == []


def test_registries_name_what_exists() -> None:
    for name in FORMATS:
        made = make_format(name)
        assert name == made.NAME
        assert made.NEEDS
    for name in SINKS:
        assert name == sink_class(name).NAME
    with pytest.raises(InvariantError):
        ReportFormat().render(make_alert())
