"""The rules by which audiences are alerted, as far as a plan speaks of them."""

from __future__ import annotations

from collections.abc import Sequence

from seiswarn.alerts.params import Params as Audience
from seiswarn.errors import UsageError
from seiswarn.pipeline import Params


def audiences(params: Params, name: str) -> tuple[Audience, ...]:
    """The audience called `name`, or all when that is empty. Raises UsageError when there is none such."""
    chosen = tuple(one for one in params.audiences if name in ("", one.name))
    if not chosen:
        raise UsageError(f"--policy {name}: there are only {', '.join(one.name for one in params.audiences)}")
    return chosen


def insist_on_chance(chosen: Sequence[Audience], magnitude: float) -> None:
    """Raise UsageError when all rules are for larger earthquakes: a map would show chance alone."""
    least = min(rule.min_magnitude for one in chosen for rule in one.rules or (one,))
    if magnitude < least:
        names = ", ".join(one.name for one in chosen)
        raise UsageError(
            f"an M {magnitude:g} is never to be alerted of: min_magnitude of {names} is {least:g};"
            " plan for a larger one with --magnitude"
        )


def said(chosen: Sequence[Audience]) -> str:
    """Who is alerted, from when on."""
    if len(chosen) > 1:
        return f"any of {', '.join(one.name for one in chosen)}"
    one = chosen[0]
    parts = [f"{one.min_stations} stations or more"]
    if one.rules:
        parts.insert(0, f"any of {len(one.rules)} rules")
    elif one.measure == "pga":
        parts[:0] = [f"M {one.min_magnitude:g} or more", f"PGA {one.min_pga_gal:g} gal or more"]
    else:
        parts[:0] = [f"M {one.min_magnitude:g} or more", f"intensity {one.min_intensity:g} or more"]
    if one.region:
        parts.append("inside its region")
    if one.kinds:
        parts.append(f"targets of kind {', '.join(one.kinds)}")
    return f"“{one.name}” ({', '.join(parts)})"
