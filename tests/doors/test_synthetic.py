from __future__ import annotations

import csv
import dataclasses
import importlib.util

import msgspec
import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from seiswarn.blocks import packets_of
from seiswarn.geo import offset_deg
from seiswarn.ingest import SOURCES, point_source
from seiswarn.ingest.synthetic import (
    Scenario,
    Synthetic,
    blocks,
    default_p_time,
    default_s_time,
    synthesize,
)
from seiswarn.stations import UNIT_VELOCITY, StationTable
from seiswarn.stationxml import read_station_tables
from seiswarn.timebase import NS, sample_offset_ns

QUAKE = Scenario(
    origin_ns=1_772_330_400 * NS, latitude=24.0, longitude=106.0, depth_km=10.0, mw=6.0, duration_s=90.0
)


def ring(distances_km: list[float], n_azimuths: int = 6, gain: float = 1e6, rate_hz: float = 100.0):
    """A table with `n_azimuths` stations at each distance from the epicentre of QUAKE."""
    places = [
        offset_deg(24.0, 106.0, d * np.cos(a), d * np.sin(a))
        for d in distances_km
        for a in np.arange(n_azimuths) * 2.0 * np.pi / n_azimuths
    ]
    codes = [f"S{i:03d}" for i in range(len(places))]
    rows = sorted(
        (f"FDSN:XX_{code}__H_N_{letter}", i, slot)
        for i, code in enumerate(codes)
        for slot, letter in enumerate("ZNE")
    )
    n, m = len(rows), len(codes)
    return StationTable(
        channels=tuple(name for name, _, _ in rows),
        ch_station=np.array([i for _, i, _ in rows], dtype=np.int32),
        ch_component=np.array([s for _, _, s in rows], dtype=np.int32),
        ch_unit=np.zeros(n, dtype=np.int32),
        ch_gain=np.full(n, gain),
        ch_rate_hz=np.full(n, rate_hz),
        ch_azimuth_deg=np.zeros(n),
        ch_dip_deg=np.zeros(n),
        ch_clip_counts=np.full(n, np.inf),
        stations=tuple(f"XX.{code}..HN" for code in codes),
        st_latitude=np.array([p[0] for p in places]),
        st_longitude=np.array([p[1] for p in places]),
        st_elevation_m=np.zeros(m),
        st_vs30_mps=np.full(m, np.nan),
        st_site=np.arange(m, dtype=np.int32),
    )


def replaced(table: StationTable, **changes) -> StationTable:
    return dataclasses.replace(table, channel_index={}, station_index={}, **changes)


def subset(table: StationTable, stations: list[int]) -> StationTable:
    keep = np.flatnonzero(np.isin(table.ch_station, stations))
    new = {old: i for i, old in enumerate(stations)}
    per_channel = {
        f.name: getattr(table, f.name)[keep]
        for f in dataclasses.fields(table)
        if f.name.startswith("ch_") and f.name != "ch_station"
    }
    per_station = {
        f.name: getattr(table, f.name)[stations]
        for f in dataclasses.fields(table)
        if f.name.startswith("st_")
    }
    return replaced(
        table,
        channels=tuple(table.channels[i] for i in keep),
        ch_station=np.array([new[int(table.ch_station[i])] for i in keep], dtype=np.int32),
        stations=tuple(table.stations[i] for i in stations),
        **per_channel,
        **per_station,
    )


def test_same_scenario_same_counts_whatever_else_is_in_the_network() -> None:
    table = ring([20.0, 60.0], 3)
    a, b, c = (synthesize(t, QUAKE) for t in (table, table, subset(table, [1, 4])))
    assert list(a) == list(table.channels)
    assert len(c) == 6
    for name, trace in b.items():
        assert np.array_equal(trace.counts, a[name].counts)
    for name, trace in c.items():
        assert trace.t0_ns == a[name].t0_ns
        assert np.array_equal(trace.counts, a[name].counts)
    other = synthesize(table, msgspec.structs.replace(QUAKE, seed=2))
    assert not np.array_equal(other[table.channels[0]].counts, a[table.channels[0]].counts)


def test_time_shift_changes_times_only() -> None:
    table = ring([30.0], 2)
    later = msgspec.structs.replace(QUAKE, origin_ns=QUAKE.origin_ns + 12_345 * NS)
    for name, trace in synthesize(table, QUAKE).items():
        shifted = synthesize(table, later)[name]
        assert shifted.t0_ns - trace.t0_ns == 12_345 * NS
        assert np.array_equal(shifted.counts, trace.counts)


def test_gain_scales_counts_and_full_scale_clips() -> None:
    table = ring([20.0], 1)
    one = synthesize(table, QUAKE)
    ten = synthesize(replaced(table, ch_gain=-10.0 * table.ch_gain), QUAKE)
    huge = synthesize(replaced(table, ch_gain=1e12 * table.ch_gain), QUAKE)
    for name in table.channels:
        assert np.max(np.abs(ten[name].counts + 10 * one[name].counts.astype(np.int64))) <= 5
        assert one[name].counts.dtype == np.int32
        assert np.abs(huge[name].counts.astype(np.int64)).max() == 2**31 - 1


