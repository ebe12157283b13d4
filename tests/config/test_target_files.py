import csv
import io
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seiswarn.config import load_config
from seiswarn.config_targets import read_targets
from seiswarn.errors import ConfigError
from seiswarn.targets import Target


@pytest.fixture
def write(tmp_path):
    def written(text, name):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return written


def problems(path):
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    return caught.value.problems


# --- CSV ----------------------------------------------------------------------------------


def test_a_csv_gives_targets_with_their_lines(write):
    path = write(
        "\ufeffname,latitude,longitude,name_zh,vs30_mps,kind,population,line\n# a comment\n\n"
        'A,1,2,甲,300,school,1200,\n"B, old",3,4,,,,1e3,\nK 5,5,6,,,railway,,South\n',
        "t.csv",
    )
    found = read_targets(path)
    assert found.problems == []
    assert found.targets == [
        Target(name="A", latitude=1, longitude=2, name_zh="甲", vs30_mps=300, kind="school", population=1200),
        Target(name="B, old", latitude=3, longitude=4, population=1000),
        Target(name="K 5", latitude=5, longitude=6, kind="railway", line="South"),
    ]
    assert found.lines == [4, 5, 6]


def test_bad_lines_of_a_csv_are_all_named_and_the_good_ones_kept(write):
    path = write(
        "name,latitude,longitude\nA,1,2\nB,north,2\nC,91,200\nD,1\nE,1,2,3\nA,5,6\n,1,2\nF,nan,1\nG,7,8\n",
        "t.csv",
    )
    found = read_targets(path)
    assert [t.name for t in found.targets] == ["A", "A", "G"]
    assert sorted({p.line for p in found.problems}) == [3, 4, 5, 6, 7, 8, 9]
    told = {p.line: p for p in found.problems}
    assert told[3].key == "targets.latitude"
    assert "1 cells too few" in told[5].message
    assert told[5].suggestion == "leave unknown cells empty, keep the commas"
    assert "already in line 2" in told[7].message


@pytest.mark.parametrize(
    ("row", "key", "words"),
    [
        ("A,106.6,23.9,0,,", "targets.latitude", "are latitude and longitude exchanged?"),
        ("A,3512345,18612345,0,,", "targets.latitude", "not metres of a map projection"),
        ("A,1,2,-5,,", "targets.population", "allowed: >= 0"),
        ("A,1,2,7.5,,", "targets.population", "whole number"),
        ("A,1,2,many,,", "targets.population", "whole number"),
        ("A,1,2,,High School,", "targets.kind", "a text matching"),
        ("A,1,2,,,9000", "targets.vs30_mps", "<= 3000"),
        ("A,1,,,,", "targets.longitude", "a number"),
    ],
)
def test_what_is_wrong_with_a_row_is_said_with_what_to_do(write, row, key, words):
    path = write(f"name,latitude,longitude,population,kind,vs30_mps\nok,1,2,,,\n{row}\n", "t.csv")
    found = read_targets(path)
    assert [t.name for t in found.targets] == ["ok"]
    (problem,) = found.problems
    assert (problem.line, problem.key) == (3, key)
    assert words in str(problem)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("name,lat,lon\n", "no column latitude"),
        ("name,latitude,longitude,height\nA,1,2,3\n", "unknown column 'height'"),
        ("name,latitude,longitude,name\n", "a second column 'name'"),
        (b"name,latitude,longitude\n\xff,1,2\n", "UTF-8"),
        ('name,latitude,longitude\n"' + "x" * 140_000 + '",1,2\n', "is no CSV"),
    ],
)
def test_files_that_cannot_be_used(write, text, words):
    found = read_targets(write(text, "t.csv"))
    assert found.targets == []
    assert any(words in p.message for p in found.problems)


def test_problems_of_a_target_file_stand_beside_those_of_the_configuration(write):
    write("name,latitude,longitude\nA,x,2\n", "t.csv")
    found = problems(write("[shaking]\ntargets = 't.csv'\n[alerts]\nmin_stations = 0\n", "c.toml"))
    assert [(Path(p.file).name, p.line) for p in found] == [("c.toml", 4), ("t.csv", 2)]


def test_several_files_and_tables_make_one_list_in_which_a_name_stands_once(write):
    write("name,latitude,longitude\nA,1,2\n", "a.csv")
    write(collection(feature("Point", [4, 3], name="B")), "b.geojson")
    whole = "[shaking]\ntargets = ['a.csv', 'b.geojson']\n"
    config = load_config(write(whole, "c.toml"))
    assert [t.name for t in config.targets] == ["A", "B"]
    one = load_config(write("[shaking]\ntargets = 'a.csv'\n", "c.toml"))
    assert load_config(write("[shaking]\ntargets = ['a.csv']\n", "c.toml")) == one
    write("name,latitude,longitude\nB,1,2\n", "a.csv")
    extra = "[[targets]]\nname = 'B'\nlatitude = 1\nlongitude = 2\n"
    first, second = problems(write(whole + extra, "c.toml"))
    assert (first.line, first.key, first.message) == (4, "targets[0].name", "a second target called B")
    assert (Path(second.file).name, second.line) == ("b.geojson", 3)
    assert "stands already in" in second.message


words = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="#"), min_size=1, max_size=12)
targets = st.builds(
    Target,
    name=words,
    latitude=st.floats(-90, 90),
    longitude=st.floats(-180, 180),
    name_zh=words | st.just(""),
    kind=st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True),
    population=st.integers(0, 10**8),
    line=words | st.just(""),
    from_km=st.floats(0, 100),
    to_km=st.floats(100, 1e4),
    vs30_mps=st.floats(0, 3000),
)


@given(st.lists(targets, max_size=6, unique_by=lambda t: t.name))
def test_targets_written_as_csv_come_back(tmp_path_factory, given_targets):
    text = io.StringIO()
    writer = csv.writer(text)
    fields = [f.name for f in msgspec.structs.fields(Target)]
    writer.writerow(fields)
    writer.writerows([getattr(t, f) for f in fields] for t in given_targets)
    path = tmp_path_factory.getbasetemp() / "round.csv"
    path.write_bytes(text.getvalue().encode())
    found = read_targets(path)
    assert (found.targets, found.problems) == (given_targets, [])


@given(st.text(max_size=60) | st.text(alphabet='name,latitude,longitude\n"1-.e#', max_size=60))
def test_whatever_a_csv_holds_nothing_is_raised(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    for head in ("", "name,latitude,longitude\n"):
        path.write_bytes((head + text).encode())
        found = read_targets(path)
        assert len(found.targets) == len(found.lines)
        if not head:
            assert found.problems


# --- GeoJSON ------------------------------------------------------------------------------


def feature(shape, coordinates, **properties):
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": shape, "coordinates": coordinates},
    }


def collection(*features):
    """A collection with its features in lines 3, 4, 5 ..."""
    inner = ",\n".join(json.dumps(f) for f in features)
    return '{"type": "FeatureCollection",\n"features": [\n' + inner + "]}\n"


def test_points_and_areas_give_one_target_each(write):
    square = [[106, 23], [108, 23], [108, 25], [106, 25], [106, 23]]
    path = write(
        collection(
            feature("Point", [106.62, 23.9, 140.0], name="A", name_zh="甲", population=7.0, kind="school",
                    vs30_mps=300, colour="red"),
            feature("Polygon", [square], name="B", kind="mine"),
            feature("MultiPolygon", [[square], [[p[::-1] for p in square]]], name="C", kind="mine"),
        ),
        "t.geojson",
    )  # fmt: skip
    found = read_targets(path)
    assert found.problems == []
    assert found.lines == [3, 4, 5]
    a, b, c = found.targets
    assert a == Target(
        name="A", latitude=23.9, longitude=106.62, name_zh="甲", population=7, kind="school", vs30_mps=300
    )
    assert (b.latitude, b.longitude, b.kind) == (pytest.approx(24), pytest.approx(107), "mine")
    assert (c.latitude, c.longitude) == (pytest.approx(65.5), pytest.approx(65.5))


def test_a_line_is_cut_into_sections_named_by_their_kilometres(write):
    # one degree of a meridian is 111.195 km on the sphere
    meridian = feature(
        "LineString", [[104, 30], [104, 30.1]], name="Chengkun", name_zh="成昆", kind="railway", vs30_mps=500
    )
    found = read_targets(write(collection(meridian), "t.geojson"))
    assert found.problems == []
    assert [t.name for t in found.targets] == ["Chengkun K0-5", "Chengkun K5-10", "Chengkun K10-11.1"]
    assert [t.name_zh for t in found.targets] == ["成昆 K0-5", "成昆 K5-10", "成昆 K10-11.1"]
    assert {(t.line, t.kind, t.vs30_mps, t.longitude) for t in found.targets} == {
        ("Chengkun", "railway", 500, 104)
    }
    assert found.targets[0].latitude == pytest.approx(30 + 2.5 / 111.195, abs=1e-5)
    assert (found.targets[2].from_km, found.targets[2].to_km) == (10, pytest.approx(11.1195, abs=1e-4))


def test_sections_follow_the_feature_then_the_configuration(write):
    line = [[104, 30], [104, 30.1]]
    parts = [line, [[104, 30.2], [104, 30.25]]]
    path = write(
        collection(
            feature("LineString", line, name="own", section_km=8, from_km=120),
            feature("MultiLineString", parts, name="two", line="South"),
        ),
        "t.json",
    )
    found = read_targets(path, section_km=20.0)
    assert found.problems == []
    assert [(t.name, t.line, t.kind) for t in found.targets] == [
        ("own K120-128", "own", "section"),
        ("own K128-131.1", "own", "section"),
        ("two K0-11.1", "South", "section"),
        ("two K11.1-16.7", "South", "section"),
    ]
    write(collection(feature("LineString", line, name="L")), "t.json")
    config = load_config(write("[shaking]\ntargets = 't.json'\nsection_km = 50\n", "c.toml"))
    assert [t.name for t in config.targets] == ["L K0-11.1"]


