"""Alert times: from the pipeline itself, so what it does with more stations and later packets shows."""

from __future__ import annotations

import dataclasses

import msgspec
import numpy as np
import pytest

from seiswarn.alerts.params import Params as AlertsParams
from seiswarn.geo import offset_deg
from seiswarn.ingest.synthetic import Scenario, blocks
from seiswarn.messages import Alert
from seiswarn.plan.alerting import NOBODY_PICKED, Network, Task, outcomes
from seiswarn.plan.recordings import LEAD_S, ORIGIN_NS, Recordings
from seiswarn.plan.sites import with_sites
from seiswarn.runtime.setup import Setup
from seiswarn.runtime.slicer import Slicer, seen_span
from seiswarn.source.traveltime import TravelTimes, lookup
from seiswarn.stations import StationTable
from seiswarn.timebase import NS

from .conftest import EPICENTRE, QUAKE, network, setup_of, site, stations


def _alert_s(
    table: StationTable, times: TravelTimes, recordings: Recordings, latency_s: float = 0.0
) -> float:
    quake = msgspec.structs.replace(QUAKE, latency_s=latency_s)
    found = network(table, times, recordings, quake).at(*EPICENTRE).alert_s
    assert found is not None
    return found


def test_an_alert_is_as_much_later_as_its_data(recordings: Recordings, times: TravelTimes) -> None:
    table = stations(4)
    prompt = _alert_s(table, times, recordings)
    for latency_s in (1.0, 2.5):
        assert _alert_s(table, times, recordings, latency_s) == pytest.approx(prompt + latency_s, abs=1e-9)


def test_no_alert_before_p_has_reached_as_many_stations_as_it_names(
    recordings: Recordings, times: TravelTimes
) -> None:
    table = stations()
    said = network(table, times, recordings).at(*EPICENTRE)
    away = [
        np.hypot((la - EPICENTRE[0]) * 111.2, (lo - EPICENTRE[1]) * 111.2)
        for la, lo in zip(table.st_latitude, table.st_longitude, strict=True)
    ]
    p = sorted(float(lookup(times.p, float(d), QUAKE.depth_km)) for d in away)
    assert said.alert_s is not None
    assert said.alert_s > p[said.n_stations - 1]
    assert said.policy == "public"


def test_a_station_more_never_makes_it_later_close_by(recordings: Recordings, times: TravelTimes) -> None:
    table = stations()
    more = with_sites(table, [site("NEW", 14.0, 12.0)])
    today, then = (network(t, times, recordings) for t in (table, more))
    gains = []
    for north, east in ((14.0, 12.0), (18.0, 8.0), (8.0, 18.0), (22.0, 20.0)):
        place = offset_deg(0.0, 0.0, north, east)
        a, b = today.at(*place).alert_s, then.at(*place).alert_s
        assert a is not None
        assert b is not None
        gains.append(a - b)
    assert min(gains) >= 0.0
    assert max(gains) > 0.2


def test_asking_again_says_the_same(recordings: Recordings, times: TravelTimes) -> None:
    one = network(stations(), times, recordings)
    first = one.at(*EPICENTRE)
    one.at(0.4, 0.4)
    assert one.at(*EPICENTRE) == first


def test_without_an_alert_the_reason_is_said(recordings: Recordings, times: TravelTimes) -> None:
    far = network(stations(), times, recordings).at(20.0, 20.0)
    assert far.alert_s is None
    assert far.reasons == (NOBODY_PICKED,)
    choosy = setup_of(stations(3))
    strict = msgspec.structs.replace(choosy.params, audiences=(AlertsParams(min_stations=4),))
    stricter = dataclasses.replace(choosy, params=strict)
    said = Network(stricter, QUAKE, times, [recordings]).at(*EPICENTRE)
    assert said.alert_s is None
    assert said.policy == "public"
    assert said.reasons == ("TOO_FEW_STATIONS",)
    assert said.n_stations == 3


def test_of_several_draws_the_middle_one_counts(recordings: Recordings, times: TravelTimes) -> None:
    one = network(stations(), times, recordings)
    task = Task((setup_of(stations()),), msgspec.structs.replace(QUAKE, draws=3), (EPICENTRE,))
    [[middle]] = outcomes(task)
    assert middle.alert_s is not None
    first = one.at(*EPICENTRE).alert_s
    assert first is not None
    assert abs(middle.alert_s - first) < 2.0


def _from_waveforms(setup: Setup, times: TravelTimes) -> float | None:
    """Seconds to the first alert when the earthquake is recorded at every station of the network."""
    scenario = Scenario(
        origin_ns=ORIGIN_NS, latitude=EPICENTRE[0], longitude=EPICENTRE[1], depth_km=QUAKE.depth_km,
        mw=QUAKE.magnitude, lead_s=LEAD_S, duration_s=LEAD_S + 30.0,
    )  # fmt: skip
    packets = blocks(
        setup.table, scenario, packet_s=QUAKE.packet_s, status="test", step_ns=setup.step_ns,
        p_time=lambda d, z: float(lookup(times.p, d, z)), s_time=lambda d, z: float(lookup(times.s, d, z)),
    )  # fmt: skip
    pipeline, slicer = setup.pipeline(), Slicer(setup.step_ns, "test")
    for block in packets:
        span = seen_span(block)
        assert span is not None
        for piece in slicer.advance(span[0] - 1):
            for message in pipeline.handle(piece):
                if isinstance(message, Alert) and message.kind == "new":
                    return (message.t_seen_ns - ORIGIN_NS) / NS
        slicer.add((block,), span[1])
    return None


def test_the_same_as_a_run_on_waveforms_of_every_station(recordings: Recordings, times: TravelTimes) -> None:
    # Noise and when packets are cut are drawn anew for every station: some tenths of a second.
    real = _from_waveforms(setup_of(stations()), times)
    assert real is not None
    assert _alert_s(stations(), times, recordings) == pytest.approx(real, abs=0.7)
