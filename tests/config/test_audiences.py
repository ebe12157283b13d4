"""[[audience]] tables: presets filled in, and every contradiction named with its line."""

import pytest

from seiswarn.alerts.presets import PRESETS
from seiswarn.config import load_config
from seiswarn.config_text import default_toml
from seiswarn.errors import ConfigError

TARGETS = """
[[targets]]
name = "K0"
latitude = 24.0
longitude = 107.0
kind = "railway"
line = "East"
"""


@pytest.fixture
def write(tmp_path):
    def written(text):
        path = tmp_path / "c.toml"
        path.write_text(text)
        return path

    return written


def problems(path):
    """Everything wrong with a file, as (line, key, message, suggestion)."""
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert all(p.file.endswith("c.toml") for p in caught.value.problems)
    return [(p.line, p.key, p.message, p.suggestion) for p in caught.value.problems]


def test_without_a_table_alerts_is_the_only_audience(write):
    config = load_config(write("[alerts]\nmin_magnitude = 4.5\n"))
    assert [(p.name, p.min_magnitude) for p in config.audiences] == [("public", 4.5)]


def test_several_audiences_with_presets_and_values_of_their_own(write):
    text = (
        '[[audience]]\npreset = "public"\n[[audience]]\nname = "rail"\npreset = "railway"\nmin_pga_gal = 35\n'
    )
    config = load_config(write(text + TARGETS))
    public, rail = config.audiences
    assert (public.name, public.all_clear_s) == ("public", 120.0)
    assert (rail.name, rail.min_pga_gal, rail.measure) == ("rail", 35.0, "pga")
    assert [level.at_least for level in rail.levels] == [40.0, 80.0, 120.0]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_can_be_configured(write, preset):
    kinds = ("railway", "nuclear", "pipeline", "mine", "school", "relic")
    targets = "".join(
        f'[[targets]]\nname = "{k}"\nlatitude = 24.0\nlongitude = 107.0\nkind = "{k}"\n' for k in kinds
    )
    (only,) = load_config(write(f'[[audience]]\nname = "x"\npreset = "{preset}"\n' + targets)).audiences
    assert only.name == "x"


def test_the_defaults_that_are_shown_can_be_read_again(write):
    text = default_toml()
    assert "[[audience]]" in text
    load_config(write(text))


def audience(body):
    """One audience; its body begins on line 3."""
    return '[[audience]]\nname = "a"\n' + body


