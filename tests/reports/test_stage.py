import msgspec
import numpy as np
import pytest

from seiswarn.errors import InvariantError
from seiswarn.messages import (
    Alert,
    Arrival,
    EventEstimate,
    Magnitude,
    Motions,
    Origin,
    QuickReport,
    decode,
    encode,
)
from seiswarn.reports import recent
from seiswarn.reports.params import Params
from seiswarn.reports.stage import ReportsStage
from seiswarn.stations import StationTable
from seiswarn.timebase import NS

T0 = 1_700_000_000 * NS
CODES = ("GX.A..HN", "GX.B..HN", "GX.FAR..HN")


def table(codes=CODES):
    n, none = len(codes), np.zeros(0)
    return StationTable(
        channels=(), ch_station=none.astype(np.int32), ch_component=none.astype(np.int32),
        ch_unit=none.astype(np.int32), ch_gain=none, ch_rate_hz=none, ch_azimuth_deg=none, ch_dip_deg=none,
        ch_clip_counts=none, stations=codes, st_latitude=np.array([24.5, 24.1, 30.0])[:n],
        st_longitude=np.full(n, 106.0), st_elevation_m=np.zeros(n), st_vs30_mps=np.full(n, np.nan),
        st_site=np.arange(n, dtype=np.int32),
    )  # fmt: skip


def at(t):
    return T0 + round(t * NS)


def estimate(t, magnitude=6.0, state="update", revision=1):
    origin = Origin(
        time_ns=T0, latitude=24.0, longitude=106.0, depth_km=10.0, time_sigma_s=0.3, depth_sigma_km=5.0,
        ellipse_major_km=5.0, ellipse_minor_km=3.0, ellipse_azimuth_deg=0.0, n_stations=6, gap_deg=90.0,
        rms_s=0.2,
    )  # fmt: skip
    arrival = Arrival(
        pick_id="p", station=CODES[0], phase="P", t_ns=at(3), residual_s=0.0, distance_km=30.0,
        azimuth_deg=0.0, weight=1.0,
    )  # fmt: skip
    return EventEstimate(
        event_id="e1", revision=revision, state=state, t_seen_ns=at(t), origin=origin,
        magnitude=Magnitude(value=magnitude, sigma=0.3, kind="Mpd", n_stations=6), arrivals=(arrival,),
        status="exercise",
    )  # fmt: skip


def alert(e, kind="new"):
    return Alert(
        event_id=e.event_id, revision=1, kind=kind, status=e.status, policy="public", t_seen_ns=e.t_seen_ns,
        first_t_seen_ns=e.t_seen_ns, expires_ns=e.t_seen_ns, origin=e.origin,
        magnitude=e.magnitude, targets=(),
        intensity_scale="", max_intensity=0.0, epicentral_intensity=9.0,
    )  # fmt: skip


def motions(t, pga, stations=CODES):
    n = len(stations)
    return Motions(
        t_seen_ns=at(t), stations=stations, t_ns=(at(t),) * n, n_components=(3,) * n, pga_mps2=pga,
        pgv_mps=tuple(x / 10 for x in pga), pgd_m=(0.0,) * n, intensity_gbt=(3.0,) * n,
        intensity_jma=(2.0,) * n, clipped=(False,) * n,
    )  # fmt: skip


def run(stage, *messages):
    return stage.handle(messages[0].t_seen_ns, messages)


@pytest.fixture
def stage():
    return ReportsStage(Params(), table())


def test_one_report_when_stable_one_at_the_end(stage):
    assert run(stage, estimate(8, state="new")) == []
    assert run(stage, estimate(10, 6.2, revision=2)) == []
    assert stage.handle(at(39.9), []) == []
    (first,) = stage.handle(at(40), [])
    assert isinstance(first, QuickReport)
    assert (first.event_id, first.number, first.status) == ("e1", 1, "exercise")
    assert first.estimate.magnitude.value == 6.2
    assert [h.revision for h in first.history] == [1, 2]
    assert all(h.arrivals == () for h in first.history)
    assert first.estimate.arrivals != ()
    assert stage.handle(at(41), []) == []
    (last,) = run(stage, estimate(90, 6.4, "ended", 3))
    assert (last.number, last.estimate.state) == (2, "ended")
    assert run(stage, estimate(91, 6.4, "ended", 4)) == []
    assert decode(encode(last)) == last


