"""The whole path on recorded earthquakes: what is said, when, and what lies in the folder afterwards."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from seiswarn.geo import distance_km
from seiswarn.publish.formats.cap import validate
from seiswarn.runtime.replay import Summary
from seiswarn.store.journal import JournalReader
from seiswarn.timebase import NS, iso, parse_iso

pytestmark = pytest.mark.events

WARNED = {
    "ridgecrest2019_m7.1": 0.7,
    "bodrum2017_m6.6": 0.7,
    "maras2023_m7.8": 0.7,
    "pleasanthill2019_m4.5": 1.2,
}
SILENT = ("noise20100901_fournaise", "teleseism20120814_yka", "corinth20100120_crl", "irpinia2011_isnet14641")
MAX_DELAY_S = 3.0  # of the first warning behind P at the fourth station
SETTLED_S = 10.0  # after the first warning place and size must be right
MAX_MISS_KM = 15.0

Replayed = Callable[[str], Summary]


@dataclass(frozen=True)
class Truth:
    origin_ns: int
    latitude: float
    longitude: float
    magnitude: float
    p4_s: float


def table_row(events_dir: Path, name: str) -> dict[str, str]:
    """The row of a set in the table of INDEX.md."""
    lines = [x for x in (events_dir / "INDEX.md").read_text().splitlines() if x.startswith("|")]
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in lines]
    (row,) = [c for c in cells if c[0] == name]
    return dict(zip(cells[0], row, strict=True))


def truth_of(events_dir: Path, name: str) -> Truth:
    """The preferred origin and magnitude of the first event in event.xml."""
    root = etree.parse(str(events_dir / name / "event.xml")).getroot()
    (event, *_) = root.iter("{*}event")

    def preferred(kind: str, field: str) -> Any:
        wanted = event.findtext(f"{{*}}{field}")
        (found,) = [x for x in event.iter(f"{{*}}{kind}") if x.get("publicID") == wanted]
        return found

    origin, magnitude = (
        preferred("origin", "preferredOriginID"),
        preferred("magnitude", "preferredMagnitudeID"),
    )
    time = origin.findtext("{*}time/{*}value").rstrip("Z") + "Z"
    row = table_row(events_dir, name)
    return Truth(
        origin_ns=parse_iso(time),
        latitude=float(origin.findtext("{*}latitude/{*}value")),
        longitude=float(origin.findtext("{*}longitude/{*}value")),
        magnitude=float(magnitude.findtext("{*}mag/{*}value")),
        p4_s=float(row["P4"]),
    )


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def seen_s(warning: dict[str, Any], truth: Truth) -> float:
    return (parse_iso(warning["t_seen"]) - truth.origin_ns) / NS


@pytest.mark.parametrize("name", WARNED)
def test_first_warning_in_time(replayed: Replayed, events_dir: Path, name: str) -> None:
    truth = truth_of(events_dir, name)
    first = lines(replayed(name).folder, "warnings.jsonl")[0]
    assert (first["kind"], first["revision"]) == ("new", 1)
    assert 0.0 < seen_s(first, truth) <= truth.p4_s + MAX_DELAY_S


@pytest.mark.parametrize(("name", "tolerance"), WARNED.items())
def test_right_ten_seconds_after_the_first_warning(
    replayed: Replayed, events_dir: Path, name: str, tolerance: float
) -> None:
    truth = truth_of(events_dir, name)
    warnings = lines(replayed(name).folder, "warnings.jsonl")
    until = seen_s(warnings[0], truth) + SETTLED_S
    held = [w for w in warnings if seen_s(w, truth) <= until][-1]
    o = held["origin"]
    assert distance_km(truth.latitude, truth.longitude, o["latitude"], o["longitude"]) <= MAX_MISS_KM
    assert abs(held["magnitude"]["value"] - truth.magnitude) <= tolerance
    assert abs(parse_iso(o["time"]) - truth.origin_ns) < 4 * NS  # some catalogues are 2 s off themselves


@pytest.mark.parametrize("name", WARNED)
def test_one_event_and_its_life(replayed: Replayed, name: str) -> None:
    warnings = lines(replayed(name).folder, "warnings.jsonl")
    assert len({w["event_id"] for w in warnings}) == 1
    assert [w["revision"] for w in warnings] == list(range(1, len(warnings) + 1))
    kinds = [w["kind"] for w in warnings]
    assert kinds == ["new", *["update"] * (len(warnings) - 2), "final"]
    times = [w["t_seen"] for w in warnings]
    assert times == sorted(times)
    assert {w["first_t_seen"] for w in warnings} == {times[0]}
    assert {w["status"] for w in warnings} == {"test"}


@pytest.mark.parametrize("name", WARNED)
def test_targets_of_a_warning(replayed: Replayed, events_dir: Path, name: str) -> None:
    """Without a configuration the stations themselves are the targets."""
    truth = truth_of(events_dir, name)
    for warning in lines(replayed(name).folder, "warnings.jsonl"):
        assert warning["targets"]
        for t in warning["targets"]:
            left = (parse_iso(t["s_arrival"]) - parse_iso(warning["t_seen"])) / NS
            assert t["seconds_left"] == pytest.approx(left, abs=0.06)
            assert t["p_arrival"] < t["s_arrival"]
            assert 0.0 <= t["intensity"] <= 12.0
        assert warning["max_intensity"] == pytest.approx(
            max(t["intensity"] for t in warning["targets"]), abs=0.051
        )
        assert parse_iso(warning["expires"]) > truth.origin_ns


@pytest.mark.parametrize("name", SILENT)
def test_no_warning(replayed: Replayed, name: str) -> None:
    summary = replayed(name)
    assert (summary.folder / "warnings.jsonl").read_bytes() == b""
    assert list((summary.folder / "cap").iterdir()) == []
    assert summary.alerts == []
    assert summary.counts["packets"] > 1000  # it did run
    assert "report.html" in {p.name for p in summary.folder.iterdir()}


@pytest.mark.parametrize("name", ["corinth20100120_crl"])
def test_a_small_earthquake_is_found_and_held(replayed: Replayed, events_dir: Path, name: str) -> None:
    truth = truth_of(events_dir, name)
    summary = replayed(name)
    held = [d for d in lines(summary.folder, "decisions.jsonl") if d["event_id"]]
    assert held
    assert {d["action"] for d in held} == {"hold"}
    assert any("BELOW" in r for d in held for r in d["reasons"])
    (estimate,) = summary.estimates.values()
    o = estimate.origin
    assert distance_km(truth.latitude, truth.longitude, o.latitude, o.longitude) < 10.0


# --- the folder -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", WARNED)
def test_cap_messages(replayed: Replayed, name: str) -> None:
    folder = replayed(name).folder
    messages = sorted((folder / "cap").glob("*.xml"))
    assert len(messages) == len(lines(folder, "warnings.jsonl"))
    identifiers = set()
    for path in messages:
        xml = path.read_bytes()
        assert validate(xml) == []
        root = etree.fromstring(xml)
        identifiers.add(root.findtext("{*}identifier"))
        assert root.findtext("{*}status") == "Test"
        assert (root.findtext("{*}msgType") == "Alert") == (root.findtext("{*}references") is None)
    assert len(identifiers) == len(messages)


@pytest.mark.parametrize("name", WARNED)
def test_events_xml(replayed: Replayed, name: str) -> None:
    from obspy import read_events

    folder = replayed(name).folder
    catalogue = read_events(str(folder / "events.xml"), format="QUAKEML")
    last = lines(folder, "warnings.jsonl")[-1]
    found = [e for e in catalogue if last["event_id"] in str(e.resource_id)]
    assert len(found) == 1
    origin, magnitude = found[0].preferred_origin(), found[0].preferred_magnitude()
    assert origin.latitude == pytest.approx(last["origin"]["latitude"], abs=0.01)
    assert magnitude.mag == pytest.approx(last["magnitude"]["value"], abs=0.06)
    assert len(origin.arrivals) >= 4
    assert len(found[0].picks) >= 4


@pytest.mark.parametrize("name", WARNED)
def test_picks_csv(replayed: Replayed, name: str) -> None:
    summary = replayed(name)
    with (summary.folder / "picks.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == summary.counts["Pick"]
    assert all(parse_iso(r["time"]) <= parse_iso(r["t_seen"]) for r in rows)
    assert {r["phase"] for r in rows} == {"P", "S"}
    assert all(float(r["snr"]) >= 3.0 for r in rows if r["phase"] == "P")
    # Energy that jumps sixfold; the column has two digits.
    assert all(float(r["snr"]) >= math.sqrt(6.0) - 0.005 for r in rows if r["phase"] == "S")


@pytest.mark.parametrize("name", WARNED)
def test_report(replayed: Replayed, name: str) -> None:
    folder = replayed(name).folder
    page = (folder / "report.html").read_text()
    last = lines(folder, "warnings.jsonl")[-1]
    assert f"{last['magnitude']['value']:.1f}" in page
    assert last["event_id"] in page
    assert page.count("<svg") >= 2  # a map and a record section
    assert not re.search(r"""(src|href)=["']https?:""", page)  # stands alone


