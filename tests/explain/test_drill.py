"""A real run explained: what the pipeline writes is what this part reads."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from seiswarn.alerts.params import Params
from seiswarn.bundled import bundled
from seiswarn.config import load_config
from seiswarn.config_audiences import Audience
from seiswarn.explain.command import Opened, open_and_survey
from seiswarn.explain.event import Case, explain_event
from seiswarn.runtime.replay import Summary, replay
from seiswarn.runtime.setup import synthetic_run
from seiswarn.timebase import NS, parse_iso

pytestmark = pytest.mark.xdist_group("explain-drill")  # one run for all
FAR_AWAY = ((30.0, 100.0), (34.0, 100.0), (34.0, 106.0))


@pytest.fixture(scope="module")
def drilled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Summary, Opened, Case]:
    """A drill of 40 s for the public and for a region far away."""
    config = load_config(bundled("configs/drill_guangxi.toml"))
    entry = msgspec.structs.replace(config.ingest[0], lead_s=15.0, duration_s=40.0)
    audiences = (Audience(name="public"), Audience(name="far_away", region=FAR_AWAY))
    config = msgspec.structs.replace(config, audience=audiences, ingest=(entry,))
    setup, feed = synthetic_run(config, status="exercise")
    summary = replay(setup, feed, tmp_path_factory.mktemp("drill"))
    opened = open_and_survey(Path(summary.folder))
    (outline,) = opened.survey.events.values()
    return summary, opened, explain_event(opened.source, opened.index, outline, opened.facts)


def test_nothing_in_a_run_is_unreadable(drilled: tuple[Summary, Opened, Case]) -> None:
    summary, opened, _ = drilled
    assert opened.problems == []
    assert {k: n for k, n in summary.counts.items() if k[0].isupper()} == dict(opened.survey.counts)


def test_alerts_and_first_seconds_are_those_of_the_run(drilled: tuple[Summary, Opened, Case]) -> None:
    summary, _, case = drilled
    public, far_away = case.audiences
    assert [a.revision for a in public.alerts] == [a.revision for a in summary.alerts]
    first_s = (summary.alerts[0].t_seen_ns - case.origin.t_ns) / NS
    assert public.headline.startswith(f"public was warned at T+{first_s:.1f} s")
    assert abs(case.origin.t_ns - parse_iso("2026-03-01T02:00:00Z")) < NS
    assert not far_away.warned
    assert "is outside the region" in far_away.why[0]
    assert far_away.needed == ["an epicentre in the region of this audience, or near its targets"]


def test_targets_have_their_names_and_thresholds_are_those_of_the_run(
    drilled: tuple[Summary, Opened, Case],
) -> None:
    _, opened, case = drilled
    assert any("at Baise" in i.text for i in case.items if i.lane == "forecast")
    public = opened.facts.audience("public")
    assert public is not None
    assert public.min_magnitude == Params().min_magnitude
    assert opened.facts.min_stations > 0
