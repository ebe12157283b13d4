import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from seiswarn.alerts.params import Level, Rule
from seiswarn.config import Config, config_hash, default_config, load_config, resolved
from seiswarn.config_audiences import Audience
from seiswarn.config_doors import IngestSynthetic
from seiswarn.config_parts import Cap, PublishFile, PublishZmq, Report
from seiswarn.config_text import default_toml
from seiswarn.errors import ConfigError
from seiswarn.health.params import Window

ROOT = Path(__file__).parents[2]


@pytest.fixture
def write(tmp_path):
    def written(text, name="c.toml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return written


def problems(path):
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    return caught.value.problems


FIVE = """\
[run]
status = "practise"

[alerts]
min_magnitud = 4.5
min_intensity = 13.0

[waveform]
sta_s = "short"

[[publish]]
kind = "zmq"

[[publish]]
kind = "pigeon"
"""


def test_five_different_mistakes_are_reported_at_once_with_their_lines(write):
    path = write(FIVE)
    found = problems(path)
    assert [(p.line, p.key) for p in found] == [
        (2, "run.status"),
        (5, "alerts.min_magnitud"),
        (6, "alerts.min_intensity"),
        (9, "waveform.sta_s"),
        (15, "publish[1].kind"),
    ]
    assert {p.file for p in found} == {str(path)}
    assert found[1].suggestion == "did you mean min_magnitude?"
    assert found[2].suggestion == "allowed: >= 0, <= 12; default: 3.0"
    assert "13.0 is not allowed" in found[2].message
    assert "a number" in found[3].message
    assert found[4].suggestion == "one of: file, zmq"
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    text = str(caught.value)
    assert text.startswith("5 problems in the configuration")
    assert f"{path}:5: alerts.min_magnitud: no such key (did you mean min_magnitude?)" in text


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        ("[alert]\n", 1, "alert", "did you mean alerts?"),
        ("run = 3\n", 1, "run", "must be a table, not a number"),
        ("[run]\nname = 3\n", 2, "run.name", "a text"),
        ("[run]\nname = ''\n", 2, "run.name", "length"),
        ("publish = 'x'\n", 1, "publish", "must be an array of tables, not a text"),
        ("\n[[publish]]\nname = 'x'\n", 2, "publish[0]", "kind is missing"),
        ("\n\n[[ingest]]\nkind = 'archive'\n", 3, "ingest[0]", "path is missing"),
        ("[alerts]\nmin_magnitude = nan\n", 2, "alerts.min_magnitude", "no number to calculate with"),
        ("[alerts]\nexpires_s = inf\n", 2, "alerts.expires_s", "no number to calculate with"),
        ("[alerts]\nmin_stations = 4.5\n", 2, "alerts.min_stations", "whole number"),
        ("[alerts]\nregion = [[1, 2], [3, 4]]\n", 2, "alerts.region", "at least 3 corners"),
        ("[alerts]\nregion = [[1, 2], [3, 4], [99, 0]]\n", 2, "alerts.region", "[99, 0]"),
        ("[stations]\npaths = ['nowhere']\n", 2, "stations.paths[0]", "there is no file or folder"),
        ("[shaking]\n\ntargets = 'none.csv'\n", 3, "shaking.targets", "there is no file"),
        ("[shaking]\ngmpe = 'bsa14'\n", 2, "shaking.gmpe", "did you mean bssa14?"),
        ("[[ingest]]\nkind = 'archive'\npath = 'gone'\n", 3, "ingest[0].path", "there is no folder"),
        (
            "[[publish]]\nkind='zmq'\n[[publish]]\nkind='zmq'\n",
            3,
            "publish[1]",
            "a second way out called zmq",
        ),
        ("[[publish]]\nkind='zmq'\nendpoint='7720'\n", 3, "publish[0].endpoint", "default: 'tcp"),
        (
            "[[publish]]\nkind='file'\npath='x'\n[publish.cap]\nsender='a b'\n",
            5,
            "publish[0].cap.sender",
            "a text matching",
        ),
        (
            "[[targets]]\nname='A'\nlatitude=1\nlongitude=2\n[[targets]]\nname='A'\nlatitude=1\nlongitude=2\n",
            6,
            "targets[1].name",
            "a second target called A",
        ),
        (
            "[[targets]]\nname='A'\nlatitude=91\nlongitude=2\n",
            3,
            "targets[0].latitude",
            "allowed: >= -90, <= 90",
        ),
        ("[waveform]\ntrigger_off = 50.0\n", 2, "waveform.trigger_off", "below trigger_on"),
        ("[source.line]\nmin_length = 30\n", 2, "source.line.min_length", "did you mean min_length_km?"),
        (
            "[source]\n[source.line]\n\nmin_length_km = 3\n",
            4,
            "source.line.min_length_km",
            "allowed: >= 10, <= 200; default: 30.0",
        ),
        ("[source]\nline.min_log_odds = 'x'\n", 2, "source.line.min_log_odds", "a number"),
        ("[source]\n\nline = 3\n", 3, "source.line", "must be a table, not a number"),
        ("[source.lines]\nmin_length_km = 30\n", 1, "source.lines", "did you mean line?"),
    ],
)
def test_single_mistakes(write, text, line, key, words):
    (found,) = problems(write(text))
    assert (found.line, found.key) == (line, key)
    assert words in str(found)


