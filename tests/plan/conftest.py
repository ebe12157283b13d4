"""A small network of stations some 20 to 45 km around an epicentre, and one earthquake recorded for it."""

from __future__ import annotations

import pytest

from seiswarn.config import default_config
from seiswarn.geo import offset_deg
from seiswarn.plan.alerting import Network, Quake
from seiswarn.plan.recordings import Recordings, record
from seiswarn.plan.sites import Site, with_sites
from seiswarn.runtime.setup import Setup, set_up
from seiswarn.runtime.warm import one_station
from seiswarn.source.traveltime import TravelTimes
from seiswarn.stations import StationTable

QUAKE = Quake(magnitude=6.0, depth_km=10.0, latency_s=0.0)
EPICENTRE = (0.10, 0.15)
# Beside the station at 0, 0, which `one_station` has: (name, km north, km east).
AROUND = (("B", 35.0, 5.0), ("C", 10.0, 42.0), ("D", -22.0, 20.0), ("E", 48.0, 40.0), ("F", -40.0, -35.0))


def site(name: str, north_km: float, east_km: float) -> Site:
    latitude, longitude = offset_deg(0.0, 0.0, north_km, east_km)
    return Site(name=name, latitude=latitude, longitude=longitude)


def stations(n: int = len(AROUND) + 1) -> StationTable:
    return with_sites(one_station(), [site(*place) for place in AROUND[: n - 1]])


def setup_of(table: StationTable) -> Setup:
    return set_up(default_config(), table, "test")


@pytest.fixture(scope="session")
def times() -> TravelTimes:
    source = default_config().source
    return TravelTimes(source.velocity_model, source.max_depth_km, source.velocity_layers)


@pytest.fixture(scope="session")
def recordings(times: TravelTimes) -> Recordings:
    return record(
        default_config().waveform, times, magnitude=QUAKE.magnitude, depth_km=QUAKE.depth_km, packet_s=0.5,
        step_ns=setup_of(one_station()).step_ns,
    )  # fmt: skip


def network(table: StationTable, times: TravelTimes, recordings: Recordings, quake: Quake = QUAKE) -> Network:
    return Network(setup_of(table), quake, times, [recordings])
