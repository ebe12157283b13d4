from __future__ import annotations

import numpy as np
import pytest

from seiswarn.errors import StationsError
from seiswarn.reasons import Reason
from seiswarn.stationparts import assign_slots, group_sites, parse_unit
from seiswarn.stations import H1, H2, UNIT_ACCELERATION, UNIT_DISPLACEMENT, UNIT_VELOCITY, Z, station_of
from seiswarn.stationxml import describe, read_station_tables
from seiswarn.timebase import parse_iso

A, V, D = UNIT_ACCELERATION, UNIT_VELOCITY, UNIT_DISPLACEMENT


@pytest.mark.parametrize(
    ("name", "kind", "si"),
    [
        ("M/S**2", A, 1.0),
        ("m/s**2", A, 1.0),
        ("m/s^2", A, 1.0),
        ("M/S/S", A, 1.0),
        ("m/s2", A, 1.0),
        ("m/s²", A, 1.0),
        ("M/(S**2)", A, 1.0),
        ("m/sec^2", A, 1.0),
        ("m*s^-2", A, 1.0),
        ("m.s-2", A, 1.0),
        ("ms-2", A, 1.0),
        ("meters/second**2", A, 1.0),
        (" M / S ** 2 ", A, 1.0),
        ("CM/S**2", A, 1e-2),
        ("cm/s^2", A, 1e-2),
        ("gal", A, 1e-2),
        ("mGal", A, 1e-5),
        ("nm/s**2", A, 1e-9),
        ("g", A, 9.80665),
        ("M/S", V, 1.0),
        ("m/s", V, 1.0),
        ("nm/s", V, 1e-9),
        ("µm/s", V, 1e-6),
        ("MM/S", V, 1e-3),
        ("kine", V, 1e-2),
        ("meter per second", V, 1.0),
        ("M", D, 1.0),
        ("nm", D, 1e-9),
    ],
)
def test_units(name: str, kind: int, si: float) -> None:
    unit = parse_unit(name)
    assert unit is not None
    assert unit.kind == kind
    assert unit.si_per_unit == pytest.approx(si, rel=1e-12)


@pytest.mark.parametrize(
    "name", ["", "V", "PA", "COUNTS", "C", "rad/s", "m/s**3", "xm/s", "%", "T", "M**3/M**3"]
)
def test_not_a_motion_unit(name: str) -> None:
    assert parse_unit(name) is None


def three(channel, codes=("HNZ", "HNN", "HNE"), dips=(None,) * 3, azimuths=(None,) * 3, **options):
    return "".join(
        channel(c, dip=d, azimuth=a, **options) for c, d, a in zip(codes, dips, azimuths, strict=True)
    )


@pytest.mark.parametrize(
    ("codes", "dips", "azimuths", "slots"),
    [
        (("HNZ", "HNN", "HNE"), (-90, 0, 0), (0, 0, 90), {"HNZ": Z, "HNN": H1, "HNE": H2}),
        (("HNZ", "HN1", "HN2"), (-90, 0, 0), (0, 12, 102), {"HNZ": Z, "HN1": H1, "HN2": H2}),
        (("HNZ", "HN1", "HN2"), (-90, 0, 0), (0, 95, 5), {"HNZ": Z, "HN2": H1, "HN1": H2}),
        (("HN1", "HN2", "HN3"), (0, 0, -90), (0, 90, 0), {"HN3": Z, "HN1": H1, "HN2": H2}),
        (("HN1", "HN2", "HN3"), (-90, 0, 0), (0, 0, 90), {"HN1": Z, "HN2": H1, "HN3": H2}),
        (("HN1", "HN2", "HN3"), (None,) * 3, (None,) * 3, {"HN3": Z, "HN1": H1, "HN2": H2}),
        (("HNX", "HNY", "HNZ"), (None,) * 3, (None,) * 3, {"HNZ": Z, "HNX": H1, "HNY": H2}),
        (("HNX", "HNY", "HNZ"), (0, 0, -90), (90, 0, 0), {"HNZ": Z, "HNY": H1, "HNX": H2}),
    ],
)
def test_component_matching(inventory, channel, codes, dips, azimuths, slots) -> None:
    table = read_station_tables([inventory({"AAA": three(channel, codes, dips, azimuths)})], None)
    found = {c.replace("_", "")[-3:]: int(s) for c, s in zip(table.channels, table.ch_component, strict=True)}
    assert found == slots
    assert table.components().tolist() == [
        [next(i for i, s in enumerate(table.ch_component) if s == slot) for slot in (Z, H1, H2)]
    ]


def test_vertical_pointing_down_flips_the_gain(inventory, channel) -> None:
    table = read_station_tables(
        [inventory({"AAA": channel("HNZ", dip=-90), "BBB": channel("HNZ", dip=90, lat="25")})], None
    )
    assert table.ch_gain.tolist() == [1000.0, -1000.0]


