"""What is kept of a replay for the score: what was felt, what was forecast, and which events are one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from factories import ORIGIN_NS
from seiswarn.alerts.params import Params as AlertsParams
from seiswarn.config import default_config
from seiswarn.evaluate.chains import chains
from seiswarn.evaluate.felt import Felt, Span, span_of, take_motions
from seiswarn.evaluate.foreseen import KIND, foreseen, places_of, with_stations
from seiswarn.evaluate.heard import spans_of
from seiswarn.evaluate.keep import keep, kept
from seiswarn.evaluate.metrics import STATES, figures
from seiswarn.evaluate.overall import overall
from seiswarn.evaluate.replaying import Task, as_point, heard_of
from seiswarn.forecast_arrays import FLOATS, FieldArrays, field_of
from seiswarn.messages import UNKNOWN_MAGNITUDE, Forecast, Motions
from seiswarn.reasons import Flag
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
)
from tests.evaluate.shaken import FAR, RULES, rows_of, said_at, whole


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
