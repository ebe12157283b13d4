"""The plain account of a run: what was warned of, when, and how much time it gave."""

from __future__ import annotations

from collections.abc import Sequence

from seiswarn.messages import Alert, Magnitude, Origin, TargetForecast
from seiswarn.timebase import NS, iso

FELT = 3.0  # targets forecast to feel less than this are left out of the account
MAX_TARGETS = 30


def since(origin_ns: int, t_ns: int) -> str:
    """Seconds after the origin, e.g. ``T+6.5 s``."""
    return f"T{(t_ns - origin_ns) / NS:+.1f} s"


def alert_line(alert: Alert, origin_ns: int | None = None) -> str:
    """One line about one alert. Times count from `origin_ns`, by default from the alert's own origin."""
    o, m = alert.origin, alert.magnitude
    head = "" if alert.status == "actual" else f"[{alert.status.upper()}] "
    return (
        f"{head}{alert.event_id} {alert.policy} #{alert.revision} {happening(alert):<11} "
        f"{since(o.time_ns if origin_ns is None else origin_ns, alert.t_seen_ns)}  "
        f"{size(m, sigma=True)}  {_place(o)}  depth {o.depth_km:.0f} km  "
        f"intensity up to {max(alert.max_intensity, 0.0):.1f}" + (f"  {alert.level}" if alert.level else "")
    )


def happening(alert: Alert) -> str:
    """What an alert does, in one word: its foremost transition, or its kind."""
    return (alert.transitions[0] if alert.transitions else alert.kind).replace("_", " ")


def size(magnitude: Magnitude, sigma: bool = False) -> str:
    """``M 6.1 ± 0.3``, or that it is not known."""
    if magnitude.kind == "unknown":
        return "M unknown"
    return f"M {magnitude.value:.1f}" + (f" ± {magnitude.sigma:.1f}" if sigma else "")


def _place(o: Origin) -> str:
    ns, ew = ("N" if o.latitude >= 0 else "S"), ("E" if o.longitude >= 0 else "W")
    return f"{abs(o.latitude):.2f}°{ns} {abs(o.longitude):.2f}°{ew}"


def account(alerts: Sequence[Alert], origin_ns: int | None = None) -> list[str]:
    """Lines about all warnings of a run, event by event.

    Parameters
    ----------
    alerts
        as published, in order.
    origin_ns
        true origin time, when it is known; else each event's last estimate counts.
    """
    if not alerts:
        return ["No warning was given."]
    lines: list[str] = []
    events = list(dict.fromkeys((a.event_id, a.policy) for a in alerts))
    for event_id, policy in events:
        mine = [a for a in alerts if (a.event_id, a.policy) == (event_id, policy)]
        lines.extend(_event_lines(mine, origin_ns))
    return lines


def _event_lines(alerts: Sequence[Alert], origin_ns: int | None) -> list[str]:
    first, last = alerts[0], alerts[-1]
    zero = last.origin.time_ns if origin_ns is None else origin_ns
    strongest = max(alerts, key=lambda a: a.max_intensity)
    largest = max(strongest.targets, key=lambda t: t.intensity, default=None)
    kinds = {a.kind for a in alerts}
    end = " and was cancelled" if "cancel" in kinds else " and was closed" if "final" in kinds else ""
    lines = [
        f"Event {last.event_id} for {last.policy} ({last.status}), origin {iso(last.origin.time_ns, 1)} UTC:",
        f"  first warning at {since(zero, first.t_seen_ns)}: "
        f"{size(first.magnitude)} at {_place(first.origin)}",
        f"  {len(alerts)} revisions until {since(zero, last.t_seen_ns)}{end}: "
        f"{size(last.magnitude, sigma=True)} at {_place(last.origin)}, "
        f"depth {last.origin.depth_km:.0f} km",
    ]
    if largest is not None:
        lines.append(
            f"  largest forecast: intensity {largest.intensity:.1f} at {largest.name} "
            f"({last.intensity_scale})"
        )
    lines.extend(_target_lines(alerts))
    return lines


def _place_of(target: TargetForecast) -> tuple[str, float, float]:
    """What tells a target from others: names may repeat, a name at a place may not."""
    return target.name, target.latitude, target.longitude


def _target_lines(alerts: Sequence[Alert]) -> list[str]:
    """Per target: forecast intensity, and seconds between the first alert that concerned it and S."""
    last = {_place_of(t): t for t in alerts[-1].targets}
    lead: dict[tuple[str, float, float], float] = {}
    for alert in alerts:
        for t in alert.targets:
            key = _place_of(t)
            if t.intensity >= FELT and key not in lead:
                lead[key] = (last.get(key, t).s_arrival_ns - alert.t_seen_ns) / NS
    rows = sorted((t for k, t in last.items() if k in lead), key=lambda t: (t.s_arrival_ns, t.name))
    if not rows:
        return ["  no target is forecast to feel it"]
    lines = ["  target                  distance  intensity  lead time"]
    for t in rows[:MAX_TARGETS]:
        seconds = lead[_place_of(t)]
        said = f"{seconds:6.1f} s" if seconds > 0 else "  none (S came first)"
        lines.append(f"  {t.name:<22} {t.distance_km:6.0f} km  {t.intensity:9.1f}  {said}")
    if len(rows) > MAX_TARGETS:
        lines.append(f"  ... and {len(rows) - MAX_TARGETS} more")
    return lines