def test_galperin_set_has_no_vertical_and_hurts_nobody_else(inventory, channel) -> None:
    uvw = three(channel, ("HHU", "HHV", "HHW"), (-35.3,) * 3, (90, 210, 330), unit="M/S")
    table = read_station_tables([inventory({"AAA": uvw, "BBB": channel("HNZ")})], None)
    assert table.stations == ("XX.BBB..HN",)
    assert [(r.subject, r.reason) for r in table.refusals] == [("XX.AAA..HH", Reason.NO_VERTICAL)]


def test_codes_are_those_of_miniseed(inventory, channel) -> None:
    table = read_station_tables(
        [inventory({"AAA": channel("HNZ") + channel("BHZ", loc="00", unit="M/S")})], None
    )
    assert table.channels == ("FDSN:XX_AAA_00_B_H_Z", "FDSN:XX_AAA__H_N_Z")
    assert table.stations == ("XX.AAA..HN", "XX.AAA.00.BH")
    assert [station_of(c) for c in table.channels] == ["XX.AAA.00.BH", "XX.AAA..HN"]
    assert table.st_site.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"gain": "0"}, Reason.NO_GAIN),
        ({"gain": None}, Reason.NO_GAIN),
        ({"gain": "zero"}, Reason.NO_GAIN),
        ({"gain": "nan"}, Reason.NO_GAIN),
        ({"gain": "0", "stages": ("5", "0")}, Reason.NO_GAIN),
        ({"lat": None}, Reason.NO_COORDINATES),
        ({"lat": "95"}, Reason.NO_COORDINATES),
        ({"lat": "0", "lon": "0"}, Reason.NO_COORDINATES),
        ({"unit": "furlong"}, Reason.UNKNOWN_UNIT),
        ({"unit": ""}, Reason.UNKNOWN_UNIT),
        ({"unit": "M"}, Reason.UNKNOWN_UNIT),
        ({"code": "HHZ", "unit": "nm"}, Reason.UNKNOWN_UNIT),
        ({"code": "LOG"}, Reason.NOT_SEISMIC),
        ({"code": "BDF", "unit": "PA"}, Reason.NOT_SEISMIC),
        ({"code": "VMZ", "unit": "V"}, Reason.NOT_SEISMIC),
        ({"code": "UTZ", "unit": "M"}, Reason.NOT_SEISMIC),
        ({"code": "LXZ", "unit": "V"}, Reason.NOT_SEISMIC),
        ({"start": "2020-01-01"}, Reason.WRONG_EPOCH),
        ({"end": "2005-01-01T00:00:00Z"}, Reason.WRONG_EPOCH),
    ],
)
def test_refusals_cost_only_themselves(inventory, channel, options, reason) -> None:
    at_ns = parse_iso("2010-01-01T00:00:00Z")
    bad = channel(**{"code": "HNZ", **options})
    table = read_station_tables([inventory({"AAA": channel("HNZ"), "BAD": bad})], at_ns)
    assert table.stations == ("XX.AAA..HN",)
    assert [r.reason for r in table.refusals] == [reason]
    with pytest.raises(StationsError, match=str(reason)):
        read_station_tables([inventory({"BAD": bad}, "bad.xml")], at_ns)


def test_stage_gains_stand_in_for_a_missing_sensitivity(inventory, channel) -> None:
    table = read_station_tables([inventory({"AAA": channel(gain="0", stages=("2.5", "400"))})], None)
    assert table.ch_gain.tolist() == [1000.0]


def test_units_scale_the_gain(inventory, channel) -> None:
    table = read_station_tables([inventory({"AAA": channel(unit="CM/S**2", gain="50")})], None)
    assert table.ch_gain.tolist() == [5000.0]


def test_epochs(inventory, channel) -> None:
    old = channel(gain="1", start="2000-01-01", end="2010-01-01T00:00:00")
    new = channel(gain="2", start="2010-01-01T00:00:00.0000Z", end="2599-12-31T23:59:59")
    path = inventory({"AAA": old + new})

    def gain(at: int | None) -> float:
        return float(read_station_tables([path], at).ch_gain[0])

    assert gain(parse_iso("2005-06-01T00:00:00Z")) == 1.0
    assert gain(parse_iso("2010-01-01T00:00:00Z")) == 2.0
    assert gain(None) == 2.0
    with pytest.raises(StationsError, match="WRONG_EPOCH"):
        gain(parse_iso("1999-01-01T00:00:00Z"))


def test_duplicates_keep_the_first(inventory, channel) -> None:
    a = inventory({"AAA": channel(gain="1")}, "a.xml")
    b = inventory({"AAA": channel(gain="2")}, "b.xml")
    for at_ns in (None, parse_iso("2010-01-01T00:00:00Z")):
        table = read_station_tables([a, b], at_ns)
        assert table.ch_gain.tolist() == [1.0]
        assert [r.reason for r in table.refusals] == [Reason.DUPLICATE_CHANNEL]