def test_a_synthetic_earthquake_may_not_enter_an_actual_run(write):
    text = (ROOT / "configs" / "drill_guangxi.toml").read_text()
    text = text.replace("../stations", str(ROOT / "stations"))
    load_config(write(text))
    (found,) = problems(write(text.replace('status = "exercise"', 'status = "actual"')))
    assert "may not enter an actual run" in found.message
    (found,) = problems(write(text.replace("02:00:00Z", "02:00:00")))
    assert found.key == "ingest[0].origin_time"


def test_checks_between_values_reach_sound_sections_beside_broken_ones(write):
    found = problems(write("[stations]\npaths = ['gone']\n[alerts]\nmin_stations = 0\n"))
    assert [(p.line, p.key) for p in found] == [(2, "stations.paths[0]"), (4, "alerts.min_stations")]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[run\nname = 1\n", 1, "is no TOML"),
        ("[run]\nname = 1\nname = 2\n", 3, "is no TOML"),
        ("[run]\nname = 'x", 2, "is no TOML"),
        (b"[run]\nname = '\xff'\n", 0, "UTF-8"),
    ],
)
def test_files_that_are_no_toml(write, text, line, words):
    (found,) = problems(write(text))
    assert found.line == line
    assert words in found.message


def test_a_missing_file_is_a_problem_of_its_own(tmp_path):
    (found,) = problems(tmp_path / "none.toml")
    assert "cannot be read: No such file" in found.message


def test_an_empty_file_gives_the_defaults(write):
    path = write("")
    config = load_config(path)
    expected = default_config()
    assert msgspec.structs.replace(config, runtime=expected.runtime) == expected
    assert config.runtime.folder == str(path.parent / "run")


def test_whole_numbers_do_for_numbers_and_paths_are_relative_to_the_file(write, tmp_path):
    (tmp_path / "data").mkdir()
    path = write("[alerts]\nmin_magnitude = 5\n[[ingest]]\nkind = 'archive'\npath = 'data'\n")
    config = load_config(path)
    assert config.alerts.min_magnitude == 5.0
    assert config.ingest[0].path == str(tmp_path / "data")


def test_the_commented_default_is_current_and_parses_to_the_defaults():
    path = ROOT / "configs" / "default.toml"
    assert path.read_text(encoding="utf-8") == default_toml()
    config, expected = load_config(path), default_config()
    assert msgspec.structs.replace(config, runtime=expected.runtime) == expected


def test_the_commented_examples_are_valid_too(write, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "records.mseed").touch()
    lines = default_toml().splitlines()
    start = [k for k, line in enumerate(lines) if line.startswith("# [[")]
    text = ""
    for k in start:
        while k < len(lines) and lines[k].startswith("#"):
            text += lines[k][2:] + "\n"
            k += 1
    config = load_config(write(text))
    assert (len(config.targets), len(config.ingest), len(config.publish)) == (1, 9, 2)
    assert config.publish == (
        PublishFile(path=str(tmp_path / "products")),
        PublishZmq(),
    )


def test_every_key_has_a_meaning():
    for section in msgspec.structs.fields(Config):
        if section.name in ("targets", "ingest", "publish", "audience", "maintenance"):
            continue
        assert_told(section.type, section.name)
    for kind in (Audience, Level, Rule, Window):
        assert_told(kind, kind.__name__)


def assert_told(kind, path):
    """Every key of a table has a meaning, those of the tables in it too."""
    assert kind.__doc__, path
    for info in msgspec.structs.fields(kind):
        if isinstance(info.type, type) and issubclass(info.type, msgspec.Struct):
            assert_told(info.type, f"{path}.{info.name}")
        else:
            assert info.type.__metadata__[0].description, (path, info.name)


