"""The score of forecasts, from messages whose answer is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from factories import ORIGIN_NS, make_pick
from seiswarn.alerts.params import Params as AlertsParams
from seiswarn.config import default_config
from seiswarn.evaluate.chains import chains
from seiswarn.evaluate.command import Options, _told
from seiswarn.evaluate.felt import Felt, Span, span_of, take_motions
from seiswarn.evaluate.foreseen import KIND, Foreseen, Place, foreseen, places_of, with_stations
from seiswarn.evaluate.heard import Heard, Reached, spans_of
from seiswarn.evaluate.keep import keep, kept
from seiswarn.evaluate.matching import Rules
from seiswarn.evaluate.metrics import STATES, figures
from seiswarn.evaluate.overall import overall
from seiswarn.evaluate.page import page
from seiswarn.evaluate.replaying import Task, as_point, heard_of
from seiswarn.evaluate.score import far_and_strong, score
from seiswarn.evaluate.shaking import METHODS, MOMENTS, station_rows
from seiswarn.evaluate.shaking_figures import draw
from seiswarn.evaluate.shaking_table import rows, sentence, threshold_rows
from seiswarn.forecast_arrays import FLOATS, FieldArrays, field_of
from seiswarn.messages import UNKNOWN_MAGNITUDE, Alert, Forecast, Motions
from seiswarn.reasons import Flag
from seiswarn.shaking.params import Params
from seiswarn.stationxml import read_station_tables
from seiswarn.targets import Target, TargetTable
from seiswarn.timebase import from_seconds
from tests.evaluate.conftest import (
    LATITUDE,
    LONGITUDE,
    SYNTHETIC_NS,
    alert,
    estimate,
    make_heard,
    make_quake,
    make_reached,
    place,
)

RULES = Rules()
PARAMS = Params()
OBSERVED = (7.5, 6.0, 5.0, 3.5)  # intensity at four stations, 100 km apart
FAR = [make_reached(k, distance_km=100.0 * (k + 1), p_s=16.0 * (k + 1), s_s=28.0 * (k + 1)) for k in range(4)]


def peaks(intensity: float) -> tuple[float, float]:
    """PGA and PGV whose intensities by GB/T 17742-2020 both are so much."""
    return 10.0 ** ((intensity - 6.59) / 3.17), 10.0 ** ((intensity - 9.77) / 3.00)


def felt(row: Reached, intensity: float, peak_s: float = 4.0) -> Felt:
    """A weak P, and the whole at `peak_s` after S."""
    found = Felt(n_usable=1000)
    for t_s, value in ((row.p_s + 1.0, 1.5), (row.s_s + 1.0, intensity - 1.0), (row.s_s + peak_s, intensity)):
        found.take(ORIGIN_NS + from_seconds(t_s), *peaks(value))
    return found


def said_at(
    t_s: float, combined: list[float], event_id: str = "a", located: bool = True, **other: Any
) -> Foreseen:
    columns = {"sigma": [0.5] * len(combined), "source": combined, "wavefield": [0.0] * len(combined)} | other
    packed = {
        name: np.array(c, dtype="<f4").tobytes() for name, c in (columns | {"combined": combined}).items()
    }
    return Foreseen(event_id, ORIGIN_NS + from_seconds(t_s), located, **packed)


def whole(forecasts: list[Foreseen], alerts: list[Alert] | None = None, **changes: Any) -> Heard:
    """Four stations that felt `OBSERVED`, alerts from 20 s on."""
    quake = make_quake()
    north = [place(r.distance_km, 0.0) for r in FAR]
    fields: dict[str, Any] = {
        "reached": (tuple(FAR),),
        "places": tuple(
            Place(r.site, f"XX.S{k:02d}", where["latitude"], where["longitude"], 400.0, k)
            for k, (r, where) in enumerate(zip(FAR, north, strict=True))
        ),
        "spans": {r.station: span_of(quake, r.p_s, r.s_s, None) for r in FAR},
        "felt": {r.station: felt(r, i) for r, i in zip(FAR, OBSERVED, strict=True)},
        "foreseen": forecasts,
    }
    return make_heard([alert(20.0, 5.8)] if alerts is None else alerts, **(fields | changes))


def rows_of(heard: Heard) -> list[dict[str, Any]]:
    return station_rows(heard, PARAMS, RULES)


def test_within_one_degree_is_within_one_degree() -> None:
    off = [6.5, 7.01, 4.0, 4.51]  # by -1, +1.01, -1, +1.01
    heard = whole([said_at(19.0, [1.0] * 4), said_at(20.0, off)])
    found = rows_of(heard)
    assert [r["observed"] for r in found] == pytest.approx(OBSERVED, abs=1e-3)
    felt = score(found)["moments"]["first"]["felt"]
    assert felt["n"] == 4
    assert felt["combined"]["within_one"] == 0.5
    assert felt["combined"]["bias"] == pytest.approx(0.005, abs=1e-3)
    assert felt["combined"]["rms"] == pytest.approx(1.005, abs=1e-3)
    assert felt["within_sigma"] == 0.0
    near = score(rows_of(whole([said_at(20.0, [o + 0.4 for o in OBSERVED])])))["moments"]["first"]["felt"]
    assert (near["combined"]["within_one"], near["within_sigma"]) == (1.0, 1.0)


def test_each_moment_has_the_last_forecast_by_then_where_s_has_not_been() -> None:
    forecasts = [said_at(t, [v] * 4) for t, v in ((18.0, 4.0), (24.9, 5.0), (29.9, 6.0), (30.1, 7.0))]
    found = rows_of(whole(forecasts))
    # S comes after 28, 56, 84 and 112 s; the first alert after 20.
    assert [[None if r[m] is None else r[m]["combined"] for m in MOMENTS] for r in found[:2]] == [
        [4.0, 5.0, None, None],
        [4.0, 5.0, 6.0, 7.0],
    ]
    picks = [make_pick(0, station=FAR[0].station, phase="S", t_ns=ORIGIN_NS + from_seconds(30.5))]
    assert rows_of(whole(forecasts, picks=picks))[0]["at_10s"]["combined"] == 6.0


def test_methods_stand_side_by_side_and_silence_is_the_lowest_degree() -> None:
    one = said_at(20.0, [7.0, 6.0, 5.0, 4.0], source=[6.0, 6.0, 3.0, 4.0], wavefield=[7.0, 0.0, 0.0, 0.0])
    first = score(rows_of(whole([one])))["moments"]["first"]
    shares = {name: first["felt"][name]["within_one"] for name in METHODS}
    assert shares == {"source": 0.5, "wavefield": 0.25, "combined": 1.0}
    assert first["thresholds"]["6"] == {
        "source": {"hit": 2, "missed": 0, "over": 0},
        "wavefield": {"hit": 1, "missed": 1, "over": 0},
        "combined": {"hit": 2, "missed": 0, "over": 0},
    }
    over = score(rows_of(whole([said_at(20.0, [5.0, 6.5, 6.5, 1.0])])))["moments"]["first"]["thresholds"]
    assert over["6"]["combined"] == {"hit": 1, "missed": 1, "over": 1}
    assert over["3"]["combined"] == {"hit": 3, "missed": 1, "over": 0}


def test_where_nothing_is_felt_or_forecast_counts_apart() -> None:
    quiet = {FAR[3].station: felt(FAR[3], 1.2), FAR[2].station: felt(FAR[2], 1.5)}
    heard = whole([said_at(20.0, [7.5, 6.0, 3.2, 1.0])])
    heard.felt |= quiet
    first = score(rows_of(heard))["moments"]["first"]
    assert (first["felt"]["n"], first["all"]["n"]) == (3, 4)
    assert first["felt"]["combined"]["within_one"] == pytest.approx(2 / 3, abs=1e-3)
    assert first["all"]["combined"]["within_one"] == 0.75


def test_lead_counts_from_the_first_forecast_to_the_crossing_but_not_before_an_alert() -> None:
    forecasts = [
        said_at(15.0, [6.2, 1, 1, 1]),
        said_at(40.0, [6.2, 6.4, 1, 1]),
        said_at(59.0, [6.2, 5, 1, 1]),
    ]
    found = score(rows_of(whole(forecasts)))["lead_s"]["combined"]["6"]
    # 7.5 is felt at 32 s, but VI at 29 s; 6.0 at 60 s.
    assert found == {"n": 2, "told": 2, "before": 2, "median": pytest.approx((9.0 + 20.0) / 2)}
    late = score(rows_of(whole([said_at(15.0, [1.0] * 4), said_at(31.0, [7.0, 1, 1, 1])])))
    assert late["lead_s"]["combined"]["6"] == {"n": 2, "told": 1, "before": 0, "median": pytest.approx(-2.0)}


def test_far_and_strong_stations_are_those_beyond_100_km_that_felt_vii() -> None:
    strong = {FAR[k].station: felt(FAR[k], 7.0) for k in (1, 2, 3)}
    forecasts = [said_at(40.0, [7.0, 6.0, 5.9, 6.1], source=[7.0, 1, 1, 6.1], wavefield=[0, 6, 0, 0])]
    heard = whole(forecasts)
    heard.felt |= strong
    found = rows_of(heard)
    assert far_and_strong(found) == {"n": 3, "source": 1, "wavefield": 1, "combined": 2}
    heard.foreseen = [said_at(85.5, [7.0] * 4)]  # the third feels VI a second after S, after 85 s
    assert far_and_strong(found, rows_of(heard)) == {
        "n": 3,
        "source": 1,
        "wavefield": 1,
        "combined": 2,
        "point": 1,
    }


@pytest.mark.parametrize("change", [{"clipped": True}, {"n_usable": 10}, {"t_ns": []}])
def test_a_station_without_a_whole_record_says_nothing(change: dict[str, Any]) -> None:
    heard = whole([said_at(20.0, [6.0] * 4)])
    heard.felt[FAR[0].station] = msgspec.structs.replace(felt(FAR[0], 7.5), **change)
    assert [r["station"] for r in rows_of(heard)] == [r.station for r in FAR[1:]]


def test_of_several_sensors_at_a_site_the_largest_usable_counts() -> None:
    other, clipped = (
        make_reached(k, station=f"XX.S00..{c}", site=0, s_s=28.0) for k, c in ((0, "HL"), (0, "HH"))
    )
    heard = whole([said_at(20.0, [6.0] * 4)], reached=((*FAR, other, clipped),))
    heard.spans |= {r.station: span_of(make_quake(), r.p_s, r.s_s, None) for r in (other, clipped)}
    heard.felt |= {other.station: felt(other, 7.8)}
    heard.felt |= {clipped.station: msgspec.structs.replace(felt(clipped, 9.0), clipped=True)}
    (first, *_) = sorted(rows_of(heard), key=lambda r: r["station"])
    assert [r["station"] for r in rows_of(heard)].count(other.station) == 1
    assert max(r["observed"] for r in rows_of(heard)) == pytest.approx(7.8, abs=1e-3)
    assert FAR[0].station not in {r["station"] for r in rows_of(heard)}, first


def test_a_dead_sensor_is_no_quiet_place() -> None:
    heard = whole([said_at(20.0, [6.0] * 4)], reached=(tuple(FAR),))
    near = msgspec.structs.replace(FAR[0], distance_km=10.0)
    at = msgspec.structs.replace(heard.places[0], **place(10.0, 0.0))
    heard.places = (at, *heard.places[1:])
    heard.felt[near.station] = felt(near, 1.0)
    for saw_p, n in ((True, 4), (False, 3)):
        heard.reached = ((msgspec.structs.replace(near, saw_p=saw_p), *FAR[1:]),)
        assert len(rows_of(heard)) == n


def test_the_true_source_is_the_relations_with_the_catalogue() -> None:
    large = rows_of(whole([], quakes=(make_quake(magnitude=7.0),)))
    small = rows_of(whole([]))
    assert [r["true_source"] for r in large] > [r["true_source"] for r in small]
    assert small[0]["true_source"] > small[3]["true_source"]
    assert rows_of(whole([], quakes=(make_quake(magnitude=None),)))[0]["true_source"] is None
    assert rows_of(whole([], alerts=[]))[0]["first"] is None


def test_motions_become_peaks_between_p_and_coda() -> None:
    row = FAR[0]
    span = span_of(make_quake(), row.p_s, row.s_s, ORIGIN_NS + from_seconds(100.0))
    assert span.end_ns == ORIGIN_NS + from_seconds(100.0)  # the next earthquake
    times = [15.0, 17.0, 18.0, 19.0, 20.0, 21.0, 101.0]
    motions = Motions(
        t_seen_ns=0,
        stations=(*[row.station] * 7, "XX.OTHER..HN"),
        t_ns=(*(ORIGIN_NS + from_seconds(t) for t in times), ORIGIN_NS),
        n_components=(3, 3, 3, 2, 3, 3, 3, 3),
        pga_mps2=(9.0,) * 8,
        pgv_mps=(9.0,) * 8,
        pgd_m=(0.0,) * 8,
        intensity_gbt=(1.0,) * 8,
        intensity_jma=(1.0,) * 8,
        clipped=(False,) * 8,
        pga_gbt_mps2=(5.0, 0.1, 0.3, 7.0, 8.0, 0.2, 9.0, 9.0),
        pgv_gbt_mps=(0.5, 0.01, 0.01, 0.7, 0.8, 0.02, 0.9, 0.9),
        flags=(0, 0, 0, 0, int(Flag.SPIKE), 0, 0, 0),
    )
    found: dict[str, Felt] = {}
    take_motions(motions, {row.station: span}, found)
    (only,) = found.values()
    assert only.pga_mps2 == [0.1, 0.3, 0.3]
    assert only.pgv_mps == [0.01, 0.01, 0.02]
    assert [t - ORIGIN_NS for t in only.t_ns] == [from_seconds(t) for t in (17.0, 18.0, 21.0)]
    assert only.n_usable == 3
    take_motions(msgspec.structs.replace(motions, clipped=(True,) * 8), {row.station: span}, found)
    assert only.clipped


def test_the_next_earthquake_ends_the_coda() -> None:
    later = make_quake(quake_id="q2", time_ns=ORIGIN_NS + from_seconds(60.0), magnitude=4.0)
    earlier = make_quake(quake_id="q0", time_ns=ORIGIN_NS - from_seconds(60.0), magnitude=4.0)
    (row,) = rows = (make_reached(0, p_s=2.0),)
    found = spans_of((make_quake(), later, earlier), (rows, rows, rows))
    assert found[row.station].end_ns == ORIGIN_NS + from_seconds(62.0)
    assert spans_of((), ()) == {}
    assert spans_of((make_quake(),), ((make_reached(0, at_p=False),),)) == {}


def test_columns_of_stations_are_taken_out_of_a_forecast() -> None:
    columns = {name: np.arange(5.0) + 10.0 * k for k, name in enumerate(FLOATS)}
    arrays = FieldArrays(**columns, basis=np.zeros(5, np.uint8), exceed=np.zeros((5, 0)))
    message = Forecast(
        event_id="a",
        estimate_revision=1,
        t_seen_ns=7,
        intensity_scale="x",
        max_intensity=1.0,
        epicentral_intensity=1.0,
        field=field_of("digest", arrays),
    )
    found = foreseen(message, np.array([3, 1]))
    assert found is not None
    assert found.column("combined").tolist() == [13.0, 11.0]
    assert found.column("wavefield").tolist() == [43.0, 41.0]
    assert foreseen(msgspec.structs.replace(message, field=None), np.array([3])) is None


def test_stations_join_configured_targets_and_no_audience(project_root: Path) -> None:
    table = read_station_tables(
        [project_root / "stations" / "guangxi_fictional" / "stations.xml"], SYNTHETIC_NS
    )
    config = default_config()
    assert with_stations(config, table) is config
    town = Target(name="Town", latitude=LATITUDE, longitude=LONGITUDE)
    plant = Target(name="Plant", latitude=LATITUDE, longitude=LONGITUDE, kind="plant")
    own = AlertsParams(name="plants", kinds=("plant",))
    asked = msgspec.structs.replace(config, targets=(town, plant), alerts=own)
    found = with_stations(asked, table)
    assert found.alerts.kinds == ("plant",)
    assert with_stations(msgspec.structs.replace(asked, alerts=AlertsParams()), table).alerts.kinds == (
        "place",
        "plant",
    )
    assert {t.kind for t in found.targets} == {"place", "plant", KIND}
    targets = TargetTable.of(found.targets)
    stations = places_of(table, targets)
    assert len(stations) == len(set(table.st_site.tolist()))
    assert all(targets.names[p.column] == p.name and targets.kinds[p.column] == KIND for p in stations)
    again = with_stations(found, table)
    assert len(TargetTable.of(again.targets)) == len(targets)


WAVE: dict[str, Any] = {"event_id": "wf1", "grounds": "wavefield"}


def test_what_goes_on_from_another_is_one_event() -> None:
    three = [
        estimate(8.0, 5.0, **WAVE),
        estimate(9.0, 5.0, event_id="a"),
        estimate(9.5, 5.0, event_id="b"),
        estimate(10.0, 5.0, **WAVE, state="ended", continues="a"),
    ]
    assert chains(three) == {"wf1": "wf1", "a": "wf1", "b": "b"}
    assert chains([estimate(8.0, 5.0, event_id="a", continues="wf1")]) == {"a": "a", "wf1": "a"}


def test_a_wavefield_alert_comes_first_and_is_no_second_event() -> None:
    wave = alert(7.0, 0.0, 20.0, **WAVE, revision=1)
    wave = msgspec.structs.replace(wave, magnitude=UNKNOWN_MAGNITUDE)
    alerts = [
        wave,
        alert(9.0, 5.8, 5.0, continues="wf1"),
        msgspec.structs.replace(wave, t_seen_ns=wave.t_seen_ns + from_seconds(9.0)),
    ]
    found = figures("x", make_heard(alerts), RULES)
    assert (found["n_events"], found["split"], found["false_alerts"], found["missed"]) == (1, False, 0, False)
    assert found["first_alert_s"] == 7.0
    assert (found["first"]["m"], found["first"]["dm"]) == (None, None)
    assert [found[name]["m"] for name in STATES[1:]] == [5.8] * 4
    assert found["revisions"][0]["magnitude"] is None
    assert overall([found], 0)["abs_dm"]["all"]["first"]["n"] == 0
    apart = figures("x", make_heard([wave, alert(9.0, 5.8, 5.0)]), RULES)
    assert apart["split"]


def test_forecasts_of_one_chain_are_followed_and_a_located_one_is_preferred() -> None:
    wave = alert(20.0, 0.0, 20.0, **WAVE)
    heard = whole(
        [
            said_at(20.0, [6.0] * 4, "wf1", located=False, source=[0.0] * 4, wavefield=[6.0] * 4),
            said_at(24.0, [5.0] * 4, "a"),
            said_at(24.5, [8.0] * 4, "wf1", located=False),
            said_at(24.6, [9.0] * 4, "elsewhere"),
        ],
        alerts=[wave, alert(24.0, 5.8, continues="wf1")],
    )
    (second,) = [r for r in rows_of(heard) if r["station"] == FAR[1].station]
    assert second["first"] == {"source": 1.0, "wavefield": 6.0, "combined": 6.0, "sigma": 0.5}
    assert second["at_5s"]["combined"] == 5.0


def test_tables_figures_and_sentence_tell_the_score() -> None:
    rows_here = rows_of(whole([said_at(20.0, [6.6, 5.5, 3.0, 3.0])]))
    result = figures("x", whole([]), RULES) | {
        "shaking": score(rows_here)
        | {"stations": rows_here, "far_and_strong": {"n": 0, **dict.fromkeys(METHODS, 0)}}
    }
    total = overall([result, figures("noise", make_heard([], ()), RULES)], 0)
    json.dumps(total)
    assert total["shaking"]["by_set"]["first"] | {} == {
        "n": 1,
        "source": 0.75,
        "wavefield": 0.0,
        "combined": 0.75,
        "true_source": total["shaking"]["moments"]["first"]["felt"]["true_source"]["within_one"],
    }
    (cells,) = rows([result])
    assert cells[:3] == ("x", "4", "4/3")
    assert cells[3].startswith("75|0|75|")
    assert "75 % of 4 forecasts within one degree in the first alert" in sentence(total)
    assert sentence(overall([], 0)) == ""
    assert [c[0] for c in threshold_rows(total["shaking"])] == ["III", "V", "VI", "VII"]
    assert len(draw(rows_here)) == 2
    assert draw([]) == []


def test_what_was_felt_and_foreseen_is_kept(tmp_path: Path) -> None:
    heard = whole([said_at(20.0, [6.0] * 4)], key="k")
    keep(tmp_path, heard)
    found = kept(tmp_path, "k")
    assert found == heard
    assert found is not None
    assert rows_of(found) == rows_of(heard)
    assert kept(tmp_path, "k", "other.json") is None


def test_a_replay_knows_what_was_forecast_for_its_stations(synthetic_set: Path) -> None:
    heard = heard_of(Task(set_id="s", folder=synthetic_set, config=default_config()))
    found = rows_of(heard)
    assert len(found) >= 8
    assert all(len(f.column("combined")) == len(heard.places) for f in heard.foreseen)
    late = [r for r in found if r["first"] is not None]
    assert late
    assert all(r["observed"] > 3.0 for r in found)
    assert all(abs(r["first"]["combined"] - r["observed"]) < 4.0 for r in late)
    line = as_point(Task(set_id="s", folder=synthetic_set, config=default_config()))
    assert line.config.source.line.min_log_odds > 1e6
    assert line.kept_as != Task(set_id="s", folder=synthetic_set, config=default_config()).kept_as


def test_a_span_ends_when_the_rupture_must_have() -> None:
    short, long = (span_of(make_quake(magnitude=m), 10.0, 20.0, None) for m in (5.0, 7.8))
    # Wells and Coppersmith (1994): 3 and 145 km, at 2.5 km/s, and 5 s.
    assert [(s.over_ns - ORIGIN_NS) / 1e9 for s in (short, long)] == pytest.approx([26.3, 83.1], abs=0.2)
    assert isinstance(short, Span)


def test_the_page_has_a_section_on_shaking_when_something_was_felt() -> None:
    rows_here = rows_of(whole([said_at(20.0, [6.6, 5.5, 3.0, 3.0], wavefield=[0.0, 5.0, 0.0, 0.0])]))
    nobody = {"n": 0, **dict.fromkeys(METHODS, 0)}
    shaking = score(rows_here) | {"stations": rows_here, "far_and_strong": nobody}
    felt = figures("felt", whole([]), RULES) | {"shaking": shaking}
    told = _told(default_config(), Options())
    for sets, n in (([felt], 1), ([figures("quiet", make_heard([]), RULES)], 0)):
        text = page({"overall": overall(sets, 0), "sets": sets, "skipped": [], "options": told}).decode()
        assert text.count("<h2>Shaking</h2>") == n
        assert text.count("Forecast minus observed") == 2 * n  # of all sets, and of the set
