"""The time line of an event as one drawing: magnitude, arrivals over distance, and a lane per audience.

Inline SVG, written by hand: equal input gives equal bytes, and text stays text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from seiswarn.explain.event import Case
from seiswarn.explain.seen import AlertSeen, TargetSeen
from seiswarn.explain.verdict import AudienceCase
from seiswarn.timebase import NS

WIDTH, LEFT, RIGHT = 1000.0, 118.0, 24.0
MAGNITUDE_HEIGHT, ARRIVAL_HEIGHT, LANE_HEIGHT, GAP = 150.0, 190.0, 40.0, 26.0
SHORTEST_S, LONGEST_S = 20.0, 180.0
MOST_TARGETS = 6
APART_NS = 2 * NS  # S at two targets that are both shown
MOST_FIRSTS = 4  # first alerts that are marked
LINE, LETTER = 12.0, 6.6  # height of a label, and width of a letter in it
INK, SOFT, FAINT, P_COLOUR, S_COLOUR, BAND, QUIET = (
    "#1c2733", "#5b6770", "#dfe4e8", "#1e6fd9", "#c2620a", "#cfe0f5", "#9aa5ad",
)  # fmt: skip
MARKS = {"new": "▲", "escalate": "▲", "cancel": "✕", "deescalate": "▼", "all_clear": "○", "final": "■"}


@dataclass(slots=True)
class Canvas:
    """Shapes, with seconds after the origin across."""

    end_s: float
    shapes: list[str] = field(default_factory=list)

    def x(self, t_s: float) -> float:
        share = min(1.0, max(0.0, t_s / self.end_s))
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def add(self, tag: str, text: str = "", /, **attributes: str | float) -> None:
        told = "".join(
            f" {name.strip('_').replace('_', '-')}={quoteattr(_number(value))}"
            for name, value in attributes.items()
        )
        self.shapes.append(f"<{tag}{told}>{escape(text)}</{tag}>" if text else f"<{tag}{told}/>")

    def line(self, x1: float, y1: float, x2: float, y2: float, colour: str, **more: str | float) -> None:
        self.add("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=colour, **more)

    def text(
        self, x: float, y: float, text: str, anchor: str = "start", colour: str = INK, size: float = 12.0
    ) -> None:
        # White around letters keeps them apart from what they stand on.
        self.add(
            "text", text, x=x, y=y, text_anchor=anchor, fill=colour, font_size=size, paint_order="stroke",
            stroke="#ffffff", stroke_width=3.0,
        )  # fmt: skip


def _number(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")


def draw(case: Case, audience: str = "") -> str:
    """The drawing of a case, of all audiences or of one."""
    cases = [one for one in case.audiences if audience in ("", one.name)]
    targets = _strongest(cases)
    canvas = Canvas(_end_s(case, cases, targets))
    lanes_at = MAGNITUDE_HEIGHT + ARRIVAL_HEIGHT + 3 * GAP
    bottom = lanes_at + LANE_HEIGHT * len(cases)
    _grid(canvas, bottom)
    _magnitudes(canvas, case, GAP)
    _arrivals(canvas, case, targets, 2 * GAP + MAGNITUDE_HEIGHT)
    for first_ns in sorted({one.alerts[0].t_seen_ns for one in cases if one.alerts})[:MOST_FIRSTS]:
        x = canvas.x((first_ns - case.origin.t_ns) / NS)
        canvas.line(x, GAP, x, bottom, INK, stroke_dasharray="2 4", stroke_width=0.8)
    for k, one in enumerate(cases):
        _lane(canvas, one, case.origin.t_ns, lanes_at + LANE_HEIGHT * k)
    height = bottom + 40.0
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img"'
        ' font-family="inherit">' + "".join(canvas.shapes) + "</svg>"
    )


def _end_s(case: Case, cases: Sequence[AudienceCase], targets: Sequence[TargetSeen]) -> float:
    """Where the time axis ends: what decides is over by then; endings may lie beyond."""
    origin = case.origin.t_ns
    picks = sorted(a.t_ns for e in case.gathered.estimates[-1:] for a in e.arrivals)
    times = picks[: math.ceil(0.9 * len(picks))] + [t.s_arrival_ns for t in targets]
    for one in cases:
        told = [a.t_seen_ns for a in one.alerts if a.kind in ("new", "update")]
        times += told[: math.ceil(0.8 * len(told))]
    times += [e.t_seen_ns for e in case.gathered.estimates[:3] if e.state in ("new", "update")]
    last = max(((t - origin) / NS for t in times), default=SHORTEST_S)
    return min(LONGEST_S, max(SHORTEST_S, 1.12 * last))


def _strongest(cases: Sequence[AudienceCase]) -> list[TargetSeen]:
    """Targets with the largest intensity in the strongest alert whose S comes at different times."""
    alerts = [a for one in cases for a in one.alerts if a.targets]
    top = max(alerts, key=lambda a: a.max_intensity, default=None)
    by_strength = sorted(top.targets if top else (), key=lambda t: (-t.intensity, t.name))
    shown: list[TargetSeen] = []
    for t in by_strength:
        if len(shown) < MOST_TARGETS and all(abs(t.s_arrival_ns - s.s_arrival_ns) >= APART_NS for s in shown):
            shown.append(t)
    return shown


def _grid(canvas: Canvas, bottom: float) -> None:
    step = next(s for s in (2.0, 5.0, 10.0, 20.0, 30.0) if canvas.end_s / s <= 12.0 or s == 30.0)
    for k in range(int(canvas.end_s / step) + 1):
        x = canvas.x(k * step)
        canvas.line(x, GAP, x, bottom, FAINT)
        canvas.text(x, bottom + 16.0, f"{k * step:.0f}", "middle", SOFT)
    middle = (LEFT + WIDTH - RIGHT) / 2.0
    canvas.text(middle, bottom + 34.0, "seconds after the origin  发震后秒数", "middle", SOFT)


def _magnitudes(canvas: Canvas, case: Case, top: float) -> None:
    """Magnitude over time, with its sigma as a band."""
    origin = case.origin.t_ns
    rows = [
        ((e.t_seen_ns - origin) / NS, e.magnitude.value, e.magnitude.sigma)
        for e in case.gathered.estimates
        if e.magnitude is not None and e.state in ("new", "update")
    ]
    canvas.text(LEFT - 44.0, top + 14.0, "Magnitude", "end")
    canvas.text(LEFT - 44.0, top + 30.0, "震级", "end", SOFT)
    rows = [row for row in rows if row[0] <= canvas.end_s]
    if not rows:
        canvas.text(LEFT + 12.0, top + 30.0, "no magnitude", colour=SOFT)
        return
    low = math.floor(min(m - s for _, m, s in rows))
    high = math.ceil(max(m + s for _, m, s in rows))
    bottom = top + MAGNITUDE_HEIGHT

    def y(m: float) -> float:
        return bottom - (m - low) / (high - low) * MAGNITUDE_HEIGHT

    for m in range(low, high + 1):
        canvas.line(LEFT, y(m), WIDTH - RIGHT, y(m), FAINT)
        canvas.text(LEFT - 8.0, y(m) + 4.0, str(m), "end", SOFT)
    ends = [row[0] for row in rows[1:]] + [canvas.end_s]
    steps = [(a, b, m, s) for (a, m, s), b in zip(rows, ends, strict=True)]
    upper = [p for a, b, m, s in steps for p in ((a, m + s), (b, m + s))]
    lower = [p for a, b, m, s in reversed(steps) for p in ((b, m - s), (a, m - s))]
    canvas.add("polygon", points=_points(canvas, [(t, y(m)) for t, m in upper + lower]), fill=BAND)
    middle = [p for a, b, m, _ in steps for p in ((a, y(m)), (b, y(m)))]
    canvas.add("polyline", points=_points(canvas, middle), fill="none", stroke=P_COLOUR, stroke_width=2.0)
    canvas.text(WIDTH - RIGHT - 4.0, y(rows[-1][1]) - 6.0, f"M {rows[-1][1]:.1f}", "end")


def _points(canvas: Canvas, points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{canvas.x(t):.1f},{y:.1f}" for t, y in points)


def _arrivals(canvas: Canvas, case: Case, targets: Sequence[TargetSeen], top: float) -> None:
    """Onsets over epicentral distance, and S at the strongest targets."""
    origin = case.origin.t_ns
    arrivals = [a for e in case.gathered.estimates[-1:] for a in e.arrivals]
    shown = [a for a in arrivals if (a.t_ns - origin) / NS <= canvas.end_s]
    far = max([a.distance_km for a in shown] + [t.distance_km for t in targets] + [10.0]) * 1.08
    bottom = top + ARRIVAL_HEIGHT

    def y(km: float) -> float:
        return bottom - min(1.0, km / far) * ARRIVAL_HEIGHT

    canvas.text(LEFT - 44.0, top + 14.0, "Arrivals", "end")
    canvas.text(LEFT - 44.0, top + 30.0, "到时", "end", SOFT)
    step = next(s for s in (5, 10, 20, 50, 100, 200, 500, 1000) if far / s <= 5.0 or s == 1000)
    for k in range(int(far / step) + 1):
        canvas.line(LEFT, y(k * step), WIDTH - RIGHT, y(k * step), FAINT)
        canvas.text(LEFT - 8.0, y(k * step) + 4.0, f"{k * step}{' km' if k == 0 else ''}", "end", SOFT)
    for a in shown:
        colour = S_COLOUR if a.phase == "S" else P_COLOUR
        canvas.add("circle", cx=canvas.x((a.t_ns - origin) / NS), cy=y(a.distance_km), r=3.2, fill=colour)
    marks = [(canvas.x((t.s_arrival_ns - origin) / NS), y(t.distance_km), t) for t in targets]
    taken = [(x - 7.0, x + 7.0, at) for x, at, _ in marks]
    dots = [(canvas.x((a.t_ns - origin) / NS), y(a.distance_km)) for a in shown]
    taken += [(x - 4.0, x + 4.0, at) for x, at in dots]
    for x, at, t in sorted(marks, key=lambda mark: mark[0]):
        canvas.add(
            "path", d=f"M{x:.1f} {at - 5:.1f}l5 5l-5 5l-5 -5z", fill="none", stroke=S_COLOUR, stroke_width=1.6
        )
        text = f"S at {t.name}"
        line = _free(taken, x + 9.0, x + 9.0 + LETTER * len(text), at, (top, bottom + GAP / 2.0))
        canvas.text(x + 9.0, line + 4.0, text, colour=S_COLOUR)


def _free(
    taken: list[tuple[float, float, float]], left: float, right: float, y: float, room: tuple[float, float]
) -> float:
    """The height nearest to `y` where a label from `left` to `right` covers no other; it is taken then."""
    tried = [y + sign * k * LINE for k in range(9) for sign in (1.0, -1.0)]
    inside = [at for at in tried if room[0] <= at <= room[1]] or [y]
    free = (
        at
        for at in inside
        if not any(abs(at - other) < LINE and left < b and a < right for a, b, other in taken)
    )
    found = next(free, inside[0])
    taken.append((left, right, found))
    return found


def _lane(canvas: Canvas, one: AudienceCase, origin_ns: int, top: float) -> None:
    """What one audience was told, as a bar in the colours of the levels."""
    middle = top + LANE_HEIGHT / 2.0
    name = one.name if len(one.name) <= 16 else f"{one.name[:15]}…"
    canvas.text(LEFT - 8.0, middle + 4.0, name, "end")
    held = [(i.t_ns - origin_ns) / NS for i in one.items if i.lane == "hold"]
    first = (one.alerts[0].t_seen_ns - origin_ns) / NS if one.alerts else canvas.end_s
    if held and held[0] < first:
        canvas.line(
            canvas.x(held[0]), middle, canvas.x(first), middle, QUIET, stroke_width=3.0,
            stroke_dasharray="6 4",
        )  # fmt: skip
    if not one.alerts:
        canvas.add("rect", x=LEFT + 8.0, y=middle - 9.0, width=112.0, height=18.0, fill="#ffffff")
        canvas.text(LEFT + 12.0, middle + 4.0, "not warned 未预警", colour=SOFT)
        return
    marked = -math.inf
    for alert, until in _spans(one.alerts, origin_ns, canvas.end_s):
        start = (alert.t_seen_ns - origin_ns) / NS
        if start > canvas.end_s:
            break
        a, b = canvas.x(start), canvas.x(until)
        colour = alert.colour or QUIET
        canvas.add("rect", x=a, y=middle - 8.0, width=max(1.0, b - a), height=16.0, fill=colour)
        mark = next((MARKS[t] for t in alert.transitions if t in MARKS), "")
        if mark and a - marked > 11.0:
            canvas.text(a, middle - 10.0, mark, "middle", INK, 9.0)
            marked = a
    last = one.alerts[-1]
    late_s = (last.t_seen_ns - origin_ns) / NS
    if last.kind in ("final", "cancel") and late_s > canvas.end_s:
        canvas.text(
            WIDTH - RIGHT - 6.0, middle + 20.0, f"{last.kind} at T+{late_s:.0f} s →", "end", SOFT, 10.5
        )


def _spans(alerts: Sequence[AlertSeen], origin_ns: int, end_s: float) -> list[tuple[AlertSeen, float]]:
    """Alerts with the second until which each stands; the one that ends a warning does not."""
    out = []
    for alert, after in zip(alerts, [*alerts[1:], None], strict=True):
        over = alert.kind in ("final", "cancel")
        start = (alert.t_seen_ns - origin_ns) / NS
        until = start if over else end_s if after is None else (after.t_seen_ns - origin_ns) / NS
        out.append((alert, until))
    return out
