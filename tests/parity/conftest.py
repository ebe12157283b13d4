"""A synthetic earthquake on ten stations, written out as an archive and ready to be replayed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from seiswarn.blocks import columns
from seiswarn.config import Config, default_config
from seiswarn.ingest.synthetic import Scenario, blocks
from seiswarn.messages import PacketBlock
from seiswarn.runtime.setup import Feed, Setup, set_up
from seiswarn.source.traveltime import TravelTimes, lookup
from seiswarn.stations import StationTable
from seiswarn.timebase import NS
from tests.source.conftest import jittered_grid
from tests.source.conftest import make_table as places_table

ORIGIN_NS = 1_700_000_000 * NS


def three_component_table(n: int = 10) -> StationTable:
    """`n` accelerometers about 20 km apart."""
    places = places_table(jittered_grid(4, 20.0, seed=3)[:n])
    channels = [f"FDSN:XX_S{k:03d}__H_N_{c}" for k in range(n) for c in "ENZ"]
    return StationTable(
        channels=tuple(channels),
        ch_station=np.repeat(np.arange(n, dtype=np.int32), 3),
        ch_component=np.tile(np.array([2, 1, 0], dtype=np.int32), n),
        ch_unit=np.zeros(3 * n, dtype=np.int32),
        ch_gain=np.full(3 * n, 1e6),
        ch_rate_hz=np.full(3 * n, 100.0),
        ch_azimuth_deg=np.tile(np.array([90.0, 0.0, 0.0]), n),
        ch_dip_deg=np.tile(np.array([0.0, 0.0, -90.0]), n),
        ch_clip_counts=np.full(3 * n, np.inf),
        stations=places.stations,
        st_latitude=places.st_latitude,
        st_longitude=places.st_longitude,
        st_elevation_m=places.st_elevation_m,
        st_vs30_mps=places.st_vs30_mps,
        st_site=places.st_site,
    )


@dataclass(frozen=True)
class Stage:
    """A network and what happens on it; `feed` gives a fresh feed each time."""

    setup: Setup
    scenario: Scenario
    travel_times: TravelTimes

    def blocks(self, packet_s: float | None = 0.5) -> list[PacketBlock]:
        tt = self.travel_times
        return list(
            blocks(
                self.setup.table,
                self.scenario,
                packet_s=packet_s,
                status="exercise",
                p_time=lambda d, z: float(lookup(tt.p, d, z)),
                s_time=lambda d, z: float(lookup(tt.s, d, z)),
            )
        )

    def feed(self, packet_s: float | None = 0.5, until_s: float | None = None) -> Feed:
        start = ORIGIN_NS - round(self.scenario.lead_s * NS)
        end = start + round((until_s or self.scenario.duration_s) * NS)
        stream = [b for b in self.blocks(packet_s) if until_s is None or columns(b).t_seen_ns.max() <= end]
        return Feed("synthetic", iter(stream), start, end)


@pytest.fixture(scope="session")
def config() -> Config:
    return default_config()


@pytest.fixture(scope="session")
def shaken(config: Config) -> Stage:
    scenario = Scenario(
        origin_ns=ORIGIN_NS,
        latitude=23.9,
        longitude=106.95,
        depth_km=12.0,
        mw=6.2,
        lead_s=25.0,
        duration_s=75.0,
    )
    return Stage(set_up(config, three_component_table(), "exercise"), scenario, TravelTimes("iasp91", 120.0))


def products(folder: Path) -> dict[str, bytes]:
    """Everything in a run folder that must not depend on when and where it was made."""
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "run.json"
    }
