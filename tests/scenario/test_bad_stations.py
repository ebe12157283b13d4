"""Whole waveforms of an earthquake with one bad station, or many late ones, through the whole pipeline.

What picks and peaks alone can show is in tests/source/test_bad_stations.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from seiswarn.config import default_config
from seiswarn.geo import distance_km, distances_km
from seiswarn.ingest.recut import Stretch, cut
from seiswarn.ingest.synthetic import Scenario, Trace, synthesize
from seiswarn.messages import Alert, DataError, EventEstimate, Message
from seiswarn.reasons import Reason
from seiswarn.runtime.replay import rehearse
from seiswarn.runtime.setup import Feed, set_up
from seiswarn.source.traveltime import TravelTimes, lookup
from seiswarn.stations import StationTable
from seiswarn.timebase import NS
from tests.parity.conftest import ORIGIN_NS, three_component_table
from tests.source.test_bad_stations import Judging

SUSPECTS = {Reason.SUSPECT_CLOCK, Reason.SUSPECT_GAIN}
SCENARIO = Scenario(
    origin_ns=ORIGIN_NS,
    latitude=24.02,
    longitude=107.05,
    depth_km=12.0,
    mw=5.8,
    lead_s=40.0,
    duration_s=110.0,
)
EPICENTRE_KM, MAGNITUDE = (
    2.0,
    0.25,
)  # against the run with nothing wrong, ten seconds after the first and later


@dataclass(frozen=True)
class Told:
    history: list[EventEstimate]
    alerts: list[Alert]
    suspects: list[DataError]

    def after_ten_seconds(self) -> EventEstimate:
        until = self.history[0].t_seen_ns + 10 * NS
        return next(e for e in reversed(self.history) if e.t_seen_ns <= until)


@dataclass(frozen=True)
class Network:
    table: StationTable
    traces: dict[str, Trace]
    bad: int  # the station that is made bad: third nearest

    def run(
        self,
        change: Callable[[Trace], Trace] | None = None,
        late: Sequence[int] = (),
        table: StationTable | None = None,
    ) -> Told:
        """What a pipeline says of these records, those of the bad station changed."""
        table = table or self.table
        stretches = []
        for k, (channel, trace) in enumerate(self.traces.items()):
            if change is not None and self.table.ch_station[k] == self.bad:
                trace = change(trace)
            stretches.append(_stretch(channel, trace))
        late_codes = {self.table.stations[k] for k in late}
        stream = cut(stretches, 0.5, lambda code: 10.0 if code in late_codes else 0.0, "test")
        start = ORIGIN_NS - round(SCENARIO.lead_s * NS)
        out: list[Message] = []
        setup = set_up(default_config(), table, "test")
        feed = Feed("synthetic", stream, start, start + round(SCENARIO.duration_s * NS))
        rehearse(setup, feed, lambda message, seq: out.append(message))
        estimates = [m for m in out if isinstance(m, EventEstimate)]
        assert len({e.event_id for e in estimates}) == 1  # no extra event
        suspects = [m for m in out if isinstance(m, DataError) and m.reason in SUSPECTS]
        return Told(estimates, [m for m in out if isinstance(m, Alert)], suspects)


def _stretch(channel: str, trace: Trace) -> Stretch:
    return Stretch(
        channel=channel,
        rate_hz=trace.rate_hz,
        dtype="i4",
        samples=trace.counts.astype("<i4").tobytes(),
        starts=np.zeros(1, dtype=np.int64),
        times_ns=np.array([trace.t0_ns], dtype=np.int64),
    )


@pytest.fixture(scope="module")
def network() -> Network:
    """Sixteen accelerometers 20 km apart; the stage judges them, whether or not it does by itself."""
    table, tt = three_component_table(16), TravelTimes("iasp91", 120.0)
    traces = synthesize(
        table,
        SCENARIO,
        p_time=lambda d, z: float(lookup(tt.p, d, z)),
        s_time=lambda d, z: float(lookup(tt.s, d, z)),
    )
    away = distances_km(SCENARIO.latitude, SCENARIO.longitude, table.st_latitude, table.st_longitude)
    return Network(table, traces, int(np.argsort(away)[2]))


@pytest.fixture(autouse=True)
def judging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seiswarn.pipeline.SourceStage", Judging)


@pytest.fixture(scope="module")
def right(network: Network) -> Told:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seiswarn.pipeline.SourceStage", Judging)
        return network.run()


def error_km(e: EventEstimate) -> float:
    return float(distance_km(SCENARIO.latitude, SCENARIO.longitude, e.origin.latitude, e.origin.longitude))


def assert_gentle(told: Told, right: Told) -> None:
    """Place and size hardly differ from the good run, ten seconds after the first estimate and at the end."""
    for e, good in (
        (told.after_ten_seconds(), right.after_ten_seconds()),
        (told.history[-1], right.history[-1]),
    ):
        assert error_km(e) < error_km(good) + EPICENTRE_KM
        assert e.magnitude is not None
        assert good.magnitude is not None
        assert e.magnitude.value == pytest.approx(good.magnitude.value, abs=MAGNITUDE)
    assert bool(told.alerts) == bool(right.alerts)


def named(told: Told) -> set[tuple[str, str]]:
    return {(e.subject, e.reason) for e in told.suspects}


def test_good_stations_are_named_by_nobody(right: Told) -> None:
    assert right.suspects == []
    assert error_km(right.history[-1]) < EPICENTRE_KM
    assert right.alerts


@pytest.mark.parametrize("off_s", [3, -3])
def test_a_clock_off_by_three_seconds(network: Network, right: Told, off_s: int) -> None:
    told = network.run(lambda trace: replace(trace, t0_ns=trace.t0_ns + off_s * NS))
    assert_gentle(told, right)
    assert named(told) == {(network.table.stations[network.bad], Reason.SUSPECT_CLOCK)}


TOO_WEAK = pytest.mark.xfail(
    reason="P a hundred times too small is declined as TOO_WEAK, and who has no P is not judged", strict=True
)


@pytest.mark.parametrize("gain", [100.0, pytest.param(0.01, marks=TOO_WEAK)])
def test_a_gain_wrong_by_a_hundred(network: Network, right: Told, gain: float) -> None:
    """Metadata that are wrong: the counts are what they are, the table says otherwise."""
    wrong = network.table.ch_gain.copy()
    wrong[network.table.ch_station == network.bad] /= gain
    told = network.run(table=replace(network.table, ch_gain=wrong))
    assert_gentle(told, right)
    assert named(told) == {(network.table.stations[network.bad], Reason.SUSPECT_GAIN)}


def test_swapped_polarity(network: Network, right: Told) -> None:
    told = network.run(lambda trace: replace(trace, counts=-trace.counts))
    assert_gentle(told, right)
    assert named(told) == set()


def test_a_third_of_the_stations_ten_seconds_late(network: Network, right: Told) -> None:
    told = network.run(late=range(0, 16, 3))
    assert_gentle(told, right)
    assert named(told) == set()
