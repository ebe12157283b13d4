"""Listening at a terminal: warnings as lines of text or JSON, losses and silence among them."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from seiswarn.bus import Security
from seiswarn.client.subscriber import Item, Loss, Received, Subscriber
from seiswarn.messages import Status
from seiswarn.publish.formats.public import PublicTarget, PublicWarning
from seiswarn.timebase import NS, parse_iso

NEAREST = 5  # targets named in a line of text
FELT = 3.0  # intensity from which a target is named
TURN_S = 0.5
SILENCE_S = 5.0


def listen(
    endpoint: str,
    say: Callable[[str], None],
    *,
    now_s: Callable[[], float],
    as_json: bool = False,
    count: int | None = None,
    timeout_s: float | None = None,
    status: Status | None = None,
    security: Security | None = None,
) -> int:
    """Give each warning to `say` as a line, until `count` came or `timeout_s` is over.

    Parameters
    ----------
    now_s
        a clock in seconds that never goes back.
    as_json
        lines of JSON: warnings as published; losses and silence as ``{"loss": ...}`` and
        ``{"silence": ...}``.
    status
        listen to one status alone; None shows all, each with its banner.

    Returns
    -------
    int
        How many warnings came.

    Raises
    ------
    BusError
        The endpoint or the keys cannot be used.
    """
    heard = 0
    quiet_since_s = began_s = now_s()
    told = False
    with Subscriber(endpoint, status=status, silence_s=SILENCE_S, security=security) as subscriber:
        while timeout_s is None or now_s() - began_s < timeout_s:
            left_s = TURN_S if timeout_s is None else min(TURN_S, timeout_s - (now_s() - began_s))
            before = subscriber.heard
            for item in subscriber.poll(max(0.0, left_s)):
                say(_json(item) if as_json else _text(item))
                heard += isinstance(item, Received)
                if count is not None and heard >= count:
                    return heard
            if subscriber.heard != before:
                quiet_since_s, told = now_s(), False
            elif not told and now_s() - quiet_since_s >= SILENCE_S:
                told = True
                say(_silence(as_json, SILENCE_S))
    return heard


def warning_line(warning: PublicWarning) -> str:
    """One line about a warning: banner, event, audience, T+, size, place, the nearest targets."""
    since_s = (parse_iso(warning.t_seen) - parse_iso(warning.origin.time)) / NS
    o, m = warning.origin, warning.magnitude
    banner = "" if warning.status == "actual" else f"[{warning.status.upper()}] "
    sigma = "" if m.sigma is None else f" ± {m.sigma:.1f}"
    size = "M unknown" if m.kind == "unknown" else f"M {m.value:.1f}{sigma}"
    what = (warning.transitions[0] if warning.transitions else warning.kind).replace("_", " ")
    head = (
        f"{banner}{warning.event_id} #{warning.revision} {what:<6} for {warning.policy}  T{since_s:+.1f} s  "
        f"{size}  {_degrees(o.latitude, 'N', 'S')} {_degrees(o.longitude, 'E', 'W')}  "
        f"depth {o.depth_km:.0f} km  intensity up to {max(warning.max_intensity, 0.0):.1f}"
    ) + (f"  level {warning.level}" if warning.level else "")
    felt = sorted((t for t in warning.targets if t.intensity >= FELT), key=lambda t: t.distance_km)
    return " | ".join([head, *(_target(target) for target in felt[:NEAREST])])


def _target(target: PublicTarget) -> str:
    left = f"in {target.seconds_left:.0f} s" if target.seconds_left > 0 else "S has come"
    return f"{target.name} {target.intensity:.1f} {left}"


def _degrees(value: float, positive: str, negative: str) -> str:
    return f"{abs(value):.2f}°{positive if value >= 0 else negative}"


def _text(item: Item) -> str:
    if isinstance(item, Received):
        return warning_line(item.warning)
    if isinstance(item, Loss):
        what = f"{item.count} messages" if item.count > 0 else "a message that cannot be read"
        return f"LOST: {what} of {item.stream or 'an unknown stream'}" + (
            f": {item.detail}" if item.detail else ""
        )
    return _silence(False, item.seconds)


def _json(item: Item) -> str:
    if isinstance(item, Received):
        return msgspec.json.encode(item.warning).decode()
    if isinstance(item, Loss):
        return msgspec.json.encode({"loss": item}).decode()
    return _silence(True, item.seconds)


def _silence(as_json: bool, seconds: float) -> str:
    if as_json:
        return msgspec.json.encode({"silence": {"seconds": seconds}}).decode()
    return f"SILENCE: no sign of life for {seconds:g} s"
