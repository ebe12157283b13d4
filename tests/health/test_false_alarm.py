"""No alert of what five faulty stations show together, each of them named; and none lost with one of them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seiswarn.config import Config, default_config
from seiswarn.ingest.synthetic import Scenario
from seiswarn.messages import Alert, Decision, EventEstimate, Message, StationHealth
from seiswarn.reasons import Reason
from seiswarn.timebase import NS
from tests.health.false_alarm import LEAD_S, ORIGIN_NS, Faults, Network, network, of_type, run

pytestmark = pytest.mark.xdist_group("false_alarm")  # replays are shared between tests

QUAKE = Scenario(
    origin_ns=ORIGIN_NS,
    latitude=24.02,
    longitude=107.05,
    depth_km=12.0,
    mw=5.8,
    lead_s=LEAD_S,
    duration_s=760.0,
)


def without_health() -> Config:
    config = default_config()
    return msgspec.structs.replace(config, health=msgspec.structs.replace(config.health, enabled=False))


@pytest.fixture(scope="module")
def quiet() -> Network:
    return network()


@pytest.fixture(scope="module", params=[True, False], ids=["moveout", "simultaneous"])
def faulty(request: pytest.FixtureRequest, quiet: Network) -> tuple[bool, Faults, list[Message]]:
    faults = Faults(quiet, moveout=request.param)
    faults.link()
    faults.dead()
    faults.city()
    return request.param, faults, run(quiet, faults.counts)


def named(messages: list[Message], code: str, since_ns: int) -> set[str]:
    """Reasons on record for which picks of a station were not used, from some time on."""
    found: set[str] = set()
    for d in of_type(messages, Decision):
        if d.policy == "source" and d.t_seen_ns >= since_ns and d.detail.startswith(code):
            found.update(d.reasons)
    return found


def test_nobody_is_alerted(faulty: tuple[bool, Faults, list[Message]]) -> None:
    _, _, told = faulty
    assert of_type(told, Alert) == []
    assert [e for e in of_type(told, EventEstimate) if e.t_seen_ns > ORIGIN_NS] == []


def test_the_record_names_each_of_the_five(faulty: tuple[bool, Faults, list[Message]]) -> None:
    _, faults, told = faulty
    *link, dead, city = [faults.net.code(k) for k in faults.net.bad]
    for code in link:
        why = named(told, code, ORIGIN_NS)
        assert {Reason.UNTRUSTED_STATION, Reason.IDENTICAL_DATA, Reason.TELECOM_GROUP} <= why, code
    assert {Reason.UNTRUSTED_STATION, Reason.DEAD} <= named(told, dead, ORIGIN_NS)
    assert {Reason.UNTRUSTED_STATION, Reason.FALSE_TRIGGERS} <= named(told, city, ORIGIN_NS)


def test_healthy_stations_stay_trusted(faulty: tuple[bool, Faults, list[Message]]) -> None:
    _, faults, told = faulty
    bad = {faults.net.code(k) for k in faults.net.bad}
    for health in of_type(told, StationHealth):
        states = dict(zip(health.stations, health.state, strict=True))
        assert all(state == "ok" for code, state in states.items() if code not in bad)


def test_the_same_data_alert_when_nobody_looks_at_health(quiet: Network) -> None:
    faults = Faults(quiet, moveout=True)
    faults.link()
    faults.dead()
    faults.city()
    told = run(quiet, faults.counts, without_health())
    alerts = of_type(told, Alert)
    assert alerts[0].magnitude.value > 5.0
    assert of_type(told, StationHealth) == []


@pytest.fixture(scope="module")
def shaken() -> Network:
    return network(QUAKE)


@pytest.fixture(scope="module")
def warned(shaken: Network) -> Alert:
    """The first warning of the earthquake with nothing wrong."""
    told = run(shaken, Faults(shaken).counts)
    for health in of_type(told, StationHealth):
        assert set(health.state) <= {"ok"}, "an earthquake made stations suspect"
    return of_type(told, Alert)[0]


@pytest.mark.parametrize("fault", ["link", "dead", "city"])
def test_an_earthquake_is_warned_of_beside_one_fault(shaken: Network, warned: Alert, fault: str) -> None:
    faults = Faults(shaken)
    if fault == "link":  # the artefact comes half a minute before the earthquake: the three have no say in it
        arrivals = faults.arrivals_s()
        faults.arrivals_s = lambda: [t - 30.0 for t in arrivals]  # type: ignore[method-assign]
    getattr(faults, fault)()
    told: list[Any] = run(shaken, faults.counts)
    alerts = [a for a in of_type(told, Alert) if a.t_seen_ns > ORIGIN_NS]
    assert not [a for a in of_type(told, Alert) if a.t_seen_ns < ORIGIN_NS]
    # The three nearest are behind the link; the fourth is 2 km farther from the source than the third.
    assert alerts[0].t_seen_ns - warned.t_seen_ns < 2 * NS
    assert abs(alerts[0].origin.latitude - QUAKE.latitude) < 0.3
    assert abs(alerts[0].origin.longitude - QUAKE.longitude) < 0.3
