"""An explanation as a page: one file, nothing to fetch and nothing to run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seiswarn.explain.drawing import draw
from seiswarn.explain.event import Case, coordinates, place_name
from seiswarn.explain.item import Item, short
from seiswarn.explain.moment import Moment
from seiswarn.explain.survey import Outline
from seiswarn.explain.text import outcome, words
from seiswarn.explain.verdict import AudienceCase
from seiswarn.messages import Status
from seiswarn.publish.formats.wording import BANNER, STATUS_NOTE, Language
from seiswarn.timebase import iso

if TYPE_CHECKING:
    from seiswarn.explain.command import Opened

MOST_ROWS = 400  # of a table; a swarm makes thousands
ROWS_SHOWN = 12  # before the rest is folded away
MOST_EVENTS = 100
# What an alert does, in the words of the warnings themselves (`publish.formats.wording`).
WHAT_ZH = {
    "new": "首报", "update": "更新", "escalate": "升级", "deescalate": "降级", "area growth": "范围扩大",
    "cancel": "撤销", "all clear": "解除", "expired": "到期", "final": "终报", "held": "未发布",
}  # fmt: skip


def page(opened: Opened, case: Case | None, moment: Moment | None, audience: str = "") -> bytes:
    """The page, in UTF-8; equal input gives equal bytes."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loaders = [
        PackageLoader("seiswarn.explain", "templates"),
        PackageLoader("seiswarn.publish.formats", "templates"),
    ]
    environment = Environment(
        loader=ChoiceLoader(loaders), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    banner, note = _banner(opened.facts.status or opened.survey.status)
    text = environment.get_template("explain.html.j2").render(
        banner=banner,
        note=note,
        facts=opened.facts,
        problems=opened.problems,
        first=_utc(opened.index.first_ns),
        last=_utc(opened.survey.last_ns),
        events=_events(opened),
        case=_case(case, audience) if case is not None else None,
        moment=_moment(moment) if moment is not None else None,
        shown=ROWS_SHOWN,
        suspects=[(s, r, d) for (s, r), d in opened.survey.suspects.items()],
    )
    return text.encode()


def _banner(status: str) -> tuple[dict[Language, str], dict[Language, str]]:
    known: Status = "exercise" if status == "exercise" else "test" if status == "test" else "actual"
    return BANNER[known], STATUS_NOTE[known]


def _utc(t_ns: int, digits: int = 0) -> str:
    return f"{iso(t_ns, digits)[:-1].replace('T', ' ')} UTC"


def _events(opened: Opened) -> list[dict[str, str]]:
    events = sorted(opened.survey.events.values(), key=lambda e: e.rank, reverse=True)[:MOST_EVENTS]
    return [_event(event) for event in sorted(events, key=lambda e: e.first_ns)]


def _event(event: Outline) -> dict[str, str]:
    o = event.estimate.origin
    return {
        "id": event.event_id,
        "origin": _utc(o.time_ns, 1),
        "m": "–" if event.estimate.value is None else f"{event.estimate.value:.1f}",
        "place": coordinates(o.latitude, o.longitude),
        "intensity": f"{event.max_intensity:.1f}",
        "outcome": outcome(event),
    }


def _case(case: Case, audience: str) -> dict[str, Any]:
    estimate = case.outline.estimate
    o = estimate.origin
    cases = [one for one in case.audiences if audience in ("", one.name)]
    names = {one.name for one in case.audiences}
    return {
        "title": _title(case),
        "facts": [
            ("Origin (UTC) 发震时刻", _utc(o.time_ns, 1)[:-4], f"± {o.time_sigma_s:.1f} s"),
            ("Magnitude 震级", *_size(case)),
            (
                "Epicentre 震中",
                coordinates(o.latitude, o.longitude),
                f"± {o.ellipse_major_km:.0f} km, depth {o.depth_km:.0f} km",
            ),
            (
                "Largest forecast 最大预测烈度",
                f"{case.outline.max_intensity:.1f}",
                case.outline.intensity_scale,
            ),
        ],
        "audiences": [_audience(one, case) for one in cases],
        "svg": draw(case, audience),
        "rows": _rows([i for i in case.items if i.who not in names], case),
    }


def _title(case: Case) -> str:
    event = case.outline
    near = place_name(case.gathered.alerts)
    o = event.estimate.origin
    size = "Strong motion" if event.estimate.value is None else f"M {event.estimate.value:.1f}"
    warned = [one.name for one in case.audiences if one.warned]
    told = f"warned: {', '.join(warned)}" if warned else "nobody was warned"
    return f"{size}, {near or coordinates(o.latitude, o.longitude)}; {told}"


def _size(case: Case) -> tuple[str, str]:
    m, largest = case.outline.estimate.magnitude, case.outline.largest
    if m is None:
        return "unknown", "motion without a located source"
    return f"{m.value:.1f} ± {m.sigma:.1f}", f"largest on the way: {largest or m.value:.1f}"


def _audience(one: AudienceCase, case: Case) -> dict[str, Any]:
    return {
        "name": one.name,
        "warned": one.warned,
        "headline": one.headline,
        "why": one.why,
        "needed": one.needed,
        "rows": _rows(one.items, case, {a.level: a.level_zh for a in one.alerts}),
        "n": f"{len(one.alerts)} alerts, {one.n_held} decisions to wait or say no more",
    }


def _rows(items: Sequence[Item], case: Case, zh: dict[str, str] | None = None) -> dict[str, Any]:
    shown = items[:MOST_ROWS]
    return {
        "rows": [
            {
                "after": f"{case.origin.since(i.t_ns)[1:]}",
                "utc": iso(i.t_ns, 2)[11:-1],
                "who": short(i.who) if i.lane in ("pick", "data") else i.who,
                "what": i.what,
                "zh": " ".join(WHAT_ZH[w] for w in i.what.split(" + ") if w in WHAT_ZH),
                "lane": i.lane,
                "level": i.level,
                "level_zh": (zh or {}).get(i.level, ""),
                "colour": i.colour,
                "dark": _is_dark(i.colour),
                "text": words(i, case.origin).partition(": ")[2],
                "times": f"{i.n} times until {case.origin.since(i.until_ns)} s" if i.until_ns else "",
            }
            for i in shown
        ],
        "left_out": len(items) - len(shown),
    }


def _is_dark(colour: str) -> bool:
    """Whether white letters stand out better on a colour ``#rrggbb``: luma of ITU-R BT.601 below half."""
    if len(colour) != 7 or not colour.startswith("#"):
        return False
    try:
        red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    except ValueError:
        return False
    return 0.299 * red + 0.587 * green + 0.114 * blue < 128.0


def _moment(moment: Moment) -> dict[str, Any]:
    rows = [
        (
            p.t_seen_ns,
            short(p.station),
            f"{p.phase} pick",
            f"{p.snr:.0f} times the noise, quality {p.quality}",
        )
        for p in moment.picks
    ]
    rows += [
        (d.t_seen_ns, d.policy, f"{d.action} {d.event_id}".strip(), f"{', '.join(d.reasons)}: {d.detail}")
        for d in (*moment.declined, *moment.decisions)
    ]
    rows.sort(key=lambda row: row[0])
    return {
        "at": _utc(moment.t_ns, 1),
        "answer": moment.answer,
        "rows": [(iso(t, 2)[11:-1], who, what, text) for t, who, what, text in rows[:MOST_ROWS]],
        "left_out": max(0, len(rows) - MOST_ROWS),
    }
