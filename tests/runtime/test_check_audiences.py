"""Whether a network can warn an audience at all, and whether anybody said where it lives."""

from pathlib import Path

import pytest

from seiswarn.config import load_config
from seiswarn.runtime.check_audiences import audience_findings
from seiswarn.stationxml import read_station_tables

STATIONS = Path(__file__).parents[2] / "stations" / "guangxi_fictional" / "stations.xml"


@pytest.fixture(scope="module")
def table():
    return read_station_tables([STATIONS], None)


@pytest.fixture
def findings(tmp_path, table):
    def found(text):
        path = tmp_path / "c.toml"
        path.write_text(text)
        return [(f.mark.strip(), f.sentence) for f in audience_findings(path, load_config(path), table)]

    return found


HERE = "region = [[22, 105], [25, 105], [25, 109], [22, 109]]\n"
FAR = "region = [[40, 80], [42, 80], [42, 85], [40, 85]]\n"  # Xinjiang
NEARBY = "region = [[22, 112.0], [25, 112.0], [25, 113.0], [22, 113.0]]\n"


def test_the_defaults_are_sound_and_say_when_they_warn(findings):
    assert findings("") == [("ok", "public: warned from intensity 3 and M 4 on")]


def test_an_audience_without_a_region_is_a_doubt_with_its_line(findings):
    text = '\n[[audience]]\nname = "people"\n'
    ((mark, sentence),) = findings(text)
    assert mark == "warn"
    assert sentence.startswith("people (c.toml:2) has no region: it hears of earthquakes anywhere")
    assert sentence.endswith("give it a region, or say everywhere = true")


@pytest.mark.parametrize(
    "words",
    [
        HERE,
        NEARBY,
        "everywhere = true\n",
        'at_epicentre = false\nkinds = ["station"]\n',  # its targets are its region
        "[[audience.rules]]\nmin_magnitude = 5\nwithin_km = 100\n",
        "[[audience.rules]]\nmin_magnitude = 5\n" + HERE,
    ],
)
def test_who_says_where_is_sound(findings, words):
    ((mark, sentence),) = findings('[[audience]]\nname = "people"\n' + words)
    assert (mark, sentence[:15]) == ("ok", "people: warned ")


def test_one_rule_without_a_region_is_enough_for_a_doubt(findings):
    rules = f"[[audience.rules]]\n{HERE}[[audience.rules]]\nmin_magnitude = 6\n"
    assert [mark for mark, _ in findings('[[audience]]\nname = "people"\n' + rules)] == ["warn"]


def test_more_stations_than_there_are_can_never_be(findings, table):
    sites = len(set(table.st_site.tolist()))
    assert findings(f'[[audience]]\nname = "p"\neverywhere = true\nmin_stations = {sites}\n')[0][0] == "ok"
    text = f'[[audience]]\nname = "q"\n{HERE}\n\n[[audience]]\nname = "p"\nmin_stations = {sites + 1}\n'
    good, bad = findings(text)
    assert good[0] == "ok"
    sentence = f"p (c.toml:6) can never be warned: it asks for {sites + 1} stations, the network has {sites}"
    assert bad == ("FAIL", sentence)


def test_a_region_far_from_every_station_can_never_be(findings):
    ((mark, sentence),) = findings('[[audience]]\nname = "p"\n' + FAR)
    assert mark == "FAIL"
    assert sentence.startswith("p (c.toml:1) can never be warned: its region is 2")
    assert sentence.endswith("km from the nearest station")
    rules = f"[[audience.rules]]\n{FAR}[[audience.rules]]\n{HERE}"
    assert findings('[[audience]]\nname = "p"\n' + rules)[0][0] == "ok"  # one of its rules can fire
    ((mark, _),) = findings(f'[[audience]]\nname = "p"\n[[audience.rules]]\n{FAR}')
    assert mark == "FAIL"


def test_everything_that_makes_it_impossible_is_told(findings):
    text = '[[audience]]\nname = "p"\nmin_stations = 99\n' + FAR
    assert [mark for mark, _ in findings(text)] == ["FAIL", "FAIL"]


def test_the_only_audience_of_alerts_is_looked_at_too(findings):
    ((mark, sentence),) = findings("[run]\nstatus = 'exercise'\n\n[alerts]\nmin_stations = 99\n")
    assert mark == "FAIL"
    assert sentence.startswith("public (c.toml:4) can never be warned")


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ('preset = "railway"\n', "warned from PGA 40 cm/s2 on"),
        (
            'preset = "railway_conventional"\n',
            "warned by M 3 to 4, or M 4 to 6, or M 6 to 7, or M 7 and more",
        ),
    ],
)
def test_the_rule_is_told_in_a_sentence(findings, body, rule):
    target = '[[targets]]\nname = "K0"\nlatitude = 24.0\nlongitude = 107.0\nkind = "railway"\n'
    ((mark, sentence),) = findings('[[audience]]\nname = "rail"\n' + body + target)
    assert mark == "ok"
    assert sentence.startswith(f"rail: {rule}")
