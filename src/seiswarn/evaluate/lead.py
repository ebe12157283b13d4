"""Lead times: from the first alert to the strong shaking at each station."""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from typing import Any

from seiswarn.evaluate.catalogue import Quake
from seiswarn.evaluate.heard import Reached, Shaking
from seiswarn.messages import Pick
from seiswarn.timebase import from_seconds, seconds

S_TOLERANCE_S, S_TOLERANCE_SHARE = 3.0, 0.05  # an S pick so near the predicted time is S of this earthquake
STRONG_WITHIN_S = 300.0  # after S; what is strong later is another earthquake


def lead_times(
    first_alert_ns: int | None,
    quake: Quake,
    reached: Sequence[Reached],
    picks: Sequence[Pick],
    shaking: Mapping[str, Shaking],
    threshold: float,
) -> dict[str, dict[str, Any]]:
    """For each station that was recording: when S and strong shaking came, and how long before the alert was.

    `s_s`: S after the origin, picked where a pick is near the time of iasp91 (`s_from`); `strong_s`:
    end of the first second whose real-time intensity reaches `threshold`, None when none did.
    `lead_s_s` and `lead_strong_s` count from the first alert; negative: it came too late.
    """
    first_s = None if first_alert_ns is None else seconds(first_alert_ns - quake.time_ns)
    s_picks: dict[str, list[float]] = {}
    for pick in picks:
        if pick.phase == "S":
            s_picks.setdefault(pick.station, []).append(seconds(pick.t_ns - quake.time_ns))
    rows = {}
    for row in reached:
        if not row.at_p:
            continue
        s_s, source = observed_s(row, s_picks.get(row.station, []))
        strong_s = first_crossing_s(shaking.get(row.station), quake, row, threshold)
        rows[row.station] = {
            "distance_km": row.distance_km,
            "s_s": round(s_s, 3),
            "s_from": source,
            "strong_s": strong_s,
            "lead_s_s": None if first_s is None else round(s_s - first_s, 3),
            "lead_strong_s": None if first_s is None or strong_s is None else round(strong_s - first_s, 3),
        }
    return rows


def observed_s(row: Reached, picked_s: Sequence[float]) -> tuple[float, str]:
    """S at a station, seconds after the origin, and where that is from."""
    near = [s for s in picked_s if abs(s - row.s_s) <= S_TOLERANCE_S + S_TOLERANCE_SHARE * row.s_s]
    if near:
        return min(near, key=lambda s: abs(s - row.s_s)), "pick"
    return row.s_s, "iasp91"


def first_crossing_s(shaking: Shaking | None, quake: Quake, row: Reached, threshold: float) -> float | None:
    """End of the first second between P and the coda that reaches `threshold`, after the origin."""
    if shaking is None:
        return None
    first = bisect.bisect_left(shaking.t_ns, quake.time_ns + from_seconds(row.p_s))
    last_ns = quake.time_ns + from_seconds(row.s_s + STRONG_WITHIN_S)
    for t_ns, intensity in zip(shaking.t_ns[first:], shaking.intensity_gbt[first:], strict=True):
        if t_ns > last_ns:
            break
        if intensity >= threshold:
            return round(seconds(t_ns - quake.time_ns), 3)
    return None
