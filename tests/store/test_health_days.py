"""Days of station health: folded once, summed over days and tiers, told as a table."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from seiswarn.cli import app
from seiswarn.messages import StationHealth, encode
from seiswarn.runtime.files import DATABASE
from seiswarn.runtime.stations_report import rows_from
from seiswarn.store.sqlite import Database
from seiswarn.timebase import NS, parse_iso

T0 = parse_iso("2026-02-28T23:00:00Z")
STATIONS = ("XX.A..HN", "XX.B..HN", "XX.C..HN")


def minute(k: int) -> StationHealth:
    """A is well, B late and with gaps, C down in the second half of each hour."""
    down = k % 60 >= 30
    return StationHealth(
        t_seen_ns=T0 + k * 60 * NS,
        full=True,
        stations=STATIONS,
        state=("ok", "degraded", "down" if down else "ok"),
        trust=(1.0, 0.5, 1.0),
        latency_s=(0.2, 2.0 if k % 10 else 20.0, 0.2),
        reasons=((), ("GAPPY",), ("NO_DATA",) if down else ()),
        tier=("datum", "ordinary", "ordinary"),
        seconds=60.0,
        data_s=(60.0, 54.0, 0.0 if down else 60.0),
        latency_max_s=(0.5, 31.0, 0.3),
        jitter_s=(0.0, 0.1, 0.0),
        gaps=(0, 2, 0),
        overlaps=(0, 1, 0),
        spikes=(0, 0, 3),
        false_triggers=(0, 1, 0),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    records = [(k + 1, encode(minute(k))) for k in range(180)]
    at_once = StationHealth(
        t_seen_ns=T0, stations=STATIONS[:1], state=("down",), trust=(0.0,), latency_s=(-1.0,), reasons=((),)
    )
    records.append((181, encode(at_once)))  # a change between full messages adds nothing
    with Database(tmp_path / DATABASE) as database:
        database.begin_run("r", "test")
        database.take("r", records[:100])
        database.take("r", records)  # the first hundred again: they count once
    return tmp_path


def test_a_month_per_station(folder: Path) -> None:
    rows, days = rows_from(folder, "2026-03-01", "2026-03-31")
    assert days == ["2026-02-28", "2026-03-01"]
    a, b, c = rows
    assert [r.name for r in rows] == list(STATIONS)
    assert (a.seconds, b.seconds, c.seconds) == (7200.0, 7200.0, 7200.0)
    assert (a.completeness, b.completeness, c.completeness) == (1.0, 0.9, 0.5)
    assert (b.gaps, b.overlaps, b.false_triggers, c.spikes) == (240, 120, 120, 360)
    assert (b.share("degraded"), c.share("down"), c.share("ok")) == (1.0, 0.5, 0.5)
    assert b.latency_s(0.5) == pytest.approx(2.0, rel=0.13)
    assert b.latency_s(0.95) == pytest.approx(20.0, rel=0.13)
    assert c.latency.sum() == 60  # nothing is known of its latency while it is down
    assert b.latency_max_s == 31.0


def test_the_table_by_day_with_tiers_and_as_csv(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.csv"
    told = CliRunner().invoke(
        app, ["stations", "--report", str(folder), "--day", "2026-02-28", "--csv", str(file)]
    )
    assert told.exit_code == 0, told.output
    lines = told.output.splitlines()
    assert lines[0] == "Stations, 2026-02-28"
    assert [line.split("  ")[0] for line in lines[2:]] == [*STATIONS, "datum (1)", "ordinary (2)", "all (3)"]
    assert "50.00" in lines[4]
    text = file.read_text().splitlines()
    assert text[0].startswith("period,station,tier,complete_percent,gaps,latency_s,p95_s")
    assert text[2].startswith("2026-02-28,XX.B..HN,ordinary,90.00,120,")
    assert len(text) == 4


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--month", "2025-01"], "known: 2026-02-28 to 2026-03-01"),
        (["--month", "March"], "is no month"),
        (["--day", "2026-3-1"], "is no day"),
        (["--day", "2026-03-01", "--month", "2026-03"], "not both"),
    ],
)
def test_what_cannot_be_told(folder: Path, options: list[str], words: str) -> None:
    told = CliRunner().invoke(app, ["stations", "--report", str(folder), *options])
    assert told.exit_code != 0
    assert words in str(told.exception)


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["stations", "--report", str(tmp_path)])
    assert "no run of seiswarn" in str(told.exception)
