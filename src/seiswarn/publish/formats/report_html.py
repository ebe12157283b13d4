"""The quick report as one self-contained HTML page: nothing to fetch, nothing to run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec

from seiswarn.errors import InvariantError
from seiswarn.messages import (
    Alert,
    EventEstimate,
    Message,
    QuickReport,
    StationPeak,
    Status,
    TargetForecast,
)
from seiswarn.publish.formats import wording
from seiswarn.publish.formats.record_section import Trace
from seiswarn.timebase import iso, seconds

if TYPE_CHECKING:
    from jinja2 import Environment

TARGETS_SHOWN, STEPS_SHOWN = 100, 25
PEAKS_SHOWN = 15


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How reports are made."""

    agency: Annotated[str, msgspec.Meta(description="Name of the agency in the head of the page.")] = (
        "seiswarn"
    )
    utc_offset_hours: Annotated[
        float, msgspec.Meta(ge=-14, le=14, description="Local time beside UTC; 0: UTC alone.")
    ] = 0.0


class ReportFormat:
    """Quick reports as HTML, without a record section."""

    NAME: ClassVar[str] = "report_html"
    MEDIA_TYPE: ClassVar[str] = "text/html; charset=utf-8"
    SUFFIX: ClassVar[str] = ".html"
    NEEDS: ClassVar[tuple[type[Message], ...]] = (QuickReport,)
    VALID: ClassVar[str] = "any report"
    REFERENCE: ClassVar[str] = "GB/T 22568-2008 (time, place, magnitude, depth)"
    VERIFIED: ClassVar[bool] = True

    def __init__(self, params: Params | None = None) -> None:
        self.params = params or Params()

    def render(self, message: Message) -> bytes:
        if not isinstance(message, QuickReport):
            raise InvariantError(f"the report page is for quick reports, not for {type(message).__name__}")
        return report_html(message, (), self.params)


def report_html(report: QuickReport, traces: Sequence[Trace], params: Params) -> bytes:
    """The page of one quick report, in UTF-8; equal input gives equal bytes."""
    from seiswarn.publish.formats import figures

    estimate = report.estimate
    origin = estimate.origin
    spoken = [alert for alert in report.alerts if alert.kind != "cancel"] or list(report.alerts)
    last = max(spoken, key=lambda a: (a.t_seen_ns, a.policy), default=None)
    targets = _latest(report)
    peaks = sorted(report.peaks, key=lambda p: (-p.intensity_gbt, p.distance_km, p.station))
    page = _templates().get_template("report.html.j2")
    text = page.render(
        params=params,
        report=report,
        banner=wording.BANNER[report.status],
        note=wording.STATUS_NOTE[report.status],
        headline={language: _headline(report, targets, language) for language in ("en", "zh")},
        facts=_facts(report, last, params),
        timeline=_timeline(report),
        targets=_targets(report, targets[:TARGETS_SHOWN]),
        n_targets=len(targets),
        peaks=[_peak(p) for p in peaks],
        measured=any(p.cav_mps is not None for p in peaks),
        clipped=any(p.clipped for p in peaks),
        peaks_shown=PEAKS_SHOWN,
        steps_shown=STEPS_SHOWN,
        scale=last.intensity_scale if last else "",
        colours=list(enumerate(figures.INTENSITY_COLOURS, start=1)),
        map_svg=figures.draw_map(origin, report.peaks, targets[:TARGETS_SHOWN]),
        section_svg=figures.draw_section(origin, traces, estimate.arrivals) if traces else "",
        issued=wording.clock(report.t_seen_ns, params.utc_offset_hours, "en"),
    )
    return text.encode()


def no_report_html(status: Status, *, n_events: int = 0, n_warnings: int = 0) -> bytes:
    """The page of a run without any quick report: it says so, and what there was instead."""
    page = _templates().get_template("no_report.html.j2")
    return page.render(
        banner=wording.BANNER[status],
        note=wording.STATUS_NOTE[status],
        n_events=n_events,
        n_warnings=n_warnings,
    ).encode()


