"""Twenty minutes of what is no earthquake to warn of, and one that is: benchmarks/bench_storm.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from seiswarn.blocks import columns
from seiswarn.config import default_config
from seiswarn.runtime.setup import stage_params
from seiswarn.timebase import NS
from seiswarn.waveform.stage import WaveformStage

HOURS, STATIONS, SEED, FACTOR = 1.0 / 3.0, 30, 1, 30.0
# One strong earthquake; everything else so often that each kind happens. The swarm is five times as dense as
# in the day of the benchmark, roads and footsteps twice: denser, nobody could say what made a pick.
RATES = {
    "strong": 72.0, "regional": 72.0, "teleseisms": 72.0, "blasts": 144.0, "swarm": 1500.0, "traffic": 6000.0,
    "footsteps": 12000.0, "dead": 1000.0, "gains": 1000.0, "clocks": 1000.0, "saturated": 1000.0,
    "blackouts": 144.0, "calibration_rounds": 144.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def bench(project_root: Path) -> Iterator[SimpleNamespace]:
    """The modules of the benchmark."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(project_root / "benchmarks"))
        import bench_storm
        import storm_data
        import storm_faults
        import storm_kept
        import storm_network
        import storm_score
        import storm_waves

        yield SimpleNamespace(
            main=bench_storm,
            data=storm_data,
            faults=storm_faults,
            kept=storm_kept,
            network=storm_network,
            score=storm_score,
            waves=storm_waves,
        )


def storm_of(bench, seed=SEED, hours=HOURS, **rates):
    return bench.data.Storm(bench.network.network(STATIONS, seed), hours, seed, rates)


@pytest.fixture(scope="module")
def work(bench, tmp_path_factory):
    rates = {name: FACTOR * rate for name, rate in bench.data.RATES.items()} | RATES
    return bench.main.Work(HOURS, 10.0, STATIONS, SEED, rates, tmp_path_factory.mktemp("storm"), False, 50)


@pytest.fixture(scope="module")
def result(bench, work):
    return bench.main.run(work)


# --- the storm as a whole -------------------------------------------------------------------


def test_everything_happens(bench, work, result) -> None:
    assert set(result.truths) == {"swarm", "strong", "blast", "regional"}
    storm = bench.data.Storm(
        bench.network.network(STATIONS, SEED), HOURS, SEED, work.rates, start_hour=work.start_hour
    )
    kinds = {fault.kind for fault in storm.truth.faults}
    assert kinds == {
        "spike", "lightning", "step", "calibration", "calibration round", "telemetry burst", "dead channel",
        "gain jump", "clock jump", "blackout", "saturated",
    }  # fmt: skip
    assert {name for name, _, _ in storm.truth.roads} == {"traffic", "footsteps"}
    assert any(what == "plane" for _, what, _ in storm.makers)
    assert result.tally.packets > 0.75 * 3 * STATIONS * 3600 * HOURS
    assert result.tally.picks > 50


def test_no_false_alert(bench, result) -> None:
    false = [e for e in result.tally.events.values() if bench.score.is_false_alert(e)]
    assert not false, "\n".join(result.lines)


def test_the_strong_earthquake_is_warned_of(result) -> None:
    assert result.truths["strong"] == 1
    assert result.missed == 0, "\n".join(result.lines)


def test_every_decision_is_explained(result) -> None:
    assert result.tally.unexplained == 0
    assert sum(result.tally.declined.values()) > 10
    assert sum(result.tally.decided.values()) > 0


def test_the_cache_says_the_same(bench, work, result) -> None:
    again = bench.main.run(work._replace(only_source=True))
    assert again.from_cache
    assert again.lines == result.lines
    first, second = (
        {k: v.value for k, v in bench.main.rows([r], 1.0).items() if k != "CPU"} for r in (result, again)
    )
    assert first == pytest.approx(second, nan_ok=True)


# --- that the data show what is said to have happened -----------------------------------------


def samples(bench, storm):
    """Per station: all times (s) and values of its vertical, and how many packets it missed."""
    times, values = {}, {}
    for block in storm.blocks():
        c = columns(block)
        for k, name in enumerate(block.channels):
            if name.endswith("Z"):
                station = storm.net.table.ch_station[storm.net.table.channel_index[name]]
                n = int(c.n_samples[k])
                t = (c.t0_ns[k] - storm.t0_ns) / NS + np.arange(n) / c.rate_hz[k]
                times.setdefault(int(station), []).append(t)
                values.setdefault(int(station), []).append(c.samples[c.offsets[k] : c.offsets[k + 1]])
    return {k: (np.concatenate(times[k]), np.concatenate(values[k]).astype(np.float64)) for k in times}


def test_noise_goes_on_without_a_seam(bench) -> None:
    storm = storm_of(bench, hours=0.1)
    found = samples(bench, storm)
    assert len(found) == STATIONS
    for station, (t, x) in found.items():
        assert np.allclose(np.diff(t), 1.0 / storm.net.rate_hz[station], atol=1e-6)
        jumps = np.abs(np.diff(x))
        seams = np.flatnonzero((t[1:] - storm.net.phase_s[station]) % 60.0 < 0.5 / storm.net.rate_hz[station])
        assert jumps[seams].max() < 6.0 * jumps.std() + jumps.mean() + 2.0
        assert jumps.max() < 10.0 * jumps.std() + 2.0