@pytest.mark.parametrize("name", [*WARNED, *SILENT])
def test_run_json(replayed: Replayed, name: str) -> None:
    summary = replayed(name)
    run = json.loads((summary.folder / "run.json").read_text())
    assert set(run) >= {
        "config",
        "config_hash",
        "status",
        "versions",
        "counts",
        "timings",
        "source",
        "machine",
    }
    assert set(run["config"]) >= {"waveform", "source", "shaking", "alerts", "reports", "runtime"}
    assert run["counts"] == summary.counts
    assert run["versions"]["seiswarn"]
    assert run["status"] == "test"
    assert run["timings"]["times_real_time"] > 1.0
    assert parse_iso(run["source"]["start"]) < parse_iso(run["source"]["end"])


@pytest.mark.parametrize("name", WARNED)
def test_journals_hold_everything(replayed: Replayed, name: str) -> None:
    summary = replayed(name)
    with JournalReader(summary.folder / "journal/input.jrn") as reader:
        assert sum(1 for _ in reader) == summary.counts["slices"]
    with JournalReader(summary.folder / "journal/output.jrn") as reader:
        n = sum(1 for _ in reader)
    assert n == sum(v for k, v in summary.counts.items() if k[0].isupper())


def test_catalogue_is_read_as_meant(events_dir: Path) -> None:
    truth = truth_of(events_dir, "ridgecrest2019_m7.1")
    assert iso(truth.origin_ns, 2) == "2019-07-06T03:19:53.04Z"
    assert (truth.magnitude, truth.p4_s) == (7.1, 5.2)
