import json
from pathlib import Path

import pytest

from seiswarn.config import load_config
from seiswarn.runtime.check_targets import target_findings
from seiswarn.stationxml import read_station_tables

STATIONS = Path(__file__).parents[2] / "stations" / "guangxi_fictional" / "stations.xml"


@pytest.fixture(scope="module")
def table():
    return read_station_tables([STATIONS], None)


def findings(folder, table, text, **files):
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content)
    path = folder / "c.toml"
    path.write_text(text)
    return target_findings(path, load_config(path), table)


def test_targets_in_the_network_give_no_finding(tmp_path, table):
    text = "[[targets]]\nname = 'Baise'\nlatitude = 23.9\nlongitude = 106.62\n"
    assert findings(tmp_path, table, text) == []
    assert findings(tmp_path, table, "") == []


def test_a_target_beyond_every_model_is_a_warning_with_its_place(tmp_path, table):
    csv = "name,latitude,longitude\nBaise,23.9,106.62\nHarbin,45.75,126.65\n"
    own = "[[targets]]\nname = 'Oslo'\nlatitude = 59.9\nlongitude = 110\n"
    json_text = json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "properties": {"name": "Line"},
                    "geometry": {"type": "LineString", "coordinates": [[126.0, 45.0], [126.0, 45.02]]},
                }
            ],
        },
        indent=1,
    )
    found = findings(
        tmp_path, table, "[shaking]\ntargets = ['t.csv', 'l.json']\n" + own, t_csv=csv, l_json=json_text
    )
    assert [(f.ok, f.warning, f.mark) for f in found] == [(True, True, "warn")] * 3
    assert found[0].sentence.startswith("target Harbin (t.csv:3) is 2")
    assert found[0].sentence.endswith(
        "km from the nearest station: no forecast there is inside any model's range of 400 km"
    )
    assert found[1].sentence.startswith("target Line K0-2.2 (l.json:4) is ")
    assert found[2].sentence.startswith("target Oslo (c.toml:3) is ")


def test_exchanged_coordinates_are_a_failure(tmp_path, table):
    # 88 degrees east is a possible latitude: only the network tells that it is none
    text = "[[targets]]\nname = 'A'\nlatitude = 88.0\nlongitude = 27.0\n"
    lhasa = read_station_tables([STATIONS], None)
    west = type(lhasa)(
        **{
            f: getattr(lhasa, f)
            for f in lhasa.__dataclass_fields__
            if f not in ("channel_index", "station_index", "st_longitude", "st_latitude")
        },
        st_longitude=lhasa.st_longitude - 18.6,
        st_latitude=lhasa.st_latitude + 3.0,
    )
    (found,) = findings(tmp_path, west, text)
    assert (found.ok, found.mark) == (False, "FAIL")
    assert found.sentence.startswith("target A (c.toml:1): latitude and longitude seem exchanged: it is")
    (found,) = findings(tmp_path, table, text)
    assert found.warning


def test_of_many_targets_out_of_reach_the_first_are_told_and_the_rest_counted(tmp_path, table):
    csv = "name,latitude,longitude\n" + "".join(f"T{k},{50 + 0.1 * k},106\n" for k in range(12))
    found = findings(tmp_path, table, "[shaking]\ntargets = 't.csv'\n", t_csv=csv)
    assert len(found) == 6
    assert found[-1].sentence == "... and 7 more targets like the last one"


def test_two_targets_at_one_place_are_told(tmp_path, table):
    csv = "name,latitude,longitude\nA,23.9,106.6\nB,23.9,106.6\nC,23.9,106.601\n"
    (found,) = findings(tmp_path, table, "[shaking]\ntargets = 't.csv'\n", t_csv=csv)
    assert found.warning
    assert found.sentence == "target B (t.csv:3) lies where target A (t.csv:2) does"