def test_at_the_latest_two_minutes_after_the_origin(stage):
    made = []
    for k in range(130):
        made += run(stage, estimate(5 + k, revision=k + 1))
    assert [(r.number, r.t_seen_ns) for r in made] == [(1, at(120))]


def test_weak_events_only_when_warned_of(stage):
    run(stage, estimate(8, 2.0, "new"))
    assert stage.handle(at(60), []) == []
    weak = estimate(61, 2.0, revision=2)
    run(stage, weak, alert(weak))
    (report,) = stage.handle(at(91), [])
    assert [a.kind for a in report.alerts] == ["new"]


def test_a_cancelled_event_is_reported_only_if_it_was_warned_of(stage):
    run(stage, estimate(8, state="new"))
    assert run(stage, estimate(9, state="cancelled", revision=2)) == []
    warned = estimate(20, state="new")
    run(stage, warned, alert(warned))
    gone = estimate(22, state="cancelled", revision=2)
    (report,) = run(stage, gone, alert(gone, "cancel"))
    assert [a.kind for a in report.alerts] == ["new", "cancel"]


def test_peaks_are_the_largest_since_the_origin_nearest_first(stage):
    run(stage, motions(-5, (9.0, 9.0, 9.0)))  # before the origin: of something else
    run(stage, motions(4, (0.3, 2.0, 0.1)))  # before the event was known
    run(stage, estimate(8, state="new"))
    run(stage, motions(9, (0.7, 1.0, 0.1)))
    run(stage, motions(10, (0.5, 5.0), ("GX.A..HN", "GX.UNKNOWN..HN")))
    (report,) = stage.handle(at(60), [])
    assert [p.station for p in report.peaks] == ["GX.B..HN", "GX.A..HN"]
    assert [p.pga_mps2 for p in report.peaks] == pytest.approx([2.0, 0.7])
    assert report.peaks[1].pgv_mps == pytest.approx(0.07)
    assert report.peaks[1].arias_mps is None
    assert report.peaks[1].pga_gbt_mps2 is None
    assert report.peaks[0].intensity_gbt == 3.0
    assert report.peaks[0].distance_km == pytest.approx(11.12, abs=0.01)


def test_motions_older_than_the_memory_are_dropped():
    stage = ReportsStage(Params(memory_s=5.0), table())
    run(stage, motions(1, (4.0, 4.0, 4.0)))
    run(stage, motions(8, (0.1, 0.1, 0.1)))
    run(stage, estimate(9, state="new"))
    (report,) = stage.handle(at(60), [])
    assert [p.pga_mps2 for p in report.peaks] == pytest.approx([0.1, 0.1])


def full(t, pga, clipped=(False, False, False)):
    """Motions with the columns of the whole waveform stage."""
    n = len(CODES)
    return msgspec.structs.replace(
        motions(t, pga), clipped=clipped, intensity_mmi=(4.5,) * n,
        pga_gbt_mps2=tuple(0.8 * x for x in pga), pgv_gbt_mps=tuple(0.09 * x for x in pga),
        arias_mps=tuple(0.5 * x * x for x in pga), cav_mps=tuple(0.6 * x for x in pga),
        wood_anderson_m=tuple(3.0 * x for x in pga), flags=(0,) * n,
    )  # fmt: skip


