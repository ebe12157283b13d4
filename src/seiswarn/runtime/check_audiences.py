"""Whether the audiences of a configuration can be warned by this network, each told with where it stands."""

from __future__ import annotations

from pathlib import Path

from seiswarn.alerts.params import Params
from seiswarn.alerts.policies.base import edge_km
from seiswarn.config import Config
from seiswarn.config_lines import key_lines
from seiswarn.geo import inside
from seiswarn.runtime.finding import Finding
from seiswarn.stations import StationTable

FAR_KM = 300.0  # beyond, earthquakes are not located well enough to be warned of from here


def audience_findings(path: Path, config: Config, table: StationTable) -> list[Finding]:
    """One finding per audience: sound, without region (a warning), or never to fire on this network.

    `path` is the file of the configuration.
    """
    lines = key_lines(path.read_bytes().decode("utf-8-sig"))
    findings = []
    for k, p in enumerate(config.audiences):
        where = f"{path.name}:{lines.line(('audience', k) if config.audience else ('alerts',))}"
        failures = _impossible(p, table)
        findings += [Finding("audiences", False, f"{p.name} ({where}) {text}") for text in failures]
        if not failures:
            findings.append(_sound(p, where, named=bool(config.audience)))
    return findings


def _sound(p: Params, where: str, *, named: bool) -> Finding:
    """What an audience that can be warned is warned of; a doubt when nobody said where."""
    if named and not _has_region(p):
        text = (
            f"{p.name} ({where}) has no region: it hears of earthquakes anywhere;"
            " give it a region, or say everywhere = true"
        )
        return Finding("audiences", True, text, warning=True)
    return Finding("audiences", True, f"{p.name}: {_rule(p)}")


def _has_region(p: Params) -> bool:
    if p.rules:
        return p.everywhere or all(rule.region or rule.within_km for rule in p.rules)
    # Whose targets alone count has their places for a region.
    return bool(p.region) or p.everywhere or not p.at_epicentre


def _rule(p: Params) -> str:
    """The rule of an audience in half a sentence."""
    if p.rules:
        return "warned by " + ", or ".join(rule.name or f"rule {k}" for k, rule in enumerate(p.rules, 1))
    what = f"PGA {p.min_pga_gal:g} cm/s2" if p.measure == "pga" else f"intensity {p.min_intensity:g}"
    size = f" and M {p.min_magnitude:g}" if p.min_magnitude > -2 else ""
    return f"warned from {what}{size} on"


def _impossible(p: Params, table: StationTable) -> list[str]:
    """Why an audience can never be warned by this network."""
    sites = len(set(table.st_site.tolist()))
    found = []
    if p.min_stations > sites:
        found.append(f"can never be warned: it asks for {p.min_stations} stations, the network has {sites}")
    regions = [rule.region for rule in p.rules] if p.rules else [p.region]
    if sites and all(region and _away_km(region, table) > FAR_KM for region in regions):
        km = min(_away_km(region, table) for region in regions)
        found.append(f"can never be warned: its region is {km:.0f} km from the nearest station")
    return found


def _away_km(region: tuple[tuple[float, float], ...], table: StationTable) -> float:
    """Distance in km from a polygon to the nearest station; 0 when one is inside."""
    places = list(zip(table.st_latitude.tolist(), table.st_longitude.tolist(), strict=True))
    if any(inside(region, *place) for place in places):
        return 0.0
    return min(edge_km(region, *place) for place in places)
