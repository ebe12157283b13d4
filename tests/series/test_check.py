from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from seiswarn.config import Config
from seiswarn.config_parts import Runtime
from seiswarn.runtime.check_series import series_findings
from seiswarn.store.influx_spool import Spool
from seiswarn.store.series_params import Influx, Params


@pytest.fixture
def config(tmp_path: Path) -> Config:
    influx = Influx(url="http://localhost:8086", token="t", spool_folder=str(tmp_path / "a" / "spool"))
    return Config(series=Params(influx=influx), runtime=Runtime(folder=str(tmp_path / "run")))


def influx_of(config: Config, **changes: str) -> Config:
    influx = msgspec.structs.replace(config.series.influx, **changes)
    return msgspec.structs.replace(config, series=msgspec.structs.replace(config.series, influx=influx))


def test_nothing_to_say_without_a_server() -> None:
    assert series_findings(Config()) == []


def test_all_well_makes_nothing(config: Config, tmp_path: Path) -> None:
    (found,) = series_findings(config)
    assert found.ok
    assert not list(tmp_path.iterdir())


def test_a_spool_that_cannot_be_written_fails(config: Config, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file")
    (found,) = series_findings(config)
    assert not found.ok
    assert "cannot be made" in found.sentence
    (tmp_path / "b").write_text("a file")
    (found,) = series_findings(influx_of(config, spool_folder=str(tmp_path / "b")))
    assert not found.ok
    assert "cannot be used as a spool" in found.sentence


def test_a_spool_in_use_is_a_warning(config: Config, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a" / "spool", 1 << 20)
    (found,) = series_findings(config)
    spool.close()
    assert found.mark == "warn"


def test_a_missing_token_fails(config: Config) -> None:
    missing, _ = series_findings(influx_of(config, token="", token_env="SEISWARN_UNSET"))
    assert not missing.ok
    assert "SEISWARN_UNSET is not set" in missing.sentence