def test_velocity_channel_is_the_integral() -> None:
    table = ring([20.0], 1, gain=1e9)
    quiet = msgspec.structs.replace(QUAKE, noise_db=-300.0)
    velocity = replaced(table, ch_unit=np.full(table.n_channels, UNIT_VELOCITY, dtype=np.int32))
    a, v = synthesize(replaced(table, ch_gain=table.ch_gain * 0.01), quiet), synthesize(velocity, quiet)
    for name in table.channels:
        derivative = np.gradient(v[name].counts / 1e9, 0.01)
        acceleration = a[name].counts / 1e7
        assert np.corrcoef(derivative, acceleration)[0, 1] > 0.95


def test_quiet_before_p_and_loud_from_s() -> None:
    table = ring([15.0, 40.0, 90.0], 2)
    for name, trace in synthesize(table, QUAKE).items():
        station = int(name.split("_")[1][1:])
        distance = (15.0, 40.0, 90.0)[station // 2]
        x = np.abs(trace.counts / 1e6)
        p, s = (
            round(((QUAKE.origin_ns - trace.t0_ns) / NS + travel(distance, QUAKE.depth_km)) * trace.rate_hz)
            for travel in (default_p_time, default_s_time)
        )
        noise = x[: p - 2].std()
        assert x[: p - 2].max() < 12 * noise
        assert x[p : p + 100].max() > 3 * noise
        assert x[s : s + 1500].max() > 2.0 * x[p:s].max()


def test_travel_times_are_the_callers() -> None:
    table = ring([30.0], 1)
    traces = synthesize(table, QUAKE, p_time=lambda d, h: 20.0, s_time=lambda d, h: 1e9)
    trace = traces[table.channels[2]]
    onset = round(((QUAKE.origin_ns - trace.t0_ns) / NS + 20.0) * trace.rate_hz)
    x = np.abs(trace.counts)
    assert x[onset : onset + 200].max() > 10 * x[:onset].max()


def test_packets_are_the_traces_cut_up() -> None:
    table = ring([30.0, 80.0], 2, rate_hz=50.0)
    traces = synthesize(table, QUAKE)
    got: dict[str, list[bytes]] = {name: [] for name in table.channels}
    last = 0
    moments = set()
    made = blocks(table, QUAKE, packet_s=0.5, latency=lambda code: 0.2 if "S000" in code else 0.3)
    for p in (p for b in made for p in packets_of(b)):
        assert p.status == "exercise"
        assert last <= p.t_seen_ns
        last = p.t_seen_ns
        moments.add(p.t_seen_ns % (NS // 2))
        expected = traces[p.channel].t0_ns + sample_offset_ns(sum(map(len, got[p.channel])) // 4, 50.0)
        assert p.t0_ns == expected
        got[p.channel].append(p.samples)
    assert {name: b"".join(parts) for name, parts in got.items()} == {
        name: t.counts.tobytes() for name, t in traces.items()
    }
    assert len(moments) == table.n_stations
    source = SOURCES["synthetic"]
    assert source is Synthetic
    assert packets_of(next(iter(Synthetic(table, QUAKE).blocks())))[0].n_samples == 25


@pytest.mark.parametrize(
    "changes",
    [{"mw": 9.0}, {"depth_km": -1.0}, {"latitude": 91.0}, {"stress_drop_mpa": 0.0}, {"nonsense": 1}],
)
def test_scenarios_out_of_range_are_refused(changes) -> None:
    fields = {**msgspec.to_builtins(QUAKE), **changes}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(fields, Scenario)


def test_spectrum_against_the_closed_form() -> None:
    freq = np.fft.rfftfreq(8192, 0.01)
    wave, mw, r = point_source.S_WAVE, 5.0, 30.0
    got = np.abs(point_source.acceleration_response(freq, r, mw, 10.0, wave))[1:]
    f = freq[1:]
    eff = np.hypot(r, 10 ** (-0.405 + 0.235 * mw))
    fc = 4.9e6 * 3.5 * (100.0 / 10 ** (1.5 * mw + 16.05)) ** (1 / 3)
    flat = 0.55 * 2.0 * 10 ** (1.5 * mw + 9.05) / (4 * np.pi * 2800.0 * 3500.0**3) / (eff * 1e3)
    loss = np.exp(-np.pi * f * eff / (180.0 * f**0.45 * 3.5) - np.pi * 0.04 * f)
    amplified = np.interp(np.log(f), np.log(point_source._AMP_HZ), point_source._AMP)
    expected = flat * (2 * np.pi * f) ** 2 / (1 + (f / fc) ** 2) * loss * amplified
    band = (f > 0.1) & (f < 40.0)
    assert got[band] == pytest.approx(expected[band], rel=0.02)


def test_window_is_the_published_one() -> None:
    shape = point_source.window(4000, 100.0, 10.0)
    assert shape[0] == 0.0
    assert np.argmax(shape) == 400  # 0.2 of 2 x 10 s
    assert shape.max() == pytest.approx(1.0)
    assert shape[2000] == pytest.approx(0.05, rel=1e-6)  # at the end of the window


# BSSA14 medians (g) for Rjb 10, 20, 50, 100, 150 km, Vs30 760 m/s, strike slip, California;
# computed with pygmm 0.8.0, an independent implementation.
BSSA14 = {
    4.5: [0.02494, 0.01136, 0.003235, 0.000988, 0.000417],
    5.5: [0.15698, 0.08060, 0.02726, 0.00950, 0.00433],
    6.8: [0.22973, 0.13785, 0.05827, 0.02413, 0.01216],
}


@pytest.mark.parametrize("mw", sorted(BSSA14))
def test_peak_acceleration_against_bssa14(mw) -> None:
    distances = [10.0, 20.0, 50.0, 100.0, 150.0]
    table = ring(distances, 8)
    traces = synthesize(table, msgspec.structs.replace(QUAKE, mw=mw, duration_s=150.0, noise_db=-300.0))
    peak = {name: np.abs(t.counts).max() / 1e6 / 9.80665 for name, t in traces.items()}
    for k, expected in enumerate(BSSA14[mw]):
        logs = [np.log(peak[f"FDSN:XX_S{i:03d}__H_N_{c}"]) for i in range(8 * k, 8 * k + 8) for c in "NE"]
        assert 0.5 < np.exp(np.mean(logs)) / expected < 2.0


@pytest.mark.parametrize("mw", [4.5, 5.0, 5.5, 6.0, 6.5, 7.0])
def test_p_displacement_gives_the_magnitude(mw) -> None:
    """Pd in 3 s against Wu & Zhao (2006) and Kuyuk & Allen (2013), averaged, over 20 to 100 km."""
    distances = [20.0, 35.0, 60.0, 100.0]
    table = ring(distances, 8)
    quake = msgspec.structs.replace(QUAKE, mw=mw, noise_db=-300.0)
    high_pass = butter(2, 0.075, "highpass", fs=100.0, output="sos")
    found = []
    for name, trace in synthesize(table, quake).items():
        if not name.endswith("Z"):
            continue
        distance = distances[int(name.split("_")[1][1:]) // 8]
        velocity = np.cumsum(sosfilt(high_pass, trace.counts / 1e6)) * 0.01
        displacement_cm = np.cumsum(sosfilt(high_pass, velocity)) * 0.01 * 100.0
        lead = (quake.origin_ns - trace.t0_ns) / NS
        begin, end = (lead + t(distance, quake.depth_km) for t in (default_p_time, default_s_time))
        pd = np.log10(np.abs(displacement_cm[int(begin * 100) : int(min(begin + 3.0, end) * 100)]).max())
        r = np.log10(np.hypot(distance, quake.depth_km))
        wu_zhao = (pd + 3.463 + 1.374 * r) / 0.729
        kuyuk_allen = 5.39 + 1.23 * pd + 1.38 * r
        found.append(0.5 * (wu_zhao + kuyuk_allen))
    assert np.mean(found) == pytest.approx(mw, abs=0.5)
    assert np.std(found) < 0.5


def test_fictional_network_is_complete_and_reproducible(project_root, tmp_path) -> None:
    folder = project_root / "stations" / "guangxi_fictional"
    spec = importlib.util.spec_from_file_location("maker", project_root / "scripts/make_fictional_network.py")
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    from lxml import etree

    data = etree.tostring(maker.build(), pretty_print=True, xml_declaration=True, encoding="UTF-8")
    assert data == (folder / "stations.xml").read_bytes()
    assert b"FICTIONAL" in data
    table = read_station_tables([folder], None)
    assert table.refusals == ()
    assert table.n_channels == 3 * table.n_stations == 213
    assert np.all(np.isfinite(table.st_vs30_mps))
    quake = msgspec.toml.decode((folder / "drill.toml").read_bytes(), type=Scenario)
    assert quake.mw == 6.8
    with (folder / "targets.csv").open(encoding="utf-8", newline="") as stream:
        targets = list(csv.DictReader(stream))
    assert len(targets) == 26
    assert all(20 < float(t["latitude"]) < 27 and 104 < float(t["longitude"]) < 113 for t in targets)
    assert {"百色", "南宁", "河池", "崇左", "柳州"} <= {t["name_zh"] for t in targets}


def test_fictional_network_is_valid_stationxml(project_root) -> None:
    from obspy.io.stationxml.core import validate_stationxml

    path = project_root / "stations" / "guangxi_fictional" / "stations.xml"
    valid, errors = validate_stationxml(str(path))
    assert valid, errors