def test_files_that_are_not_stationxml(inventory, channel, tmp_path) -> None:
    inventory({"AAA": channel()})
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "broken.xml").write_text("this is no XML")
    (tmp_path / "event.xml").write_text("<q:quakeml xmlns:q='http://quakeml.org/xmlns/quakeml/1.2'/>")
    whole = (tmp_path / "stations.xml").read_text()
    (tmp_path / "deep" / "cut.xml").write_text(whole[: len(whole) // 2])
    (tmp_path / "empty.xml").write_text("")
    table = read_station_tables([tmp_path], None)
    assert table.stations == ("XX.AAA..HN",)
    names = sorted(r.subject.rsplit("/", 1)[-1] for r in table.refusals)
    assert names == ["broken.xml", "cut.xml", "empty.xml"]
    assert {r.reason for r in table.refusals} == {Reason.NOT_XML}
    with pytest.raises(StationsError, match="NOT_XML"):
        read_station_tables([tmp_path / "event.xml"], None)
    with pytest.raises(StationsError, match="no such file"):
        read_station_tables([tmp_path / "nowhere"], None)


def test_entities_are_not_expanded(tmp_path, inventory, channel) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "1000"><!ENTITY b SYSTEM "file:///etc/hostname">]>'
    text = inventory({"AAA": channel(gain="&b;")}).read_text()
    (tmp_path / "stations.xml").write_text(bomb + text)
    with pytest.raises(StationsError, match="NO_GAIN"):
        read_station_tables([tmp_path], None)


def test_any_schema_version_and_vs30_comment(inventory, channel) -> None:
    note = "<Comment><Value>Vs30 = 420.5 m/s</Value></Comment>"
    table = read_station_tables([inventory({"AAA": channel()}, version="9", comment=note)], None)
    assert table.st_vs30_mps.tolist() == [420.5]


def test_wanted_restricts_and_names_the_missing(inventory, channel) -> None:
    path = inventory({"AAA": channel(), "BBB": channel(gain="0")})
    wanted = ["FDSN:XX_AAA__H_N_Z", "FDSN:XX_CCC__H_N_Z"]
    table = read_station_tables([path], None, wanted=wanted)
    assert table.channels == ("FDSN:XX_AAA__H_N_Z",)
    assert [(r.subject, r.reason) for r in table.refusals] == [("FDSN:XX_CCC__H_N_Z", Reason.UNKNOWN_CHANNEL)]


def test_clip_level_only_for_broadband_velocity(inventory, channel) -> None:
    channels = channel("HHZ", unit="M/S") + channel("HNZ") + channel("EHZ", unit="M/S")
    table = read_station_tables([inventory({"AAA": channels})], None)
    clip = dict(zip(table.channels, table.ch_clip_counts.tolist(), strict=True))
    assert clip == {
        "FDSN:XX_AAA__H_H_Z": 0.98 * 2**23,
        "FDSN:XX_AAA__H_N_Z": np.inf,
        "FDSN:XX_AAA__E_H_Z": np.inf,
    }


def test_sites_join_codes_and_neighbours() -> None:
    codes = ("A.A..HH", "A.A..HN", "A.B..HN", "A.C..HN", "A.D..HN")
    km = 1 / 111.19
    lat = np.array([0.0, 0.0, 0.15 * km, 0.30 * km, 5.0])
    assert group_sites(codes, lat + 10.0, np.full(5, 20.0)).tolist() == [0, 0, 0, 0, 1]
    assert group_sites(codes[2:4], np.array([10.0, 10.0 + 0.21 * km]), np.full(2, 20.0)).tolist() == [0, 1]


def test_describe_lists_stations_then_refusals(inventory, channel) -> None:
    path = inventory({"AAA": three(channel), "BBB": channel(gain="0")})
    rows = describe(read_station_tables([path], None))
    assert [(r.subject, r.components, r.unit, r.gain, r.reason) for r in rows[:1]] == [
        ("XX.AAA..HN", "ZNE", "m/s^2", 1000.0, "")
    ]
    assert [(r.subject, r.reason) for r in rows[1:]] == [("FDSN:XX_BBB__H_N_Z", "NO_GAIN")]


def test_no_vertical_is_a_refusal_of_the_station() -> None:
    chosen, refused = assign_slots("X.A..HN", [])
    assert chosen == []
    assert refused[0].reason == Reason.NO_VERTICAL


@pytest.mark.events
def test_recorded_sets_are_usable(events_dir) -> None:
    expected = {
        "ridgecrest2019_m7.1": (36, 12),
        "maras2023_m7.8": (336, 112),
        "pleasanthill2019_m4.5": (36, 12),
    }
    for name, (n_channels, n_stations) in expected.items():
        table = read_station_tables([events_dir / name], None)
        assert (table.n_channels, table.n_stations, table.refusals) == (n_channels, n_stations, ())


@pytest.mark.events
def test_gain_agrees_with_obspy(events_dir) -> None:
    obspy = pytest.importorskip("obspy")
    path = events_dir / "pleasanthill2019_m4.5" / "stations.xml"
    table = read_station_tables([path], None)
    inventory = obspy.read_inventory(str(path))
    seen = 0
    for network in inventory:
        for station in network:
            for ch in station:
                name = f"FDSN:{network.code}_{station.code}_{ch.location_code}_" + "_".join(ch.code)
                gain = table.ch_gain[table.channel_index[name]]
                assert abs(gain) == ch.response.instrument_sensitivity.value
                seen += 1
    assert seen == table.n_channels
