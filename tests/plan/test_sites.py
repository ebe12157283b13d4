"""Sites of stations to be added: read, refused with a sentence, put into the table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seiswarn.errors import UsageError
from seiswarn.grid import GridNodes, grid_nodes
from seiswarn.plan.sites import Site, insist_on_sites, parse_site, read_sites, with_sites
from seiswarn.stations import Z

from .conftest import stations


@pytest.fixture
def grid() -> GridNodes:
    table = stations()
    return grid_nodes(table.st_latitude, table.st_longitude, 10.0, 20.0, 1000)


def test_sites_come_from_a_file_or_a_word(tmp_path: Path) -> None:
    file = tmp_path / "sites.csv"
    file.write_text("# where to build\nlatitude,name,longitude\n\n24.5,new1,106.25\n")
    assert read_sites(file) == (Site(name="NEW1", latitude=24.5, longitude=106.25),)
    assert parse_site("NEW1, 24.5, 106.25") == read_sites(file)[0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name,latitude\nA,1\n", "columns name,latitude,longitude"),
        ("name,latitude,longitude\nA,1\n", ":2: 2 cells"),
        ("name,latitude,longitude\nA,x,2\n", ":2: 'x', '2'"),
        ("name,latitude,longitude\nA,91,2\n", "no place on Earth"),
        ("name,latitude,longitude\nA,nan,2\n", "no place on Earth"),
        ("name,latitude,longitude\nNew place,1,2\n", "no station code"),
        ("name,latitude,longitude\n", "names no site"),
    ],
)
def test_bad_files_are_told_by_line(text: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "sites.csv"
    file.write_text(text)
    with pytest.raises(UsageError, match=says):
        read_sites(file)


def test_bad_words_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="NAME,LATITUDE,LONGITUDE"):
        parse_site("A,1")
    with pytest.raises(UsageError, match="cannot be read"):
        read_sites(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("sites", "says"),
    [
        ((Site(name="A", latitude=30.0, longitude=0.0),), "outside the region"),
        ((Site(name="A", latitude=0.0, longitude=-120.0),), "outside the region"),
        ((Site(name="A", latitude=0.001, longitude=0.0),), r"where station XX\.A\.\.HN stands"),
        (
            (Site(name="P", latitude=0.1, longitude=0.1), Site(name="P", latitude=0.2, longitude=0.1)),
            "two sites are called P",
        ),
        (
            (Site(name="P", latitude=0.1, longitude=0.1), Site(name="Q", latitude=0.1, longitude=0.1)),
            "one place",
        ),
    ],
)
def test_senseless_sites_are_refused(sites: tuple[Site, ...], says: str, grid: GridNodes) -> None:
    with pytest.raises(UsageError, match=says):
        insist_on_sites(sites, stations(), grid)


def test_a_code_that_is_taken_is_refused() -> None:
    with pytest.raises(UsageError, match="already"):
        with_sites(stations(), [Site(name="B", latitude=0.2, longitude=0.2)])


def test_the_table_stays_sorted_and_whole() -> None:
    table = stations()
    more = with_sites(table, [Site(name="AB", latitude=0.2, longitude=0.3)])
    assert list(more.stations) == sorted(more.stations)
    assert list(more.channels) == sorted(more.channels)
    at = more.station_index["XX.AB..HN"]
    assert (more.st_latitude[at], more.st_longitude[at]) == (0.2, 0.3)
    assert len(np.unique(more.st_site)) == more.n_stations
    vertical = more.components()[at, Z]
    assert more.channels[vertical] == "FDSN:XX_AB__H_N_Z"
    for code in table.stations:
        old, new = table.station_index[code], more.station_index[code]
        assert more.st_latitude[new] == table.st_latitude[old]
        assert {c for c, s in zip(more.channels, more.ch_station, strict=True) if s == new} == {
            c for c, s in zip(table.channels, table.ch_station, strict=True) if s == old
        }
