"""The synthetic catalogue: that it is what it says, that its scores are right, and a short run of it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

from seiswarn.geo import offset_deg
from seiswarn.messages import PWindow
from seiswarn.source.traveltime import TravelTimes
from seiswarn.timebase import NS
from tests.source.conftest import Feed, Quake, jittered_grid, make_table


@pytest.fixture(scope="module")
def bench(project_root: Path) -> Iterator[SimpleNamespace]:
    """The modules of the benchmark."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(project_root / "benchmarks"))
        import baseline
        import bench_accuracy
        import catalogue_networks
        import catalogue_scenarios
        import catalogue_score
        import catalogue_table
        import catalogue_tracks
        import catalogue_waveforms

        yield SimpleNamespace(
            baseline=baseline,
            accuracy=bench_accuracy,
            networks=catalogue_networks,
            scenarios=catalogue_scenarios,
            score=catalogue_score,
            table=catalogue_table,
            tracks=catalogue_tracks,
            waveforms=catalogue_waveforms,
        )


@pytest.fixture(scope="module")
def earth(bench):
    return bench.scenarios.Earth()


# --- the catalogue --------------------------------------------------------------------------


def test_three_hundred_events_of_all_sizes_and_places(bench) -> None:
    cases = bench.scenarios.cases(1, 300)
    events = [q for c in cases for q in c.events]
    assert len(events) >= 300
    pairs = [c.pair for c in cases if c.pair]
    assert (pairs.count("near"), pairs.count("far")) == (10, 10)
    singles = [c for c in cases if not c.pair]
    for network in bench.networks.NETWORKS:
        for place in bench.networks.PLACES:
            mw = [c.events[0].mw for c in singles if (c.network, c.place) == (network, place)]
            counts, _ = np.histogram(mw, [4.0, 5.0, 6.0, 7.0, 8.0])
            assert counts.min() >= 5
            assert 4.0 <= min(mw) <= max(mw) <= 8.0
    assert all(2.0 <= q.depth_km <= 60.0 for q in events)
    assert all((q.rupture_km > 0.0) == (q.mw >= 6.0) for q in events if not math.isclose(q.mw, 6.0))
    kinds = {f.kind for c in cases for f in c.faults.values()}
    assert kinds == {"dead", "stuck", "late", "clock", "gain", "spiky"}
    for c in cases:
        if c.pair == "near":
            assert c.events[1].origin_ns - c.events[0].origin_ns == 7 * NS


def test_a_short_catalogue_is_the_beginning_of_a_long_one(bench) -> None:
    short, long = bench.scenarios.cases(1, 20), bench.scenarios.cases(1, 60)
    assert long[: len(short)] == short
    assert bench.scenarios.cases(2, 20) != short


def test_offshore_is_outside_and_inside_is_not(bench) -> None:
    rng = np.random.default_rng(1)
    for name in bench.networks.NETWORKS:
        net = bench.networks.network(name)
        for place, share in (("inside", 0.0), ("offshore", 1.0)):
            places = [bench.networks.epicentre(name, place, rng) for _ in range(50)]
            east = np.mean([e > net.east_km.max() for _, e in places])
            assert east == share


def test_the_truth_is_slower_than_the_model(bench, earth, travel_times) -> None:
    for distance in (20.0, 60.0, 200.0):
        p, s = earth.times(distance, 10.0)
        model_p, model_s = (float(x[0]) for x in travel_times.times(np.array([distance]), 10.0))
        assert 1.0 < p / model_p < 1.05
        assert 1.0 < s / model_s < 1.05
    case = bench.scenarios.case(1, 1)
    net = bench.networks.network(case.network)
    factors = [
        bench.scenarios.path_factors(bench.scenarios.case(1, k), 0, net)
        for k in range(1, 40, 3)
        if bench.scenarios.case(1, k).network == case.network
    ]
    assert np.std(np.concatenate(factors)) == pytest.approx(0.025, abs=0.006)


@pytest.fixture(scope="module")
def travel_times() -> TravelTimes:
    return TravelTimes("iasp91", 120.0)


