"""The [[audience]] tables: presets filled in, and what contradicts itself or can never fire."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Any

from msgspec import Meta

from seiswarn.alerts.params import COLOURS
from seiswarn.alerts.params import Params as AlertsParams
from seiswarn.alerts.presets import PRESETS
from seiswarn.config_check import Findings, closest
from seiswarn.config_lines import Path

LARGEST = 9.6  # of any earthquake recorded (Chile 1960: 9.5)
LIGHT_S = 1.0  # nothing is recorded, sent, picked and located sooner


class Audience(AlertsParams, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody to warn, by rules of his own; any number of these. Without any, [alerts] is the only one."""

    preset: Annotated[
        str,
        Meta(description="values to start from: " + ", ".join(PRESETS) + "; empty: the defaults"),
    ] = ""


def with_presets(raw: dict[str, Any], findings: Findings) -> dict[str, Any]:
    """The same with the values of its preset before those of each [[audience]]; unknown ones are noted."""
    tables = raw.get("audience")
    if not isinstance(tables, list):
        return raw
    filled = []
    for k, table in enumerate(tables):
        name = table.get("preset") if isinstance(table, dict) else None
        if isinstance(name, str) and name and name not in PRESETS:
            findings.add(
                ("audience", k, "preset"), f"there is no preset {name!r}", closest(name, list(PRESETS))
            )
        preset = _plain(PRESETS.get(name, {})) if isinstance(name, str) else {}
        filled.append({**preset, **table} if isinstance(table, dict) else table)
    return {**raw, "audience": filled}


def check_audiences(
    audiences: Sequence[tuple[Path, AlertsParams]],
    kinds: Collection[str],
    lines: Collection[str],
    findings: Findings,
) -> None:
    """Everything about audiences that no single value can tell.

    Parameters
    ----------
    audiences
        each with the path of its table.
    kinds, lines
        of all targets of this configuration.
    """
    names: list[str] = []
    for path, p in audiences:
        if p.name in names:
            findings.add((*path, "name"), f"a second audience called {p.name}", "give it a name of its own")
        names.append(p.name)
        _check_region(path, p, findings)
        _check_levels(path, p, findings)
        _check_rules(path, p, findings)
        _check_reach(path, p, kinds, lines, findings)
        if p.max_age_s < LIGHT_S:
            text = f"can never fire: an event is not known before it is {p.max_age_s:g} s old"
            findings.add((*path, "max_age_s"), text, "allow for the waves and the network: 60 or more")


def _check_region(path: Path, p: AlertsParams, findings: Findings) -> None:
    regions = [((*path, "region"), p.region)]
    regions += [((*path, "rules", k, "region"), rule.region) for k, rule in enumerate(p.rules)]
    for where, region in regions:
        if 0 < len(region) < 3:
            findings.add(where, f"a polygon needs at least 3 corners, not {len(region)}")
        for latitude, longitude in region:
            if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
                text = f"[{latitude:g}, {longitude:g}] is no [latitude, longitude] in degrees"
                findings.add(where, text)
    if p.everywhere and p.region:
        text = "contradicts everywhere = true"
        findings.add((*path, "region"), text, "keep one of both")


def _check_levels(path: Path, p: AlertsParams, findings: Findings) -> None:
    for k, (lower, upper) in enumerate(zip(p.levels, p.levels[1:], strict=False), 1):
        if upper.at_least <= lower.at_least:
            text = f"begins at {upper.at_least:g}, not above {lower.name} ({lower.at_least:g})"
            findings.add((*path, "levels", k), text, "write levels from the lowest to the highest")
    if p.measure == "pga" and p.levels == COLOURS:
        text = 'are colours by intensity, but measure is "pga"'
        findings.add((*path, "levels"), text, "set levels in cm/s2, as the preset railway has them")
        return
    named = [level.name for level in p.levels]
    for k, name in enumerate(named):
        if name in named[:k]:
            findings.add((*path, "levels", k, "name"), f"a second level called {name}")
    highest = p.min_pga_gal if p.measure == "pga" else p.min_intensity
    if p.levels and not p.rules and highest >= p.levels[-1].at_least and len(p.levels) > 1:
        text = (
            f"the threshold {highest:g} is not below the highest level, {p.levels[-1].name}"
            f" ({p.levels[-1].at_least:g}): the others can never be reached"
        )
        findings.add((*path, "levels"), text, "lower the threshold, or leave the lower levels out")
    if (
        p.measure == "intensity"
        and p.levels
        and p.levels[0].at_least > 12
        and not any(r.level for r in p.rules)
    ):
        text = f"levels from {p.levels[0].at_least:g} on can never be reached: intensities end at 12"
        findings.add((*path, "levels"), text, 'levels in gal need measure = "pga"')


def _check_rules(path: Path, p: AlertsParams, findings: Findings) -> None:
    named = [level.name for level in p.levels]
    for k, rule in enumerate(p.rules):
        where = (*path, "rules", k)
        if rule.level and rule.level not in named:
            findings.add((*where, "level"), f"there is no level {rule.level!r}", closest(rule.level, named))
        if rule.min_magnitude > LARGEST:
            text = f"can never fire: no earthquake reaches M {rule.min_magnitude:g}"
            findings.add((*where, "min_magnitude"), text)
        if rule.min_intensity > 0 and p.measure == "pga":
            text = 'compares an intensity, but measure is "pga"'
            findings.add(
                (*where, "min_intensity"), text, "use min_pga_gal without rules, or measure intensity"
            )
        if rule.margin_km > 0 and not rule.region:
            findings.add((*where, "margin_km"), "is a margin around no region", "give the rule a region")
    if p.rules and p.region:
        text = "is not looked at, since the audience has rules of its own"
        findings.add((*path, "region"), text, "give each rule its region")
    if not p.rules and p.min_magnitude > LARGEST:
        findings.add((*path, "min_magnitude"), f"can never fire: no earthquake reaches M {p.min_magnitude:g}")
    if p.measure == "pga" and p.min_intensity != AlertsParams.__struct_defaults__[_place("min_intensity")]:
        text = 'is not looked at: measure is "pga"'
        findings.add((*path, "min_intensity"), text, "set min_pga_gal, in cm/s2")
    if p.measure == "intensity" and p.min_pga_gal > 0:
        text = 'is not looked at: measure is "intensity"'
        findings.add((*path, "min_pga_gal"), text, 'set min_intensity, or measure = "pga"')


def _check_reach(
    path: Path, p: AlertsParams, kinds: Collection[str], lines: Collection[str], findings: Findings
) -> None:
    """Whether there is anybody to warn."""
    without = [kind for kind in p.kinds if kind not in kinds]
    nobody = bool(p.kinds) and len(without) == len(p.kinds)
    for line in p.lines:
        if line not in lines:
            findings.add((*path, "lines"), f"no target is of line {line!r}", closest(line, sorted(lines)))
    if nobody and not p.at_epicentre:
        at_hand = ", ".join(sorted(kinds)) or "none"
        text = f"can never fire: no target is of kind {' or '.join(without)} (at hand: {at_hand})"
        findings.add((*path, "kinds"), text, "add such targets, or set kinds")
    if any(rule.within_km for rule in p.rules) and (nobody or not kinds):
        findings.add((*path, "rules"), "within_km needs targets, and this audience has none")


def _place(name: str) -> int:
    return AlertsParams.__struct_fields__.index(name) - (
        len(AlertsParams.__struct_fields__) - len(AlertsParams.__struct_defaults__)
    )


def _plain(value: Any) -> Any:
    """A preset as it would come out of TOML."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