def _headline(report: QuickReport, targets: Sequence[Any], language: wording.Language) -> str:
    estimate = report.estimate
    where = wording.place(estimate.origin, targets, language)
    size = estimate.magnitude
    if estimate.state == "cancelled":
        return f"Withdrawn: no earthquake {where}" if language == "en" else f"撤销：{where}没有发生地震"
    if language == "en":
        return f"M {size.value:.1f} earthquake, {where}" if size else f"Earthquake, {where}"
    return f"{where}发生{size.value:.1f}级地震" if size else f"{where}发生地震"


def _facts(report: QuickReport, last: Alert | None, params: Params) -> list[tuple[str, str, str, str]]:
    """(English label, Chinese label, value, small print) of what must be seen first."""
    estimate = report.estimate
    origin, size = estimate.origin, estimate.magnitude
    ellipse = ""
    if math.isfinite(origin.ellipse_major_km):
        ellipse = f"± {origin.ellipse_major_km:.1f} × {origin.ellipse_minor_km:.1f} km (1σ)"
    facts = [
        (
            "Origin time",
            "发震时刻",
            wording.clock(origin.time_ns, params.utc_offset_hours, "en"),
            f"± {origin.time_sigma_s:.1f} s",
        ),
        (
            "Magnitude",
            "震级",
            f"M {size.value:.1f}" if size else "not determined",
            f"± {size.sigma:.1f}, {size.kind}, {size.n_stations} stations" if size else "",
        ),
        ("Epicentre", "震中", wording.coordinates(origin, "en"), ellipse),
        ("Depth", "震源深度", f"{origin.depth_km:.0f} km", f"± {origin.depth_sigma_km:.0f} km"),
        (
            "Stations",
            "定位台站",
            str(origin.n_stations),
            f"gap {origin.gap_deg:.0f}°, rms {origin.rms_s:.2f} s",
        ),
    ]
    if size and size.saturated:
        facts[1] = (*facts[1][:3], f"{facts[1][3]}; may be larger")
    if report.peaks:
        top = max(report.peaks, key=lambda p: (p.intensity_gbt, p.station))
        facts.append(
            (
                "Largest observed intensity",
                "最大观测烈度",
                wording.degree(top.intensity_gbt, "GB/T 17742-2020"),
                f"{top.intensity_gbt:.1f} at {top.station}",
            )
        )
    if last is not None:
        first = min(report.alerts, key=lambda a: (a.t_seen_ns, a.policy))
        facts.append(
            (
                "First warning",
                "首次预警",
                f"{seconds(first.t_seen_ns - origin.time_ns):.1f} s",
                f"after the origin, for {first.policy}; {len(report.alerts)} messages",
            )
        )
    return facts


def _timeline(report: QuickReport) -> list[dict[str, str]]:
    origin_ns = report.estimate.origin.time_ns
    steps: list[tuple[int, dict[str, str]]] = []
    for alert in report.alerts:
        row = _step(alert, origin_ns) | {
            "kind": alert.kind,
            "what": ", ".join(alert.transitions).replace("_", " ") or alert.kind,
            "level": alert.level,
            "policy": alert.policy,
            "intensity": f"{alert.max_intensity:.1f}",
            "revision": str(alert.revision),
        }
        steps.append((alert.t_seen_ns, row))
    if not report.alerts:
        for estimate in report.history:
            blank = dict.fromkeys(("policy", "level", "intensity"), "") | {
                "kind": "no warning",
                "what": "no warning",
                "revision": str(estimate.revision),
            }
            steps.append((estimate.t_seen_ns, _step(estimate, origin_ns) | blank))
    return [row for _, row in sorted(steps, key=lambda s: (s[0], s[1]["policy"], int(s[1]["revision"])))]


