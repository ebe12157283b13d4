"""Station attributes and windows of maintenance out of the configuration, mistakes and all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seiswarn.config import load_config
from seiswarn.config_attributes import read_attributes
from seiswarn.errors import ConfigError
from seiswarn.runtime.setup import set_up
from seiswarn.station_attributes import with_attributes
from seiswarn.station_patterns import Attributes, matches
from tests.parity.conftest import three_component_table

TABLE = three_component_table(5)


def test_rows_by_pattern_the_last_counts() -> None:
    rows = [
        Attributes("XX.*", "ordinary", "hub-1", 1.5),
        Attributes("XX.S00[12]..HN", "datum"),
        Attributes("XX.S002", None, "hub-2"),
        Attributes("YY.*"),
    ]
    table, unused = with_attributes(TABLE, rows)
    assert table.st_tier.tolist() == [2, 0, 0, 2, 2]
    assert table.telecom_groups == ("hub-1", "hub-2")
    assert table.st_telecom.tolist() == [0, 0, 1, 0, 0]
    assert table.st_latency_s.tolist() == [1.5] * 5
    assert unused == ["YY.*"]
    assert table.station_index == TABLE.station_index


def test_nobody_says_anything() -> None:
    assert set(TABLE.st_tier.tolist()) == {1}
    assert set(TABLE.st_telecom.tolist()) == {-1}
    assert np.isnan(TABLE.st_latency_s).all()


def test_patterns_name_sites_or_sensors() -> None:
    assert matches("XX.S001.00.HN", ["XX.S001"])
    assert matches("XX.S001.00.HN", ["XX.S00?.*.HN"])
    assert not matches("XX.S001.00.HN", ["XX.S001.10.HN", "YY.*"])


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    head = "# links as of March\nstation, tier, telecom, latency_s\n\n"
    file.write_text(head + "XX.S*, basic,, 0.4\nXX.S001,,hub-1,\n")
    rows, problems = read_attributes(file)
    assert problems == []
    assert rows == [Attributes("XX.S*", "basic", "", 0.4), Attributes("XX.S001", None, "hub-1", None)]


def test_all_mistakes_at_once_each_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "station,tier,latncy_s,latency_s\nXX.S001,ordinry,,1\nS001,basic,,1\nXX.S002,basic,,-3\nXX.S003,basic,,1,5\n"
    )
    (tmp_path / "c.toml").write_text(
        '[stations]\nattributes = "a.csv"\n\n[[maintenance]]\nstations = ["S001"]\n'
        'start = "2026-03-01T02:00:00Z"\nend = "2026-03-01T01:00:00Z"\n\n'
        '[[maintenance]]\nstations = ["XX.*"]\nstart = "soon"\nend = "later"\n'
    )
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "c.toml")
    found = [(Path(p.file).name, p.line, p.message) for p in caught.value.problems]
    assert [(f, n) for f, n, _ in found] == [
        ("c.toml", 5), ("c.toml", 7), ("c.toml", 9),
        ("a.csv", 1), ("a.csv", 2), ("a.csv", 3), ("a.csv", 4), ("a.csv", 5),
    ]  # fmt: skip
    assert "did you mean ordinary?" in str(caught.value)
    assert "did you mean latency_s?" in str(caught.value)


@pytest.mark.parametrize("text", ["", "tier,telecom\nbasic,a\n"])
def test_a_file_that_says_nothing_of_stations(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    rows, problems = read_attributes(tmp_path / "a.csv")
    assert rows == []
    assert len(problems) == 1
    assert read_attributes(tmp_path / "none.csv")[1][0].message.startswith("cannot be read")


def test_what_no_station_is_called_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("station,telecom\nXX.S*,hub\nYY.A,hub\n")
    (tmp_path / "c.toml").write_text(
        '[stations]\nattributes = "a.csv"\n[[maintenance]]\nstations = ["ZZ.B"]\n'
        'start = "2026-03-01T02:00:00Z"\nend = "2026-03-01T04:00:00Z"\n'
    )
    setup = set_up(load_config(tmp_path / "c.toml"), TABLE, "test")
    assert setup.table.telecom_groups == ("hub",)
    assert "maintenance: no station is called ZZ.B" in setup.warnings
    assert any("no station is called YY.A" in w for w in setup.warnings)
    assert len(setup.params.health.maintenance) == 1
