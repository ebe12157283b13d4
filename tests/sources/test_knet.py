from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import obspy
import obspy.io.nied
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seiswarn.ingest.archive import open_archive
from seiswarn.ingest.knet import KnetError, KnetUnfinished, is_knet, parse_knet
from seiswarn.ingest.knet_stations import read_knet_folder, stationxml
from seiswarn.stationxml import read_station_tables
from sources.handy import NS

# A real record of K-NET (AKT013, 1996) that obspy brings along for the tests of its own reader.
REAL = Path(obspy.io.nied.__file__).parent / "tests" / "data" / "test.knet"


def made(
    direction: str = "N-S", station: str = "AOM001", rate: int = 100, seconds: int = 2, **lines: str
) -> bytes:
    """A file as NIED writes it, with samples made of nothing but their number."""
    head = {
        "Origin Time": "2018/01/24 19:51:00",
        "Lat.": "41.103",
        "Long.": "142.450",
        "Depth. (km)": "34",
        "Mag.": "6.3",
        "Station Code": station,
        "Station Lat.": "41.5267",
        "Station Long.": "140.9130",
        "Station Height(m)": "8",
        "Record Time": "2018/01/24 19:51:45",
        "Sampling Freq(Hz)": f"{rate}Hz",
        "Duration Time(s)": str(seconds),
        "Dir.": direction,
        "Scale Factor": "7845(gal)/8223790",
        "Max. Acc. (gal)": "21.4",
        "Last Correction": "2018/01/24 19:51:30",
        "Memo.": "",
    }
    text = "".join(f"{name:<18}{value}\n" for name, value in (head | lines).items())
    samples = np.arange(rate * seconds) * 7 - 400
    rows = [" ".join(f"{v:8d}" for v in samples[k : k + 8]) for k in range(0, len(samples), 8)]
    return (text + "".join(f"{row} \n" for row in rows)).encode()


def test_a_real_file_reads_as_obspy_reads_it_sample_by_sample():
    (trace,) = obspy.read(str(REAL))
    ours = parse_knet(REAL.read_bytes())
    assert np.array_equal(ours.samples, trace.data)
    assert ours.t0_ns == trace.stats.starttime.ns
    assert ours.rate_hz == trace.stats.sampling_rate
    assert ours.counts_per_mps2 == pytest.approx(1.0 / trace.stats.calib, rel=1e-12)
    knet = trace.stats.knet
    assert (ours.latitude_deg, ours.longitude_deg, ours.height_m) == (knet.stla, knet.stlo, knet.stel)
    assert ours.channel == "FDSN:BO_AKT013__H_N_E"


@pytest.mark.parametrize(
    ("direction", "rate", "channel"),
    [
        ("N-S", 100, "FDSN:BO_AOM001__H_N_N"),
        ("U-D", 100, "FDSN:BO_AOM001__H_N_Z"),
        ("1", 200, "FDSN:BO_AOM001_01_H_N_N"),
        ("3", 200, "FDSN:BO_AOM001_01_H_N_Z"),
        ("5", 200, "FDSN:BO_AOM001_02_H_N_E"),
    ],
)
def test_components_of_k_net_and_of_kik_net_in_the_borehole_and_above(direction, rate, channel, tmp_path):
    data = made(direction, rate=rate)
    ours = parse_knet(data)
    assert ours.channel == channel
    path = tmp_path / "a.knet"
    path.write_bytes(data)
    (trace,) = obspy.read(str(path), format="KNET", convert_stnm=True)
    assert np.array_equal(ours.samples, trace.data)
    assert ours.t0_ns == trace.stats.starttime.ns
    assert ours.counts_per_mps2 == pytest.approx(1.0 / trace.stats.calib, rel=1e-12)


def test_times_are_japanese_and_fifteen_seconds_late():
    assert parse_knet(made()).t0_ns == obspy.UTCDateTime("2018-01-24T10:51:30").ns


@pytest.mark.parametrize("end", [5, 300, 600, -9, -30])
def test_a_file_that_is_still_being_written_is_told_from_a_damaged_one(end):
    data = made()
    with pytest.raises((KnetUnfinished, KnetError)) as caught:
        parse_knet(data[:end])
    assert isinstance(caught.value, KnetUnfinished) or not is_knet(data[:end])


