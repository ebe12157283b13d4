"""Figures over all sets, the printed table and the page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from lxml import etree, html

from seiswarn.config import default_config
from seiswarn.evaluate.command import Options, _told
from seiswarn.evaluate.matching import Rules
from seiswarn.evaluate.metrics import failed, figures
from seiswarn.evaluate.overall import overall, spread
from seiswarn.evaluate.page import page
from seiswarn.evaluate.plot import Plot, ticks
from seiswarn.evaluate.table import lines, sentence
from tests.evaluate.conftest import alert, estimate, make_heard, make_quake


@pytest.fixture
def evaluation() -> dict[str, Any]:
    rules = Rules()
    story = [estimate(8.5, 5.0), estimate(12.0, 6.2, revision=2)]
    sets = [
        figures("good", make_heard([alert(9.0, 5.8, 4.0)], estimates=story), rules),
        figures("edge", make_heard([alert(10.0, 5.5, 20.0, gap_deg=270.0)]), rules),
        figures("missed", make_heard([]), rules),
        figures("small", make_heard([alert(9.0, 3.0)], (make_quake(magnitude=3.0),)), rules),
        figures("noise", make_heard([alert(9.0, 6.0), alert(9.0, 5.0, event_id="b")], ()), rules),
        failed("<broken>", "ArchiveError: <nothing> to replay"),
    ]
    skipped = [{"id": "picks", "reason": "holds no StationXML"}]
    return {
        "overall": overall(sets, 1),
        "sets": sets,
        "skipped": skipped,
        "options": _told(default_config(), Options(rules=rules)),
    }


def test_counts_and_quantiles(evaluation: dict[str, Any]) -> None:
    found = evaluation["overall"]
    counts = {name: found[name] for name in ("sets", "failed", "skipped", "must_warn", "warned", "missed")}
    assert counts == {"sets": 6, "failed": 1, "skipped": 1, "must_warn": 3, "warned": 2, "missed": 1}
    assert (found["false_alerts"], found["unwanted"], found["split"]) == (2, 1, 0)
    # P at the fourth station after 8 s; the small earthquake does not count.
    assert found["behind_floor_s"] == {"n": 2, "median": 1.5, "p90": 1.9, "max": 2.0}
    assert found["abs_dm"]["all"]["first"]["median"] == pytest.approx(0.35)
    assert found["epi_err_km"]["inside"]["at_10s"]["median"] == pytest.approx(4.0, abs=0.01)
    assert found["epi_err_km"]["outside"]["final"]["max"] == pytest.approx(20.0, abs=0.01)


def test_spread_of_nothing() -> None:
    assert spread([None]) == {"n": 0, "median": None, "p90": None, "max": None}


def test_the_table_has_a_line_for_each_set(evaluation: dict[str, Any]) -> None:
    table = lines(evaluation["sets"])
    assert [line.split()[0] for line in table] == [
        "set",
        "good",
        "edge",
        "missed",
        "small",
        "noise",
        "<broken>",
    ]
    assert re.search(r"good +6\.0 +9\.0 +8\.0 +1\.0 +5\.8/5\.8/5\.8 +4/4/4 +90$", table[1])
    assert table[3].endswith("MISSED")
    assert table[4].endswith("1 unwanted")
    assert table[5].endswith("2 FALSE")
    assert table[6].endswith("FAILED: ArchiveError: <nothing> to replay")
    said = sentence(evaluation["overall"])
    assert "2 of 3 earthquakes" in said
    assert "1.5 s after P had reached" in said
    early = overall([figures("early", make_heard([alert(6.0, 6.0)]), Rules())], 0)
    assert "2.0 s before P reached" in sentence(early)
    assert "2 false, 1 for small earthquakes" in said
    assert said.count(".") - len(re.findall(r"\d\.\d", said)) == 1


def test_failures_alone_are_not_called_silence() -> None:
    said = sentence(overall([failed("a", "x"), failed("b", "y")], 0))
    assert said == "None of 2 sets could be run."


def test_the_page_is_whole_and_needs_nothing_else(evaluation: dict[str, Any]) -> None:
    text = page(evaluation).decode()
    assert page(evaluation).decode() == text
    assert not re.search(r"(src|href)=\"(?!#)", text)
    assert "<script" not in text
    assert "<broken>" not in text  # names of folders are text
    tree = html.fromstring(text)
    assert [h.text for h in tree.findall(".//section/h2")] == [s["id"] for s in evaluation["sets"]]
    svgs = re.findall(r"<svg .*?</svg>", text, re.S)
    assert len(svgs) == 9  # three for each earthquake that was warned of
    for svg in svgs:
        etree.fromstring(svg)
    rows = tree.xpath("//section[1]//tbody/tr/@class")
    assert rows == ["estimate", "alert", "estimate"]


def test_a_plot_keeps_inside_its_frame() -> None:
    plot = Plot("t", "x", "y", (0.0, 10.0), (0.0, 1.0))
    plot.steps([(1.0, 0.5), (5.0, 7.0), (20.0, 0.2)], "#000", "<line>", until=10.0)
    plot.dots([(3.0, -4.0), (11.0, 0.5)], "#111")
    root = etree.fromstring(plot.svg())
    width, height = (float(v) for v in root.get("viewBox").split()[2:])
    for path in root.iter("{*}path"):
        numbers = [float(v) for v in re.findall(r"-?\d+\.?\d*", path.get("d"))]
        assert min(numbers) >= 0
        assert max(numbers) <= max(width, height)
    assert len(list(root.iter("{*}circle"))) == 1
    assert "&lt;line&gt;" in plot.svg()


@pytest.mark.parametrize(("low", "high"), [(0.0, 50.0), (-5.0, 120.0), (5.5, 8.0), (0.0, 0.03), (3.0, 3.0)])
def test_ticks_are_round_and_inside(low: float, high: float) -> None:
    found = ticks(low, high)
    assert found
    assert all(low - 1e-9 <= t <= high + 1e-9 for t in found)
    assert len(found) <= 13
