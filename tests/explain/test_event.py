"""The time line of an event and the verdict on each audience."""

from __future__ import annotations

import pytest

from seiswarn.explain.command import Opened
from seiswarn.explain.event import Case, explain_event
from seiswarn.explain.item import Item, fold_picks
from seiswarn.timebase import NS
from tests.explain.conftest import EVENT, at


def explained(opened: Opened, *, every: bool = False) -> Case:
    return explain_event(opened.source, opened.index, opened.survey.events[EVENT], opened.facts, every=every)


def of(case: Case, lane: str, who: str = "") -> list[Item]:
    return [i for i in case.items if i.lane == lane and who in ("", i.who)]


def test_the_time_line_is_in_order_and_counts_from_the_origin(opened: Opened) -> None:
    case = explained(opened)
    assert [i.t_ns for i in case.items] == sorted(i.t_ns for i in case.items)
    assert case.origin.since(at(7.5)) == "T+7.5"
    assert case.origin.since(at(-1.25)) in ("T-1.2", "T-1.3")


def test_picks_of_the_event_stand_with_distance_and_residual(opened: Opened) -> None:
    picks = of(explained(opened), "pick")
    assert len(picks) == 6  # not the lone one ten minutes later
    assert "12 km away" in picks[0].text
    assert "residual +0.10 s" in picks[0].text


def test_only_estimates_that_change_much_are_shown(opened: Opened) -> None:
    shown = of(explained(opened), "source")
    assert [i.what for i in shown] == ["declared", "estimate", "ended"]
    assert "from 3 stations (XX.G000, XX.G001, XX.G002): M 5.6" in shown[0].text
    assert "(+1.0)" in shown[1].text
    assert "1 smaller revision before" in shown[1].text
    assert shown[1].why == "more arrivals had come"
    assert len(of(explained(opened, every=True), "source")) == 4


def test_a_forecast_is_shown_when_it_rests_on_something_new(opened: Opened) -> None:
    first, second = of(explained(opened), "forecast")
    assert (first.t_ns, second.t_ns) == (at(6.5), at(8.5))
    assert "7.6 at Baise" in first.text
    assert second.why == "now observed motion corrects it at 1 place"


def test_an_audience_that_was_warned_hears_when_and_why_not_before(opened: Opened) -> None:
    case = explained(opened)
    public = case.audiences[0]
    assert public.warned
    assert public.headline == ("public was warned at T+7.5 s, level red: 3 alerts, the last closed it.")
    assert "intensity 7.6 at Baise reaches 4.0" in public.why[0]
    assert "held back 1.0 s before: magnitude uncertain by 0.80" in public.why[1]
    assert not public.needed
    assert [i.what for i in public.items] == ["held", "new", "escalate", "final"]


def test_an_audience_that_was_not_warned_hears_why_and_what_it_would_take(opened: Opened) -> None:
    plant = explained(opened).audiences[1]
    assert not plant.warned
    assert plant.headline == "plant was not warned."
    assert "M 6.6 is below 7.5; intensity 8.4 at the epicentre is below 9.0" in plant.why[0]
    assert "the event had ended" in plant.why[2]
    assert plant.needed == [
        "M 7.5 or more (the largest was 6.6)",
        "a forecast intensity of 9.0 or more (the largest was 8.4)",
    ]


def test_repeated_holds_are_folded_unless_all_is_wanted(opened: Opened) -> None:
    held = of(explained(opened), "hold", "plant")
    assert [(i.n, i.t_ns, i.until_ns) for i in held] == [(4, at(6.5), at(9.5)), (1, at(100.0), 0)]
    every = of(explained(opened, every=True), "hold", "plant")
    assert [i.n for i in every] == [1] * 5
    quiet = of(explained(opened), "hold", "public")
    assert len(quiet) == 1  # that nothing changed is no news ...
    assert len(of(explained(opened, every=True), "hold", "public")) == 2  # ... unless all is wanted


def test_an_audience_without_a_decision_was_never_asked(opened: Opened) -> None:
    outline = opened.survey.events[EVENT]
    del outline.audiences["province"]
    province = explained(opened).audiences[2]
    assert province.name == "province"
    assert "never asked" in province.why[0]


@pytest.mark.parametrize("n", [1, 6, 7, 30])
def test_long_runs_of_picks_make_one_entry(n: int) -> None:
    picks = [
        Item(t_ns=k * NS, lane="pick", who=f"XX.S{k}..HN", what="S pick" if k == 2 else "P pick", text="")
        for k in range(n)
    ]
    end = Item(t_ns=99 * NS, lane="source", who="source", what="declared", text="")
    folded = fold_picks([*picks, end, picks[0]])
    assert folded[-2:] == [end, picks[0]]
    if n <= 6:
        assert folded[:-2] == picks
    else:
        assert len(folded) == 3
        assert folded[0].n == n
        assert folded[0].text.startswith(f"{n - 1} P and 1 S: XX.S0, XX.S1")
        assert folded[0].text.endswith(f"and {n - 6} more")
