from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from runtime_daemon import Daemon
from seiswarn.config import Config
from seiswarn.config_doors import IngestSynthetic
from seiswarn.config_parts import Run, Runtime, Stations
from seiswarn.config_targets import read_targets
from seiswarn.runtime.replay import replay
from seiswarn.runtime.setup import synthetic_run

LATITUDE, LONGITUDE = 23.9, 106.6
N_STATIONS = 12
QUAKE = IngestSynthetic(
    origin_time="2026-03-01T02:00:00Z",
    latitude=LATITUDE,
    longitude=LONGITUDE,
    depth_km=12.0,
    mw=6.0,
    lead_s=15.0,
    duration_s=55.0,
    speed=20.0,
)


@pytest.fixture(scope="session")
def quake_config(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """An earthquake of less than a minute on the dozen fictional stations around it."""
    network = project_root / "stations" / "guangxi_fictional"
    tree = etree.parse(str(network / "stations.xml"))
    stations = tree.findall(".//{*}Station")

    def far(station: Any) -> float:
        lat, lon = (float(station.find(f"{{*}}{tag}").text) for tag in ("Latitude", "Longitude"))
        return (lat - LATITUDE) ** 2 + (lon - LONGITUDE) ** 2

    for station in sorted(stations, key=far)[N_STATIONS:]:
        station.getparent().remove(station)
    path = tmp_path_factory.mktemp("network") / "stations.xml"
    tree.write(str(path))
    found = read_targets(network / "targets.csv")
    assert not found.problems
    return Config(
        run=Run(name="small", status="exercise"),
        stations=Stations(paths=(str(path),)),
        targets=tuple(found.targets),
        ingest=(QUAKE,),
        runtime=Runtime(snapshot_s=5.0, heartbeat_s=0.2),
    )


@pytest.fixture(scope="session")
def plain_run(quake_config: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the same earthquake replayed in one process."""
    folder = tmp_path_factory.mktemp("plain")
    setup, feed = synthetic_run(quake_config, status="exercise")
    summary = replay(setup, feed, folder)
    assert len(summary.alerts) >= 3
    return folder


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    started: list[Daemon] = []

    def start(config: Config, **changes: Any) -> Daemon:
        made = Daemon(config, tmp_path / "live", **changes)
        started.append(made)
        return made

    yield start
    for made in started:
        made.supervisor.close()
