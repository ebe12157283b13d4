"""Small line plots as SVG text: a few kilobytes each, hundreds to a page, no library needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

INK, SOFT, FAINT, RED, BLUE, ORANGE = "#1c2733", "#5b6770", "#d5dbe1", "#c0271f", "#0b6fc2", "#e07b00"
WIDTH, HEIGHT = 520, 250
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 26, 40
Point = tuple[float, float]


def ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Round numbers from `low` to `high`, some `about` of them."""
    if not high > low:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(k * power for k in (1.0, 2.0, 5.0, 10.0) if k * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 10) for k in range(first, math.floor(high / step + 1e-9) + 1)]


@dataclass(slots=True)
class Plot:
    """One plot; draw into it in order, then take `svg()`. Coordinates are those of the data."""

    title: str
    x_label: str
    y_label: str
    x: tuple[float, float]
    y: tuple[float, float]
    _parts: list[str] = field(default_factory=list)
    _legend: list[str] = field(default_factory=list)

    def steps(self, points: Sequence[Point], colour: str, label: str = "", *, until: float) -> None:
        """A line that keeps each value until the next, the last `until` then."""
        path = self._path(_held(points, until))
        if path:
            self._parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
            self._name(label, f'<rect width="16" height="2.4" y="-4.5" fill="{colour}"/>')

    def band(
        self, low: Sequence[Point], high: Sequence[Point], colour: str, label: str = "", *, until: float
    ) -> None:
        """The area between two such lines."""
        path = self._path([*_held(low, until), *reversed(_held(high, until))])
        if path:
            self._parts.append(f'<path d="{path}Z" fill="{colour}" fill-opacity="0.16"/>')
            self._name(label, f'<rect width="16" height="9" y="-8" fill="{colour}" fill-opacity="0.25"/>')

    def line(self, points: Sequence[Point], colour: str, label: str = "") -> None:
        """A straight line from point to point."""
        self._parts.append(f'<path d="{self._path(points)}" fill="none" stroke="{colour}" stroke-width="1"/>')
        self._name(label, f'<rect width="16" height="1.4" y="-4.5" fill="{colour}"/>')

    def area(self, low: Sequence[Point], high: Sequence[Point], colour: str, label: str = "") -> None:
        """The area between two such lines, as far as the frame shows it."""
        path = self._path([*low, *reversed(high)])
        self._parts.append(f'<path d="{path}Z" fill="{colour}" fill-opacity="0.16"/>')
        self._name(label, f'<rect width="16" height="9" y="-8" fill="{colour}" fill-opacity="0.25"/>')

    def dots(self, points: Sequence[Point], colour: str, label: str = "", *, shape: str = "dot") -> None:
        """Marks: `dot`, or `triangle`."""
        for x, y in points:
            if not (self.x[0] <= x <= self.x[1]):
                continue
            self._parts.append(_mark(self._px(x), self._py(self._clip(y)), colour, shape))
        if points:
            self._name(label, _mark(8.0, -3.5, colour, shape))

    def level(self, y: float, colour: str, label: str = "") -> None:
        """A dashed line across at `y`."""
        if self.y[0] <= y <= self.y[1]:
            self._line((self.x[0], y), (self.x[1], y), colour, label)

    def moment(self, x: float, colour: str, label: str = "") -> None:
        """A dashed line upright at `x`."""
        if self.x[0] <= x <= self.x[1]:
            self._line((x, self.y[0]), (x, self.y[1]), colour, label)

    def svg(self) -> str:
        """The whole, with axes."""
        body = "".join([self._axes(), *self._parts, self._legends()])
        title = _text(LEFT, 15, self.title, f'font-weight="650" font-size="13" fill="{INK}"')
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'font-family="Helvetica Neue, Arial, sans-serif" font-size="11" fill="{SOFT}">'
            f"{title}{body}</svg>"
        )

    def _line(self, a: Point, b: Point, colour: str, label: str) -> None:
        (x1, y1), (x2, y2) = ((self._px(x), self._py(y)) for x, y in (a, b))
        self._parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            'stroke-width="1.2" stroke-dasharray="5 3"/>'
        )
        dash = (
            f'<line x2="16" y1="-3.5" y2="-3.5" stroke="{colour}" stroke-width="1.4" stroke-dasharray="5 3"/>'
        )
        self._name(label, dash)

    def _name(self, label: str, sign: str) -> None:
        if label:
            self._legend.append(f'{sign}<text x="21">{escape(label)}</text>')

    def _legends(self) -> str:
        """Names of what is drawn, in a row below the axis."""
        out, x = [], float(LEFT)
        for text in self._legend:
            words = text.rsplit("<text", 1)[1]
            out.append(f'<g transform="translate({x:.0f},{HEIGHT - 5})" font-size="10.5">{text}</g>')
            x += 32.0 + 5.4 * (len(words) - len(' x="21"></text>'))
        return "".join(out)

    def _axes(self) -> str:
        left, right = self._px(self.x[0]), self._px(self.x[1])
        low, high = self._py(self.y[0]), self._py(self.y[1])
        out = [f'<path d="M{left} {high}H{right}V{low}H{left}Z" fill="#fbfcfd"/>']
        lines = ""
        for x in ticks(*self.x, 8):
            px = self._px(x)
            lines += f"M{px:.1f} {high}V{low}"
            out.append(_text(px, low + 12, f"{x:g}", _MIDDLE))
        for y in ticks(*self.y, 5):
            py = self._py(y)
            lines += f"M{left} {py:.1f}H{right}"
            out.append(_text(left - 5, py + 4, f"{y:g}", _END))
        out.append(f'<path d="{lines}" stroke="{FAINT}" stroke-width="0.6"/>')
        out.append(f'<path d="M{left} {high}V{low}H{right}" fill="none" stroke="{SOFT}" stroke-width="0.9"/>')
        out.append(_text(right, low + 24, self.x_label, _END))
        out.append(_text(right, 15, self.y_label, _END))
        return "".join(out)

    def _path(self, points: Sequence[Point]) -> str:
        inside = [(min(x, self.x[1]), self._clip(y)) for x, y in points if x >= self.x[0]]
        return "".join(
            f"{'L' if k else 'M'}{self._px(x):.1f} {self._py(y):.1f}" for k, (x, y) in enumerate(inside)
        )

    def _clip(self, y: float) -> float:
        return min(max(y, self.y[0]), self.y[1])

    def _px(self, x: float) -> float:
        return LEFT + (x - self.x[0]) / (self.x[1] - self.x[0]) * (WIDTH - LEFT - RIGHT)

    def _py(self, y: float) -> float:
        return HEIGHT - BOTTOM - (y - self.y[0]) / (self.y[1] - self.y[0]) * (HEIGHT - TOP - BOTTOM)


_MIDDLE, _END = 'text-anchor="middle"', 'text-anchor="end"'


def _text(x: float, y: float, words: str, how: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {how}>{escape(words)}</text>'


def _held(points: Sequence[Point], until: float) -> list[Point]:
    """Corners of a step line."""
    out: list[Point] = []
    for k, (x, y) in enumerate(points):
        end = points[k + 1][0] if k + 1 < len(points) else max(x, until)
        out += [(x, y), (end, y)]
    return out


def _mark(x: float, y: float, colour: str, shape: str) -> str:
    if shape == "triangle":
        return f'<path d="M{x:.1f} {y - 4:.1f}l4 7h-8Z" fill="{colour}" stroke="white" stroke-width="0.6"/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.2" fill="{colour}" stroke="white" stroke-width="0.6"/>'
