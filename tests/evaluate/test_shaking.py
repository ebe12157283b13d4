"""The score of forecasts, from messages whose answer is known."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from factories import ORIGIN_NS, make_pick
from seiswarn.config import default_config
from seiswarn.evaluate.command import Options, _told
from seiswarn.evaluate.felt import span_of
from seiswarn.evaluate.metrics import figures
from seiswarn.evaluate.overall import overall
from seiswarn.evaluate.page import page
from seiswarn.evaluate.score import far_and_strong, score
from seiswarn.evaluate.shaking import METHODS, MOMENTS
from seiswarn.evaluate.shaking_figures import draw
from seiswarn.evaluate.shaking_table import rows, sentence, threshold_rows
from seiswarn.timebase import from_seconds
from tests.evaluate.conftest import (
    make_heard,
    make_quake,
    make_reached,
    place,
)
from tests.evaluate.shaken import FAR, OBSERVED, RULES, felt, rows_of, said_at, whole


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