def test_broken_features_are_all_named_with_number_and_line(write):
    line = [[104, 30], [104, 30.1]]
    bad = [
        feature("Point", [23.9, 106.6], name="exchanged"),
        feature("Point", [104, 30]),
        feature("Point", [104], name="short"),
        feature("LineString", [[104, 30]], name="one corner"),
        feature("LineString", [p[::-1] for p in line], name="exchanged line"),
        feature("LineString", line, name="no cut", section_km=0),
        feature("Polygon", [[[1, 2], [3, 4]]], name="no ring"),
        feature("MultiPoint", line, name="points"),
        {"type": "Feature", "properties": {"name": "nowhere"}, "geometry": None},
        feature("Point", [104, 30], name="slip", popluation=5),
        feature("Point", [104, 30], name="negative", population=-5),
        feature("Point", [104, 30], name=12),
        "no feature at all",
        feature("LineString", [["a", "b"], [104, 30]], name="letters"),
    ]
    found = read_targets(write(collection(feature("Point", [104, 30], name="good"), *bad), "t.geojson"))
    assert [t.name for t in found.targets] == ["good", "slip"]
    assert [(p.line, p.key) for p in found.problems] == [
        (4, "features[1].latitude"),
        (5, "features[2]"),
        (6, "features[3].coordinates"),
        (7, "features[4].coordinates"),
        (8, "features[5].latitude"),
        (9, "features[6].section_km"),
        (10, "features[7].coordinates"),
        (11, "features[8]"),
        (12, "features[9]"),
        (13, "features[10].popluation"),
        (14, "features[11].population"),
        (15, "features[12].name"),
        (16, "features[13]"),
        (17, "features[14].coordinates"),
    ]
    told = {p.line: str(p) for p in found.problems}
    assert "are latitude and longitude exchanged?" in told[4]
    assert "are latitude and longitude exchanged?" in told[8]
    assert "did you mean population?" in told[13]
    assert "allowed: >= 0.1; default: 5" in told[9]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('{"type": "FeatureCollection",\n "features": [}', 2, "is no JSON"),
        ('{"type": "Topology"}', 1, "is no GeoJSON FeatureCollection"),
        ("[]", 1, "is no GeoJSON FeatureCollection"),
        ("[" * 100_000, 1, "is no JSON to work with"),
        ('{"type": ' + "9" * 5000 + "}", 1, "is no JSON to work with"),
        ('{"type": "FeatureCollection", "features": []}', 1, "empty"),
    ],
)
def test_files_that_are_no_collection(write, text, line, words):
    found = read_targets(write(text, "t.geojson"))
    (problem,) = found.problems
    assert problem.line == line
    assert words in problem.message


scalars = (
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers(-(10**400), 10**400)
    | st.sampled_from(["", "name", "Feature", "Point", "LineString"])
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
almost_features = st.fixed_dictionaries(
    {"type": st.just("Feature")},
    optional={
        "properties": anything
        | st.dictionaries(st.sampled_from(["name", "population", "section_km", "from_km", "kind"]), scalars),
        "geometry": anything
        | st.fixed_dictionaries(
            {
                "type": st.sampled_from(
                    ["Point", "LineString", "MultiLineString", "Polygon", "MultiPolygon"]
                ),
                "coordinates": anything | st.lists(st.lists(st.floats(-400, 400), max_size=3), max_size=5),
            }
        ),
    },
)


@given(anything | st.lists(anything | almost_features, max_size=4))
def test_whatever_the_features_are_nothing_is_raised_and_nothing_is_lost(tmp_path_factory, features):
    path = tmp_path_factory.getbasetemp() / "fuzz.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    found = read_targets(path)
    if isinstance(features, list) and features:
        keys = {p.key.split(".")[0] for p in found.problems} | {"targets"}
        untold = sum(f"features[{k}]" not in keys for k in range(len(features)))
        assert untold <= len(found.targets)
    else:
        assert found.problems


def test_a_single_feature_will_do_and_lines_are_given_up_where_they_cannot_be_told(write):
    found = read_targets(write(json.dumps(feature("Point", [1, 2], name="A")), "t.json"))
    assert [t.name for t in found.targets] == ["A"]
    twice = {
        "type": "FeatureCollection",
        "about": {"features": [1]},
        "features": [feature("Point", [1, 2], name=n) for n in "AB"],
    }
    found = read_targets(write(json.dumps(twice), "t.json"))
    assert ([t.name for t in found.targets], found.lines) == (["A", "B"], [0, 0])


def test_two_features_of_one_name_are_reported(write):
    both = [feature("Point", [1, 2], name="A"), feature("Point", [3, 4], name="A")]
    (problem,) = read_targets(write(collection(*both), "t.json")).problems
    assert (problem.line, problem.message) == (4, "A stands already in line 3")