def test_noise_alone_makes_no_event(bench) -> None:
    storm = storm_of(bench, hours=0.1)
    params = stage_params(default_config())
    pieces = bench.kept.heard(storm, WaveformStage(params.waveform, storm.net.table))
    tally = bench.score.follow(storm, params, pieces)
    assert tally.events == {}
    assert tally.picks < STATIONS / 10


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_telemetry_burst_is_at_a_whole_group_at_once(bench, seed) -> None:
    quiet, loud = (
        samples(bench, storm_of(bench, seed=seed, hours=0.1, bursts=rate)) for rate in (0.0, 240.0)
    )
    storm = storm_of(bench, seed=seed, hours=0.1, bursts=240.0)
    (fault,) = storm.truth.faults
    assert fault.kind == "telemetry burst"
    assert 5 <= len(fault.stations) <= 24
    for station, (t, x) in loud.items():
        t0, x0 = quiet[station]
        both = np.isin(np.rint(t0 * 1e3), np.rint(t * 1e3))
        off = np.abs(x - x0[both]) > 1.0
        if station not in fault.stations:
            assert both.all()
            assert not off.any()
        else:
            assert off.any()
            assert t[off].min() > fault.from_s
            assert t[off].max() < fault.to_s


def test_a_clock_jumps_and_comes_back(bench) -> None:
    storm = storm_of(bench, clocks=1000.0)
    fault = storm.truth.faults[0]
    (station,), off = fault.stations, fault.spans[0].value
    assert 1.0 <= abs(off) <= 5.0
    t, _ = samples(bench, storm)[station]
    steps = np.diff(t) - 1.0 / storm.net.rate_hz[station]
    assert steps[np.abs(steps) > 0.5][0] == pytest.approx(off, abs=1e-6)


def test_quakes_come_when_and_as_strong_as_they_should(bench) -> None:
    storm = storm_of(bench, hours=0.1, strong=240.0)
    ((quake, p_s, s_s),) = storm.truth.quakes
    near = int(np.argmin(p_s))
    t, x = samples(bench, storm)[near]
    a = (x - np.median(x)) / bench.network.GAIN
    before, p, s = (
        np.abs(a[(t > lo) & (t < hi)]).max()
        for lo, hi in ((p_s[near] - 20, p_s[near] - 0.1), (p_s[near], s_s[near]), (s_s[near], s_s[near] + 10))
    )
    assert p > 5.0 * before
    assert 0.1 < s < 10.0  # m/s^2, M 5 within some 15 km
    assert quake.mw == 5.0


def test_small_earthquakes_shrink_with_their_magnitude(bench) -> None:
    net = bench.network.network(STATIONS, 1)
    earth = storm_of(bench, hours=0.1)._earth
    place = float(net.table.st_latitude[7]), float(net.table.st_longitude[7])
    peaks = []
    for mw in (1.0, 2.0, 3.0):
        q = bench.waves.Quake("swarm", 200.0, *place, 8.0, mw)
        effects = bench.waves.shaking(net, earth, q, np.random.default_rng(3))
        peaks.append(max(float(np.abs(e.values).max()) for e in effects if e.station == 7))
    ratios = np.array(peaks[1:]) / np.array(peaks[:-1])
    assert np.all((ratios > 10.0**0.5) & (ratios < 10.0**1.5))  # above the corner, and below it
    assert 1e-3 < peaks[2] < 1.0


def test_what_made_a_pick_is_told(bench) -> None:
    storm = storm_of(bench, hours=0.1, bursts=240.0)
    (fault,) = storm.truth.faults
    code = storm.net.table.stations[fault.stations[0]]
    pick = SimpleNamespace(station=code, t_ns=storm.t0_ns + round((fault.from_s + 0.5) * NS))
    assert bench.score.causes(storm.truth, storm, pick) == ["telemetry burst +0.5 s"]
    later = SimpleNamespace(station=code, t_ns=storm.t0_ns + round((fault.to_s + 60.0) * NS))
    assert bench.score.causes(storm.truth, storm, later) == []


def test_a_source_is_matched_once(bench) -> None:
    storm = storm_of(bench, hours=0.1, strong=240.0)
    ((quake, _, _),) = storm.truth.quakes
    origin = SimpleNamespace(
        time_ns=storm.t0_ns + round(quake.t_s * NS), latitude=quake.latitude, longitude=quake.longitude
    )
    far = SimpleNamespace(time_ns=origin.time_ns, latitude=quake.latitude + 2.0, longitude=quake.longitude)
    tally = bench.score.Tally()
    for name, where in (("right", origin), ("split", origin), ("false", far)):
        estimate = SimpleNamespace(origin=where, magnitude=None)
        tally.events[name] = bench.score.Event(name, estimate, estimate, estimate, alerts=[name])
    bench.score._match(tally, storm)
    events = tally.events
    assert events["right"].truth == events["split"].truth == quake
    assert (events["right"].is_split, events["split"].is_split) == (False, True)
    assert [bench.score.is_false(e) for e in events.values()] == [False, False, True]
    assert [bench.score.is_false_alert(e) for e in events.values()] == [False, False, True]
    assert bench.score.missed(tally, storm) == []
    events["right"].alerts, events["split"].alerts = [], []
    assert bench.score.missed(tally, storm) == [quake]