def test_intensity_of_the_event_is_that_of_its_largest_peaks_in_the_band(stage):
    """GB/T 17742-2020: PGA and PGV of the whole event, here of different seconds; Arias and CAV add up."""
    run(stage, full(3, (0.5, 0.0, 0.0)))
    run(stage, estimate(8, state="new"))
    run(stage, full(9, (2.0, 0.5, 0.1)))
    run(stage, msgspec.structs.replace(full(10, (1.0, 0.2, 0.1)), pgv_gbt_mps=(0.5, 0.0, 0.0)))
    (report,) = stage.handle(at(60), [])
    peak = {p.station: p for p in report.peaks}["GX.A..HN"]
    assert (peak.pga_gbt_mps2, peak.pgv_gbt_mps) == pytest.approx((1.6, 0.5))
    assert peak.intensity_gbt == pytest.approx(3.0 * np.log10(0.5) + 9.77, abs=1e-5)  # both over 6: I_V alone
    assert peak.intensity_mmi == pytest.approx(4.5)
    assert peak.arias_mps == pytest.approx(0.5 * (0.25 + 4.0 + 1.0))
    assert peak.cav_mps == pytest.approx(0.6 * 3.5)
    assert peak.wood_anderson_m == pytest.approx(6.0)
    weak = {p.station: p for p in report.peaks}["GX.B..HN"]
    a, v = 3.17 * np.log10(0.4) + 6.59, 3.0 * np.log10(0.045) + 9.77
    assert weak.intensity_gbt == pytest.approx((a + v) / 2, abs=1e-5)


def test_a_peak_from_clipped_data_is_marked(stage):
    run(stage, estimate(8, state="new"))
    run(stage, full(9, (2.0, 1.0, 0.1), clipped=(True, False, False)))
    run(stage, full(10, (1.0, 0.5, 0.1), clipped=(False, True, False)))
    (report,) = stage.handle(at(60), [])
    assert {p.station: p.clipped for p in report.peaks} == {"GX.A..HN": True, "GX.B..HN": False}


def test_motions_are_kept_as_small_blocks_of_arrays(monkeypatch):
    """However they are cut into messages, the peaks are the same, and no block is large."""
    monkeypatch.setattr(recent, "BLOCK_ROWS", 5)
    rng = np.random.default_rng(1)
    story = [full(1 + 0.3 * k, tuple(rng.uniform(0.01, 3.0, 3))) for k in range(20)]
    peaks = []
    for rows in (5, 2048):
        monkeypatch.setattr(recent, "BLOCK_ROWS", rows)
        stage = ReportsStage(Params(), table())
        for m in story:
            run(stage, m)
        run(stage, estimate(8, state="new"))
        (report,) = stage.handle(at(60), [])
        peaks.append(report.peaks)
    assert peaks[0] == peaks[1]
    monkeypatch.setattr(recent, "BLOCK_ROWS", 5)
    kept = recent.Recent()
    closed = [b for m in story for b in kept.add(m, table())]
    assert len(closed) >= 5
    assert kept.blocks == closed
    kept.forget(at(4))
    assert all(b.seen_ns >= at(4) for b in kept.blocks)
    assert 0 < len(kept.blocks) < len(closed)


def test_warm_leaves_nothing_behind(stage):
    run(stage, full(3, (0.5, 0.0, 0.0)))
    before = stage.snapshot()
    stage.warm()
    assert stage.snapshot() == before


def test_a_burst_of_revisions_is_thinned_but_first_and_last_stay(stage):
    for k in range(200):
        run(stage, estimate(5 + 0.02 * k, revision=k + 1))
    (report,) = stage.handle(at(60), [])
    revisions = [h.revision for h in report.history]
    assert revisions[0] == 1
    assert revisions[-1] == 200
    assert 8 <= len(revisions) <= 10


def test_a_restored_stage_goes_on_as_if_nothing_had_been(stage):
    story = [
        motions(3, (0.2, 0.4, 0.1)),
        estimate(8, state="new"),
        motions(9, (0.7, 1.0, 0.1)),
        estimate(10, 6.2, revision=2),
        motions(11, (0.9, 0.1, 0.1)),
        estimate(90, 6.4, "ended", 3),
    ]
    whole = [run(stage, m) for m in story]
    for cut in range(len(story)):
        one, two = ReportsStage(Params(), table()), ReportsStage(Params(), table())
        before = [run(one, m) for m in story[:cut]]
        two.restore(one.snapshot())
        assert two.snapshot() == one.snapshot()
        assert before + [run(two, m) for m in story[cut:]] == whole
    assert whole[-1][0].number == 1


def test_a_snapshot_of_other_stations_is_refused(stage):
    run(stage, estimate(8, state="new"))
    with pytest.raises(InvariantError, match="other stations"):
        ReportsStage(Params(), table(CODES[:2])).restore(stage.snapshot())
    with pytest.raises(msgspec.DecodeError):
        stage.restore(b"\xc1")
