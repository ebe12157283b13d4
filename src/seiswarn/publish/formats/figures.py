"""The two drawings of a quick report, as inline SVG: a map and a record section.

Equal input gives equal bytes: fixed identifiers, no dates. Text stays text, in the fonts of
the reader, so Chinese names need no font here.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from seiswarn.geo import DEG_KM
from seiswarn.messages import Arrival, Origin, StationPeak, TargetForecast
from seiswarn.publish.formats.record_section import Trace
from seiswarn.timebase import NS, seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

F64 = npt.NDArray[np.float64]

# Colours of intensity degrees I to X as USGS ShakeMap uses them (Worden et al., ShakeMap manual).
INTENSITY_COLOURS = (
    "#ffffff",
    "#bfccff",
    "#a0e6ff",
    "#80ffff",
    "#7aff93",
    "#ffff00",
    "#ffc800",
    "#ff9100",
    "#ff0000",
    "#c80000",
)
_INK, _FAINT, _RED = "#1c2733", "#d5dbe1", "#c0271f"
_RC = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.edgecolor": "#5b6770",
    "axes.linewidth": 0.8,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": "#5b6770",
    "ytick.color": "#5b6770",
}
# White behind text: an outline around it would turn the text into curves.
_BEHIND: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1.2}
_NAME_WIDTH, _NAME_HEIGHT = 0.11, 0.03  # of the map: a name of nine letters
# Speed of P along the straight ray when no arrival tells it: upper crust of IASP91
# (Kennett and Engdahl, 1991). S is slower by sqrt(3), a Poisson solid.
_VP_KMPS = 5.8


def colour(intensity: float) -> str:
    """The colour of an intensity on a twelve-degree scale."""
    return INTENSITY_COLOURS[min(len(INTENSITY_COLOURS), max(1, math.floor(intensity + 0.5))) - 1]


def draw_map(origin: Origin, peaks: Sequence[StationPeak], targets: Sequence[TargetForecast]) -> str:
    """Epicentre with its one-sigma ellipse, stations coloured by observed intensity, targets."""
    import matplotlib as mpl

    with mpl.rc_context({**_RC, "svg.hashsalt": "seiswarn-map"}):
        figure, axes = _figure(7.2, 6.4, right=0.985)
        _frame(axes, origin, peaks, targets)
        _ellipse(axes, origin)
        weakest_first = sorted(peaks, key=lambda p: (p.intensity_gbt, p.station))
        axes.scatter(
            [p.longitude for p in weakest_first],
            [p.latitude for p in weakest_first],
            c=[colour(p.intensity_gbt) for p in weakest_first],
            marker="^",
            s=62,
            edgecolors=_INK,
            linewidths=0.7,
            zorder=3,
            clip_on=True,
        )
        axes.scatter(
            [origin.longitude], [origin.latitude], marker="*", s=330, c=_RED, edgecolors="white", zorder=5
        )
        axes.plot(
            [t.longitude for t in targets],
            [t.latitude for t in targets],
            "s",
            ms=6,
            mfc=_INK,
            mec="white",
            zorder=2.5,
        )
        for target in _legible(axes, targets):
            axes.annotate(
                target.name,
                (target.longitude, target.latitude),
                xytext=(6, 5),
                textcoords="offset points",
                fontsize=9.5,
                fontweight="bold",
                zorder=6,
                clip_on=True,
                bbox=_BEHIND,
            )
        _scale_bar(axes)
        return _svg(figure)


def draw_section(origin: Origin, traces: Sequence[Trace], arrivals: Sequence[Arrival]) -> str:
    """Traces against distance, each scaled to itself, with picks and the P and S lines."""
    import matplotlib as mpl

    vp_kmps = p_speed(origin, arrivals)
    with mpl.rc_context({**_RC, "svg.hashsalt": "seiswarn-section"}):
        figure, axes = _figure(7.2, 7.2, right=0.93)  # the names of stations stand to the right
        far_km = max(trace.distance_km for trace in traces)
        near_km = min(trace.distance_km for trace in traces)
        margin_km = max(2.0, 0.06 * (far_km - near_km))
        height_km = max(margin_km, 1.3 * (far_km - near_km) / max(4, len(traces)))
        reach = np.linspace(0.0, far_km + margin_km, 200)
        p_line = np.hypot(reach, origin.depth_km) / vp_kmps
        end_s = float(p_line[-1] * math.sqrt(3.0) + 12.0)
        for trace in traces:
            t, low, high = _outline(trace, origin.time_ns, -5.0, end_s)
            if len(t):
                y = trace.distance_km
                axes.fill_between(t, y + low * height_km, y + high * height_km, color="#33475b", lw=0.4)
                axes.text(end_s, y, f" {_short(trace.station)}", fontsize=6.5, va="center", color="#5b6770")
        axes.plot(p_line, reach, color="#0b6fc2", lw=1.3, label=f"P ({vp_kmps:.1f} km/s)")
        s_label = f"S ({vp_kmps / math.sqrt(3.0):.1f} km/s)"
        axes.plot(p_line * math.sqrt(3.0), reach, color=_RED, lw=1.3, ls="--", label=s_label)
        shown = {trace.station for trace in traces}
        picks = [a for a in arrivals if a.station in shown]
        axes.plot(
            [seconds(a.t_ns - origin.time_ns) for a in picks],
            [a.distance_km for a in picks],
            ls="",
            marker="|",
            ms=11,
            mew=1.8,
            color="#e07b00",
            label="picks used",
        )
        axes.set(
            xlim=(-5.0, end_s),
            ylim=(max(0.0, near_km - margin_km), far_km + margin_km),
            xlabel="seconds after origin",
            ylabel="epicentral distance (km)",
        )
        axes.grid(color=_FAINT, lw=0.5)
        axes.set_axisbelow(True)
        axes.legend(loc="lower right", fontsize=8, framealpha=0.9)
        return _svg(figure)


def p_speed(origin: Origin, arrivals: Sequence[Arrival]) -> float:
    """Median speed in km/s along straight rays of the P waves as located (residuals taken off)."""
    speeds = []
    for arrival in arrivals:
        travel_s = seconds(arrival.t_ns - origin.time_ns) - arrival.residual_s
        if arrival.phase == "P" and travel_s > 0.5:
            speeds.append(math.hypot(arrival.distance_km, origin.depth_km) / travel_s)
    speed = float(np.median(speeds)) if speeds else _VP_KMPS
    return speed if 3.0 <= speed <= 9.0 else _VP_KMPS


def _figure(width_in: float, height_in: float, *, right: float) -> tuple[Figure, Axes]:
    # Without pyplot there is no global state and no window system to look for.
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    # Fixed margins: a layout engine measures every text first, which takes longer than drawing.
    figure = Figure(figsize=(width_in, height_in))
    FigureCanvasSVG(figure)
    return figure, figure.add_axes((0.085, 0.07, right - 0.085, 0.915))


def _svg(figure: Figure) -> str:
    out = io.StringIO()
    with warnings.catch_warnings():
        # The reader's fonts draw the text; that ours lack a glyph only blurs its measured width.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    return text[text.index("<svg") :]


def _frame(
    axes: Axes, origin: Origin, peaks: Sequence[StationPeak], targets: Sequence[TargetForecast]
) -> None:
    """A view around the epicentre that holds the stations and the nearer targets."""
    shrink = max(0.05, math.cos(math.radians(origin.latitude)))
    reach_km = [25.0, 1.6 * origin.ellipse_major_km, *(p.distance_km for p in peaks)]
    limit_km = max(120.0, 1.2 * max(reach_km[2:], default=0.0))
    reach_km += [t.distance_km for t in targets if t.distance_km <= limit_km]
    half = 1.12 * min(800.0, max(km for km in reach_km if math.isfinite(km))) / DEG_KM
    axes.set(
        xlim=(origin.longitude - half * 1.1 / shrink, origin.longitude + half * 1.1 / shrink),
        ylim=(origin.latitude - half, origin.latitude + half),
        facecolor="#f7f5f0",
    )
    axes.set_aspect(1.0 / shrink)
    axes.grid(color=_FAINT, lw=0.6)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}°{'E' if value >= 0 else 'W'}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}°{'N' if value >= 0 else 'S'}")


def _legible(axes: Axes, targets: Sequence[TargetForecast]) -> list[TargetForecast]:
    """Targets whose names do not cover each other, those that shake most first."""
    west, east = axes.get_xlim()
    south, north = axes.get_ylim()
    width, height = _NAME_WIDTH * (east - west), _NAME_HEIGHT * (north - south)
    named: list[TargetForecast] = []
    for target in sorted(targets, key=lambda t: (-t.intensity, t.distance_km, t.name)):
        if (
            west < target.longitude < east
            and south < target.latitude < north
            and not any(
                abs(target.longitude - n.longitude) < width and abs(target.latitude - n.latitude) < height
                for n in named
            )
        ):
            named.append(target)
    return named


def _ellipse(axes: Axes, origin: Origin) -> None:
    from matplotlib.patches import Polygon

    if not (math.isfinite(origin.ellipse_major_km) and math.isfinite(origin.ellipse_minor_km)):
        return
    turn = np.linspace(0.0, 2.0 * np.pi, 73)
    azimuth = math.radians(origin.ellipse_azimuth_deg)
    along, across = origin.ellipse_major_km * np.cos(turn), origin.ellipse_minor_km * np.sin(turn)
    north = along * math.cos(azimuth) - across * math.sin(azimuth)
    east = along * math.sin(azimuth) + across * math.cos(azimuth)
    shrink = max(0.05, math.cos(math.radians(origin.latitude)))
    corners = np.column_stack([origin.longitude + east / (DEG_KM * shrink), origin.latitude + north / DEG_KM])
    axes.add_patch(Polygon(corners, closed=True, fc="#c0271f22", ec=_RED, lw=1.1, zorder=2))


def _scale_bar(axes: Axes) -> None:
    west, east = axes.get_xlim()
    south, north = axes.get_ylim()
    km_per_deg = DEG_KM * math.cos(math.radians(0.5 * (south + north)))
    width_km = (east - west) * km_per_deg
    length_km = max(n for n in (1, 2, 5, 10, 20, 50, 100, 200, 500) if n <= max(1.0, 0.3 * width_km))
    x0, y0 = west + 0.04 * (east - west), south + 0.045 * (north - south)
    x1 = x0 + length_km / km_per_deg
    axes.plot([x0, x1], [y0, y0], color=_INK, lw=2.5, solid_capstyle="butt", zorder=6)
    axes.text(
        0.5 * (x0 + x1),
        y0 + 0.012 * (north - south),
        f"{length_km} km",
        ha="center",
        va="bottom",
        zorder=6,
        bbox=_BEHIND,
    )


def _outline(trace: Trace, origin_ns: int, start_s: float, end_s: float) -> tuple[F64, F64, F64]:
    """Lower and upper bound of a trace in at most 900 columns, scaled to +-0.5."""
    t0_s = (trace.t0_ns - origin_ns) / NS
    first = max(0, round((start_s - t0_s) * trace.rate_hz))
    last = min(len(trace.samples), round((end_s - t0_s) * trace.rate_hz))
    samples = trace.samples[first:last]
    good = np.isfinite(samples)
    if not good.any():
        return np.empty(0), np.empty(0), np.empty(0)
    # The first seconds are noise; their median takes the offset off without touching the wave.
    samples = samples - np.median(samples[good][: max(1, round(3.0 * trace.rate_hz))])
    top = float(np.max(np.abs(samples[good]))) or 1.0
    step = max(1, math.ceil(len(samples) / 900))
    columns = len(samples) // step
    if columns == 0:
        return np.empty(0), np.empty(0), np.empty(0)
    blocks = (samples[: columns * step] / (2.0 * top)).reshape(columns, step)
    # Minimum and maximum pass NaN on: a column with a hole stays empty.
    low = np.asarray(np.round(np.min(blocks, axis=1), 4), dtype=np.float64)
    high = np.asarray(np.round(np.max(blocks, axis=1), 4), dtype=np.float64)
    middle = first + (np.arange(columns, dtype=np.float64) + 0.5) * step
    t: F64 = np.asarray(t0_s + middle / trace.rate_hz, dtype=np.float64)
    return t, low, high


def _short(station: str) -> str:
    parts = station.split(".")
    return parts[1] if len(parts) > 1 else station
