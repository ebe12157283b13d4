"""An archive with one good earthquake and every kind of rubbish around it: only the rubbish is declined."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from seiswarn.config import default_config
from seiswarn.errors import ArchiveError, StationsError
from seiswarn.geo import offset_deg
from seiswarn.ingest.synthetic import Scenario, synthesize
from seiswarn.messages import DataError, decode
from seiswarn.reasons import Reason
from seiswarn.runtime.replay import Summary, replay
from seiswarn.runtime.setup import archive_run
from seiswarn.source.traveltime import TravelTimes, lookup
from seiswarn.store.journal import JournalReader
from seiswarn.targets import Target
from seiswarn.timebase import NS
from tests.doors.conftest import channel_xml, inventory_xml, pack
from tests.parity.conftest import three_component_table
from tests.source.conftest import LAT0, LON0

ORIGIN_NS = 1_700_000_000 * NS
DAY_NS = 86_400 * NS
TABLE = three_component_table()
TARGET = Target(name="Town", latitude=24.5, longitude=107.5)


def station_xml(latitude: float, longitude: float, *, gain: str = "1000000") -> str:
    return "".join(
        channel_xml(f"HN{c}", gain=gain, lat=f"{latitude:.6f}", lon=f"{longitude:.6f}", azimuth=az, dip=dip)
        for c, az, dip in (("Z", 0, -90), ("N", 0, 0), ("E", 90, 0))
    )


def write_good(folder: Path) -> None:
    """Ten stations and a magnitude 6 under them."""
    folder.mkdir()
    stations = {
        code.split(".")[1]: station_xml(float(TABLE.st_latitude[k]), float(TABLE.st_longitude[k]))
        for k, code in enumerate(TABLE.stations)
    }
    (folder / "stations.xml").write_text(inventory_xml(stations))
    scenario = Scenario(
        origin_ns=ORIGIN_NS,
        latitude=23.9,
        longitude=106.95,
        depth_km=12.0,
        mw=6.0,
        lead_s=25.0,
        duration_s=70.0,
    )
    tt = TravelTimes("iasp91", 120.0)
    traces = synthesize(
        TABLE,
        scenario,
        p_time=lambda d, z: float(lookup(tt.p, d, z)),
        s_time=lambda d, z: float(lookup(tt.s, d, z)),
    )
    for channel, trace in traces.items():
        records = pack(trace.counts, channel=channel, t0_ns=trace.t0_ns, rate_hz=trace.rate_hz)
        (folder / f"{channel.split(':')[1]}.mseed").write_bytes(b"".join(records))


def write_rubbish(folder: Path) -> None:
    rng = np.random.default_rng(3)
    noise = rng.integers(-300, 300, 4000).astype(np.int32)
    good = (folder / "XX_S000__H_N_Z.mseed").read_bytes()[:512]

    def data(name: str, channel: str, samples: np.ndarray, t0_ns: int, n: int | None = None) -> None:
        records = pack(samples, channel=channel, t0_ns=t0_ns)
        (folder / name).write_bytes(b"".join(records[:n]))

    flipped = bytearray(good)
    flipped[300] ^= 0x40
    (folder / "flipped.mseed").write_bytes(bytes(flipped))
    (folder / "truncated.mseed").write_bytes(good[:301])
    (folder / "garbage.mseed").write_bytes(rng.bytes(2000))
    (folder / "empty.mseed").write_bytes(b"")
    (folder / "broken.xml").write_text("this is no XML <")
    (folder / "program.bin").write_bytes(b"\x7fELF" + bytes(100))
    far = {
        name: offset_deg(LAT0, LON0, 10.0 * k, 5.0) for k, name in enumerate(("ZERO", "FUTU", "OLD", "WILD"))
    }
    stations = {n: station_xml(*place, gain="0" if n == "ZERO" else "1000000") for n, place in far.items()}
    (folder / "more.xml").write_text(inventory_xml(stations))
    data("unknown.mseed", "FDSN:XX_QQQ__H_N_Z", noise, ORIGIN_NS)
    data("zero.mseed", "FDSN:XX_ZERO__H_N_Z", noise, ORIGIN_NS)
    data("future.mseed", "FDSN:XX_FUTU__H_N_Z", noise, ORIGIN_NS + DAY_NS, n=1)
    data("old.mseed", "FDSN:XX_OLD__H_N_Z", noise, -100 * DAY_NS, n=1)
    wild = np.where(noise > 0, 2_000_000_000, -2_000_000_000).astype(np.int32)
    data("wild.mseed", "FDSN:XX_WILD__H_N_Z", wild, ORIGIN_NS - 5 * NS)


def run(folder: Path, out: Path) -> Summary:
    config = msgspec.structs.replace(default_config(), targets=(TARGET,))
    setup, feed = archive_run(folder, config, packet_s=0.5, latency_s=0.0, status="test")
    return replay(setup, feed, out)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Summary, Summary]:
    """The same earthquake from a clean folder and from one full of rubbish."""
    root = tmp_path_factory.mktemp("bad")
    write_good(root / "clean")
    write_good(root / "dirty")
    write_rubbish(root / "dirty")
    return run(root / "clean", root / "out_clean"), run(root / "dirty", root / "out_dirty")


def data_errors(summary: Summary) -> list[DataError]:
    with JournalReader(summary.folder / "journal/output.jrn") as reader:
        return [m for _, payload in reader if isinstance(m := decode(payload), DataError)]


def test_rubbish_costs_no_warning(runs: tuple[Summary, Summary]) -> None:
    clean, dirty = (
        [json.loads(x) for x in (s.folder / "warnings.jsonl").read_text().splitlines()] for s in runs
    )
    assert clean[0]["kind"] == "new"
    assert dirty == clean
    assert clean[-1]["magnitude"]["value"] == pytest.approx(6.0, abs=0.7)


def test_the_clean_folder_has_nothing_to_complain_about(runs: tuple[Summary, Summary]) -> None:
    assert {e.subject for e in data_errors(runs[0])} <= {"picker"}  # triggers it thought better of


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        ("flipped.mseed", Reason.CORRUPT_RECORD),
        ("truncated.mseed", Reason.CORRUPT_RECORD),
        ("garbage.mseed", Reason.CORRUPT_RECORD),
        ("empty.mseed", Reason.EMPTY),
        ("program.bin", Reason.FOREIGN_FILE),
        ("broken.xml", Reason.NOT_XML),
        ("QQQ", Reason.UNKNOWN_CHANNEL),
        ("ZERO", Reason.NO_GAIN),
        ("FUTU", Reason.CLOCK_FUTURE),
        ("OLD", Reason.CLOCK_ANCIENT),
        ("WILD", Reason.IMPLAUSIBLE),
    ],
)
def test_each_refusal_is_named(runs: tuple[Summary, Summary], subject: str, reason: Reason) -> None:
    found = [e for e in data_errors(runs[1]) if subject in e.subject and e.reason == reason]
    assert found, [(e.subject, e.reason) for e in data_errors(runs[1])]
    assert all(e.count >= 1 for e in found)
    assert all(e.status == "test" for e in found)


def test_refusals_are_counted_not_poured_out(runs: tuple[Summary, Summary]) -> None:
    """Forty seconds of wild samples are 80 packets and a few messages that add up."""
    wild = [e for e in data_errors(runs[1]) if "WILD" in e.subject]
    assert sum(e.count for e in wild) == 80
    assert len(wild) <= 6


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda p: None, ArchiveError, "no such folder"),
        (lambda p: p.mkdir(), ArchiveError, ""),
        (lambda p: (p.mkdir(), (p / "a.mseed").write_bytes(b"rubbish")), ArchiveError, ""),
        (lambda p: (write_good(p), (p / "stations.xml").unlink()), StationsError, ""),
        (lambda p: (write_good(p), (p / "stations.xml").write_text("no XML")), StationsError, ""),
    ],
    ids=["missing", "empty", "no record", "no metadata", "metadata no XML"],
)
def test_nothing_to_replay_is_a_clear_error(
    tmp_path: Path, make: Callable[[Path], object], error: type[Exception], says: str
) -> None:
    folder = tmp_path / "archive"
    make(folder)
    with pytest.raises(error) as caught:
        archive_run(folder, default_config(), packet_s=0.5, latency_s=0.0, status="test")
    assert str(folder) in str(caught.value)
    assert says in str(caught.value)
