"""Why there was no warning at a time: the run is asked about a moment."""

from __future__ import annotations

import pytest

from seiswarn.errors import UsageError
from seiswarn.explain.command import Opened
from seiswarn.explain.moment import Moment, explain_moment, parse_moment
from seiswarn.timebase import NS, iso, parse_iso
from tests.explain.conftest import QUIET_NS, at

FIRST_NS = parse_iso("2026-03-01T23:50:00Z")


def asked(opened: Opened, t_ns: int) -> Moment:
    return explain_moment(opened.source, opened.index, opened.survey, opened.facts, t_ns)


def test_a_lone_pick_says_how_many_stations_were_missing(opened: Opened) -> None:
    found = asked(opened, QUIET_NS)
    assert found.answer == [
        "No alert was given within a minute of this time.",
        "Motion of 2 of 12 stations came in; the largest real-time intensity was 2.5 (GB/T 17742).",
        "Refused or flagged: 3 times a trigger was weaker than any motion that matters.",
        "1 station picked a P wave: XX.G007.",
        "An event takes at least 3 stations: 2 more would have been needed.",
        "Picks were declined as an event: too few stations had seen it"
        " (1 coherent sites, 3 wanted: 2 more needed).",
    ]
    assert [p.pick_id for p in found.picks] == ["lone"]


def test_the_window_ends_a_minute_before_and_after(opened: Opened) -> None:
    assert [p.pick_id for p in asked(opened, QUIET_NS + 61 * NS).picks] == ["lone"]
    assert not asked(opened, QUIET_NS + 62 * NS).picks
    assert not asked(opened, QUIET_NS - 60 * NS).picks


def test_an_event_says_who_was_warned_and_who_was_not(opened: Opened) -> None:
    answer = asked(opened, at(8.0)).answer
    assert answer[0].startswith("public had alert 1 of sw20260512062804 at 2026-05-12T06:28:11.7Z")
    assert any(text.startswith("plant was not warned of it: M 6.6 is below 7.5") for text in answer)
    assert "No ground motion" in answer[1]


def test_a_time_outside_the_run_is_said_to_be(opened: Opened) -> None:
    (answer,) = asked(opened, at(9999.0)).answer
    assert answer.startswith("The run knows nothing of 2026-05-12T09:14:43.2Z")


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("2026-03-01T23:59:10Z", "2026-03-01T23:59:10Z"),
        ("2026-03-01 23:59:10.5", "2026-03-01T23:59:10.500Z"),
        ("23:59:10", "2026-03-01T23:59:10Z"),
        ("23:59", "2026-03-01T23:59:00Z"),
        ("00:01:00.25Z", "2026-03-02T00:01:00.250Z"),  # a run over midnight
        ("23:49:30", "2026-03-01T23:49:30Z"),
    ],
)
def test_times_are_read(text: str, means: str) -> None:
    assert iso(parse_moment(text, FIRST_NS)) == iso(parse_iso(means))


@pytest.mark.parametrize("text", ["", "noon", "25", "2026-03-01", "2026-03-01T02:00:10+08:00", "7:30"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a time in UTC"):
        parse_moment(text, FIRST_NS)
