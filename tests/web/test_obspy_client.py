"""obspy's FDSN client reads what is stored, and what it reads equals the source."""

from __future__ import annotations

import warnings

import numpy as np
import obspy
import pytest
from obspy import UTCDateTime
from obspy.clients.fdsn import Client
from obspy.clients.fdsn.header import FDSNNoDataException

from factories import ORIGIN_NS
from web.centre import CHANNELS, DAY_END, EVENTS, HOLE, RATE, T0, Running, truth

pytestmark = pytest.mark.xdist_group("web")


@pytest.fixture(scope="module")
def client(centre: Running) -> Client:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # obspy warns of parameters that a service lacks
        return Client(base_url=centre.base, _discover_services=True)


def samples(channel: str, start_ns: int, end_ns: int) -> np.ndarray:
    first = -(-(start_ns - T0) * int(RATE) // 10**9)
    last = (end_ns - T0) * int(RATE) // 10**9
    return truth(channel)[first : last + 1]


def test_services_are_discovered(client: Client) -> None:
    assert set(client.services) >= {"dataselect", "event", "station"}
    assert client.services["available_event_catalogs"] == {"seiswarn"}
    assert client.services["available_event_contributors"] == {"seiswarn"}
    assert list(client.get_webservice_version("station")) == [1, 1, 0]


@pytest.mark.parametrize("level", ["network", "station", "channel", "response"])
def test_stations_at_every_level(client: Client, level: str) -> None:
    got = client.get_stations(network="BW", level=level)
    want = obspy.read_inventory().select(network="BW")
    assert {n.code for n in got} == {"BW"}
    assert got[0].description == want[0].description
    if level == "network":
        assert not got[0].stations
        return
    assert sorted(s.code for n in got for s in n) == sorted(s.code for n in want for s in n)
    here = [(s.latitude, s.longitude, s.start_date) for n in got for s in n]
    assert here == [(s.latitude, s.longitude, s.start_date) for n in want for s in n]
    channels = [c for n in got for s in n for c in s]
    if level == "station":
        assert not channels
        return
    originals = [c for n in want for s in n for c in s]
    assert [(c.code, c.azimuth, c.start_date) for c in channels] == [
        (c.code, c.azimuth, c.start_date) for c in originals
    ]
    for mine, theirs in zip(channels, originals, strict=True):
        scale = theirs.response.instrument_sensitivity
        assert mine.response.instrument_sensitivity.value == scale.value
        if level == "response":
            assert len(mine.response.response_stages) == len(theirs.response.response_stages)
        else:
            assert not mine.response.response_stages


@pytest.mark.parametrize("level", ["network", "station", "channel"])
def test_stations_as_text(client: Client, level: str) -> None:
    got = client.get_stations(network="XG,BW", station="G00?,RJOB", level=level, format="text")
    assert {n.code for n in got} == {"XG", "BW"}
    if level != "network":
        assert {s.code for n in got for s in n} == {"RJOB", *(f"G00{k}" for k in range(1, 10))}
    if level == "channel":
        assert {c.sample_rate for s in got.select(network="XG")[0] for c in s} == {100.0}


def test_stations_by_place_and_time(client: Client) -> None:
    everything = client.get_stations(network="XG")
    near = client.get_stations(network="XG", latitude=23.776, longitude=106.6849, maxradius=0.05)
    assert [s.code for s in near[0]] == ["G001"]
    south = client.get_stations(network="XG", maxlatitude=23.0)
    north = client.get_stations(network="XG", minlatitude=23.0)
    assert len(south[0]) + len(north[0]) == len(everything[0])
    with pytest.raises(FDSNNoDataException):
        client.get_stations(network="XG", endtime=UTCDateTime(2010, 1, 1))
    with pytest.raises(FDSNNoDataException):
        client.get_stations(network="XG", location="00")
    assert client.get_stations(network="XG", location="--", channel="HNZ", level="channel")


def test_stations_in_bulk(client: Client) -> None:
    start, end = UTCDateTime(2023, 1, 1), UTCDateTime(2024, 1, 1)
    bulk = [("XG", "G001", "", "HNZ", start, end), ("BW", "RJOB", "*", "EH*", start, end)]
    got = client.get_stations_bulk(bulk, level="channel")
    assert {(s.code, c.code) for n in got for s in n for c in s} == {
        ("G001", "HNZ"), ("RJOB", "EHZ"), ("RJOB", "EHN"), ("RJOB", "EHE")
    }  # fmt: skip


def test_waveforms_sample_by_sample(client: Client) -> None:
    for channel in CHANNELS[1:]:
        network, station, location, *code = channel.removeprefix("FDSN:").split("_")
        start, end = T0 + 600_020_000_000, T0 + 2000 * 10**9
        codes = (network, station, location or "--", "".join(code))
        stream = client.get_waveforms(*codes, UTCDateTime(ns=start), UTCDateTime(ns=end))
        (trace,) = stream.merge()
        trace.trim(UTCDateTime(ns=start), UTCDateTime(ns=end), nearest_sample=False)
        assert np.array_equal(trace.data, samples(channel, start, end))


def test_waveforms_across_midnight_and_a_hole(client: Client) -> None:
    start, end = DAY_END - 60 * 10**9, DAY_END + 60 * 10**9
    stream = client.get_waveforms("XG", "*", "*", "HN?", UTCDateTime(ns=start), UTCDateTime(ns=end))
    assert len(stream.merge()) == 3
    for trace in stream.trim(UTCDateTime(ns=start), UTCDateTime(ns=end)):
        channel = f"FDSN:XG_{trace.stats.station}__H_N_{trace.stats.channel[2]}"
        assert np.array_equal(trace.data, samples(channel, start, end))
    window = (UTCDateTime(ns=HOLE[0] - 300 * 10**9), UTCDateTime(ns=HOLE[1] + 900 * 10**9))
    broken = client.get_waveforms("XG", "G001", "", "HNZ", *window).merge()
    assert len(broken.split()) == 2
    longest = client.get_waveforms("XG", "G001", "", "HNZ", *window, longestonly=True).merge().split()
    assert len(longest) == 1
    assert longest[0].stats.starttime.ns >= HOLE[1] - 20 * 10**9
    long = client.get_waveforms("XG", "G001", "", "HNZ", *window, minimumlength=700).merge().split()
    assert [t.stats.starttime for t in long] == [t.stats.starttime for t in longest]
    with pytest.raises(FDSNNoDataException):
        client.get_waveforms("XG", "G001", "", "HNZ", *window, minimumlength=86_000)


def test_waveforms_in_bulk(client: Client) -> None:
    windows = [(T0 + 100 * 10**9, T0 + 200 * 10**9), (T0 + 5000 * 10**9, T0 + 5100 * 10**9)]
    bulk = [("XG", "G002", "", "HNZ", *(UTCDateTime(ns=t) for t in w)) for w in windows]
    bulk.append(("BW", "RJOB", "*", "EHZ", *(UTCDateTime(ns=t) for t in windows[0])))
    stream = client.get_waveforms_bulk([*bulk, bulk[0]])  # asked for twice, sent once
    assert len(stream) == 3
    for trace, (channel, window) in zip(
        sorted(stream, key=lambda t: (t.stats.network != "XG", t.stats.starttime)),
        [(CHANNELS[2], windows[0]), (CHANNELS[2], windows[1]), (CHANNELS[3], windows[0])],
        strict=True,
    ):
        trace.trim(*(UTCDateTime(ns=t) for t in window))
        assert np.array_equal(trace.data, samples(channel, *window))


def test_events(client: Client) -> None:
    got = client.get_events(orderby="time-asc")
    assert [str(e.resource_id).rpartition("/")[2] for e in got] == ["sw1", "sw2", "sw3"]
    origin, want = got[0].preferred_origin(), EVENTS[1].origin
    assert origin.time.ns // 1000 == want.time_ns // 1000
    assert abs(origin.latitude - want.latitude) < 1e-5
    assert abs(origin.depth / 1000 - want.depth_km) < 1e-3
    assert got[0].preferred_magnitude().mag == 6.5  # the last revision
    assert got[0].event_type == "earthquake"
    assert not got[0].picks
    full = client.get_events(eventid="sw1", includearrivals=True)[0]
    assert len(full.picks) == len(full.preferred_origin().arrivals) == len(EVENTS[1].arrivals)
    assert {p.waveform_id.station_code for p in full.picks} == {
        a.station.split(".")[1] for a in EVENTS[1].arrivals
    }


def test_events_selected(client: Client) -> None:
    def names(**asked: object) -> list[str]:
        try:
            got = client.get_events(**asked)
        except FDSNNoDataException:
            return []
        return [str(e.resource_id).rpartition("/")[2] for e in got]

    start = UTCDateTime(ns=ORIGIN_NS)
    assert names() == ["sw3", "sw2", "sw1"]
    assert names(starttime=start + 1) == ["sw3", "sw2"]
    assert names(endtime=start + 1) == ["sw1"]
    assert names(minmagnitude=5) == ["sw1"]
    assert names(orderby="magnitude", minmagnitude=1) == ["sw1", "sw2"]
    assert names(mindepth=20) == ["sw2"]
    assert names(minlatitude=25) == ["sw2"]
    assert names(latitude=24.1, longitude=108.0, maxradius=0.5) == ["sw3"]
    assert names(limit=1) == ["sw3"]
    assert names(limit=1, offset=2) == ["sw2"]
    assert names(magnitudetype="Mpd") == ["sw2", "sw1"]
    assert names(updatedafter=start + 86400) == []
    assert names(contributor="seiswarn") == ["sw3", "sw2", "sw1"]
    assert names(eventid="smi:local/seiswarn/sw2") == ["sw2"]
    # Events that were none, and exercises, are never shown by chance.
    assert names(eventid="swnone") == ["swnone"]
    assert names(eventid="swdrill") == []
    assert client.get_events(eventid="swnone")[0].event_type == "not existing"
