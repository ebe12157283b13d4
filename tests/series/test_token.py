from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from seiswarn.config import Config, config_hash, load_config, resolved
from seiswarn.errors import ConfigError
from seiswarn.runtime.live import plan
from seiswarn.runtime.series_token import TOKEN_FILE, without_token
from seiswarn.runtime.spec import SourceSpec, write_spec
from seiswarn.store.influx_http import TokenSource
from seiswarn.store.series_params import Influx, Params

SECRET = "tell-nobody"


def with_token(**changes: str) -> Config:
    return Config(series=Params(influx=Influx(url="http://localhost:8086", token=SECRET, **changes)))


def test_a_token_in_the_configuration_goes_to_one_file_of_ours_alone(tmp_path: Path) -> None:
    source = SourceSpec(name="a", kind="archive", path="nowhere")
    specs, sockets = plan(with_token(), tmp_path, [source], [], "test")
    shutil.rmtree(sockets)
    for spec in specs:
        write_spec(spec)
    kept = tmp_path / TOKEN_FILE
    assert kept.read_text() == SECRET
    assert kept.stat().st_mode & 0o777 == 0o600
    for path in tmp_path.rglob("*"):
        assert path == kept or path.is_dir() or SECRET.encode() not in path.read_bytes()
    (series,) = [spec for spec in specs if spec.kind == "series"]
    assert TokenSource(series.config.series.influx).read() == (SECRET, "")


def test_run_facts_and_hashes_do_not_hold_it() -> None:
    config = with_token()
    assert SECRET not in str(resolved(config))
    other = msgspec.structs.replace(config.series.influx, token="another")
    changed = msgspec.structs.replace(config, series=msgspec.structs.replace(config.series, influx=other))
    assert config_hash(config) == config_hash(changed)


def test_a_file_or_variable_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    config = without_token(with_token(token_file=str(file)), tmp_path)
    source = TokenSource(config.series.influx)
    assert source.read()[1] == f"token file {file}: No such file or directory"
    file.write_text(" fresh \n")
    assert source.read() == ("fresh", "")
    monkeypatch.setenv("SEISWARN_T", "from-env")
    config = without_token(with_token(token_env="SEISWARN_T"), tmp_path)
    assert TokenSource(config.series.influx).read() == ("from-env", "")
    assert "fresh" not in repr(source)


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('[series.influx]\nurl = "http://h:8086"\ntoken_file = "t"\nspool_folder = "s"\n')
    influx = load_config(path).series.influx
    assert (influx.token_file, influx.spool_folder) == (str(tmp_path / "t"), str(tmp_path / "s"))
    assert influx.ca_file == ""


@pytest.mark.parametrize("url", ["localhost:8086", "ftp://h", "http://user:pass@h:8086"])
def test_urls_that_cannot_be_meant_are_refused(tmp_path: Path, url: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(f'[series.influx]\nurl = "{url}"\n')
    with pytest.raises(ConfigError, match=r"series\.influx\.url"):
        load_config(path)