def test_faults_are_in_the_data(bench, earth) -> None:
    fault = bench.scenarios.Fault
    kinds = {0: fault("dead"), 1: fault("stuck"), 2: fault("late", 5.0), 3: fault("gain", 100.0)}
    case = next(c for c in bench.scenarios.cases(1, 9) if c.network == "coastal")
    net = bench.networks.network("coastal")
    clean = msgspec.structs.replace(case, faults={})
    wrong = dict(bench.waveforms.traces(msgspec.structs.replace(case, faults=kinds), net, earth))
    right = dict(bench.waveforms.traces(clean, net, earth))
    assert 0 not in wrong
    vertical = [name for name in net.table.channels if name.endswith("Z")]
    assert np.ptp(wrong[1][vertical[1]].counts) == 0
    assert wrong[2][vertical[2]].t0_ns == pytest.approx(case.events[0].origin_ns + 5 * NS, abs=NS // 50)
    a, b = right[3][vertical[3]].counts, wrong[3][vertical[3]].counts
    assert np.abs(b - 100.0 * a).max() <= 51.0
    assert np.array_equal(right[5][vertical[5]].counts, wrong[5][vertical[5]].counts)
    late = msgspec.structs.replace(case, faults={4: fault("clock", -3.0)})
    shifts = set()
    for x, y in zip(
        bench.waveforms.blocks(clean, net, earth), bench.waveforms.blocks(late, net, earth), strict=True
    ):
        assert x.t_seen_ns == y.t_seen_ns
        off = np.frombuffer(y.t0_ns, "<i8") - np.frombuffer(x.t0_ns, "<i8")
        shifts |= {(c.split("_")[1], int(d)) for c, d in zip(x.channels, off, strict=True) if d}
    assert shifts == {("S004", -3 * NS)}


# --- the scores -----------------------------------------------------------------------------


def revision(bench, quake, *, north=0.0, east=0.0, dt=0.0, dm=0.0, t=10.0, **more):
    latitude, longitude = offset_deg(quake.latitude, quake.longitude, north, east)
    fields = {"m_sigma": 0.3, "depth_sigma_km": 5.0, "major_km": 20.0, "minor_km": 5.0, "azimuth_deg": 90.0}
    return bench.tracks.Revision(
        t_ns=quake.origin_ns + round(t * NS), t0_ns=quake.origin_ns + round(dt * NS), latitude=latitude,
        longitude=longitude, depth_km=quake.depth_km, m=quake.mw + dm, n_stations=5, **{**fields, **more},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("north", "east", "azimuth", "inside"),
    [
        (0.0, 40.0, 90.0, True),
        (0.0, 44.0, 90.0, False),
        (10.0, 0.0, 90.0, True),
        (12.0, 0.0, 90.0, False),
        (40.0, 0.0, 0.0, True),
        (25.0, 25.0, 45.0, True),
        (25.0, -25.0, 45.0, False),
    ],
)
def test_the_ellipse_holds_what_it_should(bench, north, east, azimuth, inside) -> None:
    quake = bench.scenarios.case(1, 0).events[0]
    told = bench.score.moment(quake, revision(bench, quake, north=north, east=east, azimuth_deg=azimuth))
    assert told.in_ellipse is inside
    assert told.epi_err_km == pytest.approx(math.hypot(north, east), rel=0.01)


def test_right_uncertainties_give_ninety_percent(bench) -> None:
    quake, rng = bench.scenarios.case(1, 0).events[0], np.random.default_rng(4)
    told = []
    for _ in range(2000):
        along, across, m, z = rng.standard_normal(4) * (20.0, 5.0, 0.3, 5.0)
        a = math.radians(30.0)
        north, east = along * math.cos(a) - across * math.sin(a), along * math.sin(a) + across * math.cos(a)
        r = revision(bench, quake, north=north, east=east, dm=m, azimuth_deg=30.0)
        r = bench.tracks.Revision(
            **{k: getattr(r, k) for k in r.__slots__ if k != "depth_km"}, depth_km=quake.depth_km + z
        )
        told.append(bench.score.moment(quake, r))
    for what, pick in bench.table.COVERED:
        assert bench.table.share(pick(t) for t in told) == pytest.approx(0.9, abs=0.03), what


def test_events_are_matched_split_false_or_missed(bench, earth) -> None:
    case = next(c for c in bench.scenarios.cases(1, 60) if c.pair == "near")
    net = bench.networks.network(case.network)
    a, b = case.events

    def track(name, quake, alert_s=12.0, **said):
        t = bench.tracks.Track(name, [revision(bench, quake, t=alert_s, **said)])
        t.alert_ns = quake.origin_ns + round(alert_s * NS)
        return t

    tracks = [
        track("first", a, north=3.0),
        track("second", b, east=-4.0, dt=0.4),
        track("split", a, alert_s=20.0, north=30.0),
        track("false", a, alert_s=15.0, north=400.0),
        bench.tracks.Track("never warned", [revision(bench, a)]),
    ]
    told = bench.score.score(case, net, earth, {"seiswarn": tracks, "baseline": tracks[:1]})
    assert [q.seiswarn.event_id for q in told.quakes] == ["first", "second"]
    assert [q.seiswarn.n_splits for q in told.quakes] == [1, 0]
    assert [(f.system, f.event_id) for f in told.false_alerts] == [("seiswarn", "false")]
    assert told.apart == {"seiswarn": True, "baseline": False}
    assert told.quakes[1].baseline.moments == {}
    assert told.quakes[0].seiswarn.first_alert_s == pytest.approx(12.0)
    assert told.quakes[0].seiswarn.delay_s == pytest.approx(12.0 - told.quakes[0].floor_p4_s)


# --- the baseline ---------------------------------------------------------------------------


def test_the_baseline_finds_a_plain_earthquake(bench, travel_times) -> None:
    table = make_table(jittered_grid(5, 20.0, seed=3))
    feed, quake = Feed(table, travel_times), Quake(5.0, -8.0, magnitude=5.5)
    feed.quake(quake, noise_s=0.01)
    plain = bench.baseline.Baseline(table, travel_times)
    for now, batch in feed.slices(40.0):
        plain.handle(now, batch)
    assert len(plain.tracks) == 1
    said = plain.tracks[0]
    assert len({r.t_ns for r in said.revisions}) == len(said.revisions) > 5
    last = said.at(quake.t0_ns + 25 * NS)
    assert last.n_stations > 8
    assert abs((last.t0_ns - quake.t0_ns) / NS) < 0.3
    place = bench.score.distance_km(*quake.place, last.latitude, last.longitude)
    assert place < 2.0
    assert last.m == pytest.approx(5.5, abs=0.1)
    four = sorted(m.t_ns for m in feed.messages if not isinstance(m, PWindow) and hasattr(m, "snr"))[3]
    assert 0 < said.revisions[0].t_ns - four < NS


# --- a short run ----------------------------------------------------------------------------


def test_a_short_run_and_the_same_from_the_cache(bench, tmp_path, capsys) -> None:
    common = ["--events", "6", "--cases", "2", "5", "--jobs", "1", "--cache", str(tmp_path / "kept")]
    files = [str(tmp_path / name) for name in ("rows.json", "list.json")]
    first = bench.accuracy.main([*common, "--json", files[0], "--list", files[1]])
    text = capsys.readouterr().out
    again = bench.accuracy.main([*common, "--only-source"])
    plain = [msgspec.structs.replace(o, cpu_s={}) for o in first]
    assert [msgspec.structs.replace(o, cpu_s={}) for o in again] == plain
    assert [o.case for o in first] == [2, 5]
    assert all(q.seiswarn.moments and q.seiswarn.delay_s > 0 - 1.0 for o in first for q in o.quakes)
    assert all(q.seiswarn.moments["at_10s"].epi_err_km < 60.0 for o in first for q in o.quakes)
    told = json.loads(Path(files[0]).read_text())
    assert told["benchmark"] == "accuracy"
    assert {"machine", "versions"} <= told.keys()
    assert "seiswarn: recall from M 4.5" in told["results"]
    assert len(json.loads(Path(files[1]).read_text())) == 2
    for heading in ("## seiswarn", "## baseline", "coastal inside", "told apart"):
        assert heading in text