def test_a_table_within_a_section_is_read_written_and_checked_like_any_other(write):
    text = "[source]\nmax_picks = 30\n[source.line]\nmin_length_km = 50\n"
    config = load_config(write(text))
    assert (config.source.max_picks, config.source.line.min_length_km) == (30, 50.0)
    assert config.source.line.min_log_odds == default_config().source.line.min_log_odds
    assert load_config(write("[source]\nline = { min_length_km = 50 }\nmax_picks = 30\n")) == config
    written = default_toml()
    assert (
        "# ruptures shorter than this, less one sigma, stay points, km (>= 10, <= 200)\nmin_length_km = 30.0"
        in (written[written.index("\n[source.line]\n") : written.index("\n[shaking]\n")])
    )


def test_the_drill():
    config = load_config(ROOT / "configs" / "drill_guangxi.toml")
    assert config.run.status == "exercise"
    assert {t.name for t in config.targets} >= {"Baise", "Nanning"}
    (door,) = config.ingest
    assert isinstance(door, IngestSynthetic)
    from seiswarn.ingest.synthetic import Scenario

    written = (ROOT / "stations" / "guangxi_fictional" / "drill.toml").read_bytes()
    assert Scenario(**door.scenario()) == msgspec.toml.decode(written, type=Scenario)


def test_resolved_is_plain_json_and_the_hash_follows_the_content(write):
    config = load_config(ROOT / "configs" / "drill_guangxi.toml")
    plain = json.loads(json.dumps(resolved(config)))
    assert plain["alerts"]["min_stations"] == 2
    assert plain["source"]["line"] == {"min_length_km": 30.0, "min_log_odds": 5.0}
    assert plain["ingest"][0]["kind"] == "synthetic"
    assert config_hash(config) == config_hash(load_config(ROOT / "configs" / "drill_guangxi.toml"))
    assert config_hash(config) != config_hash(default_config())
    assert len(config_hash(config)) == 16


def test_parts_agree_with_the_parts_they_configure():
    from seiswarn.ingest.synthetic import Scenario
    from seiswarn.publish.formats.cap import Params as CapParams
    from seiswarn.publish.formats.report_html import Params as ReportParams
    from seiswarn.publish.sinks.zmq_pub import Params as ZmqParams

    for mine, theirs in ((Cap, CapParams), (Report, ReportParams)):
        assert msgspec.structs.asdict(mine()) == msgspec.structs.asdict(theirs())
    assert PublishZmq().endpoint == ZmqParams().endpoint
    assert PublishZmq().encoding == ZmqParams().encoding
    defaults = {f.name: f.default for f in msgspec.structs.fields(IngestSynthetic)}
    for info in msgspec.structs.fields(Scenario):
        if not info.required:
            assert defaults[info.name] == info.default, info.name


def test_names_in_params_are_those_of_the_registries():
    from typing import get_args, get_type_hints

    from seiswarn.alerts.params import Params as AlertsParams
    from seiswarn.alerts.policies import POLICIES
    from seiswarn.shaking.conversion import CONVERSIONS
    from seiswarn.shaking.distance import DISTANCES
    from seiswarn.shaking.gmpe import GMPES
    from seiswarn.shaking.params import Params as ShakingParams

    shaking, alerts = get_type_hints(ShakingParams), get_type_hints(AlertsParams)
    assert set(get_args(shaking["gmpe"])) == set(GMPES)
    assert set(get_args(shaking["conversion"])) == set(CONVERSIONS)
    assert set(get_args(shaking["distance"])) == set(DISTANCES)
    assert set(get_args(alerts["policy"])) == set(POLICIES)


def test_loading_is_quick_and_pulls_in_nothing_heavy():
    code = (
        "import sys, time; t = time.perf_counter(); from seiswarn.config import load_config;"
        f" load_config({str(ROOT / 'configs' / 'drill_guangxi.toml')!r});"
        " heavy = {'numpy', 'numba', 'obspy', 'scipy', 'zmq', 'lxml', 'matplotlib'} & set(sys.modules);"
        " print(time.perf_counter() - t, sorted(heavy))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    seconds, heavy = out.split(" ", 1)
    assert heavy.strip() == "[]"
    assert float(seconds) < 0.5  # measured 0.06 s on an idle machine; a busy one may take longer
