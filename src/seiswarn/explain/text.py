"""An explanation as lines for a terminal: aligned, wrapped to its width, coloured where wanted."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from seiswarn.explain.event import Case, coordinates, place_name
from seiswarn.explain.facts import RunFacts
from seiswarn.explain.item import Item, Origin0, short
from seiswarn.explain.moment import Moment
from seiswarn.explain.survey import Outline, Survey
from seiswarn.timebase import iso

LEAST_WIDTH = 60
LEAST_TEXT = 30  # columns for a sentence, however narrow the terminal
NARROW_INDENT = "    "
MOST_EVENTS = 40
STYLES = {
    "pick": "",
    "source": "cyan",
    "forecast": "blue",
    "alert": "bold",
    "hold": "dim",
    "data": "yellow",
    "new": "bold red",
    "cancel": "bold magenta",
    "head": "bold",
    "note": "yellow",
}


class Paper:
    """Collects lines of a width; styles are names of `STYLES`."""

    def __init__(self, width: int, colour: bool) -> None:
        self.lines: list[str] = []
        self._width = max(LEAST_WIDTH, width)
        self._colour = colour

    def add(self, text: str = "", style: str = "", indent: str = "", first: str | None = None) -> None:
        """A paragraph; lines after its first begin with `indent`.

        Where `first` leaves no room for text, it gets a line of its own.
        """
        if first is not None and len(first) + LEAST_TEXT > self._width:
            self.lines.append(self._styled(first.rstrip(), STYLES.get(style, "")))
            first = indent = NARROW_INDENT
        room = self._width
        for line in textwrap.wrap(
            text, room, initial_indent=indent if first is None else first, subsequent_indent=indent,
            break_on_hyphens=False, break_long_words=False,
        ) or [""]:  # fmt: skip
            self.lines.append(self._styled(line, STYLES.get(style, "")))

    def _styled(self, line: str, style: str) -> str:
        if not (self._colour and style):
            return line
        from rich.style import Style

        return Style.parse(style).render(line)


def survey_lines(
    paper: Paper, survey: Survey, facts: RunFacts, first_ns: int, problems: Iterable[str]
) -> None:
    """The head of the run and a line for each event."""
    name = f" ({facts.source})" if facts.source else ""
    by = f", seiswarn {facts.version}" if facts.version else ""
    status = facts.status or survey.status or "unknown"
    span = f"{iso(first_ns, 0)} to {iso(survey.last_ns, 0)} (UTC)" if first_ns else "no message at all"
    paper.add(f"Run in {facts.folder}{name}: {span}, status {status}{by}.", "head")
    for problem in problems:
        paper.add(problem, "note", "  ")
    paper.add(_sum(survey))
    if survey.events:
        paper.add()
        _table(paper, list(survey.events.values()))
    for (station, reason), detail in survey.suspects.items():
        paper.add(f"{station}: {reason}: {detail}", "note", "    ", "")


def _sum(survey: Survey) -> str:
    n, warned = len(survey.events), sum(e.warned for e in survey.events.values())
    text = f"{n} event{'' if n == 1 else 's'}, {warned} of them warned of" if n else "No event was declared"
    if survey.declined:
        told = ", ".join(f"{k} {reason}" for reason, k in survey.declined.most_common())
        text += f"; picks declined as an event: {told}"
    if survey.refused:
        told = ", ".join(f"{k} {reason}" for reason, k in survey.refused.most_common())
        text += f"; data refused or flagged: {told}"
    return text + "."


def _table(paper: Paper, events: Sequence[Outline]) -> None:
    shown = sorted(events, key=lambda e: e.rank, reverse=True)[:MOST_EVENTS]
    wide = max(len(e.event_id) for e in shown)
    head = f"{'Event':<{wide}}  {'Origin (UTC)':<21}  {'M':>4}  {'Place':<18}  {'Int.':>4}  "
    paper.add(f"{head}Warned, or why not", "head")
    for event in sorted(shown, key=lambda e: e.first_ns):
        o = event.estimate.origin
        size = "   ?" if event.estimate.value is None else f"{event.estimate.value:4.1f}"
        row = (
            f"{event.event_id:<{wide}}  {iso(o.time_ns, 1)[:-1].replace('T', ' '):<21}  {size}  "
            f"{coordinates(o.latitude, o.longitude):<18}  {event.max_intensity:4.1f}  "
        )
        paper.add(outcome(event), "new" if event.warned else "", " " * len(row), row)
    if len(events) > len(shown):
        paper.add(f"... and {len(events) - len(shown)} smaller ones")


def outcome(event: Outline) -> str:
    """Who was warned of an event, and why who was not was not, in a line."""
    warned = [f"{name} ({told.n_alerts})" for name, told in event.audiences.items() if told.n_alerts]
    parts = [f"warned: {', '.join(warned)}"] if warned else []
    for name, told in event.audiences.items():
        decision = told.decisive or told.last
        if not told.n_alerts and decision is not None:
            parts.append(f"not {name}: {', '.join(decision.reasons)}")
    return "; ".join(parts) or "no audience was asked"


def event_lines(paper: Paper, case: Case, audience: str = "") -> None:
    """The verdicts on an event, and its time line."""
    event = case.outline
    o = event.estimate.origin
    near = place_name(case.gathered.alerts)
    size = "strong motion without a located source" if event.estimate.value is None else ""
    size = size or f"M {event.estimate.value:.1f}"
    where = f"{coordinates(o.latitude, o.longitude)}{f', {near}' if near else ''}"
    paper.add()
    paper.add(
        f"Event {event.event_id}: {size}, {where}, depth {o.depth_km:.0f} km,"
        f" origin {iso(o.time_ns, 2)} (UTC), {event.estimate.state}.",
        "head",
    )
    paper.add()
    for one in case.audiences:
        if audience in ("", one.name):
            paper.add(one.headline, "new" if one.warned else "head")
            for text in one.why:
                paper.add(text, "", "  ")
            if one.needed:
                paper.add("A warning would have taken all of this at one time:", "", "  ")
                for text in one.needed:
                    paper.add(text, "", "      ", "    - ")
    paper.add()
    others = {one.name for one in case.audiences} - {audience} if audience else set()
    item_lines(paper, [i for i in case.items if i.who not in others], case.origin)


def item_lines(paper: Paper, items: Sequence[Item], origin: Origin0) -> None:
    """The time line: seconds after the origin, time of day in UTC, who, what."""
    named = [short(i.who) if i.lane in ("pick", "data") else i.who for i in items]
    wide = min(14, max((len(name) for name in named), default=0))
    paper.add(
        f"{'after origin':>12}  {'seen (UTC)':<11}  {'who':<{wide}}  what (times are when the run knew it)",
        "head",
    )
    for item, name in zip(items, named, strict=True):
        clock = iso(item.t_ns, 2)[11:-1]
        front = f"{origin.since(item.t_ns):>10} s  {clock:<11}  {name:<{wide}}  "
        style = item.what if item.what in STYLES else item.lane
        paper.add(words(item, origin), style, " " * len(front), front)


def words(item: Item, origin: Origin0) -> str:
    """What an entry says, with its reasons where they say more than the entry."""
    n = "" if item.lane == "pick" else f" {item.n} times"  # of picks the entry itself says how many
    times = f"{n} until {origin.since(item.until_ns)} s" if item.until_ns else ""
    text = f"{item.what}{times}: {item.text}"
    told_already = item.lane == "alert" and item.what != "cancel"
    told_already |= item.why.replace(" had ", " has ") in item.text
    return text if told_already else f"{text} [{item.why}]"


def moment_lines(paper: Paper, moment: Moment) -> None:
    """The answer about a moment, and what stands behind it."""
    paper.add()
    paper.add(f"Within a minute of {iso(moment.t_ns, 1)} (UTC):", "head")
    for text in moment.answer:
        paper.add(text, "", "    ", "  - ")
    rows = [(p.t_seen_ns, "pick", f"{short(p.station)} {p.phase}, {p.snr:.0f} times the noise, quality"
             f" {p.quality}, onset {iso(p.t_ns, 2)[11:-1]}") for p in moment.picks]  # fmt: skip
    rows += [
        (d.t_seen_ns, "source", f"declined: {', '.join(d.reasons)}: {d.detail}") for d in moment.declined
    ]
    rows += [
        (d.t_seen_ns, "hold" if d.action == "hold" else "alert", f"{d.policy} {d.action} {d.event_id}:"
         f" {', '.join(d.reasons)}: {d.detail}")
        for d in moment.decisions
    ]  # fmt: skip
    if rows:
        paper.add()
        paper.add(f"{'seen (UTC)':<11}  what", "head")
    for t_ns, style, text in sorted(rows, key=lambda row: row[0]):
        paper.add(text, style, " " * 13, f"{iso(t_ns, 2)[11:-1]:<11}  ")
