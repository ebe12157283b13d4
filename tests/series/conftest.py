from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from influx_server import Influxd, Shim, need_influxd


@pytest.fixture(scope="session")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    """The database, empty at first; tests drop what they find."""
    need_influxd()
    server = Influxd(tmp_path_factory.mktemp("influxd"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def shim(influxd: Influxd) -> Iterator[Shim]:
    """The write address of version 2 before a database without points."""
    influxd.query("DROP DATABASE seis")
    influxd.query("CREATE DATABASE seis")
    made = Shim(influxd)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def spool_folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"
