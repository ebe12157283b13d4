"""What comes in: sets, catalogues, latencies, and which station was recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seiswarn.errors import UsageError
from seiswarn.evaluate.catalogue import read_catalogue
from seiswarn.evaluate.latency import parse_latency
from seiswarn.evaluate.recording import reached
from seiswarn.evaluate.sets import NO_STATIONS, NO_WAVEFORMS, find_sets
from seiswarn.ingest.recut import Stretch, UniformLatency, cut
from seiswarn.stations import StationTable
from seiswarn.timebase import NS, from_seconds, parse_iso
from tests.evaluate.conftest import (
    LATITUDE,
    LONGITUDE,
    SYNTHETIC_NS,
    magnitude_xml,
    make_quake,
    miniseed,
    origin_xml,
    write_catalogue,
)
from tests.parity.conftest import three_component_table


def test_the_preferred_origin_and_magnitude_count(tmp_path: Path) -> None:
    path = tmp_path / "event.xml"
    two = (
        "<preferredOriginID>o2</preferredOriginID><preferredMagnitudeID>m2</preferredMagnitudeID>"
        + origin_xml("o1", "2020-01-01T00:00:00.5Z", 1.0, 2.0, 5000.0)
        + origin_xml("o2", "2020-01-01T00:00:02.25", 3.0, 4.0, None)
        + magnitude_xml("m1", 5.0, "ML")
        + magnitude_xml("m2", 5.6)
    )
    larger = origin_xml("o", "2020-01-01T00:10:00Z", 5.0, 6.0, 12_000.0) + magnitude_xml("m", 6.1)
    unsized = origin_xml("o", "2020-01-01T00:20:00Z", 5.0, 6.0, 12_000.0)
    write_catalogue(path, two, unsized, larger, magnitude_xml("m", 9.0))
    first, second, third = read_catalogue(path)
    assert (first.magnitude, first.depth_km, first.quake_id) == (6.1, 12.0, "2")
    assert (second.latitude, second.longitude, second.depth_km) == (3.0, 4.0, None)
    assert (second.magnitude, second.magnitude_kind) == (5.6, "Mw")
    assert second.time_ns == parse_iso("2020-01-01T00:00:02.25Z")
    assert third.magnitude is None


@pytest.mark.parametrize("text", ["no XML", "", "<q/>"])
def test_a_broken_catalogue_is_named_and_an_empty_one_is_none(text: str, tmp_path: Path) -> None:
    path = tmp_path / "event.xml"
    path.write_text(text)
    if text == "<q/>":
        assert read_catalogue(path) == ()
        return
    with pytest.raises(UsageError, match=r"event\.xml"):
        read_catalogue(path)


def test_an_origin_without_a_place_is_named(tmp_path: Path) -> None:
    path = tmp_path / "event.xml"
    write_catalogue(path, "<origin><time><value>2020-01-01T00:00:00Z</value></time></origin>")
    with pytest.raises(UsageError, match=r"event\.xml"):
        read_catalogue(path)


def _set(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True)
    for name in names:
        data = b"<xml/>" if name.endswith("xml") else b""
        if name in ("data", "a.mseed"):
            data = miniseed(np.arange(50, dtype=np.int32), "FDSN:XX_A__H_N_Z", SYNTHETIC_NS, 100.0)
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(data)


def test_sets_are_found_at_any_depth_and_the_others_are_told_of(tmp_path: Path) -> None:
    _set(tmp_path / "2019" / "one", "a.mseed", "stations.xml", "event.xml")
    _set(tmp_path / "2019" / "noise", "data", "stations.xml")
    _set(tmp_path / "2020" / "deep", "event.xml", "wf/a.mseed", "meta/stations.xml")
    _set(tmp_path / "picks", "a.mseed", "event.xml")
    _set(tmp_path / "tables", "list.csv")
    _set(tmp_path / "broken", "b.mseed", "stations.xml")
    _set(tmp_path / ".hidden", "a.mseed", "stations.xml")
    (tmp_path / "INDEX.md").write_text("")
    found = {s.set_id: s.skipped for s in find_sets([tmp_path])}
    assert found == {
        "2019/noise": "",
        "2019/one": "",
        "2020/deep": "",
        "broken": "",
        "picks": NO_STATIONS,
        "tables": NO_WAVEFORMS,
    }
    assert not next(s for s in find_sets([tmp_path], own_stations=False) if s.set_id == "picks").skipped
    (alone,) = find_sets([tmp_path / "2019" / "one"])
    assert alone.set_id == "one"
    twice = find_sets([tmp_path / "2019", tmp_path / "2019" / "one", tmp_path / "2019"])
    assert len(twice) == 2
    assert {s.folder.name for s in twice} == {"one", "noise"}


def test_nothing_to_replay_is_said_at_once(tmp_path: Path) -> None:
    _set(tmp_path / "tables", "list.csv")
    for path, says in ((tmp_path, NO_WAVEFORMS), (tmp_path / "nowhere", "no such folder")):
        with pytest.raises(UsageError, match=says):
            find_sets([path])


def test_latencies_as_asked_for(tmp_path: Path) -> None:
    assert parse_latency("0.5").latency() == 0.5
    assert parse_latency("0.2..1.5", 7).latency() == UniformLatency(0.2, 1.5, 7)
    file = tmp_path / "late.csv"
    file.write_text("station,latency_s\nXX.AAA.00.HN,1\nXX.BBB,2\nCCC,3\n*,4\n")
    latency = parse_latency(str(file)).latency()
    assert callable(latency)
    stations = ("XX.AAA.00.HN", "XX.AAA.10.HN", "XX.BBB..HN", "YY.CCC..HN", "YY.BBB..HN")
    assert [latency(s) for s in stations] == [1.0, 4.0, 2.0, 3.0, 4.0]
    file.write_text("station,latency_s\nAAA,1\n")
    strict = parse_latency(str(file)).latency()
    assert callable(strict)
    with pytest.raises(UsageError, match=r"XX\.BBB"):
        strict("XX.BBB..HN")


@pytest.mark.parametrize("text", ["soon", "-1", "2..1", "nan", "0..inf", "1..x", "missing.csv"])
def test_senseless_latencies_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--latency"):
        parse_latency(text)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "station,latency_s\n", "station,latency_s\nA,x\n"])
def test_a_senseless_file_of_latencies_is_named(text: str, tmp_path: Path) -> None:
    file = tmp_path / "late.csv"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"late\.csv"):
        parse_latency(str(file))


def _stretch(channel: str, n_s: float, start_s: float = 0.0, rise_s: float | None = None) -> Stretch:
    """Noise from `start_s` after the origin, with a rise of ten times at `rise_s`."""
    rate = 100.0
    rng = np.random.default_rng(sum(channel.encode()))
    samples = rng.normal(0.0, 100.0, round(n_s * rate))
    if rise_s is not None:
        samples[round((rise_s - start_s) * rate) :] *= 10.0
    return Stretch(
        channel=channel,
        rate_hz=rate,
        dtype="i4",
        samples=samples.astype("<i4").tobytes(),
        starts=np.zeros(1, dtype=np.int64),
        times_ns=np.array([SYNTHETIC_NS + from_seconds(start_s)], dtype=np.int64),
    )


def test_a_drawn_latency_keeps_bounds_and_order_and_is_drawn_again_the_same() -> None:
    stretches = [_stretch(f"FDSN:XX_S{k}__H_N_Z", 60.0) for k in range(3)]

    def seen(seed: int) -> dict[str, np.ndarray]:
        times: dict[str, list[int]] = {}
        for block in cut(stretches, 0.5, UniformLatency(0.2, 1.5, seed), "test"):
            n = np.frombuffer(block.n_samples, "<i4").astype(np.int64)
            came = np.frombuffer(block.t_seen_ns, "<i8")
            late = came - np.frombuffer(block.t0_ns, "<i8") - (n - 1) * (NS // 100)
            assert np.all(np.diff(came) >= 0)
            for channel, one in zip(block.channels, late.tolist(), strict=True):
                times.setdefault(channel, []).append(one)
        return {c: np.array(t) / NS for c, t in times.items()}

    first = seen(1)
    for channel, late in first.items():
        assert len(late) == 120
        assert late.min() >= 0.2
        assert late.max() <= 1.5
        assert late.std() > 0.2  # a uniform draw has 0.375, less what waits for the one before
        np.testing.assert_array_equal(late, seen(1)[channel])
    a, b = list(first.values())[:2]
    assert not np.array_equal(a, b)
    assert not np.array_equal(a, next(iter(seen(2).values())))
    with pytest.raises(UsageError, match="latency"):
        list(cut(stretches, 0.5, UniformLatency(-0.1, 1.0), "test"))


@pytest.fixture(scope="module")
def table() -> StationTable:
    return three_component_table()


def test_who_was_recording_and_saw_p(table: StationTable) -> None:
    quake = make_quake(time_ns=SYNTHETIC_NS, latitude=LATITUDE, longitude=LONGITUDE)
    verticals = [c for c in table.channels if c.endswith("_Z")]
    p_s = {r.station: r.p_s for r in reached(quake, table, [])}
    assert len(p_s) == len(verticals)
    assert list(p_s.values()) == sorted(p_s.values())

    def station(k: int) -> str:
        return table.stations[table.ch_station[table.channel_index[verticals[k]]]]

    p = [p_s[station(k)] for k in range(len(verticals))]
    stretches = [
        _stretch(verticals[0], 90.0, -30.0, p[0]),
        _stretch(verticals[1], 90.0, -30.0),  # nothing to be seen
        _stretch(verticals[2], 60.0, p[2] - 3.0, p[2]),  # starts late
        _stretch(verticals[3], 60.0, p[3] + 1.0, p[3] + 2.0),  # after P
        _stretch(verticals[4], 30.0 + p[4] + 0.5, -30.0),  # ends early
        _stretch(verticals[5].replace("_Z", "_N"), 90.0, -30.0, p[5]),  # no vertical
        _stretch(verticals[6], 90.0, -30.0, p[6] + 20.0),  # something else, later
    ]
    rows = {r.station: (r.at_p, r.recording, r.saw_p) for r in reached(quake, table, stretches)}
    assert [rows[station(k)] for k in range(8)] == [
        (True, True, True),
        (True, True, False),
        (True, False, False),
        (False, False, False),
        (True, False, False),
        (False, False, False),
        (True, True, False),
        (False, False, False),
    ]


def test_what_is_beyond_travel_time_tables_is_left_out(table: StationTable) -> None:
    assert reached(make_quake(latitude=LATITUDE + 40.0), table, []) == ()