def test_no_beginning_of_a_file_passes_for_the_whole():
    data = made(seconds=1)
    for end in range(11, len(data) - 2):
        with pytest.raises(KnetUnfinished):
            parse_knet(data[:end])


@pytest.mark.parametrize(
    "lines",
    [
        {"Scale Factor": "0(gal)/8223790"},
        {"Scale Factor": "much"},
        {"Dir.": "7"},
        {"Station Code": "AOM 01"},
        {"Record Time": "2018/13/24 19:51:45"},
        {"Sampling Freq(Hz)": "0Hz"},
        {"Duration Time(s)": "99999999"},
        {"Station Lat.": "north"},
        {"Duration Time(s)": "-2"},
    ],
)
def test_a_header_that_makes_no_sense(lines):
    with pytest.raises(KnetError) as caught:
        parse_knet(made(**lines))
    assert not isinstance(caught.value, KnetUnfinished)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 3000), st.binary(min_size=1, max_size=40))
def test_no_damage_raises_anything_else(at, junk):
    data = made()
    with contextlib.suppress(KnetError):
        parse_knet(data[:at] + junk + data[at + len(junk) :])


def test_a_replay_folder_may_hold_knet_files(tmp_path):
    for k, direction in enumerate(("N-S", "E-W", "U-D")):
        (tmp_path / f"AOM0011801241951.{k}").write_bytes(made(direction))
    (tmp_path / "AOM0021801241951.NS").write_bytes(made(station="AOM002")[:-200])
    archive = open_archive(tmp_path)
    assert archive.channels == tuple(f"FDSN:BO_AOM001__H_N_{c}" for c in "ENZ")
    assert archive.start_ns == parse_knet(made()).t0_ns
    assert archive.end_ns == archive.start_ns + 2 * NS - NS // 100
    (refusal,) = archive.refusals
    assert refusal.subject == "AOM0021801241951.NS"
    assert "of 200 samples" in refusal.detail


def test_stationxml_made_of_files_is_what_a_replay_of_them_needs(tmp_path):
    for k, direction in enumerate(("N-S", "E-W", "U-D")):
        (tmp_path / f"AOM0011801241951.{k}").write_bytes(made(direction))
    for k in range(1, 7):
        (tmp_path / f"IWTH011801241951.{k}").write_bytes(made(str(k), station="IWTH01", rate=200))
    (tmp_path / "AOM0021801241951.NS").write_bytes(made(station="AOM002")[:-200])
    (tmp_path / "notes.txt").write_text("nothing")
    files, refusals = read_knet_folder(tmp_path)
    assert (len(files), [r.subject for r in refusals]) == (9, ["AOM0021801241951.NS"])
    xml = tmp_path / "stations.xml"
    xml.write_bytes(stationxml(files))
    table = read_station_tables([xml], None)
    assert table.refusals == ()
    surface = [f"FDSN:BO_AOM001__H_N_{c}" for c in "ENZ"] + [f"FDSN:BO_IWTH01_02_H_N_{c}" for c in "ENZ"]
    assert sorted(table.channels) == surface
    inventory = obspy.read_inventory(str(xml))
    channel = inventory.select(station="AOM001", channel="HNZ")[0][0][0]
    assert (channel.latitude, channel.longitude, channel.elevation) == (41.5267, 140.913, 8.0)
    assert (channel.dip, channel.sample_rate) == (-90.0, 100.0)
    gain = channel.response.instrument_sensitivity
    assert gain.value == pytest.approx(100 * 8223790 / 7845)
    assert gain.input_units == "M/S**2"


def test_the_command_makes_it(tmp_path):
    (tmp_path / "AOM0011801241951.UD").write_bytes(made("U-D"))
    out = tmp_path / "stations.xml"
    main = "from seiswarn.cli import main; main()"
    command = [sys.executable, "-c", main, "stations", str(tmp_path), "--from-knet", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "1 station, 1 channel" in done.stdout
    assert out.read_bytes() == stationxml(read_knet_folder(tmp_path)[0])
    (tmp_path / "AOM0011801241951.UD").unlink()
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "no K-NET" in done.stderr
