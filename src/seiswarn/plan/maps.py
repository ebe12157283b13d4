"""The maps of a plan as inline SVG: nodes in colour, stations, added sites and targets on top.

Equal input gives equal bytes. No borders are drawn: which are right is not for a program to say.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from seiswarn.geo import DEG_KM
from seiswarn.grid import GridNodes
from seiswarn.plan.sites import Site
from seiswarn.targets import Target

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

F64 = npt.NDArray[np.float64]

INK, SOFT, NOTHING = "#1c2733", "#5b6770", "#c9c9c9"
_RC = {
    "svg.fonttype": "none",
    "svg.hashsalt": "seiswarn-plan",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.edgecolor": SOFT,
    "axes.linewidth": 0.8,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
}
_BEHIND: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.72, "pad": 1.0}
WIDTH_IN = 7.4
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.55, 1.0, 0.12, 0.62  # of the frame, in inches
_NAME_WIDTH, _NAME_HEIGHT = 0.11, 0.035  # of the map: a name of nine letters
# Of the sequential colours viridis and cividis and of the diverging PuOr all can be told apart with any
# colour blindness (Crameri, Shephard and Heron 2020, Nature Communications 11, 5444, on what that takes).
ALERT_COLOURS, BLIND_COLOURS, CHANGE_COLOURS = "viridis_r", "cividis_r", "PuOr_r"
LEAST_CHANGE_S = 1.0  # the scale of changes is never narrower: the noise of records alone makes tenths
N_LEVELS = 7


def draw(
    grid: GridNodes,
    values: Sequence[float | None] | F64,
    label: str,
    colours: str,
    *,
    limits: tuple[float, float],
    stations: Sequence[tuple[str, float, float]],
    sites: Sequence[Site] = (),
    targets: Sequence[Target] = (),
) -> str:
    """One map as SVG: a cell of colour for every node, grey where the value is missing.

    Parameters
    ----------
    values
        (n,) in the order of the grid.
    limits
        values of the first and last colour.
    """
    import matplotlib as mpl

    with mpl.rc_context(_RC):
        return _svg(figure(grid, values, label, colours, limits, stations, sites, targets))


def figure(
    grid: GridNodes,
    values: Sequence[float | None] | F64,
    label: str,
    colours: str,
    limits: tuple[float, float],
    stations: Sequence[tuple[str, float, float]],
    sites: Sequence[Site],
    targets: Sequence[Target],
) -> Figure:
    """The figure behind `draw`."""
    # Without pyplot there is no global state and no window system to look for.
    from matplotlib.figure import Figure

    west, east, south, north, squeeze = _frame(grid)
    inner = WIDTH_IN - _LEFT - _RIGHT
    height = inner * (north - south) / ((east - west) * squeeze)
    whole = height + _TOP + _BOTTOM
    made = Figure(figsize=(WIDTH_IN, whole))
    axes = made.add_axes((_LEFT / WIDTH_IN, _BOTTOM / whole, inner / WIDTH_IN, height / whole))
    axes.set(xlim=(west, east), ylim=(south, north), facecolor=NOTHING)
    _cells(made, axes, grid, values, label, colours, limits, whole, height)
    _marks(axes, stations, sites, targets, grid.west)
    _scale_bar(axes, squeeze)
    axes.xaxis.set_major_formatter(_longitude)
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}°{'N' if value >= 0 else 'S'}")
    return made


def _longitude(value: float, _: Any) -> str:
    value = (value + 180.0) % 360.0 - 180.0
    return f"{abs(value):g}°{'E' if value >= 0 else 'W'}"


def _frame(grid: GridNodes) -> tuple[float, float, float, float, float]:
    """West, east, south and north of the cells in degrees, and how long a degree east is to one north."""
    north = grid.north + 0.5 * grid.step_latitude
    south = north - grid.n_rows * grid.step_latitude
    west = grid.west - 0.5 * grid.step_longitude
    east = west + grid.n_columns * grid.step_longitude
    return west, east, south, north, max(0.05, math.cos(math.radians(0.5 * (south + north))))


def _cells(
    made: Figure,
    axes: Axes,
    grid: GridNodes,
    values: Sequence[float | None] | F64,
    label: str,
    colours: str,
    limits: tuple[float, float],
    whole: float,
    height: float,
) -> None:
    """Cells, contours and the scale beside them."""
    shape = grid.n_rows, grid.n_columns
    field = np.array([np.nan if v is None else v for v in values], dtype=np.float64).reshape(shape)
    lon: F64 = grid.west + np.arange(grid.n_columns) * np.float64(grid.step_longitude)
    lat: F64 = grid.north - np.arange(grid.n_rows) * np.float64(grid.step_latitude)
    cells = axes.pcolormesh(
        lon, lat, np.ma.masked_invalid(field), cmap=colours, vmin=limits[0], vmax=limits[1], shading="nearest"
    )
    if colours != CHANGE_COLOURS:  # where nothing changes a line would follow the noise
        _contours(axes, lon, lat, field, limits)
    bar_axes = made.add_axes(
        ((WIDTH_IN - _RIGHT + 0.12) / WIDTH_IN, _BOTTOM / whole, 0.16 / WIDTH_IN, height / whole)
    )
    above, below = np.nanmax(field, initial=-np.inf) > limits[1], np.nanmin(field, initial=np.inf) < limits[0]
    extend = "both" if above and below else "max" if above else "min" if below else "neither"
    bar = made.colorbar(cells, cax=bar_axes, extend=extend)
    bar.set_label(label)
    bar.outline.set_linewidth(0.6)


def _contours(axes: Axes, lon: F64, lat: F64, field: F64, limits: tuple[float, float]) -> None:
    """Lines of round values with their numbers, where the field is known."""
    good = field[np.isfinite(field)]
    if min(field.shape) < 2 or len(good) < 4:
        return
    levels = [v for v in _levels(*limits) if good.min() < v < good.max()]
    if levels:
        known = np.ma.masked_invalid(field)
        lines = axes.contour(lon, lat, known, levels, colors=INK, linewidths=0.7, alpha=0.6)
        for text in axes.clabel(lines, fontsize=7.5, fmt="%g", colors=INK):
            text.set_bbox(_BEHIND)


def _levels(low: float, high: float) -> list[float]:
    """Round values between two."""
    rough = (high - low) / N_LEVELS
    if not rough > 0.0:
        return []
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(k * power for k in (1.0, 2.0, 5.0, 10.0) if k * power >= rough * 0.999)
    return [round(k * step, 10) for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _marks(
    axes: Axes,
    stations: Sequence[tuple[str, float, float]],
    sites: Sequence[Site],
    targets: Sequence[Target],
    west: float,
) -> None:
    def east(longitude: float) -> float:
        return west + (longitude - west) % 360.0 if longitude < west - 1.0 else longitude

    handles = [
        axes.plot(
            [east(s[2]) for s in stations], [s[1] for s in stations],
            "^", ms=5.5, mfc="white", mec=INK, mew=0.9, ls="", label="station",
        )[0]
    ]  # fmt: skip
    if targets:
        named = _legible(axes, targets)
        handles += axes.plot(
            [east(t.longitude) for t in named], [t.latitude for t in named],
            "s", ms=3.6, mfc=INK, mec="white", mew=0.6, ls="", label="target",
        )  # fmt: skip
        edge = axes.get_xlim()[1] - _NAME_WIDTH * (axes.get_xlim()[1] - axes.get_xlim()[0])
        for target in named:
            left = east(target.longitude) > edge  # no room for the name on the right
            axes.annotate(
                target.name, (east(target.longitude), target.latitude), xytext=(-5 if left else 5, 4),
                textcoords="offset points", ha="right" if left else "left", fontsize=8, clip_on=True,
                zorder=6, bbox=_BEHIND,
            )  # fmt: skip
    if sites:
        handles += axes.plot(
            [east(s.longitude) for s in sites], [s.latitude for s in sites],
            "*", ms=13, mfc="#ffe14d", mec=INK, mew=0.9, ls="", zorder=7, label="added station",
        )  # fmt: skip
    axes.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0.0, -0.055), ncols=3, frameon=False,
        fontsize=8.5, borderaxespad=0.0, handletextpad=0.3,
    )  # fmt: skip


def _legible(axes: Axes, targets: Sequence[Target]) -> list[Target]:
    """Targets on the map whose names do not cover each other, those with the most people first."""
    west, east = axes.get_xlim()
    south, north = axes.get_ylim()
    width, height = _NAME_WIDTH * (east - west), _NAME_HEIGHT * (north - south)
    named: list[Target] = []
    for target in sorted(targets, key=lambda t: -t.population):
        on_map = west < target.longitude < east and south < target.latitude < north
        if on_map and not any(
            abs(target.longitude - n.longitude) < width and abs(target.latitude - n.latitude) < height
            for n in named
        ):
            named.append(target)
    return named


def _scale_bar(axes: Axes, squeeze: float) -> None:
    west, east = axes.get_xlim()
    south, north = axes.get_ylim()
    width_km = (east - west) * DEG_KM * squeeze
    length_km = max(n for n in (1, 2, 5, 10, 20, 50, 100, 200, 500) if n <= max(1.0, 0.25 * width_km))
    x1 = east - 0.03 * (east - west)
    x0, y0 = x1 - length_km / (DEG_KM * squeeze), south + 0.035 * (north - south)
    axes.plot([x0, x1], [y0, y0], color=INK, lw=2.5, solid_capstyle="butt", zorder=6)
    axes.text(
        0.5 * (x0 + x1), y0 + 0.014 * (north - south), f"{length_km} km",
        ha="center", va="bottom", fontsize=8.5, zorder=6, bbox=_BEHIND,
    )  # fmt: skip


def _svg(made: Figure) -> str:
    out = io.StringIO()
    made.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    return text[text.index("<svg") :]