BAD = {
    "a preset with a slip of the pen": (
        audience('preset = "ralway"\n'),
        [(3, "audience[0].preset", "there is no preset 'ralway'", "did you mean railway?")],
    ),
    "a preset of no likeness": (
        audience('preset = "xyz"\n'),
        [(3, "audience[0].preset", "there is no preset 'xyz'", "one of: public")],
    ),
    "two of one name": (
        audience("") + '[[audience]]\nname = "a"\n',
        [(4, "audience[1].name", "a second audience called a", "a name of its own")],
    ),
    "a region and everywhere": (
        audience("everywhere = true\nregion = [[23, 105], [25, 105], [25, 107]]\n"),
        [(4, "audience[0].region", "contradicts everywhere = true", "keep one of both")],
    ),
    "a region beside rules": (
        audience("region = [[23, 105], [25, 105], [25, 107]]\n[[audience.rules]]\nmin_magnitude = 5.0\n"),
        [(3, "audience[0].region", "is not looked at", "give each rule its region")],
    ),
    "a polygon of two corners": (
        audience("region = [[23, 105], [25, 105]]\n"),
        [(3, "audience[0].region", "at least 3 corners, not 2", "")],
    ),
    "latitude and longitude exchanged": (
        audience("region = [[105, 23], [105, 25], [107, 25]]\n"),
        [(3, "audience[0].region", "is no [latitude, longitude]", "")] * 3,
    ),
    "gal asked for in degrees": (
        audience('measure = "pga"\nmin_pga_gal = 40\nmin_intensity = 5.0\n'),
        [
            (1, "audience[0].levels", "are colours by intensity", "set levels in cm/s2"),
            (5, "audience[0].min_intensity", 'measure is "pga"', "set min_pga_gal"),
        ],
    ),
    "degrees asked for in gal": (
        audience("min_pga_gal = 40\n"),
        [(3, "audience[0].min_pga_gal", 'measure is "intensity"', 'measure = "pga"')],
    ),
    "a rule in degrees where gal count": (
        audience('measure = "pga"\nmin_pga_gal = 40\n[[audience.rules]]\nmin_intensity = 5.0\n'),
        [
            (1, "audience[0].levels", "are colours by intensity", "set levels in cm/s2"),
            (6, "audience[0].rules[0].min_intensity", "compares an intensity", "use min_pga_gal"),
        ],
    ),
    "a magnitude no earthquake has": (
        audience("min_magnitude = 9.9\n"),
        [(3, "audience[0].min_magnitude", "can never fire: no earthquake reaches M 9.9", "")],
    ),
    "such a magnitude in a rule": (
        audience("[[audience.rules]]\nmin_magnitude = 9.8\n"),
        [(4, "audience[0].rules[0].min_magnitude", "can never fire: no earthquake reaches M 9.8", "")],
    ),
    "levels that fall": (
        audience(
            '[[audience.levels]]\nname = "x"\nat_least = 5\n[[audience.levels]]\nname = "y"\nat_least = 4\n'
        ),
        [(6, "audience[0].levels[1]", "begins at 4, not above x (5)", "from the lowest to the highest")],
    ),
    "two levels of one name": (
        audience(
            '[[audience.levels]]\nname = "x"\nat_least = 3\n[[audience.levels]]\nname = "x"\nat_least = 5\n'
        ),
        [(7, "audience[0].levels[1].name", "a second level called x", "")],
    ),
    "levels in gal without saying so": (
        audience('[[audience.levels]]\nname = "I"\nat_least = 40\n'),
        [(3, "audience[0].levels", "intensities end at 12", 'measure = "pga"')],
    ),
    "a threshold above the levels": (
        audience("min_intensity = 8.0\n"),
        [(1, "audience[0].levels", "the threshold 8 is not below the highest level, red (7)", "lower the")],
    ),
    "a rule for a level there is not": (
        audience('[[audience.rules]]\nmin_magnitude = 5.0\nlevel = "orang"\n'),
        [(5, "audience[0].rules[0].level", "there is no level 'orang'", "did you mean orange?")],
    ),
    "a margin around no region": (
        audience("[[audience.rules]]\nmin_magnitude = 5.0\nmargin_km = 50\n"),
        [(5, "audience[0].rules[0].margin_km", "is a margin around no region", "give the rule a region")],
    ),
    "kinds of which there is none": (
        audience('kinds = ["railway", "gas"]\nat_epicentre = false\n'),
        [(3, "audience[0].kinds", "can never fire: no target is of kind railway or gas", "add such targets")],
    ),
    "a line there is not": (
        audience('lines = ["Eest"]\n') + TARGETS,
        [(3, "audience[0].lines", "no target is of line 'Eest'", "did you mean East?")],
    ),
    "too young to be known": (
        audience("max_age_s = 0.5\n"),
        [(3, "audience[0].max_age_s", "can never fire: an event is not known before", "60 or more")],
    ),
    "a way out for somebody unknown": (
        audience("") + '[[publish]]\nkind = "file"\npath = "run"\naudiences = ["a", "rail"]\n',
        [(6, "publish[0].audiences", "there is no audience 'rail'", "one of: a")],
    ),
    "alerts beside audiences": (
        audience("") + "[alerts]\nmin_magnitude = 4.5\n",
        [(3, "alerts", "is not looked at, since there are [[audience]] tables", "")],
    ),
    "distance to targets without any of its own": (
        audience('kinds = ["gas"]\n[[audience.rules]]\nmin_magnitude = 5.0\nwithin_km = 50\n'),
        [(4, "audience[0].rules", "within_km needs targets, and this audience has none", "")],
    ),
    "no such key": (
        audience("min_magnitud = 4.5\n"),
        [(3, "audience[0].min_magnitud", "no such key", "did you mean min_magnitude?")],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_with_an_audience_is_told_with_its_line_and_what_to_do(write, case):
    text, expected = BAD[case]
    found = problems(write(text))
    assert [(line, key) for line, key, _, _ in found] == [(p[0], p[1]) for p in expected]
    for (_, _, message, suggestion), (_, _, words, hint) in zip(found, expected, strict=True):
        assert words in message
        assert hint in suggestion


def test_all_mistakes_of_all_audiences_are_told_at_once(write):
    text = "".join(BAD[case][0] for case in ("a magnitude no earthquake has", "degrees asked for in gal"))
    assert [key for _, key, _, _ in problems(write(text))] == [
        "audience[0].min_magnitude", "audience[1].name", "audience[1].min_pga_gal",
    ]  # fmt: skip


def test_a_way_out_may_be_for_some_audiences(write):
    text = audience("") + '[[publish]]\nkind = "file"\npath = "run"\naudiences = ["a"]\n'
    assert load_config(write(text)).publish[0].audiences == ("a",)