def _step(said: Alert | EventEstimate, origin_ns: int) -> dict[str, str]:
    origin, size = said.origin, said.magnitude
    return {
        "after": f"{seconds(said.t_seen_ns - origin_ns):.1f}",
        "magnitude": f"{size.value:.1f}" if size else "",
        "sigma": f"{size.sigma:.1f}" if size else "",
        "latitude": f"{origin.latitude:.2f}",
        "longitude": f"{origin.longitude:.2f}",
        "depth": f"{origin.depth_km:.0f}",
        "stations": str(origin.n_stations),
    }


def _latest(report: QuickReport) -> tuple[TargetForecast, ...]:
    """What each place was told last, by any audience, the strongest first."""
    said: dict[tuple[str, float, float], TargetForecast] = {}
    spoken = [alert for alert in report.alerts if alert.kind != "cancel"] or list(report.alerts)
    for alert in sorted(spoken, key=lambda a: (a.t_seen_ns, a.policy)):
        said |= {_place(target): target for target in alert.targets}
    return tuple(sorted(said.values(), key=lambda t: (-t.intensity, _place(t))))


def _place(target: TargetForecast) -> tuple[str, float, float]:
    """What tells a target from others: names may repeat, a name at a place may not."""
    return target.name, target.latitude, target.longitude


def _targets(report: QuickReport, targets: Sequence[TargetForecast]) -> list[dict[str, str]]:
    """Rows by arrival of S; the lead time counts from the first warning that named the target."""
    from seiswarn.publish.formats.figures import colour

    first_ns: dict[tuple[str, float, float], int] = {}
    for alert in sorted(report.alerts, key=lambda a: a.t_seen_ns):
        for target in alert.targets:
            first_ns.setdefault(_place(target), alert.t_seen_ns)
    scale = next((alert.intensity_scale for alert in report.alerts if alert.intensity_scale), "")
    rows = []
    for target in sorted(targets, key=lambda t: (t.s_arrival_ns, t.name)):
        lead_s = seconds(target.s_arrival_ns - first_ns[_place(target)])
        rows.append(
            {
                "name": target.name,
                "name_zh": target.name_zh,
                "distance": f"{target.distance_km:.0f}",
                "degree": wording.degree(target.intensity, scale),
                "intensity": f"{target.intensity:.1f} ± {target.intensity_sigma:.1f}",
                "colour": "" if wording.is_jma(scale) else colour(target.intensity),
                "pga": f"{100.0 * target.pga_mps2:.3g}",
                "pgv": f"{100.0 * target.pgv_mps:.3g}",
                "s_arrival": iso(target.s_arrival_ns, 1)[11:-1],
                "lead": f"{lead_s:.1f}" if lead_s >= 0.0 else "none",
            }
        )
    return rows


def _peak(peak: StationPeak) -> dict[str, str]:
    from seiswarn.publish.formats.figures import colour

    more = "&ge;&thinsp;" if peak.clipped else ""
    return {
        "station": peak.station,
        "more": more,
        "distance": f"{peak.distance_km:.0f}",
        "pga": f"{100.0 * peak.pga_mps2:.3g}",
        "pgv": f"{100.0 * peak.pgv_mps:.3g}",
        "gbt": f"{peak.intensity_gbt:.1f}",
        "jma": f"{peak.intensity_jma:.1f}",
        "mmi": _number(peak.intensity_mmi, 1.0, ".1f"),
        "arias": _number(peak.arias_mps, 100.0, ".3g"),
        "cav": _number(peak.cav_mps, 1.0, ".3g"),
        "wood_anderson": _number(peak.wood_anderson_m, 1000.0, ".3g"),
        "colour": colour(peak.intensity_gbt),
    }


def _number(value: float | None, factor: float, form: str) -> str:
    return "" if value is None else format(factor * value, form)


@lru_cache(maxsize=1)
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("seiswarn.publish.formats", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
