"""The command from a configuration to a page, and what it declines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from seiswarn.bundled import bundled
from seiswarn.cli import app
from seiswarn.config import default_config, load_config
from seiswarn.errors import UsageError
from seiswarn.plan.alerting import Quake
from seiswarn.plan.command import Options, plan
from seiswarn.plan.result import Plan

DEMO = "configs/demo.toml"


def _plan(**changes: Any) -> Plan:
    options = Options(**({"max_nodes": 6, "margin_km": 0.0} | changes))
    return plan(load_config(bundled(DEMO)), options).plan


def test_the_demo_gives_maps_and_tables(tmp_path: Path) -> None:
    page, json = tmp_path / "plan.html", tmp_path / "plan.json"
    words = ["plan", str(bundled(DEMO)), "--out", str(page), "--json", str(json), "--jobs", "1"]
    words += ["--nodes", "12", "--site", "NEW1,23.4,105.8", "--magnitude", "5.5"]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "M 5.5, 10 km deep" in done.output
    assert "First alert, s after origin, with added stations" in done.output
    assert done.output.splitlines()[-1] == f"Maps and tables are in {page}."
    text = page.read_text()
    assert text.count("<svg") == 5
    for word in ("Baise", "blind zone, km", "first alert, s after the origin", "added station", "cividis"):
        assert (word in text) == (word != "cividis"), word
    assert "http://" not in text.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )
    told = msgspec.json.decode(json.read_bytes(), type=Plan)
    assert len(told.nodes) == len(told.nodes_after) == told.n_rows * told.n_columns <= 12
    assert len(told.targets) == 26
    assert told.gain is not None
    assert told.alert_s.best is not None
    assert told.alert_s.median is not None
    assert 3.0 < told.alert_s.best <= told.alert_s.median < 60.0


def test_processes_change_nothing() -> None:
    one, two = _plan(n_jobs=1, max_nodes=4), _plan(n_jobs=2, max_nodes=4)
    assert msgspec.json.encode(one) == msgspec.json.encode(two)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"quake": Quake(depth_km=500.0)}, "outside the velocity model"),
        ({"quake": Quake(depth_km=-1.0)}, "outside the velocity model"),
        ({"quake": Quake(depth_km=float("nan"))}, "outside the velocity model"),
        ({"quake": Quake(magnitude=3.5)}, "never to be alerted"),
        ({"quake": Quake(magnitude=9.0)}, "between 3 and 8"),
        ({"quake": Quake(policy="railway")}, "only public"),
        ({"spacing_km": 1.0}, "finest"),
    ],
)
def test_senseless_wishes_are_declined(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        _plan(**changes)


def test_without_stations_there_is_nothing_to_plan() -> None:
    with pytest.raises(UsageError, match="needs stations"):
        plan(default_config(), Options())


def test_a_page_that_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    words = ["plan", str(bundled(DEMO)), "--out", str(tmp_path / "none" / "plan.html")]
    with pytest.raises(UsageError, match="cannot be written"):
        CliRunner().invoke(app, words, catch_exceptions=False)
