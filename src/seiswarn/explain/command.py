"""The whole of `seiswarn explain`: a run in; lines, a page, or JSON out."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from seiswarn.errors import SeiswarnError, UsageError
from seiswarn.explain.event import Case, explain_event
from seiswarn.explain.facts import RunFacts, run_facts
from seiswarn.explain.moment import Moment, explain_moment, parse_moment
from seiswarn.explain.reading import Index, Source, open_run
from seiswarn.explain.survey import Outline, Survey, survey
from seiswarn.explain.text import Paper, event_lines, moment_lines, survey_lines
from seiswarn.runtime.files import DATABASE, OUTPUT
from seiswarn.timebase import iso


@dataclass(frozen=True, slots=True)
class Opened:
    """A run, read once."""

    source: Source
    survey: Survey
    index: Index
    facts: RunFacts

    @property
    def problems(self) -> list[str]:
        """What could not be read."""
        n = self.survey.unreadable
        unread = f"{n} messages could not be decoded and were passed over" if n else ""
        return [text for text in (self.source.problem, self.facts.problem, unread) if text]


def run(
    name: str,
    event_id: str = "",
    *,
    audience: str = "",
    at: str = "",
    every: bool = False,
    html: Path | None = None,
    as_json: bool = False,
    width: int = 110,
    colour: bool = False,
) -> list[str]:
    """Explain a run, one of its events or a moment; returns what the terminal shows.

    Parameters
    ----------
    name
        a run folder, its journal or its database; or an event, looked for in the run folders in the
        folder where one is.
    event_id
        of the run; without, the event warned of, or the largest.
    audience
        whose decisions are shown; all without.
    at
        a time in UTC instead of an event.
    every
        leave nothing out and fold nothing.
    html
        a page to write.

    Raises
    ------
    UsageError
        When there is no such run, event or audience, or the time is none.
    """
    if at and event_id:
        raise UsageError("give an event or --at, not both")
    opened, event_id = find(name, event_id)
    _insist_on_audience(opened, audience)
    moment, case = None, None
    if at:
        t_ns = parse_moment(at, opened.index.first_ns)
        moment = explain_moment(opened.source, opened.index, opened.survey, opened.facts, t_ns)
    elif opened.survey.events:
        outline = choose(opened.survey, event_id)
        case = explain_event(opened.source, opened.index, outline, opened.facts, every=every)
    elif event_id:
        raise UsageError(f"{event_id}: the run in {opened.facts.folder} knows no event at all")
    if html is not None:
        from seiswarn.explain.page import page

        html.write_bytes(page(opened, case, moment, audience))
    if as_json:
        return [msgspec.json.format(msgspec.json.encode(whole(opened, case, moment, audience))).decode()]
    paper = Paper(width, colour)
    if not event_id:
        survey_lines(paper, opened.survey, opened.facts, opened.index.first_ns, opened.problems)
    else:
        for problem in opened.problems:
            paper.add(problem, "note")
    if case is not None:
        event_lines(paper, case, audience)
    if moment is not None:
        moment_lines(paper, moment)
    return paper.lines


def open_and_survey(path: Path) -> Opened:
    """Read a run once. Raises UsageError or StoreError when it is none."""
    source = open_run(path)
    found, index = survey(source)
    return Opened(source, found, index, run_facts(path))


def find(name: str, event_id: str) -> tuple[Opened, str]:
    """The run that is meant, and the event, if one is."""
    path = Path(name)
    if path.exists():
        return open_and_survey(path), event_id
    folders = [p for p in (Path(), *sorted(Path().iterdir())) if _is_run(p)]
    if event_id or "/" in name or not folders:
        raise UsageError(
            f"{name}: no such folder{'' if event_id else ', and no run here to look for an event'}"
        )
    known: list[str] = []
    for folder in folders:
        try:
            opened = open_and_survey(folder)
        except SeiswarnError:
            continue  # what is no whole run cannot hold the event
        if name in opened.survey.events:
            return opened, name
        known += opened.survey.events
    raise UsageError(_unknown("event", name, known, f"{len(folders)} run folders here"))


def _is_run(folder: Path) -> bool:
    return (folder / OUTPUT).is_file() or (folder / DATABASE).is_file()


def choose(survey: Survey, event_id: str) -> Outline:
    """The event asked for, or the one to look at first. Raises UsageError when it is not there."""
    if not event_id:
        return max(survey.events.values(), key=lambda event: event.rank)
    if event_id not in survey.events:
        raise UsageError(_unknown("event", event_id, list(survey.events), "the run"))
    return survey.events[event_id]


def _insist_on_audience(opened: Opened, audience: str) -> None:
    told = [name for event in opened.survey.events.values() for name in event.audiences]
    names = list(dict.fromkeys([a.name for a in opened.facts.audiences] + told))
    if audience and audience not in names:
        raise UsageError(_unknown("audience", audience, names, "the run"))


def _unknown(what: str, name: str, known: list[str], where: str) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.3) or known[:3]
    some = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"{name}: no {what} of {where} has this name{some}"


def whole(opened: Opened, case: Case | None, moment: Moment | None, audience: str = "") -> dict[str, Any]:
    """Everything as plain values, for JSON. Times are in nanoseconds and, beside, in ISO 8601 UTC."""
    out: dict[str, Any] = {
        "run": {
            "folder": opened.facts.folder,
            "source": opened.facts.source,
            "version": opened.facts.version,
            "status": opened.facts.status or opened.survey.status,
            "first": iso(opened.index.first_ns),
            "last": iso(opened.survey.last_ns),
            "problems": opened.problems,
            "messages": dict(sorted(opened.survey.counts.items())),
            "declined": dict(opened.survey.declined),
            "refused": dict(opened.survey.refused),
            "suspects": [
                {"station": s, "reason": r, "detail": d} for (s, r), d in opened.survey.suspects.items()
            ],
        },
        "events": [msgspec.to_builtins(event) for event in opened.survey.events.values()],
    }
    if case is not None:
        others = {one.name for one in case.audiences} - {audience} if audience else set()
        out["event"] = {
            "event_id": case.outline.event_id,
            "origin_time_ns": case.origin.t_ns,
            "origin_time": iso(case.origin.t_ns),
            "timeline": [
                {"t_seen": iso(i.t_ns), **msgspec.to_builtins(i)} for i in case.items if i.who not in others
            ],
            "audiences": [
                {
                    "name": one.name,
                    "warned": one.warned,
                    "headline": one.headline,
                    "why": one.why,
                    "needed": one.needed,
                    "n_alerts": len(one.alerts),
                    "n_held": one.n_held,
                }
                for one in case.audiences
                if one.name not in others
            ],
        }
    if moment is not None:
        out["moment"] = {"t": iso(moment.t_ns), **msgspec.to_builtins(moment)}
        out["moment"]["stations"] = sorted(moment.stations)
    return out
